// Guards what an operator sees of effects and of what caused them: `inn effects` and `inn journal`.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { hostProcess, temporary } from '../support/host.ts'
import { type Ran, runInn } from '../support/inn.ts'
import { scripted, values } from '../support/scripted.ts'

const data = temporary()
const work = temporary()
const file = join(work.path, 'scripted.wasm')
writeFileSync(file, await scripted())
const host = await hostProcess(data.path, [file, '--value-history', 'on'])

function inn(...args: readonly string[]): Promise<Ran> {
  return runInn(work.path, args, { INNKEEPER_ADMIN: host.admin })
}

async function fine(...args: readonly string[]): Promise<string> {
  const { code, out, err } = await inn(...args)
  assert.is(code, 0, err)
  return out
}

const refusing = "return { outcome: refuse('invalid_argument', 'no') }"
/** A value that changes, and an effect on `to` that carries `code`. */
const sending = (to: string, code: string) =>
  `return { change: { updated: 'x' }, outcome: say('', { effects: [effect('Values', 'Do', '${to}', ${JSON.stringify(code)})] }) }`

/** The first effect of the list, once it is parked. */
async function parked(): Promise<Record<string, unknown>> {
  for (;;) {
    const { effects } = JSON.parse(await fine('effects', 'Values', '--json')) as {
      effects: { parked: string | null }[]
    }
    if (effects[0]?.parked) return effects[0] as unknown as Record<string, unknown>
  }
}

const Effects = suite('inn effects')

Effects('effects.F1, effects.F2: an effect is shown with what it carries, and the request that sent it', async () => {
  const code = sending('b', refusing)
  await fine('call', 'Values/Do', JSON.stringify({ id: 'a', code }), '-H', 'idempotency-key: k1')
  const { id, ...effect } = await parked()
  assert.equal(
    { ...effect, parked: null },
    {
      cause: { service: values, entity: 'a', revision: 1, method: 'Do', request: { id: 'a', code, element: '' } },
      to: `${values}/Do`,
      payload: { id: 'b', code: refusing, element: '' },
      synchronous: false,
      attempts: effect['attempts'],
      parked: null,
    },
  )
  const [head, carries, sent] = (await fine('effects')).trimEnd().split('\n')
  assert.match(head!, new RegExp(`^${id} +${values}/Do +from ${values} a +parked: `))
  assert.is(carries, `    carries ${JSON.stringify({ id: 'b', code: refusing, element: '' })}`)
  assert.is(sent, `    sent by Do ${JSON.stringify({ id: 'a', code, element: '' })}`)
  await fine('effects', '--drop', String(id))
})

Effects('the journal shows what the caller of a record sent, and the effect that brought it', async () => {
  const takes = "return { change: { updated: 'y' }, outcome: say('') }"
  const code = sending('told', takes)
  const sent = ['-H', 'x-user: ann', '-H', 'idempotency-key: hush']
  await fine('call', 'Values/Do', JSON.stringify({ id: 'teller', code }), ...sent)
  const caller = await fine('journal', 'Values', 'teller')
  assert.match(caller, /^ +1 .*\n +from .*x-user: ann.*, an idempotency key\n/)
  assert.not.match(caller, /hush/)
  let told = ''
  do ({ out: told } = await inn('journal', 'Values', 'told', '--json'))
  while (told === '')
  assert.equal(JSON.parse(told).cause, { service: values, entity: 'teller', revision: 1 })
  const brought = await fine('journal', 'Values', 'told')
  assert.match(brought, new RegExp(`^ +1 .*\\n +from an effect of ${values} teller, its record 1`))
})

Effects('effects.F1: of a large request the size is told, not the bytes', async () => {
  const large = `${refusing} // ${'x'.repeat(5_000)}`
  await fine('call', 'Values/Do', JSON.stringify({ id: 'large', code: sending('b', large) }))
  const { id, payload, cause } = (await parked()) as { id: number; payload: unknown; cause: { request: unknown } }
  assert.ok(Number((payload as { bytes: number }).bytes) > 5_000)
  assert.ok(Number((cause.request as { bytes: number }).bytes) > 5_000)
  await fine('effects', '--drop', String(id))
})

Effects.after(async () => {
  await host.kill()
  data.remove()
  work.remove()
})

Effects.run()

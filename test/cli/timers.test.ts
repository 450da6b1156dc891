// Guards what an operator sees and does of effects that are due later, and of deferred replies: `inn timers`, `inn tickets`.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { hostProcess, http, temporary } from '../support/host.ts'
import { runInn } from '../support/inn.ts'
import { scripted, values } from '../support/scripted.ts'

const data = temporary()
const work = temporary()
const file = join(work.path, 'scripted.wasm')
writeFileSync(file, await scripted())
const host = await hostProcess(data.path, [file])
const inn = (...args: readonly string[]) => runInn(work.path, args, { INNKEEPER_ADMIN: host.admin })

async function fine(...args: readonly string[]): Promise<string> {
  const { code, out, err } = await inn(...args)
  assert.is(code, 0, err)
  return out
}

const call = (id: string, code: string) => fine('call', 'Values/Do', JSON.stringify({ id, code }))
const note = "return { change: { updated: (value ?? '') + 'x' }, outcome: say(value ?? '') }"
const sets = (id: string, more: string) =>
  `return { outcome: say('', { effects: [effect('Values', 'Do', '${id}', ${JSON.stringify(note)}, { ${more} })] }) }`

const Timers = suite('inn timers')

Timers('§timer-9, admin/timers.T1: what is due later is listed by entity, made due, and dropped', async () => {
  assert.is(await fine('timers', 'Values'), `${values} has nothing that is due later.\n`)
  await call('a', sets('a', "after: 3600000, name: 'first'"))
  await call('a', sets('b', 'after: 7200000'))
  await call('c', sets('c', "after: 3600000, name: 'other'"))
  const all = (await fine('timers', 'Values')).trimEnd().split('\n')
  assert.is(all.length, 3)
  const own = (await fine('timers', 'Values', 'c')).trimEnd().split('\n')
  assert.is(own.length, 1)
  assert.match(own[0]!, /^\d+-\d+ +c +\S+Z +other +test\.script\.v1\.Values\/Do$/)
  const { timers } = JSON.parse(await fine('timers', 'Values', '--json')) as {
    timers: { timer: string; entity: string; name?: string; due: string; payload: { id: string } }[]
  }
  const first = timers.find(({ name }) => name === 'first')!
  assert.equal([first.entity, first.payload.id], ['a', 'a'])
  assert.ok(Date.parse(first.due) > Date.now())
  assert.match(
    await fine('timers', '--fire', first.timer),
    /^The call of test\.script\.v1\.Values\/Do is due now, as effect \d+\.$/m,
  )
  for (let said = ''; !said.includes('x'); ) said = await call('a', "return { outcome: say(value ?? '') }")
  const again = await inn('timers', '--fire', first.timer)
  assert.is(again.code, 1)
  assert.match(again.err, /no timer .* is pending; it may have fired\. `inn timers SERVICE` lists them/)
  const other = timers.find(({ name }) => name === 'other')!
  assert.match(await fine('timers', '--drop', other.timer), /was dropped/)
  assert.is((await fine('timers', 'Values')).trimEnd().split('\n').length, 1)
  const [left] = (JSON.parse(await fine('timers', 'Values', '--json')) as { timers: { timer: string }[] }).timers
  await fine('timers', '--drop', left!.timer)
})

Timers('it pages, and says what is wrong with what it is given', async () => {
  for (let at = 0; at < 5; at++) await call(`p${at}`, sets('p', 'after: 3600000'))
  const seen: string[] = []
  for (let after: string | null = ''; after !== null; ) {
    const path = `/v1/services/${values}/timers?limit=2${after === '' ? '' : `&after=${after}`}`
    const { status, json } = await http(host.admin, 'GET', path)
    assert.is(status, 200)
    seen.push(...json.timers.map(({ entity }: { entity: string }) => entity))
    after = json.next as string | null
  }
  assert.equal(seen.filter((id) => id.startsWith('p')).sort(), ['p0', 'p1', 'p2', 'p3', 'p4'])
  for (const [args, said] of [
    [['timers'], /give the SERVICE whose timers are wanted/],
    [['timers', 'Nothing'], /no service Nothing is deployed/],
    [['timers', '--fire', '1-1', '--drop', '1-1'], /either --fire or --drop/],
    [['timers', '--fire', 'nonsense'], /no timer nonsense is pending/],
  ] as const) {
    const { code, err } = await inn(...args)
    assert.not.equal(code, 0)
    assert.match(err, said)
  }
})

Timers('§ticket-8: open tickets are listed with who waits', async () => {
  assert.is(await fine('tickets', 'Values'), `${values} has answered all callers.\n`)
  const code = "return { change: { updated: 'asked' }, outcome: later('order 7') }"
  const waiting = http(host.listen, 'POST', '/values/d', { code }, { 'idempotency-key': 'k' })
  let shown = ''
  while (!shown.includes('order 7')) shown = await fine('tickets', 'Values')
  assert.match(shown, /^order 7 +d +Do +until \S+Z +1 caller connected, 1 key, 0 asks$/m)
  await call('d', "return { outcome: say('', { resolves: [told('order 7', 'Do', 'here')] }) }")
  assert.is((await waiting).json.text, 'here')
  assert.is(await fine('tickets', 'Values'), `${values} has answered all callers.\n`)
})

Timers.after(async () => {
  await host.kill()
  data.remove()
  work.remove()
})

Timers.run()

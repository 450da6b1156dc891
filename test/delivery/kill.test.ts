// Guards timers, asks and deferred replies on a real host: killed twenty times under load; and a directory that was copied.

import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as moment } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { hostProcess, http, temporary } from '../support/host.ts'
import { eventually } from '../support/ingress.ts'
import { runInn } from '../support/inn.ts'
import { hearing, scripted } from '../support/scripted.ts'

const Killed = suite('a host that is killed, and what comes later')

const add = (what: string) =>
  `return { change: { updated: JSON.stringify([...JSON.parse(value ?? '[]'), ${what}]) }, outcome: say(${what}) }`
const read = "return { outcome: say(value ?? '[]') }"

Killed(
  '§timer-3, §ask-5, pending.N1, tickets.I1: over 20 kills each timer fires once, each ask is answered once, each key has its answer',
  async () => {
    const data = temporary()
    const file = join(data.path, 'scripted.wasm')
    writeFileSync(file, await scripted(undefined, hearing()))
    let host = await hostProcess(join(data.path, 'data'), [file])
    const call = async (id: string, code: string, key = '') =>
      await http(host.listen, 'POST', `/values/${id}`, { code }, key === '' ? {} : { 'idempotency-key': key })
    const list = async (id: string) => JSON.parse((await call(id, read)).json.text as string) as string[]
    /** What was sent under each key. */
    const codes = new Map<string, string>()
    let random = Number(process.env['SEED'] ?? 4)
    const chance = (below: number) => {
      random = (random * 1_103_515_245 + 12_345) % 2 ** 31
      return random % below
    }
    try {
      for (let kill = 0; kill < 20; kill++) {
        const sent = Array.from({ length: 12 }, (_, at) => {
          const key = `k${kill}-${at}`
          const noted = JSON.stringify(add(`'${key}'`))
          const resolves = `return { outcome: say('', { resolves: [told('${key}', 'Do', 'answer ${key}')] }) }`
          const defer = `const t = '${key}';
            return { change: { updated: JSON.stringify([...JSON.parse(value ?? '[]'), t]) }, outcome: later(t, undefined, { effects: [
              effect('Values', 'Do', 'timers', ${noted}, { after: ${chance(1_500)}, name: t }),
              ask('Values', 'Do', 'target', ${noted}, ${JSON.stringify(add('reply'))}, { after: ${chance(400)} }),
              effect('Values', 'Do', 'asker', ${JSON.stringify(resolves)}, { after: ${chance(900)} }) ] }) }`
          codes.set(key, defer)
          return call('asker', defer, key).catch(() => {})
        })
        await moment(chance(700))
        await host.kill()
        await Promise.all(sent)
        host = await hostProcess(join(data.path, 'data'))
      }
      const heard = await list('asker')
      const taken = [...codes.keys()].filter((key) => heard.includes(key))
      assert.ok(taken.length > 20, `${taken.length}`)
      await eventually(
        async () => (await list('timers')).length >= taken.length && (await list('target')).length >= taken.length,
      )
      await moment(2_500)
      assert.equal((await list('timers')).sort(), [...taken].sort())
      assert.equal((await list('target')).sort(), [...taken].sort())
      // The asker noted each key when it deferred, and again when it heard the answer.
      assert.equal((await list('asker')).sort(), [...taken, ...taken].sort())
      for (const key of taken) assert.is((await call('asker', codes.get(key)!, key)).json.text, `answer ${key}`)
      const { effects } = (await http(host.admin, 'GET', '/v1/effects')).json
      assert.equal(effects, [])
    } finally {
      await host.kill()
      data.remove()
    }
  },
)

Killed('incarnation.N4, wall.W3: a directory that was copied fires nothing until it is resumed', async () => {
  const data = temporary()
  const file = join(data.path, 'scripted.wasm')
  writeFileSync(file, await scripted())
  const first = await hostProcess(join(data.path, 'data'), [file])
  const timer = `return { outcome: say('', { effects: [effect('Values', 'Do', 'a', ${JSON.stringify(add("'fired'"))}, { after: 300 })] }) }`
  await http(first.listen, 'POST', '/values/a', { code: timer })
  await first.kill()
  cpSync(join(data.path, 'data'), join(data.path, 'copy'), { recursive: true })
  let host = await hostProcess(join(data.path, 'copy'))
  const held = async () => (await http(host.listen, 'POST', '/values/a', { code: read })).json.text as string
  try {
    await moment(1_000)
    assert.match(
      host.output(),
      /what is due later, schedules, and what goes to connectors wait until `inn effects resume`/,
    )
    assert.is(await held(), '[]')
    assert.match((await http(host.admin, 'GET', '/readyz')).text, /copied or restored: timers, schedules and what goes/)
    await host.kill()
    host = await hostProcess(join(data.path, 'copy'))
    await moment(600)
    assert.is(await held(), '[]')
    assert.match((await runInn(data.path, ['clock', '--admin', host.admin])).out, /waits until `inn effects resume`/)
    assert.match((await runInn(data.path, ['effects', 'resume', '--admin', host.admin])).out, /run from now on/)
    await eventually(async () => (await held()) === '["fired"]')
    assert.match((await runInn(data.path, ['effects', 'resume', '--admin', host.admin])).out, /Nothing was held/)
  } finally {
    await host.kill()
    data.remove()
  }
})

Killed.run()

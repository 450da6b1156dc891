// Guards the neighbours of a service that takes all it can: a host in a process of its own, where every model of service holds the loop in each
// way that it can, and a counter beside it asks 300 times. What is counted is turns: one line for all gave the attacker 64 for each of the
// counter's.

import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { component } from '../support/components.ts'
import { type HostProcess, hostProcess, http, temporary } from '../support/host.ts'
import { runInn } from '../support/inn.ts'
import { actions, type Listening, replicas, ScriptClient, scripted, values } from '../support/scripted.ts'

const data = temporary()
const file = join(data.path, 'scripted.wasm')
writeFileSync(file, await scripted())
const counter = 'examples.counter.v1.Counter'
const counterFile = (await component('counter/assemblyscript')).file
const keys = Array.from({ length: 64 }, (_, key) => `h${key}`)
const calls = 300
const forEver = 'for (;;) {}'

interface Attacked {
  readonly host: HostProcess
  readonly client: ScriptClient
  /** It has ended, and nobody asks again. */
  over: boolean
}

/** Of one service; 0 where it was not counted yet. */
async function metric(host: HostProcess, name: string, service: string): Promise<number> {
  const { text } = await http(host.admin, 'GET', '/metrics')
  return Number(new RegExp(`^innkeeper_${name}\\{service="${service}"\\} (.*)$`, 'm').exec(text)?.[1] ?? 0)
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 6_000; tries++) {
    if (await isSo()) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  assert.unreachable(`never: ${what}`)
}

const Fair = suite('neighbours of a service that takes all it can')

/** Says PASS or FAIL with the counts. */
function attack(
  what: string,
  service: string,
  begin: (attacked: Attacked) => Promise<void> | void,
  more: (host: HostProcess) => Promise<void> = async () => {},
): void {
  Fair(what, async () => {
    const folder = temporary()
    const host = await hostProcess(folder.path, ['--log-level', 'silent', '--stop-wait-ms', '0', file, counterFile])
    const attacked: Attacked = { host, client: new ScriptClient(host.listen), over: false }
    try {
      await begin(attacked)
      await until(`${service} is throttled`, async () => (await metric(host, 'service_throttled', service)) === 1)
      const before = await metric(host, 'function_seconds_count', service)
      const faultsBefore = await metric(host, 'guest_faults_total', service)
      let answered = 0
      for (let at = 0; at < calls; at++) {
        const { status } = await http(host.listen, 'POST', `/counter/c${at % 10}/add`, { amount: 1 })
        if (status === 200) answered += 1
      }
      const turns =
        (await metric(host, 'guest_faults_total', service)) -
        faultsBefore +
        ((await metric(host, 'function_seconds_count', service)) - before)
      const right = answered === calls && turns <= calls / 3
      console.log(
        `${right ? 'PASS' : 'FAIL'} ${what}: ${answered} of ${calls} calls answered, ${turns} turns of ${service}`,
      )
      assert.is(answered, calls)
      assert.ok(turns <= calls / 3, `${turns} turns of the attacker beside ${calls} of its neighbour`)
      await more(host)
    } finally {
      attacked.over = true
      attacked.client.close()
      await host.kill()
      folder.remove()
    }
  })
}

/** The operator hears which service it is. */
async function told(host: HostProcess, service: string): Promise<void> {
  const { out } = await runInn(data.path, ['services', '--admin', host.admin])
  assert.match(
    out,
    new RegExp(`^warning: ${service}: three turns of it in 10 s worked for more than 20 ms, or failed`, 'm'),
  )
  assert.not.match(out, `warning: ${counter}`)
  assert.is(await metric(host, 'service_throttled', counter), 0)
}

/** Each key asks again as soon as it was answered. */
function again(attacked: Attacked, service: string, code: string): void {
  for (const key of keys)
    void (async () => {
      while (!attacked.over) await attacked.client.call(service, 'Do', key, code)
    })()
}

for (const service of [values, replicas, actions])
  attack(
    `commands of ${service} that use up their fuel`,
    service,
    (attacked) => again(attacked, service, forEver),
    (host) => told(host, service),
  )

attack('functions that fail at once', values, (attacked) => again(attacked, values, 'throw new Error()'))

attack('streams of an action whose steps use up their fuel', actions, (attacked) => {
  const open = (): void => {
    if (attacked.over) return
    const stream: Listening = attacked.client.listen(actions, 'Out', '', forEver)
    void stream.ended().then(open, () => {})
  }
  for (const _ of keys) open()
})

attack('streams that are told of a change, and use up their fuel', replicas, async (attacked) => {
  const note = JSON.stringify({ changed: forEver })
  const open = `return { operations: [add(1)], answer: say('open'), subscribe: ${note} }`
  for (const key of keys) await attacked.client.listen(replicas, 'Open', key, open).until(1)
  again(attacked, replicas, "return { operations: [add(1)], answer: say('') }")
  for (const key of keys)
    void (async () => {
      while (!attacked.over) {
        const stream = attacked.client.listen(replicas, 'Open', key, open)
        await stream.ended().catch(() => {})
      }
    })()
})

attack('side effects on commands that use up their fuel', values, async ({ client }) => {
  const effects = keys.map((key) => `effect('Values', 'Do', '${key}', '${forEver}')`).join()
  assert.is((await client.call(actions, 'Do', '', `return say('', { effects: [${effects}] })`)).code, 0)
})

Fair.after(() => {
  rmSync(file)
  data.remove()
})

Fair.run()

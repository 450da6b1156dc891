// Guards values, replicas, their streams and the effects of actions against kill -9: nothing acknowledged is lost, nothing is
// counted twice, and nobody stays in a room whose connection is gone.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as moment } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { component } from '../support/components.ts'
import type { HostProcess } from '../support/host.ts'
import { hostProcess, http, temporary } from '../support/host.ts'
import { actions, replicas, ScriptClient, scripted, values } from '../support/scripted.ts'

const kills = 6
const keys = 5
const workers = 8
/** Acknowledged of each kind when the last kill comes. */
const worked = 60

const Kill = suite('kill -9 under load, for every state model')

/** What was sent and acknowledged, by key. */
class Tally {
  readonly sent = new Map<string, number>()
  readonly acknowledged = new Map<string, number>()

  /** Count one call: it was sent, and if it was answered well, acknowledged. */
  async call(key: string, call: () => Promise<boolean>): Promise<boolean> {
    this.sent.set(key, (this.sent.get(key) ?? 0) + 1)
    const ok = await call()
    if (ok) this.acknowledged.set(key, (this.acknowledged.get(key) ?? 0) + 1)
    return ok
  }

  /** The value lies between the two; from here on it is both. */
  check(key: string, value: number, what: string): void {
    const least = this.acknowledged.get(key) ?? 0
    const most = this.sent.get(key) ?? 0
    assert.ok(value >= least, `${what} ${key} is ${value}, ${least} were acknowledged`)
    assert.ok(value <= most, `${what} ${key} is ${value}, only ${most} were sent`)
    this.sent.set(key, value)
    this.acknowledged.set(key, value)
  }

  get total(): number {
    return [...this.acknowledged.values()].reduce((sum, count) => sum + count, 0)
  }
}

const more = "return { change: { updated: String(Number(value ?? 0) + 1) }, outcome: say('') }"
const increment = "return { operations: [increment(1)], answer: say('') }"
const read = 'return { answer: say(view.value?.counter ?? 0) }'
const caused = `return say('', { effects: [effect('Replicas', 'Do', 'KEY', ${JSON.stringify(increment)}, true)] })`

Kill(
  '§storage-3, §effect-1: loses no acknowledged change of a value or replica, and counts an effect of an action once',
  async () => {
    const data = temporary()
    const file = join(data.path, 'scripted.wasm')
    writeFileSync(file, await scripted())
    const [ofValues, ofReplicas, ofEffects] = [new Tally(), new Tally(), new Tally()]
    let host: HostProcess | undefined
    try {
      host = await hostProcess(join(data.path, 'data'), [file])
      for (let round = 0; round < kills; round++) {
        const client = new ScriptClient(host.listen)
        const load = Array.from({ length: workers }, async (_, worker) => {
          for (let index = worker; ; index++) {
            const key = `k${index % keys}`
            const effect = caused.replace('KEY', `e-${key}`)
            const alive =
              (await ofValues.call(key, async () => (await client.call(values, 'Do', key, more)).code === 0)) &&
              (await ofReplicas.call(
                key,
                async () => (await client.call(replicas, 'Do', key, increment)).code === 0,
              )) &&
              (await ofEffects.call(key, async () => (await client.call(actions, 'Do', '', effect)).code === 0))
            if (!alive) return
          }
        })
        // Killed after so much work, however slow the machine is, and then at no time that the work tells.
        const enough = ((round + 1) * worked) / kills
        while ([ofValues, ofReplicas, ofEffects].some(({ total }) => total < enough)) await moment(5)
        await moment(90 * round)
        await host.kill()
        await Promise.all(load)
        client.close()
        host = await hostProcess(join(data.path, 'data'))
        await settled(host)
        const after = new ScriptClient(host.listen)
        for (let at = 0; at < keys; at++) {
          const key = `k${at}`
          const value = await after.call(values, 'Do', key, 'return { outcome: say(value ?? 0) }')
          ofValues.check(key, Number(value.text), 'value')
          ofReplicas.check(key, Number((await after.call(replicas, 'Do', key, read)).text), 'replica')
          ofEffects.check(key, Number((await after.call(replicas, 'Do', `e-${key}`, read)).text), 'effect on')
        }
        after.close()
      }
      for (const tally of [ofValues, ofReplicas, ofEffects])
        assert.ok(tally.total > 50, 'the test did not load the host')
    } finally {
      await host?.kill()
      data.remove()
    }
  },
)

Kill('§subscription-7: presence survives without ghosts: whoever was connected is gone after the crash', async () => {
  const { file } = await component('presence/typescript')
  const data = temporary()
  let host: HostProcess | undefined
  try {
    host = await hostProcess(data.path, [file])
    for (let round = 0; round < 3; round++) {
      const running = host
      const leaving = new AbortController()
      const users = ['ada', 'bob', 'ada', 'eve']
      const streams = users.map(async (user) => {
        const response = await fetch(`http://${running.listen}/rooms/r/join/${user}`, { signal: leaving.signal })
        const reader = response.body!.getReader()
        await reader.read()
        return reader
      })
      await Promise.all(streams)
      assert.equal((await http(host.listen, 'GET', '/rooms/r')).json, { users: ['ada', 'bob', 'eve'], connections: 4 })
      // Some leave by themselves just then.
      if (round === 1) leaving.abort()
      await host.kill()
      leaving.abort()
      host = await hostProcess(data.path)
      assert.equal((await http(host.listen, 'GET', '/rooms/r')).json, { users: [], connections: 0 })
      const path = '/v1/services/examples.presence.v1.Presence/entities/r/state'
      assert.equal((await http(host.admin, 'GET', path)).json.streams, [])
    }
  } finally {
    await host?.kill()
    data.remove()
  }
})

Kill.run()

/** All waiting effects have arrived. */
async function settled(host: HostProcess): Promise<void> {
  for (let tries = 0; tries < 6_000; tries++) {
    const { effects } = (await http(host.admin, 'GET', '/v1/effects')).json
    if (effects.length === 0) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  assert.unreachable('effects are still waiting')
}

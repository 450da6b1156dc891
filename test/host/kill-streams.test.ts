// Guards streams and chains of effects against the end of the process: killed or stopped while they run, what was recorded goes on
// in the next one; entities hear it once, actions at least once, and nothing that was acknowledged is lost.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { HostProcess } from '../support/host.ts'
import { hostProcess, http, temporary, testHost } from '../support/host.ts'
import type { Listening } from '../support/scripted.ts'
import { actions, replicas, ScriptClient, scripted, values, watching } from '../support/scripted.ts'

const text = (code: string) => JSON.stringify(code)
const count = "return { change: { updated: String(Number(value ?? 0) + 1) }, outcome: say('') }"
const read = 'return { outcome: say(value ?? 0) }'
const countIn = (id: string, synchronous = false) => `effect('Values', 'Do', '${id}', ${text(count)}, ${synchronous})`
const component = await scripted()

async function settled(admin: string): Promise<void> {
  for (let tries = 0; tries < 6_000; tries++) {
    const { effects } = (await http(admin, 'GET', '/v1/effects')).json
    if (effects.length === 0) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  assert.unreachable('effects are still waiting')
}

async function until(check: () => Promise<boolean> | boolean): Promise<void> {
  for (let tries = 0; tries < 6_000; tries++) {
    if (await check()) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  assert.unreachable('it did not come about')
}

const Kill = suite('kill -9')

Kill(
  'with open streams of actions: what an element told of has its effect, once; the next host knows nothing of them',
  async () => {
    const data = temporary()
    const file = join(data.path, 'scripted.wasm')
    writeFileSync(file, component)
    let host: HostProcess | undefined
    try {
      host = await hostProcess(join(data.path, 'data'), [file])
      let seen = 0
      for (let round = 0; round < 3; round++) {
        const client = new ScriptClient(host.listen)
        const code = `memory.n = (memory.n ?? 0) + 1; return { outputs: [say(memory.n, { effects: [${countIn('elements')}] })], more: true }`
        const streams = Array.from({ length: 5 }, () => client.listen(actions, 'Out', '', code))
        const waiting = client.listen(actions, 'Out', '', "return { outputs: ended ? [say('a')] : [] }")
        await Promise.all([...streams.map((stream) => stream.until(5 + round)), waiting.until(1)])
        await host.kill()
        const codes = await Promise.all([...streams, waiting].map((stream: Listening) => stream.ended()))
        assert.ok(
          codes.every((code) => code === 14),
          codes.join(),
        )
        client.close()
        seen += streams.reduce((sum, stream) => sum + stream.texts.length, 0)
        host = await hostProcess(join(data.path, 'data'))
        await settled(host.admin)
        const after = new ScriptClient(host.listen)
        const counted = Number((await after.call(values, 'Do', 'elements', read)).text)
        after.close()
        assert.ok(counted >= seen, `${counted} effects of ${seen} elements that clients have seen`)
        // From here on it is known exactly.
        seen = counted
        const metrics = (await http(host.admin, 'GET', '/metrics')).text
        assert.not.match(metrics, /^innkeeper_streams_open\{.*\} [1-9]/m)
      }
    } finally {
      await host?.kill()
      data.remove()
    }
  },
)

Kill(
  '§effect-1: in chains from entity to action to entity: each link at least once, into entities once for each that caused it',
  async () => {
    const data = temporary()
    const file = join(data.path, 'scripted.wasm')
    writeFileSync(file, component)
    let host: HostProcess | undefined
    let acknowledged = 0
    const replicaCount = "return { operations: [increment(1)], answer: say('') }"
    const inAction = `return say('', { effects: [effect('Replicas', 'Do', 'end', ${text(replicaCount)}), ${countIn('links')}] })`
    // The value counts itself, and asks the action.
    const cause = `return { change: { updated: String(Number(value ?? 0) + 1) }, outcome: say('', { effects: [effect('Actions', 'Do', '', ${text(inAction)})] }) }`
    try {
      host = await hostProcess(join(data.path, 'data'), [file])
      for (let round = 0; round < 4; round++) {
        const client = new ScriptClient(host.listen)
        const enough = acknowledged + 15 + 10 * round
        const load = Array.from({ length: 6 }, async (_, worker) => {
          while ((await client.call(values, 'Do', `cause-${worker}`, cause)).code === 0) acknowledged += 1
        })
        await until(() => acknowledged >= enough)
        await host.kill()
        await Promise.all(load)
        client.close()
        host = await hostProcess(join(data.path, 'data'))
        await settled(host.admin)
        const after = new ScriptClient(host.listen)
        const causes = await Promise.all(
          Array.from({ length: 6 }, (_, worker) => after.call(values, 'Do', `cause-${worker}`, read)),
        )
        const total = causes.reduce((sum, answer) => sum + Number(answer.text), 0)
        const links = Number((await after.call(values, 'Do', 'links', read)).text)
        const ends = Number(
          (await after.call(replicas, 'Do', 'end', 'return { answer: say(view.value?.counter ?? 0) }')).text,
        )
        after.close()
        assert.ok(links >= total, `${links} of ${total} chains arrived`)
        // Both effects of the action were in one commit: neither without the other.
        assert.is(ends, links)
        assert.ok(total >= acknowledged, `${total} of ${acknowledged} that were acknowledged`)
      }
    } finally {
      await host?.kill()
      data.remove()
    }
  },
)

const Stop = suite('a stop')

Stop(
  '§effect-7: while effects run and wait for their next try: the next host goes on with them, once each',
  async () => {
    const data = temporary()
    const gated = `if (value === undefined) return { outcome: refuse('unavailable', 'not yet') }; ${count}`
    let host = await testHost(data.path)
    let client = new ScriptClient(host.listen)
    try {
      assert.ok((await host.deployer.deploy(component)).ok)
      let caused = 0
      let running = true
      const cause = `return say('', { effects: [${countIn('plain')}, effect('Values', 'Do', 'gate', ${text(gated)}), ${countIn('last', true)}] })`
      const load = Array.from({ length: 4 }, async () => {
        while (running) if ((await client.call(actions, 'Do', '', cause)).code === 0) caused += 1
      })
      await until(() => caused > 20)
      const stopping = host.stop()
      await new Promise((resolve) => setTimeout(resolve, 20))
      running = false
      await Promise.all(load)
      client.close()
      await stopping
      host = await testHost(data.path)
      client = new ScriptClient(host.listen)
      await client.call(values, 'Do', 'gate', "return { change: { updated: '0' }, outcome: say('') }")
      await settled(host.admin)
      const counts = await Promise.all(
        ['plain', 'gate', 'last'].map(async (id) => Number((await client.call(values, 'Do', id, read)).text)),
      )
      assert.ok(
        counts.every((each) => each === counts[0] && each >= caused),
        `${counts} for ${caused} that were acknowledged`,
      )
    } finally {
      client.close()
      await host.stop()
      data.remove()
    }
  },
)

Stop(
  '§call-9: ends streams of entities well, those of actions with UNAVAILABLE, and lets running calls finish',
  async () => {
    const data = temporary()
    const host = await testHost(data.path, { 'stop-wait-ms': '5000' })
    const client = new ScriptClient(host.listen)
    assert.ok((await host.deployer.deploy(component)).ok)
    const entity = client.listen(
      replicas,
      'Open',
      'r',
      "return { operations: [increment(1)], answer: say('open'), subscribe: {} }",
    )
    const action = client.listen(actions, 'Out', '', "return { outputs: ended ? [say('open')] : [] }")
    await Promise.all([entity.until(1), action.until(1)])
    const slow = 'let x = 0; for (let i = 0; i < 50000; i++) x += i; '
    const calls = Array.from({ length: 50 }, (_, n) => client.call(values, 'Do', `v${n % 5}`, `${slow}${count}`))
    await new Promise((resolve) => setTimeout(resolve, 30))
    const stopping = host.stop()
    const codes = new Set((await Promise.all(calls)).map(({ code }) => code))
    // Answered, or refused since it came too late; none hangs and none is lost without a word.
    assert.ok(
      [...codes].every((code) => code === 0 || code === 14),
      [...codes].join(),
    )
    assert.is(await entity.ended(), 0)
    assert.is(await action.ended(), 14)
    await stopping
    client.close()
    data.remove()
  },
)

Kill(
  '§watch-1, §watch-7: who watches and comes again sees the last change, and nothing that is not on disk',
  async () => {
    const data = temporary()
    const file = join(data.path, 'scripted.wasm')
    writeFileSync(file, await scripted(undefined, watching))
    let host: HostProcess | undefined
    try {
      host = await hostProcess(join(data.path, 'data'), [file])
      let [acknowledged, tried] = [0, 0]
      for (let round = 0; round < 3; round++) {
        const client = new ScriptClient(host.listen)
        const watched = client.listen(values, 'Watch', 'w', read)
        await watched.until(1)
        assert.ok(Number(watched.texts[0]) >= acknowledged, `${watched.texts[0]} after ${acknowledged}`)
        const one = async () => {
          tried += 1
          if ((await client.call(values, 'Do', 'w', count)).code === 0) acknowledged += 1
        }
        await Promise.all(Array.from({ length: 20 }, one))
        // The last of these are under way.
        const more = Promise.all(Array.from({ length: 20 }, one))
        await watched.until(2)
        await host.kill()
        await more
        assert.is(await watched.ended(), 14)
        client.close()
        host = await hostProcess(join(data.path, 'data'))
        const after = new ScriptClient(host.listen)
        const now = Number((await after.call(values, 'Do', 'w', read)).text)
        for (const text of watched.texts) assert.ok(Number(text) <= now, `${text} was told, and ${now} is there`)
        const again = after.listen(values, 'Watch', 'w', read)
        assert.equal(await again.until(1), [String(now)])
        assert.ok(now >= acknowledged && now <= tried)
        after.close()
      }
    } finally {
      await host?.kill()
      data.remove()
    }
  },
)

Kill.run()
Stop.run()

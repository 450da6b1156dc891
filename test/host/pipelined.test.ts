// Guards pipelined commands against whole hosts: order within an entity where room is short, keys in each state model, and a host that is killed with
// thousands of commands in flight.

import { randomInt } from 'node:crypto'
import { setTimeout as moment } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Client, connect } from '../../sdk/typescript/client.ts'
import { component } from '../support/components.ts'
import type { HostProcess } from '../support/host.ts'
import { hostProcess, http, temporary, testHost } from '../support/host.ts'
import { actions, replicas, said, script, scripted, values } from '../support/scripted.ts'

const counter = 'examples.counter.v1.Counter'
const Pipelined = suite('pipelined commands on a host')

/** Adds 1 to a counter; answers its value. */
async function add(client: Client, id: string): Promise<number> {
  const { value } = (await client.callJson(counter, 'Add', { id, amount: 1 })) as { value: string }
  return Number(value)
}

Pipelined(
  '§pipelined-4: streams that share an entity with little room lose nothing, and each keeps its order',
  async () => {
    const { bytes } = await component('counter/typescript')
    const data = temporary()
    const host = await testHost(data.path, { 'mailbox-commands-max': '5', 'waiting-commands-max': '40' })
    const clients = Array.from({ length: 6 }, () => connect(host.listen))
    try {
      assert.ok((await host.deployer.deploy(bytes)).ok)
      const each = 300
      const answers = await Promise.all(
        clients.flatMap((client) => [
          Promise.all(Array.from({ length: each }, () => add(client, 'shared'))),
          Promise.all(Array.from({ length: each }, () => add(client, 'other'))),
        ]),
      )
      for (const values of answers)
        assert.equal(
          values,
          [...values].sort((a, b) => a - b),
        )
      for (const id of ['shared', 'other'])
        assert.is((await http(host.listen, 'GET', `/counter/${id}`)).json.value, String(each * clients.length))
    } finally {
      for (const client of clients) client.destroy()
      await host.stop()
      data.remove()
    }
  },
)

Pipelined(
  '§pipelined-4, §command-1: a command that is refused does not change the order of those beside it',
  async () => {
    const { bytes } = await component('counter/typescript')
    const data = temporary()
    const host = await testHost(data.path)
    const client = connect(host.listen)
    try {
      assert.ok((await host.deployer.deploy(bytes)).ok)
      const answers = await Promise.all(
        Array.from({ length: 400 }, (_, index) =>
          client
            .callJson(counter, 'Add', { id: 'a', amount: index % 3 === 1 ? 0 : 1 })
            .then((reply) => Number((reply as { value: string }).value))
            .catch((error: { code: string }) => error.code),
        ),
      )
      let value = 0
      for (const [index, answer] of answers.entries()) {
        if (index % 3 === 1) assert.is(answer, 'INVALID_ARGUMENT')
        else assert.is(answer, ++value)
      }
    } finally {
      client.destroy()
      await host.stop()
      data.remove()
    }
  },
)

Pipelined(
  '§pipelined-12, §idempotency-1: a key repeats the answer of each kind of entity; an action does it again',
  async () => {
    const data = temporary()
    const host = await testHost(data.path)
    const client = connect(host.listen)
    try {
      assert.ok((await host.deployer.deploy(await scripted())).ok)
      const bump = 'const n = String(Number(value ?? 0) + 1); return { change: { updated: n }, outcome: say(n) }'
      const increment = "return { operations: [increment(1)], answer: { after: 'return say(view.value.counter)' } }"
      const told = async (service: string, code: string, key: string, id = 'a') =>
        said(await client.call(service, 'Do', script(id, code), { key }))
      assert.equal(
        [await told(values, bump, 'k'), await told(values, bump, 'k'), await told(values, bump, 'l')],
        ['1', '1', '2'],
      )
      const counts = [await told(replicas, increment, 'k'), await told(replicas, increment, 'k')]
      assert.equal([...counts, await told(replicas, increment, 'l')], ['1', '1', '2'])
      // An action keeps no answers: its effects run again. What it forwards to is an entity, with a key of its own.
      const show = 'return { outcome: say(value ?? 0) }'
      const effect = `return say('', { effects: [effect('Values', 'Do', 'caused', ${JSON.stringify(bump)}, true)] })`
      for (let time = 0; time < 2; time++) await told(actions, effect, 'k', '')
      assert.is(await told(values, show, 'm', 'caused'), '2')
      const forward = `return forward('Values', 'Do', 'forwarded', ${JSON.stringify(bump)})`
      for (let time = 0; time < 2; time++) assert.is(await told(actions, forward, 'k', ''), '1')
    } finally {
      client.destroy()
      await host.stop()
      data.remove()
    }
  },
)

Pipelined(
  '§pipelined-12, §storage-3: kill -9 with thousands of commands in flight: each is counted once, and answered once',
  async () => {
    const { file } = await component('counter/typescript')
    const data = temporary()
    const keys = 20
    let host: HostProcess | undefined
    const clients: Client[] = []
    try {
      host = await hostProcess(data.path, [file])
      const { listen } = host
      for (let index = 0; index < 4; index++) clients.push(connect(listen))
      const answered = new Map<string, number[]>()
      let sent = 0
      let done = 0
      for (let round = 0; round < 3; round++) {
        const all: Promise<void>[] = []
        for (let index = 0; index < 6_000; index++) {
          const id = `k${index % keys}`
          const client = clients[(index + Math.floor(index / keys)) % clients.length]!
          sent += 1
          all.push(
            add(client, id).then((value) => {
              done += 1
              const values = answered.get(id) ?? []
              values.push(value)
              answered.set(id, values)
            }),
          )
        }
        const target = done + randomInt(200, 2_000)
        while (done < target) await moment(1)
        await host.kill()
        assert.ok(done < sent, 'it was killed with commands in flight')
        host = await hostProcess(data.path, ['--listen', listen])
        await Promise.all(all)
      }
      for (let key = 0; key < keys; key++) {
        const id = `k${key}`
        const values = answered.get(id)!.sort((a, b) => a - b)
        // Each add was answered with a value of its own, from the first to the last.
        assert.equal(
          values,
          Array.from({ length: sent / keys }, (_, index) => index + 1),
        )
        assert.is((await http(host.listen, 'GET', `/counter/${id}`)).json.value, String(sent / keys))
      }
    } finally {
      for (const client of clients) client.destroy()
      await host?.kill()
      data.remove()
    }
  },
)

Pipelined.run()

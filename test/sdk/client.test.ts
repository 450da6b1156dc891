// Guards the client of the TypeScript SDK: calls, errors, credits, and that nothing is lost or done twice where connections are lost.

import type { AddressInfo } from 'node:net'
import net from 'node:net'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Command, Reply } from '../../host/command.ts'
import { InnkeeperError } from '../../host/errors.ts'
import { noMetadata } from '../../host/metadata.ts'
import { toMessage } from '../../host/transcode/to-message.ts'
import { CallError, type Client, connect } from '../../sdk/typescript/client.ts'
import type { MessageType, Method, ServiceType } from '../../sdk/typescript/codec/message.ts'
import { component } from '../support/components.ts'
import { generated } from '../support/generated.ts'
import { temporary, testHost } from '../support/host.ts'
import type { FakeHost, FakeHostParts } from '../support/ingress.ts'
import { eventually, fakeHost, streamsProto } from '../support/ingress.ts'
import { protos } from '../support/protos.ts'

const service = 'test.streams.v1.Streams'
const { schema } = await protos({ 'streams.proto': streamsProto })
const itemOf = (text: string) => toMessage(schema, schema.messages.get('test.streams.v1.Item')!, { text })

const Clients = suite('client')

interface Held {
  readonly command: Command
  readonly reply: Reply
}

/** A host that holds commands until they are answered, and a client of it through a wire that can be cut. */
async function held(
  test: (parts: { host: FakeHost; client: Client; all: Held[]; wire: Wire }) => Promise<void>,
  parts: FakeHostParts = {},
): Promise<void> {
  const host = await fakeHost(schema, [service], parts)
  const all: Held[] = []
  host.onDispatch = (command, reply) => all.push({ command: { ...command }, reply })
  const wire = await Wire.to(host.address)
  const client = connect(wire.address, { metadata: [['x-a', '1']] })
  try {
    await test({ host, client, all, wire })
  } finally {
    client.destroy()
    await wire.close()
    await host.ingress.close(0)
  }
}

/** Between a client and a host: cuts what goes by it. */
class Wire {
  private readonly server: net.Server
  private readonly sockets = new Set<net.Socket>()
  connections = 0

  private constructor(server: net.Server) {
    this.server = server
  }

  static async to(address: string): Promise<Wire> {
    const [host, port] = address.split(':') as [string, string]
    const server = net.createServer((from) => {
      wire.connections += 1
      const to = net.connect({ host, port: Number(port) })
      for (const [one, other] of [
        [from, to],
        [to, from],
      ] as const) {
        wire.sockets.add(one)
        one.on('error', () => {})
        one.on('close', () => {
          wire.sockets.delete(one)
          other.destroy()
        })
        one.pipe(other)
      }
    })
    const wire = new Wire(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return wire
  }

  get address(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  cut(): void {
    for (const socket of this.sockets) socket.destroy()
  }

  async close(): Promise<void> {
    this.cut()
    await new Promise((resolve) => this.server.close(resolve))
  }
}

const reply = (text: string) => ({ kind: 'reply', payload: itemOf(text), metadata: noMetadata }) as const
const echo = (client: Client, text: string, options = {}) => client.call(service, 'Echo', itemOf(text), options)
const bytes = (text: string) => Buffer.from(itemOf(text))

/** What a promise was rejected with. */
async function failure(promise: Promise<unknown>): Promise<CallError> {
  try {
    await promise
  } catch (error) {
    assert.instance(error, CallError)
    return error as CallError
  }
  return assert.unreachable('it was answered') as never
}

Clients('client.K1: each command has a key that nobody guesses, or the one that it was given', () =>
  held(async ({ client, all }) => {
    const answers = [
      echo(client, 'a'),
      echo(client, 'b'),
      echo(client, 'c', { key: 'mine' }),
      echo(client, 'd', { key: null }),
    ]
    await eventually(() => all.length === 4)
    const keys = all.map(({ command }) => command.idempotencyKey)
    assert.match(keys[0]!, /^[0-9a-f]{32}-1$/)
    assert.is(keys[1], keys[0]!.replace(/1$/, '2'))
    assert.equal(keys.slice(2), ['mine', undefined])
    assert.equal(all[0]!.command.metadata, [['x-a', '1']])
    for (const [at, { reply: answer }] of all.entries()) answer(reply(`to ${at}`))
    assert.equal(
      (await Promise.all(answers)).map((one) => Buffer.from(one)),
      [0, 1, 2, 3].map((at) => bytes(`to ${at}`)),
    )
  }),
)

Clients('§pipelined-12: after a lost connection what has no answer is sent again, in its order and with its key', () =>
  held(async ({ client, all, wire }) => {
    const answers = ['a', 'b', 'c', 'd'].map((text) => echo(client, text))
    const lost = failure(echo(client, 'e', { key: null }))
    await eventually(() => all.length === 5)
    all[1]!.reply(reply('B'))
    assert.equal(Buffer.from(await answers[1]!), bytes('B'))
    wire.cut()
    const { code, message } = await lost
    assert.is(code, 'UNAVAILABLE')
    assert.match(message, /has no key: it may have been done/)
    await eventually(() => all.length === 8)
    assert.equal(
      all.slice(5).map(({ command }) => [command.idempotencyKey, Buffer.from(command.payload)]),
      [0, 2, 3].map((at) => [all[at]!.command.idempotencyKey, Buffer.from(all[at]!.command.payload)]),
    )
    for (const { reply: answer } of all.slice(5)) answer(reply('again'))
    for (const at of [0, 2, 3]) assert.equal(Buffer.from(await answers[at]!), bytes('again'))
    assert.is(wire.connections, 2)
  }),
)

Clients('client.K3: no more is in flight than the host allows, and the rest follows', () =>
  held(
    async ({ client, all }) => {
      const answers = Array.from({ length: 100 }, (_, index) => echo(client, `${index} ${'x'.repeat(1_000)}`))
      for (let done = 0; done < 100; done++) {
        await eventually(() => all.length > done)
        assert.ok(all.length - done <= 10)
        all[done]!.reply(reply(String(done)))
      }
      assert.equal(
        (await Promise.all(answers)).map((one) => Buffer.from(one)),
        Array.from({ length: 100 }, (_, index) => bytes(String(index))),
      )
      const large = await failure(echo(client, 'x'.repeat(30_000)))
      assert.is(large.code, 'RESOURCE_EXHAUSTED')
    },
    { limits: { pipelinedCommandsMax: 10, pipelinedBytesMax: 20_000 } },
  ),
)

Clients('client.K4: a refusal is a CallError with code and details, and so is an error of the host', () =>
  held(async ({ client, all }) => {
    const refused = failure(echo(client, 'a'))
    const failed = failure(echo(client, 'b'))
    await eventually(() => all.length === 2)
    const details = [{ typeName: 'test.streams.v1.Item', data: itemOf('d') }]
    all[0]!.reply({ kind: 'refusal', failure: { code: 9, message: 'nö', details }, metadata: noMetadata })
    all[1]!.reply({ kind: 'error', error: new InnkeeperError('outcome_unknown', 'said') })
    const { code, message, details: told } = await refused
    assert.equal([code, message], ['FAILED_PRECONDITION', 'nö'])
    assert.equal(
      told.map(({ typeName, data }) => [typeName, Buffer.from(data)]),
      [['test.streams.v1.Item', bytes('d')]],
    )
    assert.equal([(await failed).code, (await failed).message], ['UNAVAILABLE', 'said'])
  }),
)

Clients('JSON goes in and out', () =>
  held(async ({ client, all }) => {
    const answer = client.callJson(service, 'Echo', { text: 'ä', number: '7' })
    const wrong = failure(client.callJson(service, 'Echo', { what: 1 }))
    await eventually(() => all.length === 1)
    all[0]!.reply({ kind: 'reply', payload: all[0]!.command.payload, metadata: noMetadata })
    assert.equal(await answer, { text: 'ä', number: '7', tags: [] })
    assert.is((await wrong).code, 'INVALID_ARGUMENT')
  }),
)

Clients('a deadline is told to the host, and holds where no host is', () =>
  held(async ({ client, all, wire }) => {
    const before = Date.now()
    const answer = echo(client, 'a', { deadlineMs: 5_000 })
    await eventually(() => all.length === 1)
    const { deadlineMs } = all[0]!.command
    assert.ok(deadlineMs > before + 3_000 && deadlineMs <= Date.now() + 5_000)
    all[0]!.reply(reply('b'))
    await answer
    await wire.close()
    const late = await failure(echo(client, 'c', { deadlineMs: 20 }))
    assert.is(late.code, 'DEADLINE_EXCEEDED')
  }),
)

Clients(
  '§pipelined-11, §pipelined-12: a host that stops takes its leave; what it did not answer goes to the next one',
  async () => {
    const first = await fakeHost(schema, [service])
    first.onDispatch = () => {}
    const wire = await Wire.to(first.address)
    const client = connect(wire.address)
    const answer = echo(client, 'a')
    await eventually(() => wire.connections === 1)
    await first.ingress.close(10)
    const { port } = first.ingress.address
    const second = await fakeHost(schema, [service], { port })
    assert.equal(Buffer.from(await answer), bytes('a'))
    await client.close()
    await wire.close()
    await second.ingress.close(0)
  },
)

Clients('line.N3: without a host commands are UNAVAILABLE after a while, and a later one tries again', async () => {
  const host = await fakeHost(schema, [service])
  await host.ingress.close(0)
  const client = connect(`ws://${host.address}`, { patienceMs: 120 })
  const error = await failure(echo(client, 'a'))
  assert.is(error.code, 'UNAVAILABLE')
  assert.match(error.message, /no host answered at ws:\/\/127\.0\.0\.1:\d+\/v1\/commands for 120 ms/)
  const again = await fakeHost(schema, [service], { port: host.ingress.address.port })
  assert.equal(Buffer.from(await echo(client, 'b')), bytes('b'))
  client.destroy()
  await again.ingress.close(0)
})

Clients('a mistake of the client itself is not tried again', async () => {
  const host = await fakeHost(schema, [service], { limits: { metadataBytesMax: 10 } })
  const client = connect(host.address, { metadata: [['x-a', 'x'.repeat(100)]] })
  const error = await failure(echo(client, 'a'))
  assert.is(error.code, 'RESOURCE_EXHAUSTED')
  assert.match(error.message, /^the metadata of a hello may have at most 10 bytes/)
  assert.is((await failure(echo(client, 'b'))).code, 'RESOURCE_EXHAUSTED')
  await host.ingress.close(0)
})

Clients('close waits for answers, and takes no more; destroy does not wait', () =>
  held(async ({ client, all }) => {
    const answer = echo(client, 'a')
    await eventually(() => all.length === 1)
    let closed = false
    const closing = client.close().then(() => {
      closed = true
    })
    assert.is((await failure(echo(client, 'b'))).code, 'CANCELLED')
    assert.not.ok(closed)
    all[0]!.reply(reply('c'))
    await answer
    await closing
    await held(async ({ client: other, all: theirs }) => {
      const left = failure(echo(other, 'a'))
      await eventually(() => theirs.length === 1)
      other.destroy()
      assert.is((await left).code, 'CANCELLED')
    })
  }),
)

Clients('generated code of a service has typed calls', async () => {
  type Value = { readonly value: bigint }
  type Methods = {
    readonly add: Method<{ readonly id: string; readonly amount: bigint }, Value>
    readonly get: Method<{ readonly id: string }, Value>
  }
  const folder = fileURLToPath(new URL('../../guests/counter/typescript', import.meta.url))
  const { Counter } = await generated<{ Counter: ServiceType<Methods, { Added: MessageType<object, 'Added'> }> }>(
    folder,
    'counter.ts',
  )
  const { bytes: code } = await component('counter/typescript')
  const data = temporary()
  const host = await testHost(data.path)
  const client = connect(host.listen)
  try {
    await host.deployer.deploy(code)
    const counter = client.of(Counter)
    const values = await Promise.all(Array.from({ length: 50 }, () => counter.add({ id: 'a', amount: 2n })))
    assert.equal(
      values.map(({ value }) => value),
      Array.from({ length: 50 }, (_, index) => BigInt(2 * index + 2)),
    )
    assert.equal(await counter.get({ id: 'a' }), { value: 100n })
    assert.is((await failure(counter.add({ id: 'a', amount: 0n }))).code, 'INVALID_ARGUMENT')
  } finally {
    client.destroy()
    await host.stop()
    data.remove()
  }
})

Clients.run()

// Guards the door: whatever protocol a call comes by, it is the same command, counted once, and a failure of the host is logged once.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Answer, Command } from '../../host/command.ts'
import { InnkeeperError } from '../../host/errors.ts'
import { toMessage } from '../../host/transcode/to-message.ts'
import { grpc, grpcWeb } from '../support/calls.ts'
import { http } from '../support/host.ts'
import { eventually, fakeHost, metric, streamsProto } from '../support/ingress.ts'
import { protos } from '../support/protos.ts'

const name = 'test.streams.v1.Streams'
const { schema } = await protos({ 'streams.proto': streamsProto })
const host = await fakeHost(schema, [name])
const echo = host.onDispatch
const item = toMessage(schema, schema.messages.get('test.streams.v1.Item')!, { text: 'a' })

/** By protocol: calls Echo or Collect, which both take and give an Item, and answers the gRPC status. */
type Way = (method: 'Echo' | 'Collect', headers?: Readonly<Record<string, string>>) => Promise<number>
const ways: Readonly<Record<string, Way>> = {
  'HTTP/JSON': async (method, headers) => {
    const { status, text } = await http(host.address, 'POST', `/${method.toLowerCase()}`, { text: 'a' }, headers)
    return status === 200 ? 0 : (JSON.parse(text).code as number)
  },
  gRPC: async (method, headers) => (await grpc(host.address, `/${name}/${method}`, item, headers)).code,
  'gRPC-Web': async (method, headers) => (await grpcWeb(host.address, `/${name}/${method}`, item, headers)).code,
}

const counted = async (what: string) => await metric(host.metrics, `innkeeper_${what}{service="${name}"}`)
const error = (code: 'internal' | 'overloaded'): Answer & { kind: 'error' } => ({
  kind: 'error',
  error: new InnkeeperError(code, 'said'),
})

const Gate = suite('door')

Gate.before.each(() => {
  host.onDispatch = echo
  host.onOpen = () => {}
  host.log.length = 0
})

for (const [protocol, way] of Object.entries(ways)) {
  Gate(`door.D1, plain-call.C1: over ${protocol} a call becomes the same command`, async () => {
    const commands: Command[] = []
    host.onDispatch = (command, reply) => {
      commands.push({ ...command })
      echo(command, reply)
    }
    host.onOpen = (call) => {
      commands.push(call.command)
      call.next(item)
      call.receiver.end()
    }
    const headers = { 'x-request-id': 'mine', 'idempotency-key': '"k"', 'x-a': '1' }
    const before = Date.now()
    assert.is(await way('Echo', headers), 0)
    assert.is(await way('Collect', headers), 0)
    const [unary, streamed] = commands as [Command, Command]
    for (const [command, method] of [
      [unary, 'Echo'],
      [streamed, 'Collect'],
    ] as const) {
      assert.equal(
        [command.service, command.method, command.requestId, command.idempotencyKey, command.hops, command.client],
        [name, method, 'mine', 'k', 0, '127.0.0.1'],
      )
      assert.equal(command.effect, undefined)
      assert.ok(command.metadata.some(([header, value]) => header === 'x-a' && value === '1'))
      assert.not.ok(command.metadata.some(([header]) => header === 'idempotency-key'))
    }
    assert.equal(Buffer.from(unary.payload), Buffer.from(item))
    assert.is(streamed.payload.length, 0)
    assert.ok(unary.deadlineMs >= before + host.context.deadlineMs && Number.isFinite(unary.deadlineMs))
    assert.is(streamed.deadlineMs, Number.POSITIVE_INFINITY)
  })

  Gate(`door.D2: over ${protocol} a call is counted once, and as refused where there was no room`, async () => {
    host.onOpen = (call) => {
      call.next(item)
      call.receiver.end()
    }
    const before = [await counted('commands_received_total'), await counted('commands_completed_total')]
    const refusals = await counted('refusal_seconds_count')
    assert.is(await way('Echo'), 0)
    assert.is(await way('Collect'), 0)
    host.onDispatch = (_command, reply) => reply(error('overloaded'))
    assert.is(await way('Echo'), 8)
    // Too long a key: it never was a command.
    assert.is(await way('Echo', { 'idempotency-key': 'k'.repeat(257) }), 3)
    await eventually(async () => (await counted('refusal_seconds_count')) > refusals)
    const after = [await counted('commands_received_total'), await counted('commands_completed_total')]
    assert.equal(after, [before[0]! + 3, before[1]! + 3])
    assert.is(await counted('refusal_seconds_count'), refusals + 1)
  })

  Gate(`door.D3: over ${protocol} a failure of the host is logged once, with what was called`, async () => {
    host.onDispatch = (_command, reply) => reply(error('internal'))
    host.onOpen = (call) => call.receiver.end(error('internal'))
    for (const method of ['Echo', 'Collect'] as const) {
      host.log.length = 0
      assert.is(await way(method, { 'x-request-id': 'mine' }), 13)
      assert.is(host.log.length, 1, host.log.join(''))
      const line = JSON.parse(host.log[0]!)
      assert.equal([line.requestId, line.service, line.method, line.err.message], ['mine', name, method, 'said'])
    }
  })

  Gate(`door.D3: over ${protocol} what a client did wrong is not logged`, async () => {
    assert.is(await way('Echo', { 'idempotency-key': '' }), 3)
    assert.equal(host.log, [])
  })
}

Gate.after(() => host.ingress.close(0))

Gate.run()

// Guards the door: whatever protocol a call comes by, it is the same command, counted once, and a failure of the host is logged once.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Answer, Command } from '../../host/command.ts'
import { InnkeeperError } from '../../host/errors.ts'
import { Door } from '../../host/ingress/door.ts'
import type { PlainCall } from '../../host/ingress/plain-call.ts'
import type { Wire } from '../../host/ingress/stream.ts'
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

Gate('plain-call.C2: the host gets the one object that was made of a call before its payload was there', () => {
  const door = new Door(host.context)
  const call: PlainCall = {
    ...{ service: name, method: 'Echo', streamed: false, metadata: [['a', '1']], metadataName: 'headers' },
    ...{ idempotencyKey: 'k', deadlineMs: 1_000, requestId: 'mine', client: 'c' },
  }
  const made: unknown[] = []
  const got: Command[] = []
  const admit = (of: PlainCall) => {
    const draft = door.admit(of)
    made.push(draft, Object.keys(draft).join())
    return draft
  }
  const take = (command: Command) => got.push(command)
  host.onDispatch = take
  host.onOpen = ({ command }) => take(command)
  const caller = { startedMs: 0, wholeMs: 0, answered: () => {} }
  door.call(admit(call), item, caller)
  assert.ok(door.offer(admit(call), item, caller))
  const watch = schema.services.get(name)!.methods.get('Watch')!
  const wire: Wire = { ready: true, element() {}, end() {}, inputTaken() {}, owes() {} }
  door.stream(wire, admit({ ...call, method: 'Watch', streamed: true }), watch).open(item)
  assert.is(got.length, 3)
  for (const [at, command] of got.entries()) {
    assert.ok(command === made[2 * at])
    assert.ok(command.payload === item)
    // Nothing was added to it either.
    assert.is(Object.keys(command).join(), made[2 * at + 1])
  }
})

Gate('early.Y1: asking whether there is room takes none, of a stream nor of a call', () => {
  const full = new InnkeeperError('overloaded', 'full')
  const asked: string[] = []
  let room = true
  const noRoom = (service: string, client: string) => {
    asked.push(`${service} ${client}`)
    return room ? undefined : full
  }
  const { context } = host
  const limits = { ...context.limits, streamsMax: 2 }
  const door = new Door({ ...context, limits, noRoom })
  const [stream, call] = [`/${name}/Watch`, `/${name}/Echo`]
  for (let at = 0; at < 10; at++) {
    assert.is(door.earlyRefusal(stream, 'c'), undefined)
    assert.is(door.earlyRefusal(call, 'c'), undefined)
  }
  assert.equal(asked, Array(10).fill(`${name} c`))
  const leave = [door.enter(name, 'a'), door.enter(name, 'b')]
  assert.is(door.earlyRefusal(stream, 'c')?.error.code, 'overloaded')
  assert.is(door.earlyRefusal(stream, 'c')?.service, name)
  // What was free when it was asked may be taken when it comes.
  assert.throws(() => door.enter(name, 'c'), /too many open streams/)
  leave.pop()!()
  assert.is(door.earlyRefusal(stream, 'c'), undefined)
  leave.push(door.enter(name, 'c'))
  room = false
  assert.ok(door.earlyRefusal(call, 'c')?.error === full)
  assert.is(door.earlyRefusal(`/${name}/Unknown`, 'c'), undefined)
  assert.is(door.earlyRefusal('/', 'c'), undefined)
  for (const each of leave) each()
})

Gate.after(() => host.ingress.close(0))

Gate.run()

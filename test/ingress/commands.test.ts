// Guards pipelined commands, whatever way they come by: the same commands as any other protocol's, answers by id, credits, order, and how a stream ends.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Command, Reply } from '../../host/command.ts'
import { InnkeeperError } from '../../host/errors.ts'
import { noMetadata } from '../../host/metadata.ts'
import type { Json } from '../../host/transcode/json.ts'
import { toMessage } from '../../host/transcode/to-message.ts'
import { eventually, fakeHost, metric, streamsProto } from '../support/ingress.ts'
import { type PipedClient, says, ways } from '../support/piped.ts'
import { protos } from '../support/protos.ts'

const service = 'test.streams.v1.Streams'
const { schema } = await protos({ 'streams.proto': streamsProto })
const pace = { headersAfterMs: 1_000, heartbeatMs: 20 }
const host = await fakeHost(schema, [service], {
  limits: { pipelinedCommandsMax: 100, pipelinedBytesMax: 64 * 1024, metadataBytesMax: 200 },
  context: { pace },
})
const echo = host.onDispatch
const itemOf = (text: string) => toMessage(schema, schema.messages.get('test.streams.v1.Item')!, { text })
const base64 = (text: string) => Buffer.from(itemOf(text)).toString('base64')
const counted = async (what: string) => await metric(host.metrics, `innkeeper_${what}{service="${service}"}`)
const places = async () => await metric(host.metrics, 'innkeeper_streams_open{service="innkeeper.v1.Commands"}')

const Pipes = suite('pipelined commands')
const clients: PipedClient[] = []

Pipes.before.each(() => {
  host.onDispatch = echo
  host.log.length = 0
})

Pipes.after.each(async () => {
  for (const client of clients.splice(0)) client.drop()
  await eventually(async () => (await places()) === 0)
})

/** Dispatched commands wait here until the test answers them. */
function waiting(): { command: Command; reply: Reply }[] {
  const all: { command: Command; reply: Reply }[] = []
  host.onDispatch = (command, reply) => all.push({ command: { ...command }, reply })
  return all
}

const reply = (text: string) => ({ kind: 'reply', payload: itemOf(text), metadata: noMetadata }) as const

for (const [way, { open, text }] of Object.entries(ways)) {
  const connect = (): PipedClient => {
    const client = open(host.address)
    clients.push(client)
    return client
  }
  const echoOf = (id: Json, what: string, more: { [name: string]: Json } = {}) => ({
    id,
    service,
    method: 'Echo',
    payload: base64(what),
    ...more,
  })

  Pipes(`§pipelined-1, door.D1: over ${way} a command is the same as over any other protocol`, async () => {
    const commands = waiting()
    const client = connect()
    const entries = [
      { name: 'X-A', text: 'ü' },
      { name: 'x-b-bin', data: 'AQI=' },
      { name: 'authorization', text: 'secret' },
      { name: 'grpc-x', text: 'no' },
    ]
    client.hello({ metadata: entries, token: 'later' })
    const before = Date.now()
    client.send({ commands: [echoOf('1', 'a', { idempotencyKey: '"k"', deadlineMs: 5_000 })] })
    await eventually(() => commands.length === 1)
    await client.until(() => client.welcome !== undefined)
    const [{ command, reply: answer }] = commands as [(typeof commands)[0]]
    assert.equal(client.welcome, { version: 1, commandsMax: 100, bytesMax: '65536' })
    assert.is(command.service, service)
    assert.is(command.method, 'Echo')
    assert.equal(Buffer.from(command.payload), Buffer.from(itemOf('a')))
    assert.equal(
      command.metadata.map(([name, value]) => [name, typeof value === 'string' ? value : [...value]]),
      [
        ['x-a', 'ü'],
        ['x-b-bin', [1, 2]],
      ],
    )
    assert.is(command.idempotencyKey, 'k')
    assert.is(command.hops, 0)
    assert.is(command.client, '127.0.0.1')
    assert.match(command.requestId, /^test-\d+\.1$/)
    assert.ok(command.deadlineMs >= before + 5_000 && command.deadlineMs <= Date.now() + 5_000)
    answer({
      kind: 'reply',
      payload: itemOf('b'),
      metadata: [
        ['x-c', 'd'],
        ['set-cookie', 'no'],
      ],
    })
    const answered = await client.answer(1)
    assert.is(answered.payload, base64('b'))
    assert.equal(answered.metadata, [{ name: 'x-c', text: 'd' }])
  })

  Pipes(`§pipelined-1: over ${way} a command without a deadline has the host's`, async () => {
    const commands = waiting()
    const client = connect()
    client.hello()
    const before = Date.now()
    client.send({ commands: [echoOf('1', 'a')] })
    await eventually(() => commands.length === 1)
    const { deadlineMs } = commands[0]!.command
    assert.ok(deadlineMs >= before + 60_000 && deadlineMs <= Date.now() + 60_000)
  })

  Pipes(
    `§pipelined-2, pipe.P4: over ${way} answers come by id, as they are ready, and those of one turn in one frame`,
    async () => {
      const commands = waiting()
      const client = connect()
      client.hello()
      const ids = ['7', '18446744073709551615', '9007199254740993', '0']
      client.send({ commands: ids.map((id) => echoOf(id, `of ${id}`)) })
      await eventually(() => commands.length === 4)
      for (const at of [3, 1]) commands[at]!.reply(reply(`to ${ids[at]}`))
      await client.answer('0')
      assert.equal(client.frames, [2])
      for (const at of [0, 2]) commands[at]!.reply(reply(`to ${ids[at]}`))
      await client.answer('7')
      assert.equal(client.frames, [2, 2])
      assert.equal(
        client.answers.map(({ id, payload }) => [id, payload]),
        [ids[3], ids[1], ids[0], ids[2]].map((id) => [id, base64(`to ${id}`)]),
      )
    },
  )

  Pipes(`frames.F3: over ${way} a command may leave out what the one before it said`, async () => {
    const commands = waiting()
    const client = connect()
    client.hello()
    client.send({
      commands: [echoOf('1', 'a'), { id: '2', payload: base64('b') }, { id: '3', service: 'test.x.v1.X' }],
    })
    assert.is((await client.answer(3)).failure!.code, 12)
    assert.equal(
      commands.map(({ command }) => command.method),
      ['Echo', 'Echo'],
    )
    client.send({ commands: [{ id: '4' }] })
    assert.is((await client.answer(4)).failure!.code, 12, 'another frame')
  })

  Pipes(`§pipelined-3: over ${way} a command in JSON is answered in JSON`, async () => {
    const client = connect()
    client.hello()
    const json = { text: 'a', number: '7' }
    client.send({
      commands: [
        { id: '1', service, method: 'Echo', json },
        { id: '2', json: { nothing: 1 } },
        { id: '3', json: [] },
      ],
    })
    await client.answer(3)
    assert.equal((await client.answer(1)).json, { text: 'a', number: '7', tags: [] })
    const { failure } = await client.answer(2)
    assert.is(failure!.code, 3)
    assert.match(failure!.message, /^\$\.nothing: /)
    assert.is((await client.answer(3)).failure!.code, 3)
  })

  Pipes(`§pipelined-3: over ${way} a reply that is not its message is a fault`, async () => {
    host.onDispatch = (_, answer) => answer({ kind: 'reply', payload: Uint8Array.of(255), metadata: noMetadata })
    const client = connect()
    client.hello()
    client.send({ commands: [{ id: '1', service, method: 'Echo', json: {} }] })
    assert.is((await client.answer(1)).failure!.code, 13)
    assert.is(host.log.length, 1)
  })

  Pipes(`§pipelined-3: over ${way} a long reply is JSON as well, and does not hold up others`, async () => {
    const commands = waiting()
    const client = connect()
    client.hello()
    client.send({ commands: ['1', '2'].map((id) => ({ id, service, method: 'Echo', json: {} })) })
    await eventually(() => commands.length === 2)
    commands[0]!.reply(reply('x'.repeat(200_000)))
    commands[1]!.reply(reply('y'))
    assert.is((await client.answer(1)).json.text.length, 200_000)
    assert.equal(
      client.answers.map(({ id }) => id),
      ['2', '1'],
    )
  })

  Pipes(`§pipelined-5: over ${way} refusals and errors are answers, with code, message and details`, async () => {
    const client = connect()
    client.hello()
    host.onDispatch = ({ method, payload }, answer) => {
      assert.is(method, 'Echo')
      if (payload.length === 0) {
        const details = [{ typeName: 'google.protobuf.Duration', data: Uint8Array.of(8, 1) }]
        answer({ kind: 'refusal', failure: { code: 9, message: 'no', details }, metadata: [['x-why', 'so']] })
      } else answer({ kind: 'error', error: new InnkeeperError('outcome_unknown', 'said') })
    }
    client.send({ commands: [echoOf('1', ''), echoOf('2', 'a'), echoOf('3', 'b', { idempotencyKey: 'ü' })] })
    client.send({ commands: [echoOf('4', '', { method: 'Watch' }), echoOf('5', '', { method: 'Nothing' })] })
    await client.answer(5)
    const [refused, failed, keyed, streamed, missing] = client.answers.map(({ failure }) => failure!)
    assert.is(refused!.code, 9)
    assert.is(refused!.message, 'no')
    const [detail] = refused!.details as [{ [name: string]: Json }]
    assert.is(detail['@type'], 'type.googleapis.com/google.protobuf.Duration')
    assert.equal(client.answers[0]!.metadata, [{ name: 'x-why', text: 'so' }])
    assert.equal([failed!.code, failed!.message], [14, 'said'])
    assert.is(keyed!.code, 3)
    assert.is(streamed!.code, 12)
    assert.match(streamed!.message, /Watch streams; call it over gRPC, gRPC-Web or HTTP\/JSON/)
    assert.is(missing!.code, 12)
  })

  Pipes(`door.D2: over ${way} each command is counted once, and one that waits for room is not refused`, async () => {
    const before = [await counted('commands_received_total'), await counted('commands_completed_total')]
    let full = true
    host.onDispatch = (command, answer) => {
      if (full) answer({ kind: 'error', error: new InnkeeperError('overloaded', 'full') })
      else echo(command, answer)
    }
    const client = connect()
    client.hello()
    client.send({ commands: [echoOf('1', 'a'), echoOf('2', 'b')] })
    await client.until(() => client.welcome !== undefined)
    await eventually(async () => (await counted('commands_received_total')) === before[0])
    full = false
    await client.answer(2)
    assert.equal(
      client.answers.map(({ id, failure }) => [id, failure]),
      [
        ['1', undefined],
        ['2', undefined],
      ],
    )
    const after = [await counted('commands_received_total'), await counted('commands_completed_total')]
    assert.equal(after, [before[0]! + 2, before[1]! + 2])
  })

  Pipes(
    `§pipelined-4, pipe.P1, pipes.Q1: over ${way} a command that finds no room waits, and those behind it too, in their order`,
    async () => {
      const given: string[] = []
      let room = 0
      host.onDispatch = (command, answer) => {
        if (room === 0) {
          answer({ kind: 'error', error: new InnkeeperError('overloaded', 'full') })
          return
        }
        room -= 1
        given.push(command.requestId.split('.')[1]!)
        setTimeout(() => answer(reply('')), 1)
      }
      const client = connect()
      client.hello()
      for (let id = 1; id <= 60; id += 3)
        client.send({ commands: [id, id + 1, id + 2].map((id) => echoOf(`${id}`, '')) })
      for (let more = 0; more < 60; more += 4) {
        room += 4
        await eventually(() => room === 0)
      }
      await client.answer(60)
      assert.equal(
        given,
        Array.from({ length: 60 }, (_, index) => String(index + 1)),
      )
      assert.ok(client.answers.every(({ failure }) => failure === undefined))
    },
  )

  Pipes(
    `§pipelined-4: over ${way} a command that waits for room ends at its deadline, and so do those behind it`,
    async () => {
      host.onDispatch = (_, answer) => answer({ kind: 'error', error: new InnkeeperError('overloaded', 'full') })
      const client = connect()
      client.hello()
      client.send({ commands: [echoOf('1', 'a'), echoOf('2', 'b', { deadlineMs: 30 })] })
      assert.is((await client.answer(2)).failure!.code, 4)
      assert.is(client.answers.length, 1)
    },
  )

  Pipes(
    `§pipelined-6, pipe.P2: over ${way} more than the welcome allows ends the stream, and says what to do`,
    async () => {
      const commands = waiting()
      const many = connect()
      many.hello()
      many.send({ commands: Array.from({ length: 100 }, (_, id) => echoOf(`${id}`, 'a')) })
      await eventually(() => commands.length === 100)
      many.send({ commands: [echoOf('100', 'a')] })
      says(await many.end(), way, 8, 1008, /more than 100 commands without an answer; wait for answers/)
      assert.is(commands.length, 100)
      const heavy = connect()
      heavy.hello()
      heavy.send({ commands: [echoOf('1', 'x'.repeat(30_000))] })
      heavy.send({ commands: [echoOf('2', 'x'.repeat(30_000))] })
      if (text) says(await heavy.end(), way, 8, 1008, /bytes of commands without an answer/)
      else {
        await eventually(() => commands.length === 102)
        heavy.send({ commands: [echoOf('3', 'x'.repeat(10_000))] })
        says(await heavy.end(), way, 8, 1008, /bytes of commands without an answer/)
      }
    },
  )

  Pipes(`pipe.P3: over ${way} bytes of a frame are free again with the last answer to it`, async () => {
    const client = connect()
    client.hello()
    for (let id = 0; id < 10; id++) {
      client.send({ commands: [echoOf(`${id}`, 'x'.repeat(20_000))] })
      await client.answer(id)
    }
    await client.until(() => client.answers.length === 10)
  })

  Pipes(`§pipelined-7: over ${way} an id that is in flight is refused, and its first command is not`, async () => {
    const commands = waiting()
    const client = connect()
    client.hello()
    client.send({ commands: [echoOf('1', 'a'), echoOf('1', 'b')] })
    assert.is((await client.answer(1)).failure!.code, 6)
    await eventually(() => commands.length === 1)
    commands[0]!.reply(reply('a'))
    await client.until(() => client.answers.length === 2)
    assert.is(client.answers[1]!.payload, base64('a'))
    client.send({ commands: [echoOf('1', 'c')] })
    await eventually(() => commands.length === 2)
  })

  Pipes(
    `§pipelined-8, commands/frames.F1, text.X1: over ${way} what is no frame ends the stream, and only that`,
    async () => {
      const neighbour = connect()
      neighbour.hello()
      const bad = text
        ? ['', 'x', '{"hello":1}', '{"commands":[{"id":-1}]}', '[]', '{"what":1}']
        : ['\x0a', '\x12\x05\x08', '\x00\x00', '\x0a\x02\x08', '\x12\x02\x2a\x05']
      for (const frame of bad) {
        const client = connect()
        client.hello()
        await client.until(() => client.welcome !== undefined)
        client.raw(Buffer.from(frame, 'latin1'))
        says(await client.end(), way, 3, 1007, text ? /^INVALID_ARGUMENT: \$/ : /the frame cannot be read/)
      }
      neighbour.send({ commands: [echoOf('1', 'a')] })
      assert.is((await neighbour.answer(1)).payload, base64('a'))
    },
  )

  Pipes(
    `§pipelined-8: over ${way} the first frame has a hello of a version that is known, and no other has one`,
    async () => {
      const silent = connect()
      silent.send({ commands: [echoOf('1', 'a')] })
      says(await silent.end(), way, 3, 1007, /the first frame has no hello/)
      const twice = connect()
      twice.hello()
      twice.hello()
      says(await twice.end(), way, 3, 1007, /only the first frame has a hello/)
      const later = connect()
      later.send({ hello: { version: 2 } })
      says(await later.end(), way, 3, 1007, /speaks version 1 of the frames, not 2/)
      const heavy = connect()
      heavy.hello({ metadata: [{ name: 'x-a', text: 'x'.repeat(300) }] })
      says(await heavy.end(), way, 8, 1008, /at most 200 bytes/)
      const odd = connect()
      odd.hello({ metadata: [{ name: 'x a', text: 'x' }] })
      says(await odd.end(), way, 3, 1007, /metadata/)
    },
  )

  Pipes(`§call-7, pipe.P6: over ${way} what a client left behind goes on, and nothing of it is kept`, async () => {
    const commands = waiting()
    const client = connect()
    client.hello()
    client.send({ commands: [echoOf('1', 'a')] })
    await eventually(() => commands.length === 1)
    client.drop()
    await eventually(async () => (await places()) === 0)
    assert.is(host.context.inFlight.bytes, 0)
    commands[0]!.reply(reply('late'))
  })

  Pipes(
    `§pipelined-9: over ${way} a client that does not read is not read from, and loses nothing if it reads on`,
    async () => {
      host.onDispatch = (_, answer) => answer(reply('x'.repeat(60_000)))
      const client = connect()
      client.hello()
      await client.until(() => client.welcome !== undefined)
      client.pause()
      let sent = 0
      const before = await counted('commands_received_total')
      // More than sockets and HTTP/2 take on their way, and more than one read of a socket brings.
      for (; sent < 400; sent++) client.send({ commands: [echoOf(`${sent}`, 'a'.repeat(500))] })
      await eventually(async () => host.context.inFlight.bytes > 150_000)
      await new Promise((resolve) => setTimeout(resolve, 50))
      const taken = (await counted('commands_received_total')) - before
      assert.ok(taken < 400, `${taken} were read`)
      client.resume()
      await client.until(() => client.answers.length === 400)
      await eventually(() => host.context.inFlight.bytes < 50_000)
    },
  )

  if (way === 'gRPC')
    Pipes('a half-closed stream ends with OK once all is answered', async () => {
      const commands = waiting()
      const client = connect()
      client.hello()
      client.send({ commands: [echoOf('1', 'a')] })
      client.close()
      await eventually(() => commands.length === 1)
      commands[0]!.reply(reply('b'))
      assert.is((await client.end()).code, 0)
      assert.is(client.answers[0]!.payload, base64('b'))
    })
}

Pipes.after(async () => {
  await host.ingress.close(0)
})

Pipes.run()

// Guards the WebSocket at /v1/commands: who may open it, what of a connection is bounded, and how it ends.

import net from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { WebSocket } from 'ws'
import type { Reply } from '../../host/command.ts'
import { mayOpen } from '../../host/ingress/http/origin.ts'
import { MessageMeter } from '../../host/ingress/http/websocket-meter.ts'
import { noMetadata } from '../../host/metadata.ts'
import { loadSchema } from '../../host/schema/load.ts'
import { standardSet } from '../../host/schema/standard.ts'
import { Random } from '../fuzz/random.ts'
import { http } from '../support/host.ts'
import type { FakeHost, FakeHostParts } from '../support/ingress.ts'
import { eventually, fakeHost, metric, streamsProto } from '../support/ingress.ts'
import { says, ways } from '../support/piped.ts'
import { protos } from '../support/protos.ts'

const service = 'test.streams.v1.Streams'
const { schema } = await protos({ 'streams.proto': streamsProto })
const pace = { headersAfterMs: 1_000, heartbeatMs: 20 }

const Sockets = suite('websocket')

async function on(parts: FakeHostParts, test: (host: FakeHost) => Promise<void>): Promise<void> {
  const host = await fakeHost(schema, [service], parts)
  try {
    await test(host)
  } finally {
    await host.ingress.close(0)
  }
}

const places = (host: FakeHost) => metric(host.metrics, 'innkeeper_streams_open{service="innkeeper.v1.Commands"}')
const echo = (id: number) => ({ id, service, method: 'Echo', payload: '' })

/** The status of the upgrade, or 101. */
function upgrade(address: string, headers: Record<string, string>, path = '/v1/commands'): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://${address}${path}`, { headers })
    socket.on('open', () => {
      socket.terminate()
      resolve(101)
    })
    socket.on('unexpected-response', (request, response) => {
      resolve(response.statusCode!)
      request.destroy()
    })
    socket.on('error', reject)
  })
}

Sockets(
  '§pipelined-10, origin.O1, origin.O2, websocket.W1: a page of another origin may not open it; one that is named, the own host and programs may',
  () =>
    on({ context: { corsOrigins: ['https://app.example'] } }, async ({ address }) => {
      const port = address.split(':')[1]
      for (const origin of ['https://evil.example', 'null', 'http://127.0.0.1:1', `http://localhost:${port}`, 'x'])
        assert.is(await upgrade(address, { origin }), 403, origin)
      for (const origin of ['https://app.example', `http://${address}`])
        assert.is(await upgrade(address, { origin }), 101, origin)
      assert.is(await upgrade(address, {}), 101, 'no page')
      // A name that its owner made to mean this machine.
      const host = `evil.example:${port}`
      assert.is(await upgrade(address, { origin: `http://${host}`, host }), 403)
      assert.is(await upgrade(address, { origin: `http://localhost:${port}`, host: `localhost:${port}` }), 101)
    }),
)

Sockets('§pipelined-10: any page may where cors-origins is *, and where the port is bound to the name', () => {
  mayOpen({ origin: 'https://x.example', host: 'y' }, ['*'], '127.0.0.1')
  mayOpen({ origin: 'https://shop.example', host: 'Shop.example' }, [], 'shop.example')
  mayOpen({ origin: 'http://[::1]:80', host: '[::1]' }, [], '::')
  for (const host of [undefined, 'shop.example'])
    assert.throws(
      () => mayOpen({ origin: 'https://shop.example', ...(host && { host }) }, [], '0.0.0.0'),
      /cors-origins/,
    )
})

Sockets('§pipelined-10: the path without an upgrade, and other upgrades, are requests like any other', () =>
  on({}, async ({ address }) => {
    assert.is((await http(address, 'GET', '/v1/commands')).status, 404)
    assert.is(await upgrade(address, {}, '/v1/other'), 404)
    const answer = await raw(
      address,
      'POST /echo HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: h2c\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}',
    )
    assert.match(answer, /^HTTP\/1\.1 200 /)
  }),
)

/** What comes first. */
function raw(address: string, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const [host, port] = address.split(':') as [string, string]
    const socket = net.connect({ host, port: Number(port) }, () => socket.write(text))
    socket.on('error', reject)
    socket.once('data', (data) => {
      socket.destroy()
      resolve(data.toString('latin1'))
    })
  })
}

Sockets('§stream-2: a WebSocket has a place among the streams, and no other without one', () =>
  on({ limits: { streamsMax: 1 } }, async (host) => {
    const first = ways['a WebSocket, binary']!.open(host.address)
    first.hello()
    await first.until(() => first.welcome !== undefined)
    assert.is(await upgrade(host.address, {}), 429)
    first.drop()
    await eventually(async () => (await places(host)) === 0)
    assert.is(await upgrade(host.address, {}), 101)
  }),
)

Sockets('§call-8: while the host takes no calls, none is opened', () =>
  on({ context: { unready: () => 'not yet' } }, async ({ address }) => {
    assert.is(await upgrade(address, {}), 503)
  }),
)

Sockets('§limit-1: a message that is too long is refused by its head', () =>
  on({ limits: { messageBytesMax: 10_000 } }, async (host) => {
    const client = ways['a WebSocket, binary']!.open(host.address)
    client.raw(new Uint8Array(10_001))
    assert.is((await client.end()).code, 1009)
    const text = ways['a WebSocket, text']!.open(host.address)
    text.raw(Buffer.alloc(10_001, 0x20))
    assert.is((await text.end()).code, 1009)
  }),
)

Sockets('text.X2: a text message that is long is refused, and says how to send more', () =>
  on({}, async (host) => {
    const client = ways['a WebSocket, text']!.open(host.address)
    client.raw(Buffer.alloc(70_000, 0x20))
    says(await client.end(), 'text', 8, 1009, /a text frame has at most 65536 bytes/)
  }),
)

Sockets('§pipelined-3: JSON of a command that is long is refused, and says how to send it', () =>
  on({}, async (host) => {
    const client = ways['a WebSocket, binary']!.open(host.address)
    client.hello()
    client.send({ commands: [{ ...echo(1), payload: null, json: { text: 'x'.repeat(70_000) } }] })
    const { failure } = await client.answer(1)
    assert.is(failure!.code, 8)
    assert.match(failure!.message, /at most 65536 characters; send its message/)
  }),
)

Sockets('pipe.P5: much JSON in one frame is read in several turns of the loop', () =>
  on({}, async (host) => {
    let turns = 0
    let most = 0
    let inTurn = 0
    host.onDispatch = ({ payload }, reply) => {
      if (inTurn === 0)
        setImmediate(() => {
          turns += 1
          most = Math.max(most, inTurn)
          inTurn = 0
        })
      inTurn += payload.length
      reply({ kind: 'reply', payload: new Uint8Array(0), metadata: noMetadata })
    }
    const client = ways['a WebSocket, binary']!.open(host.address)
    client.hello()
    const json = { text: 'x'.repeat(30_000) }
    client.send({ commands: Array.from({ length: 20 }, (_, id) => ({ id, service, method: 'Echo', json })) })
    await client.until(() => client.answers.length === 20)
    assert.equal(
      client.answers.map(({ id }) => Number(id)),
      Array.from({ length: 20 }, (_, id) => id),
    )
    assert.ok(turns >= 9 && most <= 64 * 1024, `${turns} turns, ${most} bytes in one`)
  }),
)

Sockets('§call-10, websocket.W2: a message that never is whole ends its connection; one that is silent stays', () =>
  on({ limits: { requestMs: 80 } }, async (host) => {
    const silent = ways['a WebSocket, binary']!.open(host.address)
    silent.hello()
    const [name, port] = host.address.split(':') as [string, string]
    const socket = net.connect({ host: name, port: Number(port) })
    socket.write(
      'GET /v1/commands HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    )
    await new Promise((resolve) => socket.once('data', resolve))
    socket.write(Buffer.from([0x82, 0x80 | 100, 0, 0, 0, 0, 1, 2, 3]))
    const data: Buffer[] = []
    socket.on('data', (chunk) => data.push(chunk))
    await new Promise((resolve) => socket.on('end', resolve))
    assert.match(Buffer.concat(data).toString('latin1'), /DEADLINE_EXCEEDED: the request did not arrive/)
    socket.destroy()
    silent.send({ commands: [echo(1)] })
    await silent.answer(1)
  }),
)

Sockets('websocket.W5: who is silent is asked, and a flood of pings is answered as far as it is read', () =>
  on({ context: { pace } }, async ({ address, context }) => {
    const socket = new WebSocket(`ws://${address}/v1/commands`)
    await new Promise((resolve) => socket.once('open', resolve))
    await new Promise((resolve) => socket.once('ping', resolve))
    const pong = new Promise((resolve) => socket.once('pong', (data) => resolve(data.toString())))
    socket.ping('a')
    assert.is(await pong, 'a')
    socket.pause()
    for (let index = 0; index < 20_000; index++) socket.ping('x'.repeat(125))
    await eventually(() => socket.bufferedAmount === 0)
    assert.ok(context.inFlight.bytes < 10_000)
    socket.terminate()
  }),
)

Sockets('§limit-11, websocket.W3: a client whose unread answers find no room is cut', () =>
  on({ limits: { connectionBytesMax: 400_000 } }, async (host) => {
    const replies: Reply[] = []
    host.onDispatch = (_, reply) => replies.push(reply)
    const client = ways['a WebSocket, binary']!.open(host.address)
    client.hello()
    client.send({ commands: Array.from({ length: 200 }, (_, id) => echo(id)) })
    await eventually(() => replies.length === 200)
    client.pause()
    for (const reply of replies) reply({ kind: 'reply', payload: new Uint8Array(100_000), metadata: noMetadata })
    await eventually(async () => (await places(host)) === 0)
    assert.is(host.context.inFlight.bytes, 0)
    client.resume()
    assert.is((await client.end()).code, 1006)
  }),
)

for (const way of ['gRPC', 'a WebSocket, binary']) {
  Sockets(
    `§pipelined-11, pipes.Q2: when the host stops, over ${way} what was handed over is answered, then the stream ends`,
    async () => {
      const host = await fakeHost(schema, [service])
      const replies: Reply[] = []
      host.onDispatch = (_, reply) => replies.push(reply)
      const client = ways[way]!.open(host.address)
      client.hello()
      client.send({ commands: [echo(1)] })
      await eventually(() => replies.length === 1)
      const closed = host.ingress.close(10_000)
      client.send({ commands: [echo(2)] })
      await new Promise((resolve) => setTimeout(resolve, 30))
      assert.is(client.ended, undefined)
      replies[0]!({ kind: 'reply', payload: new Uint8Array(0), metadata: noMetadata })
      says(await client.end(), way, 14, 1001, /the host is stopping; connect again/)
      assert.equal(
        client.answers.map(({ id }) => id),
        ['1'],
      )
      await closed
    },
  )

  Sockets(`§pipelined-11: at the end of the wait, over ${way} a stream ends with what is still open`, async () => {
    const host = await fakeHost(schema, [service])
    let asked = 0
    host.onDispatch = () => {
      asked += 1
    }
    const client = ways[way]!.open(host.address)
    client.hello()
    client.send({ commands: [echo(1)] })
    await eventually(() => asked === 1)
    const closed = host.ingress.close(20)
    says(await client.end(), way, 14, 1001, /the host is stopping/)
    await closed
  })
}

Sockets('§pipelined-8, websocket.W4: hostile bytes end their own connection, or are answered; others are served', () =>
  on({ limits: { pipelinedCommandsMax: 50 } }, async (host) => {
    const random = new Random(7)
    const neighbour = ways['a WebSocket, binary']!.open(host.address)
    neighbour.hello()
    const frame = Buffer.from('0a02080112340801121774657374', 'hex')
    for (let round = 0; round < 150; round++) {
      const bytes = Buffer.from(frame)
      for (let count = 1 + random.below(6); count > 0; count--) bytes[random.below(bytes.length)] = random.below(256)
      const client = ways[random.below(2) === 0 ? 'gRPC' : 'a WebSocket, binary']!.open(host.address)
      client.hello()
      client.raw(bytes.subarray(0, random.below(bytes.length + 1)))
      await Promise.race([client.end(), client.until(() => client.welcome !== undefined)])
      client.drop()
      neighbour.send({ commands: [echo(round)] })
      assert.is((await neighbour.answer(round)).failure, undefined)
    }
    // Bytes that are no WebSocket.
    for (let round = 0; round < 50; round++) {
      const [name, port] = host.address.split(':') as [string, string]
      const socket = net.connect({ host: name, port: Number(port) })
      socket.on('error', () => {})
      const key = 'dGhlIHNhbXBsZSBub25jZQ=='
      socket.write(
        `GET /v1/commands HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${key}\r\n\r\n`,
      )
      await new Promise((resolve) => socket.once('data', resolve))
      socket.write(Buffer.from(Array.from({ length: 60 }, () => random.below(256))))
      await new Promise((resolve) => setTimeout(resolve, 1))
      socket.destroy()
    }
    neighbour.send({ commands: [echo(1_000)] })
    await neighbour.answer(1_000)
    assert.equal(host.log, [])
    neighbour.drop()
    await eventually(async () => (await places(host)) === 0)
    await eventually(() => host.context.inFlight.bytes === 0)
  }),
)

Sockets('the meter knows what of a message is missing, wherever its pieces are cut', () => {
  const random = new Random(3)
  for (let round = 0; round < 300; round++) {
    const frames: { readonly bytes: Buffer; readonly whole: boolean; readonly control: boolean }[] = []
    for (let count = 1 + random.below(5); count > 0; count--) {
      const control = random.below(3) === 0
      const length = control ? random.below(126) : random.pick([0, 1, 125, 126, 200, 65_536])
      const fin = control || random.below(2) === 0
      const head =
        length < 126 ? [length] : length < 65_536 ? [126, length >> 8, length & 255] : [127, 0, 0, 0, 0, 0, 1, 0, 0]
      const bytes = Buffer.concat([
        Buffer.from([(fin ? 0x80 : 0) | (control ? 9 : 2), 0x80 | head[0]!, ...head.slice(1), 9, 9, 9, 9]),
        Buffer.alloc(length, 0xff),
      ])
      frames.push({ bytes, whole: fin && !control, control })
    }
    const all = Buffer.concat(frames.map(({ bytes }) => bytes))
    const meter = new MessageMeter()
    let expected = 0
    let partial = 0
    for (let at = 0; at < all.length; ) {
      const count = Math.min(1 + random.below(random.pick([3, 1_000, 100_000])), all.length - at)
      partial = meter.came(all.subarray(at, at + count))
      at += count
    }
    for (const { bytes, whole, control } of frames) expected = whole ? 0 : control ? expected : expected + bytes.length
    assert.is(partial, expected)
  }
})

Sockets('frames are described in the .proto, and among the standard files', () => {
  const known = loadSchema(standardSet('innkeeper/v1/commands.proto'))
  assert.ok(known.services.get('innkeeper.v1.Commands')!.methods.get('Stream')!.serverStreaming)
})

Sockets.run()

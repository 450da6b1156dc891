// Guards the host's own gRPC services against clients that ask and do not read: an answer is made when the one before is taken, what
// a connection has not read is bounded over all its streams, and who left holds nothing.

import http2 from 'node:http2'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fakeHost } from '../support/ingress.ts'
import { heldBytes } from '../support/memory.ts'
import { protos } from '../support/protos.ts'

const connectionBytesMax = 400_000
const streamsMax = 60
const { schema } = await protos({
  'one.proto': `syntax = "proto3"; package one.v1; import "google/protobuf/descriptor.proto";
    service One { rpc Do(In) returns (In); } message In { google.protobuf.FileDescriptorProto file = 1; }`,
})
const host = await fakeHost(schema, ['one.v1.One'], { limits: { connectionBytesMax, streamsMax } })
/** The largest file there is. */
const file = 'google/protobuf/descriptor.proto'
const fileBytes = schema.files.get(file)!.bytes.length

function frame(payload: Uint8Array): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(5), payload])
  bytes.writeUInt32BE(payload.length, 1)
  return bytes
}
const ask = frame(Buffer.concat([Buffer.from([0x1a, file.length]), Buffer.from(file)]))

/** A connection that reads no body: headers and trailers come, DATA does not. */
function deaf(): http2.ClientHttp2Session {
  const session = http2.connect(`http://${host.address}`, { settings: { initialWindowSize: 0 } })
  session.on('error', () => {})
  return session
}

function open(
  session: http2.ClientHttp2Session,
  path: string,
): { stream: http2.ClientHttp2Stream; status: Promise<string> } {
  const headers = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' }
  const stream = session.request(headers)
  stream.on('error', () => {})
  const status = new Promise<string>((resolve) => {
    const look = (all: http2.IncomingHttpHeaders) => {
      if (all['grpc-status'] !== undefined) resolve(String(all['grpc-status']))
    }
    stream.on('response', look)
    stream.on('trailers', look)
    // gRPC reads ENHANCE_YOUR_CALM as RESOURCE_EXHAUSTED: after the headers nothing else can be said to who reads nothing.
    stream.on('close', () => resolve(stream.rstCode === http2.constants.NGHTTP2_ENHANCE_YOUR_CALM ? '8' : 'reset'))
  })
  return { stream, status }
}
const reflection = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo'
const moment = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Nothing is open any more. */
async function quiet(): Promise<void> {
  for (let tries = 0; tries < 6_000; tries++) {
    const text = await (await host.metrics.registry()).metrics()
    const open = text.split('\n').filter((line) => /^innkeeper_streams_open\{.*\} [1-9]/.test(line))
    if (open.length === 0) return
    await moment(10)
  }
  assert.unreachable('streams stay open')
}

const Deaf = suite('answers of the host itself that nobody reads')

Deaf('§reflection-3, own-streams.O1: one stream: its requests are not read before its answer is', async () => {
  const session = deaf()
  const { stream } = open(session, reflection)
  await moment(100)
  const before = heldBytes()
  const asked = 20_000
  for (let sent = 0; sent < asked; sent += 100) {
    stream.write(Buffer.concat(Array(100).fill(ask)))
    if (sent % 2_000 === 0) await moment(10)
  }
  await moment(500)
  // What was written lies here, on the client's side, but for two windows; the answers would be a thousand times that.
  const grown = heldBytes() - before - asked * ask.length
  assert.ok(asked * fileBytes > 100_000_000)
  assert.ok(grown < 10_000_000, `${grown} bytes for ${asked} requests`)
  session.destroy()
})

Deaf('§reflection-3: many streams of one connection: past the bound they end, and reading makes room', async () => {
  const session = deaf()
  const fits = Math.floor(connectionBytesMax / (fileBytes + ask.length))
  assert.ok(fits >= 10 && fits < 40, `${fits}`)
  const streams = Array.from({ length: 40 }, () => open(session, reflection))
  const statuses: string[] = []
  const waiting = new Set(streams.map(({ stream }) => stream))
  for (const { stream, status } of streams) {
    stream.write(ask)
    void status.then((code) => {
      statuses.push(code)
      waiting.delete(stream)
    })
  }
  for (let tries = 0; tries < 6_000 && statuses.length < 40 - fits; tries++) await moment(10)
  await moment(200)
  // Each stream takes some bytes besides its answer, and where one is cut there is a little room afterwards.
  const left = 40 - statuses.length
  assert.ok(left <= fits && left > fits / 2, `${left} are left, ${fits} fit`)
  assert.ok(host.context.inFlight.bytes <= connectionBytesMax)
  assert.equal([...new Set(statuses)], ['8'])
  // Another connection has nothing to do with it.
  const other = deaf()
  const { stream, status } = open(other, reflection)
  stream.end()
  assert.is(await status, '0')
  other.destroy()
  // The client reads: windows open, answers arrive, and it may ask again.
  session.settings({ initialWindowSize: 1_000_000 })
  await Promise.all([...waiting].map((each) => new Promise((resolve) => each.once('data', resolve))))
  await moment(100)
  const again = open(session, reflection)
  const answered = new Promise((resolve) => again.stream.once('data', resolve))
  again.stream.write(ask)
  await answered
  session.destroy()
})

Deaf('streams that end as they should give their places back while the connection stays', async () => {
  await quiet()
  const session = http2.connect(`http://${host.address}`)
  for (let count = 0; count < streamsMax + 5; count++) {
    const { stream, status } = open(session, reflection)
    stream.resume()
    stream.end(Buffer.concat([ask, ask]))
    assert.is(await status, '0')
  }
  await quiet()
  const broken = open(session, reflection)
  broken.stream.resume()
  broken.stream.end(Buffer.concat([frame(Buffer.from([0x1a, 9])), ask]))
  assert.is(await broken.status, '3')
  await quiet()
  session.destroy()
})

Deaf('own-streams.O2: watches count among the open streams, and give their places back', async () => {
  const watch = '/grpc.health.v1.Health/Watch'
  for (let round = 0; round < 2; round++) {
    await quiet()
    const session = deaf()
    const statuses: string[] = []
    // An eighth and a sixteenth are kept for other services and clients.
    const kept = Math.floor(streamsMax / 8) + Math.floor(streamsMax / 16)
    for (let index = 0; index < streamsMax - kept + 5; index++) {
      const { stream, status } = open(session, watch)
      stream.end(frame(Buffer.alloc(0)))
      void status.then((code) => statuses.push(code))
    }
    for (let tries = 0; tries < 6_000 && statuses.length < 5; tries++) await moment(10)
    assert.equal(statuses, Array(5).fill('8'))
    session.destroy()
  }
  await quiet()
  await host.ingress.close(100)
})

Deaf.run()

// Guards the host's memory against clients that ask and do not read: what they were answered is counted until they have it, past the bound those
// who have most to read are cut, and a client from another address is served meanwhile.

import nodeHttp from 'node:http'
import http2 from 'node:http2'
import net from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { frame } from '../../host/ingress/envelope.ts'
import { defaultLimits } from '../../host/limits.ts'
import { noMetadata } from '../../host/metadata.ts'
import { Sink } from '../../host/transcode/sink.ts'
import { eventually, fakeHost, streamsProto } from '../support/ingress.ts'
import { heldBytes } from '../support/memory.ts'
import { protos } from '../support/protos.ts'

const MiB = 1024 * 1024
const bytesMax = 16 * MiB
const connectionBytesMax = 6 * MiB
const answerBytes = 190_000
const growthMax = 8 * bytesMax
const service = 'test.streams.v1.Streams'
const { schema } = await protos({ 'streams.proto': streamsProto })
const host = await fakeHost(schema, [service], {
  limits: { inFlightBytesMax: bytesMax + defaultLimits.uploadBytesMax, connectionBytesMax },
})
const { inFlight } = host.context
const [name, port] = [host.address.split(':')[0]!, Number(host.address.split(':')[1])]

/** An `Item` with a long text, made anew each time. */
function item(): Uint8Array {
  const sink = new Sink()
  sink.varint(10)
  sink.string('x'.repeat(answerBytes))
  return sink.finish()
}
let answered = 0
host.onDispatch = (command, reply) => {
  const short = command.payload.length > 0
  if (!short) answered += 1
  reply({ kind: 'reply', payload: short ? command.payload : item(), metadata: noMetadata })
}
host.onOpen = (call) => {
  const go = () => {
    while (call.receiver.ready && call.cancels === 0) call.next(item())
  }
  call.resume = go
  // The test's own memory of it.
  host.opened.length = 0
  void host.call()
  queueMicrotask(() => {
    answered += 1
    go()
  })
}

function neighbour(): Promise<number> {
  return new Promise((resolve) => {
    const headers = { 'content-type': 'application/json' }
    const options = {
      host: name,
      port,
      method: 'POST',
      path: '/echo',
      headers,
      localAddress: '127.0.0.2',
      agent: false,
    }
    const request = nodeHttp.request(options, (response) => {
      response.resume()
      response.on('end', () => resolve(response.statusCode!))
    })
    request.on('error', () => resolve(0))
    request.end('{"text":"here"}')
  })
}

interface Deaf {
  /** Some of its calls were told RESOURCE_EXHAUSTED. Over HTTP/1.1 who reads nothing hears nothing. */
  readonly told: () => boolean
  readonly leave: () => void
}

/** Connections that ask so often each and read nothing. */
function deafHttp(connections: number, each: number, request: string | Buffer): Deaf {
  const sockets = Array.from({ length: connections }, () => {
    const socket = net.connect({ host: name, port })
    socket.pause()
    socket.on('error', () => {})
    for (let at = 0; at < each; at++) socket.write(request)
    return socket
  })
  return {
    told: () => true,
    leave: () => {
      for (const socket of sockets) socket.destroy()
    },
  }
}

function deafGrpc(connections: number, each: number, path: string): Deaf {
  let ended = 0
  const sessions = Array.from({ length: connections }, () => {
    const session = http2.connect(`http://${host.address}`, { settings: { initialWindowSize: 0 } })
    session.on('error', () => {})
    for (let at = 0; at < each; at++) {
      const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc' })
      stream.on('error', () => {})
      stream.on('close', () => {
        if (stream.rstCode === http2.constants.NGHTTP2_ENHANCE_YOUR_CALM) ended += 1
      })
      stream.end(frame(0, Buffer.alloc(0)))
    }
    return session
  })
  return {
    told: () => ended > 0,
    leave: () => {
      for (const session of sessions) session.destroy()
    },
  }
}

const Unread = suite('clients that ask and do not read')

/** Says PASS or FAIL. All calls are answered, but for those that wait behind an answer of their connection. */
function attack(what: string, begin: () => Deaf, calls: number): void {
  Unread(what, async () => {
    answered = 0
    const cutsBefore = inFlight.cuts
    // Of both ends.
    const before = heldBytes()
    let most = 0
    const statuses: number[] = []
    const deaf = begin()
    await eventually(async () => {
      statuses.push(await neighbour())
      most = Math.max(most, inFlight.bytes)
      return answered >= calls && inFlight.cuts > cutsBefore
    })
    statuses.push(await neighbour())
    // Buffers outside of the heap go in the turns after what held them was collected.
    let grown = heldBytes() - before
    for (let tries = 0; grown > growthMax && tries < 40; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 50))
      grown = heldBytes() - before
    }
    const cuts = inFlight.cuts - cutsBefore
    const right = most <= bytesMax && grown <= growthMax && cuts > 0 && statuses.every((status) => status === 200)
    const figures = `${answered} answers, counted ${most}, grew by ${grown}, ${cuts} cut`
    console.log(`${right ? 'PASS' : 'FAIL'} ${what}: ${figures}`)
    assert.ok(most <= bytesMax)
    assert.ok(cuts > 0)
    assert.ok(grown <= growthMax)
    assert.ok(statuses.every((status) => status === 200))
    await eventually(deaf.told)
    deaf.leave()
    await eventually(() => inFlight.bytes === 0)
  })
}

const ask = (path: string, type: string, body: string | Buffer) =>
  Buffer.concat([
    Buffer.from(
      `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: ${type}\r\ncontent-length: ${body.length}\r\n\r\n`,
    ),
    Buffer.from(body),
  ])
const web = 'application/grpc-web+proto'

attack('unary gRPC', () => deafGrpc(10, 100, `/${service}/Echo`), 1_000)
attack('streams over gRPC', () => deafGrpc(10, 100, `/${service}/Watch`), 1_000)
// The first of these connections have answers in the kernel's buffers alone.
attack('unary HTTP/JSON', () => deafHttp(40, 50, ask('/echo', 'application/json', '{}')), 300)
attack('streams over HTTP/JSON', () => deafHttp(90, 1, ask('/watch', 'application/json', '{}')), 90)
attack('unary gRPC-Web', () => deafHttp(40, 50, ask(`/${service}/Echo`, web, frame(0, Buffer.alloc(0)))), 300)
attack('streams over gRPC-Web', () => deafHttp(90, 1, ask(`/${service}/Watch`, web, frame(0, Buffer.alloc(0)))), 90)

Unread('a slow reader that is alone gets all of it', async () => {
  const cutsBefore = inFlight.cuts
  const socket = net.connect({ host: name, port })
  const count = 20
  let size = 0
  answered = 0
  socket.pause()
  for (let at = 0; at < count; at++) socket.write(ask('/echo', 'application/json', '{}'))
  await eventually(() => answered >= count)
  socket.on('data', (chunk: Buffer) => {
    size += chunk.length
    socket.pause()
    setTimeout(() => socket.resume(), 1)
  })
  socket.resume()
  await eventually(() => size > count * answerBytes)
  await eventually(() => inFlight.bytes === 0)
  assert.is(inFlight.cuts, cutsBefore)
  socket.destroy()
})

Unread.after(() => host.ingress.close(100))

Unread.run()

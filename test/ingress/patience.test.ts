// Guards the host against clients that stay and do nothing: connections without a call are closed, requests that never become whole end, and
// a stream that is only quiet stays open.

import http2 from 'node:http2'
import net from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { frame } from '../../host/ingress/envelope.ts'
import { fakeHost, streamsProto } from '../support/ingress.ts'
import { protos } from '../support/protos.ts'

const service = 'test.streams.v1.Streams'
const { schema } = await protos({ 'streams.proto': streamsProto })
const connectionIdleMs = 300
const requestMs = 400
const host = await fakeHost(schema, [service], { limits: { connectionIdleMs, requestMs } })

function connect(): http2.ClientHttp2Session {
  const session = http2.connect(`http://${host.address}`)
  session.on('error', () => {})
  return session
}

function open(session: http2.ClientHttp2Session, method: string): http2.ClientHttp2Stream {
  const headers = { ':method': 'POST', ':path': `/${service}/${method}`, 'content-type': 'application/grpc' }
  const stream = session.request(headers)
  stream.on('error', () => {})
  return stream
}

/** The status of a call that ends without an answer. */
function status(stream: http2.ClientHttp2Stream): Promise<string> {
  return new Promise((resolve) => {
    stream.on('response', (headers) => resolve(String(headers['grpc-status'])))
    stream.on('close', () => resolve('closed'))
  })
}
const closed = (emitter: NodeJS.EventEmitter) => new Promise<void>((resolve) => emitter.once('close', () => resolve()))
const moment = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

const Patience = suite('patience')

Patience('§call-10: an HTTP/2 connection without a call is closed, also after it had one', async () => {
  const session = connect()
  await closed(session)
  const used = connect()
  const stream = open(used, 'Echo')
  stream.resume()
  stream.end(frame(0, Buffer.alloc(0)))
  await closed(stream)
  await closed(used)
})

Patience('one with an open stream stays, and so does one whose client only sends PINGs beside it', async () => {
  const session = connect()
  const stream = open(session, 'Chat')
  const call = await host.call()
  for (let at = 0; at < 10; at++) {
    await new Promise((resolve) => session.ping(resolve))
    await moment(connectionIdleMs / 4)
  }
  // Longer than a request may be incomplete: between messages nothing is.
  await moment(2 * requestMs)
  assert.not.ok(stream.closed)
  stream.write(frame(0, Buffer.from([10, 1, 97])))
  await call.until(({ items }) => items.length === 1)
  stream.close()
  await call.until(({ cancels }) => cancels === 1)
  await closed(session)
})

Patience('server.S5: an HTTP/1.1 connection without a request is closed', async () => {
  const [name, port] = host.address.split(':') as [string, string]
  const socket = net.connect(Number(port), name)
  socket.resume()
  socket.write('GET /watch/a HTTP/1.1\r\nhost: localhost\r\n\r\n')
  const call = await host.call()
  call.receiver.end()
  await closed(socket)
})

Patience(
  'server.S5: requests over HTTP/2 that never become whole end with DEADLINE_EXCEEDED: unary ones, and a message of a stream',
  async () => {
    const session = connect()
    const nothing = status(open(session, 'Echo'))
    const half = open(session, 'Echo')
    half.write(Buffer.from([0, 0, 0, 0, 9, 1]))
    const chat = open(session, 'Chat')
    chat.write(Buffer.concat([frame(0, Buffer.alloc(0)), Buffer.from([0, 0, 0])]))
    assert.equal(await Promise.all([nothing, status(half), status(chat)]), ['4', '4', '4'])
    session.destroy()
  },
)

Patience.after(() => host.ingress.close(100))

Patience.run()

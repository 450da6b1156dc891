// Guards HTTP/2 that is not gRPC: the same answers as over HTTP/1.1, nothing run that its client could not understand, and no exchange that ends
// another's connection.

import type { ClientHttp2Session, IncomingHttpHeaders, IncomingHttpStatusHeader } from 'node:http2'
import { connect, constants } from 'node:http2'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Command, Dispatch } from '../../host/command.ts'
import { InnkeeperError } from '../../host/errors.ts'
import { FrameReader, frame } from '../../host/ingress/envelope.ts'
import { toMessage } from '../../host/transcode/to-message.ts'
import { eventually, fakeHost, streamsProto } from '../support/ingress.ts'
import { protos } from '../support/protos.ts'

const name = 'test.streams.v1.Streams'
const { schema } = await protos({ 'streams.proto': streamsProto })
const host = await fakeHost(schema, [name], {
  limits: { messageBytesMax: 100_000 },
  context: { corsOrigins: ['https://a.example'], pace: { headersAfterMs: 50, heartbeatMs: 1_000 } },
})
const item = (text: string) => Buffer.from(toMessage(schema, schema.messages.get('test.streams.v1.Item')!, { text }))

interface Answer {
  readonly status: number | undefined
  readonly headers: IncomingHttpHeaders & IncomingHttpStatusHeader
  readonly trailers: IncomingHttpHeaders
  readonly body: Buffer
  /** Of its reset; 0 for none. */
  readonly code: number
}

const session: ClientHttp2Session = connect(`http://${host.address}`)

function ask(
  headers: Record<string, string>,
  body?: string | Buffer,
  took: (chunk: Buffer) => void = () => {},
): Promise<Answer> {
  return new Promise((resolve) => {
    const stream = session.request({ ':method': 'POST', ...headers }, { endStream: body === undefined })
    let head: Answer['headers'] = {}
    let trailers: IncomingHttpHeaders = {}
    const chunks: Buffer[] = []
    stream.on('response', (given) => {
      head = given
    })
    stream.on('trailers', (given) => {
      trailers = given
    })
    stream.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      took(chunk)
    })
    stream.on('error', () => {})
    stream.on('close', () =>
      resolve({ status: head[':status'], headers: head, trailers, body: Buffer.concat(chunks), code: stream.rstCode }),
    )
    if (body !== undefined) stream.end(body)
  })
}

const json = { 'content-type': 'application/json' }
const echoed = { ':path': '/echo' }
const called = { ':path': `/${name}/Echo` }
/** What reached the services. */
const commands: Command[] = []
const counted: Dispatch = (command, reply) => {
  commands.push(command)
  reply({ kind: 'reply', payload: command.payload, metadata: [] })
}
host.onDispatch = counted
const nextCall = () => host.call()

const Web = suite('HTTP/2 that is not gRPC')

Web('§call-1: JSON is answered as over HTTP/1.1, with its status, its headers and its id', async () => {
  const { status, headers, body } = await ask(
    { ...echoed, ...json, 'x-request-id': 'mine', 'x-a': 'b' },
    '{"text":"hello"}',
  )
  assert.equal(
    [status, headers['content-type'], headers['x-request-id'], JSON.parse(body.toString()).text],
    [200, 'application/json', 'mine', 'hello'],
  )
  assert.equal(commands.at(-1)!.metadata, [['x-a', 'b']])
  const nowhere = await ask({ ':method': 'GET', ':path': '/nowhere' })
  assert.equal([nowhere.status, JSON.parse(nowhere.body.toString()).code], [404, 12])
  const wrong = await ask({ ...echoed, ...json }, '{"nothing":1}')
  assert.equal([wrong.status, JSON.parse(wrong.body.toString()).code], [400, 3])
  const document = await ask({ ':method': 'GET', ':path': '/openapi.json' })
  assert.is(JSON.parse(document.body.toString()).openapi, '3.1.0')
})

Web('over-http2.V1: gRPC-Web has its own form, and its command runs once', async () => {
  const before = commands.length
  const web = { ...called, 'content-type': 'application/grpc-web+proto' }
  const { status, headers, body } = await ask(web, frame(0, item('hello')))
  assert.equal([status, headers['content-type']], [200, 'application/grpc-web+proto'])
  const reader = new FrameReader(1_000)
  reader.push(body)
  assert.equal(reader.next()!.payload, item('hello'))
  const trailer = reader.next()!
  assert.equal([trailer.flags, trailer.payload.toString().split('\r\n')[0]], [0x80, 'grpc-status: 0'])
  assert.is(commands.length, before + 1)
})

Web('over-http2.V1: another type that starts like gRPC is unimplemented, and nothing ran', async () => {
  const before = commands.length
  for (const type of [
    'application/grpc+json',
    'application/grpc+thrift',
    'application/grpcx',
    'application/grpc+proto+x',
  ]) {
    const { status, headers } = await ask({ ...called, 'content-type': type, te: 'trailers' }, frame(0, item('x')))
    assert.equal([status, headers['grpc-status']], [415, '12'], type)
  }
  for (const type of ['application/grpc', 'application/grpc+proto', 'application/grpc; charset=x']) {
    const { trailers } = await ask({ ...called, 'content-type': type, te: 'trailers' }, frame(0, item('x')))
    assert.is(trailers['grpc-status'], '0', type)
  }
  assert.is(commands.length, before + 3)
})

Web('§stream-3: elements come as they are made, and a client that leaves cancels', async () => {
  const opened = nextCall()
  let lines = ''
  const answer = ask({ ':path': '/watch', ...json }, '{"text":"x"}', (chunk) => {
    lines += chunk
  })
  const call = await opened
  call.next(item('one'))
  await eventually(() => lines.includes('\n'))
  call.next(item('two'))
  call.refuse(9, 'no more')
  const { code } = await answer
  // Cut behind what was written: whole it was not.
  assert.equal([lines.trim().split('\n').length, code], [2, constants.NGHTTP2_INTERNAL_ERROR])
  const left = nextCall()
  const stream = session.request({ ':method': 'POST', ':path': '/watch', ...json, accept: 'text/event-stream' })
  stream.on('error', () => {})
  stream.end('{}')
  const second = await left
  stream.close(constants.NGHTTP2_CANCEL)
  await second.until(({ cancels }) => cancels === 1)
})

Web('over-http2.V3: a body that is too large is refused alone, and others of its connection go on', async () => {
  const large = JSON.stringify({ text: 'x'.repeat(200_000) })
  const [refused, taken] = await Promise.all([
    ask({ ...echoed, ...json }, large),
    ask({ ...echoed, ...json }, '{"text":"y"}'),
  ])
  assert.equal([refused.status, taken.status], [413, 200])
  const slow = session.request({ ':method': 'POST', ...echoed, ...json })
  slow.on('error', () => {})
  slow.write('{"te')
  host.onDispatch = (_command, reply) => reply({ kind: 'error', error: new InnkeeperError('unavailable', 'not now') })
  assert.is((await ask({ ...echoed, ...json }, '{}')).status, 503)
  host.onDispatch = counted
  slow.close(constants.NGHTTP2_CANCEL)
  assert.is((await ask({ ...echoed, ...json }, '{}')).status, 200)
  assert.is(session.closed, false)
})

Web('over-http2.V2: what streams take is counted for their connection, and given back', async () => {
  const flight = () => host.context.inFlight.bytes
  await eventually(() => flight() === 0)
  const streams = Array.from({ length: 20 }, () => {
    const stream = session.request({ ':method': 'POST', ...echoed, ...json })
    stream.on('error', () => {})
    stream.write('{"text":')
    return stream
  })
  await eventually(() => flight() > 20 * 4_096)
  for (const stream of streams) stream.close(constants.NGHTTP2_CANCEL)
  await eventually(() => flight() === 0)
})

Web(
  'over-http2.V2: a request that is never whole ends after request-ms, with or without a piece of its body',
  async () => {
    const hasty = await fakeHost(schema, [name], { limits: { requestMs: 80 } })
    const client = connect(`http://${hasty.address}`)
    const status = (piece: string) =>
      new Promise((resolve) => {
        const stream = client.request({ ':method': 'POST', ...echoed, ...json })
        stream.on('error', () => {})
        stream.on('response', (head) => resolve(head[':status']))
        if (piece !== '') stream.write(piece)
      })
    assert.equal(await Promise.all(['', '{"te'].map(status)), [504, 504])
    const whole = client.request({ ':method': 'GET', ':path': '/watch/x' })
    const call = await hasty.call()
    await eventually(() => hasty.context.inFlight.cuts >= 2)
    call.next(item('still here'))
    assert.match(String(await new Promise((resolve) => whole.once('data', resolve))), 'still here')
    client.destroy()
    await hasty.ingress.close(0)
  },
)

Web('pages ask first over HTTP/2, too, and a request without a path is refused', async () => {
  const preflight = await ask({
    ':method': 'OPTIONS',
    ...echoed,
    origin: 'https://a.example',
    'access-control-request-method': 'POST',
  })
  assert.equal([preflight.status, preflight.headers['access-control-allow-origin']], [204, 'https://a.example'])
  assert.is((await ask({ ':method': 'OPTIONS', ':path': '*' })).status, 400)
})

Web.after(async () => {
  session.close()
  await host.ingress.close(0)
})
Web.run()

// Guards gRPC-Web: frames and base64 cut anywhere, the status as the last frame, and the same bounds as everywhere.

import net from 'node:net'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Command } from '../../host/command.ts'
import { InnkeeperError } from '../../host/errors.ts'
import { Base64Reader, FrameReader, frame } from '../../host/ingress/envelope.ts'
import { toMessage } from '../../host/transcode/to-message.ts'
import { refuses } from '../support/assert.ts'
import { eventually, fakeHost, metric, streamsProto } from '../support/ingress.ts'
import { protos } from '../support/protos.ts'

const name = 'test.streams.v1.Streams'
const { schema } = await protos({ 'streams.proto': streamsProto })
const host = await fakeHost(schema, [name], {
  limits: { messageBytesMax: 100_000, streamsMax: 20 },
  context: { corsOrigins: ['https://a.example'], pace: { headersAfterMs: 50, heartbeatMs: 1_000 } },
})
const item = (text: string) => Buffer.from(toMessage(schema, schema.messages.get('test.streams.v1.Item')!, { text }))
const openStreams = () => metric(host.metrics, `innkeeper_streams_open{service="${name}"}`)
const echo = host.onDispatch

interface WebAnswer {
  readonly http: number
  readonly headers: Headers
  readonly raw: Buffer
  readonly messages: readonly Buffer[]
  readonly trailer: Readonly<Record<string, string>>
}

function decode(body: Buffer): { messages: Buffer[]; trailer: Record<string, string> } {
  const messages: Buffer[] = []
  let trailer: Record<string, string> = {}
  const reader = new FrameReader(10_000_000)
  reader.push(body)
  for (let next = reader.next(); next !== undefined; next = reader.next()) {
    if (next.flags === 0) messages.push(next.payload)
    else {
      assert.is(next.flags, 0x80)
      const lines = next.payload.toString().trimEnd().split('\r\n')
      trailer = Object.fromEntries(lines.map((line) => line.split(/: (.*)/) as [string, string]))
    }
  }
  assert.ok(reader.empty)
  return { messages, trailer }
}

async function post(method: string, body: Buffer | string, headers: Record<string, string> = {}): Promise<WebAnswer> {
  const response = await fetch(`http://${host.address}${method.startsWith('/') ? method : `/${name}/${method}`}`, {
    method: 'POST',
    headers: { 'content-type': 'application/grpc-web+proto', ...headers },
    body: typeof body === 'string' ? body : new Uint8Array(body),
  })
  const raw = Buffer.from(await response.arrayBuffer())
  const text = response.headers.get('content-type')!.includes('-text')
  const reader = new Base64Reader()
  return { http: response.status, headers: response.headers, raw, ...decode(text ? reader.push(raw) : raw) }
}

function rawPost(method: string, body: Buffer, length = body.length): net.Socket {
  const [address, port] = host.address.split(':')
  const socket = net.connect(Number(port), address)
  socket.on('error', () => {})
  socket.write(
    `POST /${name}/${method} HTTP/1.1\r\nhost: a\r\ncontent-type: application/grpc-web\r\ncontent-length: ${length}\r\n\r\n`,
  )
  socket.write(body)
  return socket
}

const GrpcWeb = suite('grpc-web')

GrpcWeb.before.each(() => {
  host.onOpen = () => {}
  host.onDispatch = echo
})

GrpcWeb('§web-2, envelope.E2: frames and base64 come whole however they were cut and padded', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 6 }),
      fc.array(fc.nat(30), { minLength: 1, maxLength: 10 }),
      fc.boolean(),
      (payloads, cuts, perFrame) => {
        const frames = payloads.map((payload) => frame(0, payload))
        const text = perFrame
          ? frames.map((each) => each.toString('base64')).join('')
          : Buffer.concat(frames).toString('base64')
        const base64 = new Base64Reader()
        const reader = new FrameReader(20)
        const found: Buffer[] = []
        for (let at = 0, turn = 0; at < text.length; turn++) {
          const size = cuts[turn % cuts.length]! + 1
          reader.push(base64.push(Buffer.from(text.slice(at, at + size))))
          at += size
          for (let next = reader.next(); next !== undefined; next = reader.next()) found.push(next.payload)
        }
        assert.ok(base64.empty && reader.empty)
        assert.equal(
          found.map((each) => [...each]),
          payloads.map((each) => [...each]),
        )
      },
    ),
  )
  for (const bad of ['a*==', '=aaa', 'a=aa', '====']) {
    refuses(() => new Base64Reader().push(Buffer.from(bad)), 'bad_request')
  }
})

GrpcWeb('envelope.E1: a message over the limit is refused by its header', () => {
  const reader = new FrameReader(10)
  reader.push(Buffer.from([0, 0, 0, 0]))
  assert.is(reader.next(), undefined)
  reader.push(Buffer.from([11]))
  refuses(() => reader.next(), 'message_too_large')
})

GrpcWeb('§web-1: a unary call is one message in, one message and the status out, HTTP 200', async () => {
  for (const type of [
    'application/grpc-web',
    'application/grpc-web+proto',
    'application/grpc-web+proto; charset=utf-8',
  ]) {
    const answer = await post('Echo', frame(0, item('a')), { 'content-type': type })
    assert.is(answer.http, 200)
    assert.is(answer.headers.get('content-type'), 'application/grpc-web+proto')
    assert.equal(answer.messages, [item('a')])
    assert.is(answer.trailer['grpc-status'], '0')
    assert.match(answer.trailer['x-request-id']!, /^test-/)
  }
})

GrpcWeb('§web-2, call.W2: the answer is base64 when accept says so, or says nothing and the request was', async () => {
  const body = frame(0, item('a')).toString('base64')
  const text = 'application/grpc-web-text'
  for (const [type, accept, textOut] of [
    [text, undefined, true],
    [`${text}+proto`, '*/*', true],
    [text, 'application/grpc-web', false],
    ['application/grpc-web', `${text}+proto`, true],
    ['application/grpc-web', '*/*', false],
  ] as const) {
    const sent = type.startsWith(text) ? body : frame(0, item('a'))
    const answer = await post('Echo', sent, { 'content-type': type, ...(accept === undefined ? {} : { accept }) })
    assert.is(answer.headers.get('content-type'), textOut ? `${text}+proto` : 'application/grpc-web+proto')
    assert.is(/^[A-Za-z0-9+/=]+$/.test(answer.raw.toString('latin1')), textOut)
    assert.equal(answer.messages, [item('a')])
  }
})

GrpcWeb('§web-1: a server stream is a frame for each element and the status last', async () => {
  host.onOpen = (call) => {
    for (const text of ['a', 'b', 'c']) call.next(item(text), [['x-first', text]])
    call.receiver.end()
  }
  const answer = await post('Watch', frame(0, item('q')))
  const call = await host.call()
  assert.equal(Buffer.from(call.command.payload), item('q'))
  assert.is(call.command.deadlineMs, Number.POSITIVE_INFINITY)
  assert.is(answer.headers.get('x-first'), 'a')
  assert.equal(answer.messages, ['a', 'b', 'c'].map(item))
  assert.is(answer.trailer['grpc-status'], '0')
  const text = await post('Watch', frame(0, item('q')).toString('base64'), {
    'content-type': 'application/grpc-web-text',
  })
  await host.call()
  assert.equal(text.messages, ['a', 'b', 'c'].map(item))
})

GrpcWeb('§web-3: the frames of a client stream are its elements, and the answer is one', async () => {
  const body = Buffer.concat(['a', 'b', 'c'].map((text) => frame(0, item(text))))
  const answer = post('Collect', body)
  const call = await host.call()
  await call.until(() => call.halfClosed === 1)
  assert.equal(call.items.map(Buffer.from), ['a', 'b', 'c'].map(item))
  call.next(item('sum'))
  call.receiver.end()
  assert.equal((await answer).messages, [item('sum')])
})

GrpcWeb('§refusal-1: a refusal is its status, message and details, before and after elements', async () => {
  const failure = {
    code: 9,
    message: 'no: 100% été\n😀',
    details: [{ typeName: 'test.streams.v1.Inner', data: Buffer.from('\n\x01x') }],
  }
  host.onDispatch = (_, reply) => reply({ kind: 'refusal', failure, metadata: [] })
  const unary = await post('Echo', frame(0, item('a')))
  assert.is(unary.http, 200)
  assert.is(unary.trailer['grpc-status'], '9')
  assert.is(unary.trailer['grpc-message'], 'no: 100%25 %C3%A9t%C3%A9%0A%F0%9F%98%80')
  assert.is(decodeURIComponent(unary.trailer['grpc-message']!), failure.message)
  assert.match(Buffer.from(unary.trailer['grpc-status-details-bin']!, 'base64').toString(), /test.streams.v1.Inner/)
  host.onOpen = (call) => {
    call.next(item('a'))
    call.receiver.end({ kind: 'refusal', failure, metadata: [] })
  }
  const stream = await post('Watch', frame(0, item('a')))
  await host.call()
  assert.equal(stream.messages, [item('a')])
  assert.is(stream.trailer['grpc-status'], '9')
})

GrpcWeb('§web-1, grpc-web/call.W1, call.W3: whatever is wrong with a call is a status in a trailer frame', async () => {
  const one = frame(0, item('a'))
  const cases: [string, string, Buffer | string, Record<string, string>, string][] = [
    ['unknown method', 'Fly', one, {}, '12'],
    ['unknown service', '/no.such.Service/Do', one, {}, '12'],
    ['no path of a method', '/a?b', one, {}, '12'],
    ['compressed', 'Echo', frame(1, item('a')), {}, '12'],
    ['compressed in a stream', 'Watch', frame(1, item('a')), {}, '12'],
    ['a trailer', 'Echo', frame(0x80, Buffer.from('a: b\r\n')), {}, '3'],
    ['no message', 'Echo', Buffer.alloc(0), {}, '12'],
    ['two messages', 'Echo', Buffer.concat([one, one]), {}, '12'],
    ['two messages for a stream', 'Watch', Buffer.concat([one, one]), {}, '12'],
    ['half a message', 'Echo', one.subarray(0, -1), {}, '3'],
    ['half a message for a stream', 'Watch', one.subarray(0, 3), {}, '3'],
    ['too large', 'Echo', frame(0, Buffer.alloc(100_001)), {}, '8'],
    ['JSON', 'Echo', one, { 'content-type': 'application/grpc-web+json' }, '12'],
    ['an encoding', 'Echo', one, { 'content-encoding': 'gzip' }, '12'],
    ['no base64', 'Echo', '!!!!', { 'content-type': 'application/grpc-web-text' }, '3'],
    ['half base64', 'Echo', one.toString('base64').slice(0, -2), { 'content-type': 'application/grpc-web-text' }, '3'],
    ['a bad timeout', 'Echo', one, { 'grpc-timeout': 'soon' }, '3'],
    ['too much metadata', 'Echo', one, { 'x-long': 'x'.repeat(17_000) }, '8'],
    ['a bad key', 'Echo', one, { 'idempotency-key': 'x'.repeat(300) }, '3'],
  ]
  for (const [what, method, body, headers, code] of cases) {
    const answer = await post(method, body, headers)
    assert.is(answer.http, 200, what)
    assert.is(answer.trailer['grpc-status'], code, what)
    assert.ok(answer.trailer['grpc-message']!.length > 0, what)
  }
  await eventually(async () => (await openStreams()) === 0)
})

GrpcWeb(
  '§stream-4, envelope.E1: a client stream whose message is too large is RESOURCE_EXHAUSTED and one cancel',
  async () => {
    const answer = post('Collect', Buffer.concat([frame(0, item('a')), frame(0, Buffer.alloc(100_001))]))
    const call = await host.call()
    await call.until(() => call.cancels > 0)
    assert.is((await answer).trailer['grpc-status'], '8')
    assert.is(call.cancels, 1)
  },
)

GrpcWeb('§metadata-2: metadata goes in and out as in gRPC, without what browsers add', async () => {
  let seen: Command | undefined
  host.onDispatch = (command, reply) => {
    seen = command
    reply({
      kind: 'reply',
      payload: command.payload,
      metadata: [
        ['tenant', 'x'],
        ['raw-bin', new Uint8Array([0, 255])],
        ['grpc-status', '9'],
        ['content-type', 'text/html'],
      ],
    })
  }
  const { headers } = await post('Echo', frame(0, item('a')), {
    'ce-id': '1',
    tenant: 'x',
    'x-grpc-web': '1',
    'x-user-agent': 'grpc-web-javascript/0.1',
    'raw-bin': 'AP8, AQ==,*',
    authorization: 'secret',
    cookie: 'secret',
    origin: 'https://a.example',
    referer: 'https://a.example/page',
    'grpc-timeout': '5S',
    'idempotency-key': 'k',
    'x-request-id': 'mine',
  })
  assert.equal(seen!.metadata.map(([name, value]) => [name, typeof value === 'string' ? value : [...value]]).sort(), [
    ['ce-id', '1'],
    ['raw-bin', [0, 255]],
    ['raw-bin', [1]],
    ['tenant', 'x'],
  ])
  assert.is(seen!.idempotencyKey, 'k')
  assert.is(seen!.requestId, 'mine')
  assert.is(headers.get('tenant'), 'x')
  assert.is(headers.get('raw-bin'), 'AP8=')
  assert.is(headers.get('content-type'), 'application/grpc-web+proto')
  assert.match(headers.get('access-control-expose-headers')!, /grpc-status.*, tenant, raw-bin$/)
})

GrpcWeb('§deadline-1: grpc-timeout is the deadline, else a unary call has the setting', async () => {
  const seen: number[] = []
  host.onDispatch = (command, reply) => {
    seen.push(command.deadlineMs - Date.now())
    reply({ kind: 'error', error: new InnkeeperError('deadline_exceeded', 'late') })
  }
  for (const headers of [{ 'grpc-timeout': '2H' }, { 'grpc-timeout': '1n' }, {}] as Record<string, string>[]) {
    assert.is((await post('Echo', frame(0, item('a')), headers)).trailer['grpc-status'], '4')
  }
  assert.ok(seen[0]! > 7_000_000 && seen[1]! <= 0 && seen[2]! > 10_000 && seen[2]! <= 60_000)
})

GrpcWeb('§stream-1: a client that leaves is one cancel, also while it still sends', async () => {
  const one = frame(0, item('a'))
  for (const [method, length] of [
    ['Watch', one.length],
    ['Collect', one.length + 1_000],
  ] as const) {
    const socket = rawPost(method, one, length)
    const call = await host.call()
    if (method === 'Collect') await call.until(() => call.items.length === 1)
    socket.resetAndDestroy()
    await call.until(() => call.cancels > 0)
    call.next(item('late'))
    call.receiver.end()
    assert.is(call.cancels, 1)
  }
  await eventually(async () => (await openStreams()) === 0)
})

GrpcWeb('§stream-1: a client that leaves before its request is whole opens nothing', async () => {
  const opened = host.opened.length
  const socket = rawPost('Watch', frame(0, item('a')).subarray(0, 7), 100)
  await eventually(async () => (await openStreams()) === 1)
  socket.resetAndDestroy()
  await eventually(async () => (await openStreams()) === 0)
  assert.is(host.opened.length, opened)
})

GrpcWeb('grpc-web/call.W4: while the host takes no input the request is not read', async () => {
  const one = frame(0, Buffer.alloc(50_000))
  const count = 2_000
  const socket = rawPost('Collect', one, one.length * count)
  const call = await host.call()
  call.hungry = false
  let sent = 1
  const pump = () => {
    while (sent < count) {
      sent += 1
      if (!socket.write(one)) break
    }
    if (sent < count) socket.once('drain', pump)
  }
  pump()
  await call.until(() => call.items.length >= 1)
  let last = -1
  while (sent !== last) {
    last = sent
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  assert.ok(call.items.length <= 2)
  assert.ok(sent < count / 2, `the client could send ${sent} elements of 50 kB`)
  call.hungry = true
  call.receiver.inputTaken()
  await call.until(() => call.halfClosed === 1)
  assert.is(call.items.length, count)
  call.receiver.end()
  socket.destroy()
})

GrpcWeb('stream.T3: a slow reader stops the host within a bound', async () => {
  const one = frame(0, item('a'))
  const socket = rawPost('Watch', one)
  socket.pause()
  const call = await host.call()
  let given = 0
  for (let quiet = 0; quiet < 5; ) {
    const more = call.flood(Buffer.alloc(50_000), 10_000)
    given += more
    quiet = more === 0 ? quiet + 1 : 0
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  assert.ok(given < 1_000)
  const { resumes } = call
  socket.resume()
  await call.until(() => call.resumes > resumes)
  socket.destroy()
  await call.until(() => call.cancels === 1)
})

GrpcWeb('a stream that stays silent sends its headers', async () => {
  const response = await fetch(`http://${host.address}/${name}/Watch`, {
    method: 'POST',
    headers: { 'content-type': 'application/grpc-web' },
    body: new Uint8Array(frame(0, item('a'))),
  })
  assert.is(response.status, 200)
  const call = await host.call()
  call.receiver.end()
  assert.is(decode(Buffer.from(await response.arrayBuffer())).trailer['grpc-status'], '0')
})

GrpcWeb('§stream-2: too many open streams are RESOURCE_EXHAUSTED', async () => {
  const sockets = Array.from({ length: 17 }, () => rawPost('Watch', frame(0, item('a'))))
  for (let index = 0; index < 17; index++) await host.call()
  const { trailer } = await post('Watch', frame(0, item('a')))
  assert.is(trailer['grpc-status'], '8')
  assert.match(trailer['grpc-message']!, /^too many open streams: your address has used up its share, 17 of 20;/)
  for (const socket of sockets) socket.destroy()
  await eventually(async () => (await openStreams()) === 0)
})

GrpcWeb.after(async () => {
  await host.ingress.close(100)
})

GrpcWeb.run()

// Guards gRPC streams in all three shapes: order, statuses, cancels told once, and memory that stays bounded whatever a client does.

import { randomBytes } from 'node:crypto'
import http2 from 'node:http2'
import net from 'node:net'
import { Duplex } from 'node:stream'
import type { ClientDuplexStream, ClientReadableStream, StatusObject } from '@grpc/grpc-js'
import { Client, credentials, Metadata, status } from '@grpc/grpc-js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { InnkeeperError } from '../../host/errors.ts'
import { GrpcFlow } from '../../host/ingress/grpc/sessions.ts'
import { toMessage } from '../../host/transcode/to-message.ts'
import type { FakeCall } from '../support/ingress.ts'
import { eventually, fakeHost, fakeService, metric, streamsProto } from '../support/ingress.ts'
import { protos } from '../support/protos.ts'

const name = 'test.streams.v1.Streams'
const { schema } = await protos({ 'streams.proto': streamsProto })
const unaryProto = streamsProto.replace('rpc Watch(Item) returns (stream Item)', 'rpc Watch(Item) returns (Item)')
const { schema: unarySchema } = await protos({ 'streams.proto': unaryProto })
const host = await fakeHost(schema, [name], { limits: { messageBytesMax: 1_000_000, streamsMax: 50 } })
const client = new Client(host.address, credentials.createInsecure())
const same = (bytes: Buffer) => bytes
const item = (text: string) => Buffer.from(toMessage(schema, schema.messages.get('test.streams.v1.Item')!, { text }))

interface Received {
  readonly elements: Buffer[]
  readonly headers: Metadata | undefined
  readonly status: StatusObject
}

type Incoming = ClientReadableStream<Buffer> | ClientDuplexStream<Buffer, Buffer>

/** Everything that comes, until the status. */
function all(stream: Incoming): Promise<Received> {
  const elements: Buffer[] = []
  let headers: Metadata | undefined
  stream.on('data', (element: Buffer) => elements.push(element))
  stream.on('metadata', (metadata: Metadata) => {
    headers = metadata
  })
  stream.on('error', () => {})
  return new Promise((resolve) => stream.on('status', (status) => resolve({ elements, headers, status })))
}

const watch = (text = 'a', metadata = new Metadata(), options = {}) =>
  client.makeServerStreamRequest(`/${name}/Watch`, same, same, item(text), metadata, options)
const chat = (metadata = new Metadata()) => client.makeBidiStreamRequest(`/${name}/Chat`, same, same, metadata)
const openStreams = () => metric(host.metrics, `innkeeper_streams_open{service="${name}"}`)

const GrpcStream = suite('grpc streams')

GrpcStream.before.each(() => {
  host.onOpen = () => {}
})

GrpcStream('§action-2: a server stream delivers its elements in order and ends OK, with the request id', async () => {
  const received = all(watch('one'))
  const call = await host.call()
  assert.equal(Buffer.from(call.command.payload), item('one'))
  assert.is(call.command.deadlineMs, Number.POSITIVE_INFINITY)
  for (let index = 0; index < 1_000; index++) call.next(item(String(index)))
  call.receiver.end()
  const { elements, status } = await received
  assert.equal(
    elements,
    Array.from({ length: 1_000 }, (_, index) => item(String(index))),
  )
  assert.is(status.code, 0)
  assert.match(String(status.metadata.get('x-request-id')[0]), /^test-\d+$/)
  assert.is(call.cancels, 0)
})

GrpcStream('§action-3: a client stream is items, then half-close, then one answer', async () => {
  const answer = new Promise<Buffer>((resolve, reject) => {
    const stream = client.makeClientStreamRequest(`/${name}/Collect`, same, same, (error, reply) =>
      error === null ? resolve(reply!) : reject(error),
    )
    for (const text of ['a', 'b', 'c']) stream.write(item(text))
    stream.end()
  })
  const call = await host.call()
  assert.is(call.command.payload.length, 0)
  await call.until(() => call.halfClosed > 0)
  assert.equal(call.items.map(Buffer.from), ['a', 'b', 'c'].map(item))
  call.next(item('sum'))
  call.receiver.end()
  assert.equal(await answer, item('sum'))
  assert.is(call.halfClosed, 1)
})

GrpcStream('§action-3: an early answer ends a client stream while the client still sends', async () => {
  let done: (code: number) => void = () => {}
  const code = new Promise<number>((resolve) => {
    done = resolve
  })
  const stream = client.makeClientStreamRequest(`/${name}/Collect`, same, same, (error) => done(error?.code ?? 0))
  stream.on('error', () => {})
  stream.write(item('a'))
  const call = await host.call()
  await call.until(() => call.items.length === 1)
  call.next(item('enough'))
  call.receiver.end()
  assert.is(await code, 0)
  await eventually(async () => (await openStreams()) === 0)
  assert.is(call.cancels, 0)
})

GrpcStream('stream.T2: an answer that comes twice is sent once and logged; none is INTERNAL', async () => {
  const collect = () =>
    new Promise<{ code: number; details: string; reply: Buffer | undefined }>((resolve) => {
      const stream = client.makeClientStreamRequest(`/${name}/Collect`, same, same, (error, reply) =>
        resolve({ code: error?.code ?? 0, details: error?.details ?? '', reply }),
      )
      stream.end()
    })
  host.onOpen = (call) => {
    call.next(item('first'))
    call.next(item('second'))
    call.receiver.end()
  }
  host.log.length = 0
  assert.equal((await collect()).reply, item('first'))
  assert.match(host.log.join(''), /answered twice/)
  host.onOpen = (call) => call.receiver.end()
  const none = await collect()
  assert.is(none.code, status.INTERNAL)
  assert.match(none.details, /^the function ended without an answer \(request test-\d+\)$/)
  host.onOpen = (call) => {
    call.next(item('thrown away'))
    call.refuse(9, 'after all, no')
  }
  assert.is((await collect()).code, status.FAILED_PRECONDITION)
  await host.call()
  await host.call()
  await host.call()
})

GrpcStream('§action-4: in a bidi stream both sides go on independently, also after half-close', async () => {
  const stream = chat()
  const received = all(stream)
  const call = await host.call()
  call.next(item('before anything'))
  stream.write(item('a'))
  await call.until(() => call.items.length === 1)
  stream.end()
  await call.until(() => call.halfClosed === 1)
  call.next(item('after half-close'))
  call.receiver.end()
  const { elements, status } = await received
  assert.equal(elements, [item('before anything'), item('after half-close')])
  assert.is(status.code, 0)
})

GrpcStream(
  '§grpc-4, §action-6, server.G3: a refusal ends the stream after the elements before it, with its code, message and details',
  async () => {
    host.onOpen = (call) => {
      call.next(item('a'))
      call.receiver.end({
        kind: 'refusal',
        failure: {
          code: 5,
          message: 'gone: été 😀',
          details: [{ typeName: 'test.streams.v1.Inner', data: Buffer.from('\n\x01x') }],
        },
        metadata: [],
      })
      call.next(item('after the end'))
      call.receiver.end()
    }
    const { elements, status } = await all(watch())
    await host.call()
    assert.equal(elements, [item('a')])
    assert.is(status.code, 5)
    assert.is(status.details, 'gone: été 😀')
    assert.match(
      String(status.metadata.get('grpc-status-details-bin')[0]),
      /type.googleapis.com\/test.streams.v1.Inner/,
    )
    assert.match(String(status.metadata.get('x-request-id')[0]), /^test-/)
  },
)

GrpcStream(
  '§fault-5: an error ends the stream with its status; half a surrogate pair in a text breaks nothing',
  async () => {
    host.onOpen = (call) =>
      call.receiver.end({ kind: 'error', error: new InnkeeperError('guest_fault', 'bad \ud800 text') })
    const { status } = await all(watch())
    await host.call()
    assert.is(status.code, 13)
    assert.is(status.details, 'bad \ufffd text')
  },
)

GrpcStream(
  '§metadata-1, §metadata-6: metadata arrives in order with bytes as bytes, and that of the first element becomes headers',
  async () => {
    const metadata = new Metadata()
    metadata.add('ce-id', '1')
    metadata.add('ce-type', 'b')
    metadata.add('tenant', 'x')
    metadata.add('tenant', 'y')
    metadata.add('raw-bin', Buffer.from([0, 255]))
    metadata.add('authorization', 'secret')
    metadata.add('idempotency-key', 'k')
    metadata.add('x-request-id', 'mine')
    const received = all(watch('a', metadata))
    const call = await host.call()
    assert.equal(call.command.metadata, [
      ['ce-id', '1'],
      ['ce-type', 'b'],
      // Node's HTTP/2 joins what came several times, and grpc-js has nothing else to give.
      ['tenant', 'x, y'],
      ['raw-bin', Buffer.from([0, 255])],
    ])
    assert.is(call.command.idempotencyKey, 'k')
    assert.is(call.command.requestId, 'mine')
    call.next(item('a'), [
      ['ce-id', '2'],
      ['out-bin', new Uint8Array([1, 2])],
      ['grpc-status', '5'],
      ['grpc-status-details-bin', new Uint8Array([1])],
      ['bad name', 'x'],
      ['x-bad', 'a\r\nb'],
    ])
    call.next(item('b'), [['later', 'dropped']])
    call.receiver.end()
    const { headers, elements, status } = await received
    assert.is(status.code, 0)
    assert.is(elements.length, 2)
    assert.equal(headers!.get('ce-id'), ['2'])
    assert.equal(headers!.get('out-bin'), [Buffer.from([1, 2])])
    for (const left of ['grpc-status', 'x-bad', 'later']) assert.equal(headers!.get(left), [])
    assert.equal(status.metadata.get('x-request-id'), ['mine'])
  },
)

GrpcStream(
  '§refusal-5: a message or details too long for a trailer are cut or left out, and the code arrives',
  async () => {
    for (const [bytes, count] of [
      [100_000, 0],
      [24_000, 1],
    ] as const) {
      const details = [{ typeName: 'a.B', data: Buffer.alloc(bytes) }]
      host.onOpen = (call) => {
        call.next(item('a'))
        call.receiver.end({
          kind: 'refusal',
          failure: { code: 9, message: '€'.repeat(100_000), details },
          metadata: [],
        })
      }
      const { elements, status } = await all(watch())
      await host.call()
      assert.is(elements.length, 1)
      assert.is(status.code, 9)
      assert.is(status.details, `${'€'.repeat(2_047)}…`)
      assert.is(status.metadata.get('grpc-status-details-bin').length, count)
    }
  },
)

GrpcStream('§stream-1: a cancel reaches the host once, and nothing is sent after it', async () => {
  const stream = watch()
  const received = all(stream)
  const call = await host.call()
  call.next(item('a'))
  await new Promise<void>((resolve) => stream.once('data', () => resolve()))
  stream.cancel()
  assert.is((await received).status.code, status.CANCELLED)
  await call.until(() => call.cancels > 0)
  assert.not.ok(call.receiver.ready)
  call.next(item('late'))
  call.receiver.end()
  await eventually(async () => (await openStreams()) === 0)
  assert.is(call.cancels, 1)
})

GrpcStream('§stream-1: a client whose socket is gone is a cancel, once for each of its streams', async () => {
  const [address, port] = host.address.split(':')
  const socket = net.connect(Number(port), address)
  const session = http2.connect(`http://${host.address}`, { createConnection: () => socket })
  session.on('error', () => {})
  const calls: FakeCall[] = []
  for (let index = 0; index < 5; index++) {
    const stream = session.request({
      ':method': 'POST',
      ':path': `/${name}/Chat`,
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    stream.on('error', () => {})
    calls.push(await host.call())
  }
  socket.resetAndDestroy()
  for (const call of calls) await call.until(() => call.cancels > 0)
  await eventually(async () => (await openStreams()) === 0)
  assert.equal(
    calls.map((call) => call.cancels),
    [1, 1, 1, 1, 1],
  )
})

GrpcStream(
  '§deadline-1, §deadline-3: grpc-timeout is the deadline of the command; past it the client has DEADLINE_EXCEEDED and the host one cancel',
  async () => {
    const deadline = Date.now() + 300
    const received = all(watch('a', new Metadata(), { deadline }))
    const call = await host.call()
    assert.ok(Number.isFinite(call.command.deadlineMs))
    assert.is((await received).status.code, status.DEADLINE_EXCEEDED)
    await call.until(() => call.cancels > 0)
    call.receiver.end({ kind: 'error', error: new InnkeeperError('deadline_exceeded', 'late') })
    await eventually(async () => (await openStreams()) === 0)
    assert.is(call.cancels, 1)
  },
)

GrpcStream(
  '§action-8, grpc/stream.G2: a host that takes no input stops the client: nothing is read ahead of it',
  async () => {
    const stream = chat()
    const received = all(stream)
    const call = await host.call()
    call.hungry = false
    const big = Buffer.alloc(100_000)
    let sent = 0
    const pump = () => {
      while (sent < 500) {
        sent += 1
        if (!stream.write(big)) break
      }
      if (sent < 500) stream.once('drain', pump)
      else stream.end()
    }
    pump()
    await call.until(() => call.items.length === 1)
    // The client fills what flow control lets it, and then stands still.
    let last = -1
    while (sent !== last) {
      last = sent
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    assert.is(call.items.length, 1)
    assert.ok(sent < 50, `the client could send ${sent} elements of 100 kB`)
    call.receiver.inputTaken()
    await call.until(() => call.items.length === 2)
    assert.is(call.items.length, 2)
    call.hungry = true
    call.receiver.inputTaken()
    await call.until(() => call.halfClosed === 1)
    assert.is(call.items.length, 500)
    call.receiver.end()
    assert.is((await received).status.code, 0)
  },
)

/** A client that reads only what it is told to: grpc-js' own takes elements in before anybody asks for them. */
async function slowReader(): Promise<{ session: http2.ClientHttp2Session; stream: http2.ClientHttp2Stream }> {
  const session = http2.connect(`http://${host.address}`)
  const stream = session.request({
    ':method': 'POST',
    ':path': `/${name}/Watch`,
    'content-type': 'application/grpc',
    te: 'trailers',
  })
  stream.on('error', () => {})
  const message = item('a')
  stream.end(Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]))
  return { session, stream }
}

GrpcStream(
  '§action-8, grpc/stream.G3: a client that does not read stops the host within a bound, and goes on where it was',
  async () => {
    const { session, stream } = await slowReader()
    const call = await host.call()
    const big = Buffer.alloc(50_000)
    let given = 0
    // What the sockets take is added; then it stands still.
    for (let quiet = 0; quiet < 5; ) {
      const more = call.flood(big, 1_000)
      given += more
      quiet = more === 0 ? quiet + 1 : 0
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    assert.ok(given < 20, `${given} elements of 50 kB were taken from the host`)
    assert.not.ok(call.receiver.ready)
    const { resumes } = call
    let bytes = 0
    const code = new Promise((resolve) => stream.on('trailers', (trailers) => resolve(trailers['grpc-status'])))
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length
    })
    await call.until(() => call.resumes > resumes)
    assert.ok(call.receiver.ready)
    call.receiver.end()
    assert.is(String(await code), '0')
    assert.is(bytes, given * 50_005)
    session.destroy()
  },
)

GrpcStream(
  '§stream-2, places.P1: a client that does not read its last elements keeps its place until it is gone',
  async () => {
    const { session } = await slowReader()
    const call = await host.call()
    call.flood(Buffer.alloc(50_000), 20)
    call.receiver.end()
    await new Promise((resolve) => setTimeout(resolve, 50))
    assert.is(await openStreams(), 1)
    session.destroy()
    await eventually(async () => (await openStreams()) === 0)
    assert.is(call.cancels, 0, 'the host had ended it')
  },
)

GrpcStream('§stream-4: an element over the limit is RESOURCE_EXHAUSTED and one cancel', async () => {
  const stream = chat()
  const received = all(stream)
  const call = await host.call()
  stream.write(Buffer.alloc(1_000_001))
  assert.is((await received).status.code, status.RESOURCE_EXHAUSTED)
  await call.until(() => call.cancels > 0)
  assert.is(call.cancels, 1)
  await eventually(async () => (await openStreams()) === 0)
})

GrpcStream(
  '§stream-2, ingress/places.P1: more open streams than allowed are refused, and allowed again when some are gone',
  async () => {
    const streams = Array.from({ length: 41 }, () => watch())
    for (const stream of streams) stream.on('error', () => {})
    const calls: FakeCall[] = []
    for (let index = 0; index < 41; index++) calls.push(await host.call())
    assert.is(await openStreams(), 41)
    const { status: refused } = await all(watch())
    assert.is(refused.code, status.RESOURCE_EXHAUSTED)
    assert.match(refused.details, /^too many open streams: your address has used up its share, 41 of 50;/)
    for (const stream of streams) stream.cancel()
    await eventually(async () => (await openStreams()) === 0)
    for (const call of calls) assert.is(call.cancels, 1)
    const received = all(watch())
    ;(await host.call()).receiver.end()
    assert.is((await received).status.code, 0)
  },
)

GrpcStream(
  '§stream-2, places.P1: a client that never half-closes its request counts, and is cut by its deadline',
  async () => {
    const session = http2.connect(`http://${host.address}`)
    const stream = session.request({
      ':method': 'POST',
      ':path': `/${name}/Watch`,
      'content-type': 'application/grpc',
      'grpc-timeout': '200m',
      te: 'trailers',
    })
    const code = new Promise((resolve) => stream.on('response', (headers) => resolve(headers['grpc-status'])))
    const message = item('a')
    stream.write(Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]))
    await eventually(async () => (await openStreams()) === 1)
    assert.is(await code, '4')
    const opened = host.opened.length
    // The half-close that comes too late opens nothing.
    stream.end()
    stream.resume()
    await new Promise((resolve) => stream.on('close', resolve))
    await eventually(async () => (await openStreams()) === 0)
    assert.is(host.opened.length, opened)
    session.destroy()
  },
)

GrpcStream(
  'grpc/server.G2: bytes that are no message pass as they are, both ways, in calls and in streams',
  async () => {
    const payloads = [Buffer.from([0xff]), Buffer.from([10, 200, 1]), Buffer.from([9, 9, 9]), randomBytes(1_000)]
    // What is read and written again would lose or move it: a zero, an unknown field, fields out of order.
    payloads.push(Buffer.from([16, 0, 10, 0]), Buffer.from([0xa0, 6, 1, 10, 1, 97]), Buffer.alloc(0))
    for (const payload of payloads) {
      const commands: Uint8Array[] = []
      const echo = host.onDispatch
      host.onDispatch = (command, reply) => {
        commands.push(command.payload)
        echo(command, reply)
      }
      const reply = await new Promise<Buffer>((resolve, reject) =>
        client.makeUnaryRequest(`/${name}/Echo`, same, same, payload, (error, answer) =>
          error === null ? resolve(answer!) : reject(error),
        ),
      )
      host.onDispatch = echo
      assert.equal([...commands.map((each) => Buffer.from(each)), reply], [payload, payload])
    }
    const stream = chat()
    const received = all(stream)
    for (const payload of payloads) stream.write(payload)
    stream.end()
    const call = await host.call()
    await call.until(() => call.halfClosed === 1)
    assert.equal(
      call.items.map((each) => Buffer.from(each)),
      payloads,
    )
    for (const each of call.items) call.next(each)
    call.receiver.end()
    assert.equal((await received).elements, payloads)
  },
)

GrpcStream(
  'sessions.G4: what is kept of a small piece shares no memory with what was read from the socket',
  async () => {
    const kept: Buffer[] = []
    const { push } = Duplex.prototype
    // Behind the place where bytes are counted and copied.
    Duplex.prototype.push = function (this: Duplex, chunk: Buffer | null, encoding?: BufferEncoding) {
      const { session } = this as Partial<http2.ServerHttp2Stream>
      if (chunk !== null && session?.type === http2.constants.NGHTTP2_SESSION_SERVER) kept.push(chunk)
      return push.call(this, chunk, encoding)
    }
    const held = new Set<ArrayBufferLike>()
    const reads = new WeakSet<ArrayBufferLike>()
    const come = GrpcFlow.prototype.came
    GrpcFlow.prototype.came = function (this: GrpcFlow, piece) {
      if (2 * piece.length < piece.buffer.byteLength) reads.add(piece.buffer)
      return come.call(this, piece)
    }
    try {
      const stream = chat()
      const received = all(stream)
      const call = await host.call()
      // Many in one read, and what is most of one.
      for (let at = 0; at < 200; at++) stream.write(item('small'))
      stream.write(Buffer.alloc(300_000))
      stream.end()
      await call.until(() => call.halfClosed === 1)
      call.receiver.end()
      await received
    } finally {
      Duplex.prototype.push = push
      GrpcFlow.prototype.came = come
    }
    assert.ok(kept.length > 200, `${kept.length} pieces`)
    for (const piece of kept) if (reads.has(piece.buffer)) held.add(piece.buffer)
    assert.is(held.size, 0, `${held.size} reads are held by pieces of them`)
  },
)

GrpcStream('§grpc-3: a server stream without a request, or with several, is UNIMPLEMENTED', async () => {
  for (const messages of [[], ['a', 'b']]) {
    const stream = client.makeBidiStreamRequest(`/${name}/Watch`, same, same)
    const received = all(stream)
    for (const text of messages) stream.write(item(text))
    stream.end()
    const { status } = await received
    assert.is(status.code, 12)
    assert.match(status.details, /takes one message/)
    assert.match(String(status.metadata.get('x-request-id')[0]), /^test-/)
  }
  await eventually(async () => (await openStreams()) === 0)
})

GrpcStream('garbage after the envelope ends only its stream', async () => {
  const session = http2.connect(`http://${host.address}`)
  const stream = session.request({
    ':method': 'POST',
    ':path': `/${name}/Chat`,
    'content-type': 'application/grpc',
    te: 'trailers',
  })
  const call = await host.call()
  const code = new Promise((resolve) => stream.on('response', (headers) => resolve(headers['grpc-status'])))
  stream.write(Buffer.from([9, 255, 255, 255, 255, 1, 2, 3]))
  assert.is(await code, '8')
  await call.until(() => call.cancels > 0)
  session.destroy()
  await eventually(async () => (await openStreams()) === 0)
})

GrpcStream('§grpc-2, grpc/stream.G1, server.G1: a method may change its shape with a deployment', async () => {
  host.services.change([fakeService(unarySchema, name)])
  const reply = await new Promise<Buffer>((resolve, reject) =>
    client.makeUnaryRequest(`/${name}/Watch`, same, same, item('unary now'), (error, answer) =>
      error === null ? resolve(answer!) : reject(error),
    ),
  )
  assert.equal(reply, item('unary now'))
  host.services.change([fakeService(schema, name)])
  const received = all(watch('streams again'))
  ;(await host.call()).receiver.end()
  assert.is((await received).status.code, 0)
})

GrpcStream('a host that takes no calls refuses streams with UNAVAILABLE', async () => {
  const other = await fakeHost(schema, [name], { context: { unready: () => 'storage failed' } })
  const lone = new Client(other.address, credentials.createInsecure())
  const { status } = await all(lone.makeBidiStreamRequest(`/${name}/Chat`, same, same))
  assert.is(status.code, 14)
  assert.is(status.details, 'storage failed')
  lone.close()
  await other.ingress.close(100)
})

GrpcStream('§metric-1: streams are counted: received, completed, open, elements', async () => {
  const labels = `{service="${name}"}`
  const read = async (metricName: string) => metric(host.metrics, `innkeeper_${metricName}${labels}`)
  const before = [await read('commands_received_total'), await read('stream_elements_total')]
  const received = all(watch())
  const call = await host.call()
  assert.is(await openStreams(), 1)
  for (let index = 0; index < 3; index++) call.next(item('a'))
  call.receiver.end()
  await received
  await eventually(async () => (await openStreams()) === 0)
  assert.is(await read('commands_received_total'), before[0]! + 1)
  assert.is(await read('stream_elements_total'), before[1]! + 3)
  assert.is(await read('commands_completed_total'), await read('commands_received_total'))
})

GrpcStream(
  '§call-9, server.S3: streams still open when the host stops end with UNAVAILABLE, and the host hears one cancel',
  async () => {
    const other = await fakeHost(schema, [name])
    const lone = new Client(other.address, credentials.createInsecure())
    const received = all(lone.makeServerStreamRequest(`/${name}/Watch`, same, same, item('a')))
    const call = await other.call()
    call.next(item('a'))
    await other.ingress.close(200)
    const { status, elements } = await received
    assert.is(elements.length, 1)
    assert.is(status.code, 14)
    assert.match(status.details, /stopping/)
    assert.is(call.cancels, 1)
    lone.close()
  },
)

GrpcStream.after(async () => {
  client.close()
  await host.ingress.close(100)
})

GrpcStream.run()

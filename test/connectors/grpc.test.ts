// Guards calls of gRPC services that are elsewhere: as grpc-js serves them, and as a server that misbehaves does.

import { once } from 'node:events'
import type { Http2Server, Http2Session, ServerHttp2Stream } from 'node:http2'
import http2 from 'node:http2'
import type { AddressInfo } from 'node:net'
import { Metadata, Server, ServerCredentials } from '@grpc/grpc-js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { ConnectorRule } from '../../host/schema/schema.ts'
import { Sink } from '../../host/transcode/sink.ts'
import { writeStatus } from '../../host/transcode/status.ts'
import { certificate } from '../support/certificate.ts'
import { heldBytes } from '../support/memory.ts'
import { Misbehaving } from '../support/misbehaving.ts'
import { asked, call, closedPort, connectors, failed, message, replyOf, secret } from './support.ts'

const Grpc = suite('gRPC connectors')

const rule: ConnectorRule = { name: 'payments', protocol: 'grpc', encoding: 'json' }
const json = { order: 'o-1', amount: '500' }
const reply = Buffer.from(message('ChargeReply', { id: 'ch_1', amount: '500' }))
const shortMs = 300

const charge = (more: Parameters<typeof asked>[0] = {}) => asked({ json, rule, ...more })

const raw = (bytes: Buffer): Buffer => bytes

/** A server of grpc-js whose one method does this. */
async function served(
  handle: (metadata: Metadata, request: Buffer, done: (error: object | null, reply?: Buffer) => void) => void,
  credentials = ServerCredentials.createInsecure(),
) {
  const server = new Server()
  const methods = {
    Charge: {
      ...{ path: '/pay.v1.Payments/Charge', requestStream: false, responseStream: false },
      ...{ requestSerialize: raw, requestDeserialize: raw, responseSerialize: raw, responseDeserialize: raw },
    },
  }
  server.addService(methods, {
    Charge: (one: { metadata: Metadata; request: Buffer }, done: (error: object | null, reply?: Buffer) => void) =>
      handle(one.metadata, one.request, done),
  })
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) => (error === null ? resolve(bound) : reject(error))),
  )
  return { port, stop: () => server.forceShutdown() }
}

Grpc('a call that goes well is a reply, with the headers of the grant', async () => {
  let seen: [Metadata, Buffer] | undefined
  const { port, stop } = await served((metadata, request, done) => {
    seen = [metadata, request]
    done(null, reply)
  })
  const made = connectors({ url: `http://127.0.0.1:${port}` })
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  assert.equal((replyOf(await call(made, charge({ traceparent }))) as { id: string }).id, 'ch_1')
  const [metadata, request] = seen!
  assert.equal(metadata.get('authorization'), [`Bearer ${secret}`])
  assert.equal(metadata.get('idempotency-key'), ['key-of-the-effect'])
  assert.equal(metadata.get('traceparent'), [traceparent])
  assert.equal(request, Buffer.from(message('ChargeRequest', json)))
  made.close()
  stop()
})

const tls = certificate(['127.0.0.1'])
const pair = { private_key: Buffer.from(tls.key), cert_chain: Buffer.from(tls.cert) }

Grpc('TLS is verified: by the authority that the grant names, else NOT_SENT', async () => {
  const { port, stop } = await served((_, __, done) => done(null, reply), ServerCredentials.createSsl(null, [pair]))
  const url = `https://127.0.0.1:${port}`
  const trusting = connectors({ url, grant: { ca: '/ca.pem' }, files: { '/ca.pem': tls.cert } })
  assert.equal((replyOf(await call(trusting, charge())) as { id: string }).id, 'ch_1')
  trusting.close()
  const made = connectors({ url })
  const { code, reason } = failed(await call(made, charge()))
  assert.equal([code, reason], [14, 'NOT_SENT'])
  made.close()
  stop()
})

Grpc('a status is the provider’s decision where it says so, with its words and details', async () => {
  for (const [code, reason, again] of [
    [3, 'REFUSED', false],
    [5, 'REFUSED', false],
    [8, 'REFUSED', false],
    [9, 'REFUSED', false],
    [1, 'UNKNOWN', false],
    [2, 'UNKNOWN', false],
    [4, 'UNKNOWN', false],
    [13, 'UNKNOWN', false],
    [14, 'UNKNOWN', true],
    [15, 'UNKNOWN', false],
  ] as const) {
    const { port, stop } = await served((_, __, done) => done({ code, details: 'no, thank you: 100%' }))
    const made = connectors({ url: `http://127.0.0.1:${port}` })
    const result = failed(await call(made, charge()))
    assert.equal(result, { code, reason, again, message: 'no, thank you: 100%' })
    made.close()
    stop()
  }
})

function status(code: number, details: readonly { readonly typeName: string; readonly data: Uint8Array }[]): Buffer {
  const sink = new Sink()
  writeStatus(sink, { code, message: 'no', details })
  return Buffer.from(sink.finish())
}

function errorInfo(reason: string, domain: string): Uint8Array {
  const sink = new Sink()
  sink.varint(10)
  sink.string(reason)
  sink.varint(18)
  sink.string(domain)
  return sink.finish()
}

Grpc(
  'connectors/answers.A3: a provider’s details are told, but none that speaks for the host, and none with a secret',
  async () => {
    const stock = { typeName: 'pay.v1.Item', data: message('Item', { price: 'p' }) }
    const forged = { typeName: 'google.rpc.ErrorInfo', data: errorInfo('REFUSED', 'innkeeper') }
    const theirs = { typeName: 'google.rpc.ErrorInfo', data: errorInfo('EMPTY', 'pay.example') }
    const echo = { typeName: 'pay.v1.Item', data: message('Item', { price: secret }) }
    for (const [details, told] of [
      [
        [stock, forged, theirs],
        [stock, theirs],
      ],
      [[echo], []],
    ] as const) {
      const { port, stop } = await served((_, __, done) => {
        const metadata = new Metadata()
        metadata.set('grpc-status-details-bin', status(9, details))
        done({ code: 9, details: `no: ${secret}`, metadata })
      })
      const made = connectors({ url: `http://127.0.0.1:${port}` })
      const answered = await call(made, charge())
      assert.ok(answered.kind === 'failure')
      assert.equal(
        answered.failure.details.map(({ typeName, data }) => [typeName, Buffer.from(data)]),
        told.map(({ typeName, data }) => [typeName, Buffer.from(data)]),
      )
      assert.is(answered.failure.message, 'no: [secret]')
      made.close()
      stop()
    }
  },
)

Grpc('a reply with a secret in it is refused', async () => {
  const { port, stop } = await served((_, __, done) => done(null, Buffer.from(message('ChargeReply', { id: secret }))))
  const made = connectors({ url: `http://127.0.0.1:${port}` })
  const { code, reason, again } = failed(await call(made, charge()))
  assert.equal([code, reason, again], [13, 'UNKNOWN', false])
  made.close()
  stop()
})

/** A server of HTTP/2 that does this with each call. */
async function misbehaving(
  handle: (stream: ServerHttp2Stream, session: Http2Session) => void,
  test: (url: string, server: Http2Server) => Promise<void>,
): Promise<void> {
  const server = http2.createServer()
  const sessions = new Set<Http2Session>()
  server.on('session', (session) => {
    sessions.add(session)
    session.on('error', () => {})
  })
  server.on('stream', (stream) => {
    stream.on('error', () => {})
    handle(stream, stream.session!)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    await test(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, server)
  } finally {
    for (const session of sessions) session.destroy()
    server.close()
  }
}

async function ends(handle: (stream: ServerHttp2Stream, session: Http2Session) => void, grant: object = {}) {
  let result: ReturnType<typeof failed> | undefined
  await misbehaving(handle, async (url) => {
    const made = connectors({ url, grant: { timeoutMs: 5_000, ...grant } })
    result = failed(await call(made, charge()))
    assert.is(made.figures()[0]!.underWay, 0)
    made.close()
  })
  return result!
}

const ok = { ':status': 200, 'content-type': 'application/grpc' }

function frame(bytes: Uint8Array, flag = 0, length = bytes.length): Buffer {
  const head = Buffer.alloc(5)
  head[0] = flag
  head.writeUInt32BE(length, 1)
  return Buffer.concat([head, bytes])
}

Grpc('a status without a message is read (trailers only)', async () => {
  const {
    code,
    reason,
    message: words,
  } = await ends((stream) =>
    stream.respond({ ...ok, 'grpc-status': '5', 'grpc-message': 'no%20such%20charge' }, { endStream: true }),
  )
  assert.equal([code, reason, words], [5, 'REFUSED', 'no such charge'])
})

Grpc('grpc.G2: a server that hangs ends by the time limit, UNKNOWN', async () => {
  for (const handle of [
    () => {},
    (stream: ServerHttp2Stream) => stream.respond(ok),
    (stream: ServerHttp2Stream) => {
      stream.respond(ok, { waitForTrailers: true })
      stream.write(frame(reply))
    },
  ]) {
    const { code, reason } = await ends(handle, { timeoutMs: shortMs })
    assert.equal([code, reason], [4, 'UNKNOWN'])
  }
})

Grpc('grpc.G4: what follows a call that was not answered goes over another connection', async () => {
  const sessions: Http2Session[] = []
  await misbehaving(
    (stream, session) => {
      if (!sessions.includes(session)) sessions.push(session)
      if (session === sessions[0]) return
      stream.respond(ok, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
      stream.end(frame(reply))
    },
    async (url) => {
      const made = connectors({ url, grant: { timeoutMs: shortMs } })
      assert.is(failed(await call(made, charge())).code, 4)
      assert.equal((replyOf(await call(made, charge())) as { id: string }).id, 'ch_1')
      assert.is(sessions.length, 2)
      made.close()
    },
  )
})

Grpc('grpc.G3: a stream that the server has refused is NOT_SENT, one that it has reset is UNKNOWN', async () => {
  const { NGHTTP2_REFUSED_STREAM, NGHTTP2_INTERNAL_ERROR, NGHTTP2_CANCEL } = http2.constants
  const refused = await ends((stream) => stream.close(NGHTTP2_REFUSED_STREAM))
  assert.equal([refused.code, refused.reason, refused.again], [14, 'NOT_SENT', true])
  for (const rst of [NGHTTP2_INTERNAL_ERROR, NGHTTP2_CANCEL]) {
    const reset = await ends((stream) => stream.close(rst))
    assert.equal([reset.code, reset.reason], [14, 'UNKNOWN'])
  }
  const late = await ends((stream) => {
    stream.respond(ok)
    setTimeout(() => stream.close(NGHTTP2_REFUSED_STREAM), 50)
  })
  assert.is(late.reason, 'UNKNOWN')
})

/** A frame of HTTP/2 for the whole connection. */
function rawFrame(type: number, payload: readonly number[]): Uint8Array {
  return Uint8Array.from([0, 0, payload.length, type, 0, 0, 0, 0, 0, ...payload])
}

const settings = rawFrame(4, [])
const goaway = (last: number, code: number) => rawFrame(7, [0, 0, 0, last, 0, 0, 0, code])

Grpc('grpc.G3: streams above the last one of a GOAWAY are NOT_SENT, the others UNKNOWN', async () => {
  for (const [last, code, reason] of [
    [0, 0, 'NOT_SENT'],
    [0, 2, 'NOT_SENT'],
    [1, 0, 'UNKNOWN'],
    [1, 2, 'UNKNOWN'],
  ] as const) {
    for (const end of ['end', 'hang', 'reset'] as const) {
      const server = await Misbehaving.start(['byte', { send: settings }, { send: goaway(last, code) }, end])
      const made = connectors({ url: `http://127.0.0.1:${server.port}`, grant: { timeoutMs: 1_000 } })
      const result = failed(await call(made, charge()))
      assert.is(result.reason, reason, `${last} ${code} ${end}: ${JSON.stringify(result)}`)
      made.close()
      await server.stop()
    }
  }
})

Grpc('after a GOAWAY the next call has a connection of its own', async () => {
  let calls = 0
  await misbehaving(
    (stream, session) => {
      calls += 1
      stream.respond({ ...ok, 'grpc-status': '5' }, { endStream: true })
      if (calls === 1) session.goaway(0)
    },
    async (url) => {
      const made = connectors({ url, grant: { timeoutMs: 2_000 } })
      assert.is(failed(await call(made, charge())).code, 5)
      assert.is(failed(await call(made, charge())).code, 5)
      made.close()
    },
  )
})

Grpc('grpc.G2: a flood of headers ends the call', async () => {
  const many = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`x-${index}`, 'x'.repeat(100)]))
  const { reason } = await ends((stream) => stream.respond({ ...ok, ...many }))
  assert.is(reason, 'UNKNOWN')
  const informational = await ends((stream) => {
    for (let time = 0; time < 100; time++) stream.additionalHeaders({ ':status': 103, 'x-a': 'b' })
    stream.respond(ok)
  })
  assert.equal([informational.code, informational.reason], [13, 'UNKNOWN'])
})

Grpc('grpc.G2: a message of 4 GB costs no more than its bound', async () => {
  const piece = Buffer.alloc(65_536)
  let sent = 0
  await misbehaving(
    (stream) => {
      stream.respond(ok)
      stream.write(frame(piece, 0, 0xffff_ffff))
      const more = (): void => {
        if (stream.destroyed) return
        sent += piece.length
        stream.write(piece, more)
      }
      more()
    },
    async (url) => {
      const made = connectors({ url })
      const before = heldBytes()
      const { code, reason, message: words } = failed(await call(made, charge()))
      assert.equal([code, reason], [13, 'UNKNOWN'])
      assert.match(words, /more than 1048576 bytes/)
      assert.ok(heldBytes() - before < 8 * 1024 * 1024, 'memory is held')
      assert.ok(sent < 16 * 1024 * 1024, `${sent} bytes were taken`)
      made.close()
    },
  )
})

Grpc('grpc.G5: what is no single message is refused', async () => {
  for (const [body, words] of [
    [frame(reply, 1), /compressed/],
    [Buffer.concat([frame(reply), frame(reply)]), /several messages/],
    [frame(reply).subarray(0, 8), /is cut/],
    [Buffer.alloc(0), /no message/],
  ] as const) {
    const {
      code,
      reason,
      message: text,
    } = await ends((stream) => {
      stream.respond(ok, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
      stream.end(body)
    })
    assert.equal([code, reason], [13, 'UNKNOWN'])
    assert.match(text, words)
  }
})

Grpc('an answer that is none of gRPC has the code of its status', async () => {
  for (const [http, code, reason] of [
    [401, 16, 'REFUSED'],
    [404, 12, 'REFUSED'],
    [429, 14, 'UNKNOWN'],
    [503, 14, 'UNKNOWN'],
    [500, 2, 'UNKNOWN'],
  ] as const) {
    const result = await ends((stream) => {
      stream.respond({ ':status': http, 'content-type': 'text/html' })
      stream.end('<html>')
    })
    assert.equal([result.code, result.reason], [code, reason], String(http))
  }
  const noStatus = await ends((stream) => {
    stream.respond(ok)
    stream.end(frame(reply))
  })
  assert.is(noStatus.reason, 'UNKNOWN')
  const odd = await ends((stream) => stream.respond({ ...ok, 'grpc-status': 'many' }, { endStream: true }))
  assert.equal([odd.code, odd.reason], [2, 'UNKNOWN'])
})

Grpc('grpc.G1: a server that is not there, or hangs before it speaks, is NOT_SENT', async () => {
  const made = connectors({ url: `http://127.0.0.1:${await closedPort()}` })
  const refused = failed(await call(made, charge()))
  assert.equal([refused.code, refused.reason, refused.again], [14, 'NOT_SENT', true])
  made.close()
  const server = await Misbehaving.start(['byte', 'hang'])
  const hanging = connectors({ url: `https://127.0.0.1:${server.port}`, grant: { timeoutMs: shortMs } })
  const { code, reason } = failed(await call(hanging, charge()))
  assert.equal([code, reason], [4, 'NOT_SENT'])
  hanging.close()
  await server.stop()
})

Grpc('a server that does not speak HTTP/2 is UNKNOWN', async () => {
  const server = await Misbehaving.start(['byte', { send: 'HTTP/1.1 400 Bad Request\r\n\r\n' }, 'end'])
  const made = connectors({ url: `http://127.0.0.1:${server.port}`, grant: { timeoutMs: 2_000 } })
  assert.is(failed(await call(made, charge())).reason, 'UNKNOWN')
  made.close()
  await server.stop()
})

Grpc('grpc.G3: a server that does not offer HTTP/2 over TLS hears nothing: NOT_SENT', async () => {
  const server = await Misbehaving.start(['byte', 'hang'], { tls })
  const setting = { grant: { ca: '/ca.pem', timeoutMs: 2_000 }, files: { '/ca.pem': tls.cert } }
  const made = connectors({ url: `https://127.0.0.1:${server.port}`, ...setting })
  const { code, reason, message: words } = failed(await call(made, charge()))
  assert.equal([code, reason], [14, 'NOT_SENT'])
  assert.match(words, /does not offer HTTP\/2/)
  made.close()
  await server.stop()
})

Grpc('grpc.G1: the address is checked, of names and of literals', async () => {
  const resolve = { 'inside.example': [{ address: '127.0.0.1', family: 4 }] }
  const made = connectors({ url: 'http://inside.example:1', grant: { private: false }, resolve })
  const { code, reason } = failed(await call(made, charge()))
  assert.equal([code, reason], [7, 'NOT_SENT'])
  made.close()
})

Grpc('paths of the grant are those of methods', async () => {
  const made = connectors({ url: 'http://127.0.0.1:1', grant: { paths: ['/pay.v1.Refunds/*'] } })
  const { code, reason } = failed(await call(made, charge()))
  assert.equal([code, reason], [7, 'NOT_SENT'])
  made.close()
})

Grpc.run()

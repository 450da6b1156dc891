// Guards forms of gRPC that few clients use: compressed messages, content types, empty and half-closed calls, many calls at once.

import http2 from 'node:http2'
import { gunzipSync, gzipSync } from 'node:zlib'
import { Client, credentials } from '@grpc/grpc-js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Host } from '../../host/main.ts'
import { temporary, testHost } from '../support/host.ts'
import { actions, replicas, ScriptClient, said, script, scripted, values } from '../support/scripted.ts'

const data = temporary()
const host: Host = await testHost(data.path)
assert.ok((await host.deployer.deploy(await scripted())).ok)
const client = new ScriptClient(host.listen)

function frame(payload: Uint8Array, compressed = false): Buffer {
  const body = compressed ? gzipSync(payload) : payload
  const bytes = Buffer.concat([Buffer.alloc(5), body])
  bytes[0] = compressed ? 1 : 0
  bytes.writeUInt32BE(body.length, 1)
  return bytes
}

interface Raw {
  readonly status: string
  readonly http: number
  readonly texts: readonly string[]
}

/** A call byte by byte. */
function raw(path: string, bytes: Buffer, headers: Record<string, string> = {}): Promise<Raw> {
  return new Promise((resolve, reject) => {
    const session = http2.connect(`http://${host.listen}`)
    session.on('error', reject)
    const request = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    })
    let head: http2.IncomingHttpHeaders = {}
    let tail: http2.IncomingHttpHeaders = {}
    const chunks: Buffer[] = []
    request.on('response', (came) => {
      head = came
    })
    request.on('trailers', (came) => {
      tail = came
    })
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('error', reject)
    request.setTimeout(20_000, () => reject(new Error(`no answer of ${path}`)))
    request.on('close', () => {
      const texts: string[] = []
      let rest = Buffer.concat(chunks)
      while (rest.length > 0) {
        const body = rest.subarray(5, 5 + rest.readUInt32BE(1))
        texts.push(said(rest[0] === 1 ? gunzipSync(body) : body))
        rest = rest.subarray(5 + body.length)
      }
      const status = String(tail['grpc-status'] ?? head['grpc-status'])
      session.close()
      resolve({ status, http: Number(head[':status']), texts })
    })
    request.end(bytes)
  })
}

const shapes = [
  [values, 'Do', "return { outcome: say('a') }"],
  [replicas, 'Do', "return { answer: say('a') }"],
  [replicas, 'Open', "return { answer: say('a') }"],
  [actions, 'Do', "return say('a')"],
  [actions, 'Out', "return { outputs: [say('a')], done: true }"],
  [actions, 'In', "return { outputs: [say('a')], done: true }"],
  [actions, 'Both', "return { outputs: [say('a')], done: true }"],
] as const

const Wire = suite('gRPC on the wire')

for (const [service, method, code] of shapes) {
  const path = `/${service}/${method}`
  Wire(
    `§grpc-1: ${path}: messages may be compressed, the content type may say proto, and the answer is the same`,
    async () => {
      const payload = script('wire', code)
      for (const [bytes, headers] of [
        [frame(payload), {}],
        [frame(payload), { 'content-type': 'application/grpc+proto' }],
        [frame(payload, true), { 'grpc-encoding': 'gzip', 'grpc-accept-encoding': 'identity,gzip' }],
        [frame(payload), { 'grpc-encoding': 'gzip' }],
      ] as const)
        assert.equal(await raw(path, bytes, headers), { status: '0', http: 200, texts: ['a'] }, JSON.stringify(headers))
    },
  )

  // What streams of actions make of their elements is the function's affair.
  if (service === actions && method !== 'Do') continue
  Wire(`§call-3, §call-6: ${path}: bytes that are no message fail the call, and the connection goes on`, async () => {
    for (const bytes of [
      Buffer.from([0, 0, 0, 0, 9, 1]),
      Buffer.from([1, 0, 0, 0, 1, 7]),
      frame(Buffer.from([10, 50, 1])),
    ]) {
      const { status, http } = await raw(path, bytes)
      assert.ok(status !== '0' && status !== 'undefined', `${bytes.toString('hex')}: ${status}`)
      assert.is(http, 200)
    }
    assert.is((await raw(path, frame(script('wire', code)))).status, '0')
  })
}

Wire('§call-5, router.R1: an unknown method or service is UNIMPLEMENTED whatever comes with it', async () => {
  for (const path of ['/no.such.Service/Do', `/${values}/Fly`, `/${values}/do`, `/${values}`, '/'])
    assert.is((await raw(path, frame(script('x', '')))).status, '12', path)
})

Wire('a thousand calls at once on one connection are each answered as themselves', async () => {
  const one = new Client(host.listen, credentials.createInsecure())
  const same = (bytes: Buffer) => bytes
  const answers = await Promise.all(
    Array.from({ length: 1_000 }, (_, at) => {
      const [service, code] = at % 2 ? [actions, `return say('${at}')`] : [values, `return { outcome: say('${at}') }`]
      return new Promise<string>((resolve, reject) =>
        one.makeUnaryRequest(`/${service}/Do`, same, same, script(`many-${at % 7}`, code), (error, reply) =>
          error === null ? resolve(said(reply!)) : reject(error),
        ),
      )
    }),
  )
  assert.equal(
    answers,
    Array.from({ length: 1_000 }, (_, at) => String(at)),
  )
  one.close()
})

Wire.after(async () => {
  client.close()
  await host.stop()
  data.remove()
})

Wire.run()

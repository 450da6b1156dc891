// Guards gRPC: statuses of mistakes, deadlines, reflection, health, and methods that come and go with deployments.

import http2 from 'node:http2'
import type { ClientDuplexStream } from '@grpc/grpc-js'
import { Client, credentials } from '@grpc/grpc-js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { loadSchema } from '../../host/schema/load.ts'
import { WireCursor } from '../../host/schema/wire.ts'
import { toJson } from '../../host/transcode/to-json.ts'
import { component, fixture } from '../support/components.ts'
import { grpcClient, schemaOf, temporary, testHost } from '../support/host.ts'

const odd = 'test.odd.v1.Odd'
const counter = 'examples.counter.v1.Counter'
const data = temporary()
const host = await testHost(data.path, { 'message-bytes-max': '100000' })
assert.ok((await host.deployer.deploy((await fixture('odd')).bytes)).ok)
const schema = schemaOf(host, odd)
const grpc = grpcClient(host.listen, schema)
const client = new Client(host.listen, credentials.createInsecure())
const same = (bytes: Buffer) => bytes

/** A length-delimited field of less than 128 bytes. */
function part(number: number, content: string | Buffer): Buffer {
  const bytes = Buffer.from(content as string)
  return Buffer.concat([Buffer.from([number * 8 + 2, bytes.length]), bytes])
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)]
}

/** Length-delimited fields of a message, by number. */
function parts(bytes: Uint8Array): ReadonlyMap<number, readonly Buffer[]> {
  const result = new Map<number, Buffer[]>()
  const cursor = new WireCursor(bytes)
  while (!cursor.done) {
    const tag = cursor.tag()
    if ((tag & 7) === 2) result.set(tag >>> 3, [...(result.get(tag >>> 3) ?? []), Buffer.from(cursor.view())])
    else cursor.skip(tag & 7)
  }
  return result
}

function call(path: string, payload: Buffer): Promise<{ code: number; details: string; reply: Buffer }> {
  return new Promise((resolve) => {
    client.makeUnaryRequest(path, same, same, payload, (error, reply) =>
      resolve({ code: error?.code ?? 0, details: error?.details ?? '', reply: reply ?? Buffer.alloc(0) }),
    )
  })
}

/** Answers to requests of one reflection stream, and the status it ends with. */
function reflect(version: string, ...requests: readonly Buffer[]): Promise<{ answers: Buffer[]; code: number }> {
  const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`
  const stream: ClientDuplexStream<Buffer, Buffer> = client.makeBidiStreamRequest(path, same, same)
  const answers: Buffer[] = []
  stream.on('data', (answer: Buffer) => answers.push(answer))
  stream.on('error', () => {})
  for (const request of requests) stream.write(request)
  stream.end()
  return new Promise((resolve) => stream.on('status', ({ code }) => resolve({ answers, code })))
}

const Grpc = suite('grpc')

Grpc('§limit-1: a message over the limit is RESOURCE_EXHAUSTED', async () => {
  assert.is((await grpc.call(`${odd}/Do`, { id: 'big', other: 'x'.repeat(200_000) })).code, 8)
  assert.is((await grpc.call(`${odd}/Add`, { id: 'big', amount: 1 })).code, 0)
})

Grpc('§call-6: a payload that is not the message is INVALID_ARGUMENT', async () => {
  const { code, details } = await call(`/${odd}/Add`, Buffer.from([0x0a, 50, 1]))
  assert.is(code, 3)
  assert.match(details, /^the request is not a test.odd.v1.AddRequest/)
})

Grpc('§call-5: unknown methods and services are UNIMPLEMENTED', async () => {
  for (const path of [`/${odd}/Fly`, '/no.such.Service/Do', '/', '/a']) {
    assert.is((await call(path, Buffer.alloc(0))).code, 12, path)
  }
})

Grpc('§deadline-1: a deadline that has passed is DEADLINE_EXCEEDED', async () => {
  const session = http2.connect(`http://${host.listen}`)
  const stream = session.request({
    ':method': 'POST',
    ':path': `/${odd}/Do`,
    'content-type': 'application/grpc',
    te: 'trailers',
    'grpc-timeout': '1n',
  })
  const status = new Promise<unknown>((resolve) => {
    stream.on('response', (headers) => headers['grpc-status'] !== undefined && resolve(headers['grpc-status']))
    stream.on('trailers', (headers) => resolve(headers['grpc-status']))
    stream.on('error', (error) => resolve(error.message))
  })
  const payload = Buffer.concat([part(1, 'late'), part(2, 'read')])
  stream.resume()
  stream.end(Buffer.concat([Buffer.from([0, 0, 0, 0, payload.length]), payload]))
  assert.is(await status, '4')
  session.destroy()
})

for (const version of ['v1', 'v1alpha']) {
  Grpc(`§reflection-1: reflection ${version}: lists itself and then the services in order`, async () => {
    const request = Buffer.concat([part(1, 'a host'), part(7, '')])
    const { answers, code } = await reflect(version, request)
    assert.is(code, 0, 'half-close ends the stream')
    const answer = parts(answers[0]!)
    assert.is(answer.get(1)![0]!.toString(), 'a host')
    assert.equal(answer.get(2)![0], request, 'the request is echoed')
    const names = parts(answer.get(6)![0]!)
      .get(1)!
      .map((item) => parts(item).get(1)![0]!.toString())
    assert.equal(names, [`grpc.reflection.${version}.ServerReflection`, odd])
  })

  Grpc(
    `§reflection-2: reflection ${version}: finds files by name and by any symbol, one answer a request`,
    async () => {
      const symbols = [odd, `${odd}.Do`, 'test.odd.v1.DoRequest', 'test.odd.v1.Shade'].map((name) => part(4, name))
      const { answers } = await reflect(version, part(3, 'odd.proto'), ...symbols)
      assert.is(answers.length, 5)
      for (const answer of answers) {
        const [file] = parts(parts(answer).get(4)![0]!).get(1)!
        assert.equal(file, Buffer.from(schema.files.get('odd.proto')!.bytes))
      }
    },
  )

  Grpc(
    `§reflection-1: reflection ${version}: the host's own services are described, as their answers are`,
    async () => {
      const names = [
        `grpc.reflection.${version}.ServerReflection`,
        'grpc.health.v1.Health',
        'grpc.health.v1.Health.Watch',
      ]
      const { answers } = await reflect(version, ...names.map((name) => part(4, name)), part(7, ''))
      const files = answers.slice(0, 3).map((answer) => parts(parts(answer).get(4)![0]!).get(1)![0]!)
      const set = files.slice(0, 2).map((file) => Buffer.concat([Buffer.from([10, ...varint(file.length)]), file]))
      const own = loadSchema(Buffer.concat(set))
      assert.ok(own.services.get(names[0]!)!.methods.get('ServerReflectionInfo')!.clientStreaming)
      assert.not.ok(own.services.get(names[1]!)!.methods.get('Watch')!.clientStreaming)
      assert.ok(own.services.get(names[1]!)!.methods.get('Watch')!.serverStreaming)
      const response = own.messages.get(`grpc.reflection.${version}.ServerReflectionResponse`)!
      const listed = JSON.parse(toJson(own, response, answers[3]!))
      assert.equal(listed.originalRequest, { host: '', listServices: '' })
      assert.equal(listed.listServicesResponse, { service: [{ name: names[0] }, { name: odd }] })
      const status = own.messages.get('grpc.health.v1.HealthCheckResponse')!
      assert.is(toJson(own, status, (await check('')).reply), '{"status":"SERVING"}')
    },
  )

  Grpc(`§reflection-2: reflection ${version}: what is not found is an empty list, not an error`, async () => {
    const { answers, code } = await reflect(version, part(3, 'no.proto'), part(4, 'no.Such'), part(4, ''))
    assert.is(code, 0)
    assert.is(answers.length, 3)
    for (const answer of answers) assert.equal(parts(answer).get(4), [Buffer.alloc(0)])
  })

  Grpc(`reflection ${version}: extensions are found by type and number, and counted`, async () => {
    const options = 'google.protobuf.FieldOptions'
    const extension = Buffer.concat([part(1, options), Buffer.from([0x10, 0x88, 0x8f, 0x03])])
    const { answers } = await reflect(version, part(5, extension), part(6, options))
    const [file] = parts(parts(answers[0]!).get(4)![0]!).get(1)!
    assert.equal(file, Buffer.from(schema.files.get('innkeeper/options.proto')!.bytes))
    assert.is(parts(parts(answers[1]!).get(5)![0]!).get(1)![0]!.toString(), options)
  })

  Grpc(
    `§reflection-2: reflection ${version}: bytes that are no request end the stream with INVALID_ARGUMENT`,
    async () => {
      assert.is((await reflect(version, Buffer.from([0x0a, 50, 1]))).code, 3)
    },
  )
}

const check = (name: string) => call('/grpc.health.v1.Health/Check', name === '' ? Buffer.alloc(0) : part(1, name))

Grpc('§health-1: health: the host and what is deployed are SERVING, others NOT_FOUND', async () => {
  assert.equal((await check('')).reply, Buffer.from([8, 1]))
  assert.equal((await check(odd)).reply, Buffer.from([8, 1]))
  assert.is((await check('no.such.Service')).code, 5)
  assert.is((await call('/grpc.health.v1.Health/Check', Buffer.from([0x0a, 9]))).code, 3)
})

Grpc('§grpc-2, server.G1: methods, reflection and health follow deployments on an open connection', async () => {
  const get = () => call(`/${counter}/Get`, part(1, 'a'))
  assert.is((await get()).code, 12)
  const watch = client.makeServerStreamRequest('/grpc.health.v1.Health/Watch', same, same, part(1, counter))
  watch.on('error', () => {})
  const seen: number[] = []
  const waiting: (() => void)[] = []
  watch.on('data', (status: Buffer) => {
    seen.push(status[1]!)
    waiting.shift()?.()
  })
  const after = (count: number) =>
    seen.length >= count ? Promise.resolve() : new Promise<void>((resolve) => waiting.push(resolve))
  await after(1)
  assert.ok((await host.deployer.deploy((await component('counter/typescript')).bytes)).ok)
  assert.is((await get()).code, 0)
  await after(2)
  host.deployer.undeploy(counter)
  assert.is((await get()).code, 12)
  assert.is((await check(counter)).code, 5)
  await after(3)
  assert.equal(seen, [3, 1, 3])
  watch.cancel()
  assert.ok((await host.deployer.deploy((await component('counter/typescript')).bytes)).ok)
  assert.is((await get()).code, 0)
})

Grpc.after(async () => {
  client.close()
  grpc.close()
  await host.stop()
  data.remove()
})

Grpc.run()

// Guards a host that still has something to deploy: whoever calls is told so, whatever the protocol, and nothing is called unknown that
// may be served in a moment. The admin port answers already.

import http2 from 'node:http2'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { grpc, grpcWeb, ownClient } from '../support/calls.ts'
import { component } from '../support/components.ts'
import { http, temporary, testHost } from '../support/host.ts'

const counter = 'examples.counter.v1.Counter'
const get = `/${counter}/Get`
const health = '/grpc.health.v1.Health/Check'
const starting = 'the host is starting, and not everything is served yet; try again in a moment'
const unavailable = { code: 14, message: starting, reply: undefined }
const name = (service: string) => {
  const { length } = service
  return Buffer.from([10, ...(length < 128 ? [length] : [(length & 127) | 128, length >>> 7]), ...Buffer.from(service)])
}
const notServing = { code: 0, message: '', reply: Buffer.from([8, 2]) }
const serving = { code: 0, message: '', reply: Buffer.from([8, 1]) }
const me = Buffer.from([10, 2, 109, 101])

const { bytes } = await component('counter/assemblyscript')
const data = temporary()
const host = await testHost(data.path, { 'stop-wait-ms': '600000' }, { waits: true })

/** A status that is watched: what was told so far, and the end. */
function watch(service: string): { told: number[]; until: (count: number) => Promise<void>; close: () => void } {
  const client = ownClient(host.listen)
  const same = (message: Buffer) => message
  const call = client.makeServerStreamRequest('/grpc.health.v1.Health/Watch', same, same, name(service))
  const told: number[] = []
  let wake = () => {}
  call.on('data', (message: Buffer) => {
    told.push(message[1]!)
    wake()
  })
  call.on('error', () => {})
  return {
    told,
    until: async (count) => {
      while (told.length < count)
        await new Promise<void>((resolve) => {
          wake = resolve
        })
    },
    close: () => {
      call.cancel()
      client.close()
    },
  }
}

const Starting = suite('a host that starts')
const watches = [watch(''), watch(counter)]

Starting('§call-8, server.S6: HTTP calls are 503 with a sentence, on every path', async () => {
  for (const [method, path, body] of [
    ['GET', '/counter/me', undefined],
    ['POST', '/counter/me/add', { amount: 1 }],
    ['GET', '/no/such/path', undefined],
    ['GET', '/openapi.json', undefined],
  ] as const) {
    const answer = await http(host.listen, method, path, body)
    assert.is(answer.status, 503, path)
    assert.equal(answer.json, { code: 14, message: starting, details: [] })
    assert.is(answer.headers.get('retry-after'), '1')
  }
})

Starting('§call-8, not-yet.N1, server.S6: gRPC and gRPC-Web calls are UNAVAILABLE, whatever they name', async () => {
  for (const path of [get, '/no.such.Service/Do', '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo']) {
    assert.equal(await grpc(host.listen, path, me), unavailable, path)
    assert.equal(await grpcWeb(host.listen, path, me), unavailable, path)
  }
})

Starting(
  '§health-1, §call-8, health-status.H1: health is NOT_SERVING, of every name; what is no check is refused',
  async () => {
    for (const service of ['', counter, 'no.such.Service'])
      assert.equal(await grpc(host.listen, health, name(service)), notServing)
    for (const broken of [Buffer.from([10, 200]), Buffer.alloc(5_000)])
      assert.equal(await grpc(host.listen, health, broken), {
        code: 3,
        message: 'not a HealthCheckRequest',
        reply: undefined,
      })
  },
)

Starting('not-yet.N3: a request is read no further than a health check is long', async () => {
  const broken = { code: 3, message: 'not a HealthCheckRequest', reply: undefined }
  assert.equal(await grpc(host.listen, health, name('s'.repeat(4_093))), notServing)
  assert.equal(await grpc(host.listen, health, name('s'.repeat(4_094))), broken)
  // By its head alone: what it announces never comes.
  const session = http2.connect(`http://${host.listen}`)
  const headers = { ':method': 'POST', ':path': health, 'content-type': 'application/grpc', te: 'trailers' }
  const stream = session.request(headers)
  let answer: unknown
  stream.on('response', (of) => {
    answer = of['grpc-status']
  })
  stream.write(Buffer.from([0, 0, 0, 16, 1]))
  // It has its answer before others have so many.
  for (let asked = 0; asked < 100 && answer === undefined; asked++) await grpc(host.listen, health, name(''))
  assert.is(answer, '3')
  session.destroy()
})

Starting('the admin port answers', async () => {
  assert.is((await http(host.admin, 'GET', '/healthz')).status, 200)
  const ready = await http(host.admin, 'GET', '/readyz')
  assert.equal([ready.status, ready.text], [503, `${starting}\n`])
  assert.equal((await http(host.admin, 'GET', '/v1/services')).json, { services: [], unrestored: [] })
})

Starting('main.M1: what was deployed meanwhile is served with the rest, and not before', async () => {
  assert.ok((await host.deployer.deploy(bytes)).ok)
  assert.is((await http(host.listen, 'GET', '/counter/me')).status, 503)
  assert.equal(await grpc(host.listen, get, me), unavailable)
  host.ready()
  assert.equal((await http(host.listen, 'GET', '/counter/me')).json, { value: '0' })
  for (const call of [grpc, grpcWeb]) assert.is((await call(host.listen, get, me)).code, 0)
  assert.is((await http(host.admin, 'GET', '/readyz')).text, 'ready\n')
  assert.is((await http(host.listen, 'GET', '/no/such/path')).status, 404)
  assert.is((await grpc(host.listen, '/no.such.Service/Do', me)).code, 12)
  assert.equal(await grpc(host.listen, health, name('')), serving)
  assert.equal(await grpc(host.listen, health, name(counter)), serving)
  assert.is((await grpc(host.listen, health, name('no.such.Service'))).code, 5)
})

Starting('§health-2, not-yet.N2: whoever watched health hears NOT_SERVING, then SERVING, on one stream', async () => {
  for (const { until, told } of watches) {
    await until(2)
    assert.equal(told, [2, 1])
  }
})

Starting('§health-2: streams of health that are still open do not hold up the end', async () => {
  watches.push(watch(''))
  await watches[2]!.until(1)
  const stopped = await Promise.race([
    host.stop().then(() => 'stopped'),
    new Promise((resolve) => setTimeout(resolve, 30_000, 'held up').unref()),
  ])
  assert.is(stopped, 'stopped')
})

Starting.after(async () => {
  for (const { close } of watches) close()
  await host.stop()
  data.remove()
})

Starting.run()

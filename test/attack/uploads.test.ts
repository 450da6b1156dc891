// Guards the host against uploads and deployments that pile up: each sum has a bound, and what is over it hears so.

import nodeHttp, { type ClientRequest } from 'node:http'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { http, temporary, testHost } from '../support/host.ts'
import { guestComponent } from '../support/hostile.ts'
import { linked } from '../support/linked.ts'

const bytesMax = 100_000
const data = temporary()
/** Linking waits for it. */
let released: Promise<void> = Promise.resolve()
const host = await testHost(
  data.path,
  {
    'component-bytes-max': String(bytesMax),
    'upload-bytes-max': String(3 * bytesMax),
    'deployments-max': '2',
  },
  { link: async (...given) => await released.then(() => linked(...given)) },
)
const component = await guestComponent({})

const deploy = (body: Uint8Array) =>
  http(host.admin, 'POST', '/v1/components?dry-run', body, { 'content-type': 'application/wasm' })

/** An upload that sends so much and does not end. */
function held(bytes: number): ClientRequest {
  const [name, port] = host.admin.split(':') as [string, string]
  const headers = { 'content-type': 'application/wasm', 'content-length': String(bytesMax) }
  const request = nodeHttp.request({ host: name, port, method: 'POST', path: '/v1/components', headers })
  request.on('error', () => {})
  request.write(Buffer.alloc(bytes))
  return request
}

interface Status {
  readonly code: number
  readonly message: string
}

async function metric(name: string): Promise<number> {
  const { text } = await http(host.admin, 'GET', '/metrics')
  return Number(new RegExp(`^innkeeper_${name} (.*)$`, 'm').exec(text)![1])
}

/** Waits until the host says so. */
async function until(asked: () => Promise<boolean>): Promise<void> {
  while (!(await asked())) await new Promise((resolve) => setTimeout(resolve, 20))
}

const Pile = suite('uploads')

Pile('§limit-8: uploads that do not end give way to one that does, the oldest first, and hear so', async () => {
  const full = new Uint8Array(bytesMax)
  const told: string[] = []
  const clients = ['first', 'second', 'third'].map((name) => {
    const client = held(bytesMax - 1)
    client.on('response', async (response) => {
      const { code, message } = JSON.parse(Buffer.concat(await response.toArray()).toString()) as Status
      told.push(`${name} ${response.statusCode} ${code}`)
      assert.match(message, /^too many bytes of requests and answers are in flight \(upload-bytes-max\), .* later$/)
    })
    return client
  })
  await until(async () => (await metric('admin_in_flight_bytes')) >= 3 * (bytesMax - 1))
  assert.is((await deploy(full)).status, 400)
  await until(async () => told.length > 0)
  assert.ok(told.every((line) => line.endsWith('429 8')))
  assert.ok(told.length < 3, `${told}`)
  for (const client of clients) client.destroy()
  await until(async () => (await metric('admin_in_flight_bytes')) === 0)
  assert.is(await metric('admin_in_flight_cuts_total'), told.length)
})

Pile('§limit-8, deploy.D6: deployments above the bound are refused, and taken again when others are done', async () => {
  const linking = Promise.withResolvers<void>()
  released = linking.promise
  const refused: unknown[] = []
  const deployments = Array.from({ length: 6 }, async () => {
    const { status, json } = await deploy(component)
    if (status !== 429) return
    refused.push(json)
    // Two are left, which wait.
    if (refused.length === 4) linking.resolve()
  })
  await Promise.all(deployments)
  assert.is(refused.length, 4)
  for (const answer of refused) {
    const { code, message } = answer as Status
    assert.is(code, 8)
    assert.match(message, /^2 deployments run or wait, 2 are allowed \(deployments-max\); deploy it again/)
  }
  assert.is.not((await deploy(component)).status, 429)
})

Pile.after(async () => {
  await host.stop()
  data.remove()
})

Pile.run()

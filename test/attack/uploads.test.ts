// Guards the host against uploads and deployments that pile up: each sum has a bound, and what is over it hears so.

import nodeHttp, { type ClientRequest } from 'node:http'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Uploads } from '../../host/admin/uploads.ts'
import type { InnkeeperError } from '../../host/errors.ts'
import { http, temporary, testHost } from '../support/host.ts'
import { guestComponent } from '../support/hostile.ts'

const bytesMax = 100_000
const data = temporary()
const host = await testHost(data.path, {
  'component-bytes-max': String(bytesMax),
  'upload-bytes-max': String(3 * bytesMax),
  'deployments-max': '2',
})
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

/** Waits until the host says so. */
async function until(asked: () => Promise<boolean>): Promise<void> {
  while (!(await asked())) await new Promise((resolve) => setTimeout(resolve, 20))
}

const Pile = suite('uploads')

Pile(
  'bytes of uploads that do not end are counted, refused above the bound, and free again when the clients leave',
  async () => {
    const full = new Uint8Array(bytesMax)
    const clients = [held(bytesMax - 1), held(bytesMax - 1), held(bytesMax - 1)]
    await until(async () => (await deploy(full)).status === 429)
    const refused = await deploy(full)
    assert.is(refused.status, 429)
    const { code, message } = refused.json as { code: number; message: string }
    assert.is(code, 8)
    assert.match(message, /^uploads in hand have \d+ bytes, 300000 are allowed \(upload-bytes-max\); send it again/)
    for (const client of clients) client.destroy()
    await until(async () => (await deploy(full)).status === 400)
  },
)

Pile('an upload is counted while its deployment runs, and no longer', async () => {
  const uploads = new Uploads(10)
  uploads.take(6)
  assert.throws(
    () => uploads.take(5),
    (error: InnkeeperError) => error.code === 'overloaded',
  )
  uploads.take(4)
  uploads.give(10)
  uploads.take(10)
})

Pile('deployments above the bound are refused, and taken again when others are done', async () => {
  const answers = await Promise.all(Array.from({ length: 6 }, () => deploy(component)))
  const refused = answers.filter(({ status }) => status === 429)
  assert.ok(refused.length >= 1 && refused.length <= 4, `${refused.length} refused`)
  for (const { json } of refused) {
    const { code, message } = json as { code: number; message: string }
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

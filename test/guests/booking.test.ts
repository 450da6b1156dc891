// Guards the ticket shop of guests/booking on a real host: callers that wait while it is killed, and a booking that expires.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { MissingTool } from '../../sdk/build/toolchain.ts'
import { component } from '../support/components.ts'
import type { HostProcess } from '../support/host.ts'
import { hostProcess, http, temporary } from '../support/host.ts'
import { eventually } from '../support/ingress.ts'
import { runInn } from '../support/inn.ts'
import { skip } from '../support/skip.ts'

const Booking = suite('the ticket shop')
const service = 'examples.booking.v1.Booking'

for (const language of ['typescript', 'rust']) {
  const built = await component(`booking/${language}`).catch((error: unknown) => {
    if (error instanceof MissingTool) return error
    throw error
  })
  if (built instanceof MissingTool) skip(Booking, `in ${language}`, built.message)
  else testShop(language, built.file)
}

function testShop(language: string, file: string): void {
  const data = temporary()
  let host: HostProcess

  const at = (method: string, path: string, body?: object, headers?: Record<string, string>) =>
    http(host.listen, method, path, body, headers)
  const book = (id: string, show: string, price: number, key?: string) =>
    at('POST', `/bookings/${id}`, { show, account: 'ann', price }, key === undefined ? {} : { 'idempotency-key': key })
  const step = async (id: string) => (await at('GET', `/bookings/${id}`)).json.step as string
  const timers = async () =>
    (await http(host.admin, 'GET', `/v1/services/${service}/timers?limit=10`)).json.timers as { timer: string }[]
  const isDone = async () => (await http(host.admin, 'GET', '/v1/effects')).json.effects.length === 0

  Booking(`${language}: who waits for a seat gets it from a host that was killed meanwhile`, async () => {
    host = await hostProcess(data.path, [file])
    assert.is((await at('POST', '/shows/hamlet', { seats: 1 })).status, 200)
    assert.is((await at('POST', '/wallets/ann/deposit', { amount: 500 })).status, 200)
    const cut = book('a', 'hamlet', 150, 'key').then(
      () => 'answered',
      () => 'cut',
    )
    await eventually(async () => (await step('a')) === 'PAYING')
    await host.kill()
    assert.is(await cut, 'cut')
    host = await hostProcess(data.path)
    assert.is(await step('a'), 'PAYING')
    const callers = [book('a', 'hamlet', 150, 'key'), book('a', 'hamlet', 150)]
    // The charge may still be on its way to the wallet.
    await eventually(async () => (await at('POST', '/wallets/ann/approve/a')).status === 200)
    for (const { status, json } of await Promise.all(callers)) assert.equal([status, json], [200, { seat: 1 }])
    assert.is((await at('GET', '/wallets/ann')).json.balance, '350')
    assert.equal(await timers(), [])
    const { status, json } = await book('b', 'hamlet', 50)
    assert.equal([status, json.message], [400, 'sold out'])
  })

  Booking(`${language}: a booking that expires gives the seat and the money back`, async () => {
    assert.is((await at('POST', '/shows/lear', { seats: 1 })).status, 200)
    const late = book('c', 'lear', 150)
    // If something else fails first, that is what the test tells.
    late.catch(() => {})
    await eventually(async () =>
      (await at('GET', '/wallets/ann')).json.charges.some(({ id }: { id: string }) => id === 'c'),
    )
    const [{ timer }] = (await timers()) as [{ timer: string }]
    const fired = await runInn(data.path, ['timers', '--fire', timer, '--admin', host.admin])
    assert.is(fired.code, 0, fired.err)
    assert.equal((await late).json.message, 'the booking expired')
    await eventually(isDone)
    assert.is((await at('POST', '/wallets/ann/approve/c')).status, 404)
    assert.equal((await book('d', 'lear', 50)).json, { seat: 1 })
    assert.is((await at('GET', '/wallets/ann')).json.balance, '300')
    assert.equal([await step('c'), await step('d')], ['FAILED', 'BOOKED'])
  })

  Booking.after(async () => {
    await host.kill()
    data.remove()
  })
}

Booking.run()

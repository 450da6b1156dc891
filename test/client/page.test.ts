// Guards the client where it is for: a page of another origin in Chromium, with the React hooks (guests/dashboard).

import { execFileSync } from 'node:child_process'
import { cpSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { HTTPRequest } from 'puppeteer-core'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { bundled, pageServer } from '../../guests/dashboard/serve.ts'
import { chromium, noChromium, shows, startBrowser } from '../support/browser.ts'
import { component } from '../support/components.ts'
import { hostProcess, http, temporary } from '../support/host.ts'
import { freeAddress, runInn } from '../support/inn.ts'
import { caughtUp } from '../support/sales.ts'
import { skip } from '../support/skip.ts'
import { folderInCheckout } from '../support/typed-client.ts'

const example = fileURLToPath(new URL('../../guests/dashboard/', import.meta.url))
const tsc = fileURLToPath(new URL('../../node_modules/.bin/tsc', import.meta.url))

const Pages = suite('a page with the client')

const title = 'it shows what is, what was written, and what others do, over kill -9 of the host'
if (chromium === undefined) skip(Pages, title, noChromium)
else Pages(title, () => tried(chromium as string))

async function tried(executable: string): Promise<void> {
  const data = temporary()
  const [listen, admin, served] = [await freeAddress(), await freeAddress(), await freeAddress()]
  const start = async (files: readonly string[] = []) =>
    await hostProcess(data.path, [
      ...['--listen', listen, '--admin', admin, '--cors-origins', `http://${served}`],
      ...files,
    ])
  let host = await start([(await component('cart/typescript')).file, (await component('sales/typescript')).file])
  await caughtUp(host)

  const { path: folder, remove } = folderInCheckout()
  cpSync(example, folder, { recursive: true, filter: (path) => !path.startsWith(join(example, 'client')) })
  const generated = await runInn(folder, ['client', '--lang', 'ts', '--out', 'client'], { INNKEEPER_ADMIN: admin })
  assert.is(generated.code, 0, generated.err)
  execFileSync(process.execPath, [tsc, '-p', folder], { stdio: 'inherit' })
  const pages = pageServer(await bundled(folder))
  await new Promise<void>((resolve) => pages.listen(Number(served.split(':')[1]), '127.0.0.1', resolve))
  assert.is((pages.address() as AddressInfo).address, '127.0.0.1')

  const browser = await startBrowser(executable)
  try {
    const page = await browser.newPage()
    const requests: HTTPRequest[] = []
    const errors: string[] = []
    page.on('request', (request) => requests.push(request))
    page.on('pageerror', (error) => errors.push(String(error)))
    page.on('console', (message) => {
      if (message.type() === 'error' && !/Failed to load resource|net::ERR/.test(message.text()))
        errors.push(message.text())
    })
    // The host lets pages of 127.0.0.1 call it, and not those of localhost.
    await page.goto(`http://${served.replace('127.0.0.1', 'localhost')}/?host=http://${listen}`)
    await shows(page, '#sold [role="alert"]', /the connection was lost .*`--cors-origins http:\/\/localhost:\d+`/)
    errors.length = 0

    await page.goto(`http://${served}/?host=http://${listen}&user=ann`)
    await shows(page, '#totals', '0 users, 0 items, 0 of them sold')

    // What the page writes, it sees: in the entity by its watch, in the view by its token, which it may read of another origin.
    await page.click('#add')
    await shows(page, '#cart table', 'tea\t1')
    await shows(page, '#items table', 'tea\tin the cart\t1')
    await shows(page, '#totals', '1 users, 1 items, 0 of them sold')
    const queries = requests.filter((request) => request.method() === 'POST' && request.url().endsWith('/Count'))
    assert.is(queries[0]!.headers()['x-innkeeper-after'], undefined)
    assert.match(queries.at(-1)!.headers()['x-innkeeper-after']!, /^\d+:\d+/)
    const adds = requests.filter((request) => request.method() === 'POST' && request.url().endsWith('/AddItem'))
    assert.is(adds.length, 1)
    assert.match(adds[0]!.headers()['idempotency-key']!, /^[\da-f-]{36}$/)

    // A watch and a live query, though StrictMode begins each twice.
    const { text: metrics } = await http(host.admin, 'GET', '/metrics')
    assert.match(metrics, /^innkeeper_watchers\S* 1$/m)
    assert.match(metrics, /^innkeeper_live_queries\S* 1$/m)

    // What others do.
    const add = (user: string) =>
      http(listen, 'POST', `/cart/${user}/items/add`, { product_id: 'cup', name: 'Cup', quantity: 2 })
    await add('ann')
    await shows(page, '#cart table', 'tea\t1\nCup\t2')
    await add('bea')
    await http(listen, 'POST', '/cart/bea/checkout', {})
    await shows(page, '#sold table', 'Cup\t1 carts\t2')

    // What is refused is said.
    await page.click('#cart input', { count: 3 })
    await page.keyboard.press('Backspace')
    await page.click('#add')
    await shows(page, '#cart [role="alert"]', '[invalid_argument] product_id must not be empty')

    await host.kill()
    await shows(page, '#sold [role="alert"]', /the connection was lost/)
    host = await start()
    await add('cid')
    await http(listen, 'POST', '/cart/cid/checkout', {})
    await shows(page, '#sold table', 'Cup\t2 carts\t4')
    await shows(page, '#sold [role="alert"]', undefined)
    await add('ann')
    await shows(page, '#cart table', 'tea\t1\nCup\t4')
    await page.click('#checkout')
    await shows(page, '#cart output', 'checked out')
    await shows(page, '#sold table', 'Cup\t3 carts\t8\ntea\t1 carts\t1')
    assert.equal(errors, [])
  } finally {
    await browser.close()
    await new Promise((resolve) => pages.close(resolve))
    await host.kill()
    remove()
    data.remove()
  }
}

Pages.run()

// Guards `npm run shop`: it starts the shop in one command, again after it was killed, and its page sells seats, in Chromium.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Page } from 'puppeteer-core'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { chromium, noChromium, shows, startBrowser } from '../support/browser.ts'
import { http, temporary } from '../support/host.ts'
import { eventually } from '../support/ingress.ts'
import { freeAddress } from '../support/inn.ts'
import { skip } from '../support/skip.ts'

const run = fileURLToPath(new URL('../../guests/shop/run.ts', import.meta.url))
const data = temporary()
const [listen, admin, provider] = [await freeAddress(), await freeAddress(), await freeAddress()]

const places = ['--listen', listen, '--admin', admin, '--provider', provider.split(':')[1]!, '--folder', data.path]

interface Running {
  /** Ends it as Ctrl-C does, and says with which code it has ended. */
  stop(): Promise<number | null>
  /** Ends its host by the command that it prints, and says what it has printed until it ended. */
  kill(): Promise<string>
}

function launch(more: readonly string[] = []) {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', run, ...places, ...more], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      said += chunk
    })
  return { child, said: () => said, ended: once(child, 'close') }
}

async function start(): Promise<Running> {
  const { child, said, ended } = launch()
  await eventually(() => {
    if (child.exitCode !== null) throw new Error(said())
    return said().includes('stop it       Ctrl-C')
  })
  return {
    kill: async () => {
      process.kill(Number(/kill -9 (\d+)/.exec(said())![1]), 'SIGKILL')
      await ended
      return said()
    },
    stop: async () => {
      child.kill('SIGTERM')
      const [code] = (await ended) as [number | null]
      return code
    },
  }
}

const Run = suite('npm run shop')
let running: Running

Run('one command serves the page, three shows and a provider', async () => {
  running = await start()
  const page = await http(listen, 'GET', '/')
  assert.match(page.headers.get('content-type') ?? '', /^text\/html/)
  const listed = async () => {
    const lines = (await http(listen, 'GET', '/shows')).text.trim().split('\n')
    return lines.map((line) => JSON.parse(line).show).join()
  }
  await eventually(async () => (await listed()) === 'hamlet,lear,tempest')
  const request = { show: 'lear', customer: 'eve', mail: 'eve@example.com', seats: [1, 2] }
  assert.is((await http(listen, 'POST', '/orders/first', request)).json.step, 'RESERVED')
  assert.is((await http(listen, 'POST', '/orders/first/pay', { card: 'visa' })).json.step, 'PAID')
  await eventually(async () => (await http(provider, 'GET', '/books')).json.mails.length === 1)
})

Run('a port that is in use is named, with the flag for another', async () => {
  const second = launch()
  const [code] = (await second.ended) as [number | null]
  assert.is(code, 1)
  const sentence = `npm run shop: ${listen}: it is in use, perhaps by the host of a shop that still runs; choose another with: npm run shop -- --listen HOST:PORT`
  assert.is(second.said().trim(), sentence)
})

Run('an address that is none is named, with the flag for another', async () => {
  const wrong = launch(['--listen', 'a:b:c'])
  assert.equal(await wrong.ended, [1, null])
  assert.is(
    wrong.said().trim(),
    'npm run shop: a:b:c: that is no address; choose another with: npm run shop -- --listen HOST:PORT',
  )
})

Run('the host is killed by the command that it prints; then it says how to go on', async () => {
  assert.match(await running.kill(), /the host was ended by SIGKILL; npm run shop starts it again/)
  running = await start()
})

Run('started again, it goes on with what it has, and the provider with its books', async () => {
  assert.is(await running.stop(), 0)
  running = await start()
  assert.equal((await http(listen, 'GET', '/shows/lear')).json.sold, [1, 2])
  assert.is((await http(provider, 'GET', '/books')).json.charges[0].charge, 'first.1')
})

async function type(page: Page, selector: string, text: string): Promise<void> {
  await page.type(selector, text)
  await page.$eval(selector, (input) => (input as unknown as { blur(): void }).blur())
}

async function sold(executable: string): Promise<void> {
  const browser = await startBrowser(executable)
  try {
    const page = await browser.newPage()
    const errors: string[] = []
    page.on('pageerror', (error) => errors.push(String(error)))
    page.on('dialog', (dialog) => void dialog.accept())
    await page.goto(`http://${listen}/`)
    await type(page, '[name=customer]', 'ann')
    await type(page, '[name=mail]', 'ann@example.com')
    await shows(page, '#left', /^400 of 400 seats left/)
    for (const seat of [20, 21]) await page.click(`#hall button:nth-child(${seat})`)
    await page.click('#reserve button')
    await shows(page, '#order', /^Hamlet, seats 20, 21: CHF 90\.00\./)
    await shows(page, '#left', /^398 of 400 seats left/)
    await page.select('#pay select', 'declined')
    await page.click('#pay [type=submit]')
    await shows(page, '#said', 'the card is declined')
    await page.select('#pay select', 'visa')
    await page.click('#pay [type=submit]')
    await shows(page, '#said', 'Paid. The seats 20, 21 are yours.')
    await page.click('[data-tab=mine]')
    await shows(page, '#my-orders', /^Hamlet\s+2\s+CHF 90\.00\s+paid/)
    await page.click('[data-tab=office]')
    await shows(page, '#all-shows tr:first-child', /^Hamlet.*398 of 400/)
    await page.click('#all-shows tr:first-child button')
    await shows(page, '#said', 'Hamlet is cancelled. All orders are being told.')
    await shows(page, '#sales', /CHF 190\.00\s+CHF 90\.00/)
    await page.click('[data-tab=mine]')
    await shows(page, '#my-orders', /cancelled\s+CHF 90\.00\s+the show is cancelled/)
    assert.equal(errors, [])
  } finally {
    await browser.close()
  }
}

const title = 'the page reserves seats, pays, lists orders, and the office cancels a show'
if (chromium === undefined) skip(Run, title, noChromium)
else Run(title, () => sold(chromium as string))

Run.after(async () => {
  await running.stop()
  data.remove()
})

Run.run()

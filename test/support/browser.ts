// Browser: Chromium without a window, for tests of pages. Debian's package is called chromium; `CHROMIUM` names another.

import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { Browser, Page } from 'puppeteer-core'
import { launch } from 'puppeteer-core'

const names = ['chromium', 'chromium-browser', 'google-chrome']

/** Its path, or undefined where this machine has none. */
export const chromium: string | undefined =
  process.env['CHROMIUM'] ||
  (process.env['PATH'] ?? '')
    .split(delimiter)
    .flatMap((folder) => names.map((name) => join(folder, name)))
    .find((path) => existsSync(path))

export const noChromium = 'no Chromium; `.ci/toolchains chromium` installs it, or CHROMIUM names one'

export async function startBrowser(executablePath: string): Promise<Browser> {
  // Root has no sandbox of its own; and /dev/shm is small in containers.
  const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  return await launch({
    executablePath,
    headless: true,
    args: [...sandbox, '--disable-dev-shm-usage', '--disable-gpu'],
  })
}

/** Once the element has this text, as it is seen, or is not there. @throws what it has after half a minute */
export async function shows(page: Page, selector: string, text: string | RegExp | undefined): Promise<void> {
  // As text: functions that run in the page would be typed by its DOM, which nothing here has.
  const seen = `document.querySelector(${JSON.stringify(selector)})?.innerText.trim()`
  const wanted = text instanceof RegExp ? `${text}.test(${seen} ?? '')` : `${seen} === ${JSON.stringify(text)}`
  await page.waitForFunction(wanted, { timeout: 30_000 }).catch(async () => {
    throw new Error(`${selector} shows ${JSON.stringify(await page.evaluate(seen))}, not ${text}`)
  })
}

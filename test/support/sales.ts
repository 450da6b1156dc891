// Sales: the view of guests/sales over carts, and versions of it that tests make by changing its source.

import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildProject } from './building.ts'
import { component } from './components.ts'
import { http } from './host.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const gen = join(root, 'test/fixtures/gen')

export const view = 'examples.sales.v1.CartItems'

export async function carts(): Promise<Uint8Array> {
  return (await component('cart/typescript')).bytes
}

export async function sales(): Promise<Uint8Array> {
  return (await component('sales/typescript')).bytes
}

/** With other code, or another .proto. */
export async function salesWith(
  code: (text: string) => string,
  proto: (text: string) => string = (text) => text,
): Promise<Uint8Array> {
  mkdirSync(gen, { recursive: true })
  const folder = mkdtempSync(join(gen, 'sales-'))
  try {
    cpSync(join(root, 'guests/sales/typescript'), folder, { recursive: true })
    for (const name of ['src/gen', 'test']) rmSync(join(folder, name), { recursive: true, force: true })
    cpSync(join(root, 'guests/proto'), join(folder, 'proto'), { recursive: true })
    const rewrite = (path: string, change: (text: string) => string) => {
      const text = readFileSync(join(folder, path), 'utf8')
      const changed = change(text)
      writeFileSync(join(folder, path), changed)
    }
    rewrite('src/service.ts', code)
    rewrite('proto/sales.proto', proto)
    rewrite('package.json', (text) => text.replace('../../proto', 'proto'))
    const { file } = await buildProject(folder, { out: join(folder, 'sales.wasm') })
    return readFileSync(file)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

interface Shown {
  readonly service: string
  readonly state: string
  readonly stuck?: string
  readonly rebuild?: object
  readonly missing: readonly string[]
  readonly lag?: { readonly commits: number }
}

export async function shown(host: { readonly admin: string }, service = view): Promise<Shown> {
  const { json } = await http(host.admin, 'GET', '/v1/views')
  return (json.views as Shown[]).find((one) => one.service === service)!
}

/** All rows, in the order of their keys. */
export async function table(host: { readonly admin: string }): Promise<string> {
  const { json, text } = await http(host.admin, 'POST', '/v1/sql', { sql: 'SELECT * FROM cart_items ORDER BY item' })
  return json?.rows === undefined ? text : JSON.stringify(json.rows)
}

/** Once the view has read all that there is. */
export async function caughtUp(host: { readonly admin: string }, service = view): Promise<void> {
  for (let tries = 0; tries < 3_000; tries++) {
    const one = await shown(host, service)
    if (one?.state === 'following' && one.lag?.commits === 0 && one.rebuild === undefined) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`the view did not catch up: ${JSON.stringify(await shown(host, service))}`)
}

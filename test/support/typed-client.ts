// Typed client: what `inn client` writes for the services of a host, in the checkout, where its packages resolve.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Deployed } from '../../sdk/build/client/client-code.ts'
import { clientCode } from '../../sdk/build/client/client-code.ts'
import { writeClient } from '../../sdk/build/client/client-folder.ts'
import type { ClientOptions } from '../../sdk/client/client.ts'
import { http } from './host.ts'

const parent = fileURLToPath(new URL('../fixtures/gen/', import.meta.url))

export interface WrittenClient {
  readonly folder: string
  // biome-ignore lint/suspicious/noExplicitAny: it was generated a moment ago; client-code.test.ts compiles against its types
  readonly create: (options: ClientOptions) => any
  readonly remove: () => void
}

/** A folder below which packages of the checkout resolve. */
export function folderInCheckout(): { readonly path: string; readonly remove: () => void } {
  mkdirSync(parent, { recursive: true })
  const path = mkdtempSync(join(parent, 'client-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

/** All services of a host. */
export async function deployedOn(host: { readonly admin: string }): Promise<readonly Deployed[]> {
  const { json } = await http(host.admin, 'GET', '/v1/services')
  return await Promise.all(
    (json.services as { name: string; kind: string }[]).map(async ({ name, kind }) => {
      const { json } = await http(host.admin, 'GET', `/v1/services/${name}/descriptors`)
      return { name, kind, descriptors: Buffer.from(json.descriptors, 'base64') }
    }),
  )
}

export async function typedClient(host: { readonly admin: string }): Promise<WrittenClient> {
  return await written(await deployedOn(host))
}

export async function written(deployed: readonly Deployed[]): Promise<WrittenClient> {
  const { path: folder, remove } = folderInCheckout()
  await writeClient(folder, clientCode('client', deployed).files, false)
  const { createClient } = await import(pathToFileURL(join(folder, 'index.js')).href)
  return { folder, create: createClient, remove }
}

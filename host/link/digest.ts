// Digest: the SHA-256 of a component, in hexadecimal: what it is known by. Made in a thread of the pool: of 32 MiB it takes some 30 ms.

import { webcrypto } from 'node:crypto'

export async function digest(bytes: Uint8Array): Promise<string> {
  return Buffer.from(await webcrypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>)).toString('hex')
}

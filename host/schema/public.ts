// Public: a file's descriptor as clients may see it: without internal methods, whatever else it says.
//
// Owns: leaving them out.   raw.ts owns: which they are.   Reflection hands it out.

import type { RawFile } from './raw.ts'
import { edited } from './wire.ts'

/** Field numbers: google/protobuf/descriptor.proto. */
const [services, sourceInfo] = [6, 9]
const methodsOfService = 2

/** The bytes themselves where nothing is internal. */
export function publicBytes({ bytes, services: declared }: RawFile): Uint8Array {
  if (!declared.some(({ methods }) => methods.some(({ internal }) => internal))) return bytes
  let at = 0
  // Places of comments are counted by method.
  return edited(bytes, (field) => {
    if (field === sourceInfo) return null
    if (field !== services) return undefined
    const { methods } = declared[at++]!
    let next = 0
    return (service) =>
      edited(service, (inner) => (inner === methodsOfService && methods[next++]!.internal ? null : undefined))
  })
}

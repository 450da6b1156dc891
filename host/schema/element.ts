// Element: which element or key of a replicated value a request is about, read from the field that the method's view names.
//
// E1. A message is its own bytes; a scalar is the message that has it as field 1, which leaves a default out (§element-1): as the
//     SDKs write elements and keys.
// E2. The last of repeated occurrences wins, an unset field counts as its default, as protobuf says.
//
// Owns: reading the element.   Deploy owns: refusing fields that cannot be one.

import { InnkeeperError } from '../errors.ts'
import type { Field, MessageType } from './schema.ts'
import { WireCursor, WireError, wireTypeOfScalar } from './wire.ts'

const none: Uint8Array = new Uint8Array()

/** The reader for one method, made once at deployment. @throws InnkeeperError `bad_request` where the bytes are not that message */
export function elementReader(message: MessageType, field: Field): (payload: Uint8Array) => Uint8Array {
  const { type, number } = field
  const wireType = type.kind === 'scalar' ? wireTypeOfScalar(type.scalar) : type.kind === 'enum' ? 0 : 2
  return (payload) => {
    let found = none
    try {
      const cursor = new WireCursor(payload)
      while (!cursor.done) {
        const tag = cursor.tag()
        const start = cursor.at
        if (tag >>> 3 !== number || (tag & 7) !== wireType) {
          cursor.skip(tag & 7)
        } else if (type.kind === 'message') {
          found = cursor.view()
        } else {
          cursor.skip(wireType)
          found = wrapped(wireType, payload.subarray(start, cursor.at))
        }
      }
    } catch (error) {
      if (!(error instanceof WireError)) throw error
      throw new InnkeeperError('bad_request', `the request is not a ${message.fullName}: ${error.message}`)
    }
    return found
  }
}

/** The value with its own length or number, as field 1; a default is left out. */
function wrapped(wireType: number, value: Uint8Array): Uint8Array {
  if (value.every((byte) => byte === 0)) return none
  const bytes = new Uint8Array(value.length + 1)
  bytes[0] = (1 << 3) | wireType
  bytes.set(value, 1)
  return bytes
}

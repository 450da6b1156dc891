// UTF-8 for authors: a component has no TextEncoder.

import { decodeText, encodeText } from './text.ts'

/** Text as bytes and back, such as for metadata whose name ends in `-bin`: other values are text, but only of printable ASCII. */
export const utf8 = {
  /** @throws RangeError for half of a surrogate pair */
  encode: (text: string): Uint8Array => encodeText(text),
  /** @throws MalformedError for bytes that are no UTF-8 */
  decode: (bytes: Uint8Array): string => decodeText(bytes, 0, bytes.length),
} as const

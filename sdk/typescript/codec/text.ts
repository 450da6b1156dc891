// Text: UTF-8 to string and back, in Node. The engine has its own (engine/modules/codec/text.ts).
//
// X1. Strict both ways: malformed UTF-8 and lone surrogates throw, nothing is replaced silently.
//
// Leaves to others: length prefixes (reader.ts, writer.ts).

import { MalformedError } from './errors.ts'

/** What Node has beyond the language that authors' tsconfigs know. */
interface Natives {
  readonly TextEncoder: new () => { encode(text: string): Uint8Array }
  readonly TextDecoder: new (
    encoding: string,
    options: { readonly fatal: boolean; readonly ignoreBOM: boolean },
  ) => { decode(bytes: Uint8Array): string }
}

// Made beforehand: while a handler runs in a test, these globals are gone.
const { TextEncoder, TextDecoder } = globalThis as unknown as Natives
const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** @throws MalformedError on bytes that are not UTF-8. */
export function decodeText(bytes: Uint8Array, start: number, end: number): string {
  try {
    return decoder.decode(bytes.subarray(start, end))
  } catch {
    throw new MalformedError('a string is not UTF-8')
  }
}

/** With U+FFFD for each half of a surrogate pair: for texts that are only read by people. */
export function wellFormed(text: string): string {
  return (text as string & { toWellFormed(): string }).toWellFormed()
}

/** @throws RangeError on a lone surrogate. */
export function encodeText(text: string): Uint8Array {
  if (wellFormed(text) !== text) {
    throw new RangeError('a string has half of a surrogate pair, which UTF-8 cannot carry')
  }
  return encoder.encode(text)
}

// Text: UTF-8 to string and back, on an engine without TextEncoder and TextDecoder.
//
// X1. Strict both ways: malformed UTF-8 and lone surrogates throw, nothing is replaced silently.
// X2. The work is done by natives; a JavaScript loop over a string costs 80 ns a character in QuickJS.
//
// Leaves to others: length prefixes (reader.ts, writer.ts).

import { MalformedError } from './errors.ts'

/** Arguments of one `apply`; QuickJS and V8 both take 65,535, on a stack that is finite. */
const chunkBytes = 8192
const beyondAscii = /[\u0080-\uffff]/
const fromCharCode = String.fromCharCode

/** What QuickJS and Node have beyond the language that authors' tsconfigs know. */
interface Natives {
  readonly escape: (text: string) => string
  readonly unescape: (text: string) => string
  readonly btoa: (binary: string) => string
  readonly Uint8Array: { readonly fromBase64?: (text: string) => Uint8Array }
}
const natives = globalThis as unknown as Natives
const { escape: escapeBinary, unescape: unescapeBinary, btoa } = natives
const { fromBase64 } = natives.Uint8Array

/** @throws MalformedError on bytes that are not UTF-8. */
export function decodeText(bytes: Uint8Array, start: number, end: number): string {
  if (end - start <= chunkBytes) return decodeChunk(bytes, start, end)
  let text = ''
  for (let from = start; from < end; ) {
    let to = Math.min(from + chunkBytes, end)
    // A cut never falls into a character: back to the byte that begins one (at most 3, or the bytes are malformed).
    if (to < end) for (let back = 0; back < 3 && (bytes[to]! & 0xc0) === 0x80; back++) to--
    text += decodeChunk(bytes, from, to)
    from = to
  }
  return text
}

function decodeChunk(bytes: Uint8Array, start: number, end: number): string {
  // The cast: `apply` takes anything array-like, its type only arrays.
  const binary = fromCharCode.apply(null, bytes.subarray(start, end) as unknown as number[])
  if (!beyondAscii.test(binary)) return binary
  try {
    return decodeURIComponent(escapeBinary(binary))
  } catch {
    throw new MalformedError('a string is not UTF-8')
  }
}

/** With U+FFFD for each half of a surrogate pair: for texts that are only read by people. */
export function wellFormed(text: string): string {
  return (text as string & { toWellFormed(): string }).toWellFormed()
}

/** A string whose characters are the UTF-8 bytes of `text`. @throws RangeError on a lone surrogate. */
export function binaryOf(text: string): string {
  if (!beyondAscii.test(text)) return text
  try {
    return unescapeBinary(encodeURIComponent(text))
  } catch {
    throw new RangeError('a string has half of a surrogate pair, which UTF-8 cannot carry')
  }
}

/** Store a binary string. Short ones by a loop; from 32 characters on two natives are cheaper. */
export function putBinary(binary: string, into: Uint8Array, at: number): void {
  const length = binary.length
  if (length >= 32 && fromBase64 !== undefined) {
    into.set(fromBase64.call(Uint8Array, btoa(binary)), at)
    return
  }
  for (let index = 0; index < length; index++) into[at + index] = binary.charCodeAt(index)
}

export function encodeText(text: string): Uint8Array {
  const binary = binaryOf(text)
  const bytes = new Uint8Array(binary.length)
  putBinary(binary, bytes, 0)
  return bytes
}

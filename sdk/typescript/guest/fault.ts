// Fault: the words of an exception, where the host finds them after the trap (wit/types.wit).
//
//   magic 16 | length u32 little-endian | UTF-8 text, at most 4096 bytes
//
// F1. JavaScript does not know where its bytes lie in memory. So these begin with a magic, which `inn build` looks for in the
//     component's memory; it exports what follows (sdk/build/fault-export.ts, where the same numbers stand).
// F2. The first line has the name and the message, the others are the stack, with places in the bundle as
//     `service.js:LINE:COLUMN`. Frames of an error's own constructors are left out.
// F3. Nothing here throws, whatever was thrown.
//
// Leaves to others: when (component.ts), the author's places (the host, guest/fault-text.ts).

import { binaryOf, putBinary, wellFormed } from '../codec/text.ts'
import { inspect } from './inspect.ts'

const magic = [187, 46, 66, 180, 215, 45, 205, 42, 181, 38, 58, 189, 219, 119, 68, 165]
const textAt = magic.length + 4
const textBytesMax = 4096
const causesMax = 3
/** Of a name and a message: the stack has to have room behind them. */
const headCharactersMax = 1000

const buffer = new Uint8Array(textAt + textBytesMax)
buffer.set(magic)

/** What QuickJS calls the bundle, and what the source map calls it. */
const bundle = { inFrames: 'componentize-qjs:user.js:', inMap: 'service.js:' }

/** For what ends a call. */
export function leaveWords(thrown: unknown): void {
  try {
    const binary = binaryOf(wellFormed(wordsOf(thrown, 0)))
    let length = Math.min(binary.length, textBytesMax)
    // A cut never falls into a character.
    while (length < binary.length && (binary.charCodeAt(length) & 0xc0) === 0x80) length--
    putBinary(binary.slice(0, length), buffer, textAt)
    for (let byte = 0; byte < 4; byte++) buffer[magic.length + byte] = length >>> (byte * 8)
  } catch {
    // No memory or no stack is left, say: the host has its own words for that.
  }
}

function wordsOf(thrown: unknown, depth: number): string {
  if (!(thrown instanceof Error)) return `${inspect(thrown)} was thrown, which is no Error`
  const { cause } = thrown
  const because = cause === undefined || depth === causesMax ? '' : `\ncaused by ${wordsOf(cause, depth + 1)}`
  return `${headOf(thrown)}\n${framesOf(thrown)}`.trimEnd() + because
}

function headOf(error: Error): string {
  const name = read(error, 'name') ?? 'Error'
  const message = read(error, 'message')
  if (message === undefined) return `${name}, whose message is no text`
  const head = message === '' ? name : `${name}: ${message}`
  return head.length <= headCharactersMax ? head : `${head.slice(0, headCharactersMax)}...`
}

function framesOf(error: Error): string {
  const frames = (read(error, 'stack') ?? '').replaceAll(bundle.inFrames, bundle.inMap).split('\n')
  const constructors = new Set<string>()
  for (let type: unknown = error.constructor; typeof type === 'function'; type = Object.getPrototypeOf(type))
    constructors.add(`at ${type.name} `)
  while (constructors.has(/^ *(at \S+ )/.exec(frames[0]!)?.[1] ?? '')) frames.shift()
  return frames.join('\n')
}

/** An author's error may have a getter. */
function read(error: Error, key: 'name' | 'message' | 'stack'): string | undefined {
  try {
    const value: unknown = error[key]
    return typeof value === 'string' ? value : undefined
  } catch {
    return undefined
  }
}

// Interner: texts that recur at the boundary (names of methods, types, headers) are encoded and decoded once.
//
// N1. Bounded: at most `slots` short texts a direction; a newcomer replaces what stood in its slot.
// N2. Only a cache: a byte-wise comparison stands before every hit.
//
// Owns: recurring texts.   lift.ts owns: strict UTF-8 for the others.

const slots = 512
const shortMax = 64

/** Text to UTF-8. */
export class Encoder {
  readonly #texts = new Map<string, Uint8Array>()

  /** Not to be changed: the same bytes are given again. */
  encode(text: string): Uint8Array {
    const known = this.#texts.get(text)
    if (known !== undefined) return known
    const bytes = Buffer.from(text, 'utf8')
    if (text.length <= shortMax) {
      if (this.#texts.size >= slots) this.#texts.clear()
      this.#texts.set(text, bytes)
    }
    return bytes
  }
}

interface Entry {
  readonly bytes: Uint8Array
  readonly text: string
}

/** ASCII to text; saves a string per event for names that come again and again. */
export class Decoder {
  readonly #entries = new Array<Entry | undefined>(slots).fill(undefined)

  /** The text, or undefined for what is long or not ASCII. */
  decode(memory: Buffer, pointer: number, length: number): string | undefined {
    if (length > shortMax) return undefined
    let hash = length
    for (let i = pointer; i < pointer + length; i++) {
      const byte = memory[i]!
      if (byte > 0x7f) return undefined
      hash = (Math.imul(hash, 31) + byte) | 0
    }
    const slot = (hash >>> 0) % slots
    const entry = this.#entries[slot]
    if (entry !== undefined && same(entry.bytes, memory, pointer, length)) return entry.text
    const text = memory.toString('latin1', pointer, pointer + length)
    this.#entries[slot] = { bytes: new Uint8Array(memory.subarray(pointer, pointer + length)), text }
    return text
  }
}

function same(known: Uint8Array, memory: Buffer, pointer: number, length: number): boolean {
  if (known.length !== length) return false
  for (let i = 0; i < length; i++) if (known[i] !== memory[pointer + i]) return false
  return true
}

// Bytes: good bytes with a few mistakes in them, of any format.

import type { Random } from './random.ts'

/** The bytes with up to four mistakes. */
export function mistaken(bytes: Uint8Array, random: Random): Buffer {
  let made: Buffer = Buffer.from(bytes)
  for (let left = 1 + random.below(4); left > 0; left--) made = mistake(made, random)
  return made
}

function mistake(bytes: Buffer, random: Random): Buffer {
  const at = random.below(bytes.length + 1)
  const length = random.below(Math.min(16, bytes.length - at) + 1)
  const [before, part, after] = [bytes.subarray(0, at), bytes.subarray(at, at + length), bytes.subarray(at + length)]
  switch (random.below(7)) {
    case 0:
      return Buffer.concat([before, after])
    case 1:
      return Buffer.concat([before, part, part, after])
    case 2:
      return Buffer.concat([before, random.bytes(length), after])
    case 3:
      return Buffer.concat([before, random.bytes(random.below(6)), part, after])
    case 4:
      return Buffer.concat([before, leb(random.edge(), random.below(3)), after])
    case 5:
      return Buffer.from(before)
    default: {
      if (at === bytes.length) return bytes
      const flipped = Buffer.from(bytes)
      flipped[at]! ^= 1 << random.below(8)
      return flipped
    }
  }
}

/** Unsigned, `longer` by so many bytes than it needs to be. */
export function leb(value: number, longer = 0): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128)
  bytes.push(rest)
  for (let left = longer; left > 0; left--) {
    bytes[bytes.length - 1]! |= 128
    bytes.push(0)
  }
  return Buffer.from(bytes)
}

// Redactor: where a secret is in bytes that come from a provider, in whatever common form it was echoed.
//
// R1. Found are: the secret itself; base64 in both alphabets, with padding or without, at each of the three places that it can have in a longer text;
//     hex in either case; each of these percent-encoded (all of it or some characters, either case), or escaped as in JSON (`\/`, `\u003d`), up to
//     three times in any order. Of a secret that is text in base64, as Basic authentication has it, also the text, and what follows its colon.
// R2. It is looked for in all bytes at once, never in pieces: what a chunk's end would hide is found.
// R3. What is taken out leaves `[secret]`, without a name or a length.
// R4. Time is linear in the bytes, and hardly depends on how many secrets there are, also where they begin alike. It takes some milliseconds a megabyte where
//     nothing is escaped, and tens where all is, whatever a server makes up.
//
// Leaves to others: what to do about it (connectors.ts).

const mark = Buffer.from('[secret]')

export class Redactor {
  /** By their first four bytes. */
  private readonly needles = new Map<number, readonly Needle[]>()
  /** Whether four bytes of this hash begin one. */
  private readonly begins = new Uint8Array(hashes)

  constructor(secrets: Iterable<string>) {
    const all = new Set<string>()
    for (const secret of secrets) for (const form of forms(secret)) all.add(form)
    const sorted = [...all].map((form) => Buffer.from(form, 'latin1')).sort(Buffer.compare)
    for (const [start, alike] of Map.groupBy(sorted, (needle) => needle.readInt32BE(0))) {
      this.needles.set(start, chained(alike))
      this.begins[hashOf(start)] = 1
    }
  }

  /** Whether a secret is in it. */
  finds(bytes: Uint8Array): boolean {
    return this.places(bytes, true).length > 0
  }

  /** The same bytes without secrets. */
  redacted(bytes: Uint8Array): Uint8Array {
    const places = merged(this.places(bytes, false))
    if (places.length === 0) return bytes
    const parts: Uint8Array[] = []
    let at = 0
    for (const [from, to] of places) {
      parts.push(bytes.subarray(at, from), mark)
      at = to
    }
    parts.push(bytes.subarray(at))
    return Buffer.concat(parts)
  }

  redactedText(text: string): string {
    const bytes = Buffer.from(text)
    const redacted = this.redacted(bytes)
    return redacted === bytes ? text : Buffer.from(redacted).toString()
  }

  private places(bytes: Uint8Array, one: boolean): Place[] {
    const found: Place[] = []
    if (this.needles.size === 0) return found
    for (const reading of readings(bytes, !one)) {
      this.search(reading, found, one)
      if (one && found.length > 0) return found
    }
    return found
  }

  private search(reading: Reading, found: Place[], one: boolean): void {
    const { bytes } = reading
    const { begins, needles } = this
    let start = 0
    for (let at = 0; at < bytes.length; at++) {
      start = (start << 8) | bytes[at]!
      if (begins[hashOf(start)] === 0 || at < 3) continue
      const from = at - 3
      const needle = longestAt(needles.get(start) ?? [], bytes, from)
      if (needle === undefined) continue
      found.push([startOf(reading, from), startOf(reading, from + needle.length)])
      if (one) return
    }
  }
}

/** What is looked for. `shorter`: the longest other one that it begins with. */
interface Needle {
  readonly bytes: Buffer
  readonly shorter: Needle | undefined
}

/** Of needles in order. */
function chained(sorted: readonly Buffer[]): readonly Needle[] {
  const needles: Needle[] = []
  for (const bytes of sorted) {
    // One that this begins with is the last one, or the last one begins with it, too.
    let shorter: Needle | undefined = needles.at(-1)
    while (shorter !== undefined && !beginsWith(bytes, shorter.bytes, 0)) shorter = shorter.shorter
    needles.push({ bytes, shorter })
  }
  return needles
}

/** The longest of needles in order that stands there. Many that have a beginning in common are no more work than a few. */
function longestAt(needles: readonly Needle[], bytes: Buffer, from: number): Buffer | undefined {
  let low = 0
  let high = needles.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (compared(bytes, needles[middle]!.bytes, from) >= 0) low = middle + 1
    else high = middle
  }
  let last: Needle | undefined = needles[low - 1]
  while (last !== undefined && !beginsWith(bytes, last.bytes, from)) last = last.shorter
  return last?.bytes
}

function beginsWith(bytes: Buffer, needle: Buffer, from: number): boolean {
  return compared(bytes, needle, from) === 0
}

/** Bytes that are compared here: a call costs as much as some tens of them. */
const nearMax = 48

/** 0: the needle stands there. Else what is first in order: below 0 what stands there, above it the needle. */
function compared(bytes: Buffer, needle: Buffer, from: number): number {
  const near = Math.min(needle.length, nearMax)
  for (let at = 0; at < near; at++) {
    const byte = bytes[from + at]
    const other = needle[at]!
    if (byte !== other) return byte === undefined ? -1 : byte - other
  }
  if (needle.length === near) return 0
  return bytes.compare(
    needle,
    near,
    needle.length,
    Math.min(bytes.length, from + near),
    Math.min(bytes.length, from + needle.length),
  )
}

const hashBits = 14
const hashes = 1 << hashBits

function hashOf(start: number): number {
  return Math.imul(start, 0x9e3779b1) >>> (32 - hashBits)
}

type Place = readonly [from: number, to: number]

function merged(places: readonly Place[]): readonly Place[] {
  const result: Place[] = []
  for (const [from, to] of [...places].sort((a, b) => a[0] - b[0])) {
    const last = result.at(-1)
    if (last === undefined || from > last[1]) result.push([from, to])
    else if (to > last[1]) result[result.length - 1] = [last[0], to]
  }
  return result
}

/** The secret as it stands in text without escapes; and of one that is a user and a password in base64, what is in it. */
function forms(secret: string): readonly string[] {
  const inside = Buffer.from(secret, 'base64').toString('latin1')
  const isText = base64(inside) === secret.replace(/=+$/, '') && /^[\x20-\x7e]+$/.test(inside)
  const parts = isText ? [inside, inside.slice(inside.indexOf(':') + 1)] : []
  return [secret, ...parts.filter(({ length }) => length >= partMin)].flatMap(formsOf)
}

/** A part of a secret is not looked for that is shorter. */
const partMin = 8

function base64(text: string): string {
  return Buffer.from(text, 'latin1').toString('base64').replaceAll('=', '')
}

function formsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret, 'latin1')
  const spaced = secret.includes(' ') ? [secret.replaceAll(' ', '+')] : []
  const inBase64 = [0, 1, 2].map((before) => base64Within(bytes, before))
  const urlSafe = inBase64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'))
  const hex = bytes.toString('hex')
  return [secret, ...spaced, ...inBase64, ...urlSafe, hex, hex.toUpperCase()]
}

/** Those characters that depend on nothing but the secret, where so many bytes stand before it. */
function base64Within(secret: Buffer, before: number): string {
  const text = Buffer.concat([Buffer.alloc(before), secret])
    .toString('base64')
    .replaceAll('=', '')
  const whole = Math.floor(((before + secret.length) * 8) / 6)
  return text.slice(Math.ceil((before * 8) / 6), whole)
}

/** The bytes as somebody reads them. `starts[i]`: where byte i begins in the bytes that were sent, where anybody asks. */
interface Reading {
  readonly bytes: Buffer
  /** Undefined: each byte is where it was. */
  readonly starts: Uint32Array | undefined
}

function startOf({ starts }: Reading, at: number): number {
  return starts === undefined ? at : starts[at]!
}

/** Escapes that are undone one upon the other. */
const layersMax = 3

/** As they are, and with escapes undone in each order. One after the other: each costs its bytes, and five times those where it is `placed`. */
function* readings(bytes: Uint8Array, placed: boolean): Generator<Reading> {
  yield* layers(
    { bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), starts: undefined },
    layersMax,
    placed,
  )
}

function* layers(reading: Reading, left: number, placed: boolean): Generator<Reading> {
  yield reading
  if (left === 0) return
  for (const [sign, undo] of undoes) {
    const next = undone(reading, sign, undo, placed)
    if (next !== undefined) yield* layers(next, left - 1, placed)
  }
}

const backslash = 0x5c
const percent = 0x25

/** What an escape at `at` means, and how long it is: `escaped`; `none`: it is none. A number, since there may be one at each second byte. */
type Undo = (bytes: Buffer, at: number) => number

const none = -1

function escaped(byte: number, length: number): number {
  return (length << 8) | byte
}

/** Undefined: nothing of it is such an escape, so it would be the same. */
function undone(reading: Reading, sign: number, undo: Undo, placed: boolean): Reading | undefined {
  const { bytes } = reading
  const first = bytes.indexOf(sign)
  if (first === -1) return undefined
  const result = Buffer.allocUnsafe(bytes.length)
  const starts = placed ? new Uint32Array(bytes.length + 1) : undefined
  let length = 0
  let from = 0
  while (from < bytes.length) {
    const byte = bytes[from]!
    const meant = byte === sign ? undo(bytes, from) : none
    if (starts !== undefined) starts[length] = startOf(reading, from)
    result[length++] = meant === none ? byte : meant & 0xff
    from += meant === none ? 1 : meant >> 8
  }
  if (length === bytes.length) return undefined
  if (starts !== undefined) starts[length] = startOf(reading, bytes.length)
  return { bytes: result.subarray(0, length), starts }
}

const undoes: readonly (readonly [sign: number, undo: Undo])[] = [
  [backslash, unescaped],
  [percent, unencoded],
]

function unencoded(bytes: Buffer, at: number): number {
  const value = hexAt(bytes, at + 1, 2)
  return value === undefined ? none : escaped(value, 3)
}

function unescaped(bytes: Buffer, at: number): number {
  const next = bytes[at + 1]
  if (next === 0x75) {
    const value = hexAt(bytes, at + 2, 4)
    // Secrets are ASCII: what is beyond is no part of one.
    return value === undefined || value > 0x7f ? none : escaped(value, 6)
  }
  return next === 0x22 || next === 0x2f || next === backslash ? escaped(next, 2) : none
}

function hexAt(bytes: Buffer, at: number, digits: number): number | undefined {
  let value = 0
  for (let index = at; index < at + digits; index++) {
    const digit = digitOf(bytes[index])
    if (digit === undefined) return undefined
    value = value * 16 + digit
  }
  return value
}

function digitOf(code: number | undefined): number | undefined {
  if (code === undefined) return undefined
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const letter = code | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : undefined
}

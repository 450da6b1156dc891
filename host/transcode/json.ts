// JSON: the text of a client becomes values, and nothing of it is lost on the way. `JSON.parse` rounds numbers, takes a name that is there
// twice, and says of neither.
//
// N1. As RFC 8259 has it. An object has each name once.
// N2. A number is a `number` where that has its value to the last digit that was sent, up to 15; any other stays as it was sent.
// N3. Time is linear in the text, and the stack is bounded: nesting is refused past `nestingMax`.
//
// Leaves to others: what the values mean (to-message.ts).

/** A number as it was sent: no `number` may have its value. */
export class ExactNumber {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }

  /** For JSON.stringify. */
  toJSON(): unknown {
    return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(this.text)
  }
}

export type Json = null | boolean | number | ExactNumber | string | Json[] | { [name: string]: Json }

/** The text is no JSON. The message says why, and where. */
export class JsonError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'JsonError'
  }
}

/** More than any message takes: of a hundred messages, each in a map. */
const nestingMax = 500
const digitsMax = 15

export function isObject(json: Json): json is { [name: string]: Json } {
  return typeof json === 'object' && json !== null && !Array.isArray(json) && !(json instanceof ExactNumber)
}

/** @throws JsonError */
export function parseJson(text: string): Json {
  const reader = new Reader(text)
  const json = reader.value(0)
  reader.end()
  return json
}

/** Strings and names that are looked through character by character; longer ones by search. */
const shortMax = 64

const char = {
  ...{ space: 0x20, quote: 0x22, comma: 0x2c, point: 0x2e, zero: 0x30, nine: 0x39, colon: 0x3a, backslash: 0x5c },
  ...{ bracket: 0x5b, bracketEnd: 0x5d, brace: 0x7b, braceEnd: 0x7d, t: 0x74, f: 0x66, n: 0x6e, e: 0x65, E: 0x45 },
} as const

const numbers = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
/** What ends the plain part of a string: an escape, or what a string may not have. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const notPlain = /[\u0000-\u001f\\]/

class Reader {
  private readonly text: string
  private at = 0

  constructor(text: string) {
    this.text = text
  }

  value(depth: number): Json {
    this.space()
    switch (this.text.charCodeAt(this.at)) {
      case char.brace:
        return this.object(depth + 1)
      case char.bracket:
        return this.list(depth + 1)
      case char.quote:
        return this.string()
      case char.t:
        return this.word('true', true)
      case char.f:
        return this.word('false', false)
      case char.n:
        return this.word('null', null)
      default:
        return this.number()
    }
  }

  end(): void {
    this.space()
    if (this.at < this.text.length) this.fail(this.found())
  }

  private object(depth: number): { [name: string]: Json } {
    this.open(depth)
    const object: { [name: string]: Json } = {}
    if (this.takes(char.braceEnd)) return object
    do {
      this.space()
      const from = this.at
      if (this.text.charCodeAt(from) !== char.quote) this.fail(`a name in quotes is expected, ${this.found()}`)
      const name = this.string()
      if (Object.hasOwn(object, name)) {
        this.at = from
        this.fail(`an object has the name ${JSON.stringify(name.slice(0, 100))} twice`)
      }
      if (!this.takes(char.colon)) this.fail(`":" is expected, ${this.found()}`)
      const value = this.value(depth)
      // Another way to set that name would change what kind of object it is.
      if (name === '__proto__')
        Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true })
      else object[name] = value
    } while (this.takes(char.comma))
    if (!this.takes(char.braceEnd)) this.fail(`"," or "}" is expected, ${this.found()}`)
    return object
  }

  private list(depth: number): Json[] {
    this.open(depth)
    const list: Json[] = []
    if (this.takes(char.bracketEnd)) return list
    do list.push(this.value(depth))
    while (this.takes(char.comma))
    if (!this.takes(char.bracketEnd)) this.fail(`"," or "]" is expected, ${this.found()}`)
    return list
  }

  private open(depth: number): void {
    if (depth > nestingMax) this.fail(`nested more than ${nestingMax} deep`)
    this.at += 1
  }

  private string(): string {
    const { text } = this
    const from = this.at
    const soon = Math.min(text.length, from + shortMax)
    for (let at = from + 1; at < soon; at++) {
      const code = text.charCodeAt(at)
      if (code === char.quote) {
        this.at = at + 1
        return text.slice(from + 1, at)
      }
      if (code === char.backslash || code < char.space) break
    }
    return this.longString(from)
  }

  private longString(from: number): string {
    const { text } = this
    let end = text.indexOf('"', from + 1)
    if (end === -1) this.fail('a string does not end')
    const plain = text.slice(from + 1, end)
    if (!notPlain.test(plain)) {
      this.at = end + 1
      return plain
    }
    while (escaped(text, from, end)) {
      end = text.indexOf('"', end + 1)
      if (end === -1) this.fail('a string does not end')
    }
    this.at = end + 1
    try {
      return JSON.parse(text.slice(from, end + 1)) as string
    } catch {
      this.at = from
      return this.fail('a string has an escape that does not exist, or a character that needs one')
    }
  }

  private number(): number | ExactNumber {
    const { text } = this
    const from = this.at
    let at = from
    let value = 0
    for (let code = text.charCodeAt(at); code >= char.zero && code <= char.nine; code = text.charCodeAt(++at))
      value = value * 10 + code - char.zero
    const digits = at - from
    const next = text.charCodeAt(at)
    const isPlain = next !== char.point && next !== char.e && next !== char.E
    if (isPlain && digits > 0 && digits <= digitsMax && (digits === 1 || text.charCodeAt(from) !== char.zero)) {
      this.at = at
      return value
    }
    return this.anyNumber()
  }

  private anyNumber(): number | ExactNumber {
    numbers.lastIndex = this.at
    const found = numbers.exec(this.text)?.[0]
    if (found === undefined) return this.fail(`a value is expected, ${this.found()}`)
    this.at += found.length
    const number = Number(found)
    return found.length <= digitsMax && Number.isFinite(number) ? number : new ExactNumber(found)
  }

  private word<T>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.at)) this.fail(`a value is expected, ${this.found()}`)
    this.at += word.length
    return value
  }

  private takes(code: number): boolean {
    this.space()
    if (this.text.charCodeAt(this.at) !== code) return false
    this.at += 1
    return true
  }

  private space(): void {
    const { text } = this
    for (;;) {
      const code = text.charCodeAt(this.at)
      if (code > char.space || (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09)) return
      this.at += 1
    }
  }

  private found(): string {
    const code = this.text.codePointAt(this.at)
    return code === undefined ? 'and the text ends' : `and not ${JSON.stringify(String.fromCodePoint(code))}`
  }

  private fail(what: string): never {
    throw new JsonError(`${what}, at character ${this.at + 1}`)
  }
}

/** Whether the quote is part of the string: behind an odd number of backslashes. */
function escaped(text: string, from: number, quote: number): boolean {
  let at = quote
  while (at - 1 > from && text[at - 1] === '\\') at -= 1
  return (quote - at) % 2 === 1
}

/** The whole number that a decimal text has exactly: `1`, `1.0`, `12e1`. Undefined where it is none; one with more than 20 digits is only known
 *  to be larger than any field holds. */
export function wholeNumber(text: string): bigint | undefined {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,6}))?$/.exec(text)
  if (match === null) return undefined
  const [, sign, whole, fraction = '', exponent = '0'] = match
  let digits = `${whole}${fraction}`.replace(/^0+/, '')
  let zeros = Number(exponent) - fraction.length
  const end = lastNonZero(digits)
  if (end === 0) return 0n
  zeros += digits.length - end
  digits = digits.slice(0, end)
  if (zeros < 0) return undefined
  const size = digits.length + zeros > 20 ? 10n ** 20n : BigInt(digits) * 10n ** BigInt(zeros)
  return sign === '-' ? -size : size
}

/** How many characters are left without the zeros at the end. */
function lastNonZero(digits: string): number {
  let end = digits.length
  while (end > 0 && digits[end - 1] === '0') end -= 1
  return end
}

// The every-type fixture: a message with every kind of field, its random values, and protobufjs's reflection as the reference.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import protobuf from 'protobufjs'

export const everyTypeFolder = fileURLToPath(new URL('../fixtures/guests/every-type/', import.meta.url))

// Options change nothing on the wire, and their .proto lies elsewhere.
const source = readFileSync(`${everyTypeFolder}proto/every.proto`, 'utf8')
  .replace(/^import .*$/m, '')
  .replace(' [(innkeeper.entity_key) = true]', '')
export const reference: protobuf.Type = protobuf.parse(source).root.lookupType('test.every.v1.Every')

const int32 = fc.oneof(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), fc.integer({ min: -3, max: 300 }))
const uint32 = fc.oneof(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.integer({ min: 0, max: 300 }))
const int64 = fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.bigInt({ min: -300n, max: 2n ** 33n }))
const uint64 = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.bigInt({ min: 0n, max: 2n ** 33n }))
const text = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ minLength: 30, maxLength: 200 }),
)
const bytes = fc.uint8Array({ maxLength: 200 })
const map = <K, V>(key: fc.Arbitrary<K>, value: fc.Arbitrary<V>) =>
  fc.array(fc.tuple(key, value), { maxLength: 4 }).map((entries) => new Map(entries))
const list = <T>(item: fc.Arbitrary<T>) => fc.array(item, { maxLength: 4 })

const { inner } = fc.letrec<{ inner: object }>((tie) => ({
  inner: fc.record({
    name: text,
    count: int32,
    next: fc.option(tie('inner'), { nil: undefined, maxDepth: 3, depthSize: 'small' }),
    tags: list(text),
  }),
}))

const fields = {
  aDouble: fc.double(),
  aFloat: fc.float(),
  anInt32: int32,
  anInt64: int64,
  aUint32: uint32,
  aUint64: uint64,
  aSint32: int32,
  aSint64: int64,
  aFixed32: uint32,
  aFixed64: uint64,
  aSfixed32: int32,
  aSfixed64: int64,
  aBool: fc.boolean(),
  aString: text,
  someBytes: bytes,
  colour: fc.oneof(fc.constantFrom(0, 1, -5), int32),
  inner,
  maybeDouble: fc.double(),
  maybeInt32: int32,
  maybeInt64: int64,
  maybeBool: fc.boolean(),
  maybeString: text,
  maybeBytes: bytes,
  maybeColour: int32,
  doubles: list(fc.double()),
  floats: list(fc.float()),
  int32s: list(int32),
  int64s: list(int64),
  sint64s: list(int64),
  fixed32s: list(uint32),
  bools: list(fc.boolean()),
  strings: list(text),
  bytess: list(bytes),
  colours: list(int32),
  inners: list(inner),
  loose: list(uint32),
  names: map(text, text),
  innersByNumber: map(int32, inner),
  byBool: map(fc.boolean(), fc.double()),
  byInt64: map(int64, bytes),
  coloursByName: map(text, int32),
  choice: fc.oneof(
    text.map((value) => ({ case: 'text' as const, value })),
    int64.map((value) => ({ case: 'number' as const, value })),
    inner.map((value) => ({ case: 'chosen' as const, value })),
    bytes.map((value) => ({ case: 'raw' as const, value })),
  ),
  last: text,
  constructor$: text,
  class: text,
  map: fc.record({ string: int32 }),
  uint8Array: fc.record({ undefined: int32 }),
}

/** Some of the fields, random. */
export const every: fc.Arbitrary<object> = fc.record(fields, { requiredKeys: [] })

const implicit = (key: string): boolean => !key.startsWith('maybe')

/** A message of ours, comparable with `plainReference`. */
export function plain(message: object): object {
  const result: Record<string, unknown> = Object.create(null)
  for (const [key, value] of Object.entries(message)) {
    const name = key === 'constructor$' ? 'constructor' : key
    if (key === 'choice' && value !== undefined) result[value.case] = plainValue(value.value)
    else if (value !== undefined && !(implicit(key) && isZero(value))) result[name] = plainValue(value)
  }
  return result
}

function isZero(value: unknown): boolean {
  if (value instanceof Uint8Array || Array.isArray(value)) return value.length === 0
  if (value instanceof Map) return value.size === 0
  return value === '' || value === false || value === 0n || Object.is(value, 0)
}

function plainValue(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Uint8Array) return [...value]
  if (Array.isArray(value)) return value.map(plainValue)
  if (value instanceof Map) return sorted([...value].map(([key, item]) => [String(key), plainValue(item)]))
  return plain(value)
}

/** What protobufjs makes of the bytes. */
export function plainReference(bytes: Uint8Array): object {
  const object = reference.toObject(reference.decode(bytes), { longs: String, enums: Number, bytes: globalThis.Array })
  return bare(object, undefined) as object
}

function bare(value: unknown, field: string | undefined): unknown {
  if (Array.isArray(value)) return value.map((item) => bare(item, undefined))
  if (typeof value !== 'object' || value === null) return value
  if (/^(names|innersByNumber|byBool|byInt64|coloursByName)$/.test(field ?? '')) {
    return sorted(Object.entries(value).map(([name, item]) => [name, bare(item, undefined)]))
  }
  const result: Record<string, unknown> = Object.create(null)
  for (const [key, item] of Object.entries(value)) {
    if (isZero(item) && implicit(key) && !/^(text|number|raw)$/.test(key)) continue
    result[key] = bare(item, key)
  }
  return result
}

function sorted(entries: [string, unknown][]): object {
  const result: Record<string, unknown> = Object.create(null)
  for (const [key, value] of entries.sort(([a], [b]) => (a < b ? -1 : 1))) result[key] = value
  return result
}

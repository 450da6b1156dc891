// Breaking: would a new version of the descriptors misread what an old one wrote?
//
// K1. Only the wire counts: names may change; numbers, types, lists and oneofs may not. Messages and enums are compared under their full names.
// K2. The rules are those of `buf breaking` in its category WIRE, but for three: fewer bits are refused, since a stored number would be cut
//     off; names that are no longer reserved, and idempotency levels, are not, since no byte says them.
// K3. Both sets are strangers' bytes: raw.ts bounds them, and the work is a step for each message and enum.
//
// Leaves to others: names that JSON clients use (json-clients.ts); whether stored states and events can be read (stored/).

import { type Clock, systemClock } from '../clock.ts'
import type { RawEnum, RawFeatures, RawField, RawFile, RawMessage, RawMethod } from '../schema/raw.ts'
import {
  featuresOf,
  inherit,
  labelRepeated,
  labelRequired,
  readDescriptorSet,
  scalars,
  typeEnum,
  typeGroup,
  typeMessage,
} from '../schema/raw.ts'
import type { ScalarType } from '../schema/schema.ts'
import { inSlices } from '../slices.ts'

const findingsMax = 100

/** Sentences of what breaks, at most so many; empty if nothing does. Descriptor sets as bytes.
 *  @throws WireError where one is none */
export async function wireBreaks(
  before: Uint8Array,
  after: Uint8Array,
  clock: Clock = systemClock,
  max = findingsMax,
): Promise<readonly string[]> {
  return await inSlices(compare(catalog(readDescriptorSet(before)), catalog(readDescriptorSet(after)), max), clock)
}

interface Listed {
  readonly raw: RawMessage
  readonly features: Required<RawFeatures>
}

/** By full name. */
interface Names {
  readonly messages: Map<string, Listed>
  readonly enums: Map<string, RawEnum>
  readonly methods: Map<string, RawMethod>
}

function catalog(files: readonly RawFile[]): Names {
  const names: Names = { messages: new Map(), enums: new Map(), methods: new Map() }
  for (const file of files) {
    const scope = file.package === '' ? '' : `${file.package}.`
    const features = featuresOf(file)
    for (const message of file.messages) addMessage(names, scope, message, features)
    for (const item of file.enums) names.enums.set(scope + item.name, item)
    for (const service of file.services)
      for (const method of service.methods) names.methods.set(`${scope}${service.name}/${method.name}`, method)
  }
  return names
}

function addMessage(names: Names, scope: string, raw: RawMessage, outer: Required<RawFeatures>): void {
  const features = inherit(outer, raw.features)
  names.messages.set(scope + raw.name, { raw, features })
  const inner = `${scope}${raw.name}.`
  for (const nested of raw.nested) addMessage(names, inner, nested, features)
  for (const item of raw.enums) names.enums.set(inner + item.name, item)
}

type Find = (where: string, what: string) => void

function* compare(before: Names, after: Names, max: number): Generator<void, readonly string[]> {
  const found: string[] = []
  const find: Find = (where, what) => {
    if (found.length < max) found.push(`${where}: ${what} (it breaks the wire; --force overrides)`)
  }
  for (const [name, was] of before.messages) {
    const is = after.messages.get(name)
    if (is !== undefined) compareMessages(name, was, is, { before, after }, find)
    yield
  }
  for (const [name, was] of before.enums) {
    const is = after.enums.get(name)
    if (is !== undefined) compareEnums(name, was, is, find)
    yield
  }
  for (const [name, was] of before.methods) {
    const is = after.methods.get(name)
    if (is !== undefined) compareMethods(name, was, is, find)
    yield
  }
  return found
}

interface Both {
  readonly before: Names
  readonly after: Names
}

function compareMessages(name: string, was: Listed, is: Listed, both: Both, find: Find): void {
  const fields = new Map(is.raw.fields.map((field) => [field.number, field]))
  const reserved = merged(is.raw.reserved)
  for (const field of was.raw.fields) {
    const next = fields.get(field.number)
    if (next !== undefined) compareFields(name, [was, field], [is, next], both, find)
    else if (!within(reserved, field.number, field.number))
      find(name, `${shown(field)} was deleted without reserving its number; write \`reserved ${field.number};\``)
  }
  const old = new Set(was.raw.fields.map((field) => field.number))
  for (const field of is.raw.fields)
    if (!old.has(field.number) && isRequired(is, field))
      find(name, `${shown(field)} was added as required: stored messages do not have it`)
  unreserved(name, was.raw.reserved, reserved, find)
}

function compareFields(name: string, [was, old]: Place, [is, next]: Place, both: Both, find: Find): void {
  const what = shown(old)
  const changed = typeChange(was, old, is, next, both)
  if (changed !== undefined)
    find(name, `${what} changed type from ${JSON.stringify(changed[0])} to ${JSON.stringify(changed[1])}`)
  const [one, other] = [cardinality(was, old), cardinality(is, next)]
  if (one !== other) find(name, `${what} changed from ${one} to ${other}`)
  const [from, to] = [oneofOf(was.raw, old), oneofOf(is.raw, next)]
  if (from !== to)
    find(
      name,
      `${what} moved from ${from === '' ? 'no oneof' : `oneof ${from}`} to ${to === '' ? 'none' : `oneof ${to}`}`,
    )
  const [before, after] = [defaultOf(old, both.before), defaultOf(next, both.after)]
  if (changed === undefined && before !== after)
    find(name, `${what} changed default value from ${JSON.stringify(before)} to ${JSON.stringify(after)}`)
}

type Place = readonly [message: Listed, field: RawField]

/** What a value of the type is on the wire, and how many bits of it count. */
const forms: Readonly<Record<ScalarType, readonly [wire: string, bits: number]>> = {
  double: ['double', 64],
  float: ['float', 32],
  int64: ['varint', 64],
  uint64: ['varint', 64],
  int32: ['varint', 32],
  uint32: ['varint', 32],
  bool: ['varint', 1],
  fixed64: ['fixed64', 64],
  sfixed64: ['fixed64', 64],
  fixed32: ['fixed32', 32],
  sfixed32: ['fixed32', 32],
  sint32: ['zigzag', 32],
  sint64: ['zigzag', 64],
  string: ['string', 0],
  bytes: ['bytes', 0],
}

/** The names of both types, if what was written as the one cannot be read as the other. */
function typeChange(
  was: Listed,
  old: RawField,
  is: Listed,
  next: RawField,
  { before, after }: Both,
): readonly [string, string] | undefined {
  const changed = [typeName(old), typeName(next)] as const
  const [one, other] = [scalars[old.type], scalars[next.type]]
  if (one !== undefined && other !== undefined) {
    const [[wire, bits], [newWire, newBits]] = [forms[one], forms[other]]
    const fits = wire === newWire ? bits <= newBits : one === 'string' && other === 'bytes'
    return fits ? undefined : changed
  }
  if (isMessage(old) && isMessage(next)) {
    if (delimited(was, old) !== delimited(is, next)) return changed
    if (old.typeName === next.typeName) return undefined
    // The entries of a map are named after its field.
    const [entry, newEntry] = [before.messages.get(plain(old)), after.messages.get(plain(next))]
    if (!entry?.raw.mapEntry || !newEntry?.raw.mapEntry) return changed
    return sameEntries(entry, newEntry, { before, after }) ? undefined : ['a map', 'a map of other types']
  }
  if (old.type === typeEnum && next.type === typeEnum) {
    if (old.typeName === next.typeName) return undefined
    const [values, newValues] = [before.enums.get(plain(old)), after.enums.get(plain(next))]
    return values !== undefined && newValues !== undefined && isMoved(values, newValues) ? undefined : changed
  }
  return changed
}

function sameEntries(was: Listed, is: Listed, both: Both): boolean {
  return was.raw.fields.every((field) => {
    const next = is.raw.fields.find(({ number }) => number === field.number)
    return next !== undefined && typeChange(was, field, is, next, both) === undefined
  })
}

/** The same enum in another place: of the same name, with all its values. */
function isMoved(was: RawEnum, is: RawEnum): boolean {
  const values = new Map(is.values.map(({ name, number }) => [name, number]))
  return was.name === is.name && was.values.every(({ name, number }) => values.get(name) === number)
}

function compareEnums(name: string, was: RawEnum, is: RawEnum, find: Find): void {
  const numbers = new Set(is.values.map(({ number }) => number))
  const reserved = merged(is.reserved)
  const told = new Set<number>()
  for (const { name: value, number } of was.values) {
    if (numbers.has(number) || told.has(number) || within(reserved, number, number)) continue
    told.add(number)
    find(name, `the value ${value} was deleted without reserving its number; write \`reserved ${number};\``)
  }
  unreserved(name, was.reserved, reserved, find)
}

function compareMethods(name: string, was: RawMethod, is: RawMethod, find: Find): void {
  if (was.input !== is.input) find(name, `the request changed from ${bare(was.input)} to ${bare(is.input)}`)
  if (was.output !== is.output) find(name, `the answer changed from ${bare(was.output)} to ${bare(is.output)}`)
  if (was.clientStreaming !== is.clientStreaming)
    find(name, `its request ${is.clientStreaming ? 'became a stream' : 'is no stream any more'}`)
  if (was.serverStreaming !== is.serverStreaming)
    find(name, `its answer ${is.serverStreaming ? 'became a stream' : 'is no stream any more'}`)
}

type Range = readonly [first: number, last: number]

/** Is all of it in one of the ranges, which are sorted and do not touch? */
function within(ranges: readonly Range[], first: number, last: number): boolean {
  let [low, high] = [0, ranges.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (ranges[middle]![1] < first) low = middle + 1
    else high = middle
  }
  const range = ranges[low]
  return range !== undefined && range[0] <= first && last <= range[1]
}

/** A number that is free again could be used for something else, and old bytes still have it. */
function unreserved(name: string, was: readonly Range[], is: readonly Range[], find: Find): void {
  for (const [first, last] of was) {
    if (within(is, first, last)) continue
    const numbers = first === last ? `the number ${first} is` : `the numbers ${first} to ${last} are`
    find(name, `${numbers} not reserved any more`)
  }
}

/** Ranges that touch are one. */
function merged(ranges: readonly Range[]): readonly Range[] {
  const result: [number, number][] = []
  for (const [first, last] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const before = result.at(-1)
    if (before !== undefined && first <= before[1] + 1) before[1] = Math.max(before[1], last)
    else result.push([first, last])
  }
  return result
}

const presenceRequired = 3

function cardinality({ features }: Listed, field: RawField): string {
  if (field.label === labelRepeated) return 'a list'
  return isRequired({ features }, field) ? 'a required value' : 'one value'
}

function isRequired({ features }: Pick<Listed, 'features'>, field: RawField): boolean {
  return field.label === labelRequired || inherit(features, field.features).presence === presenceRequired
}

function delimited({ features }: Listed, field: RawField): boolean {
  return field.type === typeGroup || inherit(features, field.features).encoding === 2
}

function isMessage({ type }: RawField): boolean {
  return type === typeMessage || type === typeGroup
}

/** Empty: none. Those that `optional` makes do not count. */
function oneofOf({ oneofs }: RawMessage, { oneofIndex, proto3Optional }: RawField): string {
  return oneofIndex === undefined || proto3Optional ? '' : (oneofs[oneofIndex] ?? '')
}

function typeName(field: RawField): string {
  return scalars[field.type] ?? plain(field)
}

function plain({ typeName }: RawField): string {
  return bare(typeName)
}

function bare(name: string): string {
  return name.replace(/^\./, '')
}

function shown({ name, number }: RawField): string {
  return `field ${number} ${JSON.stringify(name)}`
}

/** What a reader takes where nothing was written, as text; zeros of all types are the same. */
function defaultOf(field: RawField, names: Names): string {
  const { type, defaultValue } = field
  if (type === typeEnum) return defaultValue ?? names.enums.get(plain(field))?.values[0]?.name ?? ''
  if (defaultValue === undefined || defaultValue === 'false') return ''
  const scalar = scalars[type]
  const isText = scalar === 'string' || scalar === 'bytes'
  return isText || Number(defaultValue) !== 0 ? defaultValue : ''
}

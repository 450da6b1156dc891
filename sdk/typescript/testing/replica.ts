// Replica: one replica of a value as the host would keep it, without others to merge with. Written apart from what the SDK
// does with operations (crdt/operation.ts), so that a test compares the two.

import { Reader } from '../codec/reader.ts'
import { Writer } from '../codec/writer.ts'
import { keyOf, text } from '../crdt/codec.ts'
import type { KindNumber } from '../crdt/content.ts'
import { kindNames, kinds } from '../crdt/content.ts'
import type { AnyKind, PlainVote } from '../crdt/kinds.ts'
import type { Consistency } from '../decision.ts'
import { consistencies } from '../decision.ts'

export type Replica =
  | { readonly kind: 1 | 2; readonly value: bigint }
  | { readonly kind: 3 | 4; readonly elements: ReadonlyMap<string, Uint8Array> }
  | { readonly kind: 5; readonly value: Uint8Array; readonly time: bigint }
  | { readonly kind: 6; readonly enabled: boolean }
  | { readonly kind: 7; readonly entries: ReadonlyMap<string, { readonly key: Uint8Array; readonly value: Replica }> }
  | { readonly kind: 8; readonly self: boolean; readonly votesFor: number; readonly voters: number }

const before = -(2n ** 63n)

function created(kind: KindNumber): Replica {
  if (kind === kinds.gCounter || kind === kinds.pnCounter) return { kind, value: 0n }
  if (kind === kinds.gSet || kind === kinds.orSet) return { kind, elements: new Map() }
  if (kind === kinds.lwwRegister) return { kind, value: new Uint8Array(0), time: before }
  if (kind === kinds.flag) return { kind, enabled: false }
  if (kind === kinds.orMap) return { kind, entries: new Map() }
  return { kind, self: false, votesFor: 0, voters: 1 }
}

/** A value as a test writes it down. */
export function fromPlain(kind: AnyKind, plain: unknown): Replica {
  const { number } = kind
  if (number === kinds.gCounter || number === kinds.pnCounter) return { kind: number, value: plain as bigint }
  if (number === kinds.gSet || number === kinds.orSet) {
    const elements = [...(plain as Iterable<unknown>)].map((item) => kind.encode!(item))
    return { kind: number, elements: new Map(elements.map((bytes) => [keyOf(bytes), bytes])) }
  }
  if (number === kinds.lwwRegister) return { kind: number, value: kind.encode!(plain), time: 0n }
  if (number === kinds.flag) return { kind: number, enabled: plain as boolean }
  if (number === kinds.vote) {
    const { self, votesFor = self ? 1 : 0, voters = 1 } = plain as PlainVote
    return { kind: number, self, votesFor, voters }
  }
  const given = (Symbol.iterator in (plain as object) ? plain : Object.entries(plain as object)) as Iterable<
    readonly [unknown, unknown]
  >
  const entries = [...given].map(([name, value]) => {
    const key = kind.encode!(name)
    return [keyOf(key), { key, value: fromPlain(kind.inside!(name), value) }] as const
  })
  return { kind: number, entries: new Map(entries) }
}

/** An operation as it came. */
interface Op {
  readonly path: readonly Uint8Array[]
  readonly field: number
  readonly amount: bigint
  readonly bytes: Uint8Array
  readonly clock: number
  readonly customClock: bigint
}

export function readOperations(bytes: Uint8Array): readonly Op[] {
  return readChanges(bytes).operations.map((operation) => {
    const op = { path: [] as Uint8Array[], field: 0, amount: 0n, bytes: new Uint8Array(0), clock: 0, customClock: 0n }
    const reader = new Reader(operation)
    while (reader.at < reader.end) {
      const tag = reader.tag()
      const field = tag >>> 3
      if (field === 1) op.path.push(reader.raw())
      else {
        op.field = field
        if (field === 4) op.amount = reader.sint64()
        else if ((tag & 7) === 0) op.amount = reader.uint64()
        else op.bytes = reader.raw() as Uint8Array<ArrayBuffer>
      }
    }
    if (op.field === 8) readAssign(op)
    return op
  })
}

function readAssign(op: { bytes: Uint8Array; clock: number; customClock: bigint }): void {
  const reader = new Reader(op.bytes)
  op.bytes = new Uint8Array(0)
  while (reader.at < reader.end) {
    const tag = reader.tag()
    if (tag === 10) op.bytes = reader.raw()
    else if (tag === 16) op.clock = reader.uint32()
    else op.customClock = reader.int64()
  }
}

/** A message Operations. */
function readChanges(bytes: Uint8Array): { readonly operations: readonly Uint8Array[]; readonly consistency: number } {
  const operations: Uint8Array[] = []
  let consistency = 0
  const reader = new Reader(bytes)
  while (reader.at < reader.end) {
    const tag = reader.tag()
    if (tag === 10) operations.push(reader.raw())
    else if (tag === 16) consistency = reader.uint32()
    else throw new TypeError('operations hold something else')
  }
  return { operations, consistency }
}

/** How far they must be written. */
export function consistencyOf(operations: Uint8Array): Consistency {
  return consistencies[readChanges(operations).consistency]!
}

/** @throws TypeError for an operation that the value does not have. */
export function applyOperations(
  replica: Replica | undefined,
  operations: Uint8Array,
  now: number,
): Replica | undefined {
  let result = replica
  for (const op of readOperations(operations)) result = apply(result, op, 0, now)
  return result
}

function apply(replica: Replica | undefined, op: Op, depth: number, now: number): Replica {
  if (depth < op.path.length) {
    if (replica?.kind !== kinds.orMap) throw new TypeError('a path leads through something that is no map')
    const key = op.path[depth]!
    const name = keyOf(key)
    const entries = new Map(replica.entries)
    entries.set(name, { key, value: apply(entries.get(name)?.value, op, depth + 1, now) })
    return { kind: kinds.orMap, entries }
  }
  if (op.field === 2) {
    const kind = Number(op.amount) as KindNumber
    if (replica !== undefined && replica.kind !== kind) throw new TypeError(`there is a ${kindNames[replica.kind]}`)
    return replica ?? created(kind)
  }
  if (replica === undefined) throw new TypeError('an operation on what was not created')
  return changed(replica, op, now)
}

function changed(replica: Replica, { field, amount, bytes, clock, customClock }: Op, now: number): Replica {
  const name = keyOf(bytes)
  switch (replica.kind) {
    case 1:
    case 2:
      if (field === replica.kind + 2) return { ...replica, value: replica.value + amount }
      break
    case 3:
    case 4: {
      const elements = new Map(replica.elements)
      if (field === 5) elements.set(name, bytes)
      else if (field === 6 && replica.kind === 4) elements.delete(name)
      else if (field === 7 && replica.kind === 4) elements.clear()
      else break
      return { kind: replica.kind, elements }
    }
    case 5: {
      if (field !== 8) break
      const time = timeOfWrite(replica.time, clock, customClock, BigInt(now))
      return time > replica.time ? { kind: 5, value: bytes, time } : replica
    }
    case 6:
      if (field === 9) return { kind: 6, enabled: true }
      break
    case 7: {
      const entries = new Map(replica.entries)
      if (field === 6) entries.delete(name)
      else if (field === 7) entries.clear()
      else break
      return { kind: 7, entries }
    }
    case 8: {
      if (field !== 10) break
      const self = amount === 1n
      if (self === replica.self) return replica
      return { ...replica, self, votesFor: replica.votesFor + (self ? 1 : -1) }
    }
  }
  throw new TypeError(`a ${kindNames[replica.kind]} has no operation ${field}`)
}

/** §register. */
function timeOfWrite(previous: bigint, clock: number, custom: bigint, now: bigint): bigint {
  if (clock === 1) return previous === before ? -now : -now < previous - 1n ? -now : previous - 1n
  if (clock === 2) return custom
  if (clock === 3) return custom > previous ? custom : previous + 1n
  return now > previous ? now : previous + 1n
}

const writer = new Writer()

/** Bytes of innkeeper.crdt.v1.View. `elements`: those that the view holds; undefined: it is the whole. */
export function encodeView(replica: Replica | undefined, elements: readonly Uint8Array[] | undefined): Uint8Array {
  writer.reset()
  if (replica === undefined) return writer.finish()
  writer.varint32(8)
  writer.bool(true)
  const start = writer.open(18)
  writeValue(replica, elements && new Set(elements.map(keyOf)))
  writer.close(start)
  if (elements !== undefined) {
    writer.varint32(24)
    writer.bool(true)
  }
  return writer.finish()
}

function writeValue(replica: Replica, only: ReadonlySet<string> | undefined): void {
  const start = writer.open((replica.kind << 3) | 2)
  const whole = only === undefined
  switch (replica.kind) {
    case 1:
      writer.varint32(8)
      writer.uint64(whole ? replica.value : 0n)
      break
    case 2:
      writer.varint32(8)
      writer.sint64(whole ? replica.value : 0n)
      break
    case 3:
    case 4:
      for (const [name, bytes] of sorted(replica.elements)) {
        if (only?.has(name) === false) continue
        writer.varint32(10)
        writer.raw(bytes)
      }
      writeSize(replica.elements.size)
      break
    case 5:
      writer.varint32(10)
      writer.raw(whole ? replica.value : new Uint8Array(0))
      break
    case 6:
      writer.varint32(8)
      writer.bool(whole && replica.enabled)
      break
    case 7:
      for (const [name, { key, value }] of sorted(replica.entries)) {
        if (only?.has(name) === false) continue
        const entry = writer.open(10)
        writer.varint32(10)
        writer.raw(key)
        const inner = writer.open(18)
        writeValue(value, undefined)
        writer.close(inner)
        writer.close(entry)
      }
      writeSize(replica.entries.size)
      break
    case 8:
      writer.varint32(8)
      writer.bool(whole && replica.self)
      writer.varint32(16)
      writer.uint32(replica.votesFor)
      writer.varint32(24)
      writer.uint32(replica.voters)
  }
  writer.close(start)
}

function writeSize(size: number): void {
  writer.varint32(16)
  writer.varint32(size)
}

function sorted<V>(map: ReadonlyMap<string, V>): [string, V][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1))
}

const changeNames = [
  '',
  '',
  'create',
  'increment',
  'add',
  'insert',
  'remove',
  'clear',
  'assign',
  'enable',
  'vote',
] as const

/** Operations as a person reads them. */
export function shownOperations(bytes: Uint8Array): readonly object[] {
  return readOperations(bytes).map(({ path, field, amount, bytes: element, clock, customClock }) => {
    const what =
      field === 2 ? kindNames[Number(amount)] : field === 5 || field === 6 || field === 8 ? shown(element) : amount
    const clocks = clock === 0 ? {} : { clock, customClock }
    return { ...(path.length === 0 ? {} : { at: path.map(shown) }), [changeNames[field]!]: what, ...clocks }
  })
}

/** Text where it looks like text (§element-1). */
function shown(bytes: Uint8Array): unknown {
  try {
    if (bytes[0] === 10) return text.decode(bytes)
  } catch {}
  return bytes
}

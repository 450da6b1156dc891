// Decode: the door for the bytes of encode.ts, from disk and from peers.
//
// E1. Whatever is not exactly what encode.ts writes throws DamagedReplica, and nothing else is thrown: cut, long, out of order,
//     a number too large or longer than it needs to be, a dot twice or one that the context does not cover, an empty entry.
// E2. Everything that is checked here stays true when replicas merge: none that could be read becomes one that cannot.
// E3. Memory is bounded by the bytes: nothing is made ready for a count that was only promised. Maps nest `pathMax` deep.
//
// Owns: reading.   encode.ts owns: the layout.

import { Context } from './context.ts'
import { Counter, ranges } from './counter.ts'
import type { Dot, Dots } from './dot.ts'
import { counterMax, dotOf, dotsOf, replicasMax } from './dot.ts'
import { version } from './encode.ts'
import { Flag } from './flag.ts'
import type { Ids } from './ids.ts'
import { isReplicaId } from './ids.ts'
import type { Kind } from './kind.ts'
import { kind } from './kind.ts'
import type { Entry } from './map.ts'
import { Child, newStore, OrMap } from './map.ts'
import { pathMax } from './operations.ts'
import { Register } from './register.ts'
import { ElementSet } from './set.ts'
import type { Store } from './store.ts'
import { Vote } from './vote.ts'
import { unzigzag } from './zigzag.ts'

/** Bytes that are no replica and no delta of this version. */
export class DamagedReplica extends Error {
  override readonly name = 'DamagedReplica'
}

interface Decoded {
  readonly context: Context
  readonly stores: Store[]
}

/** Names that are new are added to `ids`, and stay only if this does not throw. @throws DamagedReplica */
export function decodeReplica(bytes: Uint8Array, ids: Ids): Decoded | 'deleted' {
  const known = ids.names.length
  try {
    return new Reader(bytes, ids).replica()
  } catch (error) {
    ids.cut(known)
    throw error
  }
}

class Reader {
  private readonly bytes: Buffer
  private readonly ids: Ids
  private at = 0
  private readonly context = new Context()
  /** Number in memory by place in the table. */
  private readonly table: number[] = []
  /** Every dot of the tree: none may come twice. */
  private readonly dotsRead: Dot[] = []
  /** Where `dot` found its last one, for the order of the next. */
  private place = -1
  private counter = 0

  constructor(bytes: Uint8Array, ids: Ids) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.ids = ids
  }

  replica(): Decoded | 'deleted' {
    const found = this.byte()
    if (found !== version) throw this.damage(`version ${found}; this host reads version ${version}`)
    const form = this.byte()
    if (form > 1) throw this.damage(`form ${form}`)
    if (form === 1) {
      this.end()
      return 'deleted'
    }
    this.replicas()
    const kinds = this.kinds()
    if (kinds.length === 0 && !this.context.empty) throw this.damage('dots without a value')
    const stores = kinds.map((of) => this.store(of, 0))
    this.end()
    this.checkDots()
    return { context: this.context, stores }
  }

  private replicas(): void {
    const count = this.varint(replicasMax)
    let before = ''
    for (let place = 0; place < count; place++) {
      const name = this.text()
      if (!isReplicaId(name) || name <= before) throw this.damage('a replica id that is invalid or out of order')
      before = name
      const number = this.ids.intern(name)
      if (number === undefined) throw this.damage(`more than ${replicasMax} replicas`)
      this.table.push(number)
      this.context.set(number, this.ranges())
    }
  }

  private ranges(): number[] {
    const count = this.varint(counterMax)
    if (count === 0) throw this.damage('a replica without a dot')
    const ranges: number[] = []
    let after = 1
    for (let index = 0; index < count; index++) {
      const low = after + this.varint(counterMax)
      const high = low + this.varint(counterMax)
      if (high > counterMax) throw this.damage('a counter that is too large')
      ranges.push(low, high)
      after = high + 2
    }
    return ranges
  }

  private kinds(): Kind[] {
    const bits = this.byte()
    const kinds: Kind[] = []
    for (const of of Object.values(kind)) if (bits & (1 << (of - 1))) kinds.push(of)
    return kinds
  }

  private store(of: Kind, depth: number): Store {
    const store = newStore(of)
    if (store instanceof Counter) this.shares(store)
    else if (store instanceof ElementSet) this.elements(store)
    else if (store instanceof Register) this.writes(store)
    else if (store instanceof Flag || store instanceof Vote) store.dots = this.dots()
    else if (store instanceof OrMap) this.entries(store, depth)
    return store
  }

  private shares(store: Counter): void {
    const { low, high } = ranges[store.kind]
    this.slots(() => {
      const dot = this.dot()
      const read = this.varint64()
      const share = store.kind === kind.pnCounter ? unzigzag(read) : read
      if (share < low || share > high) throw this.damage('a share that is out of range')
      store.shares.set(dot, share)
    })
  }

  private elements(store: ElementSet): void {
    const { elements } = store
    const count = this.varint(counterMax)
    let before = ''
    for (let index = 0; index < count; index++) {
      const element = this.text()
      if (index > 0 && element <= before) throw this.damage('an element out of order')
      before = element
      const dots = this.dots()
      if (dots === undefined) throw this.damage('an element without a dot')
      elements.add(element, dots)
    }
  }

  private writes(store: Register): void {
    this.slots(() => {
      const dot = this.dot()
      const timestamp = unzigzag(this.varint64())
      store.writes.set(dot, { timestamp, value: this.text() })
    })
  }

  private entries(store: OrMap, depth: number): void {
    const count = this.varint(counterMax)
    if (count > 0 && depth === pathMax) throw this.damage(`maps nested more than ${pathMax} deep`)
    let before = ''
    for (let index = 0; index < count; index++) {
      const key = this.text()
      if (index > 0 && key <= before) throw this.damage('a key out of order')
      before = key
      const kinds = this.kinds()
      if (kinds.length === 0) throw this.damage('a key without a value')
      const entry: Entry = kinds.map((of) => {
        const child = new Child(this.dots(), this.store(of, depth + 1))
        if (child.empty) throw this.damage('a value without a dot')
        return child
      })
      store.entries.add(key, entry)
    }
  }

  private slots(read: () => void): void {
    const count = this.varint(counterMax)
    this.place = -1
    for (let index = 0; index < count; index++) read()
  }

  private dots(): Dots | undefined {
    const count = this.varint(counterMax)
    this.place = -1
    if (count === 1) return this.dot()
    const list: Dot[] = []
    for (let index = 0; index < count; index++) list.push(this.dot())
    return dotsOf(list)
  }

  private dot(): Dot {
    const place = this.varint(replicasMax)
    const counter = this.varint(counterMax)
    const number = this.table[place]
    if (number === undefined) throw this.damage('a dot of no replica')
    if (place < this.place || (place === this.place && counter <= this.counter)) throw this.damage('a dot out of order')
    this.place = place
    this.counter = counter
    const dot = dotOf(number, counter)
    if (!this.context.has(dot)) throw this.damage('a dot that the context does not cover')
    this.dotsRead.push(dot)
    return dot
  }

  /** Dots name one thing each (dot.D1). Sorting them all is four times as fast as a Set of them. */
  private checkDots(): void {
    const sorted = new Float64Array(this.dotsRead).sort()
    for (let at = 1; at < sorted.length; at++) {
      if (sorted[at] === sorted[at - 1]) throw this.damage('a dot that occurs twice')
    }
  }

  private byte(): number {
    const byte = this.bytes[this.at]
    if (byte === undefined) throw this.damage('cut')
    this.at += 1
    return byte
  }

  private text(): string {
    const length = this.varint(counterMax)
    const start = this.at
    if (length > this.bytes.length - start) throw this.damage('cut')
    this.at = start + length
    return this.bytes.toString('latin1', start, this.at)
  }

  private varint(max: number): number {
    let byte = this.byte()
    let value = byte & 127
    for (let factor = 128; byte > 127; factor *= 128) {
      byte = this.byte()
      value += (byte & 127) * factor
      if (byte === 0) throw this.damage('a number longer than it needs to be')
      if (value > max) throw this.damage('a number that is too large')
    }
    if (value > max) throw this.damage('a number that is too large')
    return value
  }

  private varint64(): bigint {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.byte()
      value |= BigInt(byte & 127) << shift
      if (byte > 127) continue
      if (byte === 0 && shift > 0n) throw this.damage('a number longer than it needs to be')
      if (value >> 64n !== 0n) break
      return value
    }
    throw this.damage('a number that is too large')
  }

  private end(): void {
    if (this.at !== this.bytes.length) throw this.damage('more than one replica')
  }

  private damage(what: string): DamagedReplica {
    return new DamagedReplica(`${what} at byte ${this.at}`)
  }
}

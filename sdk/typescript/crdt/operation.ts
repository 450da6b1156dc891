// Operations: what a handler asks to change, as bytes for the host and as what they make of a draft.
//
// O1. Whatever an operation needs and the view does not show (the entity, entries on the way, the value itself) is created
//     first: the kind would be ambiguous otherwise, and a path would lead nowhere. `create` does nothing where it is there.
// O2. After a removal in the same decision nothing of a path counts as there.
// O3. A register's first value is a write (§register-1): a decision on a new one that sets none sets the initial value.

import { Writer } from '../codec/writer.ts'
import { keyOf } from './codec.ts'
import type { Content, KindNumber } from './content.ts'
import { draftOf, Entries, emptyOf, kinds } from './content.ts'

export type Clock = 'default' | 'reverse' | 'custom' | 'custom-auto-increment'

/** The numbers are those of the fields of innkeeper.crdt.v1.Operation. */
export type Change =
  /** `initial`: of a register whose first value has bytes. */
  | { readonly field: 2; readonly initial: Uint8Array | undefined }
  | { readonly field: 3 | 4; readonly amount: bigint }
  | { readonly field: 5 | 6; readonly element: Uint8Array }
  | { readonly field: 7 | 9 }
  | { readonly field: 8; readonly value: Uint8Array; readonly clock: Clock; readonly customClock: bigint }
  | { readonly field: 10; readonly vote: boolean }

export const fields = {
  create: 2,
  increment: 3,
  add: 4,
  insert: 5,
  remove: 6,
  clear: 7,
  assign: 8,
  enable: 9,
  vote: 10,
} as const

/** A creation is written where its place is. */
type Written = Exclude<Change, { readonly field: 2 }>

const none = new Uint8Array(0)

/** Where a value is. Linked outwards: most places are only read at. */
export interface Place {
  readonly outer: Place | undefined
  /** In the map around it; the entity's own value has none. */
  readonly key: Uint8Array
  readonly kind: KindNumber
  /** The view shows it. */
  readonly exists: boolean
}

export function rootPlace(kind: KindNumber, exists: boolean): Place {
  return { outer: undefined, key: none, kind, exists }
}

/** The places on the way, outermost first, the last one included. */
function wayTo(place: Place): readonly Place[] {
  const way = [place]
  for (let at = place.outer; at !== undefined; at = at.outer) way.push(at)
  return way.reverse()
}

/** A change of a replicated value. Made by the view that a handler is given; what `accept` takes. */
export class Operation {
  readonly place: Place
  readonly change: Change

  constructor(place: Place, change: Change) {
    this.place = place
    this.change = change
  }
}

const clocks: Readonly<Record<Clock, number>> = { default: 0, reverse: 1, custom: 2, 'custom-auto-increment': 3 }
const writer = new Writer()

/** Bytes of innkeeper.crdt.v1.Operations. `initial`: of a register that does not exist yet (O3). `consistency`: its number. */
export function encodeOperations(
  operations: readonly Operation[],
  initial: Uint8Array | undefined,
  consistency = 0,
): Uint8Array {
  if (operations.length === 0 && initial === undefined && consistency === 0) return none
  writer.reset()
  // One operation alone needs nothing twice.
  const encoding = new Encoding(operations.length > 1)
  if (operations.length === 0 && initial !== undefined) {
    const way = [rootPlace(kinds.lwwRegister, false)]
    encoding.create(way, 0)
    writeAt(way, assigned(initial))
  }
  for (const operation of operations) encoding.add(operation)
  if (consistency !== 0) {
    writer.varint32(16)
    writer.varint32(consistency)
  }
  return writer.finish()
}

/** What was created and removed by the operations before one. */
class Encoding {
  private readonly several: boolean
  private created: Set<string> | undefined
  /** Beginnings of paths below which nothing of the view is left. */
  private readonly removed: string[] = []

  constructor(several: boolean) {
    this.several = several
  }

  add({ place, change }: Operation): void {
    const way = wayTo(place)
    const last = way.length - 1
    let made = false
    for (let depth = 0; depth <= last; depth++) {
      if (!way[depth]!.exists || (this.removed.length > 0 && depth > 0)) made = this.create(way, depth)
    }
    if (change.field === fields.create) {
      // A register begins with no bytes; what it is to begin with is a write, and none where it is there.
      const isNew = made && (!place.exists || this.isRemoved(pathOf(way, last)))
      if (isNew && change.initial !== undefined) writeAt(way, assigned(change.initial))
      return
    }
    writeAt(way, change)
    if (change.field !== fields.remove && change.field !== fields.clear) return
    this.remove(pathOf(way, last) + (change.field === fields.remove ? pathPart(change.element) : ''))
  }

  private remove(beginning: string): void {
    this.removed.push(beginning)
    // What was made elsewhere is still there.
    for (const path of this.created ?? []) if (path.startsWith(beginning)) this.created!.delete(path)
  }

  /** Answers whether it was not created before. */
  create(way: readonly Place[], depth: number): boolean {
    if (this.several) {
      const path = pathOf(way, depth)
      this.created ??= new Set()
      if (this.created.has(path)) return false
      this.created.add(path)
    }
    const start = openOperation(way, depth)
    writer.varint32(fields.create << 3)
    writer.varint32(way[depth]!.kind)
    writer.close(start)
    return true
  }

  private isRemoved(path: string): boolean {
    return this.removed.some((beginning) => path.startsWith(beginning))
  }
}

function pathOf(way: readonly Place[], depth: number): string {
  let path = ''
  for (let level = 1; level <= depth; level++) path += pathPart(way[level]!.key)
  return path
}

/** With its length, so that no path begins with another one by chance. */
function pathPart(key: Uint8Array): string {
  return `${key.length} ${keyOf(key)}`
}

function assigned(value: Uint8Array): Written {
  return { field: fields.assign, value, clock: 'default', customClock: 0n }
}

function writeAt(way: readonly Place[], change: Written): void {
  const start = openOperation(way, way.length - 1)
  writeChange(change)
  writer.close(start)
}

function openOperation(way: readonly Place[], depth: number): number {
  const start = writer.open(10)
  for (let level = 1; level <= depth; level++) {
    writer.varint32(10)
    writer.raw(way[level]!.key)
  }
  return start
}

function writeChange(change: Written): void {
  switch (change.field) {
    case fields.increment:
      writer.varint32(24)
      writer.uint64(change.amount)
      return
    case fields.add:
      writer.varint32(32)
      writer.sint64(change.amount)
      return
    case fields.insert:
    case fields.remove:
      writer.varint32((change.field << 3) | 2)
      writer.raw(change.element)
      return
    case fields.clear:
    case fields.enable:
      writer.varint32(change.field << 3)
      writer.bool(true)
      return
    case fields.vote:
      writer.varint32(80)
      writer.bool(change.vote)
      return
    case fields.assign: {
      const start = writer.open(66)
      if (change.value.length > 0) {
        writer.varint32(10)
        writer.raw(change.value)
      }
      if (change.clock !== 'default') {
        writer.varint32(16)
        writer.varint32(clocks[change.clock])
      }
      if (change.customClock !== 0n) {
        writer.varint32(24)
        writer.int64(change.customClock)
      }
      writer.close(start)
    }
  }
}

/** What the value is after the operations, as far as that can be known here (content.K2). The value itself stays. */
export function applied(root: Content | undefined, kind: KindNumber, operations: readonly Operation[]): Content {
  const draft = root === undefined ? emptyOf(kind) : draftOf(root)
  let isNew = root === undefined
  let result = draft
  for (const { place, change } of operations) {
    result = changed(result, isNew, wayTo(place), 0, change)
    isNew = false
  }
  return result
}

/** `content` is a draft of ours, to be changed in place; the answer takes its place. */
function changed(content: Content, isNew: boolean, way: readonly Place[], depth: number, change: Change): Content {
  if (content.kind === 0) return content
  const inner = way[depth + 1]
  if (inner === undefined) return changeValue(content, isNew, change)
  if (!(content instanceof Entries)) return content
  const { key, kind } = inner
  const name = keyOf(key)
  const known = content.knows(name)
  const inside = content.get(name)?.value
  const next: Content = !known ? { kind: 0 } : inside === undefined ? emptyOf(kind) : draftOf(inside)
  content.put(name, { key, value: changed(next, known && inside === undefined, way, depth + 1, change) })
  return content
}

function changeValue(content: Exclude<Content, { kind: 0 }>, isNew: boolean, change: Change): Content {
  switch (change.field) {
    case fields.create:
      if (isNew && content.kind === kinds.lwwRegister && change.initial !== undefined) content.value = change.initial
      return content
    case fields.increment:
    case fields.add:
      if (content.kind === kinds.gCounter || content.kind === kinds.pnCounter) content.value += change.amount
      return content
    case fields.insert:
      if (content instanceof Entries) content.put(keyOf(change.element), { key: change.element, value: undefined })
      return content
    case fields.remove:
      if (content instanceof Entries) content.remove(keyOf(change.element))
      return content
    case fields.clear:
      if (content instanceof Entries) content.clear()
      return content
    case fields.enable:
      if (content.kind === kinds.flag) content.enabled = true
      return content
    case fields.vote:
      if (content.kind === kinds.vote && content.self !== change.vote) {
        content.self = change.vote
        content.votesFor += change.vote ? 1 : -1
      }
      return content
    case fields.assign:
      if (content.kind === kinds.lwwRegister) content.value = wins(isNew, change.clock) ? change.value : undefined
      return content
  }
}

/** The default clock and the incrementing one are always later than what is there; of the others only the host knows. */
function wins(isNew: boolean, clock: Clock): boolean {
  return isNew || clock === 'default' || clock === 'custom-auto-increment'
}

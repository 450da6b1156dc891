// View: what a guest sees of a replica, as bytes of innkeeper.crdt.v1.View.
//
// W1. Elements and entries ascend by their bytes; `size` counts the whole set or map also where only a part or
//     nothing else is shown.
// W2. A part of the elements costs what they cost. Values under the keys that are shown are shown whole.
// W3. `partial` says that the caller asked for a part (scope 'elements' or 'nothing'), not that anything is missing.

import { Sink } from '../transcode/sink.ts'
import { Counter } from './counter.ts'
import { Flag } from './flag.ts'
import type { Ids, ReplicaId } from './ids.ts'
import { kind } from './kind.ts'
import { OrMap } from './map.ts'
import { Register } from './register.ts'
import { ElementSet } from './set.ts'
import type { Store } from './store.ts'
import { bytesOf, textOf } from './text.ts'
import { Vote } from './vote.ts'
import { zigzag } from './zigzag.ts'

export type ViewScope =
  | { readonly kind: 'all' }
  | { readonly kind: 'nothing' }
  /** Elements of the set, or keys of the map, that is the entity's value. Any other kind is shown whole. */
  | { readonly kind: 'elements'; readonly elements: readonly Uint8Array[] }

/** Whose eyes: votes are counted for a replica among members. */
export interface Viewer {
  readonly ids: Ids
  readonly self: ReplicaId
  readonly members: readonly ReplicaId[]
}

/** One buffer for all: nothing here waits between `reset` and `finish`. */
const sink = new Sink()

/** `store` undefined: the entity does not exist. */
export function encodeView(store: Store | undefined, scope: ViewScope, viewer: Viewer): Uint8Array {
  sink.reset()
  if (store !== undefined) {
    sink.varint(8)
    sink.varint(1)
    // Of nothing but a size there is no part: a counter or a register is shown or it is not.
    if (scope.kind !== 'nothing' || store instanceof ElementSet || store instanceof OrMap) {
      sink.varint(18)
      const start = sink.open()
      writeValue(store, viewer, keysOf(scope))
      sink.close(start)
    }
    if (scope.kind !== 'all') {
      sink.varint(24)
      sink.varint(1)
    }
  }
  return sink.finish()
}

/** Those of a set or map that are shown, in order; undefined: all. */
function keysOf(scope: ViewScope): readonly string[] | undefined {
  if (scope.kind === 'all') return undefined
  return scope.kind === 'nothing' ? [] : [...new Set(scope.elements.map(textOf))].sort()
}

/** The body of a Value. `keys`: those to show of a set or map, in order; undefined: all. */
function writeValue(store: Store, viewer: Viewer, keys: readonly string[] | undefined): void {
  sink.varint((store.kind << 3) | 2)
  const start = sink.open()
  if (store instanceof Counter) {
    if (store.value !== 0n) {
      sink.varint(8)
      sink.varint64(store.kind === kind.pnCounter ? zigzag(store.value) : store.value)
    }
  } else if (store instanceof ElementSet) {
    for (const element of keys ?? store.elements.keys()) {
      if (keys !== undefined && !store.elements.has(element)) continue
      sink.varint(10)
      sink.view(bytesOf(element))
    }
    writeNumber(2, store.elements.size)
  } else if (store instanceof Register) {
    const value = store.value(viewer.ids)
    if (value !== '') {
      sink.varint(10)
      sink.view(bytesOf(value))
    }
  } else if (store instanceof Flag) writeNumber(1, store.dots === undefined ? 0 : 1)
  else if (store instanceof Vote) {
    const { self, votesFor, voters } = store.tally(viewer.ids, viewer.self, viewer.members)
    writeNumber(1, self ? 1 : 0)
    writeNumber(2, votesFor)
    writeNumber(3, voters)
  } else if (store instanceof OrMap) writeMap(store, viewer, keys)
  sink.close(start)
}

function writeMap(map: OrMap, viewer: Viewer, keys: readonly string[] | undefined): void {
  for (const key of keys ?? map.entries.keys()) {
    const store = map.entries.get(key)?.[0]?.store
    if (store === undefined) continue
    sink.varint(10)
    const entry = sink.open()
    if (key !== '') {
      sink.varint(10)
      sink.view(bytesOf(key))
    }
    sink.varint(18)
    const value = sink.open()
    writeValue(store, viewer, undefined)
    sink.close(value)
    sink.close(entry)
  }
  writeNumber(2, map.entries.size)
}

function writeNumber(field: number, value: number): void {
  if (value === 0) return
  sink.varint(field << 3)
  sink.varint(value)
}

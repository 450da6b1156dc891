// Encode: a replica, or a delta, as bytes: for disk, and for peers. decode.ts reads them.
//
//     version 1 · 1                                                                    deleted: these two bytes
//     version 1 · 0 · replicas · per replica: name, ranges · kinds · per kind: store
//
//     ranges   count · per range: gap to the one before (from 1), length - 1
//     kinds    a byte with bit (kind - 1) set for each
//     dots     count · per dot: replica's place in the table, counter
//     stores   GCounter, PNCounter   count · per share: dot, sum (PNCounter: zigzag)
//              GSet, ORSet           count · per element: bytes, dots
//              LWWRegister           count · per write: dot, timestamp (zigzag), bytes
//              Flag, Vote            dots
//              ORMap                 count · per entry: key, kinds, per kind: presence dots, store
//
// B1. Canonical: names, elements, keys and dots ascend, numbers are the shortest varints (LEB128), replicas without a dot are
//     not mentioned. So replicas that know the same are byte-equal, whatever way it came to them.
// B2. A delta is the same: a small tree with a context of its own.
// B3. Every number of this layout stays as it is in version 1; another layout is another version.

import { Sink } from '../transcode/sink.ts'
import type { Context } from './context.ts'
import { Counter } from './counter.ts'
import type { Dot, Dots } from './dot.ts'
import { counterOf, listOf, replicaOf } from './dot.ts'
import { Flag } from './flag.ts'
import type { Ids } from './ids.ts'
import { kind } from './kind.ts'
import { OrMap } from './map.ts'
import { Register } from './register.ts'
import { ElementSet } from './set.ts'
import type { Store } from './store.ts'
import { bytesOf } from './text.ts'
import { Vote } from './vote.ts'
import { zigzag } from './zigzag.ts'

export const version = 1

export const deletedBytes: Uint8Array = Uint8Array.of(version, 1)

/** One buffer for all: nothing here waits between `reset` and `finish`. */
const sink = new Sink()

/** Place of each replica in the table of the bytes at hand, by its number in memory. */
let places: number[] = []

export function encodeReplica(ids: Ids, context: Context, stores: readonly Store[]): Uint8Array {
  sink.reset()
  sink.varint(version)
  sink.varint(0)
  const known = context.ranges.flatMap((ranges, replica) => (ranges === undefined ? [] : [replica]))
  known.sort((a, b) => (ids.names[a]! < ids.names[b]! ? -1 : 1))
  places = []
  sink.varint(known.length)
  known.forEach((replica, place) => {
    places[replica] = place
    sink.string(ids.names[replica]!)
    writeRanges(context.ranges[replica]!)
  })
  writeKinds(stores)
  stores.forEach(writeStore)
  return sink.finish()
}

function writeRanges(ranges: readonly number[]): void {
  sink.varint(ranges.length / 2)
  let after = 1
  for (let at = 0; at < ranges.length; at += 2) {
    sink.varintSafe(ranges[at]! - after)
    sink.varintSafe(ranges[at + 1]! - ranges[at]!)
    // Ranges do not touch: the next begins two later at the earliest.
    after = ranges[at + 1]! + 2
  }
}

function writeKinds(stores: readonly Store[]): void {
  let bits = 0
  for (const store of stores) bits |= 1 << (store.kind - 1)
  sink.raw(Uint8Array.of(bits))
}

function writeStore(store: Store): void {
  if (store instanceof Counter) {
    sink.varint(store.shares.size)
    for (const [dot, share] of sortedSlots(store.shares)) {
      writeDot(dot)
      sink.varint64(store.kind === kind.pnCounter ? zigzag(share) : share)
    }
  } else if (store instanceof ElementSet) {
    sink.varint(store.elements.size)
    for (const element of store.elements.keys()) {
      sink.view(bytesOf(element))
      writeDots(store.elements.get(element))
    }
  } else if (store instanceof Register) {
    sink.varint(store.writes.size)
    for (const [dot, { timestamp, value }] of sortedSlots(store.writes)) {
      writeDot(dot)
      sink.varint64(zigzag(timestamp))
      sink.view(bytesOf(value))
    }
  } else if (store instanceof Flag || store instanceof Vote) writeDots(store.dots)
  else if (store instanceof OrMap) writeMap(store)
}

function writeMap(map: OrMap): void {
  sink.varint(map.entries.size)
  for (const key of map.entries.keys()) {
    const entry = map.entries.get(key)!
    sink.view(bytesOf(key))
    writeKinds(entry.map((child) => child.store))
    for (const { presence, store } of entry) {
      writeDots(presence)
      writeStore(store)
    }
  }
}

function writeDots(dots: Dots | undefined): void {
  if (typeof dots === 'number') {
    sink.varint(1)
    writeDot(dots)
    return
  }
  const list = listOf(dots)
  sink.varint(list.length)
  for (const dot of list.toSorted(byPlace)) writeDot(dot)
}

function writeDot(dot: Dot): void {
  sink.varint(places[replicaOf(dot)]!)
  sink.varintSafe(counterOf(dot))
}

function byPlace(a: Dot, b: Dot): number {
  return places[replicaOf(a)]! - places[replicaOf(b)]! || counterOf(a) - counterOf(b)
}

function sortedSlots<T>(slots: ReadonlyMap<Dot, T>): [Dot, T][] {
  return [...slots].sort(([a], [b]) => byPlace(a, b))
}

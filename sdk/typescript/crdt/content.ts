// Content: a replicated value as a view shows it, in bytes, and what operations make of it.
//
// K1. Read lazily: elements and entries are looked at when they are asked for, values of entries when theirs are.
// K2. A draft is a copy that operations change. What only the host knows (which write of a register won, whether an element
//     was there that the view did not hold) is `undecidable`: looking at it throws, and the caller asks the host.
// K3. Elements and keys come in the order of their bytes, from the host and from a draft.
//
// Leaves to others: types of elements (view.ts), operations as bytes (operation.ts).

import { MalformedError } from '../codec/errors.ts'
import { Reader } from '../codec/reader.ts'
import { keyOf } from './codec.ts'

/** Numbers of innkeeper.crdt.v1.Kind, and of the fields of Value. */
export const kinds = {
  gCounter: 1,
  pnCounter: 2,
  gSet: 3,
  orSet: 4,
  lwwRegister: 5,
  flag: 6,
  orMap: 7,
  vote: 8,
} as const
export type KindNumber = (typeof kinds)[keyof typeof kinds]

export const kindNames = ['', 'GCounter', 'PNCounter', 'GSet', 'ORSet', 'LWWRegister', 'Flag', 'ORMap', 'Vote'] as const

/** A look at what is not known here. In a reply on a draft it asks the host; anywhere else it is the author's mistake. */
export class Undecidable extends TypeError {
  constructor() {
    super('the view of this method does not hold the value that is looked at; declare it in `views`')
  }
}

export type Content = Counter | Entries | Register | Flag | Vote | Unknown

/** In a draft: an entry that the view did not hold. */
interface Unknown {
  readonly kind: 0
}

export interface Counter {
  readonly kind: 1 | 2
  value: bigint
}

export interface Register {
  readonly kind: 5
  /** Undefined: only the host knows. */
  value: Uint8Array | undefined
}

export interface Flag {
  readonly kind: 6
  enabled: boolean
}

export interface Vote {
  readonly kind: 8
  self: boolean
  votesFor: number
  voters: number
}

/** What a view's bytes hold. */
export interface Seen {
  /** Undefined: there is no such entity yet, or the view holds nothing of it. */
  readonly content: Content | undefined
  readonly exists: boolean
  readonly partial: boolean
}

/** An element of a set (without value), or an entry of a map. */
interface Entry {
  readonly key: Uint8Array
  readonly value: Content | undefined
}

/** A set or a map: what a view holds of it, or a draft, which knows its changes and asks the view for the rest. */
export class Entries {
  readonly kind: 3 | 4 | 7
  private readonly seen: SeenEntries
  /** Keys that are in the view, or known not to exist; undefined: it is the whole. */
  private readonly looked: ReadonlySet<string> | undefined
  private readonly changes: Map<string, Entry | undefined>
  private cleared = false
  /** How many more than the view says; undefined: only the host knows. */
  private grown: number | undefined = 0

  constructor(
    kind: 3 | 4 | 7,
    seen: SeenEntries,
    looked?: ReadonlySet<string>,
    changes: ReadonlyMap<string, Entry | undefined> = noChanges,
  ) {
    this.kind = kind
    this.seen = seen
    this.looked = looked
    this.changes = new Map(changes)
  }

  draft(): Entries {
    const draft = new Entries(this.kind, this.seen, this.looked, this.changes)
    draft.cleared = this.cleared
    draft.grown = this.grown
    return draft
  }

  /** The same with other keys known. */
  lookedAt(keys: ReadonlySet<string>): Entries {
    return new Entries(this.kind, this.seen, keys)
  }

  get size(): number {
    if (this.grown === undefined) throw new Undecidable()
    return (this.cleared ? 0 : this.seen.size) + this.grown
  }

  get(key: string): Entry | undefined {
    const changed = this.changes.get(key)
    if (changed !== undefined || this.changes.has(key)) return changed
    return this.cleared ? undefined : this.seen.get(key)
  }

  /** Whether `get` is the truth, and not merely what the view holds. */
  knows(key: string): boolean {
    if (this.looked === undefined || this.cleared || this.looked.has(key)) return true
    return this.changes.has(key) || this.seen.get(key) !== undefined
  }

  /** In the order of keys. @throws TypeError if the view is not the whole. */
  *all(): Generator<Entry> {
    if (this.looked !== undefined && !this.cleared) {
      throw new TypeError('the view of this method holds some elements only (see `views`), so there is no list of them')
    }
    const before = this.cleared ? noEntries : this.seen.all()
    const keys = [...before.keys()]
    for (const key of this.changes.keys()) if (!before.has(key)) keys.push(key)
    for (const key of sorted(keys)) {
      const entry = this.get(key)
      if (entry !== undefined) yield entry
    }
  }

  put(key: string, entry: Entry): void {
    this.count(key, 1)
    this.changes.set(key, entry)
  }

  remove(key: string): void {
    this.count(key, -1)
    this.changes.set(key, undefined)
  }

  clear(): void {
    this.changes.clear()
    this.cleared = true
    this.grown = 0
  }

  private count(key: string, by: 1 | -1): void {
    if (!this.knows(key)) this.grown = undefined
    else if (this.grown !== undefined && (this.get(key) === undefined) === by > 0) this.grown += by
  }
}

const noChanges: ReadonlyMap<string, Entry | undefined> = new Map()
const noEntries: ReadonlyMap<string, Entry> = new Map()

/** So many elements are looked for one by one before all are indexed: an index costs as much as ten passes. */
const passesMax = 4

/** The bytes of a set or a map. Shared by drafts, which never change it. */
class SeenEntries {
  private readonly ofMap: boolean
  private readonly source: Uint8Array
  private found: Map<string, Entry> | undefined
  private passes = 0
  private sizeSaid = 0
  private counted = -1

  constructor(ofMap: boolean, source: Uint8Array) {
    this.ofMap = ofMap
    this.source = source
  }

  get size(): number {
    if (this.found === undefined && this.counted < 0) this.passOver(undefined)
    return Math.max(this.found?.size ?? this.counted, this.sizeSaid)
  }

  get(key: string): Entry | undefined {
    if (this.found === undefined && this.passes++ < passesMax) return this.passOver(key)
    return this.all().get(key)
  }

  all(): ReadonlyMap<string, Entry> {
    if (this.found !== undefined) return this.found
    const found = new Map<string, Entry>()
    const reader = new Reader(this.source)
    while (reader.at < reader.end) {
      const tag = reader.tag()
      if (tag === 10) {
        const entry = this.read(reader)
        found.set(keyOf(entry.key), entry)
      } else if (tag === 16) this.sizeSaid = Number(reader.uint64())
      else reader.skip(tag)
    }
    this.found = found
    return found
  }

  private read(reader: Reader): Entry {
    return this.ofMap ? readEntry(reader, this.source) : { key: reader.raw(), value: undefined }
  }

  /** Look for a key, and count, without decoding what is passed over: a tenth of an index, and nothing is allocated. */
  private passOver(key: string | undefined): Entry | undefined {
    const { source, ofMap } = this
    const end = source.length
    const reader = new Reader(source)
    let entry: Entry | undefined
    let count = 0
    let at = 0
    while (at < end) {
      const length = source[at + 1]!
      // Tag and length of one byte each, and in a map the key first, as nearly all are; else the reader takes the field.
      if (source[at] === 10 && length < 128 && at + 2 + length <= end && (!ofMap || source[at + 2] === 10)) {
        const next = at + 2 + length
        if (key !== undefined && this.isAt(key, at + 2, next)) {
          reader.at = at + 1
          entry = this.read(reader)
        }
        count++
        at = next
        continue
      }
      reader.at = at
      const tag = reader.tag()
      if (tag === 10) {
        const passed = this.read(reader)
        if (key !== undefined && keyOf(passed.key) === key) entry = passed
        count++
      } else if (tag === 16) this.sizeSaid = Number(reader.uint64())
      else reader.skip(tag)
      at = reader.at
    }
    // An element twice is one element; the host writes none twice.
    this.counted = count
    return entry
  }

  /** Whether the element or the entry between these is that of the key. */
  private isAt(key: string, from: number, to: number): boolean {
    const { source } = this
    let start = from
    let length = to - from
    if (this.ofMap) {
      length = source[from + 1]!
      start = from + 2
      if (length > 127) return false
    }
    if (length !== key.length || start + length > to) return false
    for (let index = 0; index < length; index++) {
      if (source[start + index] !== key.charCodeAt(index)) return false
    }
    return true
  }
}

// One reader passes over all entries: a reader and a subarray for each cost more than the rest of an entry.
function readEntry(reader: Reader, source: Uint8Array): Entry {
  const outer = reader.enter()
  let key: Uint8Array = noBytes
  // Not `[from, to] = [0, 0]`: QuickJS walks an iterator for it, 2 us for every entry.
  let from = 0
  let to = 0
  while (reader.at < reader.end) {
    const tag = reader.tag()
    if (tag === 10) key = reader.raw()
    else if (tag === 18) {
      const entry = reader.enter()
      from = reader.at
      to = reader.at = reader.end
      reader.leave(entry)
    } else reader.skip(tag)
  }
  reader.leave(outer)
  return new LazyEntry(key, source, from, to)
}

const noBytes = new Uint8Array(0)

class LazyEntry implements Entry {
  readonly key: Uint8Array
  private readonly source: Uint8Array
  private readonly from: number
  private readonly to: number
  private content: Content | undefined

  constructor(key: Uint8Array, source: Uint8Array, from: number, to: number) {
    this.key = key
    this.source = source
    this.from = from
    this.to = to
  }

  get value(): Content | undefined {
    return (this.content ??= readValue(readerOf(this.source, this.from, this.to), this.source))
  }
}

function readerOf(source: Uint8Array, from: number, to: number): Reader {
  const reader = new Reader(source)
  reader.at = from
  reader.end = to
  return reader
}

/** A message innkeeper.crdt.v1.View. @throws MalformedError */
export function readView(bytes: Uint8Array): Seen {
  const reader = new Reader(bytes)
  let exists = false
  let partial = false
  let content: Content | undefined
  while (reader.at < reader.end) {
    const tag = reader.tag()
    if (tag === 8) exists = reader.bool()
    else if (tag === 18) {
      const outer = reader.enter()
      content = readValue(reader, bytes)
      reader.leave(outer)
    } else if (tag === 24) partial = reader.bool()
    else reader.skip(tag)
  }
  return { content: exists ? content : undefined, exists, partial }
}

/** The message Value that the reader is in, to its end. */
function readValue(reader: Reader, source: Uint8Array): Content | undefined {
  let content: Content | undefined
  while (reader.at < reader.end) {
    const tag = reader.tag()
    if ((tag & 7) === 2 && tag >> 3 <= 8) {
      const outer = reader.enter()
      content = readKind((tag >> 3) as KindNumber, reader, source)
      reader.leave(outer)
    } else reader.skip(tag)
  }
  return content
}

function readKind(kind: KindNumber, reader: Reader, source: Uint8Array): Content {
  if (kind === kinds.gSet || kind === kinds.orSet || kind === kinds.orMap) {
    const entries = new Entries(kind, seenEntries(kind, source.subarray(reader.at, reader.end)))
    reader.at = reader.end
    return entries
  }
  const content = emptyOf(kind)
  while (reader.at < reader.end) {
    const tag = reader.tag()
    if (content.kind === kinds.pnCounter && tag === 8) content.value = reader.sint64()
    else if (content.kind === kinds.gCounter && tag === 8) content.value = reader.uint64()
    else if (content.kind === kinds.lwwRegister && tag === 10) content.value = reader.raw()
    else if (content.kind === kinds.flag && tag === 8) content.enabled = reader.bool()
    else if (content.kind === kinds.vote && tag === 8) content.self = reader.bool()
    else if (content.kind === kinds.vote && tag === 16) content.votesFor = reader.uint32()
    else if (content.kind === kinds.vote && tag === 24) content.voters = reader.uint32()
    else reader.skip(tag)
  }
  return content
}

/** A value that was just created. */
export function emptyOf(kind: KindNumber): Content {
  switch (kind) {
    case kinds.gCounter:
    case kinds.pnCounter:
      return { kind, value: 0n }
    case kinds.gSet:
    case kinds.orSet:
    case kinds.orMap:
      return new Entries(kind, seenEntries(kind, noBytes))
    case kinds.lwwRegister:
      return { kind, value: noBytes }
    case kinds.flag:
      return { kind, enabled: false }
    case kinds.vote:
      return { kind, self: false, votesFor: 0, voters: 1 }
    default:
      throw new MalformedError(`kind ${String(kind)} does not exist`)
  }
}

function seenEntries(kind: 3 | 4 | 7, source: Uint8Array): SeenEntries {
  return new SeenEntries(kind === kinds.orMap, source)
}

export function draftOf(content: Content): Content {
  return content instanceof Entries ? content.draft() : { ...content }
}

function sorted(keys: string[]): string[] {
  for (let index = 1; index < keys.length; index++) if (keys[index - 1]! > keys[index]!) return keys.sort()
  return keys
}

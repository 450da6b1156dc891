// CRDT: what a handler sees of a replicated value, and how it changes it.
//
// R1. An operation is written down for the host and applied to what the handler sees, at once: what follows sees the value after.
// R2. What an operation needs and the view does not show (the entity, maps on the way, the value itself) is created first;
//     creating does nothing where it is there.
// R3. What only the host knows (which write with a custom clock won, what lay behind a partial view) is never guessed: looking at it
//     after an operation makes the host render the answer, on the value that it has then (component/replicated.ts).
//
// Elements, keys and what registers hold are bytes to the host; a text is the message that has it as field 1, as in all SDKs, so that
// the host can make one of a request's field (`elementOf`). They come in the order of these bytes.
// In a partial view what was not looked up reads as not there.

import { Bytes } from './bytes'
import { Reader } from './reader'
import { Writer } from './writer'

/** Numbers of innkeeper.crdt.v1.Kind, and of the fields of Value. */
const enum Kind {
  GCounter = 1,
  PNCounter = 2,
  GSet = 3,
  ORSet = 4,
  LWWRegister = 5,
  Flag = 6,
  ORMap = 7,
  Vote = 8,
}

/** A text as an element, a key or a register's value. */
export function elementOf(text: string): Bytes {
  if (text.length == 0) return Bytes.empty()
  const out = new Writer()
  out.uint32(10)
  out.string(text)
  return out.finish()
}

export function textOf(element: Bytes): string {
  const reader = new Reader(element)
  let text = ''
  while (reader.more()) {
    const tag = reader.tag()
    if (tag == 10) text = reader.string()
    else reader.skip(tag)
  }
  if (reader.problem !== null) throw new Error('an element is no text')
  return text
}

/** Which of two writes of a register wins: the later, the earlier, or the one with the greater `at`. */
export const enum Clock {
  Default,
  Reverse,
  Custom,
  CustomAutoIncrement,
}

/** How far a change must be written before its answer: on this host, on most that have the entity, on all. A host that is alone meets
 *  each of them by its own commit. */
export const enum Consistency {
  Local,
  Majority,
  All,
}

/** A value as far as it is known. */
@final
export class Content {
  /** Of a counter; a GCounter's bits are those of a u64. */
  count: i64 = 0
  /** Of a register. */
  bytes: Bytes = Bytes.empty()
  /** Of a flag; of a vote, the own one. */
  on: bool = false
  votesFor: u32 = 0
  voters: u32 = 1
  /** Of a set or a map, ascending; values are a map's. */
  keys: Bytes[] = []
  values: Content[] = []
  size: i32 = 0
  /** There may be more keys than these. */
  partial: bool = false
  /** Only the host knows the value; or only the size. */
  unknown: bool = false
  unknownSize: bool = false

  constructor(readonly kind: i32) {}

  /** Where the key is, or ~ where it would be. */
  find(key: Bytes): i32 {
    let low = 0
    let high = this.keys.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const order = compare(unchecked(this.keys[middle]), key)
      if (order == 0) return middle
      if (order < 0) low = middle + 1
      else high = middle
    }
    return ~low
  }

  put(key: Bytes, value: Content | null): void {
    const found = this.find(key)
    if (found >= 0) return
    if (this.partial) this.unknownSize = true
    this.size++
    const at = ~found
    this.keys.push(key)
    for (let i = this.keys.length - 1; i > at; i--) this.keys[i] = this.keys[i - 1]
    this.keys[at] = key
    if (value === null) return
    this.values.push(value)
    for (let i = this.values.length - 1; i > at; i--) this.values[i] = this.values[i - 1]
    this.values[at] = value
  }

  remove(key: Bytes): void {
    const at = this.find(key)
    if (at < 0) {
      if (this.partial) this.unknownSize = true
      return
    }
    this.size--
    this.keys.splice(at, 1)
    if (this.kind == Kind.ORMap) this.values.splice(at, 1)
  }

  clear(): void {
    this.keys = []
    this.values = []
    this.size = 0
    this.partial = false
    this.unknownSize = false
  }
}

function compare(one: Bytes, other: Bytes): i32 {
  const order = memory.compare(one.pointer, other.pointer, <usize>min(one.length, other.length))
  return order != 0 ? order : one.length - other.length
}

/** One call's value: what is seen of it, and what was done to it. */
@final
export class Draft {
  root: Content | null = null
  exists: bool = false
  partial: bool = false
  /** The entity is deleted, for good. */
  removed: bool = false
  consistency: Consistency = Consistency.Local
  /** Something was looked at that only the host knows. */
  undecided: bool = false
  /** The value as the host has it after the operations, where it renders an answer. */
  after: Draft | null = null
  readonly operations: Writer = new Writer()
  count: i32 = 0

  /** Bytes of innkeeper.crdt.v1.Operations. */
  changes(): Bytes {
    if (this.consistency != Consistency.Local) {
      this.operations.uint32(16)
      this.operations.uint32(<u32>this.consistency)
    }
    return this.operations.finish()
  }

  /** Bytes of innkeeper.crdt.v1.View. */
  constructor(view: Bytes) {
    const reader = new Reader(view)
    while (reader.more()) {
      const tag = reader.tag()
      if (tag == 8) this.exists = reader.bool()
      else if (tag == 18) {
        const outer = reader.enter()
        this.root = readValue(reader)
        reader.leave(outer)
      } else if (tag == 24) this.partial = reader.bool()
      else reader.skip(tag)
    }
    if (reader.problem !== null) throw new Error('these bytes are no view')
    const root = this.root
    if (root !== null && this.partial) root.partial = true
  }
}

function readValue(reader: Reader): Content | null {
  let content: Content | null = null
  while (reader.more()) {
    const tag = reader.tag()
    const kind = <i32>(tag >>> 3)
    if ((tag & 7) != 2 || kind > Kind.Vote) {
      reader.skip(tag)
      continue
    }
    const outer = reader.enter()
    content = readKind(reader, kind)
    reader.leave(outer)
  }
  return content
}

function readKind(reader: Reader, kind: i32): Content {
  const content = new Content(kind)
  while (reader.more()) {
    const tag = reader.tag()
    if (kind == Kind.GCounter && tag == 8) content.count = <i64>reader.uint64()
    else if (kind == Kind.PNCounter && tag == 8) content.count = reader.sint64()
    else if (kind == Kind.LWWRegister && tag == 10) content.bytes = reader.raw()
    else if ((kind == Kind.Flag || kind == Kind.Vote) && tag == 8) content.on = reader.bool()
    else if (kind == Kind.Vote && tag == 16) content.votesFor = reader.uint32()
    else if (kind == Kind.Vote && tag == 24) content.voters = reader.uint32()
    else if ((kind == Kind.GSet || kind == Kind.ORSet) && tag == 10) content.keys.push(reader.raw())
    else if (kind == Kind.ORMap && tag == 10) readEntry(reader, content)
    else if (kind != Kind.LWWRegister && tag == 16) content.size = <i32>reader.uint64()
    else reader.skip(tag)
  }
  if (content.size < content.keys.length) content.size = content.keys.length
  return content
}

function readEntry(reader: Reader, map: Content): void {
  const outer = reader.enter()
  let key = Bytes.empty()
  let value: Content | null = null
  while (reader.more()) {
    const tag = reader.tag()
    if (tag == 10) key = reader.raw()
    else if (tag == 18) {
      const inner = reader.enter()
      value = readValue(reader)
      reader.leave(inner)
    } else reader.skip(tag)
  }
  reader.leave(outer)
  if (value === null) return
  map.keys.push(key)
  map.values.push(value)
}

/** Where a value is: the entity's own, or that of a key in the map around it. */
@final
export class Place {
  kind: i32 = 0

  constructor(
    readonly draft: Draft,
    readonly outer: Place | null,
    readonly key: Bytes,
  ) {}

  /** What the draft has here. */
  content(): Content | null {
    return this.within(this.draft)
  }

  /** The same, or what the host has where only it knows. */
  settled(): Content | null {
    const content = this.content()
    if (content === null || !content.unknown) return content
    return this.asked(content)
  }

  settledSize(): i32 {
    const content = this.content()
    if (content === null) return 0
    if (!content.unknown && !content.unknownSize) return content.size
    const asked = this.asked(content)
    return asked === null ? 0 : asked.size
  }

  private asked(content: Content): Content | null {
    const after = this.draft.after
    if (after !== null) return this.within(after)
    this.draft.undecided = true
    return content
  }

  private within(draft: Draft): Content | null {
    const outer = this.outer
    let content: Content | null = null
    if (outer === null) content = draft.root
    else {
      const map = outer.within(draft)
      if (map === null || map.kind != Kind.ORMap) return null
      const at = map.find(this.key)
      content = at < 0 ? null : unchecked(map.values[at])
    }
    if (content !== null && content.kind != this.kind) throw new Error('the value is of another kind')
    return content
  }

  /** The content to change: it and what is around it are created where they are not there. */
  ensure(): Content {
    const there = this.content()
    if (there !== null) return there
    const outer = this.outer
    const created = new Content(this.kind)
    if (outer === null) {
      // A view of nothing shows none of a value that exists.
      created.unknown = this.draft.exists
      this.draft.root = created
    } else {
      const map = outer.ensure()
      created.unknown = map.partial || map.unknown
      map.put(this.key, created)
    }
    const out = this.open()
    out.writer.uint32(16)
    out.writer.uint32(<u32>this.kind)
    out.close()
    return created
  }

  /** An operation on this value. */
  open(): OpenOperation {
    const draft = this.draft
    draft.count++
    const open = new OpenOperation(draft.operations)
    this.path(draft.operations)
    return open
  }

  private path(out: Writer): void {
    const outer = this.outer
    if (outer === null) return
    outer.path(out)
    out.uint32(10)
    out.raw(this.key)
  }
}

@final
class OpenOperation {
  private start: usize

  constructor(readonly writer: Writer) {
    this.start = writer.open(10)
  }

  close(): void {
    this.writer.close(this.start)
  }
}

/** A replicated value as a handler sees it. */
export abstract class View {
  constructor(readonly __place: Place) {
    __place.kind = this.__kind()
  }

  abstract __kind(): i32

  /** Of the entity's own value: what a decision without operations writes where there is none. */
  __begin(): void {}

  protected flag(field: u32): void {
    const out = this.__place.open()
    out.writer.uint32(field << 3)
    out.writer.bool(true)
    out.close()
  }

  protected write(field: u32, element: Bytes): void {
    const out = this.__place.open()
    out.writer.uint32((field << 3) | 2)
    out.writer.raw(element)
    out.close()
  }
}

/** Only grows. */
@final
export class GCounter extends View {
  __kind(): i32 {
    return Kind.GCounter
  }

  get value(): u64 {
    const content = this.__place.settled()
    return content === null ? 0 : <u64>content.count
  }

  add(amount: u64): void {
    const content = this.__place.ensure()
    content.count += <i64>amount
    const out = this.__place.open()
    out.writer.uint32(24)
    out.writer.uint64(amount)
    out.close()
  }
}

@final
export class PNCounter extends View {
  __kind(): i32 {
    return Kind.PNCounter
  }

  get value(): i64 {
    const content = this.__place.settled()
    return content === null ? 0 : content.count
  }

  add(amount: i64): void {
    const content = this.__place.ensure()
    content.count += amount
    const out = this.__place.open()
    out.writer.uint32(32)
    out.writer.sint64(amount)
    out.close()
  }
}

/** A set that only grows. Its elements are texts, or the bytes of messages where a method says `Element`. */
export class GSet extends View {
  __kind(): i32 {
    return Kind.GSet
  }

  get size(): i32 {
    return this.__place.settledSize()
  }

  has(element: string): bool {
    return this.hasElement(elementOf(element))
  }

  hasElement(element: Bytes): bool {
    const content = this.__place.settled()
    return content !== null && content.find(element) >= 0
  }

  add(element: string): void {
    this.addElement(elementOf(element))
  }

  addElement(element: Bytes): void {
    this.__place.ensure().put(element, null)
    this.write(5, element)
  }

  /** Those that the view holds, ascending by their bytes. */
  elements(): string[] {
    return texts(this.rawElements())
  }

  rawElements(): Bytes[] {
    const content = this.__place.settled()
    return content === null ? [] : content.keys
  }
}

/** A set. An element that is added and removed at the same time is in it. */
@final
export class ORSet extends GSet {
  __kind(): i32 {
    return Kind.ORSet
  }

  remove(element: string): void {
    this.removeElement(elementOf(element))
  }

  removeElement(element: Bytes): void {
    this.__place.ensure().remove(element)
    this.write(6, element)
  }

  clear(): void {
    this.__place.ensure().clear()
    this.flag(7)
  }
}

/** A value of which the last write wins. As the entity's own value it begins empty. */
@final
export class LWWRegister extends View {
  __kind(): i32 {
    return Kind.LWWRegister
  }

  get value(): string {
    return textOf(this.element)
  }

  /** Bytes of a message. */
  get element(): Bytes {
    const content = this.__place.settled()
    return content === null ? Bytes.empty() : content.bytes
  }

  set(value: string, clock: Clock = Clock.Default, at: i64 = 0): void {
    this.setElement(elementOf(value), clock, at)
  }

  /** `at`: of the custom clocks. */
  setElement(value: Bytes, clock: Clock = Clock.Default, at: i64 = 0): void {
    const isNew = this.__place.content() === null
    const content = this.__place.ensure()
    content.bytes = value
    // The default clock and the incrementing one are always later than what is there.
    if (clock == Clock.Default || clock == Clock.CustomAutoIncrement) content.unknown = false
    else if (!isNew) content.unknown = true
    const out = this.__place.open()
    const assign = out.writer.open(66)
    if (value.length > 0) {
      out.writer.uint32(10)
      out.writer.raw(value)
    }
    if (clock != Clock.Default) {
      out.writer.uint32(16)
      out.writer.uint32(<u32>clock)
    }
    if (at != 0) {
      out.writer.uint32(24)
      out.writer.int64(at)
    }
    out.writer.close(assign)
    out.close()
  }

  __begin(): void {
    if (this.__place.content() === null) this.setElement(Bytes.empty())
  }
}

/** Off, and once on, on for good. */
@final
export class Flag extends View {
  __kind(): i32 {
    return Kind.Flag
  }

  get enabled(): bool {
    const content = this.__place.settled()
    return content !== null && content.on
  }

  enable(): void {
    const content = this.__place.ensure()
    content.on = true
    content.unknown = false
    this.flag(9)
  }
}

/** A vote of each node, not of each client. */
@final
export class Vote extends View {
  __kind(): i32 {
    return Kind.Vote
  }

  get self(): bool {
    const content = this.__place.settled()
    return content !== null && content.on
  }

  get votesFor(): u32 {
    const content = this.__place.settled()
    return content === null ? 0 : content.votesFor
  }

  get voters(): u32 {
    const content = this.__place.settled()
    return content === null ? 1 : content.voters
  }

  vote(self: bool): void {
    const content = this.__place.ensure()
    if (content.on != self) content.votesFor += self ? 1 : -1
    content.on = self
    const out = this.__place.open()
    out.writer.uint32(80)
    out.writer.bool(self)
    out.close()
  }
}

/** A map with known keys, each with a kind of its own: a class with getters, `get title(): LWWRegister { return this.member<LWWRegister>('title') }`. */
export abstract class RecordView extends View {
  __kind(): i32 {
    return Kind.ORMap
  }

  member<V extends View>(name: string): V {
    return instantiate<V>(new Place(this.__place.draft, this.__place, elementOf(name)))
  }
}

/** A map whose values are replicated values of one kind. Its keys are texts, or the bytes of messages where a method says `Key`. */
@final
export class ORMap<V extends View> extends View {
  __kind(): i32 {
    return Kind.ORMap
  }

  get size(): i32 {
    return this.__place.settledSize()
  }

  has(key: string): bool {
    return this.hasKey(elementOf(key))
  }

  hasKey(key: Bytes): bool {
    const content = this.__place.settled()
    return content !== null && content.find(key) >= 0
  }

  /** The value of a key; of one that is not there, a view to create it with. */
  at(key: string): V {
    return this.atKey(elementOf(key))
  }

  atKey(key: Bytes): V {
    return instantiate<V>(new Place(this.__place.draft, this.__place, key))
  }

  /** Add this key with its value's default; nothing where it is there. Any operation on `at(key)` adds it, too. */
  create(key: string): void {
    this.createKey(elementOf(key))
  }

  createKey(key: Bytes): void {
    this.atKey(key).__place.ensure()
  }

  /** Those that the view holds, ascending by their bytes. */
  keys(): string[] {
    return texts(this.rawKeys())
  }

  rawKeys(): Bytes[] {
    const content = this.__place.settled()
    return content === null ? [] : content.keys
  }

  remove(key: string): void {
    this.removeKey(elementOf(key))
  }

  removeKey(key: Bytes): void {
    this.__place.ensure().remove(key)
    this.write(6, key)
  }

  clear(): void {
    this.__place.ensure().clear()
    this.flag(7)
  }
}

function texts(list: Bytes[]): string[] {
  const all: string[] = []
  for (let i = 0; i < list.length; i++) all.push(textOf(unchecked(list[i])))
  return all
}

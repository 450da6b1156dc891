// Views: what a handler reads of a replicated value, and what makes its operations.
//
// V1. A value that does not exist yet reads as its default (§replica-2); an operation on it creates it (operation.O1).
// V2. Nothing is guessed: looking for an element that the method's view does not hold throws, and says how to declare it.

import type { ElementCodec } from './codec.ts'
import { keyOf } from './codec.ts'
import type { Content, KindNumber } from './content.ts'
import { type Entries, kindNames, kinds, Undecidable } from './content.ts'
import type { Change, Clock, Place } from './operation.ts'
import { fields, Operation } from './operation.ts'

/** A counter. A GCounter refuses negative amounts. */
export interface CounterView {
  readonly value: bigint
  /** A number must be whole, and exact. */
  add(amount: bigint | number): Operation
}

export interface GSetView<T> extends Iterable<T> {
  readonly size: number
  has(element: T): boolean
  add(element: T): Operation
}

export interface ORSetView<T> extends GSetView<T> {
  remove(element: T): Operation
  clear(): Operation
}

export interface SetOptions {
  /** Which of two writes wins: the later (default), the earlier (`reverse`), or the one with the greater `at`. */
  readonly clock?: Clock
  /** For the custom clocks; a number must be whole, and exact. */
  readonly at?: bigint | number
}

export interface RegisterView<T> {
  readonly value: T
  set(value: T, options?: SetOptions): Operation
}

export interface FlagView {
  readonly enabled: boolean
  /** For good. */
  enable(): Operation
}

export interface ORMapView<K, V> extends Iterable<readonly [K, V]> {
  readonly size: number
  has(key: K): boolean
  /** The value of a key; of one that is not there, a view to create it with. */
  at(key: K): V
  /** Add this key with its value's default; nothing where it is there. Any operation on `at(key)` adds it, too. */
  create(key: K): Operation
  keys(): Iterable<K>
  remove(key: K): Operation
  clear(): Operation
}

/** A vote of each node, not of each client. */
export interface VoteView {
  readonly self: boolean
  readonly votesFor: number
  readonly voters: number
  vote(self: boolean): Operation
}

/** A value, or the lack of one, and its place. */
export interface Node {
  readonly content: Content | undefined
  readonly place: Place
}

/** The content, if it is of this kind. @throws TypeError if the host has another, Undecidable if only it knows. */
function contentOf<K extends KindNumber>(
  { content }: Node,
  kind: K,
): Extract<Content, { readonly kind: K }> | undefined {
  if (content === undefined || content.kind === kind) return content as never
  if (content.kind === 0) throw new Undecidable()
  throw new TypeError(`the value is a ${kindNames[content.kind]}, not a ${kindNames[kind]}`)
}

export class CounterReader implements CounterView {
  private readonly node: Node
  private readonly kind: 1 | 2

  constructor(node: Node, kind: 1 | 2) {
    this.node = node
    this.kind = kind
  }

  get value(): bigint {
    return contentOf(this.node, this.kind)?.value ?? 0n
  }

  add(by: bigint | number): Operation {
    const amount = exactly(by)
    if (this.kind === kinds.pnCounter) return new Operation(this.node.place, { field: fields.add, amount })
    if (amount < 0n) throw new RangeError(`a GCounter only grows, and cannot add ${amount}`)
    return new Operation(this.node.place, { field: fields.increment, amount })
  }
}

/** @throws RangeError for a number that is not whole, or past where numbers are exact. */
function exactly(amount: bigint | number): bigint {
  if (typeof amount === 'bigint') return amount
  if (Number.isSafeInteger(amount)) return BigInt(amount)
  throw new RangeError(`${amount} is no whole number that is exact`)
}

const notHeld = 'the view of this method does not hold this element; declare it in `views`'

/** What sets and maps share. */
abstract class Collection<K> {
  protected readonly node: Node
  protected readonly codec: ElementCodec<K>
  private readonly kind: 3 | 4 | 7

  constructor(node: Node, codec: ElementCodec<K>, kind: 3 | 4 | 7) {
    this.node = node
    this.codec = codec
    this.kind = kind
  }

  get size(): number {
    return this.entries?.size ?? 0
  }

  has(element: K): boolean {
    return this.find(keyOf(this.codec.encode(element))) !== undefined
  }

  remove(element: K): Operation {
    return this.operation({ field: fields.remove, element: this.codec.encode(element) })
  }

  clear(): Operation {
    return this.operation({ field: fields.clear })
  }

  protected operation(change: Change): Operation {
    return new Operation(this.node.place, change)
  }

  protected get entries(): Entries | undefined {
    return contentOf(this.node, this.kind) as Entries | undefined
  }

  protected find(key: string): ReturnType<Entries['get']> {
    const { entries } = this
    if (entries === undefined) return undefined
    if (!entries.knows(key)) {
      throw new TypeError(notHeld)
    }
    return entries.get(key)
  }
}

export class SetReader<T> extends Collection<T> implements ORSetView<T> {
  add(element: T): Operation {
    return this.operation({ field: fields.insert, element: this.codec.encode(element) })
  }

  *[Symbol.iterator](): Iterator<T> {
    const { entries } = this
    if (entries !== undefined) for (const { key } of entries.all()) yield this.codec.decode(key)
  }
}

export class RegisterReader<T> implements RegisterView<T> {
  private readonly node: Node
  private readonly codec: ElementCodec<T>
  private readonly initial: T

  constructor(node: Node, codec: ElementCodec<T>, initial: T) {
    this.node = node
    this.codec = codec
    this.initial = initial
  }

  get value(): T {
    const content = contentOf(this.node, kinds.lwwRegister)
    // A copy: the author's code may change what it gets, and all entities have the same initial value.
    if (content === undefined) return this.codec.decode(this.codec.encode(this.initial))
    if (content.value === undefined) throw new Undecidable()
    return this.codec.decode(content.value)
  }

  set(value: T, { clock = 'default', at = 0n }: SetOptions = {}): Operation {
    const change = { field: fields.assign, value: this.codec.encode(value), clock, customClock: exactly(at) }
    return new Operation(this.node.place, change)
  }
}

export class FlagReader implements FlagView {
  private readonly node: Node

  constructor(node: Node) {
    this.node = node
  }

  get enabled(): boolean {
    return contentOf(this.node, kinds.flag)?.enabled ?? false
  }

  enable(): Operation {
    return new Operation(this.node.place, { field: fields.enable })
  }
}

export class VoteReader implements VoteView {
  private readonly node: Node

  constructor(node: Node) {
    this.node = node
  }

  get self(): boolean {
    return this.content?.self ?? false
  }

  get votesFor(): number {
    return this.content?.votesFor ?? 0
  }

  get voters(): number {
    return this.content?.voters ?? 1
  }

  vote(self: boolean): Operation {
    return new Operation(this.node.place, { field: fields.vote, vote: self })
  }

  private get content(): Extract<Content, { readonly kind: 8 }> | undefined {
    return contentOf(this.node, kinds.vote)
  }
}

/** How a map opens the value of a key. */
type Opener<K, V> = (key: K) => { readonly number: KindNumber; open(node: Node): V; initial?(): Uint8Array }

export class MapReader<K, V> extends Collection<K> implements ORMapView<K, V> {
  private readonly opener: Opener<K, V>

  constructor(node: Node, codec: ElementCodec<K>, opener: Opener<K, V>) {
    super(node, codec, kinds.orMap)
    this.opener = opener
  }

  at(key: K): V {
    const bytes = this.codec.encode(key)
    const name = keyOf(bytes)
    const { entries } = this
    // An operation needs no look at the value; reading one that the view does not hold is told when it is read.
    const content = entries === undefined || entries.knows(name) ? entries?.get(name)?.value : missing
    return this.opened(key, bytes, content)
  }

  create(key: K): Operation {
    const kind = this.opener(key)
    const bytes = this.codec.encode(key)
    const initial = kind.initial?.()
    const writes = initial !== undefined && initial.length > 0
    const { entries } = this
    const name = keyOf(bytes)
    // Else it could be there: a first value would take the place of what it holds.
    if (writes && entries?.knows(name) === false) throw new TypeError(notHeld)
    const exists = this.node.place.exists && entries?.get(name) !== undefined
    const place = { outer: this.node.place, key: bytes, kind: kind.number, exists }
    return new Operation(place, { field: fields.create, initial: writes ? initial : undefined })
  }

  *keys(): Generator<K> {
    const { entries } = this
    if (entries !== undefined) for (const { key } of entries.all()) yield this.codec.decode(key)
  }

  *[Symbol.iterator](): Iterator<readonly [K, V]> {
    const { entries } = this
    if (entries === undefined) return
    for (const { key: bytes, value } of entries.all()) {
      const key = this.codec.decode(bytes)
      yield [key, this.opened(key, bytes, value)]
    }
  }

  private opened(key: K, bytes: Uint8Array, content: Content | undefined | typeof missing): V {
    const kind = this.opener(key)
    const outer = this.node.place
    const exists = content !== undefined && content !== missing && outer.exists
    return kind.open({
      content: content === missing ? unknown : content,
      place: { outer, key: bytes, kind: kind.number, exists },
    })
  }
}

const unknown: Content = { kind: 0 }
const missing = Symbol('missing')

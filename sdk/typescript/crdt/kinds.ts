// Kinds: the description of a replicated value, from which its views and operations get their types.
//
// Each is a function, so that a component holds the code of the kinds that it has.

import type { Element } from './codec.ts'
import { codecOf, text } from './codec.ts'
import type { KindNumber } from './content.ts'
import { kinds } from './content.ts'
import type { CounterView, FlagView, GSetView, Node, ORMapView, ORSetView, RegisterView, VoteView } from './view.ts'
import { CounterReader, FlagReader, MapReader, RegisterReader, SetReader, VoteReader } from './view.ts'

declare const plain: unique symbol
declare const element: unique symbol

/** A kind of replicated value. `Plain` is how tests write such a value down, `E` its elements or keys. */
export interface Kind<View, Plain, E = never> {
  readonly number: KindNumber
  readonly [plain]?: Plain
  readonly [element]?: (element: E) => void
  open(node: Node): View
  /** Bytes of an element, of a key, or of what a register holds. */
  encode?(value: unknown): Uint8Array
  /** Bytes of a register's first value. */
  initial?(): Uint8Array
  /** Of the value of a key. */
  inside?(key: unknown): AnyKind
}

// biome-ignore lint/suspicious/noExplicitAny: a kind of anything
export type AnyKind = Kind<any, any, never>
export type ViewOf<K> = K extends { open(node: Node): infer View } ? View : never
export type PlainOf<K> = K extends { readonly [plain]?: infer Plain } ? Exclude<Plain, undefined> : never
export type ElementOf<K> = K extends { readonly [element]?: (element: infer E) => void } ? E : never

/** Only grows. */
export function gCounter(): Kind<CounterView, bigint> {
  return { number: kinds.gCounter, open: (node) => new CounterReader(node, kinds.gCounter) }
}

export function pnCounter(): Kind<CounterView, bigint> {
  return { number: kinds.pnCounter, open: (node) => new CounterReader(node, kinds.pnCounter) }
}

/** A set that only grows. */
export function gSet<T>(element: Element<T>): Kind<GSetView<T>, Iterable<T>, T> {
  const codec = codecOf(element)
  return {
    number: kinds.gSet,
    open: (node) => new SetReader(node, codec, kinds.gSet),
    encode: (value) => codec.encode(value as T),
  }
}

/** A set. An element that is added and removed at the same time is in it. */
export function orSet<T>(element: Element<T>): Kind<ORSetView<T>, Iterable<T>, T> {
  const codec = codecOf(element)
  return {
    number: kinds.orSet,
    open: (node) => new SetReader(node, codec, kinds.orSet),
    encode: (value) => codec.encode(value as T),
  }
}

/** A value of which the last write wins. As an entity it is written when the first command meets it, with `initial`. */
export function lwwRegister<T>(value: Element<T>, initial: T): Kind<RegisterView<T>, T> {
  const codec = codecOf(value)
  return {
    number: kinds.lwwRegister,
    open: (node) => new RegisterReader(node, codec, initial),
    encode: (written) => codec.encode(written as T),
    initial: () => codec.encode(initial),
  }
}

/** Off, and once on, on for good. */
export function flag(): Kind<FlagView, boolean> {
  return { number: kinds.flag, open: (node) => new FlagReader(node) }
}

export interface PlainVote {
  readonly self: boolean
  readonly votesFor?: number
  readonly voters?: number
}

/** A vote of each node. */
export function vote(): Kind<VoteView, PlainVote> {
  return { number: kinds.vote, open: (node) => new VoteReader(node) }
}

/** A map whose values are replicated values, of one kind or of the one that the key says. */
export function orMap<K, V extends AnyKind>(
  key: Element<K>,
  value: V | ((key: K) => V),
): Kind<ORMapView<K, ViewOf<V>>, Iterable<readonly [K, PlainOf<V>]>, K> {
  const codec = codecOf(key)
  const inside = typeof value === 'function' ? value : () => value
  return {
    number: kinds.orMap,
    open: (node) => new MapReader<K, ViewOf<V>>(node, codec, inside),
    encode: (name) => codec.encode(name as K),
    inside: (name) => inside(name as K),
  }
}

/** A map with known keys, each with a kind of its own: `record({ title: lwwRegister(text, ''), tags: orSet(text) })`. */
export function record<F extends Readonly<Record<string, AnyKind>>>(
  members: F,
): Kind<
  { readonly [Name in keyof F]: ViewOf<F[Name]> },
  { readonly [Name in keyof F]?: PlainOf<F[Name]> },
  keyof F & string
> {
  const inside = (name: string): AnyKind => members[name]!
  return {
    number: kinds.orMap,
    open(node) {
      const map = new MapReader<string, unknown>(node, text, inside)
      const views = {}
      for (const name of Object.keys(members)) Object.defineProperty(views, name, { get: () => map.at(name) })
      return views as { readonly [Name in keyof F]: ViewOf<F[Name]> }
    },
    encode: (name) => text.encode(name as string),
    inside: (name) => inside(name as string),
  }
}

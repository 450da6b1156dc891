// What generated code imports. Not for authors: it changes with the generator.

export { MalformedError } from './codec/errors.ts'
export type { Init, MessageType, Method, ServiceType, Shape } from './codec/message.ts'
export { message, method, service } from './codec/message.ts'
export { Reader } from './codec/reader.ts'
export { Writer } from './codec/writer.ts'

// Aliases, so that a message called `Map` or `Uint8Array` shadows nothing that generated code needs.
export type Bytes = Uint8Array
export type Dictionary<K, V> = ReadonlyMap<K, V>

export function newMap<K, V>(from?: ReadonlyMap<K, V>): Map<K, V> {
  return from === undefined ? new Map<K, V>() : new Map(from)
}

export const noBytes: Bytes = new Uint8Array(0)
export const fround: (value: number) => number = Math.fround

export function isNegativeZero(value: number): boolean {
  return Object.is(value, -0)
}

export function copyBytes(bytes: Bytes): Bytes {
  return new Uint8Array(bytes)
}

export function copyList<T, U>(list: readonly T[] | undefined, copy: (item: T) => U): readonly U[] {
  return list === undefined ? [] : list.map((item) => copy(item))
}

export function copyMap<K, V, W>(
  map: ReadonlyMap<K, V> | undefined,
  copyKey: (key: K) => K,
  copyValue: (value: V) => W,
): ReadonlyMap<K, W> {
  const copy = new Map<K, W>()
  if (map !== undefined) for (const [key, value] of map) copy.set(copyKey(key), copyValue(value))
  return copy
}

/** A oneof as generated code looks at it: of one with hundreds of members the compiler would narrow the type for each member anew. */
export interface Case {
  readonly case: string
  // biome-ignore lint/suspicious/noExplicitAny: what it is, the case says.
  readonly value: any
}

/** @throws RangeError for a case that the oneof does not have. */
export function noCase(value: Case): never {
  throw new RangeError(`a oneof has no case ${JSON.stringify(value.case)}`)
}

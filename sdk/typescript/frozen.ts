// Frozen: values that the author's code sees and the SDK goes on using, in Node. A change of one throws, or reaches a copy only. The
// engine has its own (engine/src/freeze.c).
//
// Z1. Objects and arrays are frozen, maps and sets refuse to be changed: a change throws in the line that makes it.
// Z2. Bytes cannot be frozen: what is kept is a copy of its own, and whoever reads it out gets another, the same one until `startOver`.
// Z3. What is frozen is not walked again, so a new state that shares most of an old one costs what is new.
// Z4. What the author froze is copied: it may hold what is not frozen.

const { freeze, isExtensible } = Object

/** Frozen here, with all they hold. */
const ours = new WeakSet<object>()

/** Freeze a value and all it holds. What comes back is another object where the author froze it, and other bytes. */
export function deepFreeze<T>(value: T): T {
  return (typeof value === 'object' && value !== null ? frozenOf(value) : value) as T
}

interface Lent {
  readonly turn: number
  readonly bytes: Uint8Array
}

let turn = 0
const copies = new WeakMap<Uint8Array, Lent>()

/** From here on, bytes that were lent are lent anew: what was written into them is gone. */
export function startOver(): void {
  turn += 1
}

/** What the author's code gets of a frozen value: itself, or a copy of bytes. */
export function lent<T>(value: T): T {
  if (!(value instanceof Uint8Array)) return value
  let copy = copies.get(value)
  if (copy?.turn !== turn) {
    copy = { turn, bytes: value.slice() }
    copies.set(value, copy)
  }
  return copy.bytes as T
}

function frozenOf(value: object): object {
  if (ours.has(value)) return value
  // The commonest kinds first.
  const plain = Object.getPrototypeOf(value) === Object.prototype
  if (!plain && value instanceof Uint8Array) return value.slice()
  if (!plain && ArrayBuffer.isView(value)) return value
  const own = isExtensible(value) ? value : shallowCopy(value)
  if (plain) freezeRecord(own as Record<string, unknown>)
  else if (Array.isArray(own)) freezeArray(own)
  else if (own instanceof Map) freezeMap(own)
  else if (own instanceof Set) freezeSet(own)
  else freezeRecord(own as Record<string, unknown>)
  freeze(own)
  ours.add(own)
  return own
}

function shallowCopy(value: object): object {
  if (Array.isArray(value)) return value.slice()
  if (value instanceof Map) return new Map(value)
  if (value instanceof Set) return new Set(value)
  return { ...value }
}

function freezeArray(array: unknown[]): void {
  for (let index = 0; index < array.length; index++) {
    const item = array[index]
    if (typeof item !== 'object' || item === null || ours.has(item)) continue
    const kept = frozenOf(item)
    if (kept instanceof Uint8Array) Object.defineProperty(array, index, lending(kept))
    else if (kept !== item) array[index] = kept
  }
}

function freezeRecord(record: Record<string, unknown>): void {
  // Names are only asked for where they are needed: most records hold plain values.
  const items = Object.values(record)
  let names: string[] | undefined
  for (let index = 0; index < items.length; index++) {
    const item = items[index]
    if (typeof item !== 'object' || item === null || ours.has(item)) continue
    names ??= Object.keys(record)
    const name = names[index]!
    const kept = frozenOf(item)
    if (kept instanceof Uint8Array) Object.defineProperty(record, name, lending(kept))
    else if (kept !== item) record[name] = kept
  }
}

function lending(bytes: Uint8Array): PropertyDescriptor {
  return { get: () => lent(bytes), enumerable: true, configurable: true }
}

function freezeMap(map: Map<unknown, unknown>): void {
  const entries = [...map].map(([key, item]) => [deepFreeze(key), deepFreeze(item)] as const)
  map.clear()
  for (const [key, item] of entries) map.set(key, item)
  Object.setPrototypeOf(map, FrozenMap.prototype)
}

function freezeSet(set: Set<unknown>): void {
  const items = [...set].map(deepFreeze)
  set.clear()
  for (const item of items) set.add(item)
  Object.setPrototypeOf(set, FrozenSet.prototype)
}

function refuse(): never {
  throw new TypeError('a frozen map or set cannot be changed; make a new one')
}

class FrozenMap extends Map<unknown, unknown> {
  override get(key: unknown): unknown {
    return lent(super.get(key))
  }

  override *entries(): MapIterator<[unknown, unknown]> {
    for (const [key, item] of super.entries()) yield [lent(key), lent(item)]
  }

  override *keys(): MapIterator<unknown> {
    for (const key of super.keys()) yield lent(key)
  }

  override *values(): MapIterator<unknown> {
    for (const item of super.values()) yield lent(item)
  }

  override [Symbol.iterator](): MapIterator<[unknown, unknown]> {
    return this.entries()
  }

  override forEach(tell: (item: unknown, key: unknown, map: Map<unknown, unknown>) => void, self?: unknown): void {
    super.forEach((item, key) => {
      tell.call(self, lent(item), lent(key), this)
    })
  }

  override set(): this {
    return refuse()
  }

  override delete(): boolean {
    return refuse()
  }

  override clear(): void {
    refuse()
  }
}

class FrozenSet extends Set<unknown> {
  override *entries(): SetIterator<[unknown, unknown]> {
    for (const item of this.values()) yield [item, item]
  }

  override keys(): SetIterator<unknown> {
    return this.values()
  }

  override *values(): SetIterator<unknown> {
    for (const item of super.values()) yield lent(item)
  }

  override [Symbol.iterator](): SetIterator<unknown> {
    return this.values()
  }

  override forEach(tell: (item: unknown, key: unknown, set: Set<unknown>) => void, self?: unknown): void {
    super.forEach((item) => {
      const given = lent(item)
      tell.call(self, given, given, this)
    })
  }

  override add(): this {
    return refuse()
  }

  override delete(): boolean {
    return refuse()
  }

  override clear(): void {
    refuse()
  }
}

// Frozen: values that the author's code sees and the SDK goes on using. A change of one throws, or reaches a copy only.
//
// Z1. Objects and arrays are frozen, maps and sets refuse to be changed: a change throws in the line that makes it.
// Z2. Bytes cannot be frozen: whoever reads them out of a frozen value gets a copy each time.
// Z3. What is frozen is not walked again, so a new state that shares most of an old one costs what is new.

// Asks whether a value is frozen already a tenth as long as Object.isFrozen does, in QuickJS.
const { isExtensible, freeze } = Object

/** Freeze a value and all it holds. Bytes that are the value itself stay as they are: see `lent`. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && isExtensible(value)) freezeNew(value)
  return value
}

/** What the author's code gets of a frozen value: itself, or a copy of bytes. */
export function lent<T>(value: T): T {
  return (value instanceof Uint8Array ? value.slice() : value) as T
}

function freezeNew(value: object): void {
  if (Array.isArray(value)) freezeArray(value)
  else if (value instanceof Map) freezeMap(value)
  else if (value instanceof Set) freezeSet(value)
  else if (!ArrayBuffer.isView(value)) freezeRecord(value as Record<string, unknown>)
}

function freezeArray(array: unknown[]): void {
  for (let index = 0; index < array.length; index++) {
    const item = array[index]
    if (typeof item !== 'object' || item === null || !isExtensible(item)) continue
    if (item instanceof Uint8Array) Object.defineProperty(array, index, copying(item))
    else freezeNew(item)
  }
  freeze(array)
}

function freezeRecord(record: Record<string, unknown>): void {
  for (const key in record) {
    const item = record[key]
    if (typeof item !== 'object' || item === null || !isExtensible(item)) continue
    if (item instanceof Uint8Array) Object.defineProperty(record, key, copying(item))
    else freezeNew(item)
  }
  freeze(record)
}

function copying(bytes: Uint8Array): PropertyDescriptor {
  return { get: () => bytes.slice(), enumerable: true, configurable: true }
}

function freezeMap(map: Map<unknown, unknown>): void {
  for (const [key, item] of map) {
    deepFreeze(key)
    deepFreeze(item)
  }
  Object.setPrototypeOf(map, FrozenMap.prototype)
  freeze(map)
}

function freezeSet(set: Set<unknown>): void {
  for (const item of set) deepFreeze(item)
  Object.setPrototypeOf(set, FrozenSet.prototype)
  freeze(set)
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

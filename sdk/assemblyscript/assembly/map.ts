// Maps of messages: keys in ascending order, so that the same map has the same bytes.

/** For `optional` scalars and members of a oneof: null is absent. */
@final
export class Box<T> {
  constructor(public value: T) {}
}

/** Keys in the order that they are written: numbers by size, texts by their UTF-8. */
export function sortedKeys<K, V>(map: Map<K, V>): K[] {
  return map.keys().sort((a: K, b: K): i32 => {
    if (isString<K>()) return compareText(changetype<string>(a), changetype<string>(b))
    return a < b ? -1 : a > b ? 1 : 0
  })
}

/** The order of UTF-8 bytes, which for surrogates is not that of UTF-16 units. */
function compareText(a: string, b: string): i32 {
  const length = min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const one = <u32>a.charCodeAt(i)
    const other = <u32>b.charCodeAt(i)
    if (one != other) return <i32>(weight(one) - weight(other))
  }
  return a.length - b.length
}

function weight(unit: u32): u32 {
  if (unit < 0xd800) return unit
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800
}

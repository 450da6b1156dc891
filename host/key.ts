// Key: what names an entity inside the host, and what callers see of it.
//
// K1. No two lists of key fields have the same key (§key-3): NUL NUL between the fields, NUL in a value becomes NUL SOH.
//     One field, the usual case, is its own key.
// K2. Callers and guests see the fields joined by "-": ambiguous ("a-b","c" meets "a","b-c"), and kept, since callers rely on
//     it (§key-2).
//
// Owns: both forms.   schema/entity-key.ts owns: reading the fields.   The journal owns: what a key looks like on disk.

export function joinKey(fields: readonly string[]): string {
  if (fields.length === 1) return fields[0]!
  return fields.map((field) => field.replaceAll('\0', '\0\u0001')).join('\0\0')
}

/** The fields of a key. `count`: how many the service has. */
export function splitKey(key: string, count: number): readonly string[] {
  if (count === 1) return [key]
  return key.split('\0\0').map((field) => field.replaceAll('\0\u0001', '\0'))
}

/** The id that callers and guests see (K2). */
export function entityId(key: string, count: number): string {
  return count === 1 ? key : splitKey(key, count).join('-')
}

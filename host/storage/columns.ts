// Columns: the column families of the store, by name. What lies in each, under which keys: journal/keys.ts.

export const columns = [
  'default',
  'journal',
  'commits',
  'snapshots',
  'components',
  'idempotency',
  'outbox',
  'bases',
  'subscriptions',
  'pending',
  'tickets',
] as const
export type Column = (typeof columns)[number]

/** First key after all that start with `prefix`. */
export function after(prefix: Buffer): Buffer {
  const end = Buffer.from(prefix)
  for (let at = end.length - 1; at >= 0; at--) {
    if (end[at]! < 255) {
      end[at] = end[at]! + 1
      return end.subarray(0, at + 1)
    }
  }
  throw new Error('a prefix of FF only has no end')
}

// Reading: fields of a protobuf message by their numbers, for descriptors, which are read by hand (raw.ts).

import { WireCursor, WireError, wireType } from './wire.ts'

const itemsMax = 50_000

/** What may still be read of one descriptor set. */
export interface Budget {
  items: number
}

export function newBudget(): Budget {
  return { items: itemsMax }
}

type OnField = (field: number, cursor: WireCursor, type: number) => void

export function eachField(bytes: Uint8Array, on: OnField): void {
  const cursor = new WireCursor(bytes)
  while (!cursor.done) {
    const tag = cursor.tag()
    on(tag >>> 3, cursor, tag & 7)
  }
}

/** Handlers by field number; a field of another wire type than its handler's is skipped like an unknown one. */
type Handlers = Record<number, readonly [type: number, read: (cursor: WireCursor) => void]>

export function readWith(bytes: Uint8Array, handlers: Handlers): void {
  eachField(bytes, (field, cursor, type) => {
    const handler = handlers[field]
    if (handler !== undefined && handler[0] === type) handler[1](cursor)
    else cursor.skip(type)
  })
}

export const text = (set: (value: string) => void) => [wireType.bytes, (c: WireCursor) => set(c.string())] as const
export const part = (set: (value: Uint8Array) => void) => [wireType.bytes, (c: WireCursor) => set(c.view())] as const
export const int = (set: (value: number) => void) =>
  [wireType.varint, (c: WireCursor) => set(c.varint32() | 0)] as const
export const flag = (set: (value: boolean) => void) =>
  [wireType.varint, (c: WireCursor) => set(c.varint64() !== 0n)] as const

export function spend(budget: Budget): void {
  budget.items -= 1
  if (budget.items < 0) throw new WireError(`more than ${itemsMax} descriptors`, 0)
}

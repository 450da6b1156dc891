// Cells: what every peer is asked in each round, in this order.

import type { Work } from './peer.ts'

export interface Cell {
  readonly name: string
  readonly kind: 'closed' | 'open' | 'pipelined'
  readonly work: Work
  readonly connections: number
  readonly keys: number
  /** Of the text of a note. */
  readonly bytes?: number
  /** Of open: requests a second. */
  readonly rate?: number
  /** Of pipelined: commands on each connection. */
  readonly inFlight?: number
}

export const keys = 1_000
const closed = (connections: number): Cell => ({
  name: connections === 1 ? '1 connection' : `${connections} connections`,
  kind: 'closed',
  work: 'counter',
  connections,
  keys,
})
const notes = (bytes: number, name: string): Cell => ({ ...closed(64), name, work: 'notes', bytes })
const open = (rate: number): Cell => ({
  ...closed(256),
  name: `${rate.toLocaleString('en')} adds a second offered`,
  kind: 'open',
  rate,
})

export const alone = closed(1)
/** Whose processor time, bytes and flushes are shown. */
export const busy = closed(64)
export const hot: Cell = { ...closed(64), name: 'one hot key, 64 connections', keys: 1 }
export const pipelined: Cell = {
  ...closed(64),
  name: 'pipelined, 64 connections, 40 in flight on each',
  kind: 'pipelined',
  inFlight: 40,
}

export const cells: readonly Cell[] = [
  alone,
  closed(16),
  busy,
  closed(256),
  hot,
  pipelined,
  open(500),
  open(5_000),
  notes(100, 'notes of 100 B, 64 connections'),
  notes(10_000, 'notes of 10 KB, 64 connections'),
]

export function bodyOf({ bytes }: Cell): string {
  return JSON.stringify(bytes === undefined ? { amount: 1 } : { text: 'x'.repeat(bytes) })
}

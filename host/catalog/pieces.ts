// Pieces: components and modules that are too long for one write, which holds the loop for as long as it takes. Rows of `components`:
//
//   <key>                          -> the value, where it has at most `pieceBytes`
//   piece/<key>/<at>-<pieces>      -> framed, a piece of it; both numbers with six digits
//
// P1. A value is there as a whole or not at all: one that lacks a piece is none. A key's value never changes, so that pieces of a write that
//     was not finished are right in the next one, too.
//
// Owns: cutting, and putting together.   The catalog owns: when, and what a value is.

import { frame, unframe } from '../journal/record.ts'
import { after } from '../storage/columns.ts'
import type { Kv, Write } from '../storage/kv.ts'

export const pieceBytes = 4 * 1024 * 1024

const column = 'components'
const piecesMax = 1_000_000

/** One after the other. */
export function* longWrites(key: string, value: Uint8Array): Generator<Write> {
  const count = Math.ceil(value.length / pieceBytes)
  if (count <= 1) {
    yield [column, Buffer.from(key), Buffer.from(value)]
    return
  }
  for (let at = 0; at < count; at++) {
    const piece = value.subarray(at * pieceBytes, (at + 1) * pieceBytes)
    yield [column, Buffer.from(`${prefixOf(key)}${digits(at)}-${digits(count)}`), frame(piece)]
  }
}

/** @throws DamagedValue */
export function readLong(kv: Pick<Kv, 'get' | 'range'>, key: string): Buffer | undefined {
  const whole = kv.get(column, Buffer.from(key))
  if (whole !== undefined) return whole
  const from = Buffer.from(prefixOf(key))
  const rows = kv.range(column, { from, to: after(from), limit: piecesMax })
  if (rows.length === 0 || countOf(rows[0]!) * 2 !== rows.length) return undefined
  return Buffer.concat(rows.filter((_, at) => at % 2 === 1).map(unframe))
}

/** Is it there? Nothing of it is read. */
export function hasLong(kv: Pick<Kv, 'get' | 'range'>, key: string): boolean {
  const whole = Buffer.from(key)
  if (kv.range(column, { from: whole, to: Buffer.concat([whole, Buffer.of(0)]), limit: 1, keysOnly: true }).length > 0)
    return true
  const from = Buffer.from(prefixOf(key))
  const rows = kv.range(column, { from, to: after(from), limit: piecesMax, keysOnly: true })
  return rows.length > 0 && countOf(rows[0]!) * 2 === rows.length
}

function prefixOf(key: string): string {
  return `piece/${key}/`
}

function digits(number: number): string {
  return String(number).padStart(6, '0')
}

function countOf(key: Buffer): number {
  return Number(key.toString('latin1').slice(-6))
}

// Erasures: ranges that a commit deletes, written down in it until they are gone (rocksdb.D7).
//
//   default   erase/<number>   -> [{"column":"journal","from":"00ff","to":"01"},...]   hex
//
// Owns: the rows.   rocksdb.ts owns: the deleting.

import { after } from '../storage/columns.ts'
import { DamagedValue } from '../storage/damage.ts'
import type { Clear, Range, Write } from '../storage/kv.ts'
import { frame, unframe } from './record.ts'

const prefix = Buffer.from('erase/')

export class Erasures {
  private last = 0

  /** A name for the next one. */
  next(): Buffer {
    this.last += 1
    return Buffer.from(`erase/${String(this.last).padStart(10, '0')}`)
  }

  /** What is to be deleted, for the commit. */
  write(name: Buffer, clears: readonly Clear[]): Write {
    const rows = clears.map(({ column, from, to }) => ({ column, from: from.toString('hex'), to: to.toString('hex') }))
    return ['default', name, frame(Buffer.from(JSON.stringify(rows)))]
  }

  over(name: Buffer): Write {
    return ['default', name, undefined]
  }

  /** What was not finished. A row that is damaged is passed over: the data stays, and a purge can be asked for again. */
  left(read: (range: Range) => Buffer[]): readonly (readonly [name: Buffer, clears: readonly Clear[]])[] {
    const found: [Buffer, readonly Clear[]][] = []
    try {
      const rows = read({ from: prefix, to: after(prefix), limit: 1_000 })
      for (let at = 0; at < rows.length; at += 2) {
        this.last = Math.max(this.last, Number(rows[at]!.toString().slice(prefix.length)))
        const clears = JSON.parse(unframe(rows[at + 1]!).toString()) as { [name in keyof Clear]: string }[]
        found.push([
          rows[at]!,
          clears.map(({ column, from, to }) => ({
            column: column as Clear['column'],
            from: Buffer.from(from, 'hex'),
            to: Buffer.from(to, 'hex'),
          })),
        ])
      }
    } catch (error) {
      if (!(error instanceof DamagedValue)) throw error
    }
    return found
  }
}

// Runs: which run of a host wrote a commit. So one history of a partition is told from another: a journal that was restored and went on has
// other commits under the same numbers.
//
//   default   run/<number of its first commit>   -> "6f1c0a…"      64 bits of chance
//
// Q1. A run writes each number once: a journal that is opened, or opened again after a failure, begins another one.
// Q2. A run's row is in its first commit, so commits themselves say nothing of it.
// Q3. Two histories that have commit N of the same run have the same commits up to N.
//
// Owns: the rows.   host/feed owns: what follows from another history.

import { randomBytes } from 'node:crypto'
import type { Kv, Write } from '../storage/kv.ts'
import { frame, unframe } from './record.ts'

export class Runs {
  private readonly kv: Pick<Kv, 'range'>
  private readonly id: string
  private begun = false

  constructor(kv: Pick<Kv, 'range'>, id: () => string = randomId) {
    this.kv = kv
    this.id = id()
  }

  /** What goes with this run's first commit. */
  begin(commit: number): Write | undefined {
    if (this.begun) return undefined
    this.begun = true
    return ['default', runKey(commit), frame(Buffer.from(JSON.stringify(this.id)))]
  }

  /** Empty for commits from before runs were noted, and for 0. @throws DamagedValue */
  of(commit: number): string {
    const [, row] = this.kv.range('default', { from: runKey(0), to: runKey(commit + 1), reverse: true, limit: 1 })
    return row === undefined ? '' : (JSON.parse(unframe(row).toString()) as string)
  }
}

/** That runs which began before `commit` have no commit at or behind it: all such rows but the last can go. */
export function runsBefore(kv: Pick<Kv, 'range'>, commit: number, max: number): readonly Buffer[] {
  const rows = kv.range('default', { from: runKey(0), to: runKey(commit + 1), limit: max, keysOnly: true })
  return rows.filter((_, at) => at % 2 === 0).slice(0, -1)
}

function randomId(): string {
  return randomBytes(8).toString('hex')
}

function runKey(commit: number): Buffer {
  return Buffer.from(`run/${String(commit).padStart(16, '0')}`)
}

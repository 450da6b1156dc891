// Marks: at which commit a partition was at what age of the directory, and how many bytes its commits took until then. So that commits, which
// say neither, are known by age and weight.
//
// M1. A mark is set now and then, in a commit. What was committed since the last one is known while the host runs; a start takes it for
//     as heavy as the newest commits are.
// M2. Marks lie `spacingMs` apart, or somewhat less. Those of trimmed commits go; of more than so many every other one of the older half
//     does: a consumer that is far behind holds them. Between two marks bytes are taken to grow evenly.
//
// Owns: the estimate.   trimming.ts owns: what follows from it.

import type { Journal } from '../journal/journal.ts'
import { commitKey } from '../journal/keys.ts'
import type { Rows } from '../journal/rows.ts'
import { read, write } from '../journal/rows.ts'
import { DamagedBlock } from '../storage/damage.ts'
import type { Write } from '../storage/kv.ts'

type Mark = readonly [commit: number, bytes: number, ageMs: number]

const key = 'feed/marks'
const marksMax = 128
/** Of the newest commits, for what they weigh. */
const sampleRows = 64

type Weighed = Pick<Journal, 'commitBytes' | 'lastCommit' | 'rows'>

export class Marks {
  private readonly journal: Weighed
  private readonly spacingMs: number
  private marks: readonly Mark[]
  /** Bytes of all commits when the journal had counted none. */
  private readonly before: number

  constructor(journal: Weighed, spacingMs: number) {
    this.journal = journal
    this.spacingMs = spacingMs
    const { rows } = journal
    const last = journal.lastCommit()
    // Those of another journal, that went on from here, are of no use.
    this.marks = (read<readonly Mark[]>(rows, key) ?? []).filter(([commit]) => commit <= last)
    const [commit, bytes] = this.marks.at(-1) ?? [0, 0]
    this.before = bytes + (last - commit) * weightOf(rows, last) - journal.commitBytes
  }

  /** Of all commits until now. */
  get bytes(): number {
    return Math.round(this.before + this.journal.commitBytes)
  }

  /** Of the commits behind one. */
  bytesBehind(commit: number): number {
    const [above, below] = [
      this.marks.find((mark) => mark[0] >= commit),
      this.marks.findLast((mark) => mark[0] < commit),
    ]
    const [fromCommit, fromBytes] = below ?? [0, 0]
    const [toCommit, toBytes] = above ?? [this.journal.lastCommit(), this.bytes]
    const part = toCommit === fromCommit ? 1 : (commit - fromCommit) / (toCommit - fromCommit)
    return Math.max(0, Math.round(this.bytes - fromBytes - part * (toBytes - fromBytes)))
  }

  /** The last commit that is known to be as old as that: committed at this age of the directory, or before. */
  lastAt(ageMs: number): number {
    return this.marks.findLast((mark) => mark[2] <= ageMs)?.[0] ?? 0
  }

  /** Everything until now, at this age. Answers what is to be written. */
  set(ageMs: number, trimmed: number): Write {
    const from = this.marks.findLastIndex(([commit]) => commit <= trimmed)
    const kept = thinned(from > 0 ? this.marks.slice(from) : this.marks)
    // The last two are as close as they come; the one before them is far enough.
    const close = kept.length >= 2 && ageMs - kept.at(-2)![2] < this.spacingMs
    this.marks = [...(close ? kept.slice(0, -1) : kept), [this.journal.lastCommit(), this.bytes, ageMs]]
    return write(key, this.marks)
  }
}

function thinned(marks: readonly Mark[]): readonly Mark[] {
  if (marks.length < marksMax) return marks
  const half = marks.length / 2
  return marks.filter((_, at) => at >= half || at % 2 === 1)
}

/** Bytes of a commit, as the newest are. */
function weightOf(kv: Rows, last: number): number {
  try {
    const range = { from: commitKey(Math.max(0, last - sampleRows)), to: commitKey(last + 1), limit: sampleRows }
    const rows = kv.range('commits', range)
    return rows.length === 0 ? 0 : rows.reduce((sum, { length }) => sum + length, 0) / (rows.length / 2)
  } catch (error) {
    if (error instanceof DamagedBlock) return 0
    throw error
  }
}

// A disk of virtual time: syncs take a while and fail now and then, and a crash leaves on it what a real one would.
//
// K1. What was synced is there after a crash. Of what was written since, in its order, a part from the beginning is.
// K2. A commit that failed is not there, or is and nobody knows.

import type { Column } from '../../../host/storage/columns.ts'
import { columns } from '../../../host/storage/columns.ts'
import type { Clear, Kv, Range, Write } from '../../../host/storage/kv.ts'
import { Pace } from '../../../host/storage/pace.ts'
import { MemoryKv } from '../../../host/store/memory.ts'
import type { Life } from '../../support/virtual.ts'
import type { Chances } from './chances.ts'

type Done = (error: Error | undefined) => void

interface Step {
  readonly writes: readonly Write[]
  readonly clears: readonly Clear[]
}

const everything = { from: Buffer.alloc(0), to: Buffer.alloc(64, 255), limit: Number.MAX_SAFE_INTEGER }

/** What outlives a host. */
export class Platters {
  /** What is synced. */
  readonly kv = new MemoryKv()
  /** Written and not synced, in order. */
  private since: Step[] = []

  add(step: Step): void {
    this.since.push(step)
  }

  remove(step: Step): void {
    this.since = this.since.filter((other) => other !== step)
  }

  sync(): void {
    for (const step of this.since.splice(0)) apply(this.kv, step)
  }

  /** The power goes. */
  crash(chances: Chances): void {
    const kept = chances.below(this.since.length + 1)
    for (const step of this.since.slice(0, kept)) apply(this.kv, step)
    this.since = []
  }
}

export class SimulatedDisk implements Kv {
  readonly pace = new Pace()
  readonly ailing = false
  /** Commits that are on the disk. */
  synced = 0
  private seen = new MemoryKv()
  private readonly platters: Platters
  private readonly life: Life
  private readonly chances: Chances
  private under: Step | undefined
  private putOff: (readonly Write[])[] = []

  /** A commit has failed. */
  failed = false
  /** Of a hundred commits, so many fail. */
  failing = 0

  constructor(platters: Platters, life: Life, chances: Chances) {
    this.platters = platters
    this.life = life
    this.chances = chances
    copy(platters.kv, this.seen)
  }

  get(column: Column, key: Buffer): Buffer | undefined {
    return this.seen.get(column, key)
  }

  getAll(column: Column, keys: readonly Buffer[], bytesMax: number): readonly (Buffer | undefined)[] | undefined {
    return this.seen.getAll(column, keys, bytesMax)
  }

  range(column: Column, range: Range): Buffer[] {
    return this.seen.range(column, range)
  }

  write(writes: readonly Write[], sync: boolean): void {
    if (!sync && this.under !== undefined) {
      this.putOff.push(owned(writes))
      return
    }
    const step = { writes: owned(writes), clears: [] }
    apply(this.seen, step)
    this.platters.add(step)
    if (sync) this.platters.sync()
  }

  commit(writes: readonly Write[], done: Done): void {
    this.erase(writes, [], done)
  }

  erase(writes: readonly Write[], clears: readonly Clear[], done: Done): void {
    if (this.under !== undefined) throw new Error('two commits are under way')
    const step = { writes: owned(writes), clears }
    this.under = step
    this.platters.add(step)
    const fails = this.chances.percent(this.failing)
    const lost = fails && this.chances.percent(50)
    this.life.after(0.1 + this.chances.below(30) / 10, () => {
      this.under = undefined
      if (lost) this.platters.remove(step)
      this.platters.sync()
      const putOff = this.putOff.splice(0)
      if (fails) {
        this.failed = true
        done(new Error('input/output error'))
        return
      }
      this.synced += 1
      apply(this.seen, step)
      for (const writes of putOff) this.write(writes, false)
      done(undefined)
    })
  }

  async reopen(): Promise<void> {
    this.seen = new MemoryKv()
    copy(this.platters.kv, this.seen)
  }

  async close(): Promise<void> {}
}

/** Buffers may be used again by whoever wrote them. */
function owned(writes: readonly Write[]): readonly Write[] {
  return writes.map(([column, key, value]) => [column, Buffer.from(key), value && Buffer.from(value)])
}

function apply(kv: MemoryKv, { writes, clears }: Step): void {
  kv.erase(writes, clears, () => {})
}

function copy(from: MemoryKv, to: MemoryKv): void {
  for (const column of columns) {
    const rows = from.range(column, everything)
    const writes: Write[] = []
    for (let at = 0; at < rows.length; at += 2) writes.push([column, rows[at]!, rows[at + 1]!])
    to.write(writes)
  }
}

/** Every row of a column, as bytes to hash. */
export function rowsOf(kv: Pick<Kv, 'range'>, column: Column): readonly Buffer[] {
  return kv.range(column, everything)
}

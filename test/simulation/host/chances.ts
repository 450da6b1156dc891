// Chances: streams of numbers that a seed makes, the same in each run. Two streams of one seed do not disturb each other.

import { createHash } from 'node:crypto'
import { Random } from '../../fuzz/random.ts'

export class Chances extends Random {
  private readonly name: string

  constructor(seed: number, name: string) {
    super(createHash('sha256').update(`${seed}/${name}`).digest().readInt32LE())
    this.name = name
  }

  /** A stream of its own. */
  fork(name: string): Chances {
    return new Chances(this.word(), `${this.name}/${name}`)
  }

  percent(of: number): boolean {
    return this.below(10_000) < of * 100
  }
}

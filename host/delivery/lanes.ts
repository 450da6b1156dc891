// Lanes: the way from one entity to another, or to a connector. What is sent there is not overtaken by what is sent there later.
//
// L1. Of entities: while something is being tried again. Once that is over all that waited goes, since it arrives in order.
// L2. To connectors, one by one: what waited goes when what was before it is over, and the rest waits behind it.
//
// Owns: who waits behind whom.   outbox.ts owns: trying.   What is due later, and what goes to no entity, has no lane.

interface Lane {
  /** The entry that is being tried, or tried again. */
  readonly holder: number
  readonly waiting: Waiting[]
  /** Of those in front of which many stood: how many of `waiting` have gone. */
  gone: number
}

interface Waiting {
  readonly id: number
  readonly go: () => void
}

export class Lanes {
  private readonly oneByOne: boolean
  private readonly lanes = new Map<string, Lane>()
  private readonly held = new Map<number, string>()

  constructor({ oneByOne = false } = {}) {
    this.oneByOne = oneByOne
  }

  /** Nothing is held. */
  get free(): boolean {
    return this.lanes.size === 0
  }

  hold(lane: string, id: number): void {
    if (this.lanes.has(lane)) return
    this.lanes.set(lane, { holder: id, waiting: [], gone: 0 })
    this.held.set(id, lane)
  }

  /** `go` is called once the way is free; false: it is. */
  waits(lane: string, id: number, go: () => void): boolean {
    const held = this.lanes.get(lane)
    if (held === undefined || held.holder >= id) return false
    held.waiting.push({ id, go })
    return true
  }

  /** The entry is gone, or tried no more. Answers who goes now, in order. */
  release(id: number): readonly Waiting[] {
    const lane = this.held.get(id)
    if (lane === undefined) return none
    this.held.delete(id)
    const { waiting, gone } = this.lanes.get(lane)!
    this.lanes.delete(lane)
    if (!this.oneByOne) return waiting
    const first = waiting[gone]
    if (first === undefined) return none
    this.lanes.set(lane, { holder: first.id, waiting, gone: gone + 1 })
    this.held.set(first.id, lane)
    return [first]
  }

  clear(): void {
    this.lanes.clear()
    this.held.clear()
  }
}

const none: readonly Waiting[] = Object.freeze([])

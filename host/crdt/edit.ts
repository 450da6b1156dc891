// Edit: the operations of one command, first planned, then committed.
//
// U1. A plan changes nothing: an operation that cannot be leaves the replica as it was, by throwing before the commit.
// U2. Only the net effect is committed: what cancels out within the command takes no dot and makes no delta.
// U3. The commit cannot fail, writes down how to take back each thing that it does, and costs what it touches.
//
// Owns: plans by store, fresh dots, dropped dots, the way back.   Stores own: what a plan says.   plan.ts owns: operations.

import type { Dot, Dots } from './dot.ts'
import { dotOf } from './dot.ts'
import type { Ids } from './ids.ts'
import type { Store } from './store.ts'

export class Edit {
  readonly ids: Ids
  readonly self: number
  readonly nowMs: number
  /** The entity's value, if this command creates it. */
  created: Store | undefined
  /** Dots that this commit made and dropped. Together they are the context of the delta. */
  readonly added: Dot[] = []
  readonly dropped: Dot[] = []
  /** In the order of what was done; taken back from the end. */
  readonly undo: (() => void)[] = []
  changed = false
  /** Bytes in memory that came, less those that went. */
  weight = 0
  private counter: number
  private readonly plans = new Map<Store, unknown>()

  /** `counter`: the last one that this replica used. */
  constructor(ids: Ids, self: number, counter: number, nowMs: number) {
    this.ids = ids
    this.self = self
    this.counter = counter
    this.nowMs = nowMs
  }

  /** The store's plan, begun if there is none. Each class of stores has one type of plan. */
  plan<P>(store: Store, begin: () => P): P {
    const known = this.plans.get(store)
    if (known !== undefined) return known as P
    const begun = begin()
    this.plans.set(store, begun)
    return begun
  }

  planned<P>(store: Store): P | undefined {
    return this.plans.get(store) as P | undefined
  }

  dot(): Dot {
    this.counter += 1
    const dot = dotOf(this.self, this.counter)
    this.added.push(dot)
    return dot
  }

  drop(dots: Dots | undefined): void {
    if (typeof dots === 'number') this.dropped.push(dots)
    else if (dots !== undefined) for (const dot of dots) this.dropped.push(dot)
  }
}

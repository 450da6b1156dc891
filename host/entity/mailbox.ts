// Mailbox: the commands waiting for one entity.
//
// M1. Order is arrival order; commands put back come before newer ones, in their own order.
// M2. Bounded by whoever puts (entities.ts): `size` is exact at any time.
// M3. Taking and putting are O(1): an array with a moving head, compacted when half of it is dead.
//
// Owns: the queue.   Activation owns: when to take.   Entities own: the bounds.

import type { Command, Reply } from '../command.ts'

export interface Waiting {
  readonly command: Command
  readonly reply: Reply
  /** Nobody waits for the answer any more (deadline, disconnect): not worth giving to the guest. */
  abandoned: boolean
}

export class Mailbox {
  private items: Waiting[] = []
  private head = 0

  get size(): number {
    return this.items.length - this.head
  }

  put(waiting: Waiting): void {
    this.items.push(waiting)
  }

  peek(): Waiting | undefined {
    return this.items[this.head]
  }

  take(): Waiting | undefined {
    const waiting = this.items[this.head]
    if (waiting === undefined) return undefined
    this.head += 1
    if (this.head === this.items.length) {
      this.items = []
      this.head = 0
    } else if (this.head > 64 && this.head * 2 > this.items.length) {
      this.items = this.items.slice(this.head)
      this.head = 0
    }
    return waiting
  }

  putBack(waiting: readonly Waiting[]): void {
    this.items = [...waiting, ...this.items.slice(this.head)]
    this.head = 0
  }
}

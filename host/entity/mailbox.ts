// Mailbox: the commands waiting for one entity, and what else happens to it.
//
// M1. Order is arrival order; commands put back come before newer ones, in their own order.
// M2. Bounded by whoever puts (entities.ts): `size` is exact at any time, and so is what the host's budget counts of it.
//
// An array with a moving head, compacted when half of it is dead: so taking and putting cost the same however much waits.
//
// Owns: the queue.   Activation owns: when to take.   Entities own: the bounds.

import type { Command, Reply } from '../command.ts'
import type { Commits } from '../commits.ts'
import type { Metadata } from '../metadata.ts'
import type { Account, WaitingBudget } from '../waiting-budget.ts'
import type { OpenStream } from './open-stream.ts'

/** What waits for an entity: commands, and for replicated ones clients that left and news from peers. */
export type Work = Waiting | Left | News

/** An answer that only tells. */
export interface Shown {
  readonly payload: Uint8Array
  readonly metadata: Metadata
  /** What it tells of. */
  readonly commits?: Commits | undefined
}

export interface Waiting {
  readonly kind: 'command'
  readonly command: Command
  readonly reply: Reply
  /** The client's stream, for a call of a method that streams; `reply` is not used then. */
  readonly stream: OpenStream | undefined
  /** What waits of the client that sent it; none for effects and forwards. */
  readonly client: Account | undefined
  /** Of `Clock.steady`. */
  readonly arrivedMs: number
  /** Nobody waits for the answer any more (deadline, disconnect): not worth giving to the guest. */
  abandoned: boolean
  /** The command may only read, and is answered here, with the revision that it has seen. How it fails goes to `reply`. */
  readonly read?: (shown: Shown, revision: number) => void
}

/** A client left its stream. */
export interface Left {
  readonly kind: 'left'
  readonly subscription: string
}

/** A peer's delta. */
export interface News {
  readonly kind: 'news'
  readonly delta: Uint8Array
  /** Called once it is on disk, or with why not. */
  readonly done: (error: Error | undefined) => void
}

export class Mailbox {
  private readonly budget: WaitingBudget
  private service: Account
  private items: Work[] = []
  private head = 0

  constructor(budget: WaitingBudget, service: string) {
    this.budget = budget
    this.service = budget.service(service)
  }

  /** What waits of the service that keeps the entity. */
  get account(): Account {
    return this.service
  }

  /** Another service keeps the entity's data from now on. */
  belongTo(service: string): void {
    if (service === this.service.name) return
    const account = this.budget.service(service)
    for (const work of this.items.slice(this.head)) {
      this.remove(work)
      this.budget.add(account, clientOf(work), bytesOf(work))
    }
    this.service = account
  }

  get size(): number {
    return this.items.length - this.head
  }

  put(work: Work): void {
    this.add(work)
    this.items.push(work)
  }

  peek(): Work | undefined {
    return this.items[this.head]
  }

  take(): Work | undefined {
    const work = this.items[this.head]
    if (work === undefined) return undefined
    this.remove(work)
    this.head += 1
    if (this.head === this.items.length) {
      this.items = []
      this.head = 0
    } else if (this.head > 64 && this.head * 2 > this.items.length) {
      this.items = this.items.slice(this.head)
      this.head = 0
    }
    return work
  }

  putBack(works: readonly Work[]): void {
    for (const work of works) this.add(work)
    this.items = [...works, ...this.items.slice(this.head)]
    this.head = 0
  }

  private add(work: Work): void {
    this.budget.add(this.service, clientOf(work), bytesOf(work))
  }

  private remove(work: Work): void {
    this.budget.remove(this.service, clientOf(work), bytesOf(work))
  }
}

function clientOf(work: Work): Account | undefined {
  return work.kind === 'command' ? work.client : undefined
}

/** Bytes that somebody sent. */
export function bytesOf(work: Work): number {
  if (work.kind === 'command') return work.command.payload.length
  return work.kind === 'news' ? work.delta.length : 0
}

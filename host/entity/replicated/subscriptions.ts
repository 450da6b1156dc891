// Subscriptions: who listens to one replicated entity: what is on disk of each stream, and its client, if there still is one.
//
// S1. A stream that ends in a turn is no subscription any more, but still `ending` until that turn is on disk: if it never is, the
//     client hears so.
//
// Owns: the set.   open-stream.ts owns: a client's side.   telling.ts owns: what they hear of changes.

import type { Clock } from '../../clock.ts'
import type { InnkeeperError } from '../../errors.ts'
import type { StoredSubscription } from '../../journal/journal.ts'
import { inPortions } from '../../slices.ts'
import { type OpenStream, tellMax } from '../open-stream.ts'

interface Subscription {
  readonly stored: StoredSubscription
  /** The client, if there still is one. */
  readonly stream: OpenStream | undefined
}

export class Subscriptions {
  private readonly all = new Map<string, Subscription>()
  /** Streams that end with the turn under way (S1). */
  private ending: OpenStream[] = []

  get size(): number {
    return this.all.size
  }

  get ids(): readonly string[] {
    return [...this.all.keys()]
  }

  get(id: string): Subscription | undefined {
    return this.all.get(id)
  }

  add(stored: StoredSubscription, stream: OpenStream | undefined): void {
    this.all.set(stored.id, { stored, stream })
  }

  remove(id: string): void {
    this.all.delete(id)
  }

  /** It is removed, and its client hears of its end once that is on disk. */
  ends(stream: OpenStream): void {
    this.ending.push(stream)
  }

  /** The turn is on disk. */
  ended(): void {
    this.ending = []
  }

  /** Those whose clients listen, but for one. */
  *listening(except: string | undefined): Iterable<StoredSubscription> {
    for (const [id, { stored, stream }] of this.all)
      if (id !== except && stream !== undefined && !stream.gone) yield stored
  }

  /** End every stream, well or not, some a turn of the loop; nothing of the entity reaches their clients any more. The subscriptions
   *  stay. */
  end(error: InnkeeperError | undefined, clock: Clock): void {
    const failed = error && ({ kind: 'error', error } as const)
    const streams = this.ending
    this.ending = []
    for (const [id, { stored, stream }] of this.all) {
      if (stream === undefined) continue
      streams.push(stream)
      this.all.set(id, { stored, stream: undefined })
    }
    void inPortions(streams, tellMax, (stream) => stream.fail(failed), clock)
  }
}

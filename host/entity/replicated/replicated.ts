// Replicated: the model of entities whose value is a CRDT, with the streams that clients keep open on it.
//
// R1. The guest sees a fresh view for each command and returns operations; the host applies them, so nothing is echoed and
//     nobody merges but host/crdt. A command that failed in any way leaves the replica as it was.
// R2. After every change of the value, whoever caused it, each stream that was open before hears of it once: after the reply
//     of the command that made the change, and not the stream that this command opened (§subscription-2).
// R3. A subscription is on disk in the commit that opened it, and leaves in that of its end. One that is found without a
//     client (a crash, another version) is cancelled before the entity decides anything else (§subscription-7).
// R4. An entity with open streams stays in memory.
// R5. Many subscribers are told in several turns of the loop, at most `tellMax` in each and none after `turnMs`, so that other
//     services get theirs; the entity decides nothing else until all have heard. Who sees a part of the value is a guest call.
// R6. A deleted entity stays deleted: commands hear NOT_FOUND; its streams get what was still to be told, of the value before it
//     was deleted, and end well (§replica-8).
//
// Owns: what of it lasts between turns, and the order of a turn.   deciding.ts, leaving.ts, telling.ts own: what happens in a turn.
// replica-state.ts owns: disk.   subscriptions.ts owns: who listens.

import type { Clock } from '../../clock.ts'
import type { Batch, EntityRef, Journal } from '../../journal/journal.ts'
import type { Left } from '../mailbox.ts'
import type { Model, Turn } from '../model.ts'
import type { Replicas } from '../replicas.ts'
import type { TurnPlan } from '../turn.ts'
import { decideCommand } from './deciding.ts'
import { learn, leave } from './leaving.ts'
import { ReplicaState } from './replica-state.ts'
import type { ReplicaParts } from './replica-turn.ts'
import { ReplicaTurn } from './replica-turn.ts'
import { Subscriptions } from './subscriptions.ts'
import { Telling } from './telling.ts'

interface ReplicatedParts extends ReplicaParts {
  readonly journal: Pick<Journal, 'base' | 'head' | 'records' | 'subscriptions'>
  readonly entity: EntityRef
  readonly clock: Clock
  readonly replicas: Pick<Replicas, 'self' | 'members' | 'publish'>
}

export class ReplicatedModel implements Model {
  readonly leftOver: readonly Left[]
  private readonly parts: ReplicatedParts
  private readonly state: ReplicaState
  private readonly subscriptions = new Subscriptions()
  private readonly telling = new Telling()

  /** @throws InnkeeperError `storage_unavailable`, `data_damaged` */
  constructor(parts: ReplicatedParts) {
    this.parts = parts
    const { journal, entity } = parts
    this.state = new ReplicaState(journal, entity)
    const stored = journal.subscriptions(entity)
    for (const subscription of stored) this.subscriptions.add(subscription, undefined)
    this.leftOver = stored.map(({ id }) => ({ kind: 'left', subscription: id }))
  }

  get ready(): boolean {
    return this.state.ready
  }

  get size(): number {
    return this.state.replica.size
  }

  get nowMs(): number {
    return this.state.nowMs
  }

  get due(): boolean {
    return this.telling.due
  }

  get openStreams(): number {
    return this.subscriptions.size
  }

  step(): void {
    this.state.step()
  }

  settle(): void {}

  plan(given: Turn): TurnPlan {
    const { parts, state, subscriptions, telling } = this
    const turn = new ReplicaTurn(parts, { replica: state.replica, subscriptions, telling }, given, state.revision)
    const { planner } = turn
    telling.goOn(turn)
    while (!telling.due && !(turn.over && turn.told > 0)) {
      const work = given.next()
      if (work === undefined) break
      if (work.kind === 'left') leave(turn, work.subscription)
      else if (work.kind === 'news') learn(turn, work)
      else decideCommand(turn, work)
      planner.count += 1
      if (turn.over) break
    }
    return planner.plan()
  }

  write(batch: Batch, { records, subscribed, unsubscribed }: TurnPlan): void {
    const { entity, service } = this.parts
    this.state.write(batch, records, service.deployment)
    for (const subscription of subscribed) batch.subscribe(entity, subscription)
    for (const id of unsubscribed) batch.unsubscribe(entity, id)
  }

  apply({ records }: TurnPlan): void {
    const { replicas, service, entity } = this.parts
    this.subscriptions.ended()
    for (const { origin, change } of records)
      if (origin !== 'peer' && change?.kind === 'delta') replicas.publish(service.name, entity.key, change.delta)
  }

  endStreams(error: Parameters<Model['endStreams']>[0]): void {
    this.subscriptions.end(error, this.parts.clock)
  }
}

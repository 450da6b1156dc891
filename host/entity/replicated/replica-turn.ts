// Replica turn: what one turn of a replicated entity has in hand, and gathers as data: the plan.
//
// T1. A turn changes the replica, the subscriptions and who is still to be told, and nothing else: what it does to the disk and says
//     to anybody is in its plan.
//
// Owns: views, operations and records, as all that happens in a turn needs them.   turn.ts owns: the plan.

import type { Clock } from '../../clock.ts'
import { decodeOperations, OperationError } from '../../crdt/operations.ts'
import type { Applied, Replica } from '../../crdt/replica.ts'
import { chainOf } from '../../delivery/chains.ts'
import type { Sender } from '../../delivery/plan.ts'
import type { EffectEntry } from '../../effect.ts'
import type { GuestCommand, GuestSubscription, ReplicatedDecision } from '../../guest/guest.ts'
import { GuestFault } from '../../guest/guest.ts'
import { stateTooLarge } from '../../guest/lift.ts'
import type { EntityRef, JournalRecord, RecordedCommand, StoredSubscription } from '../../journal/journal.ts'
import type { Limits } from '../../limits.ts'
import { noMetadata } from '../../metadata.ts'
import type { Effect, Outcome } from '../../outcome.ts'
import type { MethodView, ReplicatedService } from '../../services.ts'
import type { TicketsStanding } from '../batched.ts'
import type { Turn } from '../model.ts'
import type { Named } from '../note.ts'
import type { OpenStream } from '../open-stream.ts'
import type { ReadingCost } from '../reading-cost.ts'
import type { Replicas } from '../replicas.ts'
import { TurnPlanner } from '../turn.ts'
import type { Subscriptions } from './subscriptions.ts'
import type { Telling } from './telling.ts'

/** After this long a turn commits, and what is left of its batch waits for the next. In milliseconds. */
const turnMs = 5

const wholeView: MethodView = { kind: 'all' }
export const nothingApplied: Applied = { delta: undefined, changed: false, undo() {} }

export interface ReplicaParts {
  readonly service: Pick<ReplicatedService, 'name' | 'guest' | 'methods' | 'deployment'>
  readonly entity: EntityRef
  /** Outward entity id. */
  readonly id: string
  readonly limits: Limits
  readonly clock: Pick<Clock, 'steady'>
  readonly cost: Pick<ReadingCost, 'viewed' | 'viewTooDear'>
  readonly replicas: Pick<Replicas, 'self' | 'members'>
  /** A fresh id for a stream that a client keeps open. */
  readonly subscriptionId: () => string
}

/** What lasts between turns. */
interface Held {
  readonly replica: Replica
  readonly subscriptions: Subscriptions
  readonly telling: Telling
}

export class ReplicaTurn {
  readonly planner: TurnPlanner
  readonly parts: ReplicaParts
  readonly given: Turn
  readonly replica: Replica
  readonly subscriptions: Subscriptions
  readonly telling: Telling
  /** Subscribers told. */
  told = 0
  /** Of `Clock.steady`. */
  private readonly until: number

  constructor(parts: ReplicaParts, { replica, subscriptions, telling }: Held, given: Turn, revision: number) {
    this.parts = parts
    this.given = given
    this.replica = replica
    this.subscriptions = subscriptions
    this.telling = telling
    const { name: service, deployment } = parts.service
    const start = {
      service,
      entity: parts.id,
      ref: parts.entity,
      deployment,
      revision,
      sequence: 0,
      keepsRecords: false,
    }
    this.planner = new TurnPlanner({ ...start, ageMs: given.ageMs }, given.places, given.standing)
    this.until = parts.clock.steady() + turnMs
  }

  get nowMs(): number {
    return this.given.nowMs
  }

  get over(): boolean {
    return this.parts.clock.steady() > this.until
  }

  get standing(): TicketsStanding {
    const { standing } = this.given
    return { find: (name) => standing.ticket(this.parts.entity, name) }
  }

  /** What streams of a method see. */
  viewOf({ method }: GuestSubscription): MethodView {
    return this.parts.service.methods.get(method)?.view ?? wholeView
  }

  /** What the guest is shown of the value. @throws GuestFault, InnkeeperError `bad_request` */
  view(view: MethodView, command: GuestCommand, replica = this.replica): Uint8Array {
    const { replicas, service } = this.parts
    const { self, members } = replicas
    if (view.kind === 'all' || view.kind === 'nothing') return replica.view(view, self, members)
    const elements =
      view.kind === 'element' ? [view.elementOf(command.payload)] : service.guest.reads(service.name, command)
    return replica.view({ kind: 'elements', elements }, self, members)
  }

  /** @throws GuestFault, OperationError; then nothing is applied */
  apply(decision: ReplicatedDecision): Applied {
    if (decision.operations.length === 0) return nothingApplied
    const { parts, replica } = this
    const { limits, replicas } = parts
    const before = replica.size
    const operations = decodeOperations(decision.operations, limits.decisionOperationsMax)
    const applied = replica.apply(replicas.self, operations, this.nowMs)
    const { size } = replica
    if (size <= Math.max(limits.stateBytesMax, before)) return applied
    applied.undo()
    throw stateTooLarge('the value', size, limits.stateBytesMax)
  }

  /** A record of its own for what a stream caused, if there is something to record. Answers its effects. */
  record(
    origin: 'changed' | 'cancelled',
    stored: StoredSubscription,
    delta: Uint8Array | undefined,
    effects: readonly Effect[],
    stream: OpenStream | undefined,
  ): readonly EffectEntry[] {
    if (delta === undefined && effects.length === 0) return []
    const command: RecordedCommand = { ...commandOf(stored, this.nowMs), idempotencyKey: undefined }
    this.planner.record(origin, command, [], deltaOf(delta), { effects }, { kind: 'none' }, noMetadata)
    return this.planner.effects(senderOf(stream), effects)
  }

  /** The function logged lines. */
  said(command: Named, { logs }: Outcome): void {
    if (logs.length > 0) this.planner.notes.push({ kind: 'said', command, logs })
  }

  /** The function failed for a stream. What is no fault of the guest's is thrown again. */
  streamFault(thrown: unknown, { method }: GuestSubscription, stream: OpenStream | undefined, what: string): void {
    this.planner.notes.push({ kind: 'fault', command: named(method, stream), fault: faultOf(thrown), what })
  }

  /** From the set, and from the disk. */
  unsubscribe(id: string): void {
    this.subscriptions.remove(id)
    this.planner.unsubscribed.push(id)
  }

  /** The entity is deleted: its streams end well. */
  endAll(): void {
    const streams: OpenStream[] = []
    for (const id of this.subscriptions.ids) {
      const { stream } = this.subscriptions.get(id)!
      this.unsubscribe(id)
      if (stream !== undefined) streams.push(stream)
    }
    for (const stream of streams) this.subscriptions.ends(stream)
    this.planner.steps.push({ kind: 'finish', streams })
  }
}

export function deltaOf(delta: Uint8Array | undefined): JournalRecord['change'] {
  return delta === undefined ? undefined : { kind: 'delta', delta }
}

/** The command that a subscription stands for, as views are asked with it. */
export function commandOf({ method, payload }: StoredSubscription, nowMs: number): GuestCommand {
  return { method, payload, metadata: noMetadata, nowMs, seed: new Uint8Array(16) }
}

/** What log lines name. */
export function named(method: string, stream: OpenStream | undefined): Named {
  return { method, requestId: stream?.command.requestId ?? '' }
}

/** Operations that cannot be applied are the guest's fault; anything else is ours. */
export function faultOf(thrown: unknown): GuestFault {
  if (thrown instanceof GuestFault) return thrown
  if (thrown instanceof OperationError) return new GuestFault('malformed', thrown.message, thrown)
  throw thrown
}

/** What a stream causes later is of the chain that opened it, and delivers nothing. */
function senderOf(stream: OpenStream | undefined): Sender {
  if (stream === undefined) return { hops: 0, effect: undefined }
  return { hops: stream.command.hops, effect: undefined, chain: chainOf(stream.command) }
}

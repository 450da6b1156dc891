// Value: the model of entities that keep a value: the value as the guest sees it.
//
// K1. What is here is committed; the value's bytes are always held, so a token that the guest lost costs nothing but a call.
// K2. One batch is one write of the value, whatever its commands did with it (§value-4). With its history kept, each change is a
//     record besides.
// K3. A token is used only with the instance that gave it (guest generation), and only for the next call.
//
// Owns: basis, bytes, what is written.   batched.ts owns: planning.   The guest owns: what values mean.

import type { Decision, GuestCommand, ValueBasis, ValueGuest } from '../guest/guest.ts'
import { GuestFault } from '../guest/guest.ts'
import type { Base, Batch, EntityRef, Journal } from '../journal/journal.ts'
import type { Limits } from '../limits.ts'
import type { BatchParts, Decider } from './batched.ts'
import { Batches } from './batched.ts'
import type { Model, OneEntity, Turn } from './model.ts'
import type { Reading, ReadingCost, TooDear } from './reading-cost.ts'
import type { TurnPlan } from './turn.ts'

const absent: ValueBasis = { kind: 'absent' }

/** What all entities of a service share. */
export interface ValueContext extends BatchParts {
  readonly guest: ValueGuest
  readonly journal: Journal
  readonly limits: Limits
  readonly cost: ReadingCost
  /** Keep a record of every change. */
  readonly history: boolean
}

export class ValueModel implements Model, Decider {
  revision = 0
  readonly sequence = 0
  readonly nowMs: number
  readonly ready = true
  readonly keepsRecords = false
  readonly leftOver = []
  readonly due = false
  readonly openStreams = 0
  private readonly batches: Batches
  private readonly context: ValueContext
  private readonly one: OneEntity
  private bytes: Uint8Array | undefined
  /** Revision of the value on disk: less than `revision` after effects without a change. */
  private stored = 0
  private token: number | undefined
  private generation = 0
  /** What the last `decide` left; undefined: nothing, or it was not wanted. */
  private next: { readonly token: number | undefined } | undefined
  /** What the last value that was measured cost. */
  private reading: Reading | undefined

  constructor(context: ValueContext, one: OneEntity) {
    this.context = context
    this.one = one
    this.batches = new Batches(context, this)
    const base = context.journal.base(one.entity)
    this.nowMs = base?.nowMs ?? 0
    if (base === undefined) return
    this.revision = base.revision
    this.stored = base.revision
    this.bytes = base.state
  }

  get ref(): EntityRef {
    return this.one.entity
  }

  get id(): string {
    return this.one.id
  }

  get size(): number {
    return this.bytes?.length ?? 0
  }

  step(): void {}

  settle(): void {}

  plan(turn: Turn): TurnPlan {
    return this.batches.plan(turn)
  }

  decide(commands: readonly GuestCommand[]): readonly Decision[] | undefined {
    const { guest, service } = this.context
    const { id } = this.one
    const decided = guest.decide(service, id, this.basis(), commands)
    this.token = undefined
    if (decided.kind === 'unknown') return undefined
    this.next = { token: decided.held }
    this.generation = guest.generation
    return decided.decisions
  }

  weigh(decisions: readonly Decision[]): TooDear | undefined {
    const change = decisions.findLast((decision) => decision.change !== undefined)?.change
    const { guest, service, cost } = this.context
    const { id } = this.one
    if (change?.kind !== 'updated') return undefined
    const bytes = change.value.length
    // One that shrinks is always welcome.
    if (bytes <= (this.bytes?.length ?? 0) || !cost.due(bytes, this.reading)) return undefined
    try {
      const decided = guest.decide(service, id, { kind: 'value', bytes: change.value }, [])
      if (decided.kind === 'unknown') return undefined
      this.next = { token: decided.held }
      this.generation = guest.generation
      const reading = { bytes, units: guest.lastCall.used, sizeMax: bytes }
      const tooDear = cost.measured(reading)
      if (tooDear === undefined) this.reading = reading
      return tooDear
    } catch (error) {
      if (!(error instanceof GuestFault) || error.reason !== 'fuel') throw error
      return cost.exhausted(bytes)
    }
  }

  discard(): void {
    this.next = undefined
    this.token = undefined
  }

  write(batch: Batch, plan: TurnPlan): void {
    const { history, deployment } = this.context
    const last = plan.records.at(-1)
    if (last === undefined) return
    const changed = plan.records.some((record) => record.change !== undefined)
    if (!changed && !history) return
    const base: Base = { revision: last.revision, deployment, nowMs: last.command.nowMs, state: this.after(plan) }
    batch.keep(this.one.entity, this.stored, base, history ? plan.records : [], this.bytes?.length ?? 0)
  }

  apply(plan: TurnPlan): void {
    if (this.next === undefined) return
    this.token = this.next.token
    this.next = undefined
    const last = plan.records.at(-1)
    if (last === undefined) return
    if (this.context.history || plan.records.some((record) => record.change !== undefined)) this.stored = last.revision
    this.bytes = this.after(plan)
    this.revision = plan.revision
  }

  endStreams(): void {}

  /** The value after the turn: that of its last change. */
  private after(plan: TurnPlan): Uint8Array | undefined {
    const change = plan.records.findLast((record) => record.change !== undefined)?.change
    if (change === undefined) return this.bytes
    return change.kind === 'updated' ? change.value : undefined
  }

  private basis(): ValueBasis {
    if (this.token !== undefined && this.generation === this.context.guest.generation)
      return { kind: 'held', token: this.token, sizeMax: this.bytes?.length ?? 0 }
    return this.bytes === undefined ? absent : { kind: 'value', bytes: this.bytes }
  }
}

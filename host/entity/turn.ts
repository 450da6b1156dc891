// Turn: what a batch of decisions means: records to write, effects to send, answers to give. Pure.
//
// T1. A failure leaves nothing of an entity behind: no record, no event, no effect, no idempotency entry (§refusal-2).
// T2. A record is written exactly when a command brings events, a change or effects, or forwards under an idempotency key.
// T3. Revisions and sequences continue without gaps in the order of the commands.
// T4. What an outcome sends is planned in one place for all kinds (delivery/plan.ts); of a failure nothing is.
// T5. An answer is kept under its idempotency key exactly when a record is written: a repeat of what changed nothing and sent
//     nothing may as well be decided again.
//
// Owns: the meaning of decisions.   Activation owns: when, and carrying it out.

import { hash } from 'node:crypto'
import type { Places } from '../delivery/chains.ts'
import type { Sending } from '../delivery/keeper.ts'
import type { Sender } from '../delivery/plan.ts'
import { planDelivered, planEffects } from '../delivery/plan.ts'
import type { EffectEntry } from '../effect.ts'
import type { Decision, GuestCommand } from '../guest/guest.ts'
import type { JournalRecord, RecordedCommand, StoredAnswer } from '../journal/journal.ts'
import type { Metadata } from '../metadata.ts'
import type { Change, Effect, Failure, Outcome } from '../outcome.ts'
import type { Forward, Remembered } from '../reply/forward.ts'
import type { Waiting } from './mailbox.ts'

/** A command that was given to the guest. */
export interface Given {
  readonly waiting: Waiting
  readonly command: GuestCommand
}

export type Step =
  | { readonly waiting: Waiting; readonly kind: 'refuse'; readonly failure: Failure; readonly metadata: Metadata }
  | {
      readonly waiting: Waiting
      readonly kind: 'reply'
      readonly payload: Uint8Array
      readonly metadata: Metadata
      readonly effects: readonly EffectEntry[]
    }
  | (Forward & { readonly waiting: Waiting; readonly kind: 'forward'; readonly effects: readonly EffectEntry[] })

export interface TurnPlan extends Sending {
  readonly records: readonly JournalRecord[]
  readonly remembered: readonly Remembered[]
  /** One for each command, in order. */
  readonly steps: readonly Step[]
  readonly revision: number
  readonly sequence: number
  readonly eventCount: number
  readonly eventBytes: number
}

interface TurnStart {
  readonly service: string
  /** Outward entity id. */
  readonly entity: string
  readonly deployment: number
  readonly revision: number
  readonly sequence: number
  /** Records stay, so an answer is found in its record; else it is kept with its idempotency key. */
  readonly keepsRecords: boolean
  /** Age of the data directory, in milliseconds (journal/age.ts). */
  readonly ageMs: number
}

/** `decisions` has one for each of `given`. `places` hands out ids and places in a chain.
 *  A decision without an answer must not come here (guest/lift-outcome.ts makes it a fault). */
export function planTurn(
  start: TurnStart,
  given: readonly Given[],
  decisions: readonly Decision[],
  places: Places,
): TurnPlan {
  const planner = new TurnPlanner(start, places)
  const steps: Step[] = []
  for (let index = 0; index < given.length; index++) steps.push(planner.decided(given[index]!, decisions[index]!))
  return planner.plan(steps)
}

/** Gathers what one turn means, decision by decision. */
export class TurnPlanner {
  revision: number
  sequence: number
  readonly records: JournalRecord[] = []
  readonly enqueued: EffectEntry[] = []
  private readonly start: TurnStart
  private readonly places: Places
  private readonly remembered: Remembered[] = []
  private readonly arrived: number[] = []
  private eventCount = 0
  private eventBytes = 0

  constructor(start: TurnStart, places: Places) {
    this.start = start
    this.places = places
    this.revision = start.revision
    this.sequence = start.sequence
  }

  /** Nothing is to be written. */
  get empty(): boolean {
    return this.records.length === 0 && this.enqueued.length === 0 && this.arrived.length === 0
  }

  decided({ waiting, command }: Given, { events, change, outcome }: Decision): Step {
    const { answer, metadata } = outcome
    if (answer.kind === 'failure') return { waiting, kind: 'refuse', failure: answer.failure, metadata }
    const { idempotencyKey } = waiting.command
    let memory: Remembered | undefined
    if (isWritten(waiting, events.length, change, outcome)) {
      this.record('command', { ...command, idempotencyKey }, events, change, outcome.effects, answer, metadata)
      if (idempotencyKey !== undefined) {
        const { method, payload } = command
        const { revision } = this
        const { ageMs: atMs } = this.start
        const final = this.start.keepsRecords ? undefined : storedAnswer(answer, metadata)
        memory = {
          key: idempotencyKey,
          entry: { method, payloadHash: payloadHash(payload), atMs, revision, final },
        }
        this.remembered.push(memory)
      }
    }
    const effects = this.effects(waiting.command, outcome.effects)
    const { moved, arrived } = planDelivered(waiting.command, answer, this.places)
    if (moved !== undefined) this.enqueued.push(moved)
    if (arrived !== undefined) this.arrived.push(arrived)
    if (answer.kind === 'forward')
      return { waiting, kind: 'forward', call: answer.call, effects, remember: memory, effect: moved }
    const payload = answer.kind === 'message' ? answer.payload : noBytes
    return { waiting, kind: 'reply', payload, metadata, effects }
  }

  /** A record of its own revision. */
  record(
    origin: JournalRecord['origin'],
    command: RecordedCommand,
    events: JournalRecord['events'],
    change: JournalRecord['change'],
    effects: JournalRecord['effects'],
    answer: JournalRecord['answer'],
    answerMetadata: Metadata,
  ): void {
    this.revision += 1
    this.sequence += events.length
    this.eventCount += events.length
    for (const event of events) this.eventBytes += event.data.length
    const { revision, sequence } = this
    const { deployment } = this.start
    this.records.push({
      revision,
      sequence,
      deployment,
      command,
      origin,
      events,
      change,
      effects,
      answer,
      answerMetadata,
    })
  }

  /** Effects of the last record, with their places in the outbox. */
  effects(sender: Sender, effects: readonly Effect[]): readonly EffectEntry[] {
    const { service, entity } = this.start
    const entries = planEffects(sender, { service, entity, revision: this.revision }, effects, this.places)
    if (entries.length > 0) this.enqueued.push(...entries)
    return entries
  }

  plan(steps: readonly Step[]): TurnPlan {
    const { records, remembered, enqueued, arrived, revision, sequence, eventCount, eventBytes } = this
    return { records, remembered, enqueued, arrived, steps, revision, sequence, eventCount, eventBytes }
  }
}

/** Is there to be a record of an accepted decision (T2)? */
export function isWritten(
  { command }: Waiting,
  events: number,
  change: Change | undefined,
  { answer, effects }: Outcome,
): boolean {
  if (events > 0 || change !== undefined || effects.length > 0) return true
  return answer.kind === 'forward' && command.idempotencyKey !== undefined
}

const noBytes = new Uint8Array()

/** An accepted answer, to be given again under its key. */
function storedAnswer(answer: JournalRecord['answer'], metadata: Metadata): StoredAnswer {
  if (answer.kind === 'forward') return { kind: 'forward', call: answer.call, metadata }
  return { kind: 'message', payload: answer.kind === 'message' ? answer.payload : noBytes, metadata }
}

export function payloadHash(payload: Uint8Array): Uint8Array {
  return hash('sha256', payload, 'buffer')
}

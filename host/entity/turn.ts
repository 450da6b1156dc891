// Turn: what a batch of decisions means: records to write, effects to send, streams that open and end, answers to give. Pure.
//
// T1. A failure leaves nothing of an entity behind: no record, no event, no effect, no idempotency entry (§refusal-2).
// T2. A record is written exactly when a command brings events, a change or effects, or forwards under an idempotency key.
// T3. Revisions and sequences continue without gaps in the order of the commands.
// T4. What an outcome sends is planned in one place for all kinds (delivery/plan.ts); of a failure nothing is.
// T5. An answer is kept under its idempotency key exactly when a record is written: a repeat of what changed nothing and sent
//     nothing may as well be decided again.
//
// Owns: the meaning of decisions.   Models own: deciding.   Activation owns: when, and carrying it out.

import { hash } from 'node:crypto'
import type { Places } from '../delivery/chains.ts'
import type { Sending } from '../delivery/keeper.ts'
import type { Sender } from '../delivery/plan.ts'
import { planDelivered, planEffects } from '../delivery/plan.ts'
import type { EffectEntry } from '../effect.ts'
import { guestFailed } from '../errors.ts'
import type { Decision, GuestCommand, GuestFault } from '../guest/guest.ts'
import type { JournalRecord, RecordedCommand, StoredAnswer, StoredSubscription } from '../journal/journal.ts'
import type { Metadata } from '../metadata.ts'
import type { Change, Effect, Outcome } from '../outcome.ts'
import type { Remembered } from '../reply/forward.ts'
import type { Waiting, Work } from './mailbox.ts'
import type { Note } from './note.ts'
import type { CommandStep, Step } from './step.ts'

/** A command that was given to the guest. */
export interface Given {
  readonly waiting: Waiting
  readonly command: GuestCommand
}

/** All that one turn comes to, as data. */
export interface TurnPlan extends Sending {
  readonly records: readonly JournalRecord[]
  readonly remembered: readonly Remembered[]
  readonly subscribed: readonly StoredSubscription[]
  /** Ids of subscriptions that end; some of them were opened by this turn. */
  readonly unsubscribed: readonly string[]
  readonly revision: number
  readonly sequence: number
  readonly eventCount: number
  readonly eventBytes: number
  /** What is done once it is on disk, in order. */
  readonly steps: readonly Step[]
  /** What is logged and counted whatever becomes of the commit. */
  readonly notes: readonly Note[]
  /** What is to be decided again, before all that waits. */
  readonly again: readonly Work[]
  /** How much was decided: commands, and what else happened to the entity. */
  readonly decided: number
}

export interface TurnStart {
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

/** Is there anything to write? */
export function writes({ records, enqueued, arrived, subscribed, unsubscribed }: TurnPlan): boolean {
  if (records.length > 0 || enqueued.length > 0 || arrived.length > 0) return true
  return subscribed.length > 0 || unsubscribed.length > 0
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
  planner.count = given.length
  for (let index = 0; index < given.length; index++) {
    const { waiting } = given[index]!
    const decision = decisions[index]!
    const { logs } = decision.outcome
    if (logs.length > 0) planner.notes.push({ kind: 'said', command: waiting.command, logs })
    planner.steps.push(planner.decided(given[index]!, decision))
  }
  return planner.plan()
}

/** Gathers what one turn means, decision by decision. */
export class TurnPlanner {
  revision: number
  sequence: number
  readonly records: JournalRecord[] = []
  readonly enqueued: EffectEntry[] = []
  readonly subscribed: StoredSubscription[] = []
  readonly unsubscribed: string[] = []
  readonly steps: Step[] = []
  readonly notes: Note[] = []
  again: readonly Work[] = []
  /** Set by who decides. */
  count = 0
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

  decided({ waiting, command }: Given, { events, change, outcome }: Decision): CommandStep {
    const { answer, metadata } = outcome
    if (answer.kind === 'failure') return { waiting, kind: 'refuse', failure: answer.failure, metadata }
    const { idempotencyKey, effect } = waiting.command
    let memory: Remembered | undefined
    if (isWritten(waiting, events.length, change, outcome)) {
      const recorded = { ...command, idempotencyKey, ...(effect === undefined ? {} : { cause: effect.cause }) }
      this.record('command', recorded, events, change, outcome.effects, answer, metadata)
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

  /** The function failed at a command: its caller hears no more than that; the log has the rest (§fault-2). */
  failed(waiting: Waiting, fault: GuestFault): void {
    const { command } = waiting
    this.notes.push({ kind: 'fault', command, fault, what: 'a function failed' })
    this.steps.push({ kind: 'fail', waiting, error: guestFailed(command.requestId) })
  }

  plan(): TurnPlan {
    const { records, remembered, enqueued, arrived, subscribed, unsubscribed, steps, notes, again } = this
    const { revision, sequence, eventCount, eventBytes } = this
    return {
      records,
      remembered,
      enqueued,
      arrived,
      subscribed,
      unsubscribed,
      revision,
      sequence,
      eventCount,
      eventBytes,
      steps,
      notes,
      again,
      decided: this.count,
    }
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

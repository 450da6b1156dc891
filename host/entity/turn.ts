// Turn: what a batch of decisions means: records to write, effects to send, answers to give. Pure.
//
// T1. A failure leaves nothing of an entity behind: no record, no event, no effect, no idempotency entry (§refusal-2).
// T2. A record is written exactly when a command brings events, a change or effects, or forwards under an idempotency key.
// T3. Revisions and sequences continue without gaps in the order of the commands.
// T4. An accepted effect delivery takes its outbox entry out in the same commit; if the answer is a forward, the entry becomes
//     the forward, so that the chain goes on after a crash.
// T5. An answer is kept under its idempotency key exactly when a record is written: a repeat of what changed nothing and sent
//     nothing may as well be decided again.
//
// Owns: the meaning of decisions.   Activation owns: when, and carrying it out.

import { hash } from 'node:crypto'
import type { Decision, GuestCommand } from '../guest/guest.ts'
import type { JournalRecord, OutboxEntry, RecordedCommand, StoredAnswer } from '../journal/journal.ts'
import type { Metadata } from '../metadata.ts'
import type { Change, Effect, Failure, Outcome } from '../outcome.ts'
import type { InChain, NextEffect } from '../reply/chains.ts'
import { chainOf } from '../reply/chains.ts'
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
      readonly effects: readonly OutboxEntry[]
    }
  | (Forward & { readonly waiting: Waiting; readonly kind: 'forward'; readonly effects: readonly OutboxEntry[] })

export interface TurnPlan {
  readonly records: readonly JournalRecord[]
  readonly remembered: readonly Remembered[]
  /** To add to the outbox, or to replace there. */
  readonly enqueued: readonly OutboxEntry[]
  readonly dequeued: readonly number[]
  /** One for each command, in order. */
  readonly steps: readonly Step[]
  readonly revision: number
  readonly sequence: number
  readonly eventCount: number
  readonly eventBytes: number
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

/** `decisions` has one for each of `given`. `nextEffect` hands out ids and places in a chain.
 *  A decision without an answer must not come here (guest/lift-outcome.ts makes it a fault). */
export function planTurn(
  start: TurnStart,
  given: readonly Given[],
  decisions: readonly Decision[],
  nextEffect: NextEffect,
): TurnPlan {
  const planner = new TurnPlanner(start, nextEffect)
  const steps: Step[] = []
  for (let index = 0; index < given.length; index++) steps.push(planner.decided(given[index]!, decisions[index]!))
  return planner.plan(steps)
}

/** Gathers what one turn means, decision by decision. */
export class TurnPlanner {
  revision: number
  sequence: number
  readonly records: JournalRecord[] = []
  readonly enqueued: OutboxEntry[] = []
  private readonly start: TurnStart
  private readonly nextEffect: NextEffect
  private readonly remembered: Remembered[] = []
  private readonly dequeued: number[] = []
  private eventCount = 0
  private eventBytes = 0

  constructor(start: TurnStart, nextEffect: NextEffect) {
    this.start = start
    this.nextEffect = nextEffect
    this.revision = start.revision
    this.sequence = start.sequence
  }

  /** Nothing is to be written. */
  get empty(): boolean {
    return this.records.length === 0 && this.enqueued.length === 0 && this.dequeued.length === 0
  }

  decided({ waiting, command }: Given, { events, change, outcome }: Decision): Step {
    const { answer, metadata } = outcome
    if (answer.kind === 'failure') return { waiting, kind: 'refuse', failure: answer.failure, metadata }
    const { idempotencyKey, effect, hops } = waiting.command
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
    const effects = this.effects(outcome.effects, hops, chainOf(waiting.command))
    if (answer.kind === 'forward') {
      const moved = effect && { ...effect, call: answer.call, hops: hops + 1, attempts: 0 }
      if (moved !== undefined) this.enqueued.push(moved)
      return { waiting, kind: 'forward', call: answer.call, effects, remember: memory, effect: moved }
    }
    if (effect !== undefined) this.dequeued.push(effect.id)
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
  effects(effects: readonly Effect[], hops: number, chain: number | undefined): readonly OutboxEntry[] {
    if (effects.length === 0) return noEntries
    const cause = { service: this.start.service, entity: this.start.entity, revision: this.revision }
    let last: InChain | undefined
    const entries = effects.map(({ call, synchronous }): OutboxEntry => {
      last = this.nextEffect(last?.chain ?? chain)
      return { ...last, cause, call, synchronous, hops: hops + 1, attempts: 0, parked: undefined }
    })
    this.enqueued.push(...entries)
    return entries
  }

  plan(steps: readonly Step[]): TurnPlan {
    const { records, remembered, enqueued, dequeued, revision, sequence, eventCount, eventBytes } = this
    return { records, remembered, enqueued, dequeued, steps, revision, sequence, eventCount, eventBytes }
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
const noEntries: readonly OutboxEntry[] = Object.freeze([])

/** An accepted answer, to be given again under its key. */
function storedAnswer(answer: JournalRecord['answer'], metadata: Metadata): StoredAnswer {
  if (answer.kind === 'forward') return { kind: 'forward', call: answer.call, metadata }
  return { kind: 'message', payload: answer.kind === 'message' ? answer.payload : noBytes, metadata }
}

export function payloadHash(payload: Uint8Array): Uint8Array {
  return hash('sha256', payload, 'buffer')
}

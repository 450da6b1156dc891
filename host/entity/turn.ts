// Turn: what a batch of decisions means: records to write, effects to send, answers to give. Pure.
//
// T1. A failure leaves nothing of an entity behind: no record, no event, no effect, no idempotency entry (A7).
// T2. A record is written exactly when a command brings events, effects or an idempotency key.
// T3. Revisions and sequences continue without gaps in the order of the commands.
// T4. An accepted effect delivery takes its outbox entry out in the same commit; if the answer is a forward, the entry becomes
//     the forward, so that the chain goes on after a crash.
//
// Owns: the meaning of decisions.   Activation owns: when, and carrying it out.

import { hash } from 'node:crypto'
import type { Decision, GuestCommand } from '../guest/guest.ts'
import type { JournalRecord, OutboxEntry } from '../journal/journal.ts'
import type { Metadata } from '../metadata.ts'
import type { Failure } from '../outcome.ts'
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
}

/** `decisions` has one for each of `given`. `effectId` hands out outbox ids.
 *  A decision without an answer must not come here (activation.ts makes it a fault). */
export function planTurn(
  start: TurnStart,
  given: readonly Given[],
  decisions: readonly Decision[],
  effectId: () => number,
): TurnPlan {
  let { revision, sequence } = start
  let eventCount = 0
  let eventBytes = 0
  const records: JournalRecord[] = []
  const remembered: Remembered[] = []
  const enqueued: OutboxEntry[] = []
  const dequeued: number[] = []
  const steps: Step[] = []

  for (let index = 0; index < given.length; index++) {
    const { waiting, command } = given[index]!
    const { events, outcome } = decisions[index]!
    const { answer, metadata } = outcome
    if (answer.kind === 'failure') {
      steps.push({ waiting, kind: 'refuse', failure: answer.failure, metadata })
      continue
    }
    const { idempotencyKey, effect, hops } = waiting.command
    const worthWriting = events.length > 0 || outcome.effects.length > 0 || idempotencyKey !== undefined
    let memory: Remembered | undefined
    if (worthWriting) {
      revision += 1
      sequence += events.length
      records.push({
        revision,
        sequence,
        deployment: start.deployment,
        command: { ...command, idempotencyKey },
        events,
        effects: outcome.effects,
        answer,
        answerMetadata: metadata,
      })
      if (events.length > 0) {
        eventCount += events.length
        for (const event of events) eventBytes += event.data.length
      }
      if (idempotencyKey !== undefined) {
        memory = {
          key: idempotencyKey,
          entry: {
            method: command.method,
            payloadHash: payloadHash(command.payload),
            atMs: command.nowMs,
            revision,
            final: undefined,
          },
        }
        remembered.push(memory)
      }
    }
    const cause = { service: start.service, entity: start.entity, revision }
    const effects = outcome.effects.map(({ call, synchronous }): OutboxEntry => {
      return { id: effectId(), cause, call, synchronous, hops: hops + 1, attempts: 0, parked: undefined }
    })
    enqueued.push(...effects)
    if (answer.kind === 'forward') {
      const moved = effect && { ...effect, call: answer.call, hops: hops + 1, attempts: 0 }
      if (moved !== undefined) enqueued.push(moved)
      steps.push({ waiting, kind: 'forward', call: answer.call, effects, remember: memory, effect: moved })
    } else {
      if (effect !== undefined) dequeued.push(effect.id)
      const payload = answer.kind === 'message' ? answer.payload : new Uint8Array()
      steps.push({ waiting, kind: 'reply', payload, metadata, effects })
    }
  }
  return { records, remembered, enqueued, dequeued, steps, revision, sequence, eventCount, eventBytes }
}

export function payloadHash(payload: Uint8Array): Uint8Array {
  return hash('sha256', payload, 'buffer')
}

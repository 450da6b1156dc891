// Perform: carries out the steps of a turn in the promised order, after its commit: effects, then reply or forward (§command-2).
//
// P1. Effects are started in list order; the answer waits for the synchronous ones (outbox.ts).
// P2. Decides nothing: every step was planned by turn.ts.

import type { Answer } from '../command.ts'
import { InnkeeperError } from '../errors.ts'
import type { EntityRef, IdempotencyEntry, StoredAnswer } from '../journal/journal.ts'
import type { Call } from '../outcome.ts'
import { forward } from '../reply/forward.ts'
import type { EntityContext } from './context.ts'
import type { Waiting } from './mailbox.ts'
import type { Step } from './turn.ts'

type PerformContext = Pick<EntityContext, 'journal' | 'commits' | 'outbox' | 'dispatch' | 'limits' | 'log'>

export function perform(context: PerformContext, entity: EntityRef, steps: readonly Step[]): void {
  for (const step of steps) {
    const { waiting } = step
    if (step.kind === 'refuse') {
      answer(waiting, { kind: 'refusal', failure: step.failure, metadata: step.metadata })
      continue
    }
    const finish =
      step.kind === 'reply'
        ? () => answer(waiting, { kind: 'reply', payload: step.payload, metadata: step.metadata })
        : () => forward(context, waiting.command, entity, step, (reply) => answer(waiting, reply))
    if (step.effects.length === 0) finish()
    else context.outbox.run(step.effects, waiting.command.deadlineMs, finish)
  }
}

/** Answer a command whose idempotency key is known: from its record, or by forwarding once more. */
export function replayAnswer(
  context: PerformContext,
  entity: EntityRef,
  waiting: Waiting,
  known: IdempotencyEntry,
): void {
  const { final } = known
  if (final !== undefined && final.kind !== 'forward') {
    answer(waiting, fromStored(final))
    return
  }
  if (final !== undefined) {
    forwardAgain(context, entity, waiting, known, final.call)
    return
  }
  const record = context.journal.record(entity, known.revision)
  if (record === undefined) {
    const message = 'the record of this idempotency key is missing from the journal'
    answer(waiting, { kind: 'error', error: new InnkeeperError('internal', message) })
  } else if (record.answer.kind === 'forward') {
    forwardAgain(context, entity, waiting, known, record.answer.call)
  } else {
    const payload = record.answer.kind === 'message' ? record.answer.payload : new Uint8Array()
    answer(waiting, { kind: 'reply', payload, metadata: record.answerMetadata })
  }
}

/** The forward's own key makes its target decide once, so going there again is how to learn the answer. */
function forwardAgain(
  context: PerformContext,
  entity: EntityRef,
  waiting: Waiting,
  entry: IdempotencyEntry,
  call: Call,
): void {
  const remember = { key: waiting.command.idempotencyKey!, entry }
  forward(context, waiting.command, entity, { call, remember, effect: undefined }, (reply) => answer(waiting, reply))
}

function answer(waiting: Waiting, reply: Answer): void {
  if (!waiting.abandoned) waiting.reply(reply)
}

function fromStored(stored: Exclude<StoredAnswer, { kind: 'forward' }>): Answer {
  if (stored.kind === 'message') return { kind: 'reply', payload: stored.payload, metadata: stored.metadata }
  const { code, message, details, metadata } = stored
  return { kind: 'refusal', failure: { code, message, details }, metadata }
}

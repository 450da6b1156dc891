// Perform: carries out the steps of a turn in the promised order, after its commit: effects, then reply or forward (§command-2).
//
// P1. Effects are started in list order; the answer waits for the synchronous ones (outbox.ts).
//
// Decides nothing: every step was planned (turn.ts, replicated/).

import type { Answer } from '../command.ts'
import { type Commits, together } from '../commits.ts'
import { InnkeeperError } from '../errors.ts'
import type { EntityRef, IdempotencyEntry, StoredAnswer } from '../journal/journal.ts'
import { noMetadata } from '../metadata.ts'
import type { Call } from '../outcome.ts'
import { forward } from '../reply/forward.ts'
import { inPortions } from '../slices.ts'
import type { EntityContext } from './context.ts'
import type { Waiting, Work } from './mailbox.ts'
import { type StreamOwner, tellMax } from './open-stream.ts'
import type { CommandStep, Step } from './step.ts'

type PerformContext = Pick<
  EntityContext,
  'keeper' | 'journal' | 'commits' | 'outbox' | 'dispatch' | 'limits' | 'log' | 'clock'
>

export function perform(context: PerformContext, entity: EntityRef, steps: readonly Step[], owner: StreamOwner): void {
  // Nothing is committed in between: of its own commit, where the turn had one.
  const { commits } = context.keeper.newest
  for (const step of steps) {
    switch (step.kind) {
      case 'refuse':
        answer(step.waiting, { kind: 'refusal', failure: step.failure, metadata: step.metadata, commits })
        break
      case 'reply':
      case 'forward':
        accepted(context, entity, step, commits)
        break
      case 'show':
        show(step, commits)
        break
      case 'defer':
        deferred(context, entity, step)
        break
      case 'resolve':
        context.keeper.tickets.resolved(entity, step.ticket, { ...step.answer, commits })
        break
      case 'unresolved':
        context.log.debug({ ticket: step.ticket }, 'a ticket was to be resolved that is not open')
        break
      case 'fail':
        answer(step.waiting, { kind: 'error', error: step.error, commits })
        break
      case 'tell':
        step.stream.tell(step.output, commits)
        break
      case 'open':
        step.stream.opened(step.subscription, owner)
        break
      case 'finish':
        if (step.streams.length === 1) step.streams[0]!.finish()
        else void inPortions(step.streams, tellMax, (stream) => stream.finish(), context.clock)
        break
      case 'cut':
        step.stream.fail({ kind: 'error', error: step.error })
        step.stream.cancel()
        break
      case 'start':
        context.outbox.run(step.effects, Number.POSITIVE_INFINITY, () => {})
        break
      case 'learned':
        step.news.done(step.error)
    }
  }
}

function accepted(
  context: PerformContext,
  entity: EntityRef,
  step: Extract<CommandStep, { kind: 'reply' | 'forward' }>,
  own: Commits,
): void {
  const { waiting } = step
  const finish = (commits: Commits | undefined) => {
    if (step.kind === 'reply')
      answer(waiting, { kind: 'reply', payload: step.payload, metadata: step.metadata, commits })
    else forward(context, waiting.command, entity, step, commits, (reply) => answer(waiting, reply))
  }
  if (step.effects.length === 0) finish(own)
  else context.outbox.run(step.effects, waiting.command.deadlineMs, (others) => finish(together(own, others)))
}

/** Its call stays open; who sent an effect has an answer of another kind. */
function deferred(
  { outbox, keeper }: PerformContext,
  entity: EntityRef,
  { waiting, ticket, effects }: Extract<CommandStep, { kind: 'defer' }>,
): void {
  if (effects.length > 0) outbox.run(effects, waiting.command.deadlineMs, () => {})
  if (waiting.command.effect === undefined) keeper.tickets.wait(entity, ticket, waiting)
  else answerDelivered(waiting)
}

/** Answer a command whose idempotency key is known: from its record, or by forwarding once more. */
export function replayAnswer(
  context: PerformContext,
  entity: EntityRef,
  waiting: Waiting,
  known: IdempotencyEntry,
): void {
  const { final } = known
  // It writes nothing, and what it tells of may have been written at any time before.
  const { commits } = context.keeper.newest
  if (final?.kind === 'later') {
    reattach(context, entity, waiting, final.ticket)
    return
  }
  if (final !== undefined && final.kind !== 'forward') {
    answer(waiting, { ...fromStored(final), commits })
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
    answer(waiting, { kind: 'reply', payload, metadata: record.answerMetadata, commits })
  }
}

/** A caller that comes again under its key waits again. */
function reattach({ keeper }: PerformContext, entity: EntityRef, waiting: Waiting, ticket: string): void {
  if (keeper.standing.ticket(entity, ticket) !== undefined) {
    keeper.tickets.wait(entity, ticket, waiting)
    return
  }
  const message = `the ticket ${ticket} was just resolved, or its time is just up; ask again under the same key`
  answer(waiting, { kind: 'error', error: new InnkeeperError('overloaded', message) })
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
  const { commits } = context.keeper.newest
  const onward = { call, remember, effect: undefined }
  forward(context, waiting.command, entity, onward, commits, (reply) => answer(waiting, reply))
}

function show(
  { waiting, payload, metadata, revision }: Extract<CommandStep, { kind: 'show' }>,
  commits: Commits,
): void {
  if (!waiting.abandoned) waiting.read?.({ payload, metadata, commits }, revision)
}

/** Whether the call is answered once or by a stream. */
export function answer(waiting: Waiting, reply: Answer): void {
  if (waiting.abandoned) return
  const { stream } = waiting
  if (stream === undefined) waiting.reply(reply)
  else if (reply.kind !== 'reply') stream.fail(reply)
  else {
    const { payload, metadata, commits } = reply
    stream.tell({ answer: { kind: 'message', payload }, metadata, effects: [] }, commits)
    stream.finish()
  }
}

/** The effect was delivered before: nobody waits for what it is answered. */
export function answerDelivered(waiting: Waiting): void {
  answer(waiting, { kind: 'reply', payload: new Uint8Array(), metadata: noMetadata })
}

/** Nothing comes of it. That a client left is found again on disk. */
export function fail(work: Work, error: InnkeeperError): void {
  if (work.kind === 'command') answer(work, { kind: 'error', error })
  else if (work.kind === 'news') work.done(error)
}

function fromStored(stored: Exclude<StoredAnswer, { kind: 'forward' | 'later' }>): Answer {
  if (stored.kind === 'message') return { kind: 'reply', payload: stored.payload, metadata: stored.metadata }
  const { code, message, details, metadata } = stored
  return { kind: 'refusal', failure: { code, message, details }, metadata }
}

// Deciding: what becomes of one command of a replicated entity: view, decision, operations, rendered answer.
//
// D1. Whatever fails, before or after the operations were applied, leaves the replica as it was.
// D2. A command that is accepted is recorded with its delta in one record, and the streams hear of it behind its answer.
//
// Owns: one command.   replica-turn.ts owns: applying.   telling.ts owns: what streams hear.

import type { Applied } from '../../crdt/replica.ts'
import { InnkeeperError, wire } from '../../errors.ts'
import type { GuestCommand, ReplicatedDecision } from '../../guest/guest.ts'
import { GuestFault, guestCommand } from '../../guest/guest.ts'
import type { StoredSubscription } from '../../journal/journal.ts'
import { noMetadata } from '../../metadata.ts'
import type { Failure, Outcome } from '../../outcome.ts'
import type { Method } from '../../services.ts'
import { wrongTicket } from '../batched.ts'
import type { Waiting } from '../mailbox.ts'
import { changingRead } from '../only-reading.ts'
import { stateTooDear, stateTooLargeError } from '../reading-cost.ts'
import type { Step } from '../step.ts'
import { isWritten } from '../turn.ts'
import { leave } from './leaving.ts'
import type { ReplicaTurn } from './replica-turn.ts'
import { deltaOf, faultOf, nothingApplied } from './replica-turn.ts'

const entityDeleted: Failure = { code: wire.unknown_entity.grpc, message: 'Entity deleted', details: [] }

export function decideCommand(turn: ReplicaTurn, waiting: Waiting): void {
  const { planner, replica, parts } = turn
  if (replica.deleted) {
    planner.refuse(waiting, entityDeleted, noMetadata)
    return
  }
  const method = parts.service.methods.get(waiting.command.method)!
  const command = guestCommand(waiting.command, turn.nowMs, turn.given.seed())
  const size = replica.size
  let applied = nothingApplied
  let decision: ReplicatedDecision
  let outcome: Outcome
  try {
    decision = decide(turn, method, waiting, command)
    applied = turn.apply(decision)
    outcome = rendered(turn, method, command, decision)
    const changing = changingRead(waiting, decision.operations.length > 0 || decision.delete, outcome)
    if (changing !== undefined) throw changing
    const tooDear = replica.size > size && !decision.delete ? parts.cost.viewTooDear(replica.size) : undefined
    if (tooDear !== undefined) throw stateTooDear(tooDear)
    checkDisk(turn, waiting, decision, applied, outcome)
    const wrong = wrongTicket(outcome, waiting.command, turn.standing, new Map())
    if (wrong !== undefined) throw wrong
  } catch (error) {
    applied.undo()
    failed(turn, waiting, error)
    return
  }
  turn.said(waiting.command, outcome)
  if (outcome.answer.kind === 'failure') {
    applied.undo()
    const { failure } = outcome.answer
    planner.refuse(waiting, failure, outcome.metadata)
  } else if (decision.delete) {
    deleted(turn, waiting, command, applied, outcome)
  } else {
    const opened = subscription(turn, waiting, decision.subscribe)
    accepted(turn, waiting, command, outcome, applied.delta, opened)
    if (applied.changed) turn.telling.changed(turn, opened?.id)
    // Nobody is there to listen: an effect, or a forward of a call that is answered once.
    if (opened !== undefined && waiting.stream === undefined) leave(turn, opened.id)
  }
}

/** @throws GuestFault, InnkeeperError */
function decide(turn: ReplicaTurn, method: Method, waiting: Waiting, command: GuestCommand): ReplicatedDecision {
  const { service, id, cost } = turn.parts
  const { size } = turn.replica
  const decision = service.guest.decide(service.name, id, turn.view(method.view, command), command)
  if (method.view.kind === 'all') cost.viewed({ bytes: size, units: service.guest.lastCall.used, sizeMax: size })
  if (decision.subscribe !== undefined && !method.type.serverStreaming)
    throw new GuestFault('malformed', 'a stream was opened by a method that answers once')
  checkSubscription(turn, waiting, decision.subscribe)
  return decision
}

/** @throws GuestFault, InnkeeperError `bad_request` */
function rendered(turn: ReplicaTurn, method: Method, command: GuestCommand, { answer }: ReplicatedDecision): Outcome {
  if (answer.kind === 'now') return answer.outcome
  const { service, id } = turn.parts
  return service.guest.render(service.name, id, turn.view(method.view, command), command, answer.note)
}

/** Open streams are many, and all of this stays in memory. @throws InnkeeperError `message_too_large` where the request alone is too
 *  large, `state_too_large` where the function's note makes it so */
function checkSubscription({ parts }: ReplicaTurn, { command }: Waiting, note: Uint8Array | undefined): void {
  const { subscriptionBytesMax } = parts.limits
  if (note === undefined) return
  const request = command.payload.length
  if (request + note.length <= subscriptionBytesMax) return
  if (request > subscriptionBytesMax)
    throw new InnkeeperError(
      'message_too_large',
      `the request of a stream on an entity may have ${subscriptionBytesMax} bytes; this one has ${request}`,
    )
  throw new InnkeeperError(
    'state_too_large',
    `the function keeps a note of ${note.length} bytes for this stream; with the request of ${request} bytes it may have ${subscriptionBytesMax}`,
  )
}

/** @throws InnkeeperError `storage_quota` where it is written, and the service has all that it may have on disk */
function checkDisk(
  { given }: ReplicaTurn,
  waiting: Waiting,
  decision: ReplicatedDecision,
  { delta }: Applied,
  outcome: Outcome,
): void {
  if (decision.delete || outcome.answer.kind === 'failure') return
  if (!isWritten(waiting, 0, deltaOf(delta), outcome)) return
  const refusal = given.refusal(waiting.command.idempotencyKey !== undefined)
  if (refusal !== undefined) throw refusal
}

function failed({ planner }: ReplicaTurn, waiting: Waiting, thrown: unknown): void {
  if (thrown instanceof InnkeeperError) {
    planner.steps.push({ kind: 'fail', waiting, error: thrown })
    return
  }
  const fault = faultOf(thrown)
  if (fault.reason !== 'state_too_large') planner.failed(waiting, fault)
  else planner.steps.push({ kind: 'fail', waiting, error: stateTooLargeError(fault) })
}

/** Other subscribers see the value as it was before the deletion, behind this command's answer. */
function deleted(turn: ReplicaTurn, waiting: Waiting, command: GuestCommand, applied: Applied, outcome: Outcome): void {
  const { planner, telling } = turn
  const start = planner.steps.length
  if (applied.changed) telling.changed(turn, undefined)
  const told = planner.steps.splice(start)
  accepted(turn, waiting, command, outcome, telling.deleted(turn), undefined)
  planner.steps.push(...told)
  telling.endOnceTold(turn)
}

function subscription(
  { parts, subscriptions, planner }: ReplicaTurn,
  { command, stream }: Waiting,
  note: Uint8Array | undefined,
): StoredSubscription | undefined {
  if (note === undefined) return undefined
  const { method, payload } = command
  const stored: StoredSubscription = { id: parts.subscriptionId(), method, payload, note }
  subscriptions.add(stored, stream)
  if (stream !== undefined) planner.subscribed.push(stored)
  return stored
}

function accepted(
  { planner }: ReplicaTurn,
  waiting: Waiting,
  command: GuestCommand,
  outcome: Outcome,
  delta: Uint8Array | undefined,
  opened: StoredSubscription | undefined,
): void {
  planner.decide({ waiting, command }, { events: [], change: deltaOf(delta), outcome }, (step) => {
    const { stream } = waiting
    if (stream === undefined) return [step]
    const effects = step.kind === 'refuse' || step.kind === 'show' ? [] : step.effects
    const { answer, metadata } = outcome
    const tell: Step = { kind: 'tell', stream, output: { answer, metadata, effects } }
    if (opened !== undefined) return [tell, { kind: 'open', stream, subscription: opened }]
    // A method that streams may answer without a stream: that answer is all (§subscription-3).
    return [tell, { kind: 'finish', streams: [stream] }]
  })
}

// Lift of outcomes: decisions and what the next call starts from, each limit of a decision checked on the way (§limit).
//
// O1. A failure of an entity keeps no events and no effects: whatever the guest put there is not even read (§refusal-2, law L3),
//     but for a strict lift, where it is a fault. An action's keeps its effects (§refusal-3).
// O2. `none` as an answer is a fault where an answer is due: on every unary method (§command-6).
// O3. An event without a type name is a fault: it could never be folded again.
// O4. Names in metadata are lower case and of letters that every transport carries; `-bin` has bytes, others text. An entry
//     that is otherwise is left out, unread (§metadata-5: it must not fail the call); in a strict lift it is a fault.
// O5. What an effect asks for must go together: a synchronous one has neither `due` nor `answer`; a name is set once in an outcome; names,
//     answers, cancels, resolutions and deferred replies are said by unary methods of entities only. All else is a fault.
// O6. Log lines are a courtesy: those past `logLinesMax` and `logBytesMax` are left out, unread, and never fail the call.
//
// Owns: records of outcomes.   lift.ts owns: values and the budget.

import type { Metadata, MetadataEntry } from '../metadata.ts'
import { noMetadata } from '../metadata.ts'
import type {
  AnswerTo,
  Call,
  Effect,
  Failure,
  GuestAnswer,
  LogLine,
  Outcome,
  Resolution,
  Typed,
  Due as WhenDue,
} from '../outcome.ts'
import { type Decision, GuestFault, type Next } from './guest.ts'
import { sizes } from './layout.ts'
import type { Lift } from './lift.ts'
import { liftNames, stateTooLarge } from './lift.ts'

export const noEvents: readonly Typed[] = Object.freeze([])
const noEffects: readonly Effect[] = Object.freeze([])
const noLogs: readonly LogLine[] = Object.freeze([])
const levels = ['debug', 'info', 'warn', 'error'] as const

/** Of one outcome: lines, and bytes of their text. */
const logLinesMax = 100
const logBytesMax = 16 * 1024

const codes = 16
const headerName = /^[0-9a-z_.-]+$/

/** Details of one failure: what fits the headers of a gRPC answer is far less. */
const detailsMax = 100

/** What a kind of method asks of its outcomes. */
export interface Due {
  /** `none` is no answer. */
  readonly answer: boolean
  /** A failure's effects count. */
  readonly effectsOfFailures: boolean
  /** There is an entity that has names, tickets, and can be answered. */
  readonly entity: boolean
}

export const unary: Due = { answer: true, effectsOfFailures: false, entity: true }
export const streamed: Due = { answer: false, effectsOfFailures: false, entity: false }
export const actionUnary: Due = { answer: true, effectsOfFailures: true, entity: false }
export const actionStream: Due = { answer: false, effectsOfFailures: true, entity: false }

export function liftDecision(lift: Lift, at: number): Decision {
  const outcome = liftOutcome(lift, at + 8, unary)
  if (outcome.answer.kind === 'failure') {
    lift.besideFailure(lift.memory.u32(at + 4), 'events')
    return { events: noEvents, change: undefined, outcome }
  }
  return { events: liftEvents(lift, at), change: undefined, outcome }
}

export function liftNext(lift: Lift, at: number, wantState: boolean): Next {
  switch (lift.case(at, 3, 'next')) {
    case 0:
      return { kind: 'unchanged' }
    case 1:
      return { kind: 'state', bytes: lift.state(at + 4) }
    default:
      return liftHeld(lift, at + 4, wantState)
  }
}

export function liftHeld(lift: Lift, at: number, wantState: boolean): Extract<Next, { kind: 'held' }> {
  const token = lift.memory.u32(at)
  const sizeMax = lift.memory.u32(at + 4)
  const { stateBytesMax } = lift.limits
  if (sizeMax > stateBytesMax) {
    throw stateTooLarge('the state', sizeMax, stateBytesMax)
  }
  const present = lift.case(at + 8, 2, 'held state') === 1
  if (wantState && !present) throw new GuestFault('malformed', 'the state was asked for and did not come')
  // Read only when asked for: a guest that sends it every time must not cost a copy every time.
  return { kind: 'held', token, sizeMax, bytes: wantState ? lift.state(at + 12) : undefined }
}

export function liftOutcome(lift: Lift, at: number, due: Due): Outcome {
  const answer = liftAnswer(lift, at, due)
  const dropped = answer.kind === 'failure' && !due.effectsOfFailures
  if (dropped) lift.besideFailure(lift.memory.u32(at + 44), 'effects')
  const effects = dropped ? noEffects : liftEffects(lift, at + 40, due)
  const metadata = liftMetadata(lift, at + 48)
  const logs = liftLogs(lift, at + 56)
  if (answer.kind === 'failure') {
    lift.besideFailure(lift.memory.u32(at + 68), 'cancels')
    lift.besideFailure(lift.memory.u32(at + 76), 'resolutions')
    return { answer, effects, metadata, logs }
  }
  const cancels = liftCancels(lift, at + 64, due)
  const resolves = liftResolves(lift, at + 72, due)
  if (cancels === undefined && resolves === undefined) return { answer, effects, metadata, logs }
  return { answer, effects, metadata, logs, cancels, resolves }
}

function liftCancels(lift: Lift, at: number, due: Due): readonly string[] | undefined {
  const { count } = lift.listStart(at, sizes.list, 1)
  if (count === 0) return undefined
  ofAnEntity(due, 'cancels')
  return liftNames(lift, at, lift.limits.decisionEffectsMax, 'cancels of a decision')
}

function liftResolves(lift: Lift, at: number, due: Due): readonly Resolution[] | undefined {
  const list = lift.list(at, sizes.resolution, lift.limits.decisionEffectsMax, 'resolutions of a decision')
  if (list.count === 0) return undefined
  ofAnEntity(due, 'resolutions')
  return Array.from({ length: list.count }, (_, index) => liftResolution(lift, list.at + index * sizes.resolution))
}

function liftResolution(lift: Lift, at: number): Resolution {
  const ticket = liftUniqueName(lift, at, 'a ticket')
  const method = lift.name(at + 8, 'the method of a ticket')
  const failed = lift.case(at + 16, 2, 'a resolution') === 1
  const answer = failed
    ? ({ kind: 'failure', failure: liftFailure(lift, at + 20) } as const)
    : ({ kind: 'message', payload: lift.bytes(at + 20, lift.limits.messageBytesMax, 'a reply') } as const)
  return { ticket, method, answer, metadata: liftMetadata(lift, at + 40) }
}

/** @throws GuestFault: in an action, or in a method that streams */
function ofAnEntity(due: Due, what: string): void {
  if (!due.entity) throw new GuestFault('malformed', `${what}: only unary methods of entities have them`)
}

function liftUniqueName(lift: Lift, at: number, what: string): string {
  const name = lift.name(at, what)
  if (name === '') throw new GuestFault('malformed', `${what} is empty`)
  return name
}

function liftLogs(lift: Lift, at: number): readonly LogLine[] {
  if (lift.memory.u32(at + 4) === 0) return noLogs
  const list = lift.listStart(at, sizes.logLine, logLinesMax)
  const lines: LogLine[] = []
  let left = logBytesMax
  for (let i = 0; i < list.count && left > 0; i++) {
    const lineAt = list.at + i * sizes.logLine
    const level = levels[lift.case(lineAt, levels.length, 'the level of a log line')]!
    const text = lift.textStart(lineAt + 4, left)
    lines.push({ level, text })
    left -= lift.memory.u32(lineAt + 8)
  }
  return lines
}

function liftAnswer(lift: Lift, at: number, due: Due): GuestAnswer {
  if (lift.case(at, 2, 'outcome') === 1) return { kind: 'failure', failure: liftFailure(lift, at + 4) }
  switch (lift.case(at + 4, 4, 'reply')) {
    case 0:
      return { kind: 'message', payload: lift.bytes(at + 8, lift.limits.messageBytesMax, 'the reply') }
    case 1:
      return { kind: 'forward', call: liftCall(lift, at + 8) }
    case 2:
      if (!due.answer) return { kind: 'none' }
      throw new GuestFault('malformed', 'a unary method was answered with neither a reply nor a forward')
    default:
      return liftLater(lift, at + 8, due)
  }
}

function liftLater(lift: Lift, at: number, due: Due): GuestAnswer {
  ofAnEntity(due, 'deferred replies')
  const ticket = liftUniqueName(lift, at, 'a ticket')
  const withinS = lift.case(at + 8, 2, 'the time of a ticket') === 1 ? lift.memory.u32(at + 12) : undefined
  if (withinS === 0) throw new GuestFault('malformed', 'a ticket is open for 0 seconds')
  return { kind: 'later', deferred: { ticket, withinS } }
}

function liftFailure(lift: Lift, at: number): Failure {
  const code = lift.case(at, codes, 'failure code') + 1
  const message = lift.text(at + 4, lift.limits.messageBytesMax, 'the message of a failure')
  const list = lift.list(at + 12, sizes.typed, detailsMax, 'details of a failure')
  const details: Typed[] = []
  for (let i = 0; i < list.count; i++) details.push(liftTyped(lift, list.at + i * sizes.typed, 'a detail'))
  return { code, message, details }
}

function liftEvents(lift: Lift, at: number): readonly Typed[] {
  const { decisionEventsMax, decisionEventBytesMax } = lift.limits
  const list = lift.list(at, sizes.typed, decisionEventsMax, 'events of a decision')
  if (list.count === 0) return noEvents
  const events: Typed[] = []
  let bytes = 0
  for (let i = 0; i < list.count; i++) {
    const event = liftTyped(lift, list.at + i * sizes.typed, 'an event')
    bytes += event.data.length
    if (bytes > decisionEventBytesMax) {
      throw new GuestFault('too_large', `events of a decision: over ${decisionEventBytesMax} bytes`)
    }
    events.push(event)
  }
  return events
}

function liftTyped(lift: Lift, at: number, what: string): Typed {
  const typeName = lift.name(at, what)
  if (typeName === '') throw new GuestFault('malformed', `${what} has no type name`)
  return { typeName, data: lift.bytes(at + 8, lift.limits.messageBytesMax, what) }
}

function liftEffects(lift: Lift, at: number, due: Due): readonly Effect[] {
  const list = lift.list(at, sizes.effect, lift.limits.decisionEffectsMax, 'effects of a decision', 8)
  if (list.count === 0) return noEffects
  const effects: Effect[] = []
  let names: Set<string> | undefined
  for (let i = 0; i < list.count; i++) {
    const effect = liftEffect(lift, list.at + i * sizes.effect, due)
    effects.push(effect)
    if (effect.name === undefined) continue
    names ??= new Set()
    if (names.has(effect.name))
      throw new GuestFault('malformed', `two effects of one decision have the name ${effect.name}`)
    names.add(effect.name)
  }
  return effects
}

function liftEffect(lift: Lift, at: number, due: Due): Effect {
  const synchronous = lift.bool(at + 32)
  const when = liftDue(lift, at + 40)
  const name =
    lift.case(at + 56, 2, 'the name of an effect') === 1
      ? liftUniqueName(lift, at + 60, 'the name of an effect')
      : undefined
  const answer = lift.case(at + 68, 2, 'the answer of an effect') === 1 ? liftAnswerTo(lift, at + 72) : undefined
  const withinMs = lift.case(at + 88, 2, 'within') === 1 ? lift.milliseconds(at + 96, 'within') : undefined
  if (name !== undefined || answer !== undefined) ofAnEntity(due, 'names and answers of effects')
  if (synchronous && (when !== undefined || answer !== undefined))
    throw new GuestFault('malformed', 'a synchronous effect is due at once, and has no answer')
  if (withinMs === 0) throw new GuestFault('malformed', 'an effect is to be answered within 0 milliseconds')
  const call = liftCall(lift, at)
  // What few effects have is no field of the others.
  return {
    call,
    synchronous,
    ...(when && { due: when }),
    ...(name !== undefined && { name }),
    ...(answer && { answer }),
    ...(withinMs !== undefined && { withinMs }),
  }
}

function liftDue(lift: Lift, at: number): WhenDue | undefined {
  const kind = ([undefined, 'after', 'at'] as const)[lift.case(at, 3, 'when an effect is due')]
  return kind && { kind, ms: lift.milliseconds(at + 8, 'when an effect is due') }
}

function liftAnswerTo(lift: Lift, at: number): AnswerTo {
  return {
    method: liftUniqueName(lift, at, 'the method of an answer'),
    note: lift.bytes(at + 8, lift.limits.messageBytesMax, 'the note of an answer'),
  }
}

function liftCall(lift: Lift, at: number): Call {
  return {
    service: lift.name(at, 'the service of a call'),
    method: lift.name(at + 8, 'the method of a call'),
    payload: lift.bytes(at + 16, lift.limits.messageBytesMax, 'the payload of a call'),
    metadata: liftMetadata(lift, at + 24),
  }
}

function liftMetadata(lift: Lift, at: number): Metadata {
  const { metadataBytesMax } = lift.limits
  const list = lift.list(at, sizes.metadataEntry, metadataBytesMax, 'metadata')
  if (list.count === 0) return noMetadata
  const metadata: MetadataEntry[] = []
  let left = metadataBytesMax
  for (let i = 0; i < list.count; i++) {
    const entryAt = list.at + i * sizes.metadataEntry
    const name = lift.name(entryAt, 'a name in metadata')
    const binary = lift.case(entryAt + 8, 2, 'metadata') === 1
    const wrong = untransportable(name, binary)
    if (wrong !== undefined) {
      if (lift.strict) throw new GuestFault('malformed', wrong)
      continue
    }
    const value = binary
      ? lift.bytes(entryAt + 12, metadataBytesMax, 'metadata')
      : lift.text(entryAt + 12, metadataBytesMax, 'metadata')
    left -= name.length + lift.memory.u32(entryAt + 16)
    if (left < 0) throw new GuestFault('too_large', `metadata: over ${metadataBytesMax} bytes`)
    metadata.push([name, value])
  }
  return metadata
}

function untransportable(name: string, binary: boolean): string | undefined {
  if (!headerName.test(name)) return 'a name in metadata has other characters than 0-9a-z_.-'
  if (binary !== name.endsWith('-bin')) return 'metadata: names ending in -bin have bytes, others text'
  return undefined
}

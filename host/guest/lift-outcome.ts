// Lift of outcomes: decisions and what the next call starts from, each limit of a decision checked on the way (§limit).
//
// O1. A failure of an entity keeps no events and no effects: whatever the guest put there is not even read (§refusal-2, law L3),
//     but for a strict lift, where it is a fault. An action's keeps its effects (§refusal-3).
// O2. `none` as an answer is a fault where an answer is due: on every unary method (§command-6).
// O3. An event without a type name is a fault: it could never be folded again.
// O4. Names in metadata are lower case and of letters that every transport carries; `-bin` has bytes, others text. An entry
//     that is otherwise is left out, unread (§metadata-5: it must not fail the call); in a strict lift it is a fault.
// O5. Log lines are a courtesy: those past `logLinesMax` and `logBytesMax` are left out, unread, and never fail the call.
//
// Owns: records of outcomes.   lift.ts owns: values and the budget.

import type { Metadata, MetadataEntry } from '../metadata.ts'
import { noMetadata } from '../metadata.ts'
import type { Call, Effect, Failure, GuestAnswer, LogLine, Outcome, Typed } from '../outcome.ts'
import { type Decision, GuestFault, type Next } from './guest.ts'
import { sizes } from './layout.ts'
import type { Lift } from './lift.ts'
import { stateTooLarge } from './lift.ts'

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
}

export const unary: Due = { answer: true, effectsOfFailures: false }
export const streamed: Due = { answer: false, effectsOfFailures: false }
export const actionUnary: Due = { answer: true, effectsOfFailures: true }
export const actionStream: Due = { answer: false, effectsOfFailures: true }

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
  const effects = dropped ? noEffects : liftEffects(lift, at + 40)
  return { answer, effects, metadata: liftMetadata(lift, at + 48), logs: liftLogs(lift, at + 56) }
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
  switch (lift.case(at + 4, 3, 'reply')) {
    case 0:
      return { kind: 'message', payload: lift.bytes(at + 8, lift.limits.messageBytesMax, 'the reply') }
    case 1:
      return { kind: 'forward', call: liftCall(lift, at + 8) }
    default:
      if (!due.answer) return { kind: 'none' }
      throw new GuestFault('malformed', 'a unary method was answered with neither a reply nor a forward')
  }
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

function liftEffects(lift: Lift, at: number): readonly Effect[] {
  const list = lift.list(at, sizes.effect, lift.limits.decisionEffectsMax, 'effects of a decision')
  if (list.count === 0) return noEffects
  const effects: Effect[] = []
  for (let i = 0; i < list.count; i++) {
    const effectAt = list.at + i * sizes.effect
    effects.push({ call: liftCall(lift, effectAt), synchronous: lift.bool(effectAt + 32) })
  }
  return effects
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

// Outcome: answers of handlers as the boundary has them. Every kind of service ends here.
//
// O1. What the caller got wrong (unknown method, malformed request) is a refusal; what the author got wrong throws, and the
//     host runs the batch again one by one.
// O2. An outcome is made when all of the author's code for it has run: it takes the log lines.

import { MalformedError } from '../codec/errors.ts'
import type { AnyMethod, ServiceType } from '../codec/message.ts'
import { messageTypeOf } from '../codec/message.ts'
import type { Call, Effect, MetadataEntry } from '../decision.ts'
import { Acceptance, Refusal } from '../decision.ts'
import { takeLogs } from './logs.ts'
import type { WireCall, WireMetadataEntry, WireOutcome, WireReply } from './wire.ts'

const nothing: readonly never[] = []

/** What comes with a reply. */
type Accompaniment = Pick<Acceptance, 'effects' | 'headers'>
export const alone: Accompaniment = { effects: [], headers: [] }

/** A method with what the author wrote for it. */
export interface Running<Handler> {
  readonly method: AnyMethod
  readonly handler: Handler
  /** For messages: `Counter/Add`. */
  readonly name: string
}

/** The methods of a service by their names on the wire. */
export function runningMethods<Handler>(
  service: ServiceType,
  handlers: Readonly<Record<string, Handler>>,
): ReadonlyMap<string, Running<Handler>> {
  const running = new Map<string, Running<Handler>>()
  for (const [key, method] of Object.entries(service.methods)) {
    running.set(method.name, { method, handler: handlers[key]!, name: `${service.typeName}/${method.name}` })
  }
  return running
}

export function unknownMethod(service: string, method: string): Refusal {
  return new Refusal('UNIMPLEMENTED', `${service} has no method ${method}`)
}

/** The request, or a refusal if the bytes are none. */
export function decodeRequest({ request }: AnyMethod, payload: Uint8Array): object | Refusal {
  try {
    return request.decode(payload)
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
    return new Refusal('INVALID_ARGUMENT', `the request is no ${request.typeName}: ${error.message}`)
  }
}

export function answerOf(name: string, answer: unknown): Acceptance | Refusal {
  if (answer instanceof Acceptance || answer instanceof Refusal) return answer
  throw new TypeError(`${name} answered neither accept nor refuse`)
}

/** An entity's refusal has no effects (law L3): the host would drop them in silence. */
export function entityRefusal(name: string, refusal: Refusal): WireOutcome {
  if (refusal.effects.length > 0) throw new TypeError(`${name} refuses with effects, which only an action can`)
  return refusedOutcome(refusal)
}

export function refusedOutcome({ code, message, details, headers, effects }: Refusal): WireOutcome {
  const failure = {
    code: code.toLowerCase().replaceAll('_', '-'),
    message,
    details: details.map((detail) => {
      const type = messageTypeOf(detail)
      if (type === undefined) throw new TypeError('a detail of a refusal was not made by its message type')
      return { typeName: type.typeName, data: type.encode(detail) }
    }),
  }
  return {
    answer: { tag: 'err', val: failure },
    effects: wireEffects(effects),
    metadata: wireMetadata(headers),
    logs: takeLogs(),
  }
}

/** `after` is what a computed reply looks at. */
export function acceptedOutcome(
  { method, name }: Running<unknown>,
  acceptance: Acceptance,
  after: unknown,
): WireOutcome {
  return outcomeOf(wireReply(method, name, acceptance, after), acceptance)
}

export function outcomeOf(reply: WireReply, { effects, headers }: Accompaniment): WireOutcome {
  return {
    answer: { tag: 'ok', val: reply },
    effects: wireEffects(effects),
    metadata: wireMetadata(headers),
    logs: takeLogs(),
  }
}

function wireReply(method: AnyMethod, name: string, { answer }: Acceptance, after: unknown): WireReply {
  switch (answer.kind) {
    case 'forward':
      return { tag: 'forward', val: wireCall(answer.call) }
    case 'due':
      throw new TypeError(`${name} accepts without a reply or a forward`)
    case 'stream':
      if (answer.reply === undefined) return noReply
  }
  const { reply } = answer
  return messageReply(method, name, typeof reply === 'function' ? (reply as (after: unknown) => object)(after) : reply)
}

export const noReply: WireReply = { tag: 'none' }

export function messageReply({ reply: type }: AnyMethod, name: string, reply: unknown): WireReply {
  if (typeof reply !== 'object' || reply === null) {
    throw new TypeError(`${name} replies ${String(reply)}, not a ${type.typeName}`)
  }
  return { tag: 'message', val: type.encode(reply) }
}

function wireEffects(effects: readonly Effect[]): WireOutcome['effects'] {
  if (effects.length === 0) return nothing
  return effects.map(({ call, synchronous }) => ({ call: wireCall(call), synchronous }))
}

function wireCall({ service, method, payload, metadata }: Call): WireCall {
  return { service, method, payload, metadata: wireMetadata(metadata) }
}

function wireMetadata(entries: readonly MetadataEntry[]): readonly WireMetadataEntry[] {
  if (entries.length === 0) return nothing
  return entries.map(([name, value]) => ({
    name,
    value: typeof value === 'string' ? { tag: 'text', val: value } : { tag: 'binary', val: value },
  }))
}

// Outcome: answers of handlers as the boundary has them. Every kind of service ends here.
//
// O1. What the caller got wrong (unknown method, malformed request) is a refusal; what the author got wrong throws, and the
//     host runs the batch again one by one.
// O2. An outcome is made when all of the author's code for it has run: it takes the log lines.

import { MalformedError } from '../codec/errors.ts'
import type { AnyMethod, ServiceType } from '../codec/message.ts'
import { messageTypeOf } from '../codec/message.ts'
import type { Call, Effect, MetadataEntry, Resolution } from '../decision.ts'
import { Acceptance, Refusal } from '../decision.ts'
import { takeLogs } from './logs.ts'
import type {
  WireCall,
  WireEffect,
  WireFailure,
  WireMetadataEntry,
  WireOutcome,
  WireReply,
  WireResolution,
} from './wire.ts'

const nothing: readonly never[] = []

/** What comes with a reply. */
interface Accompaniment {
  readonly effects: readonly Effect[]
  readonly headers: readonly MetadataEntry[]
  readonly cancels?: readonly string[]
  readonly resolves?: readonly Resolution[]
}
export const alone: Accompaniment = { effects: [], headers: [] }

/** A method with what the author wrote for it. */
export interface Running<Handler> {
  readonly service: ServiceType
  readonly method: AnyMethod
  readonly handler: Handler
  /** For messages: `Counter/Add`. */
  readonly name: string
}

/** Whose methods an answer names as handlers do. */
type Naming = Pick<Running<unknown>, 'service' | 'name'>

/** The methods of a service by their names on the wire. */
export function runningMethods<Handler>(
  service: ServiceType,
  handlers: Readonly<Record<string, Handler>>,
): ReadonlyMap<string, Running<Handler>> {
  const running = new Map<string, Running<Handler>>()
  for (const [key, method] of Object.entries(service.methods)) {
    running.set(method.name, { service, method, handler: handlers[key]!, name: `${service.typeName}/${method.name}` })
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

export function refusedOutcome(refusal: Refusal): WireOutcome {
  return {
    answer: { tag: 'err', val: wireFailure(refusal) },
    effects: wireEffects(refusal.effects),
    metadata: wireMetadata(refusal.headers),
    logs: takeLogs(),
    cancels: nothing,
    resolves: nothing,
  }
}

function wireFailure({ code, message, details }: Refusal): WireFailure {
  return {
    code: code.toLowerCase().replaceAll('_', '-'),
    message,
    details: details.map((detail) => {
      const type = messageTypeOf(detail)
      if (type === undefined) throw new TypeError('a detail of a refusal was not made by its message type')
      return { typeName: type.typeName, data: type.encode(detail) }
    }),
  }
}

/** `after` is what a computed reply looks at. */
export function acceptedOutcome(running: Running<unknown>, acceptance: Acceptance, after: unknown): WireOutcome {
  return outcomeOf(wireReply(running.method, running.name, acceptance, after), acceptance, running)
}

/** `running`: of whose service methods are named. */
export function outcomeOf(
  reply: WireReply,
  { effects, headers, cancels = nothing, resolves = nothing }: Accompaniment,
  running?: Running<unknown>,
): WireOutcome {
  return {
    answer: { tag: 'ok', val: reply },
    effects: wireEffects(effects, running),
    metadata: wireMetadata(headers),
    logs: takeLogs(),
    cancels: cancels.length === 0 ? nothing : [...cancels],
    resolves: resolves.map((resolution) => wireResolution(resolution, running!)),
  }
}

/** The method that an answer names as handlers do. */
function named({ service, name }: Naming, key: string, what: string): AnyMethod {
  const method = Object.hasOwn(service.methods, key) ? service.methods[key] : undefined
  if (method !== undefined) return method
  throw new TypeError(`${name} ${what} ${key}, which is no method of ${service.typeName}`)
}

export function wireResolution({ ticket, method: key, answer }: Resolution, running: Naming): WireResolution {
  const method = named(running, key, 'resolves a ticket of')
  if (answer instanceof Refusal) {
    const { headers } = answer
    return {
      ticket,
      method: method.name,
      answer: { tag: 'err', val: wireFailure(answer) },
      metadata: wireMetadata(headers),
    }
  }
  const payload = encodedReply(method, running.name, answer)
  return { ticket, method: method.name, answer: { tag: 'ok', val: payload }, metadata: nothing }
}

function wireReply(method: AnyMethod, name: string, { answer }: Acceptance, after: unknown): WireReply {
  switch (answer.kind) {
    case 'forward':
      return { tag: 'forward', val: wireCall(answer.call) }
    case 'due':
      throw new TypeError(`${name} accepts without a reply or a forward`)
    case 'later':
      return { tag: 'later', val: answer.deferred }
    case 'stream':
      if (answer.reply === undefined) return noReply
  }
  const { reply } = answer
  return messageReply(method, name, typeof reply === 'function' ? (reply as (after: unknown) => object)(after) : reply)
}

export const noReply: WireReply = { tag: 'none' }

export function messageReply(method: AnyMethod, name: string, reply: unknown): WireReply {
  return { tag: 'message', val: encodedReply(method, name, reply) }
}

function encodedReply({ reply: type }: AnyMethod, name: string, reply: unknown): Uint8Array {
  if (typeof reply !== 'object' || reply === null) {
    throw new TypeError(`${name} replies ${String(reply)}, not a ${type.typeName}`)
  }
  return type.encode(reply)
}

const atOnce = { tag: 'at-once' } as const

function wireEffects(effects: readonly Effect[], running?: Running<unknown>): WireOutcome['effects'] {
  if (effects.length === 0) return nothing
  return effects.map((effect) => wireEffect(effect, running))
}

export function wireEffect({ call, synchronous, due, name, answer, within }: Effect, running?: Naming): WireEffect {
  const method = answer === undefined ? undefined : named(running!, answer.method, 'asks for an answer to').name
  return {
    call: wireCall(call),
    synchronous,
    due: due ?? atOnce,
    name,
    answer: method === undefined ? undefined : { method, note: answer!.note },
    within,
  }
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

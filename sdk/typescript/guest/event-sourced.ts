// Decide: one command against one state, through the author's handlers.
//
// D1. A refusal brings no events, no effects, and leaves the state (law L3).
// D2. What the caller got wrong (unknown method, malformed request) is a refusal; what the author got wrong throws, and
//     the host runs the batch again one by one.
// D3. Each event is encoded before it is evolved, so nothing enters a state that the journal could not give back.

import { MalformedError } from '../codec/errors.ts'
import type { MessageType, Method } from '../codec/message.ts'
import { messageTypeOf } from '../codec/message.ts'
import { CommandContext } from '../context.ts'
import type { AnyTagged, Call, Code, MetadataEntry } from '../decision.ts'
import { Acceptance, Refusal } from '../decision.ts'
import type { EventSourced, RunningFold, RunningHandler } from '../event-sourced.ts'
import type {
  WireCall,
  WireCommand,
  WireDecision,
  WireMetadataEntry,
  WireOutcome,
  WireReply,
  WireTyped,
} from './wire.ts'

interface RunningMethod {
  readonly request: MessageType<object>
  readonly reply: MessageType<object>
  readonly handler: RunningHandler
  readonly name: string
}

interface RunningEvent {
  readonly type: MessageType<object>
  readonly fold: RunningFold
}

const nothing: readonly never[] = []

/** A definition with its methods and events looked up by their wire names. */
export class RunningService {
  readonly definition: EventSourced
  private readonly methods = new Map<string, RunningMethod>()
  private readonly events = new Map<string, RunningEvent>()

  constructor(definition: EventSourced) {
    this.definition = definition
    const { service, decide, evolve } = definition
    for (const [key, method] of Object.entries(service.methods) as [string, Method<object, object>][]) {
      this.methods.set(method.name, {
        name: method.name,
        request: method.request,
        reply: method.reply,
        handler: decide[key]!,
      })
    }
    for (const [key, fold] of Object.entries(evolve)) {
      const type = service.messages[key]!
      this.events.set(type.typeName, { type, fold })
    }
  }

  /** The decision and the state after it (the same object if nothing changed). */
  decide(
    entity: string,
    state: unknown,
    command: WireCommand,
  ): { readonly decision: WireDecision; readonly after: unknown } {
    const method = this.methods.get(command.method)
    if (method === undefined)
      return refusedBySdk(state, 'UNIMPLEMENTED', `${this.name} has no method ${command.method}`)
    let request: object
    try {
      request = method.request.decode(command.payload)
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error
      return refusedBySdk(state, 'INVALID_ARGUMENT', `the request is no ${method.request.typeName}: ${error.message}`)
    }
    const answer = method.handler(state, request, new CommandContext(entity, command))
    if (answer instanceof Refusal) return { decision: refusal(answer), after: state }
    if (!(answer instanceof Acceptance))
      throw new TypeError(`${this.name}/${method.name} answered neither accept nor refuse`)
    const events: WireTyped[] = []
    let after = state
    for (const event of answer.events) {
      const type = messageTypeOf(event)
      const running = type && this.events.get(type.typeName)
      if (running === undefined)
        throw new TypeError(`${this.name}/${method.name} emits ${nameOf(event)}, which has no evolve`)
      events.push({ typeName: running.type.typeName, data: running.type.encode(event) })
      after = checkedState(running.fold(after, event), this.name, running.type.typeName)
    }
    const outcome: WireOutcome = {
      answer: { tag: 'ok', val: this.reply(method, answer, after) },
      effects: answer.effects.map((effect) => ({ call: wireCall(effect.call), synchronous: effect.synchronous })),
      metadata: wireMetadata(answer.headers),
    }
    return { decision: { events, outcome }, after }
  }

  /** The state after the event. @throws if the service has no `evolve` for it: the entity is stuck until a version has. */
  evolve(state: unknown, { typeName, data }: WireTyped): unknown {
    const running = this.events.get(typeName)
    if (running === undefined) throw new TypeError(`${this.name} has no evolve for ${typeName}`)
    return checkedState(running.fold(state, running.type.decode(data)), this.name, typeName)
  }

  private get name(): string {
    return this.definition.service.typeName
  }

  private reply(method: RunningMethod, { answer }: Acceptance, after: unknown): WireReply {
    if (answer.kind === 'forward') return { tag: 'forward', val: wireCall(answer.call) }
    if (answer.kind === 'due') throw new TypeError(`${this.name}/${method.name} accepts without a reply or a forward`)
    const reply =
      typeof answer.reply === 'function' ? (answer.reply as (after: unknown) => object)(after) : answer.reply
    if (typeof reply !== 'object' || reply === null) {
      throw new TypeError(`${this.name}/${method.name} replies ${String(reply)}, not a ${method.reply.typeName}`)
    }
    return { tag: 'message', val: method.reply.encode(reply) }
  }
}

/** The mistake of a fold that forgets to return would otherwise surface at the next command. */
function checkedState(state: unknown, service: string, event: string): unknown {
  if (state === undefined) throw new TypeError(`${service}: evolve of ${event} returns no state`)
  return state
}

function nameOf(event: AnyTagged): string {
  return messageTypeOf(event)?.typeName ?? 'something that no message type made'
}

function refusedBySdk(state: unknown, code: Code, message: string): { decision: WireDecision; after: unknown } {
  return { decision: refusal(new Refusal(code, message, nothing, nothing)), after: state }
}

function refusal({ code, message, details, headers }: Refusal): WireDecision {
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
    events: nothing,
    outcome: { answer: { tag: 'err', val: failure }, effects: nothing, metadata: wireMetadata(headers) },
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

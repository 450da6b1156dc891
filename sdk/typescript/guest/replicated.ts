// Replicated: the interface of wit/replicated.wit, made from the author's definitions.
//
// D1. A refusal brings no operations and no effects (law L3).
// D2. A reply made from what the operations leave is computed here, on a draft of the view, and goes with the decision: one
//     call. Where only the host knows (content.K2), the answer is `after`: its note is the old view, from which
//     `render` makes the same decision again and computes the reply on the new view. Nothing is kept in between (law L6).
// D3. The note of a subscription is the request that opened it.
// D4. A reply to a removal is made from the value before it, with the operations that come with the removal.

import { CommandContext } from '../context.ts'
import { keyOf } from '../crdt/codec.ts'
import type { Content, Seen } from '../crdt/content.ts'
import { Entries, readView, Undecidable } from '../crdt/content.ts'
import { applied, encodeOperations, Operation, rootPlace } from '../crdt/operation.ts'
import { Acceptance, consistencies, kept, Refusal, removed } from '../decision.ts'
import type { MethodView, Replicated, RunningReplicatedHandler } from '../replicated.ts'
import { Stepping } from '../step.ts'
import { hasLogs } from './logs.ts'
import type { Running } from './outcome.ts'
import {
  acceptedOutcome,
  alone,
  answerOf,
  decodeRequest,
  entityRefusal,
  messageReply,
  noReply,
  outcomeOf,
  runningMethods,
  unknownMethod,
} from './outcome.ts'
import { serviceOf, servicesByName } from './services.ts'
import type { WireCommand, WireOutcome, WireReplicatedDecision, WireStreamStep, WireSubscription } from './wire.ts'

export interface ReplicatedExports {
  reads(service: string, command: WireCommand): readonly Uint8Array[]
  decide(service: string, entity: string, view: Uint8Array, command: WireCommand): WireReplicatedDecision
  render(service: string, entity: string, view: Uint8Array, command: WireCommand, note: Uint8Array): WireOutcome
  changed(
    service: string,
    entity: string,
    view: Uint8Array,
    subscriptions: readonly WireSubscription[],
    nowMs: number,
  ): readonly WireStreamStep[]
  cancelled(
    service: string,
    entity: string,
    view: Uint8Array,
    subscription: WireSubscription,
    nowMs: number,
  ): WireReplicatedDecision
}

export function replicatedExports(definitions: readonly Replicated[]): ReplicatedExports {
  const services = servicesByName(definitions, (definition) => new RunningReplicated(definition))
  return {
    reads: (name, command) => serviceOf(services, name).reads(command),
    decide: (name, entity, view, command) => serviceOf(services, name).decide(entity, view, command),
    render: (name, entity, view, command, note) => serviceOf(services, name).render(entity, view, command, note),
    changed: (name, entity, view, subscriptions, now) =>
      serviceOf(services, name).changed(entity, view, subscriptions, now),
    cancelled: (name, entity, view, subscription, now) =>
      serviceOf(services, name).cancelled(entity, view, subscription, now),
  }
}

interface RunningMethod extends Running<RunningReplicatedHandler> {
  readonly key: string
  readonly look: MethodView<object, unknown>
}

const noBytes = new Uint8Array(0)
const nothing: readonly never[] = []

class RunningReplicated {
  private readonly definition: Replicated
  private readonly name: string
  private readonly methods = new Map<string, RunningMethod>()

  constructor(definition: Replicated) {
    this.definition = definition
    const { service, decide, look } = definition
    this.name = service.typeName
    const running = runningMethods(service, decide)
    for (const [key, { name }] of Object.entries(service.methods)) {
      this.methods.set(name, { ...running.get(name)!, key, look: look[key] ?? 'all' })
    }
  }

  reads({ method, payload }: WireCommand): readonly Uint8Array[] {
    const running = this.methods.get(method)
    const request = running && decodeRequest(running.method, payload)
    // `decide` refuses the command.
    if (running === undefined || request === undefined || request instanceof Refusal) return nothing
    return this.elements(running, request)
  }

  decide(entity: string, bytes: Uint8Array, command: WireCommand): WireReplicatedDecision {
    const running = this.methods.get(command.method)
    if (running === undefined) return refused(this.name, unknownMethod(this.name, command.method))
    const request = decodeRequest(running.method, command.payload)
    if (request instanceof Refusal) return refused(running.name, request)
    const seen = readView(bytes)
    const content = this.lookedAt(seen, running, request)
    const answer = this.answer(running, entity, content, request, command)
    if (answer instanceof Refusal) return refused(running.name, answer)
    const isRemoved = answer.value === removed
    const operations = this.operations(running, seen, answer)
    const outcome = this.outcomeHere(running, content, answer)
    return {
      answer: outcome === undefined ? { tag: 'after', val: bytes } : { tag: 'now', val: outcome },
      operations,
      delete: isRemoved,
      subscribe: answer.answer.kind === 'stream' ? command.payload : undefined,
    }
  }

  render(entity: string, bytes: Uint8Array, command: WireCommand, note: Uint8Array): WireOutcome {
    const running = this.methods.get(command.method)
    const request = running && decodeRequest(running.method, command.payload)
    if (running === undefined || request === undefined || request instanceof Refusal) {
      throw new TypeError(`${this.name}/${command.method} is to render what it did not decide`)
    }
    const answer = this.answer(running, entity, this.lookedAt(readView(note), running, request), request, command)
    if (answer instanceof Refusal) return entityRefusal(running.name, answer)
    return acceptedOutcome(running, answer, this.open(this.lookedAt(readView(bytes), running, request)))
  }

  changed(
    entity: string,
    bytes: Uint8Array,
    subscriptions: readonly WireSubscription[],
    now: number,
  ): readonly WireStreamStep[] {
    const seen = readView(bytes)
    const occasion = { entity, now }
    return subscriptions.map(({ id, method, note }) => {
      const running = this.subscribed(method)
      const request = running.method.request.decode(note)
      const view = this.open(this.lookedAt(seen, running, request))
      const step = this.definition.streams[running.key]!.changed(view, request, occasion)
      return streamStep(running, id, step)
    })
  }

  cancelled(
    entity: string,
    bytes: Uint8Array,
    { method, note }: WireSubscription,
    now: number,
  ): WireReplicatedDecision {
    const running = this.subscribed(method)
    const { cancelled } = this.definition.streams[running.key]!
    if (cancelled === undefined) {
      const outcome = outcomeOf(noReply, alone)
      return { answer: { tag: 'now', val: outcome }, operations: noBytes, delete: false, subscribe: undefined }
    }
    const seen = readView(bytes)
    const request = running.method.request.decode(note)
    const answer = cancelled(this.open(this.lookedAt(seen, running, request)), request, { entity, now })
    if (!(answer instanceof Acceptance)) throw new TypeError(`${running.name}: cancelled does not accept`)
    return {
      answer: { tag: 'now', val: outcomeOf(noReply, answer, running) },
      operations: this.operations(running, seen, answer),
      delete: answer.value === removed,
      subscribe: undefined,
    }
  }

  private subscribed(method: string): RunningMethod {
    const running = this.methods.get(method)
    if (running === undefined || this.definition.streams[running.key] === undefined) {
      throw new TypeError(`${this.name}/${method} has no streams`)
    }
    return running
  }

  private answer(
    running: RunningMethod,
    entity: string,
    content: Content | undefined,
    request: object,
    command: WireCommand,
  ): Acceptance | Refusal {
    const answer = answerOf(
      running.name,
      running.handler(this.open(content), request, new CommandContext(entity, command)),
    )
    if (answer instanceof Refusal) return answer
    if (answer.answer.kind === 'stream' && running.method.shape !== 'serverStream') {
      throw new TypeError(`${running.name} does not stream, and cannot answer with a stream`)
    }
    return answer
  }

  private open(content: Content | undefined): unknown {
    const { value } = this.definition
    return value.open({ content, place: rootPlace(value.number, content !== undefined) })
  }

  /** Undefined where a reply looks at what only the host knows. */
  private outcomeHere(
    running: RunningMethod,
    content: Content | undefined,
    answer: Acceptance,
  ): WireOutcome | undefined {
    const { changes } = answer
    const computed = 'reply' in answer.answer && typeof answer.answer.reply === 'function'
    if (!computed || changes.length === 0) {
      return acceptedOutcome(running, answer, computed ? this.open(content) : undefined)
    }
    const draft = applied(content, this.definition.value.number, changes as readonly Operation[])
    try {
      return acceptedOutcome(running, answer, this.open(draft))
    } catch (error) {
      if (error instanceof Undecidable) return undefined
      throw error
    }
  }

  private operations(running: RunningMethod, seen: Seen, { changes, value, written }: Acceptance): Uint8Array {
    if (value !== kept && value !== removed)
      throw new TypeError(`${running.name} updates; a replicated value is changed by operations`)
    for (const change of changes) {
      if (!(change instanceof Operation)) throw new TypeError(`${running.name} accepts something that is no operation`)
    }
    const initial = seen.exists || value === removed ? undefined : this.definition.value.initial?.()
    return encodeOperations(changes as readonly Operation[], initial, consistencies.indexOf(written))
  }

  /** The content, knowing which elements the host has looked up for the view. */
  private lookedAt({ content, exists, partial }: Seen, running: RunningMethod, request: object): Content | undefined {
    if (!partial) return content
    // Of a counter or a register a part is nothing: what is there is not known.
    if (!(content instanceof Entries)) return content === undefined && !exists ? undefined : { kind: 0 }
    return content.lookedAt(new Set(this.elements(running, request).map(keyOf)))
  }

  private elements({ look }: RunningMethod, request: object): readonly Uint8Array[] {
    if (typeof look === 'string') return nothing
    const { value } = this.definition
    if ('dynamic' in look) return look.dynamic(request as never).map((element) => value.encode!(element))
    return [value.encode!((request as Record<string, unknown>)[look.element])]
  }
}

function refused(name: string, refusal: Refusal): WireReplicatedDecision {
  const outcome = entityRefusal(name, refusal)
  return { answer: { tag: 'now', val: outcome }, operations: noBytes, delete: false, subscribe: undefined }
}

function streamStep({ method, name }: Running<unknown>, subscription: string, step: unknown): WireStreamStep {
  if (step instanceof Refusal) return { subscription, outcome: entityRefusal(name, step), end: true }
  if (!(step instanceof Stepping)) throw new TypeError(`${name}: changed answers neither emit, silent, end nor refuse`)
  const { outputs, effects, ended } = step
  if (outputs.length > 1) throw new TypeError(`${name}: changed emits ${outputs.length} elements; one at most`)
  if (outputs.length === 0 && effects.length === 0 && !hasLogs()) {
    return { subscription, outcome: undefined, end: ended }
  }
  const reply = outputs.length === 0 ? noReply : messageReply(method, name, outputs[0])
  return { subscription, outcome: outcomeOf(reply, { ...alone, effects }), end: ended }
}

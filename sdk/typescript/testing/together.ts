// Together: several services without a host. A command's effects and forwards reach the others, as a host brings them.
//
//   const shop = together(orders, carts, counter)
//   const { orderId } = shop.call(Orders, 'place', { userId: 'ann' }).reply
//   shop.call(Counter, 'get', { id: 'orders' }).replies({ value: 1n })
//
// G1. Each service runs in its own kit, so each command is checked for the laws.
// G2. In the order of a host that does one thing at a time: what a command changes, its effects and all that comes of them, its answer.
//     Effects that nobody waits for run, too: once `call` answers, nothing is left to do.
// G3. A refused effect does not fail the command that caused it: a host parks it. An ask is not parked: its entity hears the refusal.
// G4. Time stands still but for `turn`, which brings effects that are due later in the order of their time. An ask `within` a time has failed
//     when `turn` goes past it, also if its target has deferred the reply: the ticket stays open, and means nothing to this asker.
// G5. A caller whose reply comes later is answered when its ticket is resolved; until then its answer is open, and no reply. If the ticket ends
//     before, or an ask's own time, who asked hears that nobody knows whether it happened.
//
// Leaves to others: streams, whose methods are not called here (action.ts, replicated.ts).

import type { Action } from '../action.ts'
import type { Code } from '../codec/codes.ts'
import type { AnyMethod, Init, Methods, ReplyOf, RequestOf, ServiceType } from '../codec/message.ts'
import type { Call } from '../decision.ts'
import type { EventSourced } from '../event-sourced.ts'
import type { WireCall, WireEffect, WireMetadataEntry, WireOutcome, WireResolution } from '../guest/wire.ts'
import type { Replicated } from '../replicated.ts'
import type { Value } from '../value.ts'
import { heardPayload } from './answers.ts'
import { testKit } from './kit.ts'
import type { WhenOptions } from './outcome.ts'
import { commandOf, compare, entityOf, methodOf, OutcomeChecks, shownOutcome, timeOf } from './outcome.ts'
import type { Pending, Place } from './timeline.ts'
import { Reply, Timeline } from './timeline.ts'

type Definition = EventSourced | Value | Replicated | Action

/** An effect whose target refused it. */
export interface Parked {
  readonly call: Call
  readonly code: Code
  readonly message: string
}

export interface Together {
  /** A caller's command; it and all that comes of it is done when this answers. */
  call<M extends Methods, K extends keyof M & string>(
    service: ServiceType<M>,
    method: K,
    request: Init<RequestOf<M[K]>>,
    options?: WhenOptions,
  ): Answered<ReplyOf<M[K]>>
  /** Effects on services that are not here, in order. */
  readonly outside: readonly Call[]
  readonly parked: readonly Parked[]
  /** Effects that are due later, in the order of their time. */
  readonly pending: readonly Pending[]
  /** So many milliseconds pass: what is due by then is done. */
  turn(ms: number): void
}

/** What a caller got. */
export interface Answered<Reply> {
  /** Fails the test where it is none. */
  readonly reply: Reply
  replies(reply: Reply): void
  refuses(code: Code, message?: string | RegExp): void
  /** This entry is among the answer's metadata. */
  metadata(name: string, value: string | Uint8Array): this
  /** The reply comes later: the ticket is open. */
  waits(): void
}

/** Services that call each other. Entities begin with nothing. */
export function together(...definitions: readonly Definition[]): Together {
  return new Meeting(definitions)
}

/** As many as a host follows. */
const hopsMax = 16

/** What a kit's `when` came to. */
interface Came {
  readonly came: WireOutcome
  next?(): Entity
}

interface Entity {
  when(method: string, request: object, options: WhenOptions): Came
  readonly deleted?: boolean
}

interface Member {
  readonly service: ServiceType
  /** Of an action: its kit. */
  readonly kit: { given?(start: undefined, entity: string): Entity; when?: Entity['when'] }
  readonly entities: Map<string, Entity>
}

class Meeting implements Together {
  readonly outside: Call[] = []
  readonly parked: Parked[] = []
  private readonly members = new Map<string, Member>()
  private readonly timeline = new Timeline()
  private count = 0
  private clock = timeOf(0)

  constructor(definitions: readonly Definition[]) {
    for (const definition of definitions) {
      const { service } = definition
      if (this.members.has(service.typeName)) throw new TypeError(`${service.typeName} is here twice`)
      const kit = testKit(definition as Action) as unknown as Member['kit']
      this.members.set(service.typeName, { service, kit, entities: new Map() })
    }
  }

  call(service: ServiceType, key: string, request: object, options: WhenOptions = {}): Answered<never> {
    const method = methodOf(service, key)
    const { payload } = commandOf(method, request, options, 0)
    const target = { service: service.typeName, method: method.name, payload, metadata: options.metadata ?? [] }
    return new Answer(service, method, this.run(target, 0, options)) as unknown as Answered<never>
  }

  get pending(): readonly Pending[] {
    return this.timeline.pending
  }

  turn(ms: number): void {
    const end = this.clock + ms
    // Of what was due in the past, the time is not that.
    this.timeline.until(end, (dueMs) => {
      this.clock = Math.max(this.clock, dueMs)
    })
    this.clock = Math.max(this.clock, end)
  }

  /** `asker`: the entity that hears an answer by this command, whose request names none. */
  private run(target: Call, hops: number, options: WhenOptions, asker?: string): Reply {
    const member = this.members.get(target.service)
    if (member === undefined) throw new TypeError(`${target.service} is not here: give it to together()`)
    const [key, method] = this.methodAt(member.service, target)
    if (hops > hopsMax) throw new TypeError(`${target.service}/${target.method} is the last of ${hops} hops, too many`)
    const index = this.count++
    const { now = this.clock, seed = [1, 2, 3, index] } = options
    const request = method.request.decode(target.payload)
    const entity = asker ?? this.entityOf(member, method, request)
    const outcome = this.decided(member, key, entity, request, { now, seed, metadata: target.metadata })
    const at = { service: target.service, entity: entity ?? '' }
    const { answer, effects, cancels, resolves } = outcome
    const reply = new Reply()
    if (answer.tag === 'ok' && answer.val.tag === 'later') this.defer(at, method.name, answer.val.val, now, reply)
    for (const resolution of resolves) this.timeline.resolve(at, resolution, resolvedOutcome(resolution))
    for (const name of cancels) this.timeline.cancel(at, name)
    // All are of one commit: what the answer to an effect cancels is pending by then.
    for (const effect of effects) this.pend(effect, at, now)
    for (const effect of effects) if (effect.due.tag === 'at-once') this.deliver(effect, at, now, hops + 1)
    if (answer.tag === 'ok' && answer.val.tag === 'later') return reply
    if (answer.tag === 'ok' && answer.val.tag === 'forward') return this.run(callOf(answer.val.val), hops + 1, {})
    reply.settle(outcome)
    return reply
  }

  private defer(
    at: Place,
    method: string,
    { ticket, within }: { readonly ticket: string; readonly within: number | undefined },
    now: number,
    reply: Reply,
  ): void {
    this.timeline.wait(at, method, ticket, reply)
    if (within === undefined) return
    this.timeline.deadline(now + within * 1000, () => reply.settle(lateReply))
  }

  private entityOf({ kit, service }: Member, method: AnyMethod, request: object): string | undefined {
    if (kit.given === undefined) return undefined
    if ((method.key ?? []).length === 0) throw new TypeError(`${service.typeName}/${method.name} names no entity`)
    return entityOf(method, request, undefined)
  }

  private methodAt({ typeName, methods }: ServiceType, { method: name }: Call): readonly [string, AnyMethod] {
    const found = Object.entries(methods).find(([, method]) => method.name === name)
    if (found === undefined) throw new TypeError(`${typeName} has no method ${name}`)
    if (found[1].shape !== 'unary') throw new TypeError(`${typeName}/${name} streams: test it by testKit`)
    return found
  }

  private decided(
    { kit, entities }: Member,
    key: string,
    id: string | undefined,
    request: object,
    options: WhenOptions,
  ): WireOutcome {
    if (id === undefined || kit.given === undefined) return kit.when!(key, request, options).came
    const entity = entities.get(id) ?? kit.given(undefined, id)
    if (entity.deleted === true) return refusedOutcome('not-found', 'Entity deleted')
    const when = entity.when(key, request, options)
    entities.set(id, when.next!())
    return when.came
  }

  /** If it is due later. */
  private pend(effect: WireEffect, from: Place, now: number): void {
    const { due, name } = effect
    // A pending one of this name is replaced.
    this.timeline.cancel(from, name)
    if (due.tag === 'at-once') return
    const dueMs = due.tag === 'after' ? now + due.val : due.val
    this.timeline.effectAt(dueMs, callOf(effect.call), name, from, (nowMs) => this.deliver(effect, from, nowMs, 0))
  }

  private deliver({ call: wire, answer, within }: WireEffect, from: Place, dueMs: number, hops: number): void {
    const call = callOf(wire)
    const isHere = this.members.has(call.service)
    if (!isHere) this.outside.push(call)
    const reply = isHere ? this.run(call, hops, {}) : new Reply()
    if (answer === undefined) {
      reply.heard((outcome) => this.park(call, outcome))
      return
    }
    const hears = (outcome: Parameters<typeof heardPayload>[0]): void => {
      const payload = heardPayload(outcome, answer.note)
      this.run({ service: from.service, method: answer.method, payload, metadata: [] }, hops, {}, from.entity)
    }
    const answered = new Reply()
    answered.heard(({ answer: got }) => {
      if (got.tag === 'err') hears({ failure: got.val, reason: isUnsure(got.val) ? 'UNKNOWN' : 'REFUSED' })
      else if (got.val.tag === 'message') hears({ reply: got.val.val })
    })
    reply.heard((outcome) => answered.settle(outcome))
    if (within !== undefined && answered.outcome === undefined)
      this.timeline.deadline(dueMs + within, () => answered.settle(lateCall))
  }

  private park(call: Call, { answer }: WireOutcome): void {
    if (answer.tag === 'ok') return
    const { code, message } = answer.val
    this.parked.push({ call, code: code.toUpperCase().replaceAll('-', '_') as Code, message })
  }
}

function callOf({ service, method, payload, metadata }: WireCall): Call {
  return { service, method, payload, metadata: metadata.map(({ name, value }: WireMetadataEntry) => [name, value.val]) }
}

function refusedOutcome(code: string, message: string): WireOutcome {
  const answer = { tag: 'err', val: { code, message, details: [] } } as const
  return { answer, effects: [], metadata: [], logs: [], cancels: [], resolves: [] }
}

const lateReply = refusedOutcome('deadline-exceeded', 'the reply did not come in time')
const lateCall = refusedOutcome('deadline-exceeded', 'the call was not answered in time')
/** By these it is told that nobody knows whether the call has happened. */
const isUnsure = (failure: object) => failure === lateReply.answer.val || failure === lateCall.answer.val

function resolvedOutcome({ answer, metadata }: WireResolution): WireOutcome {
  const { tag } = answer
  const said = tag === 'ok' ? ({ tag, val: { tag: 'message', val: answer.val } } as const) : answer
  return { answer: said, effects: [], metadata, logs: [], cancels: [], resolves: [] }
}

const open: WireOutcome = {
  answer: { tag: 'ok', val: { tag: 'none' } },
  effects: [],
  metadata: [],
  logs: [],
  cancels: [],
  resolves: [],
}

class Answer extends OutcomeChecks implements Answered<object> {
  private readonly told: Reply

  constructor(service: ServiceType, method: AnyMethod, told: Reply) {
    super(service, method, open)
    this.told = told
  }

  /** Its kit has printed the lines. */
  protected override get outcome(): WireOutcome {
    return this.told.outcome ?? open
  }

  waits(): void {
    if (this.told.outcome !== undefined) compare(this.name, { reply: 'comes later' }, this.shown())
  }

  replies(reply: object): void {
    this.compareReply({}, reply)
  }

  refuses(code: Code, message?: string | RegExp): void {
    this.compareRefusal(code, message)
  }

  protected shown(): object {
    return this.told.outcome === undefined ? { reply: 'comes later' } : shownOutcome(this.method, this.outcome, {})
  }
}

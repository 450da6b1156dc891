// Together: several services without a host. A command's effects and forwards reach the others, as a host brings them.
//
//   const shop = together(orders, carts, counter)
//   const { orderId } = shop.call(Orders, 'place', { userId: 'ann' }).reply
//   shop.call(Counter, 'get', { id: 'orders' }).replies({ value: 1n })
//
// G1. Each service runs in its own kit, so each command is checked for the laws.
// G2. In the order of a host that does one thing at a time: what a command changes, its effects and all that comes of them, its answer.
//     Effects that nobody waits for run, too: once `call` answers, nothing is left to do.
// G3. A refused effect does not fail the command that caused it: a host parks it.
//
// Leaves to others: streams, whose methods are not called here (action.ts, replicated.ts).

import type { Action } from '../action.ts'
import type { Code } from '../codec/codes.ts'
import type { AnyMethod, Init, Methods, ReplyOf, RequestOf, ServiceType } from '../codec/message.ts'
import type { Call } from '../decision.ts'
import type { EventSourced } from '../event-sourced.ts'
import type { WireCall, WireMetadataEntry, WireOutcome } from '../guest/wire.ts'
import type { Replicated } from '../replicated.ts'
import type { Value } from '../value.ts'
import { testKit } from './kit.ts'
import type { WhenOptions } from './outcome.ts'
import { commandOf, entityOf, methodOf, OutcomeChecks, shownOutcome, timeOf } from './outcome.ts'

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
}

/** What a caller got. */
export interface Answered<Reply> {
  /** Fails the test where it is none. */
  readonly reply: Reply
  replies(reply: Reply): void
  refuses(code: Code, message?: string | RegExp): void
  /** This entry is among the answer's metadata. */
  metadata(name: string, value: string | Uint8Array): this
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
  private count = 0

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

  private run(target: Call, hops: number, options: WhenOptions): WireOutcome {
    const member = this.members.get(target.service)
    if (member === undefined) throw new TypeError(`${target.service} is not here: give it to together()`)
    const [key, method] = this.methodAt(member.service, target)
    if (hops > hopsMax) throw new TypeError(`${target.service}/${target.method} is the last of ${hops} hops, too many`)
    const index = this.count++
    const { now = timeOf(index), seed = [1, 2, 3, index] } = options
    const request = method.request.decode(target.payload)
    const outcome = this.decided(member, key, method, request, { now, seed, metadata: target.metadata })
    for (const { call } of outcome.effects) this.effect(callOf(call), hops + 1)
    const { answer } = outcome
    if (answer.tag === 'ok' && answer.val.tag === 'forward') return this.run(callOf(answer.val.val), hops + 1, {})
    return outcome
  }

  private methodAt({ typeName, methods }: ServiceType, { method: name }: Call): readonly [string, AnyMethod] {
    const found = Object.entries(methods).find(([, method]) => method.name === name)
    if (found === undefined) throw new TypeError(`${typeName} has no method ${name}`)
    if (found[1].shape !== 'unary') throw new TypeError(`${typeName}/${name} streams: test it by testKit`)
    return found
  }

  private decided(
    { kit, entities, service }: Member,
    key: string,
    method: AnyMethod,
    request: object,
    options: WhenOptions,
  ): WireOutcome {
    if (kit.given === undefined) return kit.when!(key, request, options).came
    if ((method.key ?? []).length === 0) throw new TypeError(`${service.typeName}/${method.name} names no entity`)
    const id = entityOf(method, request, undefined)
    const entity = entities.get(id) ?? kit.given(undefined, id)
    if (entity.deleted === true) return refusedOutcome('not-found', 'Entity deleted')
    const when = entity.when(key, request, options)
    entities.set(id, when.next!())
    return when.came
  }

  private effect(call: Call, hops: number): void {
    if (!this.members.has(call.service)) {
      this.outside.push(call)
      return
    }
    const { answer } = this.run(call, hops, {})
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

class Answer extends OutcomeChecks implements Answered<object> {
  constructor(service: ServiceType, method: AnyMethod, outcome: WireOutcome) {
    // Its kit has printed the lines.
    super(service, method, { ...outcome, logs: [] })
  }

  replies(reply: object): void {
    this.compareReply({}, reply)
  }

  refuses(code: Code, message?: string | RegExp): void {
    this.compareRefusal(code, message)
  }

  protected shown(): object {
    return shownOutcome(this.method, this.outcome, {})
  }
}

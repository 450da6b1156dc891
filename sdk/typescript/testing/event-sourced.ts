// The test kit of event-sourced services: given(events).when(command).then(events, reply).

import type { Code } from '../codec/codes.ts'
import type { AnyMethod, Init, Messages, MessageType, Methods, ReplyOf, RequestOf, Tagged } from '../codec/message.ts'
import { messageTypeOf } from '../codec/message.ts'
import type { WireCommand } from '../context.ts'
import type { Call, LaterOptions } from '../decision.ts'
import type { DeepReadonly } from '../definition.ts'
import type { EventSourced } from '../event-sourced.ts'
import type { WireDecision, WireTyped } from '../guest/wire.ts'
import type { Heard, HearsOf, NoteIn } from './answers.ts'
import { heardRequest } from './answers.ts'
import { heard } from './console.ts'
import { Laws } from './event-sourced-laws.ts'
import type { Checks, WhenOptions } from './outcome.ts'
import { any, commandOf, entityOf, filled, guardedAll, methodOf, OutcomeChecks, shownOutcome } from './outcome.ts'
import { show } from './show.ts'

type EventOf<E extends Messages> = {
  [K in keyof E & string]: E[K] extends MessageType<infer T, string> ? Tagged<T, K> : never
}[keyof E & string]

export interface TestKit<M extends Methods, E extends Messages, State> {
  /** An entity with this history. Default of `entity`: what the first request names. */
  given(events?: readonly EventOf<E>[], entity?: string): Given<M, E, State>
}

export interface Given<M extends Methods, E extends Messages, State> {
  /** The state, folded from everything so far. */
  readonly state: DeepReadonly<State>
  when<K extends keyof M & string>(
    method: K,
    request: Init<RequestOf<M[K]>>,
    options?: WhenOptions,
  ): When<M, E, State, ReplyOf<M[K]>>
  /** What a call was answered that the entity asked for: a command of the method that hears it. */
  answer<K extends HearsOf<M>>(
    method: K,
    answer: Heard<M[K]>,
    note?: NoteIn<M[K]>,
    options?: WhenOptions,
  ): When<M, E, State, ReplyOf<M[K]>>
}

/** What a command came to. Each check answers with the entity after it, for the next `when`. */
export interface When<M extends Methods, E extends Messages, State, Reply>
  extends Checks<When<M, E, State, Reply>, Given<M, E, State>, Reply> {
  /** The events of this command, to look at and to go on with. */
  readonly events: readonly EventOf<E>[]
  /** Accepted with exactly these events and this reply. */
  then(events: readonly EventOf<E>[], reply: Reply): Given<M, E, State>
  /** Accepted with exactly these events, and forwarded. */
  forwards(events: readonly EventOf<E>[], to: Call): Given<M, E, State>
  /** Accepted with exactly these events, and the reply comes later. */
  later(events: readonly EventOf<E>[], ticket: string, options?: LaterOptions): Given<M, E, State>
}

export function eventSourcedKit<M extends Methods, E extends Messages, State>(
  definition: EventSourced<M, E, State>,
): TestKit<M, E, State> {
  const frozen = freezing(definition as unknown as EventSourced)
  return {
    given(events = [], entity) {
      const history = events.map((event) => typed(event))
      return givenHistory(frozen, entity, history, [], history) as unknown as Given<M, E, State>
    },
  }
}

type Outcome = When<Methods, Messages, unknown, object>

/** State and request, state and event are frozen. */
function freezing(definition: EventSourced): EventSourced {
  return {
    ...definition,
    decide: guardedAll('decide', definition.decide, [0, 1]),
    evolve: guardedAll('evolve', definition.evolve, [0, 1]),
    exports: heard(definition.exports),
  }
}

/** `start`: history before the first `when`. `events`: all by now. */
function givenHistory(
  definition: EventSourced,
  entity: string | undefined,
  start: readonly WireTyped[],
  commands: readonly WireCommand[],
  events: readonly WireTyped[],
): Given<Methods, Messages, unknown> {
  const laws = new Laws(definition)
  return {
    get state() {
      return laws.readable(laws.evolve(entity ?? '', { tag: 'initial' }, events)) as DeepReadonly<unknown>
    },
    answer(key, given, note, options) {
      const request = heardRequest(methodOf(definition.service, key), given as never, note)
      return this.when(key, request, options)
    },
    when(key, request, options = {}) {
      const method = methodOf(definition.service, key)
      const next = [...commands, commandOf(method, request, options, commands.length)]
      const named = entityOf(method, request, entity)
      const { decisions } = laws.decide(named, start, next)
      const decision = decisions.at(-1)!
      const all = [...events, ...decision.events]
      return new Result(definition, method, decision, () => givenHistory(definition, named, start, next, all))
    },
  }
}

/** @throws TypeError for what no message type made */
function typed(event: object): WireTyped {
  const type = messageTypeOf(event)
  if (type === undefined)
    throw new TypeError(`given: ${show(event)} was not made by its message type, such as Added({ ... })`)
  return { typeName: type.typeName, data: type.encode(event) }
}

class Result extends OutcomeChecks implements Outcome {
  private readonly definition: EventSourced
  private readonly decision: WireDecision
  readonly next: () => Given<Methods, Messages, unknown>

  constructor(
    definition: EventSourced,
    method: AnyMethod,
    decision: WireDecision,
    next: () => Given<Methods, Messages, unknown>,
  ) {
    super(definition.service, method, decision.outcome)
    this.definition = definition
    this.decision = decision
    this.next = next
  }

  // biome-ignore lint/suspicious/noThenProperty: see outcome.K4
  then(events: readonly object[], reply: object): Given<Methods, Messages, unknown> {
    this.compareReply(typeof events === 'function' ? events : this.expected(events), reply)
    return this.next()
  }

  later(events: readonly object[], ticket: string, options?: LaterOptions): Given<Methods, Messages, unknown> {
    this.compareLater(this.expected(events), ticket, options)
    return this.next()
  }

  forwards(events: readonly object[], to: Call): Given<Methods, Messages, unknown> {
    this.compareForward(this.expected(events), to)
    return this.next()
  }

  refuses(code: Code, message?: string | RegExp): Given<Methods, Messages, unknown> {
    this.compareRefusal(code, message)
    return this.next()
  }

  protected shown(): object {
    const events = this.decision.events.map((event) => this.readable(event))
    return shownOutcome(this.method, this.outcome, { events })
  }

  get events(): readonly never[] {
    return this.decision.events.map(({ typeName, data }) => {
      const type = Object.values(this.definition.service.messages).find((one) => one.typeName === typeName)!
      return type(type.decode(data)) as never
    })
  }

  private expected(events: readonly object[] | typeof any): object {
    if (events === any) return { events: this.decision.events.map((event) => this.readable(event)) }
    const came = this.events as readonly object[]
    return { events: events.map((event, index) => this.expectedEvent(event, came[index])) }
  }

  private expectedEvent(event: object, came: object | undefined): unknown {
    const whole = filled(event, came)
    const type = whole === undefined ? undefined : messageTypeOf(event === any ? came! : event)
    // Of another event or none there is nothing to put in the place of `any`.
    if (whole === undefined || (came !== undefined && type !== messageTypeOf(came))) return this.named(event)
    return came === undefined ? this.named(event) : this.readable(typed(whole as object))
  }

  /** As it was written down. */
  private named(event: object): unknown {
    const type = event === any ? undefined : messageTypeOf(event)
    return type === undefined ? 'any' : { [this.nameOf(type.typeName)]: event }
  }

  private readable({ typeName, data }: WireTyped): unknown {
    const name = this.nameOf(typeName)
    return { [name]: this.definition.service.messages[name]?.decode(data) ?? data }
  }

  private nameOf(typeName: string): string {
    const { messages } = this.definition.service
    return Object.keys(messages).find((name) => messages[name]!.typeName === typeName) ?? typeName
  }
}

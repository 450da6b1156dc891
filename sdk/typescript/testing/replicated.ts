// The test kit of replicated entities: given(value).when(command).then(change, reply). A change is said as the handler says
// it, from the view before: `(room) => accept(room.at('ann').add(1n))`, `remove()`, or `accept()` for none.
//
// Between steps a replica of this one node takes the operations, so that the next `when` sees them; methods see what `views`
// lets them see. Each step checks: L4 and L6, a fresh instance and a worked one decide the same; and that a reply computed
// from a draft is the one that the host's own view would have given.

import type { Code } from '../codec/codes.ts'
import type { AnyMethod, Init, Method, Methods, ReplyOf, RequestOf } from '../codec/message.ts'
import type { WireCommand } from '../context.ts'
import { readView } from '../crdt/content.ts'
import type { AnyKind, PlainOf, ViewOf } from '../crdt/kinds.ts'
import type { Operation } from '../crdt/operation.ts'
import { rootPlace } from '../crdt/operation.ts'
import type { Accepting, Call, Effect, LaterOptions, Removed } from '../decision.ts'
import { Acceptance } from '../decision.ts'
import type { ReplicatedExports } from '../guest/replicated.ts'
import type { WireOutcome, WireReplicatedDecision, WireStreamStep, WireSubscription } from '../guest/wire.ts'
import type { Replicated, RunningStreamHandlers } from '../replicated.ts'
import type { Heard, HearsOf, NoteIn } from './answers.ts'
import { heardRequest } from './answers.ts'
import { heard, printLogs } from './console.ts'
import { Instances, mustBeSame } from './law.ts'
import type { Checks, WhenOptions } from './outcome.ts'
import {
  any,
  commandOf,
  compare,
  compareEffects,
  entityOf,
  guarded,
  guardedAll,
  methodOf,
  normal,
  OutcomeChecks,
  refusal,
  shownOutcome,
  timeOf,
} from './outcome.ts'
import type { Replica } from './replica.ts'
import { applyOperations, consistencyOf, encodeView, fromPlain, shownOperations } from './replica.ts'

type StreamedOf<M extends Methods> = {
  [K in keyof M & string]: M[K] extends Method<object, object, 'serverStream'> ? K : never
}[keyof M & string]

export interface ReplicatedKit<M extends Methods, K extends AnyKind> {
  /** An entity with this value, written down plainly: 3n, ['a', 'b'], new Map([['a', 1n]]); or one that nobody made yet.
   *  Default of `entity`: what the first request names. */
  given(value?: PlainOf<K>, entity?: string): GivenReplicated<M, K>
}

export interface GivenReplicated<M extends Methods, K extends AnyKind> {
  /** The value by now. */
  readonly value: ViewOf<K>
  when<N extends keyof M & string>(
    method: N,
    request: Init<RequestOf<M[N]>>,
    options?: WhenOptions,
  ): WhenReplicated<M, K, ReplyOf<M[N]>>
  /** What a call was answered that the entity asked for: a command of the method that hears it. */
  answer<N extends HearsOf<M>>(
    method: N,
    answer: Heard<M[N]>,
    note?: NoteIn<M[N]>,
    options?: WhenOptions,
  ): WhenReplicated<M, K, ReplyOf<M[N]>>
  /** What a stream that this request has opened is told, now that the value is what it is. */
  changed<N extends StreamedOf<M>>(method: N, request: RequestOf<M[N]>): WhenChanged<M, K, ReplyOf<M[N]>>
  /** The client of a stream that this request has opened leaves. */
  cancelled<N extends StreamedOf<M>>(method: N, request: RequestOf<M[N]>): WhenCancelled<M, K>
}

type Changing = Accepting<Operation | Removed>

/** What becomes of the value: as the handler says it, from the view before if it is made of operations. */
type ReplicatedChange<K extends AnyKind> = Changing | ((view: ViewOf<K>) => Changing)

export interface WhenReplicated<M extends Methods, K extends AnyKind, Reply>
  extends Checks<WhenReplicated<M, K, Reply>, GivenReplicated<M, K>, Reply> {
  /** Accepted with this change, and this one reply. */
  then(change: ReplicatedChange<K>, reply: Reply): GivenReplicated<M, K>
  /** Accepted with this change, and the stream stays open, with this first element or without. */
  streams(change: ReplicatedChange<K>, first?: Reply): GivenReplicated<M, K>
  /** Accepted with this change, and forwarded. */
  forwards(change: ReplicatedChange<K>, to: Call): GivenReplicated<M, K>
  /** Accepted with this change, and the reply comes later. */
  later(change: ReplicatedChange<K>, ticket: string, options?: LaterOptions): GivenReplicated<M, K>
}

export interface WhenChanged<M extends Methods, K extends AnyKind, Reply> {
  emits(element: Reply): GivenReplicated<M, K>
  silent(): GivenReplicated<M, K>
  /** The stream ends, with a last element or without. */
  ends(last?: Reply): GivenReplicated<M, K>
  refuses(code: Code, message?: string | RegExp): GivenReplicated<M, K>
  effects(effects: readonly (Call | Effect)[]): WhenChanged<M, K, Reply>
}

export interface WhenCancelled<M extends Methods, K extends AnyKind> {
  then(change: ReplicatedChange<K>): GivenReplicated<M, K>
  effects(effects: readonly (Call | Effect)[]): WhenCancelled<M, K>
}

type Given = GivenReplicated<Methods, AnyKind>
type Change = ReplicatedChange<AnyKind>

export function replicatedKit<M extends Methods, K extends AnyKind>(definition: Replicated<M, K>): ReplicatedKit<M, K> {
  const entity = new Entity(freezing(definition as unknown as Replicated))
  return {
    given(value, key) {
      const replica = value === undefined ? undefined : fromPlain(definition.value, value)
      return new State(entity, key, replica, 0, false) as unknown as GivenReplicated<M, K>
    },
  }
}

/** Requests are frozen; views and contexts fill themselves in as they are used. */
function freezing(definition: Replicated): Replicated {
  const streams = Object.entries(definition.streams).map(([name, { changed, cancelled }]) => [
    name,
    {
      changed: guarded(`streams.${name}.changed`, changed, [1]),
      ...(cancelled === undefined ? {} : { cancelled: guarded(`streams.${name}.cancelled`, cancelled, [1]) }),
    },
  ])
  return {
    ...definition,
    decide: guardedAll('decide', definition.decide, [1]),
    exports: heard(definition.exports),
    streams: Object.fromEntries(streams) as Record<string, RunningStreamHandlers>,
  }
}

/** What every step needs: the definition and its instances. */
class Entity extends Instances<ReplicatedExports> {
  readonly definition: Replicated

  constructor(definition: Replicated) {
    super(definition.service.typeName, () => definition.exports([definition]))
    this.definition = definition
  }

  /** What a method sees. */
  view(replica: Replica | undefined, key: string, command: WireCommand, request: object): Uint8Array {
    const look = this.definition.look[key] ?? 'all'
    if (look === 'all') return encodeView(replica, undefined)
    if (look === 'nothing') return encodeView(replica, [])
    if ('dynamic' in look)
      return encodeView(
        replica,
        this.both((exports) => exports.reads(this.name, command)),
      )
    const field = (request as Readonly<Record<string, unknown>>)[look.element]
    return encodeView(replica, [this.definition.value.encode!(field)])
  }
}

class State implements Given {
  readonly entity: Entity
  readonly key: string | undefined
  readonly replica: Replica | undefined
  readonly index: number
  readonly deleted: boolean

  constructor(entity: Entity, key: string | undefined, replica: Replica | undefined, index: number, deleted: boolean) {
    this.entity = entity
    this.key = key
    this.replica = replica
    this.index = index
    this.deleted = deleted
  }

  get value(): unknown {
    const { value } = this.entity.definition
    const { content } = readView(encodeView(this.replica, undefined))
    return value.open({ content, place: rootPlace(value.number, content !== undefined) })
  }

  answer(name: string, given: never, note?: object, options?: WhenOptions): WhenReplicated<Methods, AnyKind, object> {
    const { service } = this.entity.definition
    return this.when(name, heardRequest(methodOf(service, name), given, note), options)
  }

  when(name: string, request: object, options: WhenOptions = {}): WhenReplicated<Methods, AnyKind, object> {
    this.mustBeThere()
    const { entity } = this
    const method = methodOf(entity.definition.service, name)
    const command = commandOf(method, request, options, this.index)
    const view = entity.view(this.replica, name, command, method.request.decode(command.payload))
    const key = entityOf(method, request, this.key)
    const decision = entity.both((exports) => exports.decide(entity.name, key, view, command))
    const next = this.after(decision, key, command.nowMs)
    const outcome = this.outcome(decision, key, view, name, command)
    const before = new State(entity, key, this.replica, this.index, false)
    return new Result(before, method, name, view, command, decision, outcome, next)
  }

  changed(name: string, request: object): WhenChanged<Methods, AnyKind, object> {
    const { entity } = this
    const { method, command, subscription, key } = this.subscribed(name, request)
    const view = entity.view(this.replica, name, command, request)
    const steps = entity.both((exports) =>
      exports.changed(entity.name, key, view, [subscription, { ...subscription, id: 'other' }], timeOf(this.index)),
    )
    return new Changed(this, method, steps[0]!)
  }

  cancelled(name: string, request: object): WhenCancelled<Methods, AnyKind> {
    const { entity } = this
    const { method, command, subscription, key } = this.subscribed(name, request)
    const view = entity.view(this.replica, name, command, request)
    const now = timeOf(this.index)
    const ask = (exports: ReplicatedExports) => exports.cancelled(entity.name, key, view, subscription, now)
    const decision = entity.both(ask)
    const expected = (change: Change): WireReplicatedDecision => {
      const { definition } = entity
      const streams = { ...definition.streams, [name]: { ...definition.streams[name]!, cancelled: saying(change) } }
      return ask(definition.exports([{ ...definition, streams }]))
    }
    return new Cancelled(this, method, decision, expected, this.after(decision, key, now))
  }

  private subscribed(name: string, request: object) {
    this.mustBeThere()
    const method = methodOf(this.entity.definition.service, name)
    const command = commandOf(method, request, {}, this.index)
    const subscription: WireSubscription = { id: 'subscription', method: method.name, note: command.payload }
    return { method, command, subscription, key: entityOf(method, request, this.key) }
  }

  private mustBeThere(): void {
    if (this.deleted) throw new TypeError('the entity is deleted: the host answers NOT_FOUND')
  }

  private after({ operations, delete: gone }: WireReplicatedDecision, key: string, now: number): State {
    const replica = applyOperations(this.replica, operations, now)
    return new State(this.entity, key, gone ? undefined : replica, this.index + 1, gone)
  }

  /** The answer, from the new view if the host was asked for it; and if not, the same from the new view (law L6). */
  private outcome(
    { answer, operations }: WireReplicatedDecision,
    key: string,
    view: Uint8Array,
    name: string,
    command: WireCommand,
  ): WireOutcome {
    const { entity } = this
    if (answer.tag === 'now' && answer.val.answer.tag === 'err') return answer.val
    const after = applyOperations(this.replica, operations, command.nowMs)
    const { definition } = entity
    const method = methodOf(definition.service, name)
    const newView = entity.view(after, name, command, method.request.decode(command.payload))
    const note = answer.tag === 'after' ? answer.val : view
    const rendered = entity.both((exports) => exports.render(entity.name, key, newView, command, note))
    if (answer.tag === 'now') {
      mustBeSame(
        entity.name,
        'L6: the reply differs from the one on the value after the operations',
        rendered,
        answer.val,
      )
    }
    return rendered
  }
}

/** A handler that decides as the test says, forwarding since something has to be answered. */
function saying(change: Change): (view: unknown) => unknown {
  return (view) => {
    const said = typeof change === 'function' ? change(view) : change
    if (!(said instanceof Acceptance)) throw new TypeError('say the change as accept(...operations) or remove()')
    const copy = new Acceptance(said.changes, said.value)
    return copy.consistency(said.written).forward({ service: '', method: '', payload: new Uint8Array(0), metadata: [] })
  }
}

function shownChange({ operations, delete: gone }: WireReplicatedDecision): object {
  const consistency = consistencyOf(operations)
  return {
    ...(gone ? { deleted: true } : {}),
    ...(gone && operations.length === 0 ? {} : { operations: shownOperations(operations) }),
    ...(consistency === 'local' ? {} : { consistency }),
  }
}

class Result extends OutcomeChecks implements WhenReplicated<Methods, AnyKind, object> {
  private readonly before: State
  private readonly key: string
  private readonly view: Uint8Array
  private readonly command: WireCommand
  private readonly decision: WireReplicatedDecision
  private readonly left: State

  constructor(
    before: State,
    method: AnyMethod,
    key: string,
    view: Uint8Array,
    command: WireCommand,
    decision: WireReplicatedDecision,
    outcome: WireOutcome,
    next: State,
  ) {
    super(before.entity.definition.service, method, outcome)
    this.before = before
    this.key = key
    this.view = view
    this.command = command
    this.decision = decision
    this.left = next
  }

  next(): State {
    return this.left
  }

  // biome-ignore lint/suspicious/noThenProperty: see outcome.K4
  then(change: Change, reply: object): State {
    // An awaited chain gets two functions here, and a function for a reply.
    if (typeof reply === 'function') this.compareReply(reply, {})
    this.compareReply({ ...this.expected(change), stream: false }, reply)
    return this.left
  }

  streams(change: Change, first?: object): State {
    const element = first === undefined ? 'none' : this.expectedReply(first)
    compare(this.name, { ...this.expected(change), stream: true, reply: element }, this.shown())
    return this.left
  }

  later(change: Change, ticket: string, options?: LaterOptions): State {
    this.compareLater({ ...this.expected(change), stream: false }, ticket, options)
    return this.left
  }

  forwards(change: Change, to: Call): State {
    this.compareForward({ ...this.expected(change), stream: false }, to)
    return this.left
  }

  refuses(code: Code, message?: string | RegExp): State {
    this.compareRefusal(code, message)
    return this.left
  }

  protected shown(): object {
    const stream = this.decision.subscribe !== undefined
    return shownOutcome(this.method, this.outcome, { ...shownChange(this.decision), stream })
  }

  private expected(change: Change): object {
    if (change === any) return shownChange(this.decision)
    const { entity, key } = this.before
    const { definition } = entity
    const said = { ...definition, decide: { ...definition.decide, [this.key]: saying(change) } }
    return shownChange(definition.exports([said]).decide(entity.name, key!, this.view, this.command))
  }
}

class Changed implements WhenChanged<Methods, AnyKind, object> {
  private readonly state: State
  private readonly method: AnyMethod
  private readonly step: WireStreamStep
  private readonly name: string

  constructor(state: State, method: AnyMethod, step: WireStreamStep) {
    this.state = state
    this.method = method
    this.step = step
    printLogs(step.outcome?.logs ?? [])
    this.name = `${state.entity.name}/${method.name}`
  }

  emits(element: object): State {
    return this.is({ reply: normal(this.method, element), ends: false })
  }

  silent(): State {
    return this.is({ reply: 'none', ends: false })
  }

  ends(last?: object): State {
    return this.is({ reply: last === undefined ? 'none' : normal(this.method, last), ends: true })
  }

  refuses(code: Code, message?: string | RegExp): State {
    const actual = this.shown()
    return this.is(refusal(code, message, 'message' in actual ? String(actual.message) : undefined))
  }

  effects(effects: readonly (Call | Effect)[]): this {
    compareEffects(this.name, effects, this.step.outcome === undefined ? [] : [this.step.outcome])
    return this
  }

  private is(expected: object): State {
    compare(this.name, expected, this.shown())
    return this.state
  }

  private shown(): object {
    const { outcome, end: ends } = this.step
    if (outcome === undefined) return { reply: 'none', ends }
    const shown = shownOutcome(this.method, outcome, {})
    return outcome.answer.tag === 'err' ? shown : { ...shown, ends }
  }
}

class Cancelled implements WhenCancelled<Methods, AnyKind> {
  private readonly name: string
  private readonly decision: WireReplicatedDecision
  private readonly expected: (change: Change) => WireReplicatedDecision
  private readonly next: State

  constructor(
    state: State,
    method: AnyMethod,
    decision: WireReplicatedDecision,
    expected: (change: Change) => WireReplicatedDecision,
    next: State,
  ) {
    this.name = `${state.entity.name}/${method.name}`
    this.decision = decision
    if (decision.answer.tag === 'now') printLogs(decision.answer.val.logs)
    this.expected = expected
    this.next = next
  }

  // biome-ignore lint/suspicious/noThenProperty: see outcome.K4
  then(change: Change): State {
    compare(this.name, shownChange(this.expected(change)), shownChange(this.decision))
    return this.next
  }

  effects(effects: readonly (Call | Effect)[]): this {
    const { answer } = this.decision
    compareEffects(this.name, effects, answer.tag === 'now' ? [answer.val] : [])
    return this
  }
}

// The test kit of actions: when(method, request).then(reply), and for streams stream(method).sends(...).emits(...).
//
// A stream is driven as the host does it: a step for each thing that the client does, and, where a step asks for more, one
// when the test looks for the next element. So a server stream without end is no matter.
//
// Each step checks L4 and L6: a fresh instance and one that has worked before say the same.

import type { Action } from '../action.ts'
import type { Code } from '../codec/codes.ts'
import type { AnyMethod, Init, Method, Methods, ReplyOf, RequestOf } from '../codec/message.ts'
import type { Call, Effect } from '../decision.ts'
import type { ActionExports } from '../guest/action.ts'
import type { WireInput, WireOutcome } from '../guest/wire.ts'
import { heard, printLogs } from './console.ts'
import { Instances, LawBroken, mustBeSame } from './law.ts'
import type { Checks, WhenOptions } from './outcome.ts'
import {
  any,
  commandOf,
  compare,
  compareEffects,
  filled,
  guarded,
  methodOf,
  normal,
  OutcomeChecks,
  refusal,
  shownCall,
  shownOutcome,
  timeOf,
  wireEntries,
} from './outcome.ts'

type UnaryOf<M extends Methods> = {
  [K in keyof M & string]: M[K] extends Method<object, object, 'unary'> ? K : never
}[keyof M & string]

type StreamArgs<M> =
  M extends Method<infer Request, object, 'serverStream'>
    ? [request: Request, options?: WhenOptions]
    : [options?: WhenOptions]

export interface ActionKit<M extends Methods> {
  when<K extends UnaryOf<M>>(
    method: K,
    request: Init<RequestOf<M[K]>>,
    options?: WhenOptions,
  ): WhenAction<M, ReplyOf<M[K]>>
  /** Begin a stream; one that the server alone sends begins with its request. */
  stream<K extends Exclude<keyof M & string, UnaryOf<M>>>(
    method: K,
    ...args: StreamArgs<M[K]>
  ): StreamDriver<RequestOf<M[K]>, ReplyOf<M[K]>>
}

export interface WhenAction<M extends Methods, Reply> extends Checks<WhenAction<M, Reply>, ActionKit<M>, Reply> {
  then(reply: Reply): ActionKit<M>
  forwards(to: Call): ActionKit<M>
}

/** A client at its stream. Checks take elements in the order in which they come. */
export interface StreamDriver<Request, Reply> {
  sends(...items: readonly Request[]): this
  /** The client has sent all. */
  closes(): this
  /** The client leaves. */
  cancels(): this
  /** The next element, to look at and to go on with. Fails the test where there is none. */
  read(): Reply
  /** The next elements are these. Asks for more where the stream has more. */
  emits(...elements: readonly Reply[]): this
  /** The next element is another command's answer. */
  forwards(to: Call): this
  /** The next element is a refusal, and so the end. */
  refuses(code: Code, message?: string | RegExp): this
  /** The one answer to all that was sent. */
  replies(reply: Reply): this
  /** Nothing is left to take, and the stream waits for its client. */
  silent(): this
  /** Nothing is left to take, and the stream is over. */
  ends(): this
  /** The effects of everything since the last look at them, in order. */
  effects(effects: readonly (Call | Effect)[]): this
}

export function actionKit<M extends Methods>(definition: Action<M>): ActionKit<M> {
  const frozen = freezing(definition as unknown as Action)
  const service: Service = new Instances(frozen.service.typeName, () => frozen.exports([frozen]))
  const kit: ActionKit<Methods> = {
    when(key, request, options = {}) {
      const method = methodOf(definition.service, key)
      const command = commandOf(method, request, options, 0)
      const single = service.both((exports) => exports.call(service.name, [command]))
      const batch = service.both((exports) => exports.call(service.name, [command, command]))
      mustBeSame(service.name, 'L1: a batch decides other than its commands one by one', [...single, ...single], batch)
      return new Result(definition as unknown as Action, method, single[0]!, kit)
    },
    stream(key, ...args) {
      const method = methodOf(definition.service, key)
      const [first, second] = args as readonly unknown[]
      const request = method.shape === 'serverStream' ? (first as object) : undefined
      const options = (request === undefined ? first : second) as WhenOptions | undefined
      return new Driver(service, method, request, options ?? {})
    },
  }
  return kit as unknown as ActionKit<M>
}

/** Requests and states are frozen. */
function freezing(definition: Action): Action {
  const methods = Object.entries(definition.methods).map(([name, handler]) => {
    if (typeof handler === 'function') return [name, guarded(`methods.${name}`, handler, [0])]
    const parts = Object.entries(handler.parts).map(([part, work]) =>
      part === 'state' || typeof work !== 'function'
        ? [part, work]
        : [part, guarded(`${name}.${part}`, work, handlerFrozen(part))],
    )
    return [name, { ...handler, parts: Object.fromEntries(parts) }]
  })
  const exports = heard(definition.exports)
  return { ...definition, methods: Object.fromEntries(methods) as Action['methods'], exports }
}

/** `item` gets a state and a request, the others one of them. A context is its first argument only in some `start`. */
function handlerFrozen(part: string): readonly number[] {
  return part === 'item' ? [0, 1] : part === 'start' ? [] : [0]
}

class Result extends OutcomeChecks implements WhenAction<Methods, object> {
  private readonly kit: ActionKit<Methods>

  constructor({ service }: Action, method: AnyMethod, outcome: WireOutcome, kit: ActionKit<Methods>) {
    super(service, method, outcome)
    this.kit = kit
  }

  // biome-ignore lint/suspicious/noThenProperty: see outcome.K4
  then(reply: object): ActionKit<Methods> {
    if (typeof reply === 'function') this.compareReply(reply, {})
    this.compareReply({}, reply)
    return this.kit
  }

  forwards(to: Call): ActionKit<Methods> {
    this.compareForward({}, to)
    return this.kit
  }

  refuses(code: Code, message?: string | RegExp): ActionKit<Methods> {
    this.compareRefusal(code, message)
    return this.kit
  }

  protected shown(): object {
    return shownOutcome(this.method, this.outcome, {})
  }
}

type Service = Instances<ActionExports>

/** More steps without an element than any stream has a reason for. */
const idleStepsMax = 1000

class Driver implements StreamDriver<object, object> {
  private readonly service: Service
  private readonly method: AnyMethod
  private readonly name: string
  private readonly options: WhenOptions
  private state: Uint8Array | undefined
  private waiting: WireOutcome[] = []
  private seen: WireOutcome[] = []
  private done = false
  private more = false
  private index = 0

  constructor(service: Service, method: AnyMethod, request: object | undefined, options: WhenOptions) {
    this.service = service
    this.method = method
    this.name = `${service.name}/${method.name}`
    this.options = options
    const start = { tag: 'start', val: wireEntries(options.metadata ?? []) } as const
    this.step(request === undefined ? [start] : [start, this.itemOf(request), { tag: 'end' }])
  }

  sends(...items: readonly object[]): this {
    for (const item of items) this.step([this.itemOf(item)])
    return this
  }

  closes(): this {
    return this.step([{ tag: 'end' }])
  }

  cancels(): this {
    this.step([{ tag: 'cancelled' }])
    this.waiting = []
    return this
  }

  emits(...elements: readonly object[]): this {
    for (const element of elements) {
      const taken = this.take() as { readonly reply?: object }
      const whole = taken.reply === undefined ? element : normal(this.method, filled(element, taken.reply) as object)
      compare(this.name, { reply: whole }, taken)
    }
    return this
  }

  read(): object {
    const taken = this.take() as { readonly reply?: object }
    if (taken.reply === undefined) compare(this.name, { reply: any }, taken)
    return taken.reply!
  }

  forwards(to: Call): this {
    compare(this.name, { forward: shownCall(to) }, this.take())
    return this
  }

  refuses(code: Code, message?: string | RegExp): this {
    const actual = this.take()
    compare(this.name, refusal(code, message, 'message' in actual ? String(actual.message) : undefined), actual)
    return this
  }

  replies(reply: object): this {
    return this.emits(reply).ends()
  }

  silent(): this {
    compare(this.name, { waits: true }, this.fill() ? this.take() : { waits: !this.done })
    return this
  }

  ends(): this {
    compare(this.name, { waits: false }, this.fill() ? this.take() : { waits: !this.done })
    return this
  }

  effects(effects: readonly (Call | Effect)[]): this {
    compareEffects(this.name, effects, this.seen)
    this.seen = []
    return this
  }

  private itemOf(item: object): WireInput {
    const { request } = this.method
    return { tag: 'item', val: request.encode(request(item)) }
  }

  private step(inputs: readonly WireInput[]): this {
    if (this.done) throw new TypeError(`${this.name}: the stream is over`)
    const { now = timeOf(this.index), seed = [1, 2, 3, this.index] } = this.options
    this.index++
    const { state, method } = this
    const ask = (exports: ActionExports) => exports.stream(this.service.name, method.name, state, inputs, now, seed)
    const step = this.service.both(ask)
    if (step.done && step.more) throw new LawBroken(`${this.name} is done and has more`, false, true)
    for (const outcome of step.outputs) {
      this.seen.push(outcome)
      printLogs(outcome.logs)
      if (outcome.answer.tag === 'err' || outcome.answer.val.tag !== 'none') this.waiting.push(outcome)
    }
    this.state = step.state
    this.done = step.done
    this.more = step.more
    return this
  }

  /** Ask for more until there is an element, if the stream has one. */
  private fill(): boolean {
    for (let steps = 0; this.waiting.length === 0 && this.more && !this.done; steps++) {
      if (steps > idleStepsMax) throw new TypeError(`${this.name} asks for more, and emits nothing`)
      this.step([])
    }
    return this.waiting.length > 0
  }

  private take(): object {
    if (!this.fill()) return { waits: !this.done }
    return shownOutcome(this.method, this.waiting.shift()!, {})
  }
}

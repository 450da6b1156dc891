// Action: the interface of wit/action.wit, made from the author's definitions.
//
// A1. Calls are independent of each other. A refusal keeps its effects.
// A2. A stream's state goes out and comes in with every step, behind one byte of flags: more to say unasked, the client has
//     sent all, there is a state. Nothing of a stream is kept here (law L6).
// A3. `more` asks to be called once the client has taken what was given: one `next` a call, so a slow client slows the guest.
//     What arrives in between is no answer to it: it still holds.
// A4. Inputs are taken in order, and none after the end. What a step's own effects do comes before its elements.
// A5. Between calls of the author's code a stream's state is frozen, or a copy (lending.ts): what an item changes in place is not
//     seen by the next one of the same call only.
// A6. Log lines go with the next output; those that none follows, with one that says nothing.

import type { Action, RunningParts, RunningUnary, StreamHandler } from '../action.ts'
import type { Shape } from '../codec/message.ts'
import type { Origin } from '../context.ts'
import { CommandContext } from '../context.ts'
import { Acceptance, Refusal } from '../decision.ts'
import { startOver } from '../frozen.ts'
import type { Codec } from '../state.ts'
import { jsonCodec, messageCodec } from '../state.ts'
import { Stepping, same } from '../step.ts'
import type { Lending } from './lending.ts'
import { lending } from './lending.ts'
import { hasLogs } from './logs.ts'
import type { Running } from './outcome.ts'
import {
  acceptedOutcome,
  alone,
  answerOf,
  decodeRequest,
  messageReply,
  noReply,
  outcomeOf,
  refusedOutcome,
  runningMethods,
  unknownMethod,
} from './outcome.ts'
import { serviceOf, servicesByName } from './services.ts'
import type { Seed, WireCommand, WireInput, WireOutcome, WireStep } from './wire.ts'

export interface ActionExports {
  call(service: string, commands: readonly WireCommand[]): readonly WireOutcome[]
  stream(
    service: string,
    method: string,
    state: Uint8Array | null | undefined,
    inputs: readonly WireInput[],
    nowMs: number,
    seed: Seed,
  ): WireStep
}

export function actionExports(definitions: readonly Action[]): ActionExports {
  const services = servicesByName(definitions, (definition) => new RunningAction(definition))
  return {
    call: (name, commands) => commands.map((command) => serviceOf(services, name).call(command)),
    stream: (name, method, state, inputs, nowMs, seed) =>
      serviceOf(services, name).stream(method, state ?? undefined, inputs, nowMs, seed),
  }
}

const nothing: readonly never[] = []
const flags = { more: 1, closed: 2, state: 4 } as const

class RunningAction {
  private readonly name: string
  private readonly methods: ReadonlyMap<string, Running<RunningUnary | StreamHandler<Shape, object, object>>>

  constructor({ service, methods }: Action) {
    this.name = service.typeName
    this.methods = runningMethods(service, methods)
  }

  call(command: WireCommand): WireOutcome {
    const running = this.methods.get(command.method)
    if (running === undefined) return refusedOutcome(unknownMethod(this.name, command.method))
    const { handler, method, name } = running
    if (typeof handler !== 'function') throw new TypeError(`${name} streams, and was called as a unary method`)
    const request = decodeRequest(method, command.payload)
    if (request instanceof Refusal) return refusedOutcome(request)
    return output(running, handler(request, new CommandContext('', command)))
  }

  stream(
    method: string,
    bytes: Uint8Array | undefined,
    inputs: readonly WireInput[],
    nowMs: number,
    seed: Seed,
  ): WireStep {
    const running = this.methods.get(method)
    if (running === undefined) return failed(unknownMethod(this.name, method))
    const { handler } = running
    if (typeof handler === 'function') throw new TypeError(`${running.name} does not stream`)
    return lending(running.name, (by) => {
      const stream = new Stream(running, handler, bytes, nowMs, seed, by)
      if (inputs.length === 0) stream.next()
      for (const input of inputs) stream.take(input)
      return stream.step()
    })
  }
}

function failed(refusal: Refusal): WireStep {
  return { outputs: [refusedOutcome(refusal)], state: undefined, done: true, more: false }
}

/** An answer, or a message as it is, as an output. */
function output(running: Running<unknown>, value: unknown): WireOutcome {
  const answer = answerOf(running.name, value)
  if (answer instanceof Refusal) return refusedOutcome(answer)
  if (answer.changes.length > 0) throw new TypeError(`${running.name} accepts changes, but an action has no state`)
  return acceptedOutcome(running, answer, undefined)
}

/** One call's worth of a stream. */
class Stream {
  private readonly running: Running<unknown>
  private readonly shape: Shape
  private readonly parts: RunningParts
  private readonly codec: Codec<unknown>
  private readonly origin: { nowMs: number; seed: Seed; metadata: Origin['metadata'] }
  private readonly context: CommandContext
  private readonly by: Lending
  private readonly before: Uint8Array | undefined
  private readonly outputs: WireOutcome[] = []
  private state: unknown
  private stateChanged = false
  private wantsMore: boolean
  private closed: boolean
  private done = false

  constructor(
    running: Running<unknown>,
    { shape, parts }: StreamHandler<Shape, object, object>,
    bytes: Uint8Array | undefined,
    nowMs: number,
    seed: Seed,
    by: Lending,
  ) {
    this.running = running
    this.shape = shape
    this.parts = parts
    this.by = by
    this.codec = (parts.state === undefined ? jsonCodec() : messageCodec(parts.state)) as Codec<unknown>
    this.before = bytes
    const flag = bytes?.[0] ?? 0
    this.state = (flag & flags.state) === 0 ? undefined : this.codec.decode(bytes!.subarray(1))
    this.wantsMore = (flag & flags.more) !== 0
    this.closed = (flag & flags.closed) !== 0
    this.origin = { nowMs, seed, metadata: nothing }
    this.context = new CommandContext('', this.origin)
  }

  take(input: WireInput): void {
    if (this.done) return
    switch (input.tag) {
      case 'start':
        this.start(input.val)
        return
      case 'item':
        this.item(input.val)
        return
      case 'end':
        this.end()
        return
      case 'cancelled':
        this.cancelled()
    }
  }

  /** The client has taken what was given. */
  next(): void {
    const { next } = this.parts
    if (!this.wantsMore && this.shape !== 'serverStream') return
    this.wantsMore = false
    if (next === undefined) throw new TypeError(`${this.running.name} asks for more, but has no next`)
    this.follow(next(this.given, this.context), 'next')
  }

  step(): WireStep {
    if (hasLogs()) this.outputs.push(outcomeOf(noReply, alone))
    return {
      outputs: this.outputs,
      state: this.done ? undefined : this.bytes(),
      done: this.done,
      more: this.wantsMore && !this.done,
    }
  }

  private start(metadata: Origin['metadata']): void {
    this.origin.metadata = metadata
    const { start } = this.parts
    // The request of a server stream is an item that follows at once.
    if (this.shape !== 'serverStream' && start !== undefined) this.begin(start(this.context))
  }

  private begin(state: unknown): void {
    if (state instanceof Refusal) this.answer(state)
    else this.set(state)
  }

  private item(payload: Uint8Array): void {
    const request = decodeRequest(this.running.method, payload)
    if (request instanceof Refusal) {
      this.answer(request)
      return
    }
    if (this.shape === 'serverStream') {
      this.begin(this.parts.start!(request, this.context))
      if (!this.done) this.next()
      return
    }
    this.follow(this.parts.item!(this.given, request, this.context), 'item')
  }

  private end(): void {
    const { end } = this.parts
    // A server stream's one request was its item.
    if (this.shape === 'serverStream') return
    this.closed = true
    if (end !== undefined) this.follow(end(this.given, this.context), 'end')
    else this.done = !this.wantsMore
  }

  private cancelled(): void {
    const { cancelled } = this.parts
    this.done = true
    if (cancelled === undefined) return
    const answer = cancelled(this.given, this.context)
    if (!(answer instanceof Acceptance)) throw new TypeError(`${this.running.name}: cancelled does not accept`)
    this.outputs.push(outcomeOf(noReply, answer, this.running))
  }

  private follow(step: unknown, from: string): void {
    if (step instanceof Refusal || (step instanceof Acceptance && this.shape === 'clientStream')) {
      this.answer(step)
      return
    }
    if (!(step instanceof Stepping)) {
      throw new TypeError(`${this.running.name}: ${from} answers neither emit, keep, silent, end nor refuse`)
    }
    if (step.effects.length > 0) this.outputs.push(outcomeOf(noReply, { ...alone, effects: step.effects }))
    for (const element of step.outputs) this.outputs.push(this.element(element))
    if (step.state !== same) this.set(step.state)
    this.wantsMore ||= step.wantsMore || this.shape === 'serverStream'
    // Nothing can come of a stream that neither gets nor gives any more.
    this.done = step.ended || (this.closed && !this.wantsMore)
  }

  private element(element: object): WireOutcome {
    if (element instanceof Acceptance || element instanceof Refusal) return output(this.running, element)
    const { method, name } = this.running
    return outcomeOf(messageReply(method, name, element), alone)
  }

  /** The last word. */
  private answer(answer: Acceptance | Refusal): void {
    this.outputs.push(output(this.running, answer))
    this.done = true
  }

  private get given(): unknown {
    return this.by.lend(this.codec, this.state)
  }

  private set(state: unknown): void {
    this.state = state === undefined ? undefined : this.by.keep(this.codec, state)
    this.stateChanged = true
  }

  private bytes(): Uint8Array | undefined {
    startOver()
    const has = this.state === undefined ? 0 : flags.state
    const flag = (this.wantsMore ? flags.more : 0) | (this.closed ? flags.closed : 0) | has
    if (!this.stateChanged && this.before?.[0] === flag) return this.before
    const data = has === 0 ? undefined : this.codec.encode(this.state)
    const bytes = new Uint8Array(1 + (data?.length ?? 0))
    bytes[0] = flag
    if (data !== undefined) bytes.set(data, 1)
    return bytes
  }
}

// Steps: what a stream does next. Of an action's streams, and of the streams that replicated entities keep open.
//
// P1. A step says nothing unless told to: no element, the state as it was, and the stream goes on.

import type { Call, DueOptions, Effect, EffectOptions } from './decision.ts'
import { effectAfter, effectAt, effectOf } from './effect.ts'

declare const steps: unique symbol

/** `Kept` is the stream's new state (never: as it was), `Outputs` the list of what is emitted. */
export interface Step<Kept, Outputs extends readonly object[]> {
  readonly [steps]: { readonly kept: Kept; readonly outputs: Outputs }
  /** A command that runs before the elements of this step are sent; its answer is thrown away. */
  effect(call: Call, options?: EffectOptions): this
  /** One that is due so many milliseconds later. */
  after(ms: number, call: Call, options?: DueOptions): this
  /** One that is due at this time, in milliseconds since 1970. */
  at(timeMs: number, call: Call, options?: DueOptions): this
}

/** A step after which the stream goes on. */
export interface GoingOn<Kept, Outputs extends readonly object[]> extends Step<Kept, Outputs> {
  /** The stream's state from now on. */
  keep<State>(state: State): GoingOn<State, Outputs>
  emit<More extends readonly object[]>(...outputs: More): GoingOn<Kept, readonly [...Outputs, ...More]>
  /** There is more to say: `next` is called once the client has taken this. */
  more(): GoingOn<Kept, Outputs>
}

/** Send these elements, and go on. */
export function emit<Outputs extends readonly object[]>(...outputs: Outputs): GoingOn<never, Outputs> {
  return new Stepping(outputs, false) as unknown as GoingOn<never, Outputs>
}

/** Nothing to say. */
export function silent(): GoingOn<never, readonly []> {
  return new Stepping([], false) as unknown as GoingOn<never, readonly []>
}

/** Go on with this state. */
export function keep<State>(state: State): GoingOn<State, readonly []> {
  return new Stepping([], false).keep(state) as unknown as GoingOn<State, readonly []>
}

/** Send these elements, if any, and end the stream. */
export function end<Outputs extends readonly object[]>(...outputs: Outputs): Step<never, Outputs> {
  return new Stepping(outputs, true) as unknown as Step<never, Outputs>
}

/** The state stays. */
export const same: unique symbol = Symbol('same')

/** What all of them make. */
export class Stepping {
  readonly outputs: object[]
  readonly ended: boolean
  readonly effects: Effect[] = []
  state: unknown = same
  wantsMore = false

  constructor(outputs: readonly object[], ended: boolean) {
    this.outputs = [...outputs]
    this.ended = ended
  }

  effect(target: Call, options?: EffectOptions): this {
    this.effects.push(effectOf(target, options))
    return this
  }

  after(ms: number, target: Call, options?: DueOptions): this {
    this.effects.push(effectAfter(ms, target, options))
    return this
  }

  at(timeMs: number, target: Call, options?: DueOptions): this {
    this.effects.push(effectAt(timeMs, target, options))
    return this
  }

  keep(state: unknown): this {
    this.state = state
    return this
  }

  emit(...outputs: readonly object[]): this {
    this.outputs.push(...outputs)
    return this
  }

  more(): this {
    this.wantsMore = true
    return this
  }
}

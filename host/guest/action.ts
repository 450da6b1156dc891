// Action guests: call and stream (wit/action.wit).
//
// A1. As many outcomes as commands, or it is a fault. Effects beside a failure count: actions keep them (§refusal-3).
// A2. A step of a stream gives at most `streamOutputsMax` outputs, all of which wait for a slow client, and the effects that a
//     batch of as many commands as it had inputs may have.
//
// Owns: the two calls.   warm.ts owns: the instance and its fuel.   lower.ts, lift-outcome.ts own: values.

import type { Limits } from '../limits.ts'
import type { Outcome } from '../outcome.ts'
import { type ActionGuest, type ActionStep, type GuestCommand, GuestFault, type StreamInput } from './guest.ts'
import type { CompiledArtefact } from './instance.ts'
import { sizes } from './layout.ts'
import type { Lift } from './lift.ts'
import { actionStream, actionUnary, type Due, liftOutcome } from './lift-outcome.ts'
import { answered, Warm } from './warm.ts'

export class Action implements ActionGuest {
  readonly #warm: Warm<'call' | 'stream'>

  constructor(compiled: CompiledArtefact, limits: Limits, strict = false) {
    this.#warm = new Warm(compiled, limits, 'action', ['call', 'stream'], strict)
  }

  call(service: string, commands: readonly GuestCommand[]): readonly Outcome[] {
    return this.#warm.call((ready) => {
      const { instance, lower, functions } = ready
      const list = lower.commands(commands)
      const [servicePointer, serviceLength] = lower.text(service)
      const pointer = instance.call(functions.call.run, servicePointer, serviceLength, list, commands.length)
      return answered(ready, functions.call, pointer, sizes.list, (lift, at) => {
        const outcomes = liftOutcomes(lift, at, actionUnary, lift.limits.guestResultElementsMax)
        if (outcomes.length === commands.length) return outcomes
        throw new GuestFault('malformed', `${outcomes.length} outcomes for ${commands.length} commands`)
      })
    })
  }

  stream(
    service: string,
    method: string,
    state: Uint8Array | undefined,
    inputs: readonly StreamInput[],
    nowMs: number,
    seed: Uint8Array,
  ): ActionStep {
    return this.#warm.call((ready) => {
      const { instance, lower, functions } = ready
      const list = lower.inputs(inputs)
      const [servicePointer, serviceLength] = lower.text(service)
      const [methodPointer, methodLength] = lower.text(method)
      const statePointer = state === undefined ? 0 : lower.bytes(state)
      const pointer = instance.call(
        functions.stream.run,
        servicePointer,
        serviceLength,
        methodPointer,
        methodLength,
        state === undefined ? 0 : 1,
        statePointer,
        state?.length ?? 0,
        list,
        inputs.length,
        nowMs,
        ...lower.flatSeed(seed),
      )
      return answered(ready, functions.stream, pointer, sizes.step, (lift, at) => liftStep(lift, at, inputs.length))
    })
  }

  drop(): void {
    this.#warm.drop()
  }
}

function liftStep(lift: Lift, at: number, inputs: number): ActionStep {
  const { streamOutputsMax, decisionEffectsMax } = lift.limits
  const outputs = liftOutcomes(lift, at, actionStream, streamOutputsMax, 'outputs of a step')
  const effects = outputs.reduce((sum, output) => sum + output.effects.length, 0)
  const effectsMax = decisionEffectsMax * Math.max(1, inputs)
  if (effects > effectsMax)
    throw new GuestFault('too_large', `effects of a step: ${effects} given, ${effectsMax} allowed`)
  return {
    outputs,
    state:
      lift.case(at + 8, 2, "the stream's state") === 1
        ? lift.bytes(at + 12, lift.limits.streamStateBytesMax, "the stream's state")
        : undefined,
    done: lift.bool(at + 20),
    more: lift.bool(at + 21),
  }
}

function liftOutcomes(lift: Lift, at: number, due: Due, countMax: number, what = 'outcomes'): readonly Outcome[] {
  const list = lift.list(at, sizes.outcome, countMax, what)
  const outcomes: Outcome[] = []
  for (let i = 0; i < list.count; i++) outcomes.push(liftOutcome(lift, list.at + i * sizes.outcome, due))
  return outcomes
}

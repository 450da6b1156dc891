// Value guests: decide (wit/value.wit).
//
// V1. As many decisions as commands, or it is a fault; `unknown` only where something held was named.
// V2. A failure changes nothing: a change beside it is not even read (law L3).
//
// Owns: the call.   warm.ts owns: the instance and its fuel.   lower.ts, lift-outcome.ts own: values.

import type { Limits } from '../limits.ts'
import type { Change } from '../outcome.ts'
import { unknown } from './event-sourced.ts'
import {
  type CallFuel,
  type Decision,
  type GuestCommand,
  GuestFault,
  type ValueBasis,
  type ValueDecided,
  type ValueGuest,
} from './guest.ts'
import type { CompiledArtefact } from './instance.ts'
import { sizes } from './layout.ts'
import type { Lift } from './lift.ts'
import { liftOutcome, noEvents, unary } from './lift-outcome.ts'
import { answered, Warm } from './warm.ts'

export class Value implements ValueGuest {
  readonly #warm: Warm<'decide'>

  constructor(compiled: CompiledArtefact, limits: Limits, strict = false) {
    this.#warm = new Warm(compiled, limits, 'value', ['decide'], strict)
  }

  get generation(): number {
    return this.#warm.generation
  }

  get lastCall(): CallFuel {
    return this.#warm.lastCall
  }

  decide(service: string, entity: string, basis: ValueBasis, commands: readonly GuestCommand[]): ValueDecided {
    return this.#warm.call((ready) => {
      const { instance, lower, functions } = ready
      const list = lower.commands(commands)
      const [servicePointer, serviceLength] = lower.text(service)
      const [entityPointer, entityLength] = lower.text(entity)
      const [basisCase, basisFirst, basisSecond] = lower.valueBasis(basis)
      const pointer = instance.call(
        functions.decide.run,
        servicePointer,
        serviceLength,
        entityPointer,
        entityLength,
        basisCase,
        basisFirst,
        basisSecond,
        list,
        commands.length,
      )
      return answered(ready, functions.decide, pointer, sizes.valueAnswer, (lift, at) =>
        liftDecided(lift, at, basis, commands.length),
      )
    })
  }

  drop(): void {
    this.#warm.drop()
  }
}

function liftDecided(lift: Lift, at: number, basis: ValueBasis, commands: number): ValueDecided {
  if (lift.case(at, 2, 'the answer') === 1) return unknown(basis)
  const list = lift.list(at + 4, sizes.valueDecision, lift.limits.guestResultElementsMax, 'decisions')
  if (list.count !== commands) {
    throw new GuestFault('malformed', `${list.count} decisions for ${commands} commands`)
  }
  const decisions: Decision[] = []
  for (let i = 0; i < list.count; i++) decisions.push(liftDecision(lift, list.at + i * sizes.valueDecision))
  const held = lift.case(at + 12, 2, 'held') === 1 ? lift.memory.u32(at + 16) : undefined
  return { kind: 'decided', decisions, held }
}

function liftDecision(lift: Lift, at: number): Decision {
  const outcome = liftOutcome(lift, at + 12, unary)
  const failed = outcome.answer.kind === 'failure'
  if (failed) lift.besideFailure(lift.memory.bytes[at]!, 'a change')
  return { events: noEvents, change: failed ? undefined : liftChange(lift, at), outcome }
}

function liftChange(lift: Lift, at: number): Change | undefined {
  switch (lift.case(at, 3, 'change')) {
    case 0:
      return undefined
    case 1:
      return { kind: 'updated', value: lift.state(at + 4, 'the value') }
    default:
      return { kind: 'deleted' }
  }
}

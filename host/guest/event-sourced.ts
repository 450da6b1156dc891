// Event-sourced guests: decide and evolve (wit/event-sourced.wit).
//
// E1. As many decisions as commands, or it is a fault; `unknown` only where something held was named.
//
// Owns: the two calls.   warm.ts owns: the instance and its fuel.   lower.ts, lift-outcome.ts own: values.

import type { Limits } from '../limits.ts'
import type { Typed } from '../outcome.ts'
import {
  type Basis,
  type CallFuel,
  type Decided,
  type Decision,
  type EventSourcedGuest,
  type Evolved,
  type GuestCommand,
  GuestFault,
} from './guest.ts'
import type { CompiledArtefact, GuestFunction } from './instance.ts'
import { sizes } from './layout.ts'
import type { Lift } from './lift.ts'
import { liftDecision, liftHeld, liftNext } from './lift-outcome.ts'
import { answered, type Ready, Warm } from './warm.ts'

export class EventSourced implements EventSourcedGuest {
  readonly #warm: Warm<'decide' | 'evolve'>

  constructor(compiled: CompiledArtefact, limits: Limits, strict = false) {
    this.#warm = new Warm(compiled, limits, 'event-sourced', ['decide', 'evolve'], strict)
  }

  get generation(): number {
    return this.#warm.generation
  }

  get lastCall(): CallFuel {
    return this.#warm.lastCall
  }

  get memoryBytes(): number {
    return this.#warm.memoryBytes
  }

  decide(
    service: string,
    entity: string,
    basis: Basis,
    commands: readonly GuestCommand[],
    wantState: boolean,
  ): Decided {
    return this.#warm.call((ready) => {
      const { lower, functions } = ready
      const list = lower.commands(commands)
      const pointer = call(ready, functions.decide, service, entity, basis, list, commands.length, wantState)
      return answered(ready, functions.decide, pointer, sizes.decideAnswer, (lift, at) =>
        liftDecided(lift, at, basis, commands.length, wantState),
      )
    })
  }

  evolve(service: string, entity: string, basis: Basis, events: readonly Typed[], wantState: boolean): Evolved {
    return this.#warm.call((ready) => {
      const { lower, functions } = ready
      const list = lower.events(events)
      const pointer = call(ready, functions.evolve, service, entity, basis, list, events.length, wantState)
      return answered(ready, functions.evolve, pointer, sizes.evolveAnswer, (lift, at) =>
        liftEvolved(lift, at, basis, wantState),
      )
    })
  }

  drop(): void {
    this.#warm.drop()
  }
}

function call(
  { instance, lower }: Ready<string>,
  guest: GuestFunction,
  service: string,
  entity: string,
  basis: Basis,
  list: number,
  count: number,
  wantState: boolean,
): number {
  const [servicePointer, serviceLength] = lower.text(service)
  const [entityPointer, entityLength] = lower.text(entity)
  const [basisCase, basisFirst, basisSecond] = lower.basis(basis)
  return instance.call(
    guest.run,
    servicePointer,
    serviceLength,
    entityPointer,
    entityLength,
    basisCase,
    basisFirst,
    basisSecond,
    list,
    count,
    wantState ? 1 : 0,
  )
}

function liftDecided(lift: Lift, at: number, basis: Basis, commands: number, wantState: boolean): Decided {
  if (lift.case(at, 2, 'the answer') === 1) return unknown(basis)
  const list = lift.list(at + 4, sizes.decision, lift.limits.guestResultElementsMax, 'decisions')
  if (list.count !== commands) {
    throw new GuestFault('malformed', `${list.count} decisions for ${commands} commands`)
  }
  const decisions: Decision[] = []
  for (let i = 0; i < list.count; i++) decisions.push(liftDecision(lift, list.at + i * sizes.decision))
  return { kind: 'decided', decisions, next: liftNext(lift, at + 12, wantState) }
}

function liftEvolved(lift: Lift, at: number, basis: Basis, wantState: boolean): Evolved {
  switch (lift.case(at, 3, 'the answer')) {
    case 0:
      return { kind: 'state', bytes: lift.state(at + 4) }
    case 1:
      return liftHeld(lift, at + 4, wantState)
    default:
      return unknown(basis)
  }
}

export function unknown(basis: { readonly kind: string }): { readonly kind: 'unknown' } {
  if (basis.kind !== 'held') throw new GuestFault('malformed', 'nothing held was named, and yet the answer is unknown')
  return { kind: 'unknown' }
}

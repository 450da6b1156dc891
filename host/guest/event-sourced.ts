// Event-sourced guests: decide and evolve, called through one warm instance.
//
// E1. One instance at a time, made when it is first needed. Any fault drops it, with every state that it held; the next
//     call makes a fresh one and `generation` has risen by then.
// E2. Each call begins with fresh fuel: as much as its commands or events may use, but never more than some commands'
//     worth, so that a batch cannot block the loop for longer (an entity runs a batch that failed again one by one).
// E3. As many decisions as commands, or it is a fault; `unknown` only where something held was named.
//
// Owns: the two calls.   lower.ts, lift-outcome.ts own: their values.   Entities own: what to do after a fault.

import type { Limits } from '../limits.ts'
import type { Typed } from '../outcome.ts'
import {
  type Basis,
  type Decided,
  type Decision,
  type EventSourcedGuest,
  type Evolved,
  type GuestCommand,
  GuestFault,
} from './guest.ts'
import { type CompiledArtefact, type GuestFunction, Instance } from './instance.ts'
import { sizes } from './layout.ts'
import { Lift } from './lift.ts'
import { liftDecision, liftHeld, liftNext } from './lift-outcome.ts'
import { Lower } from './lower.ts'

/** Times `fuelPerCommand` for one batch: what a batch may need, not what its commands could each have. The counter has
 *  31 bits, so no call gets more than 268 million units. */
const decideFuelFactorMax = 4
/** Times `fuelPerCommand` for one chunk of events: a replay that runs out leaves its entity stuck, so it gets more. */
const evolveFuelFactorMax = 12

interface Warm {
  readonly instance: Instance
  readonly decide: GuestFunction
  readonly evolve: GuestFunction
  readonly lower: Lower
  readonly lift: Lift
}

export class EventSourced implements EventSourcedGuest {
  readonly #compiled: CompiledArtefact
  readonly #limits: Limits
  #warm: Warm | undefined
  #generation = 0

  constructor(compiled: CompiledArtefact, limits: Limits) {
    this.#compiled = compiled
    this.#limits = limits
  }

  /** A dropped instance counts at once: what it held is void before a fresh one is made. */
  get generation(): number {
    return this.#generation
  }

  /** Fuel that the last call left; for measurements. */
  get fuelLeft(): number {
    return this.#warm?.instance.fuel ?? 0
  }

  decide(
    service: string,
    entity: string,
    basis: Basis,
    commands: readonly GuestCommand[],
    wantState: boolean,
  ): Decided {
    return this.#guarded((warm) => {
      const { instance, lower, lift } = warm
      instance.fuel = fuelFor(this.#limits, commands.length, decideFuelFactorMax)
      const pointer = call(
        warm,
        warm.decide,
        service,
        entity,
        basis,
        lower.commands(commands),
        commands.length,
        wantState,
      )
      lift.begin()
      const at = lift.root(pointer, sizes.decideAnswer)
      const decided = liftDecided(lift, at, basis, commands.length, wantState)
      if (warm.decide.after !== undefined) instance.call(warm.decide.after, pointer)
      return decided
    })
  }

  evolve(service: string, entity: string, basis: Basis, events: readonly Typed[], wantState: boolean): Evolved {
    return this.#guarded((warm) => {
      const { instance, lower, lift } = warm
      instance.fuel = fuelFor(this.#limits, events.length, evolveFuelFactorMax)
      const pointer = call(warm, warm.evolve, service, entity, basis, lower.events(events), events.length, wantState)
      lift.begin()
      const at = lift.root(pointer, sizes.evolveAnswer)
      const evolved = liftEvolved(lift, at, basis, wantState)
      if (warm.evolve.after !== undefined) instance.call(warm.evolve.after, pointer)
      return evolved
    })
  }

  drop(): void {
    if (this.#warm === undefined) return
    this.#warm = undefined
    this.#generation++
  }

  #guarded<Result>(run: (warm: Warm) => Result): Result {
    try {
      return run((this.#warm ??= this.#make()))
    } catch (thrown) {
      this.#warm = undefined
      this.#generation++
      if (thrown instanceof GuestFault) throw thrown
      throw new GuestFault('trap', 'the call failed', thrown)
    }
  }

  #make(): Warm {
    const instance = new Instance(this.#compiled, this.#limits)
    const decide = instance.function('event-sourced', 'decide')
    return {
      instance,
      decide,
      evolve: instance.function('event-sourced', 'evolve'),
      lower: new Lower(instance, decide.realloc),
      lift: new Lift(instance.memory, this.#limits),
    }
  }
}

function fuelFor(limits: Limits, count: number, factorMax: number): number {
  return limits.fuelPerCommand * Math.min(Math.max(count, 1), factorMax)
}

function call(
  { instance, lower }: Warm,
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

function unknown(basis: Basis): { readonly kind: 'unknown' } {
  if (basis.kind !== 'held') throw new GuestFault('malformed', 'nothing held was named, and yet the answer is unknown')
  return { kind: 'unknown' }
}

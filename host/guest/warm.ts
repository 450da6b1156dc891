// Warm: one instance of a component at a time, with the functions of one interface. What all state models call through.
//
// W1. Made when it is first needed. Any fault drops it, with everything that it held; the next call makes a fresh one and
//     `generation` has risen by then.
// W2. Each call begins with fresh fuel, one command as many or a batch of them: so none blocks the loop for longer. A batch that runs
//     out is run again one by one.
//
// Owns: the instance.   The models own: which functions, and their values.

import type { Limits } from '../limits.ts'
import { type CallFuel, GuestFault } from './guest.ts'
import type { CompiledArtefact, GuestFunction } from './instance.ts'
import { Instance } from './instance.ts'
import type { interfaces } from './layout.ts'
import { Lift } from './lift.ts'
import { Lower } from './lower.ts'

export interface Ready<Name extends string> {
  readonly instance: Instance
  readonly functions: Readonly<Record<Name, GuestFunction>>
  readonly lower: Lower
  readonly lift: Lift
}

export class Warm<Name extends string> {
  readonly #compiled: CompiledArtefact
  readonly #limits: Limits
  readonly #interface: keyof typeof interfaces
  readonly #names: readonly Name[]
  readonly #strict: boolean
  #ready: Ready<Name> | undefined
  #generation = 0

  /** `strict`: see lift.ts. */
  constructor(
    compiled: CompiledArtefact,
    limits: Limits,
    name: keyof typeof interfaces,
    functions: readonly Name[],
    strict = false,
  ) {
    this.#strict = strict
    this.#compiled = compiled
    this.#limits = limits
    this.#interface = name
    this.#names = functions
  }

  /** A dropped instance counts at once: what it held is void before a fresh one is made. */
  get generation(): number {
    return this.#generation
  }

  /** What the last call cost; of one that faulted nothing is known. */
  get lastCall(): CallFuel {
    const instance = this.#ready?.instance
    return { used: instance?.used ?? 0, given: instance?.granted ?? 0 }
  }

  /** Bytes of the instance's memory; for measurements. */
  get memoryBytes(): number {
    return this.#ready?.instance.memory.bytes.length ?? 0
  }

  drop(): void {
    if (this.#ready === undefined) return
    this.#ready = undefined
    this.#generation++
  }

  /** Run `work` on the fuel of one call. @throws GuestFault */
  call<Result>(work: (ready: Ready<Name>) => Result): Result {
    try {
      const ready = (this.#ready ??= this.#make())
      ready.instance.begin(this.#limits.fuelPerCommand)
      ready.lift.begin()
      return work(ready)
    } catch (thrown) {
      this.#ready = undefined
      this.#generation++
      if (thrown instanceof GuestFault) throw thrown
      throw new GuestFault('trap', 'the call failed', thrown)
    }
  }

  #make(): Ready<Name> {
    const instance = new Instance(this.#compiled, this.#limits)
    const entries = this.#names.map((name) => [name, instance.function(this.#interface, name)] as const)
    return {
      instance,
      functions: Object.fromEntries(entries) as Record<Name, GuestFunction>,
      lower: new Lower(instance, entries[0]![1].realloc, this.#limits.fuelPerByte),
      lift: new Lift(instance.memory, this.#limits, this.#strict),
    }
  }
}

/** Read an answer that came by pointer, then let the guest free it. */
export function answered<Result>(
  { instance, lift }: Ready<string>,
  guest: GuestFunction,
  pointer: number,
  size: number,
  read: (lift: Lift, at: number) => Result,
): Result {
  const result = read(lift, lift.root(pointer, size))
  if (guest.after !== undefined) instance.call(guest.after, pointer)
  return result
}

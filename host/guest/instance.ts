// Instance: a component in memory, made from its artefact: core modules linked as the plan says, under a fuel counter.
//
// I1. No generated code: imports are exports of earlier instances, or a trap.
// I2. Start functions run in the order of the plan, all together on `limits.fuelAtStart`; what else an instance costs was counted when it
//     was deployed (wasm/starting.ts).
// I3. Whatever the guest throws becomes a GuestFault with its reason; the guest's own words are only in `words` and `cause`.
// I4. Modules are compiled once per artefact (`compile`), not once per instance.
//
// Owns: linking and calling.   lower.ts and lift.ts own: values.   event-sourced.ts owns: when to make a fresh one.

import type { Limits } from '../limits.ts'
import type { Artefact, LinkPlan, PlanImport } from './artefact.ts'
import { faultGlobal, faultText, Places } from './fault-text.ts'
import { FuelCounter, fuelImport, fuelMaxOfCall } from './fuel.ts'
import { GuestFault } from './guest.ts'
import { interfaces } from './layout.ts'
import { GuestMemory } from './memory.ts'

export interface CompiledArtefact {
  readonly plan: LinkPlan
  readonly modules: readonly WebAssembly.Module[]
  /** Where places of the bundle lie in the author's sources. */
  readonly places: Places | undefined
}

/** Compile the modules of an artefact (QuickJS: 10 ms, 20 MiB: 100 ms): where no loop waits. They can be sent to other threads. */
export function compile(artefact: Artefact): CompiledArtefact {
  return compiled(
    artefact,
    artefact.modules.map((bytes) => new WebAssembly.Module(bytes)),
  )
}

/** The same in threads of the engine's. */
export async function compileAside(artefact: Artefact): Promise<CompiledArtefact> {
  return compiled(artefact, await Promise.all(artefact.modules.map((bytes) => WebAssembly.compile(bytes))))
}

function compiled({ plan, sourceMap }: Artefact, modules: readonly WebAssembly.Module[]): CompiledArtefact {
  return { plan, modules, places: sourceMap && new Places(sourceMap) }
}

type CoreFunction = (...parameters: number[]) => number | undefined

/** One exported function of an interface, with what its convention brings along. */
export interface GuestFunction {
  readonly name: string
  readonly run: CoreFunction
  /** `cabi_post_…`: called with the answer's pointer once it was copied. */
  readonly after: CoreFunction | undefined
  readonly realloc: CoreFunction
}

export class Instance {
  readonly memory: GuestMemory
  readonly #fuel = new FuelCounter()
  readonly #fuelMax: number
  readonly #cores: WebAssembly.Instance[] = []
  readonly #plan: LinkPlan
  #granted = 0
  readonly #places: Places | undefined

  /** @throws GuestFault `start`, or `fuel` when a start function does not end. */
  constructor(compiled: CompiledArtefact, limits: Limits) {
    this.#plan = compiled.plan
    this.#places = compiled.places
    this.#fuelMax = fuelMaxOfCall(limits)
    this.#fuel.units = limits.fuelAtStart
    try {
      for (const { module, imports } of compiled.plan.instances) {
        const given: Record<string, Record<string, WebAssembly.ImportValue>> = Object.create(null)
        for (const { module: from, name, source } of imports) {
          const group = (given[from] ??= Object.create(null) as Record<string, WebAssembly.ImportValue>)
          group[name] = this.#resolve(source)
        }
        given[fuelImport.module] = { [fuelImport.name]: this.#fuel.global }
        this.#cores.push(new WebAssembly.Instance(compiled.modules[module]!, given))
      }
    } catch (thrown) {
      if (this.outOfFuel) throw new GuestFault('fuel', 'the start functions ran out of fuel', thrown)
      throw new GuestFault('start', 'the component could not be instantiated', thrown)
    }
    const memory = this.#cores[this.#plan.memory]?.exports['memory']
    if (!(memory instanceof WebAssembly.Memory)) throw new GuestFault('start', 'the component exports no memory')
    this.memory = new GuestMemory(memory)
  }

  /** Something was asked for that nothing was left to pay for; told apart from other traps by the counter. */
  get outOfFuel(): boolean {
    return this.#fuel.units < 0
  }

  /** Units left. */
  get fuel(): number {
    return this.#fuel.units
  }

  /** Units used since the last `begin`. */
  get used(): number {
    return this.#granted - this.fuel
  }

  /** Units given since the last `begin`. */
  get granted(): number {
    return this.#granted
  }

  /** A call begins, on so many units. */
  begin(units: number): void {
    this.#fuel.units = units
    this.#granted = units
  }

  /** So many units more for the call, as far as a call may have them. */
  grant(units: number): void {
    const more = Math.min(units, this.#fuelMax - this.#granted)
    if (more <= 0) return
    this.#fuel.add(more)
    this.#granted += more
  }

  /** A function of an interface. @throws GuestFault `start` if the component does not have it. */
  function(name: keyof typeof interfaces, functionName: string): GuestFunction {
    const core = this.#cores[this.#plan.exports[interfaces[name]] ?? -1]
    const full = `${interfaces[name]}#${functionName}`
    const run = core?.exports[full]
    const realloc = core?.exports['cabi_realloc'] ?? this.#anyRealloc()
    const after = core?.exports[`cabi_post_${full}`]
    if (typeof run !== 'function') throw new GuestFault('start', `the component does not export ${full}`)
    return {
      name: full,
      run: run as CoreFunction,
      after: typeof after === 'function' ? (after as CoreFunction) : undefined,
      realloc: typeof realloc === 'function' ? (realloc as CoreFunction) : noRealloc,
    }
  }

  /** Run guest code. @throws GuestFault `fuel` or `trap` */
  call(run: CoreFunction, ...parameters: number[]): number {
    let answer: number | undefined
    try {
      answer = run(...parameters)
    } catch (thrown) {
      throw this.#fault(thrown)
    }
    this.memory.refresh()
    return typeof answer === 'number' ? answer >>> 0 : 0
  }

  #fault(thrown: unknown): GuestFault {
    if (this.outOfFuel) return new GuestFault('fuel', 'the function ran out of fuel', thrown)
    const words = this.#words()
    // An import that no guest may call. Where the guest has left words, the call is no cause: QuickJS writes to a standard error,
    // which it has not, before it traps.
    if (thrown instanceof GuestFault)
      return words === undefined ? thrown : new GuestFault('trap', trapped(thrown), undefined, words)
    return new GuestFault('trap', trapped(thrown), thrown, words)
  }

  #words(): string | undefined {
    const address = this.#cores[this.#plan.memory]?.exports[faultGlobal]
    if (!(address instanceof WebAssembly.Global) || typeof address.value !== 'number') return undefined
    return faultText(this.memory, address.value, this.#places)
  }

  #resolve(source: PlanImport): WebAssembly.ImportValue {
    if (source.from === 'instance') return this.#cores[source.instance]!.exports[source.name] as WebAssembly.ImportValue
    return () => {
      throw new GuestFault('trap', `the function called ${source.name}, which no guest may`)
    }
  }

  #anyRealloc(): WebAssembly.ExportValue | undefined {
    return this.#cores.find((core) => core.exports['cabi_realloc'] !== undefined)?.exports['cabi_realloc']
  }
}

/** In the engine's words where they tell more than a trap instruction. */
function trapped(thrown: unknown): string {
  if (thrown instanceof RangeError) return 'the function ran out of stack: a recursion without an end?'
  const said = thrown instanceof WebAssembly.RuntimeError ? thrown.message : ''
  return said === '' || said === 'unreachable' ? 'the function trapped' : `the function trapped: ${said}`
}

function noRealloc(): never {
  throw new GuestFault('malformed', 'the component exports no cabi_realloc')
}

// Plan: the definitions of a component carried out on paper: which core modules are instantiated in which order, and where each of their
// imports comes from.
//
// L1. Nothing runs, and nothing is evaluated: names are data, looked up in maps, whatever they hold.
// L2. Only what passes from core to core is linked. A core function that the component model would provide is a trap: those of resources, and
//     those by which one component calls another. Toolchains put such calls where a guest has no business: at the doors of WASI.
// L3. What is made is bounded: core instances, components, steps, and the names that are looked up. So a small file that multiplies
//     itself is refused, and so is a component that is given to itself.
//
// Owns: what definitions mean.   component.ts owns: reading them.   contract.ts owns: what of the exports the host calls.
// start.ts owns: carrying the plan out.

import type { LinkPlan, PlanImport, PlanInstance } from '../guest/artefact.ts'
import { interfaces } from '../guest/layout.ts'
import type { PreparedCore } from '../wasm/cores.ts'
import { externKind } from '../wasm/sections.ts'
import type { Component, ReadComponent } from './component.ts'
import { contractOf } from './contract.ts'
import type { Definition, Ref } from './definitions.ts'
import type { CoreSort, ExternSort } from './scope.ts'
import { shown } from './shown.ts'

const instancesMax = 256
const componentsMax = 256
const stepsMax = 100_000
/** Characters of all names that are looked up. A name may be long, and stand for many. */
const namesMax = 4 * 1024 * 1024

/** A reason of ours to stop linking. */
export class PlanError extends Error {}

/** A function, table, memory or global. */
export interface CoreItem {
  readonly kind: CoreSort
  readonly source: PlanImport
}

type CoreInstance =
  /** Made of a module; `number`: in the plan; `imported`: what it was given, by kind and index. */
  | { readonly number: number; readonly core: PreparedCore; readonly imported: ReadonlyMap<number, CoreItem[]> }
  /** Put together by the component. */
  | { readonly exports: ReadonlyMap<string, CoreItem> }

/** A function of the component model, as it was lifted. */
export interface Func {
  readonly kind: 'func'
  /** For a message. */
  readonly name: string
  readonly core: CoreItem
  readonly memory: CoreItem | undefined
  readonly utf8: boolean
}

export interface Instance {
  readonly kind: 'instance'
  /** As it was imported, for a message. */
  readonly name: string
  /** Undefined for the one that the host gives, which has only types. */
  readonly exports: Exports | undefined
}

/** A component, and the one in which it was defined. */
interface Closure {
  readonly kind: 'component'
  readonly component: Component
  readonly around: Frame | undefined
}

interface Module {
  readonly kind: 'core module'
  readonly module: number
}

interface Type {
  readonly kind: 'type'
}

/** What a component imports and exports. */
type Item = Func | Type | Closure | Instance | Module
export type Exports = ReadonlyMap<string, Item>

/** What a component has defined while it is carried out, by index. Types are only counted, when they are read. */
class Frame {
  readonly around: Frame | undefined
  readonly core = { 'core func': [], 'core table': [], 'core memory': [], 'core global': [] } as Record<
    CoreSort,
    CoreItem[]
  >
  readonly coreInstances: CoreInstance[] = []
  readonly func: Func[] = []
  readonly component: Closure[] = []
  readonly instance: Instance[] = []
  readonly 'core module': Module[] = []

  constructor(around: Frame | undefined) {
    this.around = around
  }

  at({ sort, index }: Ref<ExternSort | 'core type'>): Item {
    return sort === 'type' || sort === 'core type' ? { kind: 'type' } : this[sort][index]!
  }

  add(item: Item): void {
    if (item.kind === 'func') this.func.push(item)
    else if (item.kind === 'component') this.component.push(item)
    else if (item.kind === 'instance') this.instance.push(item)
    else if (item.kind === 'core module') this['core module'].push(item)
  }

  addCore(item: CoreItem): void {
    this.core[item.kind].push(item)
  }

  addTrap(name: string): void {
    this.addCore({ kind: 'core func', source: { from: 'trap', name: shown(name) } })
  }
}

/** The plan, with modules numbered as in `cores`. @throws PlanError with a reason for the author. */
export function planOf({ root }: ReadComponent, cores: readonly PreparedCore[]): LinkPlan {
  const planner = new Planner(cores)
  const exports = planner.instantiate({ kind: 'component', component: root, around: undefined }, given)
  return { instances: planner.instances, ...contractOf(exports) }
}

/** What the host gives to the root: types, one by one or all of the contract's. */
function given(name: string, sort: ExternSort): Item | undefined {
  if (sort === 'type') return { kind: 'type' }
  return name === interfaces.types ? { kind: 'instance', name, exports: undefined } : undefined
}

class Planner {
  readonly instances: PlanInstance[] = []
  readonly #made: Extract<CoreInstance, { readonly number: number }>[] = []
  readonly #cores: readonly PreparedCore[]
  #components = 0
  #steps = 0
  #names = 0

  constructor(cores: readonly PreparedCore[]) {
    this.#cores = cores
  }

  /** What a new instance of the component exports. */
  instantiate(
    { component, around }: Closure,
    given: (name: string, sort: ExternSort) => Item | undefined,
  ): ReadonlyMap<string, Item> {
    if (++this.#components > componentsMax) throw new PlanError(`makes more than ${componentsMax} component instances`)
    const frame = new Frame(around)
    const exports = new Map<string, Item>()
    for (const definition of component.definitions) {
      this.#step('name' in definition ? definition.name : '')
      if (definition.is === 'import') {
        const { sort, name } = definition
        const item = given(name, sort)
        if (item?.kind !== sort) throw new PlanError(`imports the ${sort} "${shown(name)}", which nothing provides`)
        frame.add(item.kind === 'instance' ? { ...item, name } : item)
      } else if (definition.is === 'export') {
        const item = frame.at(definition)
        exports.set(definition.name, item)
        frame.add(item)
      } else this.#define(definition, frame)
    }
    return exports
  }

  #define(definition: Exclude<Definition, { readonly is: 'import' | 'export' }>, frame: Frame): void {
    switch (definition.is) {
      case 'core module':
        frame.add({ kind: 'core module', module: definition.module })
        break
      case 'component':
        frame.add({ kind: 'component', component: definition.component, around: frame })
        break
      case 'core instantiate':
        frame.coreInstances.push(this.#make(frame['core module'][definition.module]!.module, definition.args, frame))
        break
      case 'core instance':
        frame.coreInstances.push({ exports: this.#each(definition.exports, (ref) => frame.core[ref.sort][ref.index]!) })
        break
      case 'instantiate':
        {
          const args = this.#each(definition.args, (ref) => frame.at(ref))
          const exports = this.instantiate(frame.component[definition.component]!, (name) => args.get(name))
          frame.add({ kind: 'instance', name: '', exports })
        }
        break
      case 'instance':
        frame.add({
          kind: 'instance',
          name: '',
          exports: this.#each(definition.exports, (ref) => frame.at(ref)),
        })
        break
      case 'core export alias':
        {
          const { sort, instance, name } = definition
          const item = coreExportOf(frame.coreInstances[instance]!, name)
          if (item?.kind !== sort) throw new PlanError(`takes the ${sort} "${shown(name)}" of an instance without it`)
          frame.addCore(item)
        }
        break
      case 'export alias':
        {
          const { sort, instance, name } = definition
          frame.add(exportOf(frame.instance[instance]!, sort, name))
        }
        break
      case 'outer alias':
        {
          let at = frame
          for (let left = definition.out; left > 0; left--) at = at.around!
          frame.add(at.at(definition))
        }
        break
      case 'lift':
        {
          const core = frame.core['core func'][definition.func]!
          const memory = definition.memory === undefined ? undefined : frame.core['core memory'][definition.memory]!
          frame.add({ kind: 'func', name: core.source.name, core, memory, utf8: definition.utf8 })
        }
        break
      case 'lower':
        frame.addTrap(frame.func[definition.func]!.name)
        break
      case 'resource':
        frame.addTrap(definition.name)
        break
    }
  }

  #make(module: number, args: ReadonlyMap<string, number>, frame: Frame): CoreInstance {
    const number = this.instances.length
    if (number >= instancesMax) throw new PlanError(`makes more than ${instancesMax} core instances`)
    const core = this.#cores[module]!
    const imported = new Map<number, CoreItem[]>()
    const imports = core.imports.map(({ module: from, name, kind }) => {
      this.#step(from)
      this.#step(name)
      const arg = args.get(from)
      const item = arg === undefined ? undefined : coreExportOf(frame.coreInstances[arg]!, name)
      if (item === undefined || coreKind[item.kind] !== kind)
        throw new PlanError(`module ${core.name} imports "${shown(from)}" "${shown(name)}", which nothing provides`)
      const first = this.#first(item)
      const ofKind = imported.get(kind)
      if (ofKind === undefined) imported.set(kind, [first])
      else ofKind.push(first)
      return { module: from, name, source: first.source }
    })
    this.instances.push({ module, imports })
    const made = { number, core, imported }
    this.#made.push(made)
    return made
  }

  /** The same of its first owner: an instance may export what it was given. */
  #first(item: CoreItem): CoreItem {
    if (item.source.from !== 'instance') return item
    const { core, imported } = this.#made[item.source.instance]!
    const { kind, index } = core.exports.get(item.source.name)!
    return imported.get(kind)?.[index] ?? item
  }

  #each<Named, Value>(names: ReadonlyMap<string, Named>, resolve: (named: Named) => Value): Map<string, Value> {
    const found = new Map<string, Value>()
    for (const [name, named] of names) {
      this.#step(name)
      found.set(name, resolve(named))
    }
    return found
  }

  /** One more, with a name that is looked up or repeated. */
  #step(name = ''): void {
    this.#names += name.length
    if (++this.#steps > stepsMax) throw new PlanError(`takes more than ${stepsMax} steps to instantiate`)
    if (this.#names > namesMax) throw new PlanError(`takes names of more than ${namesMax} characters to instantiate`)
  }
}

const coreKind: Readonly<Record<CoreSort, number>> = {
  'core func': externKind.function,
  'core table': externKind.table,
  'core memory': externKind.memory,
  'core global': externKind.global,
}
const coreSortOf = new Map(Object.entries(coreKind).map(([sort, kind]) => [kind, sort as CoreSort]))

function coreExportOf(instance: CoreInstance, name: string): CoreItem | undefined {
  if ('exports' in instance) return instance.exports.get(name)
  const kind = coreSortOf.get(instance.core.exports.get(name)?.kind ?? -1)
  return kind && { kind, source: { from: 'instance', instance: instance.number, name } }
}

/** What an instance exports, functions with the instance's name. */
function exportOf({ name: of, exports }: Instance, sort: ExternSort, name: string): Item {
  if (exports === undefined && sort === 'type') return { kind: 'type' }
  const item = exports?.get(name)
  if (item?.kind !== sort) throw new PlanError(`takes the ${sort} "${shown(name)}" of an instance without it`)
  return item.kind === 'func' ? { ...item, name: of === '' ? name : `${of} ${name}` } : item
}

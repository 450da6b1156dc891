// Component: an uploaded component as definitions in the order in which they stand, read from its sections and not yet carried out.
//
// C1. The bytes are a stranger's: a section ends where it says, is read to its end, and holds what it is for; else it is a `BinaryError`.
// C2. Nesting is bounded, and so is what there is altogether. Reading is linear in the bytes, and copies none of them.
//
// Owns: sections and nesting.   definitions.ts owns: what stands in a section.   sections.ts owns: the insides of core modules.
// plan.ts owns: what comes of it all.

import { BinaryError, ByteReader } from '../wasm/bytes.ts'
import { FeatureError } from '../wasm/instructions.ts'
import {
  type Definition,
  readAlias,
  readCanonical,
  readCoreInstance,
  readExport,
  readImport,
  readInstance,
  startRefused,
  valuesRefused,
} from './definitions.ts'
import { Scope, type Sort } from './scope.ts'
import { shown } from './shown.ts'

export const componentPreamble = Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00)

/** Sections of a component. */
export const componentSectionId = {
  custom: 0,
  coreModule: 1,
  coreInstance: 2,
  coreType: 3,
  component: 4,
  instance: 5,
  alias: 6,
  type: 7,
  canonical: 8,
  start: 9,
  import: 10,
  export: 11,
  value: 12,
} as const

/** QuickJS's component is nested three deep. */
const nestingMax = 8

/** One component, the root or one that is nested. */
export interface Component {
  readonly definitions: readonly Definition[]
}

export interface ReadComponent {
  readonly root: Component
  /** The core modules of the file, those of nested components too, as views of its bytes. */
  readonly modules: readonly Uint8Array[]
}

/** Definitions of one kind, each of which adds to the scope by itself. */
type ReadOne = (reader: ByteReader, scope: Scope) => Definition

const readers: Readonly<Record<number, ReadOne>> = {
  [componentSectionId.coreInstance]: readCoreInstance,
  [componentSectionId.instance]: readInstance,
  [componentSectionId.alias]: readAlias,
  [componentSectionId.canonical]: readCanonical,
  [componentSectionId.import]: readImport,
  [componentSectionId.export]: readExport,
}

/** Sections of which only the number of entries is looked at. */
const counted: Readonly<Record<number, Sort>> = {
  [componentSectionId.coreType]: 'core type',
  [componentSectionId.type]: 'type',
}

/** @throws BinaryError, FeatureError with a reason for the author. */
export function readComponent(bytes: Uint8Array): ReadComponent {
  const modules: Uint8Array[] = []
  return { root: readNested(bytes, Scope.ofFile(), modules, 0), modules }
}

function readNested(bytes: Uint8Array, scope: Scope, modules: Uint8Array[], depth: number): Component {
  if (depth > nestingMax) throw new FeatureError(`nests components more than ${nestingMax} deep`)
  const reader = new ByteReader(bytes)
  const head = reader.take(componentPreamble.length)
  if (componentPreamble.some((byte, i) => head[i] !== byte)) throw new BinaryError('a component has no header')
  const definitions: Definition[] = []
  const named = { import: new Set<string>(), export: new Set<string>() }
  while (!reader.done) {
    scope.spend(1)
    const id = reader.byte()
    const body = reader.take(reader.u32())
    const section = new ByteReader(body)
    if (id === componentSectionId.custom) section.name()
    else if (id === componentSectionId.coreModule) {
      definitions.push({ is: 'core module', module: modules.length })
      modules.push(body)
      scope.add('core module')
    } else if (id === componentSectionId.component) {
      const component = readNested(body, scope.nested(), modules, depth + 1)
      definitions.push({ is: 'component', component })
      scope.add('component')
    } else if (counted[id] !== undefined) scope.add(counted[id], Scope.length(section))
    else if (id === componentSectionId.start) throw startRefused()
    else if (id === componentSectionId.value) throw valuesRefused()
    else {
      const read = readers[id]
      if (read === undefined) throw new BinaryError(`unknown section ${id}`)
      scope.each(section, () => {
        const definition = read(section, scope)
        if (definition.is === 'import' || definition.is === 'export') unique(named[definition.is], definition.name)
        definitions.push(definition)
      })
      if (!section.done) throw new BinaryError('a section is longer than what stands in it')
    }
  }
  return { definitions }
}

function unique(names: Set<string>, name: string): void {
  if (names.has(name)) throw new BinaryError(`the name "${shown(name)}" is given twice`)
  names.add(name)
}

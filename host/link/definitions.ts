// Definitions: what stands in the sections of a component, one by one (component-model, design/mvp/Binary.md).
//
// D1. The bytes are a stranger's: indices are checked where they are read (scope.ts), a name is any text, and what this host does not know
//     is refused in a sentence.
// D3. Values, start functions, asynchronous functions and exception tags are refused: no compiler of ours makes them.
//
// Types are counted and not read. A plan says which core function is passed where, and V8 compares the types of core functions when
// they are linked; what the host calls, it checks itself (guest/lift.ts).
//
// Owns: the form of one definition.   component.ts owns: sections and nesting.   plan.ts owns: what a definition does.

import { BinaryError, type ByteReader } from '../wasm/bytes.ts'
import { FeatureError } from '../wasm/instructions.ts'
import type { Component } from './component.ts'
import { type CoreSort, coreSorts, type ExternSort, externSorts, type Scope, type Sort } from './scope.ts'
import { shown } from './shown.ts'

/** Something that was defined before. */
export interface Ref<OfSort extends Sort> {
  readonly sort: OfSort
  readonly index: number
}

export type Definition =
  /** `module`: its number in the file. */
  | { readonly is: 'core module'; readonly module: number }
  | { readonly is: 'component'; readonly component: Component }
  /** `args`: core instances, by the name under which the module imports from them. */
  | { readonly is: 'core instantiate'; readonly module: number; readonly args: ReadonlyMap<string, number> }
  | { readonly is: 'core instance'; readonly exports: ReadonlyMap<string, Ref<CoreSort>> }
  | { readonly is: 'instantiate'; readonly component: number; readonly args: ReadonlyMap<string, Ref<ExternSort>> }
  | { readonly is: 'instance'; readonly exports: ReadonlyMap<string, Ref<ExternSort>> }
  | { readonly is: 'core export alias'; readonly sort: CoreSort; readonly instance: number; readonly name: string }
  | { readonly is: 'export alias'; readonly sort: ExternSort; readonly instance: number; readonly name: string }
  /** `out`: of how many components further out. */
  | { readonly is: 'outer alias'; readonly sort: ClosedSort; readonly out: number; readonly index: number }
  /** A core function becomes one of the component model. */
  | { readonly is: 'lift'; readonly func: number; readonly memory: number | undefined; readonly utf8: boolean }
  /** A function of the component model becomes a core function. */
  | { readonly is: 'lower'; readonly func: number }
  /** A core function that handles resources. */
  | { readonly is: 'resource'; readonly name: string }
  | { readonly is: 'import'; readonly sort: ExternSort; readonly name: string }
  | { readonly is: 'export'; readonly sort: ExternSort; readonly index: number; readonly name: string }

/** What a component may take from those around it: what is the same in all their instances. */
const closedSorts = ['core module', 'core type', 'component', 'type'] as const
type ClosedSort = (typeof closedSorts)[number]

const coreCodes: Readonly<Record<number, Sort>> = {
  0: 'core func',
  1: 'core table',
  2: 'core memory',
  3: 'core global',
  16: 'core type',
  17: 'core module',
  18: 'core instance',
}
const codes: Readonly<Record<number, Sort>> = { 1: 'func', 3: 'type', 4: 'component', 5: 'instance' }
const coreCode = 0
const tagCode = 4
const valueCode = 2

export function valuesRefused(): FeatureError {
  return new FeatureError('passes values when it is instantiated, which this host does not do; build it without')
}

export function startRefused(): FeatureError {
  return new FeatureError(
    'has a start function of the component model, which this host does not call; use one of the core module',
  )
}

function builtInRefused(code: number): FeatureError {
  return new FeatureError(
    `uses the built-in 0x${code.toString(16)} of the component model, which this host does not have; build it with synchronous functions`,
  )
}

export function readCoreInstance(reader: ByteReader, scope: Scope): Definition {
  const definition = readCoreInstanceForm(reader, scope)
  scope.add('core instance')
  return definition
}

function readCoreInstanceForm(reader: ByteReader, scope: Scope): Definition {
  const form = reader.byte()
  if (form === 0) {
    const module = scope.index(reader, 'core module')
    const args = new Map<string, number>()
    scope.each(reader, () => {
      const name = reader.name()
      if (readCoreSort(reader) !== 'core instance') throw new BinaryError('a core module takes only instances')
      once(args, name, scope.index(reader, 'core instance'))
    })
    return { is: 'core instantiate', module, args }
  }
  if (form !== 1) throw new BinaryError(`unknown form of core instance ${form}`)
  const exports = new Map<string, Ref<CoreSort>>()
  scope.each(reader, () => {
    const name = reader.name()
    once(exports, name, readRef(reader, scope, readCoreSort(reader), coreSorts))
  })
  return { is: 'core instance', exports }
}

export function readInstance(reader: ByteReader, scope: Scope): Definition {
  const definition = readInstanceForm(reader, scope)
  scope.add('instance')
  return definition
}

function readInstanceForm(reader: ByteReader, scope: Scope): Definition {
  const form = reader.byte()
  if (form > 1) throw new BinaryError(`unknown form of instance ${form}`)
  const component = form === 0 ? scope.index(reader, 'component') : undefined
  const names = new Map<string, Ref<ExternSort>>()
  scope.each(reader, () => {
    const name = component === undefined ? readExternName(reader) : reader.name()
    once(names, name, readRef(reader, scope, readSort(reader), externSorts))
  })
  return component === undefined ? { is: 'instance', exports: names } : { is: 'instantiate', component, args: names }
}

export function readAlias(reader: ByteReader, scope: Scope): Definition {
  const alias = readAliasForm(reader, scope)
  scope.add(alias.sort)
  return alias
}

type Alias = Extract<Definition, { readonly is: 'core export alias' | 'export alias' | 'outer alias' }>

function readAliasForm(reader: ByteReader, scope: Scope): Alias {
  const sort = readSort(reader)
  const form = reader.byte()
  if (form === 0 && isOne(sort, externSorts))
    return { is: 'export alias', sort, instance: scope.index(reader, 'instance'), name: reader.name() }
  if (form === 1 && isOne(sort, coreSorts))
    return { is: 'core export alias', sort, instance: scope.index(reader, 'core instance'), name: reader.name() }
  if (form === 2 && isOne(sort, closedSorts)) {
    const out = reader.u32()
    return { is: 'outer alias', sort, out, index: outward(scope, out).index(reader, sort) }
  }
  throw new BinaryError(`unknown form of alias ${form} of a sort "${sort}"`)
}

function outward(scope: Scope, out: number): Scope {
  let at: Scope | undefined = scope
  for (let left = out; left > 0 && at !== undefined; left--) at = at.outer
  if (at === undefined) throw new BinaryError(`there is no component ${out} further out`)
  return at
}

const canon = { lift: 0, lower: 1, resourceNew: 2, resourceDrop: 3, resourceRep: 4 } as const
const resourceNames: Readonly<Record<number, string>> = {
  [canon.resourceNew]: 'resource.new',
  [canon.resourceDrop]: 'resource.drop',
  [canon.resourceRep]: 'resource.rep',
}

export function readCanonical(reader: ByteReader, scope: Scope): Definition {
  const code = reader.byte()
  if (code === canon.lift) {
    expectFunction(reader)
    const func = scope.index(reader, 'core func')
    const options = readOptions(reader, scope)
    scope.index(reader, 'type')
    scope.add('func')
    return { is: 'lift', func, ...options }
  }
  if (code === canon.lower) {
    expectFunction(reader)
    const func = scope.index(reader, 'func')
    readOptions(reader, scope)
    scope.add('core func')
    return { is: 'lower', func }
  }
  const name = resourceNames[code]
  if (name === undefined) throw builtInRefused(code)
  scope.index(reader, 'type')
  scope.add('core func')
  return { is: 'resource', name }
}

/** Lift and lower name the sort of what they take, which can only be a function. */
function expectFunction(reader: ByteReader): void {
  if (reader.byte() !== 0) throw new BinaryError('what is lifted or lowered is no function')
}

const option = { utf8: 0, utf16: 1, latin1: 2, memory: 3, realloc: 4, postReturn: 5 } as const

function readOptions(reader: ByteReader, scope: Scope): { memory: number | undefined; utf8: boolean } {
  const seen = new Set<number>()
  let memory: number | undefined
  let utf8 = true
  scope.each(reader, () => {
    const code = reader.byte()
    if (code === option.memory) memory = scope.index(reader, 'core memory')
    else if (code === option.realloc || code === option.postReturn) scope.index(reader, 'core func')
    else if (code === option.utf16 || code === option.latin1) utf8 = false
    else if (code !== option.utf8)
      throw new FeatureError(
        `has functions with the option ${code}, which this host does not know; build it with synchronous functions`,
      )
    if (seen.has(code)) throw new BinaryError('an option of a function is given twice')
    seen.add(code)
  })
  return { memory, utf8 }
}

export function readImport(reader: ByteReader, scope: Scope): Definition {
  const name = readExternName(reader)
  const sort = readExternType(reader, scope)
  scope.add(sort)
  return { is: 'import', sort, name }
}

export function readExport(reader: ByteReader, scope: Scope): Definition {
  const name = readExternName(reader)
  const { sort, index } = readRef(reader, scope, readSort(reader), externSorts)
  const typed = reader.byte()
  if (typed > 1) throw new BinaryError('an export is neither with a type nor without')
  if (typed === 1 && readExternType(reader, scope) !== sort)
    throw new BinaryError(`the export "${shown(name)}" has the type of something else`)
  scope.add(sort)
  return { is: 'export', sort, index, name }
}

/** The name of an import or export. Both forms without attributes mean the same. */
function readExternName(reader: ByteReader): string {
  if (reader.byte() > 1)
    throw new FeatureError('has a name with attributes, which this host does not know; build it with an older tool')
  return reader.name()
}

/** The sort of an import or export; of its type only the indices are looked at. */
function readExternType(reader: ByteReader, scope: Scope): ExternSort {
  const sort = readSort(reader)
  if (!isOne(sort, externSorts)) throw new BinaryError(`a component imports and exports no ${sort}`)
  if (sort !== 'type') scope.index(reader, sort === 'core module' ? 'core type' : 'type')
  else {
    const bound = reader.byte()
    if (bound > 1) throw new BinaryError(`unknown bound of a type ${bound}`)
    if (bound === 0) scope.index(reader, 'type')
  }
  return sort
}

function readRef<OfSort extends Sort>(
  reader: ByteReader,
  scope: Scope,
  sort: Sort,
  allowed: readonly OfSort[],
): Ref<OfSort> {
  if (!isOne(sort, allowed)) throw new BinaryError(`what is of the sort "${sort}" cannot be passed there`)
  return { sort, index: scope.index(reader, sort) }
}

function isOne<OfSort extends Sort>(sort: Sort, allowed: readonly OfSort[]): sort is OfSort {
  return (allowed as readonly Sort[]).includes(sort)
}

function readSort(reader: ByteReader): Sort {
  const code = reader.byte()
  if (code === coreCode) return readCoreSort(reader)
  if (code === valueCode) throw valuesRefused()
  const sort = codes[code]
  if (sort === undefined) throw new BinaryError(`unknown sort ${code}`)
  return sort
}

function readCoreSort(reader: ByteReader): Sort {
  const code = reader.byte()
  if (code === tagCode) throw new FeatureError('passes exception tags on; build without exceptions')
  const sort = coreCodes[code]
  if (sort === undefined) throw new BinaryError(`unknown core sort ${code}`)
  return sort
}

function once<Value>(names: Map<string, Value>, name: string, value: Value): void {
  if (names.has(name)) throw new BinaryError(`the name "${shown(name)}" is given twice`)
  names.set(name, value)
}

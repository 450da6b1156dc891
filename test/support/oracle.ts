// Oracle: the plan that jco has for a component, to compare host/link/plan.ts with. For components that tests trust only: jco's JavaScript
// is evaluated here.
//
// O1. What an import was given is told by identity: an export of an earlier instance, or a function of jco's, which is a trap.
// O2. Modules that jco adds (calls from one component into another) are no instances of the host's: what they export is a trap. Each of
//     their functions enters the callee by `enter-sync-call`, which was a trap when the host ran such modules.
//
// Leaves to others: the modules of components are not metered here, and start functions run as they are.

import { Buffer } from 'node:buffer'
import { transpile } from '@bytecodealliance/jco'
import type { LinkPlan, PlanImport } from '../../host/guest/artefact.ts'
import { interfaces } from '../../host/guest/layout.ts'
import type { ReadComponent } from '../../host/link/component.ts'
import { eachExport, readModule } from '../../host/wasm/sections.ts'

type CoreImports = Record<string, Record<string, WebAssembly.ImportValue>>

/** The `instantiate` of jco's generated module, in its synchronous form. */
type Instantiate = (
  getCoreModule: (name: string) => WebAssembly.Module,
  imports: object,
  instantiateCore: (module: WebAssembly.Module, imports?: CoreImports) => WebAssembly.Instance,
) => unknown

/** An instance of a module, `undefined` for one of jco's own. */
type Made = { readonly number: number | undefined; readonly instance: WebAssembly.Instance }

/** @throws what jco or V8 throw. */
export async function oracleOf(component: Uint8Array, { modules }: ReadComponent): Promise<LinkPlan> {
  const options = { name: 'guest', instantiation: 'sync', base64Cutoff: 0, nodejsCompat: false } as const
  const { files } = await transpile(component, options)
  const code = Buffer.from(files['guest.js'] as Uint8Array).toString('base64')
  const generated = (await import(`data:text/javascript;base64,${code}`)) as { instantiate: Instantiate }
  const compiled = new Map<WebAssembly.Module, number>()
  const sources = new Map<unknown, PlanImport>()
  const instances: LinkPlan['instances'][number][] = []
  const made: Made[] = []
  generated.instantiate(
    (name) => {
      const bytes = files[name] as Uint8Array<ArrayBuffer>
      const module = new WebAssembly.Module(bytes)
      compiled.set(module, firstOf(modules, bytes))
      return module
    },
    {},
    (module, given = {}) => {
      const index = compiled.get(module)!
      const instance = new WebAssembly.Instance(module, given)
      const number = index === -1 ? undefined : instances.length
      made.push({ number, instance })
      if (number !== undefined) {
        const imports = WebAssembly.Module.imports(module).map(({ module: from, name }) => {
          const source = sources.get(given[from]?.[name]) ?? ({ from: 'trap', name: '' } as const)
          return { module: from, name, source }
        })
        instances.push({ module: index, imports })
      }
      for (const { name } of WebAssembly.Module.exports(module)) {
        const value = instance.exports[name]
        if (sources.has(value)) continue
        sources.set(
          value,
          number === undefined ? { from: 'trap', name: '' } : { from: 'instance', instance: number, name },
        )
      }
      return instance
    },
  )
  return { instances, ...contract(made) }
}

/** The first module of these bytes, or -1: a file may hold one twice. */
function firstOf(modules: readonly Uint8Array[], bytes: Uint8Array): number {
  return modules.findIndex((one) => Buffer.compare(one, bytes) === 0)
}

function contract(made: readonly Made[]): Pick<LinkPlan, 'exports' | 'memory'> {
  const own = made.filter(({ number }) => number !== undefined)
  const exports: Record<string, number> = {}
  for (const name of Object.values(interfaces)) {
    const owner = own.find(({ instance }) => Object.keys(instance.exports).some((one) => one.startsWith(`${name}#`)))
    if (owner !== undefined) exports[name] = owner.number!
  }
  const owners = Object.values(exports).map((number) => own[number]!)
  const withMemory = [...owners, ...own].find(
    ({ instance }) => instance.exports['memory'] instanceof WebAssembly.Memory,
  )
  return { exports, memory: withMemory?.number ?? -1 }
}

/** A plan in which what is the same has the same name: the first under which its owner exports it. Traps have none: their names are only
 *  for messages. */
export function canonical({ modules }: ReadComponent, plan: LinkPlan): LinkPlan {
  const instances = plan.instances.map(({ module, imports }) => ({
    module: firstOf(modules, modules[module]!),
    imports: imports.map(({ source, ...named }) => ({ ...named, source: canonicalSource(modules, plan, source) })),
  }))
  return { ...plan, instances }
}

function canonicalSource(modules: readonly Uint8Array[], { instances }: LinkPlan, source: PlanImport): PlanImport {
  if (source.from === 'trap') return { from: 'trap', name: '' }
  const same = sameExports(modules[instances[source.instance]!.module]!)
  return { ...source, name: same.get(source.name) ?? source.name }
}

const known = new WeakMap<Uint8Array, ReadonlyMap<string, string>>()

/** Names of a module's exports, with the first name of the same thing. */
function sameExports(module: Uint8Array): ReadonlyMap<string, string> {
  const found = known.get(module)
  if (found !== undefined) return found
  const firsts = new Map<string, string>()
  const names = new Map<string, string>()
  eachExport(readModule(module), (name, kind, index) => {
    const id = `${kind} ${index}`
    if (!firsts.has(id)) firsts.set(id, name)
    names.set(name, firsts.get(id)!)
  })
  known.set(module, names)
  return names
}

// AssemblyScript: generated code, one core module by asc, a component around it.
//
// A1. The component has no imports: what a guest cannot have (time, chance, output) is refused by name.
// A2. asc exports identifiers only; the contract's names are put into the export section afterwards.
// A3. All imports of the SDK are answered with this build's copy: two copies would be two sets of classes.
// A4. Words of a failure and log lines are the SDK's (`--use`): `abort`, `console` and `trace` are its own.
// A5. The authors' code uses nothing unsafe (`--noUnsafe`): memory is the SDK's.
//
// Leaves to others: code (code.ts), what runs in the guest (@innkeeper/sdk-assemblyscript).

import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { faultGlobal } from '../../../../host/guest/fault-text.ts'
import { interfaces, sizes } from '../../../../host/guest/layout.ts'
import { ByteReader, ByteWriter } from '../../../../host/wasm/bytes.ts'
import { bodyOf, readModule, sectionId, withSection, writeModule } from '../../../../host/wasm/sections.ts'
import { writeGenerated } from '../../codegen/write.ts'
import { builtOf, importProblems } from '../../component.ts'
import type { Exportable } from '../../kinds.ts'
import { exportables } from '../../kinds.ts'
import type { BuildProblem } from '../../problem.ts'
import { BuildError } from '../../problem.ts'
import type { Project } from '../../project.ts'
import type { LanguageBuild } from '../language.ts'
import { generateAssemblyScript } from './code.ts'
import { authorFiles, foldedEvents } from './folds.ts'
import { instead } from './forbidden.ts'
import { told } from './told.ts'

export const sdkName = '@innkeeper/sdk-assemblyscript'
const sdkFolder = dirname(fileURLToPath(import.meta.resolve(`${sdkName}/package.json`)))
/** Modules that exist only while building; no file of an author's begins like that. */
const entryName = '.innkeeper-entry.ts'

export const buildAssemblyScript: LanguageBuild = async (project, { bytes, schema }, steps) => {
  const generated = generateAssemblyScript(schema, project.files)
  await steps.run('generate', () => writeGenerated(project.gen, generated))
  const core = await steps.run('compile', async () => {
    const folding = generated.flatMap((file) => file.folding)
    const { folded, lost } = await foldedEvents(project, folding)
    const compiled = await compileKinds(project, bytes, folded).catch((error: unknown) => {
      if (!(error instanceof BuildError)) throw error
      throw new BuildError([...told(project, schema, error.problems), ...lost], project.directory)
    })
    if (lost.length > 0) throw new BuildError(lost, project.directory)
    return compiled
  })
  return await builtOf(project, renameExports(core), steps)
}

/** With the interfaces of the kinds that the author's classes are of, and no others: what only others need is not in it.
 *  @throws BuildError */
async function compileKinds(project: Project, descriptors: Uint8Array, folded: Folded): Promise<Uint8Array> {
  const guessed = kindsExtended(project)
  const core = await compile(project, descriptors, folded, guessed)
  const served = kindsServed(core)
  const right = served.length === guessed.length && served.every((kind) => guessed.includes(kind))
  return right ? core : await compile(project, descriptors, folded, served)
}

/** Full names of events by those of services. */
type Folded = ReadonlyMap<string, readonly string[]>

const classSuffixes: Readonly<Record<Exportable, string>> = {
  'event-sourced': 'EventSourced',
  value: 'Value',
  replicated: 'Replicated',
  action: 'Action',
  // No class is one: it is made of the SDK's.
  view: 'TableView',
}

/** A guess from the text of the sources, which is nearly always right and saves a second compilation; else all kinds. */
function kindsExtended(project: Project): readonly Exportable[] {
  const extended = authorFiles(project).flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/\b(?:extends|new)\s+([\w$]+)/g)].map((match) =>
      match[1]!.replaceAll('$', ''),
    ),
  )
  const found = exportables.filter((kind) => extended.some((name) => name.endsWith(classSuffixes[kind])))
  return found.length === 0 ? exportables : found
}

/** Kinds of the services that the module describes, and whether there are views; it is the author's own code, and has no imports. */
function kindsServed(core: Uint8Array): readonly Exportable[] {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(core))
  const call = (name: string): number => (exports[name] as () => number)()
  call('_initialize')
  const answer = call('describe')
  const memory = new DataView((exports['memory'] as WebAssembly.Memory).buffer)
  const [list, count] = [memory.getUint32(answer + 16, true), memory.getUint32(answer + 20, true)]
  const numbers = Array.from({ length: count }, (_, index) => memory.getUint8(list + index * sizes.service + 8))
  const views = memory.getUint32(answer + 36, true)
  return exportables.filter((name, number) => (name === 'view' ? views > 0 : numbers.includes(number)))
}

/** Resolves to the core module. @throws BuildError */
async function compile(
  project: Project,
  descriptors: Uint8Array,
  folded: Folded,
  served: readonly Exportable[],
): Promise<Uint8Array> {
  const flags = ['-Os', '--converge', '--use', `abort=~lib/${sdkName}/assembly/fault/abort`]
  const entry = entryText(project, descriptors, folded, served)
  const core = await assemble(project, entry, [...flags, '--exportStart', '_initialize'])
  const imports = importProblems(core, project.entry, (name) => instead[name])
  if (imports.length > 0) throw new BuildError(imports, project.directory)
  return core
}

/** Compile a module that exists only here. @throws BuildError */
export async function assemble(project: Project, entry: string, flags: readonly string[]): Promise<Uint8Array> {
  // Loaded when it is needed: compiler and optimizer are 10 MB that no other language asks for.
  const { default: asc } = await import('assemblyscript/asc')
  // Its `console` and `trace` are there wherever they are asked for.
  const sources = new Map([[entryName, `import '${sdkName}/assembly/console'\n${entry}`]])
  const problems: BuildProblem[] = []
  let core: Uint8Array | undefined
  const own = ['console', 'trace'].flatMap((name) => ['--use', `${name}=~lib/${sdkName}/assembly/console/${name}`])
  const always = ['--outFile', 'core.wasm', '--baseDir', project.directory, '--runtime', 'stub', '--noUnsafe', ...own]
  const { error } = await asc.main([entryName, ...always, ...flags], {
    readFile: async (name) => {
      const text = sources.get(name) ?? (await readSource(project, name))
      if (text !== null) sources.set(name, text)
      return text
    },
    writeFile: (name, contents) => {
      if (name === 'core.wasm') core = contents as Uint8Array
    },
    listFiles: () => [],
    reportDiagnostic: (diagnostic) => {
      if (diagnostic.category === errorCategory) problems.push(problemOf(project, diagnostic, sources))
    },
    stdout: discard,
    stderr: discard,
  })
  if (problems.length > 0) throw new BuildError(problems, project.directory)
  if (core === undefined) throw error ?? new Error('asc wrote no module')
  return core
}

/** The author's module first, so that every module-level value is there when the memory's mark is set. */
function entryText(project: Project, descriptors: Uint8Array, folded: Folded, served: readonly Exportable[]): string {
  const author = relative(project.directory, project.entry).split(sep).join('/').replace(/\.ts$/, '')
  return [
    `import './${author}'`,
    `import { folds, ready } from '${sdkName}/assembly/component/about'`,
    ...[...folded].map(([service, events]) => `folds('${service}', [${events.map((name) => `'${name}'`).join(', ')}])`),
    `const descriptors: StaticArray<u8> = [${descriptors.join(',')}]`,
    'ready(descriptors)',
    `export { cabi_realloc, describe, faultAddress, release } from '${sdkName}/assembly/component/about'`,
    ...served.map((kind) => {
      const names = functions[kind].map((name) => exportName(kind, name))
      return `export { ${names.join(', ')} } from '${sdkName}/assembly/component/${kind}'`
    }),
  ].join('\n')
}

/** The functions of each interface (wit/). */
const functions: Readonly<Record<Exportable, readonly string[]>> = {
  'event-sourced': ['decide', 'evolve'],
  value: ['decide'],
  replicated: ['reads', 'decide', 'render', 'changed', 'cancelled'],
  action: ['call', 'stream'],
  view: ['keys', 'project'],
}

/** What the SDK calls it: `eventSourcedDecide`. */
function exportName(kind: Exportable, name: string): string {
  const prefix = kind.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())
  return `${prefix}${name.charAt(0).toUpperCase()}${name.slice(1)}`
}

/** asc tries many places for a module; only what is there is an answer. */
async function readSource({ directory }: Project, name: string): Promise<string | null> {
  const [, inSdk] = new RegExp(`(?:^|/)node_modules/${sdkName}/(.*)$`).exec(name) ?? []
  const file = inSdk !== undefined ? join(sdkFolder, inSdk) : isAbsolute(name) ? name : resolve(directory, name)
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (/^(ENOENT|ENOTDIR|EISDIR)$/.test((error as NodeJS.ErrnoException).code ?? '')) return null
    throw error
  }
}

const discard = { write: () => true }

/** asc's DiagnosticCategory.Error. */
const errorCategory = 3

interface Diagnostic {
  readonly message: string
  readonly code: number
  readonly range?: { readonly start: number; readonly source: { readonly normalizedPath: string } } | null
}

function problemOf(
  { directory, entry }: Project,
  { message, code, range }: Diagnostic,
  sources: ReadonlyMap<string, string>,
): BuildProblem {
  const said = `${code >= 1000 ? 'TS' : 'AS'}${code}: ${message}`
  if (range === undefined || range === null || range.source.normalizedPath === entryName)
    return { file: entry, message: said }
  const path = range.source.normalizedPath
  // The compiler names what it found under node_modules otherwise than it asked for it.
  const [, text] = [...sources].find(([name]) => name === path || name.endsWith(path.replace(/^~lib/, ''))) ?? []
  const before = text?.slice(0, range.start).split('\n') ?? []
  const file = path.startsWith('~lib/') ? path : join(directory, path)
  return { file, line: before.length, column: (before.at(-1)?.length ?? 0) + 1, message: said }
}

/** What the SDK exports (assembly/component/), and the names that the contract has for it. */
const exportNames: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ['memory', ['memory']],
  ['faultAddress', [faultGlobal]],
  ['_initialize', ['_initialize']],
  ['cabi_realloc', ['cabi_realloc']],
  ['describe', [`${interfaces.about}#describe`]],
  ...exportables.flatMap((kind) =>
    functions[kind].map((name) => [exportName(kind, name), [`${interfaces[kind]}#${name}`]] as const),
  ),
])

function renameExports(core: Uint8Array): Uint8Array {
  const sections = readModule(core)
  const reader = new ByteReader(bodyOf(sections, sectionId.export)!)
  const entries: { name: string; kind: number; index: number }[] = []
  let release = 0
  for (let left = reader.u32(); left > 0; left--) {
    const [name, kind, index] = [reader.name(), reader.byte(), reader.u32()]
    if (name === 'release') release = index
    for (const to of exportNames.get(name) ?? []) entries.push({ name: to, kind, index })
  }
  // After every call the same: its memory is given back.
  for (const { name } of entries.filter(({ name }) => name.includes('#')))
    entries.push({ name: `cabi_post_${name}`, kind: 0, index: release })
  const writer = new ByteWriter()
  writer.u32(entries.length)
  for (const { name, kind, index } of entries) {
    writer.name(name)
    writer.byte(kind)
    writer.u32(index)
  }
  return writeModule(withSection(sections, sectionId.export, writer.finish()))
}

// AssemblyScript: generated code, one core module by asc, a component around it.
//
// A1. The component has no imports: what a guest cannot have (time, chance, output) is refused by name.
// A2. asc exports identifiers only; the contract's names are put into the export section afterwards.
// A3. All imports of the SDK are answered with this build's copy: two copies would be two sets of classes.
// A4. The authors' code uses nothing unsafe (`--noUnsafe`): memory is the SDK's.
//
// Leaves to others: code (codegen/assemblyscript.ts), what runs in the guest (@innkeeper/sdk-assemblyscript).

import { readFile } from 'node:fs/promises'
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ByteReader, ByteWriter } from '../deploy/bytes.ts'
import { bodyOf, countImports, readModule, sectionId, withSection, writeModule } from '../deploy/sections.ts'
import { interfaces } from '../guest/layout.ts'
import type { LanguageBuild } from './build.ts'
import { generateAssemblyScript } from './codegen/assemblyscript.ts'
import { writeGenerated } from './codegen/write.ts'
import { componentOf } from './component.ts'
import type { BuildProblem } from './problem.ts'
import { BuildError } from './problem.ts'
import type { Project } from './project.ts'

const sdkName = '@innkeeper/sdk-assemblyscript'
const sdkFolder = dirname(fileURLToPath(import.meta.resolve(`${sdkName}/package.json`)))
/** Modules that exist only while building; no file of an author's begins like that. */
const entryName = '.innkeeper-entry.ts'

export const buildAssemblyScript: LanguageBuild = async (project, { bytes, schema }, steps) => {
  await steps.run('generate', async () => {
    const { files, unsupported } = generateAssemblyScript(schema, project.files)
    const problems = unsupported.map(({ file, message }) => ({ file: join(project.proto, file), message }))
    if (problems.length > 0) throw new BuildError(problems, project.directory)
    await writeGenerated(project.gen, files)
  })
  const core = await steps.run('compile', () => compile(project, bytes))
  return await steps.run('componentize', () => componentOf(renameExports(core)))
}

/** Resolves to the core module. @throws BuildError */
async function compile(project: Project, descriptors: Uint8Array): Promise<Uint8Array> {
  // Loaded when it is needed: compiler and optimizer are 10 MB that no other language asks for.
  const { default: asc } = await import('assemblyscript/asc')
  const sources = new Map([[entryName, entryText(project, descriptors)]])
  const problems: BuildProblem[] = []
  let core: Uint8Array | undefined
  const flags = ['-O3', '--runtime', 'stub', '--use', 'abort=', '--exportStart', '_initialize', '--noUnsafe']
  const { error } = await asc.main([entryName, '--outFile', 'core.wasm', '--baseDir', project.directory, ...flags], {
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
  const imports = importProblems(project, core)
  if (imports.length > 0) throw new BuildError(imports, project.directory)
  return core
}

/** The author's module first, so that every module-level value is there when the memory's mark is set. */
function entryText(project: Project, descriptors: Uint8Array): string {
  const author = relative(project.directory, project.entry).split(sep).join('/').replace(/\.ts$/, '')
  return [
    `import './${author}'`,
    `import { ready } from '${sdkName}/assembly/component'`,
    `const descriptors: StaticArray<u8> = [${descriptors.join(',')}]`,
    'ready(descriptors)',
    `export { cabi_realloc, decide, describe, evolve, release } from '${sdkName}/assembly/component'`,
  ].join('\n')
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
  const before = sources.get(path)?.slice(0, range.start).split('\n') ?? []
  const file = path.startsWith('~lib/') ? path : join(directory, path)
  return { file, line: before.length, column: (before.at(-1)?.length ?? 0) + 1, message: said }
}

/** What compiled code imports where a program asks for what a guest has not, and what to use instead. */
const instead: Readonly<Record<string, string>> = {
  'env.seed': 'Math.random is not available in a service: use context.random()',
  'env.Date.now': 'Date.now is not available in a service: use context.now',
  'env.trace': 'trace is not available in a service: a component has no output',
}

function importProblems({ entry }: Project, core: Uint8Array): readonly BuildProblem[] {
  const problems: BuildProblem[] = []
  countImports(bodyOf(readModule(core), sectionId.import), (module, name) => {
    const full = `${module}.${name}`
    const console = full.startsWith('env.console.')
    const known = console ? 'console is not available in a service: a component has no output' : instead[full]
    problems.push({ file: entry, message: known ?? `imports ${full}, which a component cannot reach` })
  })
  return problems
}

/** What the SDK exports (assembly/component.ts), and the names that the contract has for it. */
const exportNames: Readonly<Record<string, readonly string[]>> = {
  memory: ['memory'],
  _initialize: ['_initialize'],
  cabi_realloc: ['cabi_realloc'],
  describe: [`${interfaces.about}#describe`],
  decide: [`${interfaces['event-sourced']}#decide`],
  evolve: [`${interfaces['event-sourced']}#evolve`],
  release: [
    `cabi_post_${interfaces.about}#describe`,
    `cabi_post_${interfaces['event-sourced']}#decide`,
    `cabi_post_${interfaces['event-sourced']}#evolve`,
  ],
}

function renameExports(core: Uint8Array): Uint8Array {
  const sections = readModule(core)
  const reader = new ByteReader(bodyOf(sections, sectionId.export)!)
  const entries: { name: string; kind: number; index: number }[] = []
  for (let left = reader.u32(); left > 0; left--) {
    const [name, kind, index] = [reader.name(), reader.byte(), reader.u32()]
    for (const to of exportNames[name] ?? []) entries.push({ name: to, kind, index })
  }
  const writer = new ByteWriter()
  writer.u32(entries.length)
  for (const { name, kind, index } of entries) {
    writer.name(name)
    writer.byte(kind)
    writer.u32(index)
  }
  return writeModule(withSection(sections, sectionId.export, writer.finish()))
}

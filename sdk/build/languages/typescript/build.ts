// TypeScript: generated code, types, forbidden globals, one bundle, and the engine with what the bundle leaves in it.
//
// T1. What the engine does itself replaces modules while bundling: those of the SDK that lie in its `engine/modules` under the same
//     path, and the generated ones, whose messages are the engine's (table.ts). Authors and their tests in Node see none of it.
// T2. Types and forbidden globals are checked together, so that an author sees all mistakes at once.
// T3. It exports the interfaces of the kinds that the module defines, and no others (snapshot.ts).
// T4. The words of a fault have a way out of it (fault-export.ts), and its places are the author's (bundle-map.ts).
// T5. The same sources make the same bytes, in any folder.

import { existsSync, readFileSync } from 'node:fs'
import { createRequire, isBuiltin } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { forbiddenGlobals } from '@innkeeper/sdk/forbidden'
import type { Plugin } from 'rolldown'
import { rolldown } from 'rolldown'
import type { StoredSourceMap } from '../../../../host/guest/fault-text.ts'
import { withSourceMap } from '../../../../host/link/source-map.ts'
import { writeGenerated } from '../../codegen/write.ts'
import { builtOf } from '../../component.ts'
import type { BuildProblem } from '../../problem.ts'
import { BuildError, formatProblem, within } from '../../problem.ts'
import type { Project } from '../../project.ts'
import { run } from '../../run.ts'
import type { LanguageBuild } from '../language.ts'
import { bundleMap, sourceName } from './bundle-map.ts'
import { generate } from './code.ts'
import { findForbidden } from './forbidden.ts'
import { loadBundle } from './load-bundle.ts'
import type { Table } from './table.ts'
import { tableId, tableOf } from './table.ts'
import { told } from './told.ts'

const entryId = '\0innkeeper-entry'

export const buildTypeScript: LanguageBuild = async (project, { bytes, schema }, steps) => {
  await steps.run('generate', () => writeGenerated(project.gen, generate(schema, project.files)))
  const sources = new Map<string, string>()
  let bundled: Bundle | undefined
  await steps.run('check', async () => {
    // The bundler reads what the component will hold, so the modules to look through for globals are known with it.
    const [types, bundle] = await Promise.all([
      checkTypes(project),
      bundleProject(project, bytes, tableOf(schema, project.files), sources),
    ])
    // The bundler reads the same files: where the compiler has spoken of one, it would only repeat it.
    const others =
      'problems' in bundle ? bundle.problems.filter(({ file }) => !types.some((one) => one.file === file)) : []
    const problems = [...types, ...forbiddenIn(project, sources), ...others]
    if (problems.length > 0) throw new BuildError(problems, project.directory)
    bundled = bundle as Bundle
  })
  const { script, map, sdk, left } = bundled!
  for (const warning of inDependencies(sources, left)) steps.warn(formatProblem(within(project.directory, warning)))
  const core = await steps.run('snapshot', () => loadedCore(project, sdk, script))
  const built = await builtOf(project, core, steps)
  const whole = withSourceMap(built.component, map)
  if (whole === built.component) steps.warn('the source map is too large to go along: faults name places in the bundle')
  return { ...built, component: whole }
}

/** The project's own tsconfig.json, or ours where it has none. */
async function checkTypes({ directory, entry }: Project): Promise<readonly BuildProblem[]> {
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')
  const config = existsSync(join(directory, 'tsconfig.json'))
    ? ['-p', directory]
    : [
        // One further up, of the repository that the project lies in, is not about it.
        '--ignoreConfig',
        '--target',
        'es2025',
        '--lib',
        'es2025',
        '--module',
        'nodenext',
        '--strict',
        '--skipLibCheck',
        '--types',
        '',
        '--allowImportingTsExtensions',
        entry,
      ]
  const { ok, stdout, stderr } = await run(
    process.execPath,
    [tsc, '--noEmit', '--pretty', 'false', ...config],
    directory,
  )
  if (ok) return []
  const problems: BuildProblem[] = []
  for (const line of `${stdout}${stderr}`.split('\n')) {
    const [, file, row, column, message] = /^(.+?)\((\d+),(\d+)\): error (TS\d+: .*)$/.exec(line) ?? []
    if (file !== undefined)
      problems.push({ file: join(directory, file), line: Number(row), column: Number(column), message: message! })
    // tsc explains on indented lines.
    else if (/^\s+\S/.test(line) && problems.length > 0) {
      const last = problems.pop()!
      problems.push({ ...last, message: `${last.message}\n${line}` })
    } else if (line.trim() !== '') problems.push({ file: 'tsconfig.json', message: line.replace(/^error /, '').trim() })
  }
  return told(problems, (file, line) => readFileSync(file, 'utf8').split('\n')[line - 1] ?? '')
}

/** Forbidden globals in the author's own modules. Dependencies are left to the prelude: they may only probe. */
function forbiddenIn({ gen }: Project, sources: ReadonlyMap<string, string>): readonly BuildProblem[] {
  const problems: BuildProblem[] = []
  for (const [file, text] of sources) {
    if (file.startsWith(join(gen, '/')) || /[/\\]node_modules[/\\]/.test(file) || file.startsWith(workspaceSdk))
      continue
    problems.push(...findForbidden(file, text))
  }
  return problems
}

/** Of each dependency the first use of a global that fails when it is reached, in what is left of it in the component. */
function inDependencies(
  sources: ReadonlyMap<string, string>,
  left: ReadonlyMap<string, string>,
): readonly BuildProblem[] {
  const found = new Map<string, BuildProblem>()
  for (const [file, text] of sources) {
    const name = packageOf(file)
    const code = left.get(file)
    if (name === undefined || code === undefined || name.startsWith('@innkeeper/') || found.has(name)) continue
    const use = findForbidden(file, text).find(
      ({ name }) => failing.has(name) && code.includes(name.replace(/[()]/g, '')),
    )
    if (use === undefined) continue
    const message = `${name} uses ${use.name}, which fails in a component when a call gets there; ${use.instead}`
    found.set(name, { file, line: use.line!, column: use.column!, message })
  }
  return [...found.values()]
}

/** The package that a file is of, where that is a dependency. */
function packageOf(file: string): string | undefined {
  return /.*[/\\]node_modules[/\\]((?:@[^/\\]+[/\\])?[^/\\]+)/.exec(file)?.[1]?.replaceAll('\\', '/')
}

/** Time and chance: libraries ask for them in the middle of their work. Of the rest they look whether it is there. */
const failing = new Set(['Date.now', 'Date()', 'new Date()', 'Math.random', 'performance', 'crypto'])

// In the checkout the SDK is no dependency under node_modules; its prelude names what it takes away.
const workspaceSdk = fileURLToPath(new URL('../../../typescript/', import.meta.url))

/** The service and the SDK in one script. */
interface Bundle {
  readonly script: string
  readonly map: StoredSourceMap
  /** The folder of the project's copy of the SDK. */
  readonly sdk: string
  /** What is left of each file. */
  readonly left: ReadonlyMap<string, string>
}

/** The bundle, or what is wrong. `sources` gets the files that went into it. */
export async function bundleProject(
  project: Project,
  descriptors: Uint8Array,
  table: Table,
  sources: Map<string, string>,
): Promise<Bundle | { readonly problems: readonly BuildProblem[] }> {
  try {
    const engine = enginePlugin(project, table)
    const importers = new Map<string, string>()
    const bundle = await rolldown({
      input: entryId,
      cwd: project.directory,
      platform: 'neutral',
      logLevel: 'silent',
      // What libraries ask of Node while they load; nothing else of `process` is there.
      transform: { define: { 'process.env.NODE_ENV': '"production"' } },
      resolve: { mainFields: ['module', 'main'], conditionNames: ['import', 'default'] },
      plugins: [entryPlugin(project, descriptors), engine.plugin, noteSources(sources, importers)],
      external: [],
      onLog: (_level, log) => {
        if (log.code === 'UNRESOLVED_IMPORT') throw new Error(log.message)
      },
    })
    // `dir`: sources are named from there; nothing is written.
    const mapped = { sourcemap: 'hidden', dir: project.directory } as const
    const [chunk] = (await bundle.generate({ format: 'iife', minify: true, comments: false, ...mapped })).output
    await bundle.close()
    const imports = [...chunk.imports, ...chunk.dynamicImports]
    if (imports.length > 0) return { problems: imports.map((id) => outside(id, importers.get(id), sources, project)) }
    const nameOf = (source: string): string =>
      sourceName(resolve(project.directory, source), project.directory, workspaceSdk)
    const left = new Map(Object.entries(chunk.modules).map(([file, { code }]) => [file, code ?? '']))
    return { script: chunk.code, map: bundleMap(chunk.code, chunk.map!, nameOf), sdk: engine.sdk(), left }
  } catch (error) {
    return { problems: bundleProblems(error, project) }
  }
}

/** An import of what is not in the bundle. */
function outside(
  id: string,
  importer: string | undefined,
  sources: ReadonlyMap<string, string>,
  { entry }: Project,
): BuildProblem {
  const file = importer ?? entry
  const library = packageOf(file)
  const message = `${library === undefined ? '' : `${library} `}imports ${id}, which a component cannot reach`
  const at =
    sources
      .get(file)
      ?.split('\n')
      .findIndex((line) => line.includes(id)) ?? -1
  return at === -1 ? { file, message } : { file, line: at + 1, message }
}

/** The entry module. It takes the project's copy of the SDK: another copy would not know the author's `accept` for its own. */
function entryPlugin({ entry }: Project, descriptors: Uint8Array): Plugin {
  const guest = '@innkeeper/sdk/guest'
  const text = [
    // First, so that the prelude has run when the author's module does.
    `import { component } from '${guest}'`,
    `import definition from ${JSON.stringify(entry)}`,
    `component(definition, Uint8Array.fromBase64('${Buffer.from(descriptors).toString('base64')}'))`,
  ].join('\n')
  return {
    name: 'innkeeper-entry',
    resolveId(id) {
      // The bundler would follow it where it is a link, and look for its imports there.
      if (id === entryId || id === entry) return id
      return id === guest ? this.resolve(guest, entry, { skipSelf: true }) : undefined
    },
    load: (id) => (id === entryId ? text : undefined),
  }
}

/** What the engine does itself. `sdk`: where the SDK lies, once something of it is resolved. */
function enginePlugin({ gen }: Project, { table, modules }: Table): { plugin: Plugin; sdk: () => string } {
  let sdk: string | undefined
  let native: string | undefined
  const plugin: Plugin = {
    name: 'innkeeper-engine',
    async resolveId(id, importer, options) {
      if (id === tableId) return `\0${tableId}`
      const found = await this.resolve(id, importer, { ...options, skipSelf: true })
      if (found === null) return found
      if (id === '@innkeeper/sdk/guest') {
        sdk = dirname(found.id)
        native = join(sdk, 'engine/modules')
      }
      if (sdk === undefined || !found.id.startsWith(join(sdk, '/')) || importer?.startsWith(join(native!, '/')))
        return found
      const own = join(native!, relative(sdk, found.id))
      return existsSync(own) ? { ...found, id: own } : found
    },
    load(id) {
      if (id === `\0${tableId}`) return table
      return id.startsWith(join(gen, '/')) ? modules.get(relative(gen, id).replaceAll('\\', '/')) : undefined
    },
  }
  return { plugin, sdk: () => sdk! }
}

/** `importers`: by what is imported and lies outside, the first file that does. */
function noteSources(sources: Map<string, string>, importers: Map<string, string>): Plugin {
  return {
    name: 'innkeeper-sources',
    resolveId(id, importer) {
      if (importer !== undefined && isBuiltin(id) && !importers.has(id)) importers.set(id, importer)
      return undefined
    },
    transform(code, id) {
      if (!id.startsWith('\0')) sources.set(id, code)
      return undefined
    },
  }
}

interface BundlerLog {
  readonly message: string
  readonly id?: string
  readonly loc?: { readonly file?: string; readonly line: number; readonly column: number }
}

function bundleProblems(error: unknown, { entry }: Project): BuildProblem[] {
  const logs = ((error as { errors?: readonly BundlerLog[] }).errors ?? [error as BundlerLog]).slice(0, 100)
  return logs.map(({ message, id, loc }) => {
    const named = loc?.file ?? id ?? entry
    // What the build adds has no file.
    const isOurs = named.startsWith('\0')
    const file = isOurs ? entry : named
    const place = loc === undefined || isOurs ? { file } : { file, line: loc.line, column: loc.column + 1 }
    return {
      ...place,
      message: stripVTControlCharacters(message).split('\n')[0]!.trim(),
    }
  })
}

/** The engine with the bundle in it. @throws BuildError with what the author's module throws when it is loaded. */
async function loadedCore(project: Project, sdk: string, script: string): Promise<Uint8Array> {
  const loaded = await loadBundle({ engine: readFileSync(join(sdk, 'engine/engine.wasm')), script })
  if ('core' in loaded) return loaded.core
  const name = /^ReferenceError: '?(\w+)'? is not defined/.exec(loaded.failed)?.[1] ?? ''
  const instead = Object.hasOwn(forbiddenGlobals, name) ? `: ${forbiddenGlobals[name]}` : ''
  const message = `the service module throws when it is loaded: ${loaded.failed}${instead}`
  throw new BuildError([{ file: project.entry, message }], project.directory)
}

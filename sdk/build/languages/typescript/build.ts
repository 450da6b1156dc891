// TypeScript: generated code, types, forbidden globals, one bundle, a QuickJS component.
//
// T1. The component has no imports (`stubWasi`), and a synchronous interface (`sync`).
// T2. Types and forbidden globals are checked together, so that an author sees all mistakes at once.
// T3. It exports the interfaces of the kinds that the module defines, and no others (describe-script.ts, world.ts).
// T4. The words of a fault have a way out of it (fault-export.ts), and its places are the author's (bundle-map.ts).

import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { componentize } from 'componentize-qjs'
import type { Plugin } from 'rolldown'
import { rolldown } from 'rolldown'
import type { StoredSourceMap } from '../../../../host/guest/fault-text.ts'
import { withSourceMap } from '../../../../host/link/source-map.ts'
import { writeGenerated } from '../../codegen/write.ts'
import type { Built } from '../../component.ts'
import { componentWithFault } from '../../fault-export.ts'
import type { BuildProblem } from '../../problem.ts'
import { BuildError } from '../../problem.ts'
import type { Project } from '../../project.ts'
import { run } from '../../run.ts'
import { withWorld, worldName } from '../../world.ts'
import type { LanguageBuild } from '../language.ts'
import { bundleMap, sourceName } from './bundle-map.ts'
import { generate } from './code.ts'
import { describeScript } from './describe-script.ts'
import { findForbidden } from './forbidden.ts'

const entryId = '\0innkeeper-entry'

export const buildTypeScript: LanguageBuild = async (project, { bytes, schema }, steps) => {
  await steps.run('generate', () => writeGenerated(project.gen, generate(schema, project.files)))
  const sources = new Map<string, string>()
  let bundled: Bundle | undefined
  await steps.run('check', async () => {
    // The bundler reads what the component will hold, so the modules to look through for globals are known with it.
    const [types, bundle] = await Promise.all([checkTypes(project), bundleProject(project, bytes, sources)])
    const problems = [...types, ...forbiddenIn(project, sources), ...('problems' in bundle ? bundle.problems : [])]
    if (problems.length > 0) throw new BuildError(problems, project.directory)
    bundled = bundle as Bundle
  })
  const { map } = bundled!
  const built = await steps.run('componentize', () => componentizeBundle(project, bundled!))
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
        'es2023',
        '--lib',
        'es2023',
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
  return problems
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

// In the checkout the SDK is no dependency under node_modules; its prelude names what it takes away.
const workspaceSdk = fileURLToPath(new URL('../../../typescript/', import.meta.url))

/** The service and the SDK in one file: as a module, and as a script that sets `service`. */
interface Bundle {
  readonly module: string
  /** Of the module. */
  readonly map: StoredSourceMap
  readonly script: string
}

/** The bundle, or what is wrong. `sources` gets the files that went into it. */
async function bundleProject(
  project: Project,
  descriptors: Uint8Array,
  sources: Map<string, string>,
): Promise<Bundle | { readonly problems: readonly BuildProblem[] }> {
  try {
    const bundle = await rolldown({
      input: entryId,
      cwd: project.directory,
      platform: 'neutral',
      logLevel: 'silent',
      resolve: { mainFields: ['module', 'main'], conditionNames: ['import', 'default'] },
      plugins: [entryPlugin(project, descriptors), noteSources(sources)],
      external: [],
      onLog: (_level, log) => {
        if (log.code === 'UNRESOLVED_IMPORT') throw new Error(log.message)
      },
    })
    // The source goes into the snapshot: shorter names are 90 KB of a small service.
    const small = { format: 'esm', minify: true, comments: false } as const
    // `dir`: sources are named from there; nothing is written.
    const mapped = { sourcemap: 'hidden', dir: project.directory } as const
    const [chunk] = (await bundle.generate({ ...small, ...mapped })).output
    const imports = [...chunk.imports, ...chunk.dynamicImports]
    if (imports.length > 0) {
      const message = `imports ${imports.join(', ')}, which a component cannot reach`
      return { problems: [{ file: project.entry, message }] }
    }
    const [script] = (await bundle.generate({ format: 'iife', name: 'service', comments: false })).output
    await bundle.close()
    // QuickJS counts columns from 1, but from 0 on the first line of a file: what is in the second is counted alike.
    const module = `\n${chunk.code}`
    const { sources: given, mappings } = chunk.map!
    const nameOf = (source: string): string =>
      sourceName(resolve(project.directory, source), project.directory, workspaceSdk)
    const map = bundleMap(module, { sources: given, mappings: `;${mappings}` }, nameOf)
    return { module, map, script: script.code }
  } catch (error) {
    return { problems: bundleProblems(error, project) }
  }
}

/** The entry module. It takes the project's copy of the SDK: another copy would not know the author's `accept` for its own. */
function entryPlugin({ entry }: Project, descriptors: Uint8Array): Plugin {
  const guest = '@innkeeper/sdk/guest'
  const text = [
    // First, so that the prelude has run when the author's module does.
    `import { component } from '${guest}'`,
    `import definition from ${JSON.stringify(entry)}`,
    // Those of kinds that the module does not define are undefined, and not in the component's world.
    'export const { about, eventSourced, value, replicated, action } =',
    `  component(definition, new Uint8Array([${descriptors.join(',')}]))`,
  ].join('\n')
  return {
    name: 'innkeeper-entry',
    resolveId(id) {
      if (id === entryId) return id
      return id === guest ? this.resolve(guest, entry, { skipSelf: true }) : undefined
    },
    load: (id) => (id === entryId ? text : undefined),
  }
}

function noteSources(sources: Map<string, string>): Plugin {
  return {
    name: 'innkeeper-sources',
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
    const file = loc?.file ?? id ?? entry
    const place = loc === undefined ? { file } : { file, line: loc.line, column: loc.column + 1 }
    return {
      ...place,
      message: stripVTControlCharacters(message).split('\n')[0]!.trim(),
    }
  })
}

async function componentizeBundle(project: Project, { module, script }: Bundle): Promise<Built> {
  const described = describeScript(script, project.entry)
  if ('message' in described) throw new BuildError([described], project.directory)
  return await withWorld(described.kinds, async (witPath) => {
    const options = { witPath, world: worldName, jsSource: module, stubWasi: true, sync: true }
    try {
      return { ...described, component: componentWithFault(project, (await componentize(options)).component) }
    } catch (error) {
      const [, thrown] = /module evaluation: ([\s\S]*)$/.exec((error as Error).message) ?? []
      if (thrown === undefined) throw error
      // What loads here and not in QuickJS.
      const message = `the service module throws when it is loaded: ${thrown.split('\n')[0]}`
      throw new BuildError([{ file: project.entry, message }], project.directory)
    }
  })
}

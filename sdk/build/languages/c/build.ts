// C: generated code, objects by clang, one core module by wasm-ld, a component around it.
//
// K2. There is no C library: what a service cannot have (time, chance, files) is an error of the compiler or of the linker,
//     told with what to use instead.
// K3. An interface's exports are an object of their own, linked where the macro of a service refers to its kind.
// K4. The SDK is the project's copy in innkeeper-sdk/ where there is one, else this package's. Its objects are kept by the hash
//     of all that they are made of; the author's files are compiled every time.
//
// clang with a wasm32 target and a wasm-ld that is not older: found by name, or by $CC_WASM and $WASM_LD. Apple's clang has
// no such target.
//
// Leaves to others: code (code.ts), what runs in the guest (sdk/c).

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { faultGlobal } from '../../../../host/guest/fault-text.ts'
import type { Schema } from '../../../../host/schema/schema.ts'
import { writeGenerated } from '../../codegen/write.ts'
import { builtOf, checkedCore } from '../../component.ts'
import type { BuildProblem } from '../../problem.ts'
import { BuildError } from '../../problem.ts'
import type { Project } from '../../project.ts'
import { run } from '../../run.ts'
import { findTool, MissingTool, objectsFolder } from '../../toolchain.ts'
import type { LanguageBuild } from '../language.ts'
import { generateC } from './code.ts'
import { forbiddenProblem } from './forbidden.ts'
import { told } from './told.ts'

const packagedSdk = fileURLToPath(new URL('../../../c', import.meta.url))

interface CTools {
  readonly clang: string
  readonly linker: string
  /** Of the compiler, as it says it. */
  readonly version: string
}

const majors = [23, 22, 21, 20, 19, 18, 17]
/** Where Homebrew puts what Apple's tools would hide. */
const homebrew = [
  '/opt/homebrew/opt/llvm/bin',
  '/usr/local/opt/llvm/bin',
  '/opt/homebrew/opt/lld/bin',
  '/usr/local/opt/lld/bin',
]
const install =
  'Install it with `apt-get install clang-19 lld-19` or `brew install llvm lld`, or name it by $CC_WASM and $WASM_LD.'

let found: CTools | MissingTool | undefined

/** The compiler and the linker of this machine, or what to install. */
export function findC(): CTools | MissingTool {
  found ??= search()
  return found
}

function search(): CTools | MissingTool {
  const clang = candidates('CC_WASM', 'clang').find((path) => /\bwasm32\b/.test(said(path, '--print-targets')))
  if (clang === undefined) return new MissingTool('C', 'clang with a wasm32 target', install)
  const version = said(clang, '--version').split('\n')[0]!
  const major = majorOf(version)
  // Code of a newer compiler is nothing that an older linker can read.
  const linker = candidates('WASM_LD', 'wasm-ld').find((path) => majorOf(said(path, '--version')) >= major)
  if (linker === undefined) return new MissingTool('C', `wasm-ld of version ${major} or later`, install)
  return { clang, linker, version }
}

function candidates(variable: string, name: string): readonly string[] {
  if (process.env[variable] !== undefined) return [findTool({ variable, names: [] })?.path ?? []].flat()
  const names = [name, ...majors.map((major) => `${name}-${major}`), ...homebrew.map((folder) => join(folder, name))]
  return names.flatMap((one) => findTool({ names: [one] })?.path ?? [])
}

function said(path: string, argument: string): string {
  return spawnSync(path, [argument], { encoding: 'utf8' }).stdout ?? ''
}

function majorOf(version: string): number {
  return Number(/(?:version|LLD) (\d+)\./.exec(version)?.[1] ?? 0)
}

export const buildC: LanguageBuild = async (project, { bytes, schema }, steps) => {
  const tools = findC()
  if (tools instanceof MissingTool) throw tools
  await steps.run('generate', () => writeGenerated(project.gen, generateC(schema, project.files, bytes)))
  const core = await steps.run('compile', () => compile(project, tools, schema))
  return await builtOf(project, core, steps)
}

const flags = [
  '--target=wasm32-unknown-unknown',
  '-std=c11',
  '-Os',
  '-flto',
  '-mbulk-memory',
  // No library, but what the compiler knows of its functions: copies of a few bytes are single instructions.
  '-ffreestanding',
  '-fbuiltin',
  '-nostdlib',
  '-nostdlibinc',
  '-fno-ident',
  '-fno-color-diagnostics',
  '-fno-caret-diagnostics',
]
/** As small as can be: -O2 for all of it makes the counter 5 KB larger, and a tenth faster. */
const sdkFlags = [...flags, '-Oz']

/** Mistakes that C lets pass and that would be faults: a handler without an answer, one with another type, a misspelt one. */
const strictness = [
  'return-type',
  'incompatible-pointer-types',
  'implicit-function-declaration',
  'int-conversion',
  'missing-prototypes',
  'unused-result',
  'format',
  'uninitialized',
].map((warning) => `-Werror=${warning}`)

/** What innkeeper.c calls the kinds. */
export const kindMacros = ['EVENT_SOURCED', 'VALUE', 'REPLICATED', 'ACTION', 'VIEW']

async function compile(project: Project, tools: CTools, schema: Schema): Promise<Uint8Array> {
  const own = join(project.directory, 'innkeeper-sdk')
  const sdk = existsSync(join(own, 'innkeeper.h')) ? own : packagedSdk
  const work = await mkdtemp(join(tmpdir(), 'innkeeper-c-'))
  try {
    const sources = sourcesOf(dirname(project.entry), project.entry)
    const [library, objects] = await Promise.all([
      sdkObjects(tools, sdk),
      Promise.all(sources.map((source, index) => compileOne(project, tools, sdk, source, join(work, `${index}.o`)))),
    ])
    const problems = objects.flatMap(({ problems: list }) => list)
    if (problems.length > 0) throw new BuildError(distinct(problems), project.directory)
    const file = join(work, 'core.wasm')
    await link(project, schema, tools, [...objects.map(({ object }) => object), library.core], library.kinds, file)
    return checked(project, new Uint8Array(await readFile(file)))
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** Every .c file of the entry's folder. */
function sourcesOf(folder: string, entry: string): readonly string[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.c') && !/(^|[/\\])(node_modules|innkeeper-sdk)[/\\]/.test(file))
    .map((file) => join(folder, file))
  return [...new Set([entry, ...files.sort()])]
}

interface Compiled {
  readonly object: string
  readonly problems: readonly BuildProblem[]
}

async function compileOne(
  project: Project,
  tools: CTools,
  sdk: string,
  source: string,
  object: string,
): Promise<Compiled> {
  const { directory } = project
  const name = relative(directory, source)
  const includes = [`-I${sdk}`, `-I${project.gen}`, `-ffile-prefix-map=${directory}=.`]
  const { ok, stderr } = await run(
    tools.clang,
    [...flags, ...strictness, ...includes, '-c', name, '-o', object],
    directory,
  )
  if (ok) return { object, problems: [] }
  const problems = diagnosticsOf(stderr)
  if (problems.length === 0) throw new Error(`${tools.clang} failed: ${stderr.trim()}`)
  return { object, problems }
}

/** clang says `file:line:column: error: message`, and in notes where else to look. */
function diagnosticsOf(output: string): readonly BuildProblem[] {
  const problems: BuildProblem[] = []
  for (const text of output.split('\n')) {
    const [, file, line, column, message] = /^(.+?):(\d+):(\d+): (?:fatal )?error: (.*)$/.exec(text) ?? []
    if (file === undefined) continue
    const place = { file, line: Number(line), column: Number(column) }
    problems.push({ ...place, message: forbiddenProblem(message!) ?? message!.replace(/ \[-W[^\]]*\]$/, '') })
  }
  return problems
}

/** A header's mistake is told once, not once for each source that includes it. */
function distinct(problems: readonly BuildProblem[]): readonly BuildProblem[] {
  return [...new Map(problems.map((problem) => [JSON.stringify(problem), problem])).values()]
}

interface Library {
  readonly core: string
  readonly kinds: readonly string[]
}

/** The SDK's objects, compiled where this machine does not have them yet. */
async function sdkObjects(tools: CTools, sdk: string): Promise<Library> {
  const folder = objectsFolder()
  await mkdir(folder, { recursive: true })
  const texts = ['innkeeper.h', 'innkeeper.c'].map((name) => readFileSync(join(sdk, name)))
  const object = async (macros: readonly string[]): Promise<string> => {
    const hash = createHash('sha256').update(JSON.stringify([tools.version, sdkFlags, macros]))
    for (const text of texts) hash.update(text)
    const file = join(folder, `c-${hash.digest('hex').slice(0, 32)}.o`)
    if (existsSync(file)) return file
    const unfinished = `${file}.${process.pid}.part`
    const { ok, stderr } = await run(tools.clang, [...sdkFlags, ...macros, '-c', 'innkeeper.c', '-o', unfinished], sdk)
    if (!ok) throw new Error(`innkeeper.c cannot be compiled by ${tools.version}: ${stderr.trim()}`)
    await rename(unfinished, file)
    return file
  }
  const [core, ...kinds] = await Promise.all([
    object([]),
    ...kindMacros.map((kind) => object(['-DIK_EXPORTS_ONLY', `-DIK_EXPORT_${kind}`])),
  ])
  return { core: core!, kinds }
}

async function link(
  project: Project,
  schema: Schema,
  { linker }: CTools,
  objects: readonly string[],
  kinds: readonly string[],
  out: string,
): Promise<void> {
  const options = [
    ...['--no-entry', '--stack-first', '-z', 'stack-size=65536', '--strip-all', '--error-limit=0', '-O2'],
    `--export=${faultGlobal}`,
  ]
  const { ok, stderr } = await run(
    linker,
    [...options, ...objects, '--start-lib', ...kinds, '--end-lib', '-o', out],
    project.directory,
  )
  if (ok) return
  const problems = new Map<string, BuildProblem>()
  for (const [, name] of stderr.matchAll(/undefined symbol: (\S+)/g)) {
    problems.set(name!, { ...macroPlace(project, name!), message: undefinedProblem(project, name!) })
  }
  for (const [, name] of stderr.matchAll(/duplicate symbol: (\S+)/g)) {
    problems.set(name!, { file: project.entry, message: `${name} is defined twice` })
  }
  if (problems.size === 0) throw new Error(`${linker} failed: ${stderr.trim()}`)
  throw new BuildError(told(schema, [...problems.values()]), project.directory)
}

/** A handler that its header declares is told with its prototype. */
function undefinedProblem({ gen }: Project, name: string): string {
  for (const file of readdirSync(gen, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.h')) continue
    const text = readFileSync(join(gen, file), 'utf8')
    const [, prototype] = new RegExp(`IK_EXTERN ([^;]*\\b${name}\\([^;]*);`).exec(text) ?? []
    if (prototype !== undefined) return `${name} is missing: ${prototype}`
  }
  return forbiddenProblem(name) ?? `${name} is not defined; a service has no C library`
}

/** Where the author says of which kind the service is that needs a function of this name; else the entry. */
function macroPlace({ entry }: Project, name: string): Pick<BuildProblem, 'file' | 'line'> {
  for (const file of sourcesOf(dirname(entry), entry)) {
    const lines = readFileSync(file, 'utf8').split('\n')
    const at = lines.findIndex((line) => {
      const service = /^\s*([A-Z]\w*?)_(?:EVENT_SOURCED|VALUE|REPLICATED|ACTION)\(/.exec(line)?.[1]
      return service !== undefined && name.startsWith(`${service.toLowerCase()}_`)
    })
    if (at !== -1) return { file, line: at + 1 }
  }
  return { file: entry }
}

function checked(project: Project, core: Uint8Array): Uint8Array {
  const header = project.files[0]!.replace(/\.proto$/, '.h')
  const noService = `defines no service: write the macro of its kind, as gen/${header} has it (..._EVENT_SOURCED(...))`
  return checkedCore(project, core, (name) => forbiddenProblem(name.replace(/^.*\./, '')), noService)
}

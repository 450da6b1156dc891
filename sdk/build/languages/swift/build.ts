// Swift: generated code, one object by swiftc, one core module by wasm-ld, a component around it.
//
// It is Embedded Swift for wasm32-unknown-none-wasm: no Foundation, no C library, no threads. swiftc is found by $SWIFTC, on PATH, or in the
// Debian root (toolchain.ts), if it has that standard library; clang and wasm-ld are those beside it.
//
// W2. The SDK is a module of its own (`import Innkeeper`), so no name of an author's messages meets one of its. It is the
//     project's copy in innkeeper-sdk/ where there is one, else this package's; the contract below it is that of sdk/c.
// W3. The module and the objects in C are kept by the hash of all that they are made of. A project's core is kept too, one for
//     each project: a build of the same sources compiles nothing.
// W4. An interface's exports are an object of their own, linked where a service of its kind is made (Service.eventSourced ...).
//
// Leaves to others: code (code.ts), what runs in the guest (sdk/swift), tests (test.ts).

import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
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
import type { Ran } from '../../run.ts'
import type { Tool } from '../../toolchain.ts'
import { findTool, MissingTool, objectsFolder, runTool } from '../../toolchain.ts'
import { kindMacros } from '../c/build.ts'
import type { LanguageBuild } from '../language.ts'
import { generateSwift } from './code.ts'
import { forbiddenProblem, originsOf, undefinedProblem } from './forbidden.ts'
import { told, unfolded } from './told.ts'

const packagedSdk = fileURLToPath(new URL('../../../swift', import.meta.url))
const contract = fileURLToPath(new URL('../../../c', import.meta.url))
const target = 'wasm32-unknown-none-wasm'

interface SwiftTools {
  readonly swiftc: Tool
  readonly clang: Tool
  readonly linker: Tool
  /** Folders of the toolchain, as the tools see them. */
  readonly clangInclude: string
  readonly unicodeTables: string
  /** Changes when the toolchain does. */
  readonly version: string
}

const install =
  'Install Swift 6.2 or later from swift.org (swiftly), name it by $SWIFTC, or on Debian run .ci/toolchains swift as root.'

let found: SwiftTools | MissingTool | undefined

/** The compiler and the linker of this machine, or what to install. */
export function findSwift(): SwiftTools | MissingTool {
  found ??= search()
  return found
}

function search(): SwiftTools | MissingTool {
  const candidates = [
    findTool({ variable: 'SWIFTC', names: ['swiftc'] }),
    // Debian's, where the one on PATH has not what it takes.
    process.env['SWIFTC'] === undefined
      ? findTool({ names: [], inRoot: ['/usr/libexec/swift/bin/swiftc', '/usr/bin/swiftc'] })
      : undefined,
  ]
  for (const swiftc of candidates) {
    const tools = swiftc === undefined ? undefined : toolsBeside(swiftc)
    if (tools !== undefined) return tools
  }
  return new MissingTool('Swift', 'swiftc with the embedded standard library for wasm32', install)
}

/** Nothing if the toolchain cannot make wasm. */
function toolsBeside({ path, root = '/' }: Tool): SwiftTools | undefined {
  const bin = dirname(root === '/' ? realpathSync(path) : path)
  const inside = (...parts: string[]): string => join(bin, '..', ...parts)
  const exists = (file: string): boolean => existsSync(join(root, file))
  const tables = inside('lib/swift/embedded', target, 'libswiftUnicodeDataTables.a')
  const module = inside('lib/swift/embedded/Swift.swiftmodule', `${target}.swiftmodule`)
  const clangs = inside('lib/clang')
  const major = exists(clangs) ? readdirSync(join(root, clangs)).find((name) => /^\d+/.test(name)) : undefined
  const tool = (name: string): Tool => ({ path: join(bin, name), ...(root === '/' ? {} : { root }) })
  if (major === undefined || ![tables, module, join(bin, 'clang'), join(bin, 'wasm-ld')].every(exists)) return undefined
  const { size, mtimeMs } = statSync(join(root, bin, 'swift-frontend'))
  return {
    swiftc: tool('swiftc'),
    clang: tool('clang'),
    linker: tool('wasm-ld'),
    clangInclude: join(clangs, major, 'include'),
    unicodeTables: tables,
    version: `${size} ${mtimeMs}`,
  }
}

export const buildSwift: LanguageBuild = async (project, { bytes, schema }, steps) => {
  const tools = findSwift()
  if (tools instanceof MissingTool) throw tools
  await steps.run('generate', () => writeGenerated(project.gen, generateSwift(schema, project.files, bytes)))
  const core = await steps.run('compile', () => compileCore(project, tools, schema))
  return await builtOf(project, core, steps)
}

const swiftFlags = [
  ...['-target', target, '-enable-experimental-feature', 'Embedded', '-wmo', '-Osize', '-parse-as-library'],
  ...['-swift-version', '6', '-diagnostic-style', 'llvm', '-no-color-diagnostics'],
  ...[
    '-Xfrontend',
    '-disable-stack-protector',
    '-Xcc',
    '-ffreestanding',
    '-Xcc',
    '-fdeclspec',
    '-Xcc',
    '-DIK_ABI_ONLY',
  ],
]
/** Swift's own checks print what they find, which makes a third more code; and `assert` is one of them. */
const testFlags = ['-Xfrontend', '-assert-config', '-Xfrontend', 'Debug']
const clangFlags = [
  ...[
    '--target=wasm32-unknown-unknown',
    '-std=c11',
    '-Os',
    '-mbulk-memory',
    '-ffreestanding',
    '-nostdlib',
    '-nostdlibinc',
  ],
  ...['-fno-ident', '-DIK_ABI_ONLY'],
]
const linkFlags = [
  `--export=${faultGlobal}`,
  '--no-entry',
  '--stack-first',
  '-z',
  'stack-size=262144',
  '--strip-all',
  '--error-limit=0',
  '--gc-sections',
]

/** The SDK as the machine keeps it. */
interface SwiftLibrary {
  /** With Innkeeper.swiftmodule and the objects. */
  readonly folder: string
  /** Of the SDK's Swift and of what it sees of C. */
  readonly sdk: string
  readonly hash: string
}

function sdkOf(project: Project): string {
  const own = join(project.directory, 'innkeeper-sdk')
  return existsSync(join(own, 'Sources/Innkeeper')) ? own : packagedSdk
}

/** What a program of these sources is compiled for: a component, or a module that runs tests. */
interface SwiftProgram {
  readonly sources: readonly string[]
  readonly isTest: boolean
}

async function compileCore(project: Project, tools: SwiftTools, schema: Schema): Promise<Uint8Array> {
  const sources = sourcesOf(dirname(project.entry))
  const own = sources.filter((source) => !source.startsWith(join(project.gen, '/')))
  const lost = unfolded(schema, own)
  let core: Uint8Array
  try {
    core = await compileSwift(project, tools, { sources, isTest: false })
  } catch (error) {
    if (!(error instanceof BuildError)) throw error
    throw new BuildError([...told(project, schema, error.problems), ...lost], project.directory)
  }
  if (lost.length > 0) throw new BuildError(lost, project.directory)
  return checked(project, core)
}

/** Every .swift file of a folder. */
export function sourcesOf(folder: string): readonly string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.swift') && !/(^|[/\\])(\.build|innkeeper-sdk)[/\\]/.test(file))
    .map((file) => join(folder, file))
    .sort()
}

/** A core module. @throws BuildError with the author's mistakes. */
export async function compileSwift(project: Project, tools: SwiftTools, program: SwiftProgram): Promise<Uint8Array> {
  const library = await libraryOf(tools, sdkOf(project))
  const hash = createHash('sha256').update(JSON.stringify([library.hash, swiftFlags, testFlags, linkFlags, program]))
  for (const source of program.sources) hash.update(readFileSync(source)).update('\0')
  const name = hash.digest('hex')
  // One for each project and purpose: the last.
  const place = createHash('sha256').update(`${project.directory} ${program.isTest}`).digest('hex').slice(0, 32)
  const kept = join(objectsFolder(), `swift-core-${place}.wasm`)
  const [was, bytes] = await keptCore(kept)
  if (was === name) return bytes
  const core = await compileAnew(project, tools, library, program)
  const unfinished = `${kept}.${process.pid}.part`
  await writeFile(unfinished, Buffer.concat([Buffer.from(name), core]))
  await rename(unfinished, kept)
  return core
}

/** Behind the hash of what it was made of. */
async function keptCore(file: string): Promise<readonly [string, Uint8Array]> {
  if (!existsSync(file)) return ['', new Uint8Array()]
  const bytes = await readFile(file)
  return [bytes.subarray(0, 64).toString('latin1'), new Uint8Array(bytes.subarray(64))]
}

/** What the compiler makes of its own library: it has its path in it, and is shared. */
function cacheFolder(): string {
  return join(objectsFolder(), 'swift-modules')
}

/** Code that was generated, and the author's, without making a module of it: that takes minutes for a large `.proto`. @throws BuildError */
export async function checkSwift(project: Project, tools: SwiftTools): Promise<void> {
  const library = await libraryOf(tools, sdkOf(project))
  await swiftc(project, tools, library, { sources: sourcesOf(dirname(project.entry)), isTest: false }, ['-typecheck'])
}

/** `to`: what is to be made, and the folders for it. @throws BuildError */
async function swiftc(
  project: Project,
  tools: SwiftTools,
  library: SwiftLibrary,
  { sources, isTest }: SwiftProgram,
  to: readonly string[],
  folders: readonly string[] = [],
): Promise<void> {
  const ran = await runTool(
    tools.swiftc,
    [
      ...[...swiftFlags, ...(isTest ? testFlags : []), ...includes(tools, library.sdk)],
      ...['-I', library.folder, '-module-name', 'Component', '-module-cache-path', cacheFolder()],
      ...[...sources.map((source) => relative(project.directory, source)), ...to],
    ],
    { cwd: project.directory, folders: [...foldersOf(project, library), ...folders] },
  )
  if (!ran.ok) throw new BuildError(diagnosticsOf(project, ran), project.directory)
}

function foldersOf(project: Project, library: SwiftLibrary): readonly string[] {
  return [project.directory, library.folder, library.sdk, contract, cacheFolder()]
}

async function compileAnew(
  project: Project,
  tools: SwiftTools,
  library: SwiftLibrary,
  program: SwiftProgram,
): Promise<Uint8Array> {
  const { sources, isTest } = program
  const work = await mkdtemp(join(tmpdir(), 'innkeeper-swift-'))
  try {
    const object = join(work, 'service.o')
    await swiftc(project, tools, library, program, ['-c', '-o', object], [work])
    const file = join(work, 'core.wasm')
    const own = (name: string): string => join(library.folder, name)
    const common = ['innkeeper.o', 'memory.o', isTest ? 'print-test.o' : 'print.o']
    const kinds = kindMacros.map((kind) => own(`${kind}.o`))
    const linked = await runTool(
      tools.linker,
      [
        ...[
          ...linkFlags,
          ...(isTest ? ['--export=ik_test_count', '--export=ik_test_name', '--export=ik_test_run'] : []),
        ],
        ...[object, ...common.map(own), '--start-lib', ...kinds, '--end-lib', tools.unicodeTables, '-o', file],
      ],
      { cwd: project.directory, folders: [...foldersOf(project, library), work] },
    )
    if (!linked.ok) throw new BuildError(undefinedSymbols(project, sources, linked), project.directory)
    return new Uint8Array(await readFile(file))
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

function includes(tools: SwiftTools, sdk: string): readonly string[] {
  return ['-Xcc', `-I${tools.clangInclude}`, '-Xcc', `-I${contract}`, '-I', join(sdk, 'abi')]
}

/** The SDK's module and objects, made where this machine does not have them yet. */
async function libraryOf(tools: SwiftTools, sdk: string): Promise<SwiftLibrary> {
  const sources = sourcesOf(join(sdk, 'Sources/Innkeeper'))
  const others = ['boundary.h', 'module.modulemap', 'memory.c', 'print.c'].map((name) => join(sdk, 'abi', name))
  const hash = createHash('sha256').update(JSON.stringify([tools.version, swiftFlags, clangFlags, sdk, contract]))
  for (const file of [...sources, ...others, join(contract, 'innkeeper.h'), join(contract, 'innkeeper.c')]) {
    hash.update(readFileSync(file)).update('\0')
  }
  const name = hash.digest('hex')
  const folder = join(objectsFolder(), `swift-${name.slice(0, 32)}`)
  const library = { folder, sdk, hash: name }
  if (existsSync(join(folder, 'Innkeeper.swiftmodule'))) return library
  const unfinished = `${folder}.${process.pid}`
  await mkdir(unfinished, { recursive: true })
  await mkdir(cacheFolder(), { recursive: true })
  const folders = [sdk, contract, cacheFolder(), unfinished]
  const done = (what: string, { ok, stdout, stderr }: Ran): void => {
    if (!ok) throw new Error(`the SDK's ${what} cannot be compiled: ${stderr.trim() || stdout.trim()}`)
  }
  const object = async (source: string, macros: readonly string[], out: string): Promise<void> => {
    // Faults name the SDK's files: without the folders of this machine.
    const places = `-ffile-prefix-map=${contract}/=`
    const args = [...clangFlags, `-I${tools.clangInclude}`, `-I${contract}`, places, ...macros]
    done(out, await runTool(tools.clang, [...args, '-c', source, '-o', join(unfinished, out)], { cwd: sdk, folders }))
  }
  const innkeeper = join(contract, 'innkeeper.c')
  await Promise.all([
    object(innkeeper, [], 'innkeeper.o'),
    object('abi/memory.c', [], 'memory.o'),
    object('abi/print.c', [], 'print.o'),
    object('abi/print.c', ['-DIK_TEST'], 'print-test.o'),
    ...kindMacros.map((kind) => object(innkeeper, ['-DIK_EXPORTS_ONLY', `-DIK_EXPORT_${kind}`], `${kind}.o`)),
    runTool(
      tools.swiftc,
      [
        ...[...swiftFlags, ...includes(tools, sdk), '-module-name', 'Innkeeper'],
        ...sources.map((source) => relative(sdk, source)),
        ...['-module-cache-path', cacheFolder()],
        ...['-emit-module', '-emit-module-path', join(unfinished, 'Innkeeper.swiftmodule')],
      ],
      { cwd: sdk, folders },
    ).then((ran) => done('module', ran)),
  ])
  // Another process may have been first, with the same.
  await rename(unfinished, folder).catch(() => rm(unfinished, { recursive: true, force: true }))
  return library
}

/** swiftc says `file:line:column: error: message`, and in notes what was asked for. */
function diagnosticsOf(project: Project, { stdout, stderr }: Ran): readonly BuildProblem[] {
  const problems: BuildProblem[] = []
  let isError = false
  for (const line of `${stderr}\n${stdout}`.split('\n')) {
    const [, file, row, column, kind, said] = /^(.+?):(\d+):(\d+): (error|note|warning): (.*)$/.exec(line) ?? []
    if (file === undefined) continue
    if (kind === 'note' && isError && said!.startsWith('protocol requires')) {
      const last = problems.pop()!
      problems.push({ ...last, message: `${last.message}: ${said!.replace(/; add a stub.*|\s*$/, '')}` })
    }
    if (kind !== 'note') isError = kind === 'error'
    if (kind !== 'error') continue
    const place = { file, line: Number(row), column: Number(column) }
    const isEntry = join(project.directory, file) === join(project.gen, 'Component.swift')
    if (isEntry && said === "cannot find 'services' in scope") {
      const message = 'declares no services: write `let services: [Service] = [...]`'
      if (!problems.some((problem) => problem.message === message)) problems.push({ file: project.entry, message })
    } else problems.push({ ...place, message: forbiddenProblem(said!) ?? said! })
  }
  if (problems.length === 0) throw new Error(`swiftc failed: ${stderr.trim() || stdout.trim()}`)
  return problems
}

function undefinedSymbols(project: Project, sources: readonly string[], { stderr }: Ran): readonly BuildProblem[] {
  const names = new Set([...stderr.matchAll(/undefined symbol: (\S+)/g)].map(([, name]) => name!))
  if (names.size === 0) throw new Error(`wasm-ld failed: ${stderr.trim()}`)
  const own = sources.filter((source) => !source.startsWith(project.gen))
  return [...names].flatMap((name): readonly BuildProblem[] => {
    const origins = originsOf(name, own, (file) => readFileSync(file, 'utf8'))
    return origins.length > 0 ? origins : [{ file: project.entry, message: undefinedProblem(name) }]
  })
}

function checked(project: Project, core: Uint8Array): Uint8Array {
  const noService = 'has no service: `services` lists them, as in [.eventSourced(Counter())]'
  return checkedCore(project, core, (name) => forbiddenProblem(name.replace(/^.*\./, '')), noService)
}

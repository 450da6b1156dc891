// Cached: what tests build from source, kept by the content of everything that it is made of, for this run and the next ones.
//
// C1. A key covers the inputs that are given, every module that the caller imports, in turn, with what lies beside those modules, the SDKs,
//     the contract, the locked packages, and Node. Whatever of that changes, the next call builds.
// C2. Several processes that want the same wait for the one that builds it.

import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, extname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = process.env['TEST_CACHE'] || join(root, 'node_modules/.cache/innkeeper/tests')
/** What nobody asked for in so long is taken away. */
const keptMs = 7 * 24 * 3_600_000
const lookEveryMs = 25
/** Folders that builds write to. */
const made = new Set(['node_modules', 'gen', 'target', 'build', '.build', 'dist'])

/** `caller`: `import.meta.url` of the module that makes it. `inputs`: what it is made of besides. */
export async function cached(
  caller: string,
  inputs: readonly (string | Uint8Array)[],
  make: () => Promise<Uint8Array>,
): Promise<Uint8Array> {
  const name = basename(fileURLToPath(caller), '.ts')
  const file = join(folder, `${name}-${keyOf(caller, inputs)}`)
  return await oneAtATime(
    file,
    () => read(file),
    async () => {
      const bytes = await make()
      const staged = `${file}.${process.pid}`
      writeFileSync(staged, bytes)
      renameSync(staged, file)
      prune()
      return new Uint8Array(bytes)
    },
  )
}

/** What `have` finds, or what `make` makes while no other process makes the same. `name` is a path: a file beside it says who makes it. */
export async function oneAtATime<T>(name: string, have: () => T | undefined, make: () => Promise<T>): Promise<T> {
  mkdirSync(dirname(name), { recursive: true })
  const lock = `${name}.lock`
  for (;;) {
    const found = have()
    if (found !== undefined) return found
    if (take(lock)) {
      try {
        return have() ?? (await make())
      } finally {
        rmSync(lock, { force: true })
      }
    }
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs))
  }
}

/** Of the content of all that goes into what the caller makes. */
export function keyOf(caller: string, inputs: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256').update(toolsOf(fileURLToPath(caller)))
  for (const input of inputs) hash.update(`${input.length}:`).update(input)
  return hash.digest('hex').slice(0, 32)
}

/** Every file of a folder that is a source, with its content. */
export function contentOf(path: string): string {
  const hash = createHash('sha256')
  for (const file of sourcesIn(path))
    hash
      .update(`${file.slice(path.length)}\0`)
      .update(readFileSync(file))
      .update('\0')
  return hash.digest('hex')
}

const tools = new Map<string, string>()
const shared = (): string => {
  const hash = createHash('sha256').update(`${process.version} ${process.arch}`)
  hash.update(readFileSync(join(root, 'package-lock.json')))
  for (const path of ['sdk', 'wit']) hash.update(contentOf(join(root, path)))
  return hash.digest('hex')
}
let known: string | undefined

function toolsOf(module: string): string {
  known ??= shared()
  let digest = tools.get(module)
  if (digest === undefined) {
    const hash = createHash('sha256').update(known)
    for (const file of [...reached(module)].sort())
      hash
        .update(`${relative(root, file)}\0`)
        .update(readFileSync(file))
        .update('\0')
    digest = hash.digest('hex')
    tools.set(module, digest)
  }
  return digest
}

const importing = /(?:from|import)\s*\(?\s*'(\.[^']+)'|new URL\(\s*'(\.[^']+\.ts)'/g

/** A module, those that it imports or starts, in turn, and the files beside them that are no modules. */
function reached(module: string): ReadonlySet<string> {
  const found = new Set<string>()
  const visit = (file: string): void => {
    if (found.has(file) || !existsSync(file) || !statSync(file).isFile()) return
    found.add(file)
    if (extname(file) !== '.ts') return
    if (!file.includes('/test/')) for (const other of others(dirname(file))) found.add(other)
    for (const [, imported, started] of readFileSync(file, 'utf8').matchAll(importing))
      visit(resolve(dirname(file), (imported ?? started)!))
  }
  visit(module)
  return found
}

function others(path: string): readonly string[] {
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) => {
    if (entry.isFile()) return extname(entry.name) === '.ts' ? [] : [join(path, entry.name)]
    return entry.name === 'template' ? sourcesIn(join(path, entry.name)) : []
  })
}

function sourcesIn(path: string): readonly string[] {
  const entries = readdirSync(path, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))
  return entries.flatMap((entry) => {
    if (made.has(entry.name)) return []
    const inside = join(path, entry.name)
    if (entry.isDirectory()) return sourcesIn(inside)
    return entry.isFile() ? [inside] : []
  })
}

function read(file: string): Uint8Array | undefined {
  try {
    // No Buffer, whose `slice` is no copy: else a test would change what it is given when it is kept, and not when it is made.
    const bytes = new Uint8Array(readFileSync(file))
    const now = new Date()
    utimesSync(file, now, now)
    return bytes
  } catch {
    return undefined
  }
}

/** Whose maker is gone is free. */
function take(lock: string): boolean {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    try {
      process.kill(Number(readFileSync(lock, 'utf8')) || process.pid, 0)
    } catch {
      rmSync(lock, { force: true })
    }
    return false
  }
}

function prune(): void {
  for (const name of readdirSync(folder)) {
    const file = join(folder, name)
    const { mtimeMs } = statSync(file, { throwIfNoEntry: false }) ?? { mtimeMs: Date.now() }
    if (Date.now() - mtimeMs > keptMs) rmSync(file, { force: true })
  }
}

// Make: engine.wasm of the sources beside this file, byte for byte the same wherever it is made.
//
//   npm run engine              make it, and note in engine.json what it is made of
//   npm run engine -- --check   make it elsewhere, and compare
//
// Needs `python3` (for the compiler, a package of PyPI), `cargo` (for QuickJS, a crate) and the registries of both. Authors need
// none of it: engine.wasm is in the repository.

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('.', import.meta.url))
const contract = fileURLToPath(new URL('../../c/', import.meta.url))
const compiler = { package: 'ziglang', version: '0.17.1' }
const quickjs = { crate: 'libquickjs-ng-sys', version: '0.14.0', inside: 'embed/quickjs' }

/** As cargo has it of the registry. */
const quickjsChecksum = '9c81e864c33a1d1543f2f651d7622de0e8fb9b8e0c50b808eee606c056dd02e2'

const features = 'mvp+bulk_memory+sign_ext+nontrapping_fptoint+mutable_globals+multivalue'
const flags = [
  ...['-target', 'wasm32-wasi', `-mcpu=${features}`, '-g0', '-w'],
  ...['-DNDEBUG', '-D_GNU_SOURCE', '-fno-strict-aliasing', '-funsigned-char', '-fno-sanitize=undefined'],
]
// Hot is what runs for a command. Less is inlined than usual: 13 % of the size for 2 % of the time.
const hot = ['-O2', '-mllvm', '-inline-threshold=76']
const sources = { engine: hot, libregexp: ['-Os'], libunicode: ['-Os'], dtoa: ['-Os'] }
// 200 KiB of the stack are QuickJS's (load.c); what C needs below is the rest.
const link = [
  ...['-O2', '-s', '-mexec-model=reactor', '-Wl,--no-entry', '-Wl,-z,stack-size=262144', '-Wl,--gc-sections'],
  ...['-Wl,--export-memory', '-Wl,--export=__wasm_call_ctors'],
]
const optimize = ['bulk-memory', 'sign-ext', 'nontrapping-float-to-int', 'multivalue', 'mutable-globals']

function run(command: string, args: readonly string[], cwd: string): void {
  const env = { ...process.env, ZIG_GLOBAL_CACHE_DIR: join(cwd, 'cache'), ZIG_LOCAL_CACHE_DIR: join(cwd, 'cache') }
  try {
    execFileSync(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: Buffer }
    throw new Error(
      `${command} ${args.slice(0, 3).join(' ')} ... failed: ${stderr?.toString().slice(-2000) || message}`,
    )
  }
}

/** The sources of QuickJS, checked. @returns their folder below `work`. */
export function quickjsSources(work: string): string {
  const { crate, version, inside } = quickjs
  mkdirSync(join(work, 'fetch/src'), { recursive: true })
  writeFileSync(join(work, 'fetch/src/lib.rs'), '')
  const manifest = `[package]\nname = "fetch"\nversion = "0.0.0"\n[dependencies]\n${crate} = "=${version}"\n`
  writeFileSync(join(work, 'fetch/Cargo.toml'), manifest)
  run('cargo', ['vendor', '--quiet', '../vendor'], join(work, 'fetch'))
  const lock = readFileSync(join(work, 'fetch/Cargo.lock'), 'utf8')
  if (!lock.includes(`checksum = "${quickjsChecksum}"`)) throw new Error(`${crate} ${version} is not what it was`)
  return join(work, 'vendor', crate, inside)
}

function make(work: string): Uint8Array {
  const python = join(work, 'python/bin/python3')
  run('python3', ['-m', 'venv', 'python'], work)
  run(python, ['-m', 'pip', 'install', '--quiet', `${compiler.package}==${compiler.version}`], work)
  const from = quickjsSources(work)
  const src = join(work, 'src')
  mkdirSync(src)
  for (const file of readdirSync(from)) if (file.endsWith('.h')) cpSync(join(from, file), join(src, file))
  for (const name of ['quickjs', 'libregexp', 'libunicode', 'dtoa'])
    cpSync(join(from, `${name}.c`), join(src, `${name}.c`))
  cpSync(join(here, 'src'), src, { recursive: true })
  for (const name of ['innkeeper.c', 'innkeeper.h']) cpSync(join(contract, name), join(src, name))
  const compile = ['-m', 'ziglang', 'cc', ...flags, `-ffile-prefix-map=${src}=.`]
  for (const [name, options] of Object.entries(sources))
    run(python, [...compile, ...options, '-include', 'shim.h', '-c', `${name}.c`, '-o', `${name}.o`], src)
  const objects = Object.keys(sources).map((name) => `${name}.o`)
  run(python, [...compile, ...link, ...objects, '-o', 'engine.wasm'], src)
  const opt = ['-O2', ...optimize.map((feature) => `--enable-${feature}`), 'engine.wasm', '-o', 'small.wasm']
  run(
    process.execPath,
    [fileURLToPath(new URL('../../../node_modules/binaryen/bin/wasm-opt', import.meta.url)), ...opt],
    src,
  )
  return readFileSync(join(src, 'small.wasm'))
}

/** Of a file, or of the sources of the engine together. */
function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function noted(engine: Uint8Array): object {
  return {
    sha256: digest(engine),
    bytes: engine.length,
    quickjs: `crate ${quickjs.crate} ${quickjs.version}, SHA-256 ${quickjsChecksum}`,
    compiler: `${compiler.package} ${compiler.version} of PyPI`,
  }
}

if (process.argv[1] === import.meta.filename) {
  const work = mkdtempSync(join(tmpdir(), 'innkeeper-engine-'))
  try {
    const engine = make(work)
    const file = join(here, 'engine.wasm')
    if (process.argv.includes('--check')) {
      const same = Buffer.compare(engine, readFileSync(file)) === 0
      console.log(
        same ? 'engine.wasm is what its sources make' : 'engine.wasm is not what its sources make: run npm run engine',
      )
      process.exitCode = same ? 0 : 1
    } else {
      writeFileSync(file, engine)
      writeFileSync(join(here, 'engine.json'), `${JSON.stringify(noted(engine), null, 2)}\n`)
      console.log(`engine.wasm: ${(engine.length / 1024).toFixed(0)} KiB`)
    }
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

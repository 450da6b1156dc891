// Guards the engine of TypeScript guests, as a build uses it: it is what its sources make, and what it is made into says what it is.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readComponent } from '../../host/link/component.ts'
import { buildProject } from '../../sdk/build/build.ts'
import { LoadError, snapshot } from '../../sdk/build/languages/typescript/snapshot.ts'
import { tableOf } from '../../sdk/build/languages/typescript/table.ts'
import { run } from '../../sdk/build/run.ts'
import { protos } from '../support/protos.ts'
import { skip } from '../support/skip.ts'

const folder = fileURLToPath(new URL('../../sdk/typescript/engine/', import.meta.url))
const counter = fileURLToPath(new URL('../../guests/counter/typescript', import.meta.url))
const engine = new Uint8Array(await readFile(join(folder, 'engine.wasm')))

const Engine = suite('engine')

Engine('engine.json tells the bytes that are there', async () => {
  const noted = JSON.parse(await readFile(join(folder, 'engine.json'), 'utf8')) as { sha256: string; bytes: number }
  assert.is(noted.sha256, createHash('sha256').update(engine).digest('hex'))
  assert.is(noted.bytes, engine.length)
})

const rebuilt = 'engine.wasm is what its sources make, in another folder'
const missing = (['python3', 'cargo'] as const).find((tool) => spawnSync(tool, ['--version']).status !== 0)
if (missing !== undefined) skip(Engine, rebuilt, `${missing} was not found, which makes the engine`)
else
  Engine(rebuilt, async () => {
    const made = await run(process.execPath, [join(folder, 'make.ts'), '--check'], folder)
    assert.match(`${made.stdout}${made.stderr}`, 'engine.wasm is what its sources make')
  })

Engine('build.T5, snapshot.S4, table.B2: the same sources make the same component in another folder', async () => {
  const work = await mkdtemp(join(tmpdir(), 'innkeeper-test-'))
  try {
    // Beside the checkout's dependencies, where the SDK is found.
    const other = fileURLToPath(new URL('../../guests/build/elsewhere', import.meta.url))
    await cp(counter, other, { recursive: true, filter: (file) => !/\/(build|node_modules)$/.test(file) })
    const [a, b] = await Promise.all([
      buildProject(counter, { out: join(work, 'a.wasm') }),
      buildProject(other, { out: join(work, 'b.wasm') }),
    ])
    await rm(other, { recursive: true })
    assert.equal(await readFile(a.file), await readFile(b.file))
  } finally {
    await rm(work, { recursive: true })
  }
})

const minimal = `
  const refuse = () => { throw new Error('never called') }
  __innkeeper.words({ fault: String, unfit: refuse, metadata: refuse, entry: refuse, malformed: Error, answers: {},
    frozenMap: Map.prototype, frozenSet: Set.prototype })
  __innkeeper.component({ describe: refuse })`

Engine('snapshot.S1, snapshot.S3: compiler, set-up and interfaces of other kinds stay behind', () => {
  const names = (bytes: Uint8Array): string[] =>
    WebAssembly.Module.exports(new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>)).map(({ name }) => name)
  const core = snapshot(engine, minimal)
  assert.ok(names(engine).some((name) => name.startsWith('engine_')))
  assert.equal(names(core).sort(), [
    'cabi_post_innkeeper:guest/about@0.2.0#describe',
    'cabi_realloc',
    'innkeeper:guest/about@0.2.0#describe',
    'innkeeper_fault',
    'memory',
  ])
  // With the compiler it would be larger than the engine by what it has run.
  assert.ok(core.length < engine.length)
  assert.not.ok(Buffer.from(core).includes('never called in the source'))
})

Engine('snapshot.S2: it starts where it stopped, with all that was made while it loaded', () => {
  const text = 'abcdefghij'.repeat(400)
  const core = snapshot(engine, `globalThis.kept = '${text}'\n${minimal}`)
  assert.ok(Buffer.from(core).includes(text))
  const { memory } = new WebAssembly.Instance(new WebAssembly.Module(core as Uint8Array<ArrayBuffer>)).exports
  assert.ok(Buffer.from((memory as WebAssembly.Memory).buffer).includes(text))
})

Engine('load.L1: what loading used and gave back is in no component', () => {
  // 30 MB of garbage, of which 80 KB are left: what the allocator notes of free memory.
  const garbage = `for (let i = 0; i < 1000; i++) { const list = []; for (let k = 0; k < 1000; k++) list.push({ i, k: 'x' + k }) }`
  const [with_, without] = [snapshot(engine, `${garbage}\n${minimal}`), snapshot(engine, minimal)]
  assert.ok(with_.length < without.length * 1.3, `${with_.length} and ${without.length} bytes`)
})

Engine('what a bundle throws is told, and what does not parse', () => {
  for (const [script, words] of [
    ['throw new TypeError("no luck")', 'TypeError: no luck'],
    ['const = 1', 'SyntaxError: '],
    ['eval("1")', 'TypeError: eval is not supported'],
    ['new Function("return 1")', 'TypeError: eval is not supported'],
  ] as const)
    assert.throws(
      () => snapshot(engine, script),
      (error: Error) => error instanceof LoadError && error.message.startsWith(words),
      script,
    )
})

Engine('build.T1: a component is one module without imports', async () => {
  const work = await mkdtemp(join(tmpdir(), 'innkeeper-test-'))
  try {
    const { file } = await buildProject(counter, { out: join(work, 'counter.wasm') })
    const { modules } = readComponent(new Uint8Array(await readFile(file)))
    assert.is(modules.length, 1)
    assert.equal(WebAssembly.Module.imports(new WebAssembly.Module(modules[0]! as Uint8Array<ArrayBuffer>)), [])
  } finally {
    await rm(work, { recursive: true })
  }
})

Engine('table.B1: messages, enums and services have the names of the generated modules', async () => {
  const { schema } = await protos({
    'a.proto': `syntax = "proto3"; package a; enum Color { RED = 0; BLUE = 1; } message M { Color c = 1; oneof o { int64 x = 2; M m = 3; } map<string, M> by = 4; }
      service S { rpc Do(M) returns (stream M); }`,
  })
  const { table, modules } = tableOf(schema, ['a.proto'])
  assert.match(
    table,
    '["a.M",[["c",0],["o",1],["by",3]],[[1,14,0,0,"",-1,0],[2,3,8,1,"x",-1,0],[3,11,8,1,"m",0,0],[4,11,4,2,"",0,9]]]',
  )
  assert.is(
    modules.get('a.ts'),
    [
      "import { types } from 'innkeeper:table'",
      'export const Color = {"RED":0,"BLUE":1}',
      'export const M = types[0]',
      "export const S = { typeName: 'a.S', methods: { do: { name: 'Do', request: types[0], reply: types[0], shape: 'serverStream' } }, messages: { M: types[0] } }",
    ].join('\n'),
  )
})

Engine.run()

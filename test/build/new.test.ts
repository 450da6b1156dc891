// Guards the first minute of an author: new, install, build, test, with nothing but the packed SDK.
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { sourceMapOf } from '../../host/link/source-map.ts'
import { buildProject } from '../../sdk/build/build.ts'
import { testAssemblyScript } from '../../sdk/build/languages/assemblyscript/test.ts'
import { findC } from '../../sdk/build/languages/c/build.ts'
import { findGo } from '../../sdk/build/languages/go/build.ts'
import { findRust } from '../../sdk/build/languages/rust/build.ts'
import { findSwift } from '../../sdk/build/languages/swift/build.ts'
import { packSdk } from '../../sdk/build/languages/typescript/pack.ts'
import { newProject } from '../../sdk/build/new.ts'
import { readProject } from '../../sdk/build/read-project.ts'
import { MissingTool } from '../../sdk/build/toolchain.ts'
import { skip } from '../support/skip.ts'

const run = promisify(execFile)
const inn = fileURLToPath(new URL('../../host/bin/inn.mjs', import.meta.url))
const parent = await mkdtemp(join(tmpdir(), 'innkeeper-new-'))
// Packed once: what takes time is the compiler.
const packed = packSdk(join(parent, 'sdk'))
const New = suite('new')

New(
  'new.N2: a new project installs offline, passes its test, builds, and type-checks against the packed SDK',
  async () => {
    const folder = join(parent, 'my-tally')
    await newProject(folder)
    await run('npm', ['install', '--offline', '--no-audit', '--no-fund'], { cwd: folder })
    const { stdout } = await run(process.execPath, ['--test', '--test-reporter=tap'], { cwd: folder })
    assert.match(stdout, /# pass 2\n# fail 0/)
    const { bytes, services } = await buildProject(folder)
    assert.equal(services, ['my_tally.v1.MyTally'])
    assert.ok(bytes > 0)
    const service = join(folder, 'src/service.ts')
    const text = await readFile(service, 'utf8')
    await writeFile(service, `${text}\nconsole.log('loaded')\n`)
    const { file } = await buildProject(folder)
    assert.ok(sourceMapOf(await readFile(file))?.sources.includes('@innkeeper/sdk/dist/guest/component.js'))
    await writeFile(service, text.replace('value: after.value', 'valu: after.value'))
    await buildProject(folder).then(
      () => assert.unreachable(),
      (error: Error) => assert.match(error.message, /^src\/service\.ts:8:/),
    )
  },
)

for (const kind of ['value', 'replicated', 'action']) {
  New(`a new project of kind ${kind} passes its test and builds against the packed SDK`, async () => {
    const folder = join(parent, `my-${kind}`)
    await newProject(folder, { kind, sdk: `file:${await packed}` })
    await run('npm', ['install', '--offline', '--no-audit', '--no-fund'], { cwd: folder })
    const { stdout } = await run(process.execPath, ['--test', '--test-reporter=tap'], { cwd: folder })
    assert.match(stdout, /# pass 2\n# fail 0/)
    const { bytes } = await buildProject(folder)
    assert.ok(bytes > 0)
  })
}

New('a new project in AssemblyScript passes its tests and builds', async () => {
  const folder = join(parent, 'my-counts')
  await newProject(folder, { lang: 'assemblyscript' })
  const tested = await testAssemblyScript(readProject(folder))
  assert.equal(
    tested.map(({ failure }) => failure),
    [undefined, undefined],
  )
  const { services } = await buildProject(folder)
  assert.equal(services, ['my_counts.v1.MyCounts'])
})

/** `inn test` and `inn build` in a new project, as a person would type them. */
function native(lang: string, missing: MissingTool | unknown): void {
  const name = `a new project in ${lang} passes its tests and builds`
  if (missing instanceof MissingTool) {
    skip(New, name, missing.message)
    return
  }
  New(name, async () => {
    const folder = join(parent, `my-${lang}-counts`)
    await newProject(folder, { lang })
    await run(process.execPath, [inn, 'test'], { cwd: folder })
    const { stdout } = await run(process.execPath, [inn, 'build'], { cwd: folder })
    // A host that is started in the project takes none of its files for its own.
    await run(process.execPath, [inn, 'up', '--print-config'], { cwd: folder })
    assert.match(
      stdout,
      new RegExp(`serving my_${lang}_counts.v1.My${lang.charAt(0).toUpperCase()}${lang.slice(1)}Counts`),
    )
  })
}

native('c', await findC())
native('rust', await findRust())
native('go', findGo())
native('swift', findSwift())

New('build/new.N1: nothing is written over, and names and kinds that cannot be are refused', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'innkeeper-new-'))
  const refused = (options: Parameters<typeof newProject>[1], message: RegExp) =>
    newProject(folder, { name: 'a', ...options }).then(
      () => assert.unreachable(),
      (error: Error) => assert.match(error.message, message),
    )
  try {
    await refused({ name: '../a' }, /not a valid project name/)
    await refused({ lang: 'cobol' }, /does not exist; there are typescript, assemblyscript, rust, go, swift, c/)
    await refused({ lang: 'assemblyscript', kind: 'value' }, /has a template in TypeScript only/)
    await refused({ kind: 'blockchain' }, /does not exist; there are event-sourced, value, replicated, action/)
    await writeFile(join(folder, 'mine'), '')
    await refused({}, /is not empty/)
  } finally {
    await rm(folder, { recursive: true })
  }
})

New.after(() => rm(parent, { recursive: true }))

New.run()

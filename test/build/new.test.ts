// Guards new projects: what is written, and that it builds with nothing but the packed SDK (test/cli/new.test.ts types what is printed).
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { sourceMapOf } from '../../host/link/source-map.ts'
import { buildProject } from '../../sdk/build/build.ts'
import { newProject } from '../../sdk/build/new.ts'

const run = promisify(execFile)
const parent = await mkdtemp(join(tmpdir(), 'innkeeper-new-'))
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
    await refused({ kind: 'blockchain' }, /does not exist; there are event-sourced, value, replicated, action/)
    await writeFile(join(folder, 'mine'), '')
    await refused({}, /is not empty/)
  } finally {
    await rm(folder, { recursive: true })
  }
})

New.after(() => rm(parent, { recursive: true }))

New.run()

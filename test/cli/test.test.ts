// Guards `inn test`: no tests are no success, in any language, and a Node that is too old is named, and goes round where that can be.

import { chmodSync, cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { testsRan } from '../../sdk/build/tests-ran.ts'
import { temporary } from '../support/host.ts'
import { runInn } from '../support/inn.ts'
import { withProject } from '../support/project.ts'

const Tests = suite('inn test')

/** The project's own way of testing, as a script of npm. */
const ownScript = (script: string) => (text: string) =>
  text.replace('"test": "inn test"', `"test": ${JSON.stringify(script)}`)

Tests('test.T1: a run of no test fails and says what to do', async () => {
  const changes = { 'package.json': ownScript('node --test "test/*.nothing.ts"') }
  const { code, out, err } = await withProject(changes, (folder) => runInn(folder, ['test']))
  assert.match(out, /tests 0/)
  assert.is(code, 1)
  assert.match(err, /inn test: no test ran; write one \(sdk\/typescript\/README\.md shows how\)/)
})

Tests('test.T1: a run of tests is shown as it is, and the script of the template does not call itself', async () => {
  const { code, out } = await withProject({}, (folder) => runInn(folder, ['test']))
  assert.is(code, 0)
  assert.match(out, /adds up/)
  assert.not.match(out, /inn test/)
})

/** A folder with a `node` that is too old: it says its version, and runs nothing. */
function oldNode(folder: string): string {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'node'), '#!/bin/sh\necho v20.20.2\n')
  chmodSync(join(folder, 'node'), 0o755)
  return folder
}

Tests('test.T2: under a Node that is too old the tests run under that of inn, and a line says so', async () => {
  const place = temporary()
  const PATH = `${oldNode(place.path)}:${process.env['PATH']}`
  const script = ownScript('node --test test/service.test.ts')
  const none = await withProject({ 'package.json': script }, (folder) =>
    runInn(folder, ['test'], { PATH: join(place.path, 'nothing') }),
  )
  assert.is(none.code, 1)
  assert.match(none.err, /npm was not found\. Install npm/)
  // Within the checkout, whose node_modules npm puts before the PATH, the pinned Node would be found: the template says which runs.
  const where = (text: string): string => `console.log('under', process.version)\n${text}`
  const changes = { 'test/service.test.ts': where, 'package.json': script }
  const { code, out, err } = await withProject(changes, (folder) => {
    const moved = join(place.path, 'moved')
    cpSync(folder, moved, { recursive: true })
    symlinkSync(modulesOf(place.path), join(moved, 'node_modules'))
    return runInn(moved, ['test'], { PATH })
  })
  assert.is(code, 0, err)
  assert.match(err, /the tests need Node 22\.18 or newer, and the Node on the PATH is v20\.20\.2; they run under v\d+/)
  assert.match(out, new RegExp(`^under ${process.version}$`, 'm'))
  assert.match(out, /adds up/)
})

/** node_modules with the SDK and no Node. */
function modulesOf(place: string): string {
  const modules = join(place, 'modules')
  mkdirSync(modules)
  symlinkSync(fileURLToPath(new URL('../../node_modules/@innkeeper', import.meta.url)), join(modules, '@innkeeper'))
  return modules
}

Tests("test.T2: a project's own Node that is too old is refused, naming it and the one that is needed", async () => {
  const changes = { 'package.json': ownScript('node --test') }
  const { code, out, err } = await withProject(changes, (folder) => {
    oldNode(join(folder, 'node_modules/.bin'))
    return runInn(folder, ['test'])
  })
  assert.is(code, 1)
  assert.is(out, '')
  assert.match(err, /^inn test: the tests need Node 22\.18 or newer, and the project's own is v20\.20\.2 \(/)
  assert.match(err, /npm install --save-dev node@24$/m)
})

const rustResult = (passed: number): string =>
  `\nrunning ${passed + 1} tests\n\ntest result: ok. ${passed} passed; 0 failed; 1 ignored; 0 measured; 0 filtered out\n`

Tests('test.T1: every tool is understood, with tests and without', () => {
  const outputs: readonly [Parameters<typeof testsRan>[0], none: string, some: string][] = [
    ['typescript', '\u001b[34mℹ tests 0\u001b[39m\nℹ pass 0\nℹ skipped 0\n', 'ℹ tests 2\nℹ pass 2\nℹ skipped 0\n'],
    ['typescript', '1..0\n# tests 0\n# pass 0\n# skipped 0\n', '# tests 1\n# pass 1\n# skipped 0\n'],
    ['typescript', 'ℹ tests 2\nℹ pass 0\nℹ skipped 2\n', 'ℹ tests 2\nℹ pass 1\nℹ skipped 1\n'],
    ['typescript', '\n  0 passing (2ms)\n', '\n  10 passing (2ms)\n'],
    ['typescript', '  Total:     0\n  Passed:    0\n', '  Total:     3\n  Passed:    3\n'],
    ['typescript', 'No tests found, exiting with code 0\n', 'Tests:       1 passed, 1 total\n'],
    ['rust', rustResult(0) + rustResult(0), rustResult(0) + rustResult(1) + rustResult(0)],
    ['c', "make: Nothing to be done for 'test'.\n", '1 of 1 tests passed\n'],
    ['c', "make: 'test' is up to date.\n", 'a harness of its own says OK\n'],
    ['c', '0 of 0 tests passed\n', 'build/rules\n2 of 2 tests passed\n'],
    ['go', '?   \ttally\t[no test files]\n', '?   \ttally/gen\t[no test files]\nok  \ttally\t0.004s\n'],
    ['go', 'ok  \ttally\t0.004s [no tests to run]\n', 'ok  \ttally\t(cached)\n'],
  ]
  for (const [language, none, some] of outputs) {
    assert.not(testsRan(language, none), `${language}: ${none}`)
    assert.ok(testsRan(language, some), `${language}: ${some}`)
  }
})

Tests('tests-ran.R1: what is not understood counts as tests', () => {
  assert.ok(testsRan('typescript', 'Total: 3, passed: 3'))
})

Tests.run()

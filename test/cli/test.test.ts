// Guards `inn test`: no tests are no success, in any language, and a Node that is too old is named before anything is built.

import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { testsRan } from '../../sdk/build/tests-ran.ts'
import { temporary } from '../support/host.ts'
import { runInn } from '../support/inn.ts'
import { withProject } from '../support/project.ts'

const Tests = suite('inn test')

Tests('test.T1: a run of no test fails and says what to do', async () => {
  const nowhere = (text: string): string => text.replace('test/service.test.ts', '\\"test/*.nothing.ts\\"')
  const { code, out, err } = await withProject({ 'package.json': nowhere }, (folder) => runInn(folder, ['test']))
  assert.match(out, /tests 0/)
  assert.is(code, 1)
  assert.match(err, /inn test: no test ran; write one \(sdk\/typescript\/README\.md shows how\)/)
})

Tests('test.T1: a run of tests is shown as it is', async () => {
  const { code, out } = await withProject({}, (folder) => runInn(folder, ['test']))
  assert.is(code, 0)
  assert.match(out, /adds up/)
})

Tests('test.T2: a Node that is too old is refused, naming it and the one that is needed', async () => {
  const place = temporary()
  const folder = join(place.path, 'tally')
  const bin = join(place.path, 'bin')
  await runInn(place.path, ['new', 'tally'])
  mkdirSync(bin)
  writeFileSync(join(bin, 'node'), '#!/bin/sh\necho v20.20.2\n')
  chmodSync(join(bin, 'node'), 0o755)
  const { engines } = JSON.parse(readFileSync(new URL('../../host/package.json', import.meta.url), 'utf8')) as {
    engines: { node: string }
  }
  assert.is(engines.node, '>=22.18')
  const old = await runInn(folder, ['test'], { PATH: bin })
  assert.is(old.code, 1)
  assert.is(old.out, '')
  assert.match(
    old.err,
    /^inn test: the tests need Node 22\.18 or newer, and the Node on the PATH is v20\.20\.2\. Install/,
  )
  const none = await runInn(folder, ['test'], { PATH: join(place.path, 'nothing') })
  assert.is(none.code, 1)
  assert.match(none.err, /^inn test: the tests need Node 22\.18 or newer, and there is no Node on the PATH\. Install/)
})

Tests('test.T1: every tool is understood, with tests and without', () => {
  const outputs: readonly [Parameters<typeof testsRan>[0], none: string, some: string][] = [
    ['typescript', '\u001b[34mℹ tests 0\u001b[39m\nℹ pass 0\n', 'ℹ tests 2\nℹ pass 2\n'],
    ['typescript', '1..0\n# tests 0\n# pass 0\n', '# tests 1\n# pass 1\n'],
    ['rust', '\nrunning 0 tests\n\nrunning 0 tests\n', '\nrunning 0 tests\n\nrunning 1 test\n\nrunning 0 tests\n'],
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

// Guards what authors see when something is wrong: every mistake with its file, line and column, in one format.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { problemsOf } from '../support/project.ts'

const Build = suite('build')
const service = 'src/service.ts'

Build('a project that is right builds', async () => {
  assert.equal(await problemsOf({}), [])
})

Build('mistakes in a .proto are told at their line', async () => {
  const problems = await problemsOf({ 'proto/tally.proto': (text) => text.replace('int64 value', 'int65 value') })
  assert.equal(problems, ['proto/tally.proto:32:3: cannot find `int65` in this scope'])
})

Build('mistakes in types and forbidden globals are told together', async () => {
  const problems = await problemsOf({
    [service]: (text) => text.replace('value: 0n', 'value: BigInt(Date.now())').replace('state.value', 'state.valu'),
  })
  assert.is(problems.length, 2)
  assert.match(problems[0]!, /^src\/service\.ts:14:\d+: TS2551: Property 'valu' does not exist/)
  assert.is(problems[1], 'src/service.ts:5:26: Date is not available in a service: use context.now')
})

Build('an import that is not there is told with its module', async () => {
  const problems = await problemsOf({ [service]: (text) => `${text}\nimport 'left-pad'\nimport './nowhere.ts'` })
  assert.ok(
    problems.some((line) => /^src\/service\.ts.*left-pad/.test(line)),
    problems.join('\n'),
  )
  assert.ok(
    problems.some((line) => /^src\/service\.ts.*nowhere/.test(line)),
    problems.join('\n'),
  )
})

Build('a syntax error is told at its line', async () => {
  const problems = await problemsOf({ [service]: (text) => `${text}\nconst = 1\n` })
  assert.match(problems[0]!, /^src\/service\.ts:18:\d+: TS/)
})

Build('what the module throws when it is loaded is told', async () => {
  const problems = await problemsOf({
    [service]: (text) =>
      `${text}\nif (valueOf() !== 1) throw new Error('no luck')\nfunction valueOf(): number { return 2 }`,
  })
  assert.equal(problems, ['src/service.ts: the service module throws when it is loaded: Error: no luck'])
})

Build('a dependency that uses a forbidden global when it is loaded is named by what it wanted', async () => {
  const problems = await problemsOf({
    'src/node_modules/clock/package.json': '{ "name": "clock", "type": "module", "exports": "./index.js" }',
    'src/node_modules/clock/index.js': 'export const start = Date.now()',
    'src/node_modules/clock/index.d.ts': 'export const start: number',
    [service]: (text) => `import { start } from 'clock'\n${text.replace('0n }', 'BigInt(start) }')}`,
  })
  assert.equal(problems, [
    'src/service.ts: the service module throws when it is loaded: TypeError: Date is not available in a service: use context.now',
  ])
})

Build('a project without its parts says all that is missing', async () => {
  const problems = await problemsOf({
    'package.json': '{ "innkeeper": { "entry": "src/no.ts", "files": ["no.proto"] } }',
  })
  assert.is(problems.length, 2)
  assert.match(problems[0]!, /^src\/no\.ts: is missing/)
  assert.match(problems[1]!, /^proto\/no\.proto: is missing/)
})

Build.run()

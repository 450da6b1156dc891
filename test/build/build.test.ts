// Guards what authors see when something is wrong: every mistake with its file, line and column, in one format.
import { readFile } from 'node:fs/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { buildProject } from '../../sdk/build/build.ts'
import { generateAssemblyScript } from '../../sdk/build/languages/assemblyscript/code.ts'
import { problemsOf, withProject } from '../support/project.ts'
import { protos } from '../support/protos.ts'
import { transpiled } from '../support/transpiled.ts'

const Build = suite('build')
const service = 'src/service.ts'

Build('a project that is right builds', async () => {
  assert.equal(await problemsOf({}), [])
})

Build('mistakes in a .proto are told at their line', async () => {
  const problems = await problemsOf({ 'proto/tally.proto': (text) => text.replace('int64 value', 'int65 value') })
  assert.equal(problems, ['proto/tally.proto:32:3: cannot find `int65` in this scope'])
})

Build('build.T2, build.B1: mistakes in types and forbidden globals are told together', async () => {
  const problems = await problemsOf({
    [service]: (text) => text.replace('value: 0n', 'value: BigInt(Date.now())').replace('state.value', 'state.valu'),
  })
  assert.is(problems.length, 2)
  assert.match(problems[0]!, /^src\/service\.ts:14:\d+: TS2551: Property 'valu' does not exist/)
  assert.is(problems[1], 'src/service.ts:5:26: Date.now is not available in a service: use context.now')
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

Build('load-bundle.N2: what the module throws when it is loaded is told', async () => {
  const problems = await problemsOf({
    [service]: (text) =>
      `${text}\nif (valueOf() !== 1) throw new Error('no luck')\nfunction valueOf(): number { return 2 }`,
  })
  assert.equal(problems, ['src/service.ts: the service module throws when it is loaded: Error: no luck'])
})

Build('prelude.P4: a dependency may look for what is not there, and for the global object', async () => {
  const probing = [
    "export const production = process.env.NODE_ENV === 'production'",
    'export const machine = typeof process + typeof navigator + typeof require + typeof Buffer',
    "export const root = Function('return this')() === globalThis && new Function('return this')() === globalThis",
    "if (!production || machine !== 'undefined'.repeat(4) || !root) throw new Error(machine)",
  ]
  const files = (lines: readonly string[]) => ({
    'src/node_modules/probing/package.json': '{ "name": "probing", "type": "module", "exports": "./index.js" }',
    'src/node_modules/probing/index.js': lines.join('\n'),
    'src/node_modules/probing/index.d.ts': 'export {}',
    [service]: (text: string) => `${text}\nimport 'probing' // ${lines[0]}\n`,
  })
  assert.equal(await problemsOf(files(probing)), [])
  assert.equal(await problemsOf(files(['globalThis.seen = navigator.userAgent'])), [
    'src/service.ts: the service module throws when it is loaded: ReferenceError: navigator is not defined: a component has no machine to look at',
  ])
  assert.equal(await problemsOf(files(["Function('return 1')"])), [
    'src/service.ts: the service module throws when it is loaded: TypeError: Function() is not available in a service: a component has no compiler; write the function down',
  ])
})

Build('a dependency that uses a forbidden global when it is loaded is named by what it wanted', async () => {
  const problems = await problemsOf({
    'src/node_modules/clock/package.json': '{ "name": "clock", "type": "module", "exports": "./index.js" }',
    'src/node_modules/clock/index.js': 'export const start = Date.now()',
    'src/node_modules/clock/index.d.ts': 'export const start: number',
    [service]: (text) => `import { start } from 'clock'\n${text.replace('0n }', 'BigInt(start) }')}`,
  })
  assert.equal(problems, [
    'src/service.ts: the service module throws when it is loaded: TypeError: Date.now is not available in a service: use context.now',
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

const twoKinds = `
syntax = "proto3";
package two.v1;
import "innkeeper/options.proto";
service Notes { rpc Put(Note) returns (Note); }
service Hello { rpc Say(Note) returns (stream Note); }
message Note { string id = 1 [(innkeeper.entity_key) = true]; string text = 2; }
`
const twoServices = `
import { action, end, json, serverStream, update, value } from '@innkeeper/sdk'
import { Hello, Notes } from './gen/tally.ts'
export default [
  action(Hello, { methods: { say: serverStream({ start: (note) => note, next: (note) => end(note) }) } }),
  value(Notes, { value: json<{ text: string }>(), decide: { put: (_, note) => update({ text: note.text }).reply(note) } }),
]
`

Build('typescript.T3, component.M1: a component exports the interfaces of its kinds, and no others', async () => {
  const changes = { 'proto/tally.proto': twoKinds, [service]: twoServices, 'test/service.test.ts': '' }
  const exported = await withProject(changes, async (folder) => {
    const { file } = await buildProject(folder)
    return Object.keys(await transpiled<object>(new Uint8Array(await readFile(file)), 'two'))
  })
  assert.equal(exported.filter((name) => name.startsWith('innkeeper:')).sort(), [
    'innkeeper:guest/about@0.2.0',
    'innkeeper:guest/action@0.2.0',
    'innkeeper:guest/value@0.2.0',
  ])
})

Build('a kind that cannot stream, and a module without a service, are told in a sentence', async () => {
  const streaming = { 'proto/tally.proto': (text: string) => text.replace('(GetRequest) returns (', '$&stream ') }
  const types = await problemsOf(streaming)
  assert.match(types.join('\n'), /^src\/service\.ts:11:\d+: a method that streams belongs into an action \(TS2322\)/)
  const loading = await problemsOf({
    ...streaming,
    [service]: (text) => `// @ts-nocheck\n${text}`,
  })
  assert.equal(loading, [
    'src/service.ts: the service module throws when it is loaded: TypeError: tally.v1.Tally/Get: an event-sourced service has no methods that reply a stream; an action has',
  ])
  const nothing = await problemsOf({ [service]: 'export default []' })
  assert.equal(nothing, [
    'src/service.ts: the service module throws when it is loaded: TypeError: the service module exports no service',
  ])
})

Build('load-bundle.N1: a module that never ends loading is told', async () => {
  const [problem] = await problemsOf({ [service]: (text) => `${text}\nfor (let n = 0; ; n++) if (n < 0) break` })
  assert.match(problem!, /throws when it is loaded: it took more than 5 seconds; is there an endless loop/)
})

Build('AssemblyScript: a service has a class for each kind that its methods allow', async () => {
  const { schema } = await protos({ 'two.proto': twoKinds })
  const [file] = generateAssemblyScript(schema, ['two.proto'])
  const classes = [...file!.text.matchAll(/export abstract class (\w+)/g)].map((match) => match[1])
  assert.equal(
    classes.filter((name) => name!.startsWith('Hello')),
    ['HelloReplicated', 'HelloAction'],
  )
})

Build.run()

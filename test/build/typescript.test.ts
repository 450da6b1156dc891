// Guards what an operator learns of a TypeScript service: the words of its faults, at the author's line, and what it logs.
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { sourceMapOf } from '../../host/link/source-map.ts'
import { buildProject } from '../../sdk/build/build.ts'
import { Failing, faultOf, line, packageName } from '../support/failing.ts'
import { problemsOf, withProject } from '../support/project.ts'

const failing = await Failing.open('failing', 'src/service.ts')
const wordsOf = (what: string): string => failing.words(what)
const placeOf = (what: string): string => failing.place(what)

const TypeScript = suite('typescript')

TypeScript('build.T4: a throw is told with its place, its name and its message, and then the stack', () => {
  for (const [what, words] of [
    ['error', 'Error: boom'],
    ['own', 'Corrupt: the record is corrupt'],
    ['unicode', 'Error: größer 日本'],
    ['getter', 'Error, whose message is no text'],
    ['half', 'Error: half \ufffd of a pair'],
    ['missing', "TypeError: cannot read property 'name' of undefined"],
    ['length', 'RangeError: invalid array length'],
    ['bigint', 'RangeError: BigInt division by zero'],
    ['json', "SyntaxError: Expected property name or '}' in JSON at position 1 (line 1 column 2)"],
    [
      'forbidden',
      'TypeError: fetch is not available in a service: a component reaches nothing; send a command with .effect() or .forward()',
    ],
    [
      'refusal of half a pair',
      'RangeError: the message of a refusal has half of a surrogate pair, which UTF-8 cannot carry',
    ],
    ['header of half a pair', 'RangeError: metadata x-half has half of a surrogate pair, which UTF-8 cannot carry'],
  ] as const) {
    const [first, ...stack] = wordsOf(what).split('\n')
    assert.is(first, `${placeOf(what)}: ${words}`)
    assert.ok(
      stack.some((frame) => frame.includes(`(${placeOf(what)})`)),
      stack.join('\n'),
    )
    assert.not.match(stack.join('\n'), /service\.js|\/sdk\/typescript/)
  }
  assert.match(
    wordsOf('refusal without a code'),
    `${placeOf('refusal without a code')}: RangeError: refuse: NO_SUCH is no code`,
  )
  assert.match(wordsOf('reply that throws'), `${placeOf('error')}: Error: boom\n`)
})

TypeScript('the cause of an error is told with it', () => {
  const words = wordsOf('cause')
  assert.ok(words.startsWith(`${placeOf('cause')}: RangeError: outer\n    at `))
  assert.match(words, '\ncaused by Corrupt: inner is corrupt\n    at ')
})

TypeScript('what is thrown and is no Error is told as it is', () => {
  assert.is(wordsOf('text'), "'only words' was thrown, which is no Error")
  assert.is(wordsOf('object'), "{ code: 5, reasons: [ 'a', 'b' ] } was thrown, which is no Error")
  assert.is(wordsOf('undefined'), 'undefined was thrown, which is no Error')
})

TypeScript('a long message leaves room for its place', () => {
  const words = wordsOf('long')
  assert.ok(words.startsWith(`${placeOf('long')}: Error: üüü`))
  assert.match(words, `...\n    at `)
})

TypeScript('a misuse of the SDK is told in a sentence', () => {
  const method = 'test.failing.v1.Events/Do'
  const half = 'a string has half of a surrogate pair, which UTF-8 cannot carry'
  for (const [what, words] of [
    ['nothing', `TypeError: ${method} answered neither accept nor refuse`],
    ['promise', `TypeError: ${method} answered neither accept nor refuse`],
    ['no reply', `TypeError: ${method} accepts without a reply or a forward`],
    ['reply of nothing', `TypeError: ${method} replies undefined, not a test.failing.v1.Done`],
    ['event without evolve', `TypeError: ${method} emits test.failing.v1.Forgotten, which has no evolve`],
    ['event without a type', `TypeError: ${method} emits something that no message type made, which has no evolve`],
    ['fold of nothing', 'TypeError: test.failing.v1.Events: evolve of test.failing.v1.Happened returns no state'],
  ] as const)
    assert.is(wordsOf(what).split('\n')[0], words, what)
  // The engine encodes when the author's code is done: the field is named instead of a line.
  const bigint = 'a field of type int64 cannot hold 5; 64-bit fields take a bigint, such as 1n'
  for (const [what, words] of [
    ['reply of a number', `test.failing.v1.Done.number: ${bigint}`],
    ['reply of half a pair', `test.failing.v1.Done.text: ${half}`],
    ['event of half a pair', `test.failing.v1.Happened.text: ${half}`],
    ['event of a number', 'test.failing.v1.Happened.text: a field of type string cannot hold 5'],
  ] as const)
    assert.is(wordsOf(what), `RangeError: ${words}`)
})

TypeScript('a recursion without an end is told at its line', () => {
  const { message, words } = failing.fault('deep')
  assert.is(message, 'the function trapped')
  assert.match(words!, /^src\/service\.ts:\d+: RangeError: Maximum call stack size exceeded/)
})

TypeScript('every function leaves its words', () => {
  for (const [index, call] of failing.calls('error').entries()) {
    const { words = '' } = faultOf(call)
    // evolve is given an event that it does not know.
    if (index === 1) assert.match(words, `TypeError: ${packageName}.Events has no evolve for ${packageName}.Forgotten`)
    else assert.ok(words.startsWith(`${placeOf('error')}: Error: boom\n`), words)
  }
})

TypeScript('lines go with the outcome of their command, in a batch too', () => {
  const lines = [line('debug', 'deciding log { n: 1n }'), line('error', 'folding a')]
  const logged = [...lines, line('warn', 'replying half \ufffd of a pair')]
  const logs = failing.decide('log', 'say nothing', 'log', 'say nothing').map(({ outcome }) => outcome.logs)
  assert.equal(logs, [logged, [], logged, []])
})

TypeScript('lines of a replay are dropped', () => {
  failing.replay()
  assert.equal(failing.decide('say nothing')[0]!.outcome.logs, [])
})

TypeScript('a decision that the host renders has its lines once', () => {
  assert.equal(failing.rendered(), [line('info', 'deciding'), line('info', 'replying log')])
})

TypeScript('lines of a subscriber that is told nothing go out all the same', () => {
  const [quiet, talking] = failing.told('', 'told')
  assert.is(quiet?.outcome, undefined)
  assert.is(talking?.outcome?.answer.kind, 'none')
  assert.equal(talking?.outcome?.logs, [line('info', 'told')])
})

TypeScript('lines of a stream go with the next output, and after the last with one that says nothing', () => {
  assert.equal(failing.chat('', 'a', ''), [
    ['message', 'heard ', 'heard a'],
    ['none', 'heard '],
  ])
})

TypeScript(
  'console has a type where neither Node nor a browser gives it one, and no second where they do',
  async () => {
    const logging = (text: string): string => `${text}\nconsole.log('loaded', 1n)\n`
    const tsconfig = (change: object) => (text: string) => {
      const config = JSON.parse(text) as { compilerOptions: object }
      return JSON.stringify({ ...config, compilerOptions: { ...config.compilerOptions, ...change } })
    }
    for (const change of [{}, { lib: ['es2023', 'dom'] }, { types: ['node'] }, { skipLibCheck: false }]) {
      const changes = { 'src/service.ts': logging, 'tsconfig.json': tsconfig(change) }
      assert.equal(await problemsOf(changes), [], JSON.stringify(change))
    }
    const [problem] = await problemsOf({
      'src/service.ts': (text) => `${text}\nconsole.time('x')\n`,
      'tsconfig.json': tsconfig({ types: ['node'] }),
    })
    assert.match(problem!, /^src\/service\.ts:18:1: console\.time is not available in a service: use context\.now$/)
  },
)

TypeScript('the map names sources as they are called in every folder, and brings neither names nor texts', () => {
  const map = sourceMapOf(failing.component)!
  assert.equal(Object.keys(map), ['file', 'sources', 'mappings'])
  assert.is(map.file, 'service.js')
  for (const name of ['src/service.ts', 'src/corrupt.ts', 'src/gen/failing.ts', '@innkeeper/sdk/guest/component.ts'])
    assert.ok(map.sources.includes(name), name)
  assert.equal(
    map.sources.filter((name) => !/^(src|@innkeeper)\/[\w/.-]+$/.test(name)),
    [],
  )
})

TypeScript('a map that is too large stays behind, and the author is told', async () => {
  const long = (text: string): string =>
    `${text}\nlet n = 0\nfunction f(): void {\n  n++\n}\n${'f()\n'.repeat(230_000)}`
  const { file, warnings } = await withProject({ 'src/service.ts': long }, async (project) => {
    const { file, warnings } = await buildProject(project)
    return { file: await readFile(file), warnings }
  })
  assert.is(sourceMapOf(file), undefined)
  assert.equal(warnings, ['the source map is too large to go along: faults name places in the bundle'])
})

/** A library with these lines, and a service that takes `part` of it. */
const withLibrary = (lines: readonly string[], part: string) => ({
  'src/node_modules/chancy/package.json':
    '{ "name": "chancy", "type": "module", "exports": "./index.js", "sideEffects": false }',
  'src/node_modules/chancy/index.js': lines.join('\n'),
  'src/node_modules/chancy/index.d.ts': `export const ${part}: () => string`,
  'src/service.ts': (text: string) => `import { ${part} } from 'chancy'\nconsole.log(String(${part}))\n${text}`,
})

TypeScript(
  'a library that asks for time or chance is named, with its line, where that is left in the component',
  async () => {
    const lines = [
      'export const id = (at) => String(at ?? Date.now())',
      "export const pure = () => 'pure'",
      'export const any = () => String(Math.random())',
    ]
    const warned = (part: string) =>
      withProject(withLibrary(lines, part), async (project) => (await buildProject(project)).warnings)
    assert.equal(await warned('id'), [
      'src/node_modules/chancy/index.js:1:40: chancy uses Date.now, which fails in a component when a call gets there; use context.now',
    ])
    assert.match((await warned('any'))[0]!, 'index.js:3:33: chancy uses Math.random, which fails')
    assert.equal(await warned('pure'), [])
  },
)

TypeScript('an import of what Node brings is refused in the file that has it, with the library', async () => {
  const lines = ["import { randomBytes } from 'node:crypto'", 'export const id = () => randomBytes(4).join()']
  assert.equal(await problemsOf(withLibrary(lines, 'id')), [
    'src/node_modules/chancy/index.js:1: chancy imports node:crypto, which a component cannot reach',
  ])
})

// The picture of the memory is another with every build: QuickJS's runtime has tables in an order of chance.
TypeScript('the same sources make the same map in another folder', async () => {
  const other = await mkdtemp(join(failing.folder, '../../gen/failing-elsewhere-'))
  try {
    await cp(failing.folder, other, { recursive: true })
    const { file } = await buildProject(other)
    assert.equal(sourceMapOf(await readFile(file)), sourceMapOf(failing.component))
  } finally {
    await rm(other, { recursive: true })
  }
})

TypeScript.run()

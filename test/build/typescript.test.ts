// Guards what an operator learns of a TypeScript service: the words of its faults, at the author's line, and what it logs.
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { buildProject } from '../../host/build/build.ts'
import { link } from '../../host/deploy/link.ts'
import { sourceMapOf } from '../../host/deploy/source-map.ts'
import type { GuestCommand } from '../../host/guest/guest.ts'
import { GuestFault } from '../../host/guest/guest.ts'
import { load } from '../../host/guest/load.ts'
import { defaultLimits } from '../../host/limits.ts'
import type { LogLine } from '../../host/outcome.ts'
import { loadSchema } from '../../host/schema/load.ts'
import { toMessage } from '../../host/transcode/to-message.ts'
import { fixture } from '../support/components.ts'
import { problemsOf, withProject } from '../support/project.ts'

const folder = fileURLToPath(new URL('../fixtures/guests/failing/', import.meta.url))
const source = (await readFile(join(folder, 'src/service.ts'), 'utf8')).split('\n')
const component = (await fixture('failing')).bytes
const generated = (await readFile(join(folder, 'src/gen/failing.ts'), 'utf8')).split('\n')
const linked = await link(component, defaultLimits)
if (!linked.ok) throw new Error(linked.reasons.join('\n'))
const { artefact } = linked
const schema = loadSchema(artefact.description.descriptors)
const request = schema.messages.get('test.failing.v1.DoRequest')!
const { eventSourced, value, replicated, action } = load(artefact, defaultLimits)

function command(what: string, method = 'Do'): GuestCommand {
  return { method, payload: payload(what), metadata: [], nowMs: 1, seed: new Uint8Array(16) }
}

function payload(what: string): Uint8Array {
  return toMessage(schema, request, { id: 'a', what })
}

function decide(...whats: readonly string[]) {
  const commands = whats.map((what) => command(what))
  const decided = eventSourced!.decide('test.failing.v1.Events', 'a', { kind: 'initial' }, commands, false)
  if (decided.kind !== 'decided') throw new Error('nothing was held')
  return decided.decisions
}

function fault(run: () => unknown): GuestFault {
  try {
    run()
  } catch (error) {
    if (error instanceof GuestFault) return error
    throw error
  }
  throw new Error('no fault')
}

const wordsOf = (what: string): string => fault(() => decide(what)).words ?? ''
/** Where the service fails that way: the line that ends in its name. */
const placeOf = (what: string): string =>
  `src/service.ts:${source.findIndex((line) => line.endsWith(`// ${what}`)) + 1}`

const TypeScript = suite('typescript')

TypeScript('a throw is told with its place, its name and its message, and then the stack', () => {
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
    ['forbidden', 'TypeError: Date is not available in a service: use context.now'],
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
    assert.ok(stack.some((frame) => /^ {4}at decide \(@innkeeper\/sdk\/guest\/event-sourced\.ts:\d+\)$/.test(frame)))
    assert.not.match(stack.join('\n'), /service\.js|componentize|\/sdk\/typescript/)
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
  // The place is the field's line in the generated code.
  const field = (line: string): string => `src/gen/failing.ts:${generated.findIndex((text) => text.includes(line)) + 1}`
  const [number, done] = ['out.int64(m.number)', `RangeError: test.failing.v1.Done`]
  const happened = 'RangeError: test.failing.v1.Happened'
  const bigint = 'a field of type int64 cannot hold 5; 64-bit fields take a bigint, such as 1n'
  assert.match(wordsOf('reply of a number'), `${field(number)}: ${done}: ${bigint}\n`)
  assert.match(wordsOf('reply of half a pair'), `: ${done}: ${half}\n`)
  assert.match(wordsOf('event of half a pair'), `: ${happened}: ${half}\n`)
  assert.match(wordsOf('event of a number'), `: ${happened}: a field of type string cannot hold 5\n`)
  assert.match(wordsOf('event of a number'), /^src\/gen\/failing\.ts:\d+: /)
})

TypeScript('a recursion without an end has the words of the host', () => {
  const { message, words } = fault(() => decide('deep'))
  assert.is(message, 'the function ran out of stack: a recursion without an end?')
  assert.is(words, undefined)
})

TypeScript('every function leaves its words', () => {
  const unfolded = { typeName: 'test.failing.v1.Forgotten', data: new Uint8Array() }
  const events = 'test.failing.v1.Events'
  const evolving = fault(() => eventSourced!.evolve(events, 'a', { kind: 'initial' }, [unfolded], false))
  assert.match(evolving.words ?? '', 'TypeError: test.failing.v1.Events has no evolve for test.failing.v1.Forgotten')
  const view = new Uint8Array()
  const boom = `${placeOf('error')}: Error: boom\n`
  for (const run of [
    () => value!.decide('test.failing.v1.Values', 'a', { kind: 'absent' }, [command('error')]),
    () => replicated!.decide('test.failing.v1.Members', 'a', view, command('error')),
    () => replicated!.render('test.failing.v1.Members', 'a', view, command('error'), view),
    () => action!.call('test.failing.v1.Actions', [command('error')]),
  ])
    assert.ok(fault(run).words?.startsWith(boom))
})

const line = (level: LogLine['level'], text: string): LogLine => ({ level, text })

TypeScript('lines go with the outcome of their command, in a batch too', () => {
  const lines = [line('debug', 'deciding log { n: 1n }'), line('error', 'folding a')]
  const logged = [...lines, line('warn', 'replying half \ufffd of a pair')]
  const logs = decide('log', 'say nothing', 'log', 'say nothing').map(({ outcome }) => outcome.logs)
  assert.equal(logs, [logged, [], logged, []])
})

TypeScript('lines of a replay are dropped', () => {
  const events = 'test.failing.v1.Events'
  const [decision] = decide('log')
  const evolved = eventSourced!.evolve(events, 'a', { kind: 'initial' }, decision!.events, true)
  assert.is(evolved.kind, 'held')
  assert.equal(decide('say nothing')[0]!.outcome.logs, [])
})

TypeScript('a decision that the host renders has its lines once', () => {
  const members = 'test.failing.v1.Members'
  // It exists, as a register with the text "log".
  const view = Uint8Array.from([8, 1, 18, 9, 42, 7, 10, 5, 10, 3, 108, 111, 103])
  const { answer } = replicated!.decide(members, 'a', view, command('log'))
  if (answer.kind !== 'after') throw new Error(`answered ${answer.kind}`)
  const { logs } = replicated!.render(members, 'a', view, command('log'), answer.note)
  assert.equal(logs, [line('info', 'deciding'), line('info', 'replying log')])
})

TypeScript('lines of a subscriber that is told nothing go out all the same', () => {
  const members = 'test.failing.v1.Members'
  const subscriptions = ['', 'told'].map((what) => ({ id: `s${what}`, method: 'Watch', note: payload(what) }))
  const steps = load(artefact, defaultLimits, () => true).replicated!.changed(
    members,
    'a',
    new Uint8Array(),
    subscriptions,
    1,
  )
  const [quiet, talking] = steps
  assert.is(quiet?.outcome, undefined)
  assert.is(talking?.outcome?.answer.kind, 'none')
  assert.equal(talking?.outcome?.logs, [line('info', 'told')])
})

TypeScript('lines of a stream go with the next output, and after the last with one that says nothing', () => {
  const start = { kind: 'start', metadata: [] } as const
  const items = ['', 'a', ''].map((what) => ({ kind: 'item', payload: payload(what) }) as const)
  const seed = new Uint8Array(16)
  const { outputs } = action!.stream('test.failing.v1.Actions', 'Chat', undefined, [start, ...items], 1, seed)
  assert.equal(
    outputs.map(({ answer, logs }) => [answer.kind, ...logs.map(({ text }) => text)]),
    [
      ['message', 'heard ', 'heard a'],
      ['none', 'heard '],
    ],
  )
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
  const map = sourceMapOf(component)!
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
  const { file, notes } = await withProject({ 'src/service.ts': long }, async (project) => {
    const { file, notes } = await buildProject(project)
    return { file: await readFile(file), notes }
  })
  assert.is(sourceMapOf(file), undefined)
  assert.equal(notes, ['the source map is too large to go along: faults name places in the bundle'])
})

// The picture of the memory is another with every build: QuickJS's runtime has tables in an order of chance.
TypeScript('the same sources make the same map in another folder', async () => {
  const other = await mkdtemp(join(folder, '../../gen/failing-elsewhere-'))
  try {
    await cp(folder, other, { recursive: true })
    const { file } = await buildProject(other)
    assert.equal(sourceMapOf(await readFile(file)), sourceMapOf(component))
  } finally {
    await rm(other, { recursive: true })
  }
})

TypeScript.run()

// Guards what a service logs: words as Node has them, bounded, and never a reason to fail.
import { format } from 'node:util'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { guestConsole } from '../../sdk/typescript/guest/console.ts'
import { formatted, inspect } from '../../sdk/typescript/guest/inspect.ts'
import { hasLogs, log, takeLogs } from '../../sdk/typescript/guest/logs.ts'

const Console = suite('console')
const linesMax = 100
const charactersMax = 16 * 1024

Console('simple values are shown as Node shows them', () => {
  const shown = { a: 1, 'b-c': "it's", d: [1n, -0, null, undefined], e: { f: { g: true } } }
  for (const values of [
    [],
    ['text', 1, 2n, true, undefined, null, -0, Number.NaN],
    [{ text: 'a "b"' }, [], {}, [[1, 'two']], [[[[]]]]],
    [{ a: 1, 'b-c': 'd', e: { f: { g: true } } }, [1n, -0, null, undefined]],
    [
      new Map<unknown, unknown>([
        ['a', { b: 1n }],
        [2, [3]],
      ]),
    ],
    [Uint8Array.of(1, 255), new Map(), new Uint8Array()],
    ['%s is %d of %i, %j', 'it', 4.5, 4, 5],
    ['100%', 5, '%s'],
    ['%s %s', 'one'],
    ['%% %s', 'x', 'more', 1],
    ['%d %d', 5n, 7],
  ])
    assert.is(formatted(values), format(...values))
  assert.is(formatted([shown]), `{ a: 1, 'b-c': 'it\\'s', d: [ 1n, -0, null, undefined ], e: { f: { g: true } } }`)
  assert.is(formatted([new Set(['a'])]), "Set { 'a' }")
})

Console('numbers, texts and lists of them are what Node says, whatever they are', () => {
  const value = fc.oneof(fc.integer(), fc.double(), fc.bigInt(), fc.boolean(), fc.string({ maxLength: 5 }))
  const list = fc.array(fc.oneof(fc.integer(), fc.bigInt({ min: 0n, max: 99n })), { maxLength: 5 })
  // A text with a directive takes the next argument; the cases above have those.
  const plain = fc.oneof(value, list).filter((one) => typeof one !== 'string' || !one.includes('%'))
  fc.assert(fc.property(fc.array(plain, { maxLength: 4 }), (values) => formatted(values) === format(...values)))
})

Console('inspect.I1: what cannot be shown, goes round or is deep says so', () => {
  const round: Record<string, unknown> = { name: 'round' }
  round['self'] = { again: round }
  assert.is(inspect(round), "{ name: 'round', self: { again: [Circular] } }")
  assert.is(inspect([[[[['deep']]]]]), '[ [ [ [ [Array] ] ] ] ]')
  assert.is(inspect({ a: { b: { c: { d: { e: 1 } } } } }), '{ a: { b: { c: { d: [Object] } } } }')
  const hostile = new Proxy(
    {},
    {
      ownKeys: () => {
        throw new Error('no')
      },
    },
  )
  assert.is(inspect(hostile), '[cannot be shown]')
  let asked = 0
  const getter = {
    get now() {
      return asked++
    },
  }
  assert.is(inspect(getter), '{ now: [Getter] }')
  assert.is(asked, 0)
  assert.is(
    inspect(() => 1),
    '[Function]',
  )
  assert.is(formatted([new TypeError('no'), { error: new Error('inner') }]), 'TypeError: no { error: [Error: inner] }')
})

Console('inspect.I2: a value takes a kilobyte at most', () => {
  const many = Array.from({ length: 100_000 }, (_, index) => ({ index, text: 'x'.repeat(100) }))
  for (const value of [many, { many }, 'y'.repeat(10_000), new Uint8Array(1_000_000), new Map([[many, many]])]) {
    const text = inspect(value)
    assert.ok(text.length <= 1024 + 3, `${text.length}`)
    assert.match(text, '...')
  }
})

Console('levels are those of the words', () => {
  takeLogs()
  for (const word of ['trace', 'debug', 'log', 'info', 'warn', 'error'] as const) guestConsole[word](word, 1)
  guestConsole.dir({ a: 1 })
  guestConsole.assert(true, 'fine')
  guestConsole.assert(1 > 2, 'no %s', 'luck')
  guestConsole.assert(false)
  assert.equal(
    takeLogs().map(({ level, text }) => `${level}: ${text}`),
    [
      'debug: trace 1',
      'debug: debug 1',
      'info: log 1',
      'info: info 1',
      'warn: warn 1',
      'error: error 1',
      'info: { a: 1 }',
      'error: Assertion failed: no luck',
      'error: Assertion failed',
    ],
  )
})

Console('logs.G2: lines are bounded, and begin anew once they are taken', () => {
  takeLogs()
  assert.not.ok(hasLogs())
  assert.is(takeLogs(), takeLogs())
  for (let count = 0; count < 1_000; count++) log('info', `${count}`)
  assert.ok(hasLogs())
  assert.equal(
    takeLogs().map(({ text }) => text),
    Array.from({ length: linesMax }, (_, count) => `${count}`),
  )
  for (let count = 0; count < 10; count++) log('warn', '🎈'.repeat(1_001))
  const texts = takeLogs().map(({ text }) => text)
  assert.is(texts.join('').length, charactersMax)
  // What is cut in the middle of a pair is still text.
  assert.ok(texts.every((text) => text.isWellFormed()))
  log('error', 'half \ud800')
  assert.equal(takeLogs(), [{ level: 'error', text: 'half \ufffd' }])
})

Console.run()

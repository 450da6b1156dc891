// Guards the list of what a service cannot use: found by scope, with its place, and never in the author's own names.
import { forbiddenGlobals, forbiddenMessage } from '@innkeeper/sdk/forbidden'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { findForbidden } from '../../sdk/build/languages/typescript/forbidden.ts'

const Forbidden = suite('forbidden globals')
const found = (text: string): string[] =>
  findForbidden('a.ts', text).map(({ line, column, message }) => `${line}:${column} ${message.split(' is not')[0]}`)

Forbidden('forbidden.F1, forbidden.F2: uses are found with line and column', () => {
  assert.equal(found('const a = 1\n  const b = Date.now() + Math.random()'), ['2:13 Date', '2:26 Math.random'])
  assert.equal(found('new Date(); typeof fetch; globalThis.setTimeout(f, 1); globalThis["crypto"]'), [
    '1:5 Date',
    '1:20 fetch',
    '1:27 setTimeout',
    '1:56 crypto',
  ])
  assert.equal(found('class A { x = Date.now(); static { fetch() } }'), ['1:15 Date', '1:36 fetch'])
  assert.equal(found('const f = (a = Date.now()) => ({ [Date]: 1, Date })'), ['1:16 Date', '1:35 Date', '1:45 Date'])
  assert.equal(found('(Date as unknown) satisfies object; (fetch)!.x'), ['1:2 Date', '1:38 fetch'])
})

Forbidden("forbidden.F1: what the author declares is the author's", () => {
  for (const own of [
    'import { fetch } from "./a.ts"; fetch()',
    'function f(fetch: () => void) { fetch() }',
    'const { Date, ...process } = x; new Date(process)',
    'for (const crypto of list) crypto.use()',
    'try {} catch (process) { process.x }',
    'const f = function fetch() { fetch() }',
    'class Worker {} new Worker()',
    '{ let [performance] = x; performance.now() }',
  ]) {
    assert.equal(found(own), [], own)
  }
  assert.equal(found('{ const Date = 1 } Date'), ['1:20 Date'])
})

Forbidden('names that are no uses do not count', () => {
  assert.equal(found('const x = { Date: 1, fetch() {}, process: 2 }; x.Date; x.fetch(); x.process'), [])
  assert.equal(found('type Date = 1; interface A { fetch: typeof x; d: Date } let y: Date; f<Date>()'), [])
  assert.equal(found('import type { Buffer } from "b"; import { Date as D } from "./d.ts"; export { D as Date }'), [])
})

Forbidden('methods whose answer depends on the machine are found whatever the object', () => {
  assert.equal(found('a.b.localeCompare(c); n.toLocaleString()'), ['1:5 localeCompare()', '1:25 toLocaleString()'])
})

Forbidden("forbidden.F3: each name of the SDK's is found, and what it says to use instead is told", () => {
  assert.ok(Object.keys(forbiddenGlobals).length > 10)
  for (const [name, instead] of Object.entries(forbiddenGlobals))
    assert.equal(
      findForbidden('a.ts', `use(${name})`).map(({ message }) => message),
      [forbiddenMessage(name, instead)],
    )
})

Forbidden('a message says what to use instead', () => {
  assert.is(findForbidden('a.ts', 'Date.now()')[0]?.message, 'Date is not available in a service: use context.now')
})

Forbidden.run()

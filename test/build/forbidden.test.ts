// Guards the list of what a service cannot use: found by scope, with its place, and never in the author's own names.
import { forbiddenGlobals, forbiddenMessage } from '@innkeeper/sdk/forbidden'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { findForbidden } from '../../sdk/build/languages/typescript/forbidden.ts'

const Forbidden = suite('forbidden globals')
const found = (text: string): string[] =>
  findForbidden('a.ts', text).map(({ line, column, message }) => `${line}:${column} ${message.split(' is not')[0]}`)

Forbidden('forbidden.F1, forbidden.F2: uses are found with line and column', () => {
  assert.equal(found('const a = 1\n  const b = Date.now() + Math.random()'), ['2:13 Date.now', '2:26 Math.random'])
  assert.equal(found('use(WebSocket); typeof fetch; globalThis.setTimeout(f, 1); globalThis["crypto"]'), [
    '1:5 WebSocket',
    '1:24 fetch',
    '1:31 setTimeout',
    '1:60 crypto',
  ])
  assert.equal(found('class A { x = Date.now(); static { fetch() } }'), ['1:15 Date.now', '1:36 fetch'])
  assert.equal(found('const f = (a = fetch()) => ({ [fetch]: 1, fetch })'), ['1:16 fetch', '1:32 fetch', '1:43 fetch'])
  assert.equal(found('(crypto as unknown) satisfies object; (fetch)!.x'), ['1:2 crypto', '1:40 fetch'])
})

Forbidden('the calendar is free, the present is not', () => {
  assert.equal(found('new Date(ms).getUTCDay(); Date.UTC(2024, 0); x instanceof Date; Date.parse(text)'), [])
  assert.equal(found('new Date(); Date(); Date(ms); Date.now()'), [
    '1:1 new Date()',
    '1:13 Date()',
    '1:21 Date()',
    '1:31 Date.now',
  ])
})

Forbidden('there is no compiler', () => {
  assert.equal(found('eval(text); new Function(text); Function("a", text)'), [
    '1:1 eval',
    '1:13 new Function()',
    '1:33 Function()',
  ])
  assert.equal(found('f instanceof Function; Function.prototype.call(f); const Function = g; Function()'), [])
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
  assert.equal(found('{ const fetch = 1 } fetch'), ['1:21 fetch'])
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
  assert.is(findForbidden('a.ts', 'Date.now()')[0]?.message, 'Date.now is not available in a service: use context.now')
})

Forbidden.run()

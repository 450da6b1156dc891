// Guards the way out for the words of a fault: the address behind the magic, in the one module that has it.
import { parse } from '@bytecodealliance/jco'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { faultGlobal } from '../../host/guest/fault-text.ts'
import { readModule, sectionId } from '../../host/wasm/sections.ts'
import { coreWithFault, faultMagic } from '../../sdk/build/fault-export.ts'
import { BuildError } from '../../sdk/build/problem.ts'
import type { Project } from '../../sdk/build/project.ts'

const project = { directory: '/project', entry: '/project/main.go' } as Project
const magic = wat(faultMagic)
// A number is an immutable global; the types of this host know only what it uses.
const imports = { env: { imported: 7 } } as never

function wat(bytes: Uint8Array): string {
  return [...bytes].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('')
}

/** A module with an imported global, one of its own, and this data. */
function core(data: string, memory = '(memory (export "memory") 2)'): Promise<Uint8Array> {
  return parse(`(module
    (import "env" "imported" (global i32))
    ${memory}
    (global $own (export "own") (mut i32) (i32.const 42))
    ${data})`)
}

function exportsOf(bytes: Uint8Array): Record<string, number> {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>), imports)
  const globals = Object.entries(exports).filter(([, item]) => item instanceof WebAssembly.Global)
  return Object.fromEntries(globals.map(([name, item]) => [name, (item as WebAssembly.Global).value as number]))
}

async function problem(data: string, memory?: string): Promise<string> {
  const bytes = await core(data, memory)
  try {
    coreWithFault(project, bytes)
  } catch (error) {
    if (error instanceof BuildError) return error.message
    throw error
  }
  throw new Error('no problem')
}

const Fault = suite('fault export')

Fault(
  'fault-export.E1: the address is behind the magic, as an immutable global beside those that are there',
  async () => {
    const data = `(data (i32.const 8) "before") (data (i32.const 70000) "some${magic}\\00\\00")`
    const { core: bytes, address } = coreWithFault(project, await core(data))
    assert.is(address, 70_000 + 4 + 16)
    assert.equal(exportsOf(bytes), { own: 42, [faultGlobal]: address })
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>), imports)
    assert.throws(() => {
      ;(exports[faultGlobal] as WebAssembly.Global).value = 1
    }, /immutable/)
  },
)

Fault('a magic that two segments share is found', async () => {
  const [head, tail] = [wat(faultMagic.subarray(0, 5)), wat(faultMagic.subarray(5))]
  const data = `(data (i32.const 105) "${tail}") (data (i32.const 100) "${head}")`
  assert.is(exportsOf(coreWithFault(project, await core(data)).core)[faultGlobal], 116)
  const apart = `(data (i32.const 106) "${tail}") (data (i32.const 100) "${head}")`
  assert.match(await problem(apart), 'no place for the words of a fault')
})

Fault('a module without globals of its own gets a section for it', async () => {
  const bytes = await parse(`(module (memory (export "memory") 1) (data (i32.const 0) "${magic}"))`)
  assert.equal(exportsOf(coreWithFault(project, bytes).core), { [faultGlobal]: 16 })
})

Fault('fault-export.E3: nothing else of the module changes, but that its custom sections are gone', async () => {
  const bytes = await core(`(func $called (export "f") (result i32) (i32.const 5)) (data (i32.const 0) "${magic}")`)
  const [before, after] = [readModule(bytes), readModule(coreWithFault(project, bytes).core)]
  const others = (sections: typeof before) =>
    sections.filter(({ id }) => id !== sectionId.global && id !== sectionId.export)
  assert.equal(others(after), others(before))
  assert.equal(
    [bytes, coreWithFault(project, bytes).core].map((of) => Buffer.from(of).includes('called')),
    [true, false],
  )
})

Fault('fault-export.E2: none, and more than one, are problems', async () => {
  const none =
    'main.go: the compiled service has no place for the words of a fault; is its SDK of the version of this `inn`?'
  assert.is(await problem(''), none)
  // Where they will lie only an instance knows, or the host does not look there.
  assert.is(await problem(`(data "${magic}")`), none)
  assert.is(await problem(`(data (global.get 0) "${magic}")`), none)
  assert.is(await problem(`(data (i32.const 0) "${magic}")`, '(memory 1)'), none)
  const twice = await problem(`(data (i32.const 0) "${magic}") (data (i32.const 100) "x${magic}")`)
  assert.is(twice, 'main.go: the compiled service has 2 places for the words of a fault, not one; please report it')
})

Fault.run()

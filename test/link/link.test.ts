// Guards what an upload can do: every hostile component gets its reason, and the host lives.
//
// Reasons are asserted, not times; the linking process has its own limits for both.

import { componentEmbed, componentNew, parse } from '@bytecodealliance/jco'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { load } from '../../host/guest/load.ts'
import { defaultLimits } from '../../host/limits.ts'
import { link } from '../../host/link/link.ts'
import { witSource } from '../../host/link/wit.ts'
import { assemblyScriptCounter, quickJsCounter } from '../support/guests.ts'
import { guestComponent, guestCore, wat } from '../support/hostile.ts'

const Link = suite('link')

async function reasonsOf(component: Uint8Array, limits = defaultLimits): Promise<readonly string[]> {
  const result = await link(component, limits)
  if (result.ok) assert.unreachable('was accepted')
  return result.ok ? [] : result.reasons
}

async function refused(component: Uint8Array, reason: RegExp): Promise<void> {
  const reasons = await reasonsOf(component)
  assert.ok(
    reasons.some((one) => reason.test(one)),
    `${reason} is not among: ${reasons.join(' | ')}`,
  )
}

Link('accepts a guest of constants: what the attacks below start from', async () => {
  const result = await link(await guestComponent({}), defaultLimits)
  assert.ok(result.ok, result.ok ? '' : result.reasons.join('; '))
})

Link('links AssemblyScript and QuickJS by the same path, and reports its steps', async () => {
  for (const component of [await assemblyScriptCounter(), await quickJsCounter()]) {
    const steps: string[] = []
    const result = await link(component, defaultLimits, (step) => steps.push(step))
    assert.ok(result.ok, result.ok ? '' : result.reasons.join('; '))
    assert.ok(steps.includes('metering its modules'))
    if (!result.ok) continue
    assert.equal(
      result.artefact.description.services.map(({ name, kind, snapshotEvery }) => ({ name, kind, snapshotEvery })),
      [{ name: 'test.Counter', kind: 'event-sourced', snapshotEvery: -1 }],
    )
    assert.ok(load(result.artefact, defaultLimits).eventSourced)
  }
})

Link('the artefact is the same for the same bytes', async () => {
  const component = await assemblyScriptCounter()
  assert.equal(await link(component, defaultLimits), await link(component, defaultLimits))
})

Link('refuses what is no component, by name', async () => {
  await refused(new Uint8Array(), /empty/)
  await refused(Buffer.from('(component)'), /not a WebAssembly component/)
  await refused(await guestCore({}), /core module, not a component/)
  await refused(new Uint8Array(defaultLimits.componentBytesMax + 1), /bytes, 33554432 are allowed/)
})

Link('component.C1: refuses a section that claims more than the file has: 14 bytes of a 4 GB file', async () => {
  const claim = Uint8Array.of(0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f)
  await refused(claim, /damaged: unexpected end/)
  const claim200MB = Uint8Array.of(0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0, 1, 0x80, 0xc2, 0xd7, 0x2f, 0)
  await refused(claim200MB, /damaged: unexpected end/)
})

Link('§deploy-12, interfaces.F1, interfaces.F2, pipeline.T2: refuses imports by name and says what to do', async () => {
  const core = await parse('(module (import "wasi:cli/stderr" "f" (func)))')
  const embedded = await componentEmbed({
    binary: core,
    witSource:
      'package a:b; world w { import wasi:cli/stderr; import x: interface { f: func(); } } \npackage wasi:cli { interface stderr { f: func(); } }',
    world: 'w',
    stringEncoding: 'utf8',
  })
  const reasons = await reasonsOf(await componentNew(embedded, []))
  assert.ok(
    reasons.some((reason) => /imports wasi:cli\/stderr: guests have no system. Seal/.test(reason)),
    reasons.join(),
  )
  assert.ok(reasons.some((reason) => /does not export innkeeper:guest\/about@0.2.0/.test(reason)))
  assert.ok(reasons.some((reason) => /exports no state model/.test(reason)))
})

Link('interfaces.F3: refuses a component of another version of the contract', async () => {
  const source = witSource().replace('innkeeper:guest@0.2.0', 'innkeeper:guest@0.1.0')
  const dummy = await componentEmbed({ dummy: true, witSource: source, world: 'described' })
  await refused(
    await componentNew(dummy, []),
    /^it speaks contract 0\.1\.0, and this host 0\.2\.0: rebuild it with this version and deploy again$/,
  )
})

Link('interfaces.F3: refuses a component of the early form of the contract, which has the same version', async () => {
  const source = witSource().replace(/ +\/\/\/ Who calls[^\n]*\n +principal: [^\n]*\n/, '')
  assert.not.match(source, /principal/)
  const dummy = await componentEmbed({
    dummy: true,
    witSource: `${source}world early { export about; export value; }`,
    world: 'early',
  })
  await refused(
    await componentNew(dummy, []),
    /^it was built for an early form of contract 0\.2\.0: rebuild it with this version and deploy again$/,
  )
})

Link('start.R1: a start function that does not end dies by fuel', async () => {
  const component = await guestComponent({ fields: '(func $s (loop $l (br $l))) (start $s)' })
  await refused(component, /start functions ran out of fuel/)
})

Link(
  'link/plan.L2, instance.I1: a start function that makes resources is stopped at the first: the host makes none',
  async () => {
    await refused(
      await parse(wat('resources')),
      /could not be instantiated: .*called resource\.new, which no guest may/,
    )
  },
)

Link(
  'guest/describe.D1: a describe that does not end dies by fuel, one that lies is malformed, one that is huge too large',
  async () => {
    await refused(await guestComponent({ describe: '(loop $l (br $l)) (unreachable)' }), /describe\(\) failed \(fuel\)/)
    await refused(await guestComponent({ describe: '(i32.const 0x7ffffff0)' }), /describe\(\) failed \(malformed\)/)
    const many = '(i32.store (i32.const 1044) (i32.const 300)) (i32.const 1024)'
    await refused(await guestComponent({ describe: many }), /describe\(\) failed \(too_large\): services: 300 given/)
  },
)

Link(
  'a describe that answers differently in each instance cannot pass: memory starts equal, so it would need an import',
  async () => {
    // Twice in one instance it may differ; only fresh ones are compared.
    const counting =
      '(i32.store8 (i32.const 1300) (i32.add (i32.load8_u (i32.const 1300)) (i32.const 1))) (i32.const 1024)'
    const result = await link(await guestComponent({ describe: counting }), defaultLimits)
    assert.ok(result.ok)
    if (result.ok) assert.is(result.artefact.description.services[0]!.name, 'u.Svc')
  },
)

Link('describe-check.Q1: a service without a proper name is refused in plain characters', async () => {
  const describe = '(i32.store8 (i32.const 1300) (i32.const 10)) (i32.const 1024)'
  await refused(await guestComponent({ describe }), /"\?\.Svc" is not the full name/)
})

Link('§limit-7, cap.C1: refuses memories and tables beyond the limits', async () => {
  await refused(await guestComponent({ memory: '(memory (export "memory") 1025)' }), /memories begin larger/)
  await refused(await guestComponent({ fields: '(table 100001 funcref)' }), /tables begin larger/)
  await refused(await guestComponent({ fields: '(table 1 funcref)'.repeat(65) }), /65 tables, 64 are allowed/)
})

Link(
  'cap.C2, instructions.I2: refuses shared and 64-bit memories, atomics, relaxed SIMD, exceptions and garbage collection',
  async () => {
    const field = async (fields: string, reason: RegExp) => await refused(await guestComponent({ fields }), reason)
    await field('(memory 1 1 shared)', /shared memory; build without threads/)
    await field('(memory i64 1)', /64-bit memory; build for wasm32/)
    await field('(table i64 1 funcref)', /64-bit or shared table/)
    await field('(func (drop (i32.atomic.load (i32.const 0))))', /uses threads/)
    await field('(func (param v128) (drop (i8x16.relaxed_swizzle (local.get 0) (local.get 0))))', /uses relaxed SIMD/)
    await field('(tag $t) (func (throw $t))', /uses exception handling/)
    await field('(type $s (struct)) (func (drop (struct.new $s)))', /uses garbage-collected types/)
  },
)

Link('cores.C1: a module that only becomes valid by the added global is refused', async () => {
  // One global of its own: index 1 exists only once the counter does. jco would refuse it too; damage it after embedding.
  const component = await guestComponent({
    fields: '(global $g (mut i32) (i32.const 7)) (global $h (mut i32) (i32.const 7)) (func (drop (global.get $h)))',
  })
  const bytes = component.slice()
  const at = Buffer.from(bytes).indexOf(Buffer.of(0x23, 0x01, 0x1a, 0x0b))
  assert.ok(at > 0)
  bytes[at + 1] = 2
  await refused(bytes, /not valid/)
})

Link('link.K1: survives truncated and flipped components, each with a reason or a working artefact', async () => {
  const component = await guestComponent({})
  let seed = 42
  const random = (below: number) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    return seed % below
  }
  for (let i = 0; i < 12; i++) {
    const damaged = i % 3 === 0 ? component.slice(0, random(component.length)) : component.slice()
    if (i % 3 !== 0) for (let k = 0; k < 4; k++) damaged[random(damaged.length)]! ^= 1 << random(8)
    const result = await link(damaged, defaultLimits)
    if (!result.ok) assert.ok(result.reasons.length > 0 && result.reasons.every((reason) => reason.length < 600))
  }
})

Link.run()

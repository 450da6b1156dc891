// Guards the host against its own linking process: whatever that answers, only an artefact that could have been made is taken.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from '@bytecodealliance/jco'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { interfaces } from '../../host/guest/layout.ts'
import { defaultLimits } from '../../host/limits.ts'
import { type Linked, linked, mostOf } from '../../host/link/answer.ts'
import { audit } from '../../host/link/audit/auditor.ts'
import { auditLinked } from '../../host/link/audit/linked.ts'
import { auditModule } from '../../host/link/audit/module.ts'
import { FrameReader, frame, headed, kinds } from '../../host/link/frames.ts'
import { link } from '../../host/link/link.ts'
import { cap } from '../../host/wasm/cap.ts'
import { meter } from '../../host/wasm/meter.ts'
import { readModule, writeModule } from '../../host/wasm/sections.ts'
import { temporary } from '../support/host.ts'
import { guestComponent, guestCore } from '../support/hostile.ts'

const component = await guestComponent({})
const honest = await link(component, defaultLimits)
if (!honest.ok) throw new Error(honest.reasons.join('; '))
const { artefact } = honest
const folder = temporary()

/** Any value in place of a part: what is forged need not be of a type. */
type Forgery = Partial<Record<keyof Linked, unknown>>

/** The body of an answer, behind the frame's head. */
function body(forgery: Forgery = {}): Uint8Array {
  const [, ...parts] = linked({ ...artefact, ...forgery } as Linked)
  return new Uint8Array(Buffer.concat(parts))
}

function refused(answer: Uint8Array, why: RegExp): void {
  const audited = auditLinked(answer, defaultLimits)
  assert.not.ok(audited.ok, `was taken, though ${why}`)
  if (audited.ok) return
  assert.match(audited.reasons[0]!, /^the answer of the linking process is not a valid artefact: /)
  assert.match(audited.reasons[0]!, why)
}

/** A core module as the host would make it, but for `forge`. */
async function module(
  fields: string,
  forge: (bytes: Uint8Array) => Uint8Array = (bytes) => bytes,
): Promise<Uint8Array> {
  return forge(writeModule(meter(cap(readModule(await parse(`(module ${fields})`)), 100, 100))))
}

const withModule = (bytes: Uint8Array): Uint8Array => body({ modules: [bytes] })

/** With one pattern of bytes in place of another of the same length, at its first place. */
function patched(bytes: Uint8Array, from: readonly number[], to: readonly number[]): Uint8Array {
  const at = Buffer.from(bytes).indexOf(Buffer.from(from))
  assert.ok(at > 0, `${from} is not among the bytes`)
  const copy = bytes.slice()
  copy.set(to, at)
  return copy
}

/** A section of types, without any. */
const types = Uint8Array.of(1, 1, 0)

/** global.get 0 · i64.const: the beginning of a check, where the counter is the first global. */
const check = [0x23, 0x00, 0x42]

const Forged = suite('forged')

Forged('what the process answers honestly is taken as it is', () => {
  const audited = auditLinked(body(), defaultLimits)
  const { modules, plan, description, sourceMap } = artefact
  assert.equal(audited, { ok: true, linked: { modules, plan, description, sourceMap } })
})

Forged('auditor.R1: bytes of an answer are gone from the loop once they are being looked through', async () => {
  const answer = body()
  const audited = audit(answer as Uint8Array<ArrayBuffer>, defaultLimits)
  assert.is(answer.byteLength, 0)
  assert.ok((await audited).ok)
})

Forged('auditor.R2: an answer that takes longer than it may is refused', async () => {
  // It was too late before its thread had begun.
  const audited = await audit(body() as Uint8Array<ArrayBuffer>, defaultLimits, 0)
  assert.not.ok(audited.ok)
  assert.match(audited.ok ? '' : audited.reasons.join(), /checking it takes more than 0 seconds/)
})

Forged('module.N1: a module that V8 does not take, though all that we look at is right in it', async () => {
  refused(withModule(await module('(func (result i32))')), /module 0 is not valid WebAssembly/)
  const twice = (bytes: Uint8Array) => new Uint8Array(Buffer.concat([bytes, types, types]))
  refused(withModule(await module('', twice)), /module 0 is not valid WebAssembly/)
})

Forged('fuel.G3: code that is not metered', async () => {
  refused(withModule(await guestCore({})), /has code and does not import the counter of fuel/)
})

Forged('a counter that no function asks', async () => {
  const fuel = '(import "innkeeper:fuel" "left" (global $fuel (mut i64)))'
  const wats: readonly (readonly [string, RegExp])[] = [
    ['(func (loop $l (br $l)))', /function 0 does not pay at its entry/],
    ['(func $f (call $f))', /function 0 does not pay at its entry/],
    ['(func (global.set $fuel (i64.const 1000)))', /function 0 touches the counter of fuel outside of a check/],
    ['(func (drop (global.get $fuel)))', /function 0 touches the counter/],
    ['(global (export "g") (mut i64) (i64.const 0)) (export "left" (global $fuel))', /exports the counter of fuel/],
  ]
  for (const [wat, why] of wats) refused(withModule(await parse(`(module ${fuel} ${wat})`)), why)
})

Forged('fuel.G1: a check that takes less than the code behind it does, nothing, or gives', async () => {
  const long = `(func ${'(drop (i32.const 1))'.repeat(10)})`
  auditModule(await module(long))
  const costs = (cost: number) => (bytes: Uint8Array) => patched(bytes, [...check, 23], [...check, cost])
  refused(withModule(await module(long, costs(19))), /function 0 does more than it pays for/)
  refused(withModule(await module(long, costs(0))), /function 0 touches the counter/)
  // As a signed number, 0x7f is -1.
  refused(withModule(await module(long, costs(0x7f))), /function 0 touches the counter/)
})

Forged('fuel.G4: a check whose trap is taken out', async () => {
  const trap = [0x04, 0x40, 0x00, 0x0b]
  const mute = (bytes: Uint8Array) => patched(bytes, trap, [0x04, 0x40, 0x01, 0x0b])
  refused(withModule(await module('(func (loop $l (br $l)))', mute)), /function 0 touches the counter/)
})

Forged('fuel.G2: a loop whose head is free, also where much was paid before it', async () => {
  const fuel = '(import "innkeeper:fuel" "left" (global $fuel (mut i64)))'
  const pay = `(global.set $fuel (local.tee 0 (i64.sub (global.get $fuel) (i64.const 1000000))))
    (if (i64.lt_s (local.get 0) (i64.const 0)) (then (unreachable)))`
  const paying = (rest: string) => `(module ${fuel} (func (local i64) ${pay} ${rest}))`
  auditModule(await parse(paying('(drop (i32.const 1))')))
  refused(withModule(await parse(paying('(loop $l (br $l))'))), /function 0 does not pay at the head of a loop/)
  // Paid on one way only.
  const arm = `(if (i32.const 0) (then ${pay})) ${'(drop (i32.const 1))'.repeat(600_000)}`
  refused(withModule(await parse(paying(arm))), /function 0 does more than it pays for/)
  // Inside, nothing counts that was paid outside.
  const inside = `(loop $l ${pay.replace('1000000', '5')} ${'(drop (i32.const 1))'.repeat(10)} (br $l))`
  refused(withModule(await parse(paying(inside))), /function 0 does more than it pays for/)
})

Forged('fuel.G2: what was paid before a loop is there behind it, by whichever branch it is left', async () => {
  const after = '(drop (i32.const 1))'
  auditModule(await module(`(func (block $out (loop $l (br_if $out (i32.const 1)) (br $l))) ${after})`))
  auditModule(await module(`(func (block $out (loop $l (loop $m (br_table $out $l $m (i32.const 1))))) ${after})`))
  auditModule(await module(`(func (loop $l (br_if $l (i32.const 1))) ${after})`))
})

Forged('a length that is not paid for', async () => {
  const fill = '(memory 1) (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 65536)))'
  auditModule(await module(fill))
  // A quarter of the length, by a shift of four bits for two.
  const cheaper = (bytes: Uint8Array) => patched(bytes, [0x41, 0x02, 0x76], [0x41, 0x04, 0x76])
  refused(withModule(await module(fill, cheaper)), /function 0 (does not pay for a length|touches the counter)/)
})

Forged('module.N3, plan.O3: memories and tables without a maximum, or beyond the limits in sum', async () => {
  const uncapped = async (fields: string) =>
    withModule(writeModule(meter(readModule(await parse(`(module ${fields})`)))))
  refused(await uncapped('(memory 1)'), /module 0 has a memory without a maximum/)
  refused(await uncapped('(table 1 funcref)'), /module 0 has a table without a maximum/)
  refused(await uncapped('(memory 1 1025)'), /its memories may grow to 67174400 bytes, 67108864 are allowed/)
  refused(await uncapped('(table 1 100001 funcref)'), /its tables may grow to 100001 elements, 100000 are allowed/)
  refused(await uncapped('(memory i64 1 2)'), /64-bit memory/)
  refused(await uncapped('(memory 1 2 shared)'), /shared memory/)
  // One module, often.
  const instances = Array.from({ length: 5 }, () => ({ module: 0, imports: [] }))
  const modules = [await parse('(module (memory (export "memory") 250 250))')]
  refused(body({ modules, plan: { ...artefact.plan, instances } }), /its memories may grow to 81920000 bytes/)
})

Forged(
  'module.N2, plan.O2: imports that the plan does not give, or that are the counter under another name',
  async () => {
    refused(withModule(await module('(import "a" "b" (func))')), /an import of a module is missing/)
    refused(withModule(await parse('(module (import "innkeeper:fuel" "right" (func)))')), /imports more from/)
    const twice = '(import "innkeeper:fuel" "left" (global (mut i64)))'.repeat(2)
    refused(withModule(await parse(`(module ${twice})`)), /imports more from/)
  },
)

Forged('plan.O1: indices that are out of range or point forward', async () => {
  const { plan } = artefact
  const importing = [await module('(import "a" "b" (func)) (memory (export "memory") 1)')]
  const from = (source: unknown) => ({
    ...{ modules: importing },
    plan: { ...plan, exports: {}, instances: [{ module: 0, imports: [{ module: 'a', name: 'b', source }] }] },
  })
  // The plan itself holds, so that what stands against it below is the source alone.
  refused(body(from({ from: 'trap', name: 'a b' })), /but the component does not export/)
  const forged: readonly (readonly [Forgery, RegExp])[] = [
    [from({ from: 'instance', instance: 0, name: 'b' }), /the instance of an import is no whole number/],
    [from({ from: 'instance', instance: -1, name: 'b' }), /the instance of an import/],
    [from({ from: 'global', index: 0 }), /an import comes from nowhere/],
    [from({ from: 'host' }), /an import comes from nowhere/],
    [{ plan: { ...plan, instances: [{ module: 7, imports: [] }] } }, /the module of an instance/],
    [{ plan: { ...plan, instances: [{ module: 0.5, imports: [] }] } }, /the module of an instance/],
    [{ plan: { ...plan, memory: 99 } }, /the instance of the memory/],
    [{ plan: { ...plan, exports: { [interfaces.about]: 99 } } }, /the instance of innkeeper:guest\/about/],
    [{ plan: { ...plan, exports: { 'wasi:cli/run': 0 } } }, /an interface is none of the contract/],
    [{ plan: { ...plan, instances: new Array(257).fill(plan.instances[0]) } }, /257 elements, 256 are allowed/],
  ]
  for (const [forgery, why] of forged) refused(body(forgery), why)
})

Forged('a description out of its bounds', () => {
  const { description } = artefact
  const [service] = description.services
  const of = (change: object) => body({ description: { ...description, services: [{ ...service, ...change }] } })
  refused(of({ name: 'a'.repeat(1_000) }), /the name of a service has 1000 characters/)
  refused(of({ name: 'no name' }), /"no name" is not the full name of a service/)
  refused(of({ kind: 'worker' }), /the kind of a service is none/)
  refused(of({ headers: ['authorization'] }), /authorization/)
  refused(of({ snapshotEvery: 1e300 }), /snapshot-every is no whole number/)
  refused(of({ views: [{ method: 'a', view: { kind: 'element', field: 7 } }] }), /the field of a view is no text/)
  refused(of({ events: new Array(10_001).fill('a') }), /events has 10001 elements/)
  refused(body({ description: { ...description, services: new Array(257).fill(service) } }), /257 elements/)
})

Forged('linked.A1: what is not plain data, and sizes that lie', () => {
  for (const plan of [undefined, null, 7, 'plan', [], { instances: {} }]) refused(body({ plan }), /no record|no list/)
  refused(new Uint8Array(), /a head of/)
  refused(new Uint8Array(Buffer.from([255, 255, 255, 255])), /a head of 4294967295 bytes/)
  refused(new Uint8Array(Buffer.concat([Buffer.from([3, 0, 0, 0]), Buffer.from('}{}')])), /its head is not JSON/)
  const head = (fields: object) => new Uint8Array(headed(fields))
  refused(head({ moduleBytes: [2 ** 31], descriptorBytes: 0 }), /the size of a module is no whole number/)
  refused(head({ moduleBytes: new Array(1_000).fill(0) }), /1000 elements, 128 are allowed/)
  refused(new Uint8Array([...body(), 0]), /bytes are left over/)
  refused(body({ sourceMap: { file: 'x', sources: ['a'], mappings: 'A'.repeat(2 ** 21) } }), /source map is too large/)
})

Forged('linked.A2: nothing that was parsed is passed on: a record has the fields of its type and no others', () => {
  const { plan, description } = artefact
  const extra = JSON.parse('{"__proto__": {"evil": 1}, "evil": 1}') as object
  const services = description.services.map((service) => ({ ...extra, ...service }))
  const answer = body({ plan: { ...extra, ...plan }, description: { ...extra, ...description, services } })
  const audited = auditLinked(answer, defaultLimits)
  assert.ok(audited.ok)
  if (audited.ok) assert.equal(audited.linked.plan, plan)
  assert.not.match(JSON.stringify(audited), /evil/)
})

Forged('link/frames.F1: a gigabyte is refused by its head, before any of it is kept', () => {
  const reader = new FrameReader(mostOf(component.length), () => assert.unreachable('a body was taken'))
  const head = new Uint8Array(5)
  head[0] = kinds.linked
  new DataView(head.buffer).setUint32(1, 2 ** 30, true)
  assert.throws(() => reader.push(head), /answered with 1073741824 bytes, \d+ are allowed/)
})

Forged('frames are the same however they are cut', () => {
  const bytes = Buffer.concat([
    ...frame(kinds.step, Buffer.from('one')),
    ...frame(kinds.refused, Buffer.from('["two"]')),
  ])
  for (let size = 1; size <= bytes.length; size++) {
    const seen: string[] = []
    const reader = new FrameReader(mostOf(0), (kind, part) => seen.push(`${kind} ${Buffer.from(part)}`))
    for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size))
    assert.equal(seen, ['1 one', '2 ["two"]'])
  }
})

/** What `link` makes of a process that runs this code, in the sandbox. `say(kind, ...parts)` writes a frame. */
async function answering(name: string, code: string): Promise<readonly string[]> {
  const script = join(folder.path, `${name}.mjs`)
  const say = `const say = (kind, body, length = body.length) => {
    const head = Buffer.alloc(5); head[0] = kind; head.writeUInt32LE(length, 1); process.stdout.write(Buffer.concat([head, body]))
  }\n`
  writeFileSync(script, say + code)
  const result = await link(component, defaultLimits, () => {}, { script })
  assert.not.ok(result.ok)
  return result.ok ? [] : result.reasons
}

Forged('§deploy-12, link.K1, link.K3: a process that was taken over gets a reason, whatever it answers', async () => {
  const forged = Buffer.from(withModule(await guestCore({}))).toString('base64')
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ['forged', `say(3, Buffer.from('${forged}', 'base64'))`, /module 0 has code and does not import the counter/],
    [
      'gigabyte',
      'say(3, Buffer.alloc(0), 2 ** 30); for (;;) process.stdout.write(Buffer.alloc(65536))',
      /1073741824 bytes/,
    ],
    ['kind', 'say(9, Buffer.alloc(9))', /sent an answer of an unknown kind \(9\)/],
    ['steps', "for (;;) say(1, Buffer.from('on and on'))", /reported too many steps/],
    ['reasons', `say(2, Buffer.from('{"length": 1}'))`, /its reasons are not a list of texts/],
    ['nothing', 'process.exit(0)', /the process ended \(exit code 0\)/],
    ['terminal', String.raw`say(2, Buffer.from('["\\u001b[2J"]'))`, /^\\x1b\[2J$/],
  ]
  for (const [name, code, why] of cases) assert.match((await answering(name, code)).join('; '), why, name)
})

Forged('bytes of a body that end too early are told, not read past', () => {
  const bytes = body()
  for (const length of [1, 4, 5, 100, bytes.length - 1]) {
    const audited = auditLinked(bytes.slice(0, length), defaultLimits)
    assert.not.ok(audited.ok, String(length))
  }
})

Forged.after(() => folder.remove())

Forged.run()

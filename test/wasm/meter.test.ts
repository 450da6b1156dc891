// Guards metering: what runs was paid for, what was changed still means the same, and nothing hides from the counter.

import { parse } from '@bytecodealliance/jco'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fuelImport } from '../../host/guest/fuel.ts'
import { auditModule } from '../../host/link/audit/module.ts'
import { cap } from '../../host/wasm/cap.ts'
import { FeatureError } from '../../host/wasm/instructions.ts'
import { meter } from '../../host/wasm/meter.ts'
import { readModule, writeModule } from '../../host/wasm/sections.ts'

const Meter = suite('meter')

const plenty = 2 ** 30

interface Run {
  readonly exports: Readonly<Record<string, WebAssembly.ExportValue>>
  readonly fuel: WebAssembly.Global
  /** Calls an export; the ticks that it took. */
  readonly ticks: (name: string, ...parameters: number[]) => number
}

async function metered(fields: string, ticks = plenty, imports: Record<string, never> = {}): Promise<Run> {
  const bytes = writeModule(meter(cap(readModule(await parse(`(module ${fields})`)), 1_000, 1_000)))
  assert.ok(WebAssembly.validate(bytes), `invalid after metering: ${fields}`)
  // The host's second look, which knows nothing of metering, agrees every time.
  auditModule(bytes)
  const fuel = new WebAssembly.Global({ value: 'i64', mutable: true }, BigInt(ticks))
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), {
    ...imports,
    [fuelImport.module]: { [fuelImport.name]: fuel },
  })
  return {
    exports: instance.exports,
    fuel,
    ticks: (name, ...parameters) => {
      const before = fuel.value as bigint
      ;(instance.exports[name] as (...parameters: number[]) => unknown)(...parameters)
      return Number(before - (fuel.value as bigint))
    },
  }
}

function outOfFuel(run: Run, name: string): void {
  assert.throws(() => run.ticks(name), /unreachable/)
  assert.ok((run.fuel.value as bigint) < 0n)
}

/** One step of a random program: counts itself in the global `$steps`, by four instructions of a tick each. */
const step = '(global.set $steps (i32.add (global.get $steps) (i32.const 1)))'
const stepTicks = 4

/** Branches on the bits of `$bits`, which is turned with every question. */
const question = '(i32.and (local.tee $bits (i32.rotr (local.get $bits) (i32.const 1))) (i32.const 1))'

const { program } = fc.letrec<{ program: string; statement: string }>((tie) => ({
  program: fc.array(tie('statement'), { maxLength: 5 }).map((all) => all.join('\n')),
  statement: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.integer({ min: 1, max: 60 }).map((times) => step.repeat(times)),
    fc.constant(`(br_if 0 ${question})`),
    fc.constant(`(if ${question} (then (br 1)))`),
    fc.constant(`(br_table 0 0 ${question})`),
    fc.constant('(call $leaf)'),
    tie('program').map((body) => `(block ${body})`),
    tie('program').map((body) => `(if ${question} (then ${body}))`),
    fc.tuple(tie('program'), tie('program')).map(([yes, no]) => `(if ${question} (then ${yes}) (else ${no}))`),
    tie('program').map(
      (body) => `(loop $l (block ${body})
        (br_if $l (i32.gt_s (local.tee $turns (i32.sub (local.get $turns) (i32.const 1))) (i32.const 0))))`,
    ),
  ),
}))

Meter(
  'meter.M1, regions.R1, regions.R2: a random program does what it did, and paid for every step that it took',
  async () => {
    await fc.assert(
      fc.asyncProperty(program, fc.integer(), async (body, bits) => {
        const fields = `(global $steps (export "steps") (mut i32) (i32.const 0))
        (func $leaf ${step})
        (func (export "run") (param $bits i32) (local $turns i32) (local.set $turns (i32.const 20)) (block ${body}))`
        const plain = new WebAssembly.Instance(new WebAssembly.Module(await parse(`(module ${fields})`)))
        ;(plain.exports['run'] as (bits: number) => void)(bits)
        const run = await metered(fields)
        const ticks = run.ticks('run', bits)
        const steps = (run.exports['steps'] as WebAssembly.Global).value as number
        assert.is(steps, (plain.exports['steps'] as WebAssembly.Global).value)
        assert.ok(ticks >= steps * stepTicks, `${ticks} ticks for ${steps} steps`)
      }),
      { numRuns: 150, seed: 7 },
    )
  },
)

Meter('meter.M1: an endless loop, an empty one, and endless recursion by tail calls run out', async () => {
  outOfFuel(await metered('(func (export "f") (loop $l (br $l)))'), 'f')
  outOfFuel(await metered('(func $f (export "f") (return_call $f))'), 'f')
  outOfFuel(await metered('(table funcref (elem $f)) (func $f (export "f") (return_call_indirect (i32.const 0)))'), 'f')
})

Meter('meter.M1: what comes after a call is paid for on every return of a deep recursion', async () => {
  const arm = `(if (local.get 0) (then ${'(nop)(drop (i32.const 1))'.repeat(500)}))`
  const run = await metered(`(func $f (export "f") (param i32)
    (if (i32.gt_s (local.get 0) (i32.const 1)) (then (call $f (i32.sub (local.get 0) (i32.const 1))))) ${arm})`)
  assert.ok(run.ticks('f', 1000) >= 1000 * 1000)
})

Meter('meter.M2: modules of one component share the counter, start functions included', async () => {
  const bytes = writeModule(meter(readModule(await parse('(module (func $s (loop $l (br $l))) (start $s))'))))
  const fuel = new WebAssembly.Global({ value: 'i64', mutable: true }, 1000n)
  const imports = { [fuelImport.module]: { [fuelImport.name]: fuel } }
  assert.throws(() => new WebAssembly.Instance(new WebAssembly.Module(bytes), imports), /unreachable/)
  assert.ok((fuel.value as bigint) < 0n)
})

Meter('meter.M3: an interpreter pays for the case that it takes, not for all', async () => {
  const cases = 100
  const open = Array.from({ length: cases }, () => '(block').join(' ')
  const labels = Array.from({ length: cases }, (_, i) => i).join(' ')
  const bodies = Array.from({ length: cases }, () => `) ${step.repeat(50)} (return)`).join('\n')
  const run = await metered(`(global $steps (mut i32) (i32.const 0))
    (func (export "f") (param i32) ${open} (br_table ${labels} (local.get 0)) ${bodies})`)
  const ticks = run.ticks('f', 60)
  assert.ok(ticks >= 50 * stepTicks && ticks < 4 * 50 * stepTicks, `${ticks} ticks, ${cases * 50 * stepTicks} for all`)
})

Meter('meter.M4: lengths are paid for: fills, copies, growth of memories and tables', async () => {
  const run = await metered(`(memory 1024) (table $t 10 1000 funcref)
    (func (export "fill") (param i32) (memory.fill (i32.const 0) (i32.const 1) (local.get 0)))
    (func (export "copy") (param i32) (memory.copy (i32.const 0) (i32.const 1) (local.get 0)))
    (func (export "grow") (param i32) (drop (memory.grow (local.get 0))))
    (func (export "table") (param i32) (drop (table.grow $t (ref.null func) (local.get 0))))
    (func (export "loop") (loop $l (memory.fill (i32.const 0) (i32.const 1) (i32.const 0x4000000)) (br $l)))`)
  const megabyte = 1 << 20
  assert.ok(run.ticks('fill', megabyte) - run.ticks('fill', 0) >= megabyte / 16)
  assert.ok(run.ticks('copy', megabyte) - run.ticks('copy', 0) >= megabyte / 16)
  assert.ok(run.ticks('grow', 10) - run.ticks('grow', 0) >= 10 * 4096)
  assert.ok(run.ticks('table', 100) - run.ticks('table', 0) >= 100)
  outOfFuel(run, 'loop')
})

Meter('meter.M4: an absurd length cannot wrap the counter, and the instruction still gets it', async () => {
  const run = await metered(
    `(memory 1) (func (export "grow") (result i32) (memory.grow (i32.const -1)))
     (func (export "fill") (memory.fill (i32.const 0) (i32.const 1) (i32.const -1)))
     (func (export "ok") (result i32) (memory.fill (i32.const 8) (i32.const 7) (i32.const 100)) (i32.load8_u (i32.const 107)))`,
    2 ** 31 - 1,
  )
  assert.is((run.exports['ok'] as () => number)(), 7)
  assert.is((run.exports['grow'] as () => number)(), -1)
  assert.throws(() => run.ticks('fill'), /out of bounds/)
  const poor = await metered('(memory 1) (func (export "f") (drop (memory.grow (i32.const -1))))', 10_000)
  outOfFuel(poor, 'f')
})

Meter('meter.M4: to grow by nothing gives the size, and by something grows', async () => {
  const run = await metered(`(memory 3 5) (func (export "f") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export "size") (result i32) (memory.size))`)
  const f = run.exports['f'] as (pages: number) => number
  const size = run.exports['size'] as () => number
  assert.equal([f(0), size(), f(1), f(0), f(2), f(1), f(1), size()], [3, 3, 3, 4, -1, 4, -1, 5])
})

Meter("meter.M5: the guest's own globals keep their meaning everywhere they are named", async () => {
  const run = await metered(`(global $a (mut i32) (i32.const 11)) (global $b (export "b") i32 (i32.const 22))
    (global $c (export "c") i32 (i32.add (global.get $b) (i32.const 1)))
    (memory (export "m") 1) (data (global.get $b) "x")
    (table $t 40 funcref) (elem (global.get $b) $f)
    (func $f (result i32) (global.get $a))
    (func (export "set") (param i32) (result i32) (global.set $a (local.get 0)) (call_indirect (result i32) (global.get $b)))`)
  assert.is((run.exports['set'] as (value: number) => number)(5), 5)
  assert.is((run.exports['b'] as WebAssembly.Global).value, 22)
  assert.is((run.exports['c'] as WebAssembly.Global).value, 23)
  assert.is(new Uint8Array((run.exports['m'] as WebAssembly.Memory).buffer)[22], 'x'.charCodeAt(0))
})

Meter('meter.M5: importing the counter is refused', async () => {
  const text = `(module (import "${fuelImport.module}" "${fuelImport.name}" (global (mut i32))) (func))`
  const sections = readModule(await parse(text))
  assert.throws(
    () => meter(sections),
    (error: unknown) => error instanceof FeatureError,
  )
})

const values = (count: number, type: string) =>
  Array.from({ length: count }, () => (type === 'v128' ? '(v128.const i32x4 1 2 3 4)' : `(${type}.const 1)`)).join(' ')
const types = (count: number, type: string) => new Array<string>(count).fill(type).join(' ')
const drops = (count: number) => '(drop) '.repeat(count)

/** What carries values: around `count` of them. Each pushes and drops them, which costs two ticks a value besides. */
const carriers: Readonly<Record<string, (count: number, type: string) => string>> = {
  br: (n, t) => `(block $w (result ${types(n, t)}) ${values(n, t)} (br $w)) ${drops(n)}`,
  'br_if that is taken': (n, t) =>
    `(block $w (result ${types(n, t)}) ${values(n, t)} (br_if $w (i32.const 1))) ${drops(n)}`,
  'br_if that is not taken': (n, t) =>
    `(block $w (result ${types(n, t)}) ${values(n, t)} (br_if $w (i32.const 0))) ${drops(n)}`,
  br_table: (n, t) => `(block $w (result ${types(n, t)}) ${values(n, t)} (br_table $w $w (i32.const 0))) ${drops(n)}`,
  'the end of a block': (n, t) => `(block (result ${types(n, t)}) ${values(n, t)}) ${drops(n)}`,
  'the begin of a loop': (n, t) => `${values(n, t)} (loop (param ${types(n, t)}) ${drops(n)})`,
  'a turn of a loop': (n, t) =>
    `${values(n, t)} (loop $w (param ${types(n, t)}) (br_if $w (i32.gt_s (local.tee $turns (i32.sub (local.get $turns) (i32.const 1))) (i32.const 0))) ${drops(n)})`,
  'an if': (n, t) => `${values(n, t)} (if (param ${types(n, t)}) (i32.const 1) (then ${drops(n)}) (else ${drops(n)}))`,
  'the arms of an if': (n, t) =>
    `(if (result ${types(n, t)}) (i32.const 1) (then ${values(n, t)}) (else ${values(n, t)})) ${drops(n)}`,
  'a call with parameters': (n, t) => `${values(n, t)} (call $takes)`,
  'a call with results': (n) => `(call $gives) ${drops(n)}`,
  'a call through a table': (n, t) => `${values(n, t)} (call_indirect $callees (type $takes) (i32.const 0))`,
  'a call by reference': (n, t) => `${values(n, t)} (call_ref $takes (ref.func $takes))`,
  return: (n) => `(call $returns) ${drops(n)}`,
  return_call: (n, t) => `${values(n, t)} (call $tail)`,
}

const carried = async (name: string, count: number, type: string, turns: number): Promise<number> => {
  const all = types(count, type)
  const run =
    await metered(`(type $takes (func (param ${all}))) (table $callees 1 funcref) (elem (table $callees) (i32.const 0) func $takes)
    (func $takes (param ${all})) (func $gives (result ${all}) ${values(count, type)})
    (func $returns (result ${all}) ${values(count, type)} (return))
    (func $tail (param ${all}) ${Array.from({ length: count }, (_, at) => `(local.get ${at})`).join(' ')} (return_call $takes))
    (func (export "f") (param $turns i32) ${carriers[name]!(count, type)})`)
  return run.ticks('f', turns)
}

for (const name of Object.keys(carriers)) {
  Meter(`meter.M6, types.Y1: width is paid for by count: ${name}`, async () => {
    for (const type of ['i32', 'i64', 'f32', 'f64', 'v128']) {
      const none = await carried(name, 0, type, 1)
      for (const count of [1, 7, 300, 1_000]) {
        const ticks = (await carried(name, count, type, 1)) - none
        assert.ok(ticks >= 3 * count, `${ticks} ticks for ${count} ${type}`)
      }
    }
  })
}

Meter('meter.M6: width is paid for in each turn of a loop', async () => {
  const turn = (await carried('a turn of a loop', 900, 'i64', 101)) - (await carried('a turn of a loop', 900, 'i64', 1))
  assert.ok(turn >= 100 * 900)
})

Meter('meter.M6, regions.R4: locals are paid for at each call, and where ways meet', async () => {
  const run = await metered(`(global $x (mut i64) (i64.const 0))
    (func $none) (func $many (local ${types(40_000, 'i64')}) (global.set $x (local.get 39999)))
    (func $wide (local ${types(40_000, 'v128')}) (global.set $x (i64x2.extract_lane 0 (local.get 39999))))
    (func (export "none") (call $none)) (func (export "many") (call $many)) (func (export "wide") (call $wide))
    (func (export "meets") (param i32) (local ${types(500, 'i64')})
      (loop $l
        (if (i32.eqz (local.get 0)) (then ${Array.from({ length: 500 }, (_, at) => `(local.set ${at + 1} (i64.const 1))`).join(' ')}))
        ${Array.from({ length: 500 }, (_, at) => `(global.set $x (local.get ${at + 1}))`).join(' ')}
        (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
    (func (export "parts") (param i32) (local ${types(500, 'i64')})
      (loop $l
        ${Array.from({ length: 500 }, (_, at) => `(global.set $x (local.get ${at + 1}))`).join(' ')}
        (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))`)
  assert.ok(run.ticks('many') - run.ticks('none') >= 40_000)
  assert.ok(run.ticks('wide') - run.ticks('none') >= 80_000)
  // The arm is not run, but 500 locals come to one place behind it.
  assert.ok(run.ticks('meets', 100) - run.ticks('parts', 100) >= 100 * 500)
})

Meter('meter.M6, regions.R4, moves.V1: a random program pays for what its blocks carry', async () => {
  const width = fc.integer({ min: 0, max: 40 })
  const carrying = fc.array(fc.tuple(fc.constantFrom(...Object.keys(carriers).slice(0, 9)), width), { maxLength: 6 })
  await fc.assert(
    fc.asyncProperty(carrying, async (list) => {
      const run = await metered(`(func (export "f") (param $turns i32)
        ${list.map(([name, count]) => `(block ${carriers[name]!(count, 'i64')})`).join(' ')})`)
      const least = list.reduce((sum, [, count]) => sum + 3 * count, 0)
      const ticks = run.ticks('f', 1)
      assert.ok(ticks >= least, `${ticks} ticks, ${least} for what is carried`)
    }),
    { numRuns: 100, seed: 7 },
  )
})

Meter('regions.R3: code that cannot be reached costs nothing', async () => {
  const run = await metered(`(func (export "short") (block (br 0)))
    (func (export "long") (block (br 0) ${'(drop (i32.const 1))'.repeat(1_000)} (loop (br 0))))`)
  assert.is(run.ticks('long'), run.ticks('short'))
})

Meter('weights.W4: what an instruction takes does not depend on data, but on lengths', async () => {
  const run = await metered(`(memory 1)
    (func (export "data") (param i32) (drop (i32.div_u (i32.const -1) (local.get 0))) (drop (i32.load8_u (local.get 0)))
      (drop (f64.sqrt (f64.convert_i32_s (local.get 0)))))
    (func (export "length") (param i32) (memory.fill (i32.const 0) (i32.const 0) (local.get 0)))`)
  assert.equal(
    [1, 2, 65_535].map((value) => run.ticks('data', value)),
    Array(3).fill(run.ticks('data', 7)),
  )
  assert.ok(run.ticks('length', 60_000) > run.ticks('length', 1) + 1_000)
})

Meter('meter.M2: the counter holds more than 32 bits do', async () => {
  const run = await metered(
    `(memory 1) (func (export "f") (param i32)
      (loop (drop (memory.grow (i32.const -1)))
        (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))`,
    2 ** 40,
  )
  assert.ok(run.ticks('f', 1_000) > 2 ** 33)
  assert.throws(() => run.ticks('f', 1_000_000_000), /unreachable/)
  assert.ok((run.fuel.value as bigint) < 0n)
})

Meter.run()

// Measures the weights (host/deploy/weights.ts): how long 20 million units of fuel last in a tight loop of each kind of
// instruction. Not a test, since it is about time:  node test/deploy/weights.ts [kind]
//
// Results go to a global each turn, or the compiler would drop what computes them.

import { parse } from '@bytecodealliance/jco'
import { meter } from '../../host/deploy/meter.ts'
import { readModule, writeModule } from '../../host/deploy/sections.ts'
import { fuelImport, ticksPerUnit } from '../../host/guest/fuel.ts'

const sinks = { p: 'i32', x: 'i64', f: 'f64', v: 'v128' } as const

/** A function `run` that does `body` until its fuel is spent. */
function loop(body: string, before = ''): string {
  const used = Object.entries(sinks).filter(([local]) => body.includes(`local.set $${local}`))
  const globals = used.map(([local, type]) => {
    const zero = type === 'v128' ? 'v128.const i32x4 0 0 0 0' : `${type}.const 0`
    return `(global $s${local} (mut ${type}) (${zero}))`
  })
  const stores = used.map(([local]) => `(global.set $s${local} (local.get $${local}))`)
  return `${globals.join(' ')} (func (export "run") (local $i i32) (local $p i32) (local $x i64) (local $f f64) (local $v v128)
    ${before} (loop $l ${body} ${stores.join(' ')} (br $l)))`
}

const cases: Record<string, string> = {
  empty: loop(''),
  add: loop('(local.set $x (i64.add (local.get $x) (i64.const 3)))'),
  chase:
    `(memory 1024) (func (export "init") (local $i i32) (local $j i32)
     (loop $l (i32.store (i32.mul (local.get $i) (i32.const 64)) (local.tee $j (i32.mul (i32.rem_u (i32.add (i32.mul (local.get $i) (i32.const 421)) (i32.const 524287)) (i32.const 1048576)) (i32.const 64)))) (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1048576)))))` +
    loop('(local.set $p (i32.load (local.get $p)))'),
  chaseRandom:
    `(memory 1024) (func (export "init") (local $i i32)
     (loop $l (i32.store (i32.mul (local.get $i) (i32.const 64)) (i32.mul (i32.and (i32.add (i32.mul (local.get $i) (i32.const 1664525)) (i32.const 1013904223)) (i32.const 1048575)) (i32.const 64))) (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1048576)))))` +
    loop('(local.set $p (i32.load (local.get $p)))'),
  storeRandom:
    `(memory 1024)` +
    loop(
      '(local.set $i (i32.add (i32.mul (local.get $i) (i32.const 1664525)) (i32.const 1013904223))) (i32.store (i32.and (local.get $i) (i32.const 0x3ffffc0)) (local.get $i))',
    ),
  loadRandom:
    `(memory 1024)` +
    loop(
      '(local.set $i (i32.add (i32.mul (local.get $i) (i32.const 1664525)) (i32.const 1013904223))) (local.set $p (i32.add (local.get $p) (i32.load (i32.and (local.get $i) (i32.const 0x3ffffc0)))))',
    ),
  div64: loop(
    '(local.set $x (i64.div_u (i64.sub (i64.const -1) (local.get $x)) (i64.or (local.get $x) (i64.const 3))))',
  ),
  rem32: loop(
    '(local.set $i (i32.rem_s (i32.sub (i32.const -7) (local.get $i)) (i32.or (local.get $i) (i32.const 3))))',
  ),
  sqrt: loop('(local.set $f (f64.sqrt (f64.add (local.get $f) (f64.const 2))))'),
  fdiv: loop('(local.set $f (f64.div (f64.const 1.5) (f64.add (local.get $f) (f64.const 2))))'),
  denormal: loop(
    '(local.set $f (f64.mul (local.get $f) (f64.const 1.0000001)))',
    '(local.set $f (f64.const 0x1p-1060))',
  ),
  denormalAdd: loop(
    '(local.set $f (f64.add (local.get $f) (f64.const 0x1p-1070)))',
    '(local.set $f (f64.const 0x1p-1060))',
  ),
  nearest: loop('(local.set $f (f64.nearest (f64.add (local.get $f) (f64.const 0.7))))'),
  truncSat: loop('(local.set $x (i64.trunc_sat_f64_u (f64.convert_i64_u (i64.add (local.get $x) (i64.const 5)))))'),
  truncF32: loop('(local.set $x (i64.trunc_sat_f32_u (f32.convert_i64_u (i64.add (local.get $x) (i64.const 5)))))'),
  call:
    '(func $f (param i64) (result i64) (i64.add (i64.mul (local.get 0) (local.get 0)) (i64.const 3)))' +
    loop('(local.set $x (call $f (local.get $x)))'),
  callRec:
    '(func $f (param i32) (if (local.get 0) (then (call $f (i32.sub (local.get 0) (i32.const 1))))))' +
    loop('(call $f (i32.const 1000))'),
  leaf: `(func $f)${loop('(call $f)(call $f)(call $f)(call $f)')}`,
  indirect:
    '(type $t (func (param i64) (result i64))) (table 8 funcref) (elem (i32.const 0) $f $g $f $g $g $f $f $g) (func $f (type $t) (i64.add (local.get 0) (i64.const 3))) (func $g (type $t) (i64.xor (local.get 0) (i64.const 77)))' +
    loop(
      '(local.set $i (i32.add (i32.mul (local.get $i) (i32.const 1664525)) (i32.const 1013904223)))(local.set $x (call_indirect (type $t) (local.get $x) (i32.shr_u (local.get $i) (i32.const 29))))',
    ),
  brTable: loop(
    '(local.set $i (i32.add (i32.mul (local.get $i) (i32.const 1664525)) (i32.const 1013904223))) (block $a (block $b (block $c (block $d (br_table $a $b $c $d (i32.shr_u (local.get $i) (i32.const 30)))) (local.set $p (i32.const 1)) br $l) (local.set $p (i32.const 2)) br $l) (local.set $p (i32.const 3)) br $l) ',
  ),
  branchMiss: loop(
    '(local.set $i (i32.add (i32.mul (local.get $i) (i32.const 1664525)) (i32.const 1013904223))) (if (i32.lt_s (local.get $i) (i32.const 0)) (then (local.set $x (i64.mul (local.get $x) (i64.const 3)))) (else (local.set $x (i64.xor (local.get $x) (i64.const 3)))))',
  ),
  grow0: `(memory 1 1024)${loop('(drop (memory.grow (i32.const 0)))')}`,
  growFail: `(memory 1 1024)${loop('(drop (memory.grow (i32.const 1025)))')}`,
  grow1: `(memory 1 1024)${loop('(drop (memory.grow (i32.const 1)))')}`,
  size: `(memory 1 1024)${loop('(drop (memory.size))')}`,
  tgrow0: `(table 1 100000 funcref)${loop('(drop (table.grow (ref.null func) (i32.const 0)))')}`,
  tgrow1: `(table 1 100000 funcref)${loop('(drop (table.grow (ref.null func) (i32.const 1)))')}`,
  tgrowBig: `(table 1 100000 funcref)${loop('(drop (table.grow (ref.null func) (i32.const 99999)))')}`,
  tfill: `(table 100000 funcref)${loop('(table.fill (i32.const 0) (ref.null func) (i32.const 100000))')}`,
  tfillF:
    '(table 100000 funcref) (elem declare func $g) (func $g)' +
    loop('(table.fill (i32.const 0) (ref.func $g) (i32.const 100000))'),
  tcopy: `(table 100000 funcref)${loop('(table.copy (i32.const 0) (i32.const 50000) (i32.const 50000))')}`,
  tinit:
    '(table 100 funcref) (elem funcref ' +
    '(ref.func $g)'.repeat(100) +
    ') (func $g)' +
    loop('(table.init 0 (i32.const 0) (i32.const 0) (i32.const 100))'),
  tget:
    '(table 10 funcref) (elem (i32.const 0) $g $g) (func $g)' +
    loop('(table.set (i32.const 1) (table.get (i32.const 0)))'),
  refFunc: `(elem declare func $g) (func $g)${loop('(drop (ref.is_null (ref.func $g)))')}`,
  refFuncSet: `(table 10 funcref) (elem declare func $g) (func $g)${loop('(table.set (i32.const 1) (ref.func $g))')}`,
  fill1: `(memory 1)${loop('(memory.fill (i32.const 0) (i32.const 1) (i32.const 1))')}`,
  fill64K: `(memory 1)${loop('(memory.fill (i32.const 0) (i32.const 1) (i32.const 65536))')}`,
  fill64M: `(memory 1024)${loop('(memory.fill (i32.const 0) (i32.const 1) (i32.const 0x4000000))')}`,
  copy64M: `(memory 1024)${loop('(memory.copy (i32.const 0) (i32.const 0x2000000) (i32.const 0x2000000))')}`,
  copyOverlap: `(memory 1024)${loop('(memory.copy (i32.const 1) (i32.const 0) (i32.const 0x2000000))')}`,
  init:
    '(memory 1) (data "' +
    'x'.repeat(4096) +
    '")' +
    loop('(memory.init 0 (i32.const 0) (i32.const 0) (i32.const 4096))'),
  simdMul: loop('(local.set $v (i64x2.mul (local.get $v) (local.get $v)))'),
  simdSqrt: loop('(local.set $v (f64x2.sqrt (f64x2.add (local.get $v) (v128.const f64x2 2 3))))'),
  simdDiv: loop('(local.set $v (f64x2.div (v128.const f64x2 2 3) (f64x2.add (local.get $v) (v128.const f64x2 2 3))))'),
  simdPop: loop('(local.set $v (i8x16.popcnt (local.get $v)))'),
  simdShl: loop('(local.set $v (i8x16.shr_s (local.get $v) (local.get $i)))'),
  simdSwz: loop('(local.set $v (i8x16.swizzle (local.get $v) (local.get $v)))'),
  simdTrunc: loop('(local.set $v (i32x4.trunc_sat_f32x4_u (local.get $v)))'),
  simdNear: loop('(local.set $v (f64x2.nearest (f64x2.add (local.get $v) (v128.const f64x2 2 3))))'),
  simdMin: loop('(local.set $v (f64x2.min (f64x2.add (local.get $v) (v128.const f64x2 2 3)) (local.get $v)))'),
  globalSet: `(global $g (mut i64) (i64.const 0))${loop('(global.set $g (i64.add (global.get $g) (i64.const 1)))')}`,
  manySqrt: loop('(local.set $f (f64.sqrt (f64.add (local.get $f) (f64.const 2))))'.repeat(200)),
}

const units = 20_000_000

/** Milliseconds that they last; the best of six. */
async function measure(fields: string): Promise<number> {
  const bytes = writeModule(meter(readModule(await parse(`(module ${fields})`))))
  const fuel = new WebAssembly.Global({ value: 'i64', mutable: true }, 0n)
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < 3; round++) {
    const imports = { [fuelImport.module]: { [fuelImport.name]: fuel } }
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), imports)
    fuel.value = 2n ** 31n - 1n
    ;(exports['init'] as (() => void) | undefined)?.()
    for (let again = 0; again < 2; again++) {
      fuel.value = BigInt(units * ticksPerUnit)
      const from = performance.now()
      try {
        ;(exports['run'] as () => void)()
      } catch (thrown) {
        if ((fuel.value as bigint) >= 0n) throw thrown
      }
      best = Math.min(best, performance.now() - from)
    }
  }
  return best
}

const rows: (readonly [string, number])[] = []
for (const [name, fields] of Object.entries(cases)) {
  if (process.argv[2] === undefined || process.argv[2] === name) rows.push([name, await measure(fields)])
}
for (const [name, ms] of rows.sort((a, b) => b[1] - a[1])) console.log(`${ms.toFixed(1).padStart(8)} ms  ${name}`)

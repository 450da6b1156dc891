// Known: ways to make a function hold the loop that were tried on this host before, or that the search has found.
//
// N1. Each is a module of test/fixtures/hostile/fuel.wat; none ends but for lack of fuel.
//
// Owns: the list.   test/attack/fuel.test.ts and search.ts own: what is asserted of them.

import { readFileSync } from 'node:fs'

export interface Known {
  readonly name: string
  readonly text: string
  /** Memory makes it wait: for stores and loads that do not wait for each other, or for a chain of them. */
  readonly waits: 'no' | 'stalls' | 'chain'
}

const fixture = readFileSync(new URL('../../test/fixtures/hostile/fuel.wat', import.meta.url), 'utf8')

const many = (count: number, text: string | ((at: number) => string)): string =>
  Array.from({ length: count }, (_, at) => (typeof text === 'string' ? text : text(at))).join(' ')
/** What is computed might be wanted, so no compiler leaves it out. */
const wanted =
  '(if (global.get $never) (then (global.set $i32 (local.get $p)) (global.set $i64 (i64.add (local.get $x) (local.get $y))) (global.set $f64 (local.get $f)) (global.set $v128 (local.get $v))))'
const forever = (body: string): string => `(loop $l ${body} ${wanted} (br $l))`
const unrolled = (body: string): string => forever(many(50, body))

const lcg =
  '(local.set $x (i64.add (i64.mul (local.get $x) (i64.const 6364136223846793005)) (i64.const 1442695040888963407)))'
const next = '(local.tee $i (i32.add (local.get $i) (i32.const 0x9e3779b1)))'
const random = (shift: number) => `(i32.wrap_i64 (i64.shr_u (local.get $x) (i64.const ${shift})))`

function known(name: string, body: string, fields = '', waits: Known['waits'] = 'no'): Known {
  return { name, waits, text: fixture.replace(';;FIELDS;;', fields).replace(';;BODY;;', body) }
}

const labels = (count: number) => many(count, (at) => `${(at * 7 + (at >> 3)) % 8}`)
const branchTable = (count: number): Known =>
  known(
    `br_table of ${count}`,
    forever(
      `${lcg} (block $out ${many(8, '(block')} (br_table ${labels(count)} 0 (i32.rem_u ${random(33)} (i32.const ${count}))) ${many(8, (at) => `) (local.set $y (i64.add (local.get $y) (i64.const ${at}))) (br $out)`)})`,
    ),
  )

function wide(type: 'i64' | 'f64' | 'v128', count: number): Known[] {
  const value = type === 'v128' ? '(v128.const i32x4 1 2 3 4)' : `(${type}.const 1)`
  const list = many(count, type)
  const values = many(count, value)
  const shifted = many(count, (at) => `(local.get ${(at + 1) % count})`)
  const named = `(type $wide (func (param ${list}))) (type $gives (func (result ${list})))`
  return [
    known(`br to a loop of ${count} ${type}`, `${values} (loop $l (type $wide) ${value} (br $l)) unreachable`, named),
    known(
      `br_if out of ${count} ${type}`,
      forever(`(block $o (type $gives) ${values} ${many(60, '(i32.const 0) (br_if $o)')}) ${many(count, 'drop')}`),
      named,
    ),
    known(
      `br_table to a loop of ${count} ${type}`,
      `${values} (loop $l (type $wide) ${value} (br_table $l $l (i32.const 0))) unreachable`,
      named,
    ),
    known(
      `call with ${count} results ${type}`,
      forever(`(call $gives) ${many(count, 'drop')}`),
      `${named} (func $gives (type $gives) ${values})`,
    ),
    known(
      `return_call with ${count} ${type}`,
      `${values} (call $tail)`,
      `(func $tail (param ${list}) ${shifted} (return_call $tail))`,
    ),
    known(
      `return_call_indirect with ${count} ${type}`,
      `${values} (call $tail)`,
      `${named} (table $tails 1 funcref) (elem (table $tails) (i32.const 0) func $tail)
       (func $tail (param ${list}) ${shifted} (return_call_indirect $tails (type $wide) (i32.const 0)))`,
    ),
  ]
}

const locals = (type: string, count: number, use: string): Known =>
  known(
    `call of a function with ${count} locals ${type}`,
    forever(many(20, '(call $many)')),
    `(func $many (local ${many(count, type)}) (if (i32.eqz (global.get $never)) (then (return))) ${use})`,
  )

export const knownAttacks: readonly Known[] = [
  known('an empty loop', forever('')),
  known('i64.div_s', unrolled('(local.set $x (i64.div_s (i64.sub (i64.const -1) (local.get $x)) (i64.const 3)))')),
  known('f64.sqrt', unrolled('(local.set $f (f64.sqrt (f64.add (local.get $f) (f64.const 2.3))))')),
  known(
    'f64.mul of denormals',
    `(local.set $f (f64.const 0x1p-1022)) ${unrolled('(local.set $f (f64.add (f64.mul (local.get $f) (f64.const 0.7)) (f64.const 0x0.8p-1022)))')}`,
  ),
  known(
    'loads of the first cache, in a chain',
    unrolled('(local.set $p (i32.load (i32.and (local.get $p) (i32.const 4092))))'),
  ),
  known(
    'memory.copy of 60 MB that overlaps',
    forever('(memory.copy (i32.const 1) (i32.const 0) (i32.const 62000000))'),
    '',
    'stalls',
  ),
  known('memory.copy of 32 KB', forever('(memory.copy (i32.const 1) (i32.const 65536) (i32.const 32768))')),
  known(
    'memory.fill of 60 MB',
    forever('(memory.fill (i32.const 1) (i32.const 1) (i32.const 62000000))'),
    '',
    'stalls',
  ),
  known('memory.grow of nothing, at 64 MB', unrolled('(drop (memory.grow (i32.const 0)))')),
  known('memory.grow that fails', forever('(drop (memory.grow (i32.const 60000)))')),
  known('table.fill of 90,000', forever('(table.fill $t (i32.const 0) (ref.func $nothing) (i32.const 90000))')),
  known(
    'table.copy of 89,000 that overlaps',
    forever('(table.copy $t $t (i32.const 1) (i32.const 0) (i32.const 89000))'),
  ),
  known('table.set', unrolled('(table.set $t (i32.const 5) (ref.func $nothing))')),
  known('table.init of nothing', unrolled('(table.init $t $list (i32.const 0) (i32.const 0) (i32.const 0))')),
  known('call_indirect', unrolled('(call_indirect $t (type $none) (i32.const 3))')),
  known(
    'call_indirect at random',
    unrolled(`${lcg} (call_indirect $t (type $none) (i32.and ${random(40)} (i32.const 7)))`),
  ),
  known(
    'a byte stored, and eight loaded',
    unrolled('(i32.store8 (i32.const 8193) (i32.const 1)) (local.set $x (i64.load (i32.const 8192)))'),
  ),
  ...[8, 600, 10_000, 50_000].map(branchTable),
  ...wide('i64', 900),
  ...wide('f64', 999),
  ...wide('v128', 999),
  locals('f64', 40_000, '(global.set $i32 (i32.trunc_sat_f64_s (local.get 39999)))'),
  locals('i64', 40_000, '(global.set $i32 (i32.wrap_i64 (local.get 39999)))'),
  locals('v128', 40_000, '(global.set $v128 (local.get 39999))'),
  locals('v128', 10, '(global.set $v128 (local.get 9))'),
  known(
    'locals that are rarely set',
    '(call $rarely)',
    `(func $rarely (local $x i64) ${many(900, (at) => `(local $m${at} i64)`)}
      (loop $l ${lcg} (if (i32.eqz (i32.and ${random(9)} (i32.const 1023))) (then ${many(900, (at) => `(local.set $m${at} (i64.add (local.get $m${(at + 1) % 900}) (i64.const 1)))`)})) (global.set $i32 (i32.wrap_i64 (local.get $m77))) (br $l)))`,
  ),
  known('stores across two pages', unrolled('(i64.store (i32.const 4092) (local.get $x))'), '', 'stalls'),
  known(
    'loads that miss the caches',
    unrolled(`(local.set $p (i32.xor (local.get $p) (i32.load (i32.and ${next} (i32.const 0x3fffffc)))))`),
    '',
    'stalls',
  ),
  known(
    'loads that miss the caches, in a chain',
    unrolled('(local.set $p (i32.load (i32.and (local.get $p) (i32.const 0x3fffffc))))'),
    '',
    'chain',
  ),
]

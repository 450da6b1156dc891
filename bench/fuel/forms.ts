// Forms: every instruction that metering accepts, as a program of the search may use it.
//
// F1. An expression takes values of the types that it names and gives one; a form never traps, whatever it is given.
// F2. Together the forms, and what programs are built of (program.ts), name every instruction that the decoder lets pass:
//     test/wasm/fuel.test.ts compares them.
//
// Owns: the list.   program.ts owns: putting them together.

export const types = ['i32', 'i64', 'f32', 'f64', 'v128'] as const
export type Type = (typeof types)[number]

/** Chooses. */
export interface Random {
  /** Below `bound`. */
  next(bound: number): number
  of<One>(list: readonly One[]): One
}

/** An instruction that gives a value. */
export interface Expression {
  readonly name: string
  readonly takes: readonly Type[]
  readonly gives: Type
  /** As text, around the text of what it takes. */
  readonly text: (operands: readonly string[], random: Random) => string
}

/** An instruction that gives none. */
export interface Statement {
  readonly name: string
  readonly takes: readonly Type[]
  readonly text: (operands: readonly string[], random: Random) => string
}

const plain =
  (name: string) =>
  (operands: readonly string[]): string =>
    `(${[name, ...operands].join(' ')})`

/** `takes -> gives: names`, a line each. */
const pure = `
i32 -> i32: i32.clz i32.ctz i32.popcnt i32.extend8_s i32.extend16_s i32.eqz
i32 i32 -> i32: i32.add i32.sub i32.mul i32.and i32.or i32.xor i32.shl i32.shr_s i32.shr_u i32.rotl i32.rotr
i32 i32 -> i32: i32.eq i32.ne i32.lt_s i32.lt_u i32.gt_s i32.gt_u i32.le_s i32.le_u i32.ge_s i32.ge_u
i64 -> i64: i64.clz i64.ctz i64.popcnt i64.extend8_s i64.extend16_s i64.extend32_s
i64 i64 -> i64: i64.add i64.sub i64.mul i64.and i64.or i64.xor i64.shl i64.shr_s i64.shr_u i64.rotl i64.rotr
i64 -> i32: i64.eqz i32.wrap_i64
i64 i64 -> i32: i64.eq i64.ne i64.lt_s i64.lt_u i64.gt_s i64.gt_u i64.le_s i64.le_u i64.ge_s i64.ge_u
i32 -> i64: i64.extend_i32_s i64.extend_i32_u
f32 -> f32: f32.abs f32.neg f32.ceil f32.floor f32.trunc f32.nearest f32.sqrt
f32 f32 -> f32: f32.add f32.sub f32.mul f32.div f32.min f32.max f32.copysign
f32 f32 -> i32: f32.eq f32.ne f32.lt f32.gt f32.le f32.ge
f64 -> f64: f64.abs f64.neg f64.ceil f64.floor f64.trunc f64.nearest f64.sqrt
f64 f64 -> f64: f64.add f64.sub f64.mul f64.div f64.min f64.max f64.copysign
f64 f64 -> i32: f64.eq f64.ne f64.lt f64.gt f64.le f64.ge
f32 -> i32: i32.trunc_sat_f32_s i32.trunc_sat_f32_u i32.reinterpret_f32
f64 -> i32: i32.trunc_sat_f64_s i32.trunc_sat_f64_u
f32 -> i64: i64.trunc_sat_f32_s i64.trunc_sat_f32_u
f64 -> i64: i64.trunc_sat_f64_s i64.trunc_sat_f64_u i64.reinterpret_f64
i32 -> f32: f32.convert_i32_s f32.convert_i32_u f32.reinterpret_i32
i64 -> f32: f32.convert_i64_s f32.convert_i64_u
i32 -> f64: f64.convert_i32_s f64.convert_i32_u
i64 -> f64: f64.convert_i64_s f64.convert_i64_u f64.reinterpret_i64
f64 -> f32: f32.demote_f64
f32 -> f64: f64.promote_f32
i32 -> v128: i8x16.splat i16x8.splat i32x4.splat
i64 -> v128: i64x2.splat
f32 -> v128: f32x4.splat
f64 -> v128: f64x2.splat
v128 -> v128: v128.not f32x4.demote_f64x2_zero f64x2.promote_low_f32x4
v128 -> v128: i8x16.abs i8x16.neg i8x16.popcnt i16x8.abs i16x8.neg i32x4.abs i32x4.neg i64x2.abs i64x2.neg
v128 -> v128: f32x4.ceil f32x4.floor f32x4.trunc f32x4.nearest f32x4.abs f32x4.neg f32x4.sqrt
v128 -> v128: f64x2.ceil f64x2.floor f64x2.trunc f64x2.nearest f64x2.abs f64x2.neg f64x2.sqrt
v128 -> v128: i16x8.extadd_pairwise_i8x16_s i16x8.extadd_pairwise_i8x16_u i32x4.extadd_pairwise_i16x8_s i32x4.extadd_pairwise_i16x8_u
v128 -> v128: i16x8.extend_low_i8x16_s i16x8.extend_high_i8x16_s i16x8.extend_low_i8x16_u i16x8.extend_high_i8x16_u
v128 -> v128: i32x4.extend_low_i16x8_s i32x4.extend_high_i16x8_s i32x4.extend_low_i16x8_u i32x4.extend_high_i16x8_u
v128 -> v128: i64x2.extend_low_i32x4_s i64x2.extend_high_i32x4_s i64x2.extend_low_i32x4_u i64x2.extend_high_i32x4_u
v128 -> v128: i32x4.trunc_sat_f32x4_s i32x4.trunc_sat_f32x4_u i32x4.trunc_sat_f64x2_s_zero i32x4.trunc_sat_f64x2_u_zero
v128 -> v128: f32x4.convert_i32x4_s f32x4.convert_i32x4_u f64x2.convert_low_i32x4_s f64x2.convert_low_i32x4_u
v128 -> i32: v128.any_true i8x16.all_true i8x16.bitmask i16x8.all_true i16x8.bitmask i32x4.all_true i32x4.bitmask i64x2.all_true i64x2.bitmask
v128 i32 -> v128: i8x16.shl i8x16.shr_s i8x16.shr_u i16x8.shl i16x8.shr_s i16x8.shr_u i32x4.shl i32x4.shr_s i32x4.shr_u i64x2.shl i64x2.shr_s i64x2.shr_u
v128 v128 -> v128: v128.and v128.andnot v128.or v128.xor i8x16.swizzle
v128 v128 -> v128: i8x16.eq i8x16.ne i8x16.lt_s i8x16.lt_u i8x16.gt_s i8x16.gt_u i8x16.le_s i8x16.le_u i8x16.ge_s i8x16.ge_u
v128 v128 -> v128: i16x8.eq i16x8.ne i16x8.lt_s i16x8.lt_u i16x8.gt_s i16x8.gt_u i16x8.le_s i16x8.le_u i16x8.ge_s i16x8.ge_u
v128 v128 -> v128: i32x4.eq i32x4.ne i32x4.lt_s i32x4.lt_u i32x4.gt_s i32x4.gt_u i32x4.le_s i32x4.le_u i32x4.ge_s i32x4.ge_u
v128 v128 -> v128: i64x2.eq i64x2.ne i64x2.lt_s i64x2.gt_s i64x2.le_s i64x2.ge_s
v128 v128 -> v128: f32x4.eq f32x4.ne f32x4.lt f32x4.gt f32x4.le f32x4.ge f64x2.eq f64x2.ne f64x2.lt f64x2.gt f64x2.le f64x2.ge
v128 v128 -> v128: i8x16.narrow_i16x8_s i8x16.narrow_i16x8_u i16x8.narrow_i32x4_s i16x8.narrow_i32x4_u
v128 v128 -> v128: i8x16.add i8x16.add_sat_s i8x16.add_sat_u i8x16.sub i8x16.sub_sat_s i8x16.sub_sat_u
v128 v128 -> v128: i8x16.min_s i8x16.min_u i8x16.max_s i8x16.max_u i8x16.avgr_u
v128 v128 -> v128: i16x8.add i16x8.add_sat_s i16x8.add_sat_u i16x8.sub i16x8.sub_sat_s i16x8.sub_sat_u i16x8.mul
v128 v128 -> v128: i16x8.min_s i16x8.min_u i16x8.max_s i16x8.max_u i16x8.avgr_u i16x8.q15mulr_sat_s
v128 v128 -> v128: i16x8.extmul_low_i8x16_s i16x8.extmul_high_i8x16_s i16x8.extmul_low_i8x16_u i16x8.extmul_high_i8x16_u
v128 v128 -> v128: i32x4.add i32x4.sub i32x4.mul i32x4.min_s i32x4.min_u i32x4.max_s i32x4.max_u i32x4.dot_i16x8_s
v128 v128 -> v128: i32x4.extmul_low_i16x8_s i32x4.extmul_high_i16x8_s i32x4.extmul_low_i16x8_u i32x4.extmul_high_i16x8_u
v128 v128 -> v128: i64x2.add i64x2.sub i64x2.mul
v128 v128 -> v128: i64x2.extmul_low_i32x4_s i64x2.extmul_high_i32x4_s i64x2.extmul_low_i32x4_u i64x2.extmul_high_i32x4_u
v128 v128 -> v128: f32x4.add f32x4.sub f32x4.mul f32x4.div f32x4.min f32x4.max f32x4.pmin f32x4.pmax
v128 v128 -> v128: f64x2.add f64x2.sub f64x2.mul f64x2.div f64x2.min f64x2.max f64x2.pmin f64x2.pmax
v128 v128 v128 -> v128: v128.bitselect
`

/** Divisors are odd and positive, so that nothing is divided by zero and no quotient overflows. */
const divisor = { i32: '0x7fffffff', i64: '0x7fffffffffffffff' } as const

function division(type: 'i32' | 'i64', name: string): Expression {
  const odd = (text: string) => `(${type}.or (${type}.and ${text} (${type}.const ${divisor[type]})) (${type}.const 1))`
  return {
    name,
    takes: [type, type],
    gives: type,
    text: ([dividend, by], random) =>
      `(${name} ${dividend} ${random.next(3) === 0 ? `(${type}.const ${random.of([3, 7, 10, 64])})` : odd(by!)})`,
  }
}

/** Conversions that trap beyond their range are given a number that is within. */
const trapping = ['f32', 'f64'].flatMap((from) =>
  ['i32', 'i64'].flatMap((to) =>
    ['s', 'u'].map((sign): Expression => {
      const name = `${to}.trunc_${from}_${sign}`
      return { name, takes: [], gives: to as Type, text: () => `(${name} (global.get $fit_${from}))` }
    }),
  ),
)

const lanes: readonly Expression[] = (
  [
    ['i8x16', 'i32', 16, ['extract_lane_s', 'extract_lane_u']],
    ['i16x8', 'i32', 8, ['extract_lane_s', 'extract_lane_u']],
    ['i32x4', 'i32', 4, ['extract_lane']],
    ['i64x2', 'i64', 2, ['extract_lane']],
    ['f32x4', 'f32', 4, ['extract_lane']],
    ['f64x2', 'f64', 2, ['extract_lane']],
  ] as const
).flatMap(([shape, type, count, extracts]): Expression[] => [
  ...extracts.map((extract): Expression => {
    const name = `${shape}.${extract}`
    return { name, takes: ['v128'], gives: type, text: ([v], random) => `(${name} ${random.next(count)} ${v})` }
  }),
  {
    name: `${shape}.replace_lane`,
    takes: ['v128', type],
    gives: 'v128',
    text: ([v, one], random) => `(${shape}.replace_lane ${random.next(count)} ${v} ${one})`,
  },
])

const shuffle: Expression = {
  name: 'i8x16.shuffle',
  takes: ['v128', 'v128'],
  gives: 'v128',
  text: (operands, random) =>
    `(i8x16.shuffle ${Array.from({ length: 16 }, () => random.next(32)).join(' ')} ${operands.join(' ')})`,
}

const select: readonly Expression[] = types.flatMap((type): Expression[] => [
  {
    name: `select ${type}`,
    takes: [type, type, 'i32'],
    gives: type,
    text: (operands, random) =>
      random.next(2) === 0 ? `(select ${operands.join(' ')})` : `(select (result ${type}) ${operands.join(' ')})`,
  },
])

const references: readonly Expression[] = [
  { name: 'ref.func', takes: [], gives: 'i32', text: () => '(ref.is_null (ref.func $nothing))' },
  { name: 'ref.null', takes: [], gives: 'i32', text: () => '(ref.is_null (ref.null func))' },
  {
    name: 'ref.as_non_null',
    takes: [],
    gives: 'i32',
    text: () => '(ref.is_null (ref.as_non_null (ref.func $nothing)))',
  },
  {
    name: 'table.get',
    takes: ['i32'],
    gives: 'i32',
    text: ([at]) => `(ref.is_null (table.get $t (i32.rem_u ${at} (table.size $t))))`,
  },
  { name: 'table.size', takes: [], gives: 'i32', text: () => '(table.size $t)' },
  {
    name: 'table.grow',
    takes: [],
    gives: 'i32',
    text: (_, random) => `(table.grow $t (ref.func $nothing) (i32.const ${random.of([0, 0, 1, 10, 1_000, 200_000])}))`,
  },
  { name: 'memory.size', takes: [], gives: 'i32', text: () => '(memory.size)' },
  {
    name: 'memory.grow',
    takes: [],
    gives: 'i32',
    text: (_, random) => `(memory.grow (i32.const ${random.of([0, 0, 1, 100_000])}))`,
  },
]

/** How far addresses reach: in the first cache and within a page; then in the second, in the third, in none. */
export const reaches = [0x0f80, 0x3ffff, 0x3fffff, 0x3ffffff] as const

/** Beyond the first cache each address is another one, and none waits for what was read before: a chain of such loads is a case of
 *  its own (known.ts). */
const address = (at: string, random: Random, reach: number): string => {
  if (reach > reaches[0])
    return `(i32.and (local.tee $walk (i32.add (local.get $walk) (i32.const 0x9e3779b1))) (i32.const ${reach}))`
  return random.next(4) === 0 ? `(i32.const ${random.next(4_000)})` : `(i32.and ${at} (i32.const ${reach}))`
}

const offset = (random: Random, reach: number): string =>
  random.next(2) === 0 ? '' : ` offset=${random.of(reach > reaches[0] ? [1, 62, 4_090] : [1, 7, 62])}`

const loadNames: Readonly<Record<Type, readonly string[]>> = {
  i32: ['i32.load', 'i32.load8_s', 'i32.load8_u', 'i32.load16_s', 'i32.load16_u'],
  i64: ['i64.load', 'i64.load8_s', 'i64.load8_u', 'i64.load16_s', 'i64.load16_u', 'i64.load32_s', 'i64.load32_u'],
  f32: ['f32.load'],
  f64: ['f64.load'],
  v128: [
    ...['load', 'load8x8_s', 'load8x8_u', 'load16x4_s', 'load16x4_u', 'load32x2_s', 'load32x2_u'],
    ...['load8_splat', 'load16_splat', 'load32_splat', 'load64_splat', 'load32_zero', 'load64_zero'],
  ].map((name) => `v128.${name}`),
}
const storeNames: Readonly<Record<Type, readonly string[]>> = {
  i32: ['i32.store', 'i32.store8', 'i32.store16'],
  i64: ['i64.store', 'i64.store8', 'i64.store16', 'i64.store32'],
  f32: ['f32.store'],
  f64: ['f64.store'],
  v128: ['v128.store'],
}
const laneBits = [8, 16, 32, 64] as const

export function loads(reach: number): readonly Expression[] {
  return [
    ...types.flatMap((type) =>
      loadNames[type].map(
        (name): Expression => ({
          name,
          takes: ['i32'],
          gives: type,
          text: ([at], random) => `(${name}${offset(random, reach)} ${address(at!, random, reach)})`,
        }),
      ),
    ),
    ...laneBits.map((bits): Expression => {
      const name = `v128.load${bits}_lane`
      return {
        name,
        takes: ['i32', 'v128'],
        gives: 'v128',
        text: ([at, v], random) => `(${name} ${random.next(128 / bits)} ${address(at!, random, reach)} ${v})`,
      }
    }),
  ]
}

export function stores(reach: number): readonly Statement[] {
  return [
    ...types.flatMap((type) =>
      storeNames[type].map(
        (name): Statement => ({
          name,
          takes: ['i32', type],
          text: ([at, value], random) => `(${name}${offset(random, reach)} ${address(at!, random, reach)} ${value})`,
        }),
      ),
    ),
    ...laneBits.map((bits): Statement => {
      const name = `v128.store${bits}_lane`
      return {
        name,
        takes: ['i32', 'v128'],
        text: ([at, v], random) => `(${name} ${random.next(128 / bits)} ${address(at!, random, reach)} ${v})`,
      }
    }),
  ]
}

/** Lengths of what is filled and copied. */
const lengths = [0, 1, 7, 8, 64, 1_000, 4_096, 65_536] as const
export const passiveBytes = 4_096
export const passiveElements = 1_000

const bulk: readonly Statement[] = [
  { name: 'nop', takes: [], text: () => '(nop)' },
  { name: 'drop', takes: ['i32'], text: ([one]) => `(drop ${one})` },
  {
    name: 'memory.fill',
    takes: ['i32', 'i32'],
    text: ([at, value], random) =>
      `(memory.fill (i32.and ${at} (i32.const 0xffff)) ${value} (i32.const ${random.of(lengths)}))`,
  },
  {
    name: 'memory.copy',
    takes: ['i32', 'i32'],
    text: ([to, from], random) =>
      `(memory.copy (i32.and ${to} (i32.const 0xffff)) (i32.and ${from} (i32.const 0xffff)) (i32.const ${random.of(lengths)}))`,
  },
  {
    name: 'memory.init',
    takes: ['i32'],
    text: ([to], random) =>
      `(memory.init $bytes (i32.and ${to} (i32.const 0xffff)) (i32.const 0) (i32.const ${random.of(lengths.filter((one) => one <= passiveBytes))}))`,
  },
  { name: 'data.drop', takes: [], text: () => '(data.drop $gone)' },
  {
    name: 'table.set',
    takes: ['i32'],
    text: ([at], random) =>
      `(table.set $t (i32.rem_u ${at} (table.size $t)) ${random.of(['(ref.func $nothing)', '(ref.null func)', '(table.get $t (i32.const 0))'])})`,
  },
  {
    name: 'table.fill',
    takes: [],
    text: (_, random) =>
      `(table.fill $t (i32.const 0) ${random.of(['(ref.func $nothing)', '(ref.null func)'])} (i32.const TABLE))`,
  },
  {
    name: 'table.copy',
    takes: [],
    text: (_, random) =>
      `(table.copy $t $t (i32.const ${random.next(2)}) (i32.const ${random.next(2)}) (i32.const TABLE))`,
  },
  {
    name: 'table.init',
    takes: [],
    text: (_, random) =>
      `(table.init $t ${random.of(['$elements', '$expressions'])} (i32.const 0) (i32.const 0) (i32.const ${random.of([0, 1, 10, 'INIT'])}))`,
  },
  { name: 'elem.drop', takes: [], text: () => '(elem.drop $gone)' },
  { name: 'call_ref', takes: [], text: () => '(call_ref $none (ref.func $nothing))' },
  { name: 'br_on_null', takes: [], text: () => '(block $b (drop (br_on_null $b (table.get $t (i32.const 0)))))' },
  {
    name: 'br_on_non_null',
    takes: [],
    text: () =>
      '(drop (block $b (result (ref func)) (br_on_non_null $b (table.get $t (i32.const 0))) (ref.func $nothing)))',
  },
]

const globals: readonly Statement[] = types.map((type) => ({
  name: `global.set ${type}`,
  takes: [type],
  text: ([value]) => `(global.set $g_${type} ${value})`,
}))

/** All that give a value but loads. */
export const expressions: readonly Expression[] = [
  ...pure
    .trim()
    .split('\n')
    .flatMap((line) => {
      const [signature, names] = line.split(': ') as [string, string]
      const [takes, gives] = signature.split(' -> ') as [string, Type]
      return names.split(' ').map((name) => ({ name, takes: takes.split(' ') as Type[], gives, text: plain(name) }))
    }),
  ...(['i32', 'i64'] as const).flatMap((type) =>
    ['div_s', 'div_u', 'rem_s', 'rem_u'].map((name) => division(type, `${type}.${name}`)),
  ),
  ...trapping,
  ...lanes,
  shuffle,
  ...select,
  ...references,
]

/** All that give none but stores. */
export const statements: readonly Statement[] = [...bulk, ...globals]

// Program: a module made from a seed, whose function `run` does the same few things until its fuel is spent.
//
// P1. The same seed gives the same text. A program has a theme, one to three instructions, and a shape that they run in: so
//     that a dear one is not hidden among cheap ones.
// P2. It never traps but for lack of fuel, and never ends: what it computes is kept alive by a question that no compiler can
//     answer beforehand.
//
// Owns: texts.   forms.ts owns: instructions.   measure.ts owns: running them.

import type { Expression, Random, Statement, Type } from './forms.ts'
import { expressions, loads, passiveBytes, passiveElements, reaches, statements, stores, types } from './forms.ts'

export interface Program {
  readonly seed: number
  /** What it does, for people. */
  readonly title: string
  readonly text: string
  /** It waits for memory: reads or writes beyond the first cache, or across pages. */
  readonly stalls: boolean
}

/** A generator of Marsaglia's (xorshift), so that seeds are the same everywhere. */
export function randomOf(seed: number): Random {
  let state = (seed ^ 0x9e3779b9) >>> 0 || 1
  const turn = () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
  for (let warm = 0; warm < 8; warm++) turn()
  const next = (bound: number) => turn() % bound
  return { next, of: (list) => list[next(list.length)]! }
}

/** Of what is written at most, so that a program is read and compiled in milliseconds. */
const textMax = 150_000

/** As many as V8 takes, with those that programs and checks have themselves. */
const localsMax = 49_000
const widths = [1, 2, 8, 30, 100, 300, 900, 999] as const
const localCounts = [0, 0, 1, 10, 100, 1_000, 5_000, localsMax] as const
const tableSizes = [10, 1_000, 90_000] as const

const constants: Readonly<Record<Type, readonly string[]>> = {
  i32: ['0', '1', '-1', '3', '0x7fffffff', '1000'],
  i64: ['0', '1', '-1', '3', '0x7fffffffffffffff', '0x100000000'],
  f32: ['0', '1.5', '0x1p-140', '0x1p-126', 'inf', 'nan', '1e10', '-0.1'],
  f64: ['0', '1.5', '0x1p-1060', '0x1p-1022', 'inf', 'nan', '1e100', '-0.1'],
  v128: [
    'i32x4 0 0 0 0',
    'i32x4 1 2 3 4',
    'i32x4 -1 -1 -1 -1',
    'f64x2 0x1p-1060 0x1p-1022',
    'f32x4 1.5 nan 0x1p-140 inf',
  ],
}

const seedLocal =
  '(local.set $seed (i64.add (i64.mul (local.get $seed) (i64.const 6364136223846793005)) (i64.const 1442695040888963407)))'
const randomWord = (shift: number) => `(i32.wrap_i64 (i64.shr_u (local.get $seed) (i64.const ${shift})))`

class Writer {
  readonly random: Random
  readonly #theme: readonly (Expression | Statement)[]
  readonly #fields: string[] = []

  constructor(random: Random, theme: readonly (Expression | Statement)[]) {
    this.random = random
    this.#theme = theme
  }

  get fields(): string {
    return this.#fields.join('\n')
  }

  field(text: string): void {
    this.#fields.push(text)
  }

  constant(type: Type): string {
    return `(${type}.const ${this.random.of(constants[type])})`
  }

  leaf(type: Type): string {
    const kind = this.random.next(10)
    if (kind < 6) return `(local.get $${type})`
    if (kind < 8) return this.constant(type)
    if (kind === 8 && type === 'i32') return randomWord(this.random.next(33))
    return `(global.get $g_${type})`
  }

  value(type: Type, depth: number): string {
    const fitting = this.#theme.filter((form): form is Expression => 'gives' in form && form.gives === type)
    if (depth <= 0 || fitting.length === 0) return this.leaf(type)
    return this.apply(this.random.of(fitting), depth)
  }

  apply(form: Expression | Statement, depth: number): string {
    const operands = form.takes.map((type) => this.value(type, depth - 1))
    return form.text(operands, this.random)
  }

  /** One thing that the theme does; what comes of it goes into the local of its type. */
  step(): string {
    const form = this.random.of(this.#theme)
    const text = this.apply(form, 1 + this.random.next(3))
    return 'gives' in form ? `(local.set $${form.gives} ${text})` : text
  }

  steps(count: number): string {
    return Array.from({ length: count }, () => this.step()).join(' ')
  }

  /** A bit that no predictor knows, or one that it does. */
  condition(): string {
    switch (this.random.next(4)) {
      case 0:
        return '(i32.const 1)'
      case 1:
        return '(local.get $i32)'
      default:
        return `(i32.and ${randomWord(this.random.next(60))} (i32.const 1))`
    }
  }
}

const repeat = (count: number, text: string | (() => string)): string =>
  Array.from({ length: count }, () => (typeof text === 'string' ? text : text())).join(' ')

const locals = ['(local $seed i64) (local $walk i32)', ...types.map((type) => `(local $${type} ${type})`)].join(' ')

/** Asked once a turn: what is computed might be wanted. */
const alive = `(if (global.get $never) (then ${types.map((type) => `(global.set $g_${type} (local.get $${type}))`).join(' ')}))`

const forever = (body: string) => `(loop $l ${body} (br $l))`

type Shape = (writer: Writer, width: number) => { title: string; body: string }

/** So many values of a type, and their removal. */
const push = (width: number, type: Type) =>
  repeat(width, type === 'v128' ? '(v128.const i32x4 1 2 3 4)' : `(${type}.const 1)`)
const drop = (width: number) => repeat(width, '(drop)')
const list = (width: number, type: Type) => repeat(width, type)

/** Names the shape's type of so many values in and out. */
function arity(writer: Writer, name: string, takes: string, gives: string): string {
  writer.field(`(type $${name} (func (param ${takes}) (result ${gives})))`)
  return `(type $${name})`
}

const shapes: readonly Shape[] = [
  (writer) => ({ title: 'plain', body: forever(`${seedLocal} ${repeatSteps(writer)} ${alive}`) }),
  (writer) => ({ title: 'plain', body: forever(`${seedLocal} ${repeatSteps(writer)} ${alive}`) }),
  (writer) => ({ title: 'plain', body: forever(`${repeatSteps(writer)} ${alive}`) }),
  (writer) => {
    const count = writer.random.of([1, 10, 60])
    const one = () =>
      `(if ${writer.condition()} (then ${writer.steps(writer.random.next(3))})${writer.random.next(2) === 0 ? '' : ` (else ${writer.steps(writer.random.next(3))})`})`
    return { title: `${count} ifs`, body: forever(`${seedLocal} ${repeat(count, one)} ${alive}`) }
  },
  (writer) => {
    const count = writer.random.of([1, 10, 60])
    const one = () =>
      `(block ${repeat(1 + writer.random.next(3), () => `(br_if 0 ${writer.condition()})`)} ${writer.steps(1)})`
    return { title: `${count} br_ifs`, body: forever(`${seedLocal} ${repeat(count, one)} ${alive}`) }
  },
  (writer) => {
    const arms = writer.random.of([2, 8, 64, 1_000])
    const labels = writer.random.of([1, 10, 50])
    const blocks = Math.min(arms, 16)
    const table = Array.from({ length: arms * labels }, (_, at) => (at * 7) % blocks).join(' ')
    const index = `(i32.rem_u ${randomWord(3)} (i32.const ${arms * labels}))`
    const body = `(block $out ${repeat(blocks, '(block')} (br_table ${table} 0 ${index}) ${repeat(blocks, () => `) ${writer.steps(1)} (br $out)`)})`
    return { title: `br_table of ${arms * labels}`, body: forever(`${seedLocal} ${body} ${alive}`) }
  },
  (writer) => {
    const depth = writer.random.of([1, 10, 100, 500])
    const body = `${repeat(depth, '(loop')} ${writer.steps(1)} ${repeat(depth, () => `(br_if 0 ${writer.random.next(2) === 0 ? '(i32.const 0)' : '(i64.eqz (i64.rem_u (local.tee $seed (i64.add (local.get $seed) (i64.const 1))) (i64.const 3)))'}))`)}`
    return { title: `${depth} loops, nested`, body: forever(`${body} ${alive}`) }
  },
  (writer, width) => {
    const [type, count] = [writer.random.of(types), writer.random.of(localCounts)]
    const [takes, gives] = [writer.random.next(2) * width, writer.random.next(2) * width]
    const same = writer.random.next(2) === 0
    const back =
      takes >= gives && same
        ? repeat(gives, () => `(local.get ${takes - 1 - writer.random.next(takes || 1)})`)
        : push(gives, type)
    const rare = count === 0 ? '' : `(if (global.get $never) (then (local.set $last (local.get $last))))`
    writer.field(
      `(func $callee (param ${list(takes, type)}) (result ${list(gives, type)}) ${locals} (local ${list(Math.max(0, count - 1), type)}) (local $last ${type}) ${rare} ${writer.steps(writer.random.next(2))} ${back})`,
    )
    const [call, times] = [writer.random.of(['direct', 'table', 'ref']), writer.random.of([1, 10, 50])]
    const type_ = arity(writer, 'callee', list(takes, type), list(gives, type))
    writer.field(
      '(elem declare func $callee) (table $callees 8 funcref) (elem (table $callees) (i32.const 0) func $callee $callee $callee $callee)',
    )
    const how = {
      direct: '(call $callee)',
      table: `(call_indirect $callees ${type_} (i32.and ${randomWord(5)} (i32.const 3)))`,
      ref: '(call_ref $callee (ref.func $callee))',
    }[call]!
    const one = `${push(takes, type)} ${how} ${drop(gives)}`
    const chained =
      takes === gives && same ? `${push(takes, type)} ${repeat(times, how)} ${drop(gives)}` : repeat(times, one)
    return {
      title: `calls (${call}) of ${takes} to ${gives} ${type}, ${count} locals`,
      body: forever(`${seedLocal} ${chained} ${alive}`),
    }
  },
  (writer, width) => {
    const type = writer.random.of(types)
    const turn = writer.random.next(2) === 0 ? 1 : 0
    const order = Array.from({ length: width }, (_, at) => `(local.get ${(at + turn) % width})`).join(' ')
    const how = writer.random.of([
      'return_call $tail',
      'return_call_indirect $tails (type $tail) (i32.const 0)',
      'return_call_ref $tail (ref.func $tail)',
    ])
    arity(writer, 'tail', list(width, type), '')
    writer.field(
      `(elem declare func $tail) (table $tails 1 funcref) (elem (table $tails) (i32.const 0) func $tail) (func $tail (param ${list(width, type)}) ${locals} ${writer.steps(1)} ${order} (${how}))`,
    )
    return { title: `tail calls (${how.split(' ')[0]}) of ${width} ${type}`, body: `${push(width, type)} (call $tail)` }
  },
  (writer) => {
    const [depth, count, type] = [
      writer.random.of([3, 50, 1_000]),
      writer.random.of([0, 1, 10, 50]),
      writer.random.of(types),
    ]
    writer.field(
      `(func $deep (param $left i32) ${locals} (local ${list(count, type)}) (if (local.get $left) (then (call $deep (i32.sub (local.get $left) (i32.const 1)))) ${writer.random.next(2) === 0 ? '' : '(else (return))'}) ${writer.steps(1)})`,
    )
    return { title: `recursion of ${depth}, ${count} locals`, body: forever(`(call $deep (i32.const ${depth}))`) }
  },
  (writer, width) => {
    const type = writer.random.of(types)
    arity(writer, 'wide', list(width, type), '')
    const shift = writer.random.next(3)
    const before = writer.random.next(2) === 0 ? '' : writer.steps(1)
    const more = shift === 0 ? '' : push(shift, type)
    const how = writer.random.of([
      '(br $w)',
      '(br_if $w (i32.const 1)) (unreachable)',
      '(br_table $w $w (i32.const 0))',
    ])
    return {
      title: `a loop that carries ${width} ${type}, ${how.slice(1, 9)} shifts ${shift}`,
      body: `${push(width, type)} (loop $w (type $wide) ${before} ${more} ${how}) (unreachable)`,
    }
  },
  (writer, width) => {
    const type = writer.random.of(types)
    arity(writer, 'wide', list(width, type), list(width, type))
    arity(writer, 'gives', '', list(width, type))
    const ways: readonly (readonly [string, string])[] = [
      ['block', '(block (type $wide))'],
      ['loop', '(loop (type $wide))'],
      ['if', `(if (type $wide) ${writer.condition()} (then))`],
      ['if else', `(if (type $wide) ${writer.condition()} (then) (else))`],
      ['br', '(block (type $wide) (br 0))'],
      ['br_if', `(block (type $wide) (br_if 0 ${writer.condition()}))`],
      ['br_if of one', `(block (type $wide) (drop) ${push(1, type)} (br_if 0 ${writer.condition()}))`],
      ['br_table', `(block (type $wide) (br_table 0 0 0 (i32.const 1)))`],
      [
        'br_table to three',
        `(block (type $wide) (block (type $wide) (block (type $wide) (br_table 0 1 2 0 1 2 (i32.and ${randomWord(7)} (i32.const 3))))))`,
      ],
      [
        'one swapped',
        `(local.set $${type}) (local.set $s) (local.get $${type}) (local.get $s) (block (type $wide) (br_if 0 ${writer.condition()}))`,
      ],
    ]
    const chosen = writer.random.of(ways.slice(0, width < 2 ? -1 : undefined))
    const times = writer.random.of([1, 10, 100, 300])
    const inside = writer.random.next(2) === 0
    const chain = `${push(width, type)} ${repeat(times, chosen[1])} ${inside ? `(block (type $wide) ${repeat(times, chosen[1])})` : ''} ${drop(width)}`
    writer.field(
      `(func $chain (param $seed i64) (local $walk i32) ${types.map((one) => `(local $${one} ${one})`).join(' ')} (local $s ${type}) ${chain})`,
    )
    return {
      title: `${times} times ${chosen[0]} with ${width} ${type}`,
      body: forever(`${seedLocal} (call $chain (local.get $seed)) ${alive}`),
    }
  },
  (writer, width) => {
    const type = writer.random.of(types)
    arity(writer, 'gives', '', list(width, type))
    const [never, times] = [writer.random.of([0, 1, 50]), writer.random.of([1, 4])]
    const one = `(block (type $gives) ${push(width, type)} ${repeat(never, '(br_if 0 (i32.const 0))')} (br_if 0 ${writer.condition()})) ${drop(width)}`
    return {
      title: `br_if out of ${width} ${type}`,
      body: forever(`${seedLocal} ${repeat(times, one)} ${writer.steps(1)} ${alive}`),
    }
  },
  (writer, width) => {
    const type = writer.random.of(types)
    const arms = `${Array.from({ length: width }, (_, at) => `(local.set $m${at} (local.get $m${(at + 1) % width}))`).join(' ')}`
    const declared = Array.from({ length: width }, (_, at) => `(local $m${at} ${type})`).join(' ')
    const uses = width === 0 ? '' : `(global.set $g_${type} (local.get $m${writer.random.next(width)}))`
    const rare = writer.random.of(['(global.get $never)', `(i32.eqz (i32.and ${randomWord(9)} (i32.const 1023)))`])
    writer.field(
      `(func $rarely ${locals} ${declared} ${forever(`${seedLocal} (if ${rare} (then ${arms})) ${writer.steps(1)} (block (br_if 0 ${writer.condition()}) ${writer.steps(1)}) ${uses}`)})`,
    )
    return { title: `${width} locals that are rarely changed`, body: '(call $rarely)' }
  },
]

function repeatSteps(writer: Writer): string {
  const steps = writer.steps(1 + writer.random.next(4))
  return repeat(
    Math.max(1, Math.min(writer.random.of([1, 4, 30, 200, 1_000]), Math.floor(textMax / steps.length / 2))),
    steps,
  )
}

export function programOf(seed: number): Program {
  const random = randomOf(seed)
  const reach = random.of([...reaches.slice(0, 1), ...reaches.slice(0, 1), ...reaches])
  const all = [expressions, expressions, loads(reach), stores(reach), statements] as const
  const theme = Array.from({ length: 1 + random.next(3) }, () =>
    random.of(random.of<readonly (Expression | Statement)[]>(all)),
  )
  const writer = new Writer(random, theme)
  const shape = random.of(shapes)
  const { title, body } = shape(writer, random.of(widths))
  const table = random.of(tableSizes)
  const memoryUsed = theme.some(({ name }) => /load|store/.test(name))
  const stalls = memoryUsed && reach > reaches[0]
  const text = moduleOf(writer, body, table, stalls)
  return {
    seed,
    title: `${title}: ${theme.map(({ name }) => name).join(', ')}${stalls ? `, within ${reach + 1} bytes` : ''}`,
    text,
    stalls,
  }
}

/** A program that is not for running: all forms once. */
export function everyForm(): string {
  const forms = [...expressions, ...loads(reaches[0]), ...stores(reaches[0]), ...statements]
  const writer = new Writer(randomOf(1), forms)
  const body = forms.map((form) => {
    const text = writer.apply(form, 1)
    return 'gives' in form ? `(drop ${text})` : text
  })
  return moduleOf(writer, body.join('\n'), tableSizes[1], false)
}

function moduleOf(writer: Writer, body: string, table: number, stalls: boolean): string {
  const { random } = writer
  return `(module
  (type $none (func))
  (memory (export "memory") ${stalls ? 1025 : 4} 1025)
  (data $bytes "${'x'.repeat(passiveBytes)}") (data $gone "y")
  (table $t ${table} 100000 funcref)
  (elem $elements func ${repeat(passiveElements, '$nothing')})
  (elem $expressions funcref ${repeat(passiveElements, '(ref.func $nothing)')})
  (elem $gone func $nothing) (elem (i32.const 0) $nothing) (elem declare func $nothing)
  ${types.map((type) => `(global $g_${type} (export "g_${type}") (mut ${type}) (${type}.const ${constants[type][1]}))`).join(' ')}
  (global $never (export "never") (mut i32) (i32.const 0))
  (global $fit_f32 (export "fit32") (mut f32) (f32.const 1000.5)) (global $fit_f64 (export "fit64") (mut f64) (f64.const 1000.5))
  (func $nothing (type $none))
  ${writer.fields}
  (func (export "run") ${locals} (local.set $seed (i64.const 88172645463325252))
    ${types.map((type) => `(local.set $${type} (${type}.const ${random.of(constants[type])}))`).join(' ')}
    ${body}))`
    .replaceAll('INIT', String(Math.min(table, passiveElements)))
    .replaceAll('TABLE', String(Math.min(table - 1, random.of([0, 1, 10, 1_000, 100_000]))))
}

// What `npm run bench -- peers` says of figures, and that it believes no peer: nothing here is timed.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { busy, cells, hot, keys, pipelined } from '../../bench/peers/cells.ts'
import { wrongOf } from '../../bench/peers/check.ts'
import { floor } from '../../bench/peers/floor.ts'
import { innkeeper } from '../../bench/peers/innkeeper.ts'
import { install } from '../../bench/peers/install.ts'
import { optionsOf } from '../../bench/peers/options.ts'
import type { Peer } from '../../bench/peers/peer.ts'
import { reportOf } from '../../bench/peers/peers.ts'
import { Server } from '../../bench/peers/processes.ts'
import type { CellFigures, RoundFigures } from '../../bench/peers/round.ts'
import { begin, end, replaced } from '../../bench/peers/section.ts'
import { type Measured, tableOf } from '../../bench/peers/table.ts'
import { turnsOf } from '../../bench/peers/turns.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const pace = { warmupMs: 20, ms: 60 }
const Table = suite('the table of the peers')
const Check = suite('the check of the peers')
const Run = suite('a run of the peers')
/** Where /proc says what a process used. */
const linux = process.platform === 'linux'

const cell = (perSecond: number): CellFigures => ({
  acknowledged: perSecond,
  errors: 0,
  unanswered: 0,
  perSecond,
  p50Ms: 1,
  p99Ms: 2.5,
  p999Ms: 12.25,
  clientCores: 0.5,
  cpuMicros: 40,
  writtenBytes: 4_321,
  flushes: undefined,
})
const round = (of: Readonly<Record<string, CellFigures>>): RoundFigures => ({
  cells: of,
  startMs: 100,
  restartMs: undefined,
  memoryBytes: 5e7,
  acknowledged: 1_000,
  errors: 0,
})
const peer = (name: string, role: Measured['role'], rates: readonly number[], more: string[] = []): Measured => ({
  name,
  role,
  rounds: rates.map((rate) =>
    round(Object.fromEntries([busy.name, hot.name, ...more].map((one) => [one, cell(rate)]))),
  ),
})

/** The texts of a row, by its beginning. */
function rowOf(table: string, name: string): readonly string[] {
  const line = table.split('\n').find((one) => one.startsWith(`| ${name} `))
  assert.ok(line !== undefined, name)
  return line
    .split('|')
    .slice(2, -1)
    .map((text) => text.trim())
}

Table('shows the median of the rounds, and what a peer was not asked as a dash', () => {
  const table = tableOf([
    peer('floor', 'floor', [30_000, 10_000, 20_000]),
    peer('ours', 'own', [9_000, 10_000, 9_900], [pipelined.name]),
    peer('a', 'other', [1_000, 1_000, 1_000]),
    peer('b', 'other', [990, 1_900, 2_100, 2_500]),
  ])
  assert.equal(rowOf(table, ''), ['floor', 'ours', 'a', 'b'])
  assert.equal(rowOf(table, `adds a second, ${busy.name}`), ['20,000', '9,900', '1,000', '2,000'])
  assert.equal(rowOf(table, `p50 / p99 / p99.9 ms, ${busy.name}`)[0], '1.00 / 2.50 / 12.3')
  assert.equal(rowOf(table, `adds to those of the floor, ${busy.name}`), ['–', '0.49', '0.05', '0.10'])
  assert.equal(rowOf(table, `adds to those of the better of the others, ${busy.name}`), ['10.0', '4.95', '–', '–'])
  assert.equal(rowOf(table, `adds a second, ${pipelined.name}`), ['–', '9,900', '–', '–'])
  assert.equal(rowOf(table, `adds a second for each core that it used, ${busy.name}`)[0], '25,000')
  assert.equal(rowOf(table, `disk flushes an add, ${busy.name}`), ['–', '–', '–', '–'])
  assert.equal(rowOf(table, 'acknowledged in all rounds, none lost or doubled')[0], '3,000')
  const widths = new Set(table.split('\n').map((line) => line.length))
  assert.is(widths.size, 1, 'every line is as wide as the others')
})

Table('of an offered rate that is not kept it says what was reached, and no latency', () => {
  const [slow, fast] = cells.filter(({ rate }) => rate !== undefined)
  const table = tableOf([peer('a', 'other', [600], [slow!.name, fast!.name])])
  assert.equal(rowOf(table, `p50 / p99 / p99.9 ms, ${slow!.name}`), ['1.00 / 2.50 / 12.3'])
  assert.equal(rowOf(table, `p50 / p99 / p99.9 ms, ${fast!.name}`), ['only 600/s'])
})

Table('replaces the section of a document, again and again, and nothing else', () => {
  const document = `before\n${begin}\nold\n${end}\nafter\n`
  const once = replaced(document, '| new |', 'x.md')
  assert.is(once, `before\n${begin}\n\n| new |\n\n${end}\nafter\n`)
  assert.is(replaced(once, '| new |', 'x.md'), once)
  assert.throws(() => replaced('no marks', '', 'x.md'), /x\.md has no section/)
  assert.throws(() => replaced(`${end} ${begin}`, '', 'x.md'), /x\.md has no section/)
})

Table('docs/performance.md has the section, and no row in it that the table does not have', () => {
  const document = readFileSync(join(root, 'docs/performance.md'), 'utf8')
  replaced(document, '', 'docs/performance.md')
  const section = document.slice(document.indexOf(begin), document.indexOf(end))
  const names = (text: string) =>
    text
      .split('\n')
      .filter((line) => line.startsWith('| '))
      .map((line) => line.split('|')[1]!.trim())
      .slice(2)
  assert.equal(names(section), names(tableOf([peer('a', 'other', [1])])))
})

Table('refuses options that it does not know, or that make no sense', () => {
  assert.equal(optionsOf([]).rounds, 3)
  assert.equal(optionsOf(['--quick']).rounds, 1)
  assert.equal(optionsOf(['--quick', '--rounds', '2', '--only', 'floor,rust']).only, ['floor', 'rust'])
  const refused: readonly (readonly [string, RegExp])[] = [
    ['--quik', /'--quik'.*the options of peers are --quick, --rounds, --ms, --only, --write/],
    ['fast', /'fast'/],
    ['--rounds 0', /--rounds 0: must be a whole number from 1 to 99/],
    ['--ms 1e3', /--ms 1e3: must be a whole number/],
    ['--only floor,node', /there is no "node"; there are floor,/],
    ['--write docs/nothing.md', /there is no such file/],
    ['--write README.md', /README\.md has no section/],
    ['--write docs/performance.md --only floor', /leave --only out/],
  ]
  const before = process.cwd()
  process.chdir(root)
  try {
    for (const [words, message] of refused) assert.throws(() => optionsOf(words.split(' ')), message, words)
  } finally {
    process.chdir(before)
  }
})

Table('says that the peers cannot be had', () => {
  const folder = mkdtempSync(join(tmpdir(), 'innkeeper-peers-test-'))
  try {
    const npm = join(folder, 'npm')
    writeFileSync(npm, '#!/bin/sh\necho "npm error network: nobody is there" >&2\nexit 1\n', { mode: 0o755 })
    const bought = install(join(folder, 'cache'), () => {}, {
      ...process.env,
      PATH: `${folder}:${process.env['PATH']}`,
    })
    assert.ok('missing' in bought)
    assert.match(bought.missing, /npm could not install it to .*cache: npm error network: nobody is there/)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

Check('finds what is lost and what is doubled, and lets what nobody knows be either', () => {
  assert.is(wrongOf({ sum: 100, acknowledged: 100, unknown: 0 }), undefined)
  assert.is(wrongOf({ sum: 103, acknowledged: 100, unknown: 3 }), undefined)
  assert.match(wrongOf({ sum: 99, acknowledged: 100, unknown: 3 }) ?? '', /1 are lost/)
  assert.match(wrongOf({ sum: 104, acknowledged: 100, unknown: 3 }) ?? '', /1 too many/)
})

const wrong = (fault: 'lost' | 'doubled' | 'ends' | 'none'): Peer => ({
  name: fault,
  role: 'other',
  version: '1',
  durability: 'none at all',
  asking: { counter: floor.asking.counter! },
  pipelined: false,
  start: async () => {
    const keeper = new Server(process.execPath, ['test/bench/wrong-counter.ts', fault], { cwd: root })
    const { port } = (await keeper.ready()) as { port: number }
    return { port, servers: [keeper], keeper }
  },
  // It keeps nothing: what it acknowledged before the kill is lost.
  ...(fault === 'none' ? { startAgain: () => wrong('none').start('') } : {}),
})

;(linux ? Check : Check.skip)(
  'a peer that loses or doubles one add, or ends, is named with the reason, and has no column',
  async () => {
    const peers = (['lost', 'doubled', 'ends', 'none'] as const).map(wrong)
    const said: string[] = []
    const taken = await turnsOf(peers, 2, pace, (line) => said.push(line))
    assert.equal(taken.measured, [])
    assert.match(taken.failed.get('lost') ?? '', /^round 1: counter: .*: 1 are lost$/)
    assert.match(taken.failed.get('doubled') ?? '', /^round 1: counter: .* 1 too many$/)
    assert.match(taken.failed.get('ends') ?? '', /^round 1: the client ended: .*; node: .* \(ended with 3\)$/)
    assert.match(taken.failed.get('none') ?? '', /^round 1: counter: its counters add up to \d+, .* are lost$/)
    assert.is(said.length, peers.length, 'who failed has no second turn')
    const report = reportOf({ rounds: 2, ...pace }, peers, [{ name: 'gone', why: 'nobody has it' }], taken)
    assert.match(report, /^- \*\*doubled failed, its figures are not shown\*\*: round 1: /m)
    assert.match(report, /^- gone: not measured: nobody has it$/m)
  },
)

;(linux ? Run : Run.skip)(
  'of the floor and of Innkeeper has every figure, and nothing is lost over a kill',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'innkeeper-peers-test-'))
    try {
      const own = await innkeeper('typescript', folder)
      assert.ok('start' in own)
      const taken = await turnsOf([floor, own], 1, pace, () => {})
      assert.equal([...taken.failed], [])
      assert.is(taken.loads.length, 2)
      const [first, second] = taken.measured.map(({ rounds }) => rounds[0]!)
      const unpipelined = cells.filter(({ kind }) => kind !== 'pipelined').map(({ name }) => name)
      assert.equal(Object.keys(first!.cells), unpipelined)
      assert.equal(
        Object.keys(second!.cells),
        cells.map(({ name }) => name),
      )
      for (const { cells: figures, acknowledged, errors } of [first!, second!]) {
        assert.is(errors, 0)
        const all = Object.values(figures)
        assert.ok(all.every((one) => one.acknowledged > 0))
        // Before the first of them each work had each key once.
        assert.ok(acknowledged >= all.reduce((sum, one) => sum + one.acknowledged, 2 * keys))
        assert.ok(all.some((one) => one.cpuMicros > 0) && all.every((one) => Number.isFinite(one.writtenBytes)))
      }
      assert.is(first!.restartMs, undefined)
      assert.ok(second!.restartMs !== undefined)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
)

Table.run()
Check.run()
Run.run()

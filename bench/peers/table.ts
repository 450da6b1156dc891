// Table: the figures of all rounds as one table of Markdown: a row a measure, a column a peer, medians.

import { alone, busy, type Cell, cells, hot, pipelined } from './cells.ts'
import type { Peer } from './peer.ts'
import type { CellFigures, RoundFigures } from './round.ts'

/** A peer that passed its check in each of its rounds. */
export interface Measured {
  readonly name: string
  readonly role: Peer['role']
  readonly rounds: readonly RoundFigures[]
}

/** A column: the name of each row, with what is in it. */
export type Column = ReadonlyMap<string, string>

interface Row {
  readonly name: string
  readonly of: (peer: Measured, all: readonly Measured[]) => string
}

const none = '–'
/** An offered rate is kept if so much of it is answered. */
const kept = 0.95

export function columnOf(peer: Measured, all: readonly Measured[]): Column {
  return new Map(rows.map((row) => [row.name, row.of(peer, all)]))
}

export function tableOf(peers: readonly Measured[]): string {
  const columns = peers.map((peer) => columnOf(peer, peers))
  const lines = [
    ['', ...peers.map((peer) => peer.name)],
    ...rows.map(({ name }) => [name, ...columns.map((column) => column.get(name)!)]),
  ]
  const widths = lines[0]!.map((_, at) => Math.max(3, ...lines.map((line) => line[at]!.length)))
  const padded = (line: readonly string[]) =>
    line.map((text, at) => (at === 0 ? text.padEnd(widths[0]!) : text.padStart(widths[at]!)))
  const rule = widths.map((width, at) => (at === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`))
  return [padded(lines[0]!), rule, ...lines.slice(1).map(padded)].map((line) => `| ${line.join(' | ')} |`).join('\n')
}

const rows: readonly Row[] = [
  ...cells.flatMap(rowsOf),
  ...[busy, hot].flatMap((cell) => [
    { name: `adds to those of the floor, ${cell.name}`, of: ratio('floor', cell, cell) },
    { name: `adds to those of the better of the others, ${cell.name}`, of: ratio('other', cell, cell) },
  ]),
  { name: `pipelined adds to those of the floor, ${busy.name}`, of: ratio('floor', pipelined, busy) },
  ...[alone, busy, pipelined].map((cell) => ({
    name: `CPU µs an add, ${cell.name}`,
    of: (peer: Measured) => number(figure(peer, cell, (of) => of.cpuMicros)),
  })),
  {
    name: `adds a second for each core that it used, ${busy.name}`,
    of: (peer) => number(figure(peer, busy, (of) => 1e6 / of.cpuMicros)),
  },
  {
    name: `cores used by it / by the client, ${busy.name}`,
    of: (peer) => {
      const own = figure(peer, busy, (of) => (of.cpuMicros * of.perSecond) / 1e6)
      return `${number(own)} / ${number(figure(peer, busy, (of) => of.clientCores))}`
    },
  },
  ...[alone, busy].flatMap((cell) => [
    {
      name: `bytes written an add, ${cell.name}`,
      of: (peer: Measured) => number(figure(peer, cell, (of) => of.writtenBytes)),
    },
    {
      name: `disk flushes an add, ${cell.name}`,
      of: (peer: Measured) => number(figure(peer, cell, (of) => of.flushes)),
    },
  ]),
  { name: 'memory after all of these, MB', of: (peer) => number(whole(peer, (of) => of.memoryBytes / 1e6)) },
  { name: 'first answer after a start on nothing, ms', of: (peer) => number(whole(peer, (of) => of.startMs)) },
  { name: 'first answer after `kill -9` under load, ms', of: (peer) => number(whole(peer, (of) => of.restartMs)) },
  {
    name: 'acknowledged in all rounds, none lost or doubled',
    of: ({ rounds }) => grouped(rounds.reduce((sum, { acknowledged }) => sum + acknowledged, 0)),
  },
  {
    name: 'answers that were errors',
    of: ({ rounds }) => grouped(rounds.reduce((sum, { errors }) => sum + errors, 0)),
  },
]

function rowsOf(cell: Cell): readonly Row[] {
  const latency: Row = {
    name: `p50 / p99 / p99.9 ms, ${cell.name}`,
    of: (peer) => {
      const reached = figure(peer, cell, (of) => of.perSecond)
      if (reached === undefined || (reached === 0 && cell.rate === undefined)) return none
      if (cell.rate !== undefined && reached < kept * cell.rate) return `only ${grouped(reached)}/s`
      const shares = (['p50Ms', 'p99Ms', 'p999Ms'] as const).map((share) => figure(peer, cell, (of) => of[share]))
      return shares.map(number).join(' / ')
    },
  }
  if (cell.kind === 'open') return [latency]
  const perSecond: Row = {
    name: `${cell.work === 'notes' ? 'puts' : 'adds'} a second, ${cell.name}`,
    of: (peer) => number(figure(peer, cell, (of) => of.perSecond)),
  }
  return [perSecond, latency]
}

/** Of a peer's `cell` to `of` of the best in that role; a peer is not compared to its own role. */
function ratio(role: Peer['role'], cell: Cell, of: Cell): Row['of'] {
  return (peer, all) => {
    const own = figure(peer, cell, ({ perSecond }) => perSecond)
    const others = all
      .filter((one) => one.role === role)
      .map((one) => figure(one, of, ({ perSecond }) => perSecond))
      .filter((value) => value !== undefined)
    if (own === undefined || others.length === 0 || peer.role === role) return none
    return number(own / Math.max(...others))
  }
}

function figure(
  { rounds }: Measured,
  cell: Cell,
  of: (figures: CellFigures) => number | undefined,
): number | undefined {
  return median(
    rounds.map((round) => {
      const figures = round.cells[cell.name]
      return figures === undefined ? undefined : of(figures)
    }),
  )
}

function whole({ rounds }: Measured, of: (round: RoundFigures) => number | undefined): number | undefined {
  return median(rounds.map(of))
}

/** Undefined if a round has none. Of an even count, the middle of the middle two. */
function median(values: readonly (number | undefined)[]): number | undefined {
  const sorted = values.filter((value) => value !== undefined).sort((a, b) => a - b)
  if (sorted.length < values.length || sorted.length === 0) return undefined
  const middle = sorted.length / 2
  return (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2
}

function number(value: number | undefined): string {
  if (value === undefined) return none
  return value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : grouped(value)
}

function grouped(value: number): string {
  return Math.round(value).toLocaleString('en')
}

// Guards layers: whatever is written, deleted, cleared and frozen, they read like one store; and what lies behind a gap is found.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Column } from '../../host/storage/columns.ts'
import { DamagedBlock } from '../../host/storage/damage.ts'
import type { Range, Write } from '../../host/storage/kv.ts'
import type { Database } from '../../host/storage/layers.ts'
import { Layers } from '../../host/storage/layers.ts'
import type { Gap } from '../../host/storage/walk.ts'
import { walk } from '../../host/storage/walk.ts'
import { MemoryKv } from '../../host/store/memory.ts'

const Layered = suite('layers')

class MemoryDatabase extends MemoryKv implements Database {
  clear(column: Column, from: Buffer, to: Buffer): void {
    this.erase([], [{ column, from, to }], () => {})
  }

  readonly backgroundErrors = 0
  frozen = false

  override write(writes: readonly Write[]): void {
    assert.not(this.frozen, 'a frozen layer was written to')
    super.write(writes)
  }
}

const key = fc.constantFrom('a', 'b', 'ba', 'bb', 'c', 'd', 'e').map((text) => Buffer.from(text))
const operation = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('put' as const), key, value: fc.constantFrom('', 'xy', 'xyz') }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('delete' as const), key }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('clear' as const), from: key, to: key }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('freeze' as const) }) },
)
const query = fc.record({
  from: key,
  to: key,
  reverse: fc.boolean(),
  limit: fc.integer({ min: 1, max: 4 }),
  bytesMax: fc.constantFrom(undefined, 1, 3),
})

Layered(
  'layers.Y1, layers.Y2: any history over any number of layers reads like one store, and only the top is written',
  () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 40 }), fc.array(query, { maxLength: 6 }), (history, queries) => {
        const plain = new MemoryKv()
        let databases = [new MemoryDatabase()]
        let layers = new Layers(databases)
        const column: Column = 'journal'
        for (const step of history) {
          if (step.kind === 'freeze') {
            databases[0]!.frozen = true
            databases = [new MemoryDatabase(), ...databases]
            layers = new Layers(databases)
          } else if (step.kind === 'clear') {
            const [from, to] = [step.from, step.to].sort((a, b) => a.compare(b)) as [Buffer, Buffer]
            plain.erase([], [{ column, from, to }], () => {})
            layers.clear(column, from, to)
          } else {
            const writes: Write[] = [[column, step.key, step.kind === 'put' ? Buffer.from(step.value) : undefined]]
            plain.write(writes)
            layers.write(writes, true)
          }
        }
        for (const { from, to, bytesMax, ...rest } of queries) {
          const range: Range = { from, to, ...rest, ...(bytesMax === undefined ? {} : { bytesMax }) }
          assert.equal(texts(layers.range(column, range)), texts(plain.range(column, range)))
          assert.equal(layers.get(column, from), plain.get(column, from))
        }
        const all: Range = { from: Buffer.of(0), to: Buffer.of(255), limit: 100 }
        assert.equal(texts(layers.range(column, all)), texts(plain.range(column, all)))
        assert.equal(
          texts(layers.range(column, { ...all, keysOnly: true })),
          texts(plain.range(column, { ...all, keysOnly: true })),
        )
      }),
      { numRuns: 500 },
    )
  },
)

Layered('layers.Y3: one layer has nothing in it but what was written', () => {
  const database = new MemoryDatabase()
  const layers = new Layers([database])
  const writes: Write[] = [['journal', Buffer.from('a'), Buffer.from('x')]]
  assert.is(layers.ofTop(writes), writes)
  layers.write(writes, true)
  layers.clear('journal', Buffer.from('a'), Buffer.from('b'))
  layers.write([['journal', Buffer.from('c'), Buffer.from('x')]], true)
  layers.write([['journal', Buffer.from('c'), undefined]], true)
  const all: Range = { from: Buffer.of(0), to: Buffer.of(255), limit: 100 }
  for (const column of ['journal', 'default'] as const) assert.equal(database.range(column, all), [])
})

/** Blocks of keys, of which some cannot be read: a read that touches one fails, as RocksDB's does. */
class Blocks extends MemoryKv {
  private readonly damaged: readonly (readonly [Buffer, Buffer])[]

  constructor(damaged: readonly (readonly [string, string])[]) {
    super()
    this.damaged = damaged.map(([first, last]) => [Buffer.from(first), Buffer.from(last)])
  }

  override range(column: Column, range: Range): Buffer[] {
    const rows = super.range(column, range)
    for (let at = 0; at < rows.length; at += 2)
      for (const [first, last] of this.damaged)
        if (first.compare(rows[at]!) <= 0 && rows[at]!.compare(last) <= 0) throw new DamagedBlock('a bad block')
    return rows
  }
}

Layered('walk.L1: a walk reads all that lies outside of a damaged block, and tells its two sides', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.string({ unit: fc.constantFrom('a', 'b', 'é', '\0'), minLength: 1, maxLength: 12 }), {
        minLength: 1,
        maxLength: 60,
      }),
      fc.integer({ min: 0, max: 59 }),
      fc.integer({ min: 0, max: 9 }),
      fc.integer({ min: 1, max: 8 }),
      (names, start, length, rowsMax) => {
        const sorted = names.map((name) => Buffer.from(name)).sort((a, b) => a.compare(b))
        const first = Math.min(start, sorted.length - 1)
        const last = Math.min(first + length, sorted.length - 1)
        const kv = new Blocks([[sorted[first]!.toString(), sorted[last]!.toString()]])
        kv.write(sorted.map((name): Write => ['outbox', name, Buffer.from('v')]))
        const read: string[] = []
        const gaps: Gap[] = []
        const to = Buffer.of(255)
        for (const step of walk(kv, { column: 'outbox', from: Buffer.alloc(0), to, rowsMax })) {
          if (step.kind === 'gap') gaps.push(step)
          else read.push(...texts([...step.rows]).filter((_, at) => at % 2 === 0))
        }
        assert.equal(read, texts(sorted.filter((_, at) => at < first || at > last)))
        assert.is(gaps.length, 1)
        assert.equal(gaps[0]!.after, first === 0 ? Buffer.alloc(0) : sorted[first - 1])
        assert.equal(gaps[0]!.to, sorted[last + 1] ?? to)
      },
    ),
    { numRuns: 300 },
  )
})

Layered('walk.L2: with several damaged blocks the walk still reaches the end', () => {
  const names = Array.from({ length: 500 }, (_, n) => `k${String(n).padStart(4, '0')}`)
  const kv = new Blocks([
    ['k0010', 'k0019'],
    ['k0200', 'k0210'],
    ['k0490', 'k0499'],
  ])
  kv.write(names.map((name): Write => ['outbox', Buffer.from(name), Buffer.from('v')]))
  const read = new Set<string>()
  for (const step of walk(kv, { column: 'outbox', from: Buffer.alloc(0), to: Buffer.of(255), rowsMax: 7 }))
    if (step.kind === 'rows') for (const text of texts([...step.rows])) read.add(text)
  for (const name of names.slice(0, 10)) assert.ok(read.has(name))
  for (const name of ['k0010', 'k0200', 'k0499']) assert.not(read.has(name))
})

function texts(rows: readonly Buffer[]): string[] {
  return rows.map((row) => row.toString())
}

Layered.run()

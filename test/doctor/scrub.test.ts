// Guards how a store is looked through: what is told of its damage, and how little is done at once.

import pino from 'pino'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Finding, Scrubbed } from '../../host/doctor/scrub.ts'
import { Scrub } from '../../host/doctor/scrub.ts'
import { bytesPerSecond, Scrubbing } from '../../host/doctor/scrubbing.ts'
import type { Journal } from '../../host/journal/journal.ts'
import { columns } from '../../host/storage/columns.ts'
import { DamagedBlock } from '../../host/storage/damage.ts'
import type { Range } from '../../host/storage/kv.ts'
import { append, commit, record } from '../support/journal.ts'
import { memoryStore } from '../support/store.ts'
import { VirtualTime } from '../support/virtual.ts'

/** A store of one partition, in which these rows of the journal lie in a damaged block. */
async function stored(write: (journal: Journal) => Promise<void>, damaged: readonly number[] = []) {
  const store = memoryStore(1)
  await write(store.journal)
  const everything: Range = { from: Buffer.alloc(1), to: Buffer.of(255, 255), limit: 1e6 }
  const keys = store.kv.range('journal', everything).filter((_, at) => at % 2 === 0)
  const bad = damaged.map((at) => keys[at]!.toString('hex'))
  let asked = 0
  const kv: Scrubbed['kv'] = {
    get: (column, key) => store.kv.get(column, key),
    range(column, range) {
      asked += 1
      const rows = store.kv.range(column, range)
      if (column === 'journal' && rows.some((row) => bad.includes(row.toString('hex'))))
        throw new DamagedBlock('a table is damaged')
      return rows
    },
  }
  const rows = () => columns.map((column) => store.kv.range(column, everything).map((row) => row.toString('hex')))
  return { store, kv, keys, scrubbed: { kv, parts: [kv] }, asked: () => asked, rows }
}

/** Through the whole store, and what was found by then. */
async function through(store: Scrubbed, deep?: () => boolean): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  const scrub = new Scrub({ store, found: (finding) => findings.push(finding), ...(deep && { deep }) })
  while (scrub.step());
  await scrub.settled()
  return findings
}

async function appended(journal: Journal): Promise<void> {
  for (let at = 0; at < 9; at++) await append(journal, { storage: 1, key: `k${at}` }, ['x'])
}

const Scrubs = suite('scrub')

Scrubs(
  'scrub.S1: what cannot be read is told by its neighbours, what can by what is wrong; nothing is changed',
  async () => {
    const { store, keys, scrubbed, rows } = await stored(appended, [5, 6])
    store.kv.write([['journal', keys[2]!, Buffer.from('not a record')]], true)
    const before = rows()
    const findings = await through(scrubbed)
    assert.equal(rows(), before)
    const told = findings.map(({ column, storage, entity, what }) => ({ column, storage, entity, what }))
    assert.equal(told, [
      { column: 'journal', storage: 1, entity: 'k2', what: 'record 1' },
      {
        ...{ column: 'journal', storage: undefined, entity: undefined },
        what: 'everything between record 1 of "k4" and record 1 of "k7"',
      },
    ])
    assert.is(findings[1]!.reason, 'a table is damaged')
    assert.equal(findings[1]!.gap, { after: keys[4], to: keys[7] })
  },
)

Scrubs('scrub.S2: a step reads one page, of so many rows and bytes', async () => {
  const { scrubbed, asked } = await stored(async (journal) => {
    for (let at = 0; at < 600; at++) await append(journal, { storage: 1, key: `k${at}` }, ['x'])
    for (let at = 0; at < 9; at++) await append(journal, { storage: 2, key: `large${at}` }, ['x'.repeat(50_000)])
  })
  const scrub = new Scrub({ store: scrubbed, found: () => assert.unreachable() })
  let before = { asked: 0, values: 0, bytes: 0 }
  for (let more = true; more; ) {
    more = scrub.step()
    const now = { asked: asked(), values: scrub.values, bytes: scrub.bytes }
    // At the end of a column the next one is asked.
    assert.ok(now.asked - before.asked <= 1 + columns.length)
    assert.ok(now.values - before.values <= 256, `${now.values - before.values} values`)
    assert.ok(now.bytes - before.bytes <= 64 * 1024 + 51_000, `${now.bytes - before.bytes} bytes`)
    before = now
  }
  assert.ok(before.values > 1_200)
})

Scrubs(
  'scrub.S2: the hash of a component is not waited for, and replicas are read where that is asked for',
  async () => {
    const { store, scrubbed } = await stored((journal) =>
      commit(journal, (batch) => {
        const change = { kind: 'delta', delta: Buffer.from('no replica') } as const
        batch.append({ storage: 1, key: 'r' }, { ...record(1, 0, []), change })
      }),
    )
    store.kv.write([['components', Buffer.from(`component/${'0'.repeat(64)}`), Buffer.from('not it')]], true)
    const findings: Finding[] = []
    const scrub = new Scrub({ store: scrubbed, found: (finding) => findings.push(finding) })
    while (scrub.step());
    assert.equal(findings, [])
    await scrub.settled()
    const whats = (found: readonly Finding[]) => found.map(({ what }) => what)
    assert.equal(whats(findings), ['component/000000000000'])
    assert.equal(whats(await through(scrubbed, () => true)), ['record 1', 'component/000000000000'])
  },
)

Scrubs('scrubbing.B1: a running host reads at most so many bytes a second', async () => {
  const { scrubbed } = await stored(async (journal) => {
    for (let at = 0; at < 60; at++) await append(journal, { storage: 1, key: `k${at}` }, ['x'.repeat(100_000)])
  })
  const time = new VirtualTime(() => 0)
  const log = pino({ level: 'silent' })
  const scrubbing = new Scrubbing({ store: scrubbed, log, clock: time.life(), unfit: () => false })
  scrubbing.start()
  for (let second = 1; scrubbing.rounds === 0; second++) {
    assert.ok(second < 60, 'it never comes to the end')
    await time.run(second * 1_000)
    // A page more than was earned, once.
    assert.ok(scrubbing.bytes <= second * bytesPerSecond + 200_000, `${scrubbing.bytes} bytes in ${second} s`)
  }
  assert.ok(scrubbing.bytes > 5 * bytesPerSecond)
  const { bytes } = scrubbing
  scrubbing.stop()
  await time.run(3_600_000)
  assert.is(scrubbing.bytes, bytes)
})

Scrubs.run()

// Guards the commit logs: the rules of all, the form of an entry, and the faults that the memory log can have.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { decodeEntry, encodeEntry } from '../../host/journal/log/entry.ts'
import { LocalLog } from '../../host/journal/log/local.ts'
import { LogError } from '../../host/journal/log/log.ts'
import type { Fate } from '../../host/journal/log/memory.ts'
import { MemoryLog } from '../../host/journal/log/memory.ts'
import { columns } from '../../host/storage/columns.ts'
import { DamagedValue } from '../../host/storage/damage.ts'
import { MemoryKv } from '../../host/store/memory.ts'
import { append, entry, logContract, rows } from '../contract/log.ts'

logContract('local', (state, last) => new LocalLog(state, last))
logContract('memory', (state, last) => new MemoryLog(state, last))

const Local = suite('the log of one machine')

Local('local.O1: entries are kept only while somebody follows, and only until trimmed', async () => {
  const log = new LocalLog(new MemoryKv(), 0)
  const more = async () => assert.is(await append(log, log.last, entry(log.last + 1)), undefined)
  const gone = (after: number) =>
    assert.throws(
      () => log.follow(after, () => {}),
      (error: LogError) => error.failure === 'gone',
    )
  /** What is kept behind a position. */
  const kept = (after: number) => {
    const seen: number[] = []
    log.follow(after, ({ position }) => seen.push(position)).stop()
    return seen
  }
  await more()
  gone(0)
  const [one, other] = [log.follow(1, () => {}), log.follow(1, () => {})]
  for (let at = 0; at < 3; at++) await more()
  assert.equal(kept(1), [2, 3, 4])
  log.trim(3)
  gone(1)
  assert.equal(kept(2), [3, 4])
  one.stop()
  // Whoever stops twice stops nobody else.
  one.stop()
  await more()
  assert.equal(kept(2), [3, 4, 5])
  other.stop()
  for (const after of [2, 3, 4]) gone(after)
  assert.equal(kept(5), [])
  await more()
  gone(5)
  assert.equal(kept(6), [])
})

Local.run()

const Entries = suite('log entries in bytes')

const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array))
const column = fc.constantFrom(...columns)
const plainly = { noNullPrototype: true }
const entries = fc.record(
  {
    position: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    writes: fc.array(fc.tuple(column, bytes, fc.option(bytes, { nil: undefined }))),
    clears: fc.array(fc.record({ column, from: bytes, to: bytes }, plainly)),
  },
  plainly,
)

Entries('entry.N1: every entry comes back as it was, and no byte of one can be changed or cut unseen', () => {
  fc.assert(
    fc.property(entries, fc.nat(), fc.integer({ min: 1, max: 255 }), (one, at, bits) => {
      const encoded = encodeEntry(one)
      assert.equal(decodeEntry(encoded), one)
      const changed = Buffer.from(encoded)
      changed[at % changed.length]! ^= bits
      assert.throws(
        () => decodeEntry(changed),
        (error: Error) => error instanceof DamagedValue,
      )
      assert.throws(
        () => decodeEntry(encoded.subarray(0, at % encoded.length)),
        (error: Error) => error instanceof DamagedValue,
      )
    }),
  )
})

Entries.run()

const Faults = suite('faults of the memory log')

Faults(
  'memory.M1: what is lost is not there, what is forgotten is, and either is told as unknown, or late',
  async () => {
    const state = new MemoryKv()
    const fates: Fate[] = ['kept', 'lost', 'forgotten', 'fenced', 'kept']
    const waiting: (() => void)[] = []
    const log = new MemoryLog(state, 0, { fate: () => fates.shift()!, later: (run) => void waiting.push(run) })
    const told: unknown[] = []
    const tell = (error: Error | undefined) => told.push(error instanceof LogError ? error.failure : error)
    log.append(0, entry(1), tell)
    log.append(1, entry(2, 'lost'), tell)
    log.append(1, entry(2, 'there'), tell)
    log.append(2, entry(3), tell)
    assert.equal(told, [])
    for (const run of waiting.splice(0)) run()
    assert.equal(told, [undefined, 'unknown', 'unknown', 'fenced'])
    assert.equal(rows(state), ['k1', 'v1', 'k2', 'there'])
  },
)

Faults('memory.M2: what a follower gets shares no byte with what was appended', async () => {
  const log = new MemoryLog(new MemoryKv())
  const one = entry(1, 'before')
  let seen = ''
  log.follow(0, ({ writes }) => {
    seen = writes[0]![2]!.toString()
    writes[0]![2]![0] = 0
  })
  await append(log, 0, one)
  assert.equal([seen, one.writes[0]![2]!.toString()], ['before', 'before'])
  const again: string[] = []
  log.follow(0, ({ writes }) => again.push(writes[0]![2]!.toString()))
  assert.equal(again, ['before'])
})

Faults.run()

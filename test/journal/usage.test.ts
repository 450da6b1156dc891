// Guards the account of bytes: whatever was committed, replaced, compacted, forgotten, purged and restarted, it is what lies in the store.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { KvJournal } from '../../host/journal/kv-journal.ts'
import { decodeBase } from '../../host/journal/record.ts'
import type { Column } from '../../host/storage/columns.ts'
import { MemoryKv } from '../../host/store/memory.ts'
import { commit, expireKeys, record, snapshot } from '../support/journal.ts'

const Accounts = suite('account of bytes')

const storages = [1, 2]
const keys = ['a', 'b\0', 'c']
const step = fc.record({
  kind: fc.constantFrom(
    ...(['event', 'event', 'value', 'value', 'delta', 'delta', 'compact', 'key', 'key again', 'snapshot'] as const),
    ...(['expire', 'purge', 'restart', 'lose the account'] as const),
  ),
  storage: fc.constantFrom(...storages),
  key: fc.constantFrom(...keys),
  size: fc.integer({ min: 0, max: 300 }),
  twice: fc.boolean(),
})

/** Bytes of a storage id that are in the store; of keys alone, or of all. */
function stored(kv: MemoryKv, storage: number, only?: Column): number {
  let bytes = 0
  for (const column of ['journal', 'snapshots', 'bases', 'idempotency'] as const) {
    if (only !== undefined && only !== column) continue
    const rows = kv.range(column, { from: Buffer.alloc(0), to: Buffer.alloc(20, 255), limit: 1e9 })
    for (let at = 0; at < rows.length; at += 2) {
      const [key, value] = [rows[at]!, rows[at + 1]!]
      if (column === 'idempotency') {
        // A key that an entry expires by outlives a purge, and is nobody's.
        const entry = key[0] === 1 ? Buffer.concat([Buffer.of(0), key.subarray(9)]) : key
        if (entry.readUInt32BE(1) !== storage) continue
        if (kv.get('idempotency', entry) === undefined) continue
        bytes += key.length + value.length
      } else if (key.readUInt32BE(0) === storage)
        bytes += key.length + (column === 'bases' ? (decodeBase(value).state?.length ?? 0) : value.length)
    }
  }
  return bytes
}

Accounts(
  'usage.B1, usage.B2: it is what lies in the store, after any history, and also where it was lost and is counted anew',
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (history) => {
        const kv = new MemoryKv()
        let journal = new KvJournal({ kv, warn: () => {} })
        await commit(journal, (batch) => batch.append({ storage: 9, key: 'a' }, record(1, 0, ['x'])))
        let now = 0
        let named = 0
        for (const { kind, storage, key, size, twice } of history) {
          // Each kind of entity has keys of its own: one has events, or a value, or a replica.
          const at = (kind: string) => ({ storage, key: `${kind} ${key}` })
          const state = Buffer.alloc(size, 1)
          now += 1
          if (kind === 'event' || kind === 'delta') {
            const entity = at(kind)
            await commit(journal, (batch) => {
              let { revision, sequence } = {
                sequence: 0,
                revision: 0,
                ...journal.base(entity),
                ...journal.head(entity),
              }
              for (let count = twice ? 2 : 1; count > 0; count--) {
                const next = record(revision + 1, sequence, kind === 'event' ? ['x'.repeat(size)] : [])
                batch.append(entity, {
                  ...next,
                  change: kind === 'delta' ? { kind: 'delta', delta: state } : undefined,
                })
                revision += 1
                sequence = next.sequence
              }
            })
          } else if (kind === 'value') {
            const entity = at(kind)
            const before = journal.base(entity)
            const revision = before?.revision ?? 0
            const base = { revision: revision + 1, deployment: 1, nowMs: 1, state: twice ? undefined : state }
            await commit(journal, (batch) => batch.keep(entity, revision, base, [], before?.state?.length ?? 0))
          } else if (kind === 'compact') {
            const entity = at('delta')
            const before = journal.base(entity)
            const head = journal.head(entity)
            if (head === undefined || head.revision === before?.revision) continue
            await commit(journal, (batch) => {
              let { revision } = head
              if (twice) {
                revision += 1
                batch.append(entity, { ...record(revision, 0, []), change: { kind: 'delta', delta: state } })
              }
              const base = { revision, deployment: 1, nowMs: 1, state }
              batch.compact(entity, before?.revision ?? 0, base, before?.state?.length ?? 0)
            })
          } else if (kind === 'key' || kind === 'key again') {
            const entry = { method: 'Do', payloadHash: Buffer.alloc(32), atMs: now, revision: 1, final: undefined }
            const final = { kind: 'message', payload: state, metadata: [] } as const
            named += 1
            await commit(journal, (batch) => batch.remember(at('k'), `${named}`, entry))
            if (kind === 'key') continue
            await commit(journal, (batch) => {
              batch.remember(at('k'), `${named}`, { ...entry, final }, true)
              if (twice)
                batch.remember(at('k'), `${named}`, { ...entry, final: { ...final, payload: Buffer.alloc(3) } }, true)
            })
          } else if (kind === 'snapshot')
            journal.putSnapshot(at('event'), snapshot(now, now - (twice ? 1 : 0), 'x'.repeat(size)))
          else if (kind === 'expire') expireKeys(journal, now - 5, 1_000)
          else if (kind === 'purge') journal.purge(storage)
          else {
            if (kind === 'lose the account')
              kv.erase([], [{ column: 'default', from: Buffer.from('usage'), to: Buffer.from('usage~') }], () => {})
            journal = new KvJournal({ kv, warn: () => {} })
            if (kind === 'lose the account') await journal.usage.complete()
          }
          for (const one of storages) {
            assert.is(journal.usage.of(one), stored(kv, one), `${kind}: bytes of ${one}`)
            assert.is(journal.usage.keysOf(one), stored(kv, one, 'idempotency'), `${kind}: keys of ${one}`)
          }
          assert.is(journal.usage.all, stored(kv, 1) + stored(kv, 2) + stored(kv, 9))
          assert.is(journal.usage.allKeys, stored(kv, 1, 'idempotency') + stored(kv, 2, 'idempotency'))
        }
      }),
      { numRuns: 300 },
    )
  },
)

Accounts('usage.B2: an account that is damaged is counted anew, and refuses no start', async () => {
  const kv = new MemoryKv()
  const journal = new KvJournal({ kv, warn: () => {} })
  await commit(journal, (batch) => batch.append({ storage: 1, key: 'a' }, record(1, 0, ['x'])))
  kv.write([['default', Buffer.from('usage/1/stored'), Buffer.from('nonsense')]])
  const next = new KvJournal({ kv, warn: () => {} })
  await next.usage.complete()
  assert.is(next.usage.of(1), stored(kv, 1))
  assert.is(new KvJournal({ kv, warn: () => {} }).usage.of(1), stored(kv, 1))
})

Accounts.run()

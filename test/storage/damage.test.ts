// Guards what the journal does when the engine below it fails or gives back other bytes than it was given (journal.J4, journal.J5).

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { KvCatalog } from '../../host/catalog/kv-catalog.ts'
import { entityPrefix, numbered } from '../../host/journal/keys.ts'
import { KvJournal } from '../../host/journal/kv-journal.ts'
import { frame } from '../../host/journal/record.ts'
import type { Column } from '../../host/storage/columns.ts'
import { asDamage, unopenable } from '../../host/storage/damage.ts'
import type { Range, Write } from '../../host/storage/kv.ts'
import { MemoryKv } from '../../host/store/memory.ts'
import { refuses, rejects } from '../support/assert.ts'
import { append, commit, event, expireKeys, plain, record, snapshot } from '../support/journal.ts'

const cart = { storage: 1, key: 'cart' }
const everything = Number.MAX_SAFE_INTEGER

/** A store that fails on demand, after or before it did what it was asked. */
class FaultyKv extends MemoryKv {
  failing: 'no' | 'before writing' | 'after writing' | 'always' = 'no'
  override get(column: Column, key: Buffer): Buffer | undefined {
    if (this.failing === 'always') throw new Error('IO error: read')
    return super.get(column, key)
  }
  override range(column: Column, range: Range): Buffer[] {
    if (this.failing === 'always') throw new Error('IO error: read')
    return super.range(column, range)
  }
  override write(writes: readonly Write[]): void {
    if (this.failing === 'before writing' || this.failing === 'always') throw new Error('No space left on device')
    super.write(writes)
    if (this.failing === 'after writing') throw new Error('IO error: sync')
  }
  override async reopen(): Promise<void> {
    if (this.failing !== 'no') throw new Error('still failing')
  }
}

function faulty() {
  const kv = new FaultyKv()
  const warnings: string[] = []
  return { kv, warnings, journal: new KvJournal({ kv, warn: (message) => warnings.push(message) }) }
}

const Damage = suite('journal damage')

for (const failing of ['before writing', 'after writing'] as const) {
  Damage(
    `journal.J4: a commit that failed ${failing} is unknown, and all is refused until the journal was reopened`,
    async () => {
      const { kv, journal, warnings } = faulty()
      await append(journal, cart, ['a'])
      kv.failing = failing
      await rejects(() => append(journal, cart, ['b']), 'outcome_unknown')
      assert.match(warnings.join(), /storage failed/)
      assert.ok(journal.failure() !== undefined)
      kv.failing = 'no'
      const calls = [
        () => journal.head(cart),
        () => journal.record(cart, 1),
        () => journal.records(cart, 0, 1, 1),
        () => journal.events(cart, 0, 1, 1),
        () => journal.snapshot(cart),
        () => journal.idempotency(cart, 'key'),
        () => expireKeys(journal, 1, 1),
        () => journal.outbox(0, 1),
        () => journal.nextOutboxId(),
        () => journal.entities(1, '', undefined, 1),
        () => journal.commits(0, 1),
      ]
      for (const call of calls) refuses(call, 'storage_unavailable')
      await rejects(() => commit(journal, (batch) => batch.append(cart, record(2, 1, ['c']))), 'storage_unavailable')
      await rejects(() => journal.purge(1), 'storage_unavailable')
      journal.putSnapshot(cart, snapshot(1, 1, 'x'))
      await journal.reopen()
      assert.is(journal.failure(), undefined)
      const stored = failing === 'after writing' ? ['a', 'b'] : ['a']
      assert.equal(plain(journal.events(cart, 0, 10, everything).events), plain(stored.map(event)))
      assert.is(journal.lastCommit(), stored.length)
      assert.is(journal.snapshot(cart), undefined)
      await append(journal, cart, ['c'])
      assert.is(journal.lastCommit(), stored.length + 1)
    },
  )
}

Damage('journal.J4: a reopening that fails leaves the journal refusing', async () => {
  const { kv, journal } = faulty()
  kv.failing = 'always'
  await rejects(() => append(journal, cart, ['a']), 'storage_unavailable')
  refuses(() => journal.head(cart), 'storage_unavailable')
  let failed = false
  await journal.reopen().catch(() => {
    failed = true
  })
  assert.ok(failed)
  refuses(() => journal.head(cart), 'storage_unavailable')
})

Damage('§event-6, journal.J5: a snapshot that cannot be stored harms no command', async () => {
  const { kv, journal } = faulty()
  await append(journal, cart, ['a'])
  kv.failing = 'before writing'
  journal.putSnapshot(cart, snapshot(1, 1, 'x'))
  kv.failing = 'no'
  await journal.reopen()
  assert.is(journal.head(cart)?.revision, 1)
})

Damage('§event-6: a damaged snapshot counts as none: the one before it serves, and it is logged', async () => {
  const { kv, journal, warnings } = faulty()
  journal.putSnapshot(cart, snapshot(1, 10, 'one'))
  journal.putSnapshot(cart, snapshot(2, 20, 'two'))
  const key = numbered(entityPrefix(cart), 20)
  const value = Buffer.from(kv.get('snapshots', key)!)
  value[value.length - 1]! ^= 1
  kv.write([['snapshots', key, value]])
  assert.is(journal.snapshot(cart)?.sequence, 10)
  assert.match(warnings.join(), /snapshot is damaged/)
  kv.write([['snapshots', numbered(entityPrefix(cart), 10), Buffer.alloc(0)]])
  assert.is(journal.snapshot(cart), undefined)
})

Damage('damage.D1: a damaged record is refused, and no other entity suffers', async () => {
  const { kv, journal } = faulty()
  const other = { storage: 1, key: 'other' }
  await append(journal, cart, ['a'])
  await append(journal, other, ['b'])
  const key = numbered(entityPrefix(cart), 1)
  const value = Buffer.from(kv.get('journal', key)!)
  value[20]! ^= 16
  kv.write([['journal', key, value]])
  for (const read of [
    () => journal.head(cart),
    () => journal.record(cart, 1),
    () => journal.records(cart, 0, 1, everything),
    () => journal.events(cart, 0, 1, everything),
  ]) {
    const error = refuses(read, 'data_damaged')
    assert.match(error.message, /of this entity cannot be read/)
    assert.match((error.cause as Error).message, /checksum/)
  }
  assert.is(journal.failure(), undefined)
  assert.is(journal.head(other)?.revision, 1)
})

Damage('damage.D2: what the engine says of files is told without the folders they lie in', () => {
  const said = (message: string) => (asDamage(new Error(message)) as Error).message
  const place =
    'block checksum mismatch: stored = 1, computed = 2  in /srv/data/journal/000022.sst offset 4012 size 4033'
  assert.is(said(`Corruption: ${place}`), 'journal/000022.sst is damaged in the 4033 bytes from byte 4012')
  assert.is(
    said('Corruption: Can not read /srv/data/journal/MANIFEST-000005  The file /srv/data/x may be corrupted.'),
    'Can not read journal/MANIFEST-000005',
  )
  assert.is(
    unopenable(
      'IO error: No such file or directory: While open a file: /srv/data/journal/000009.sst: No such file or directory',
    ),
    'journal/000009.sst is missing; restore the directory from a backup',
  )
})

Damage('journal.J2: a record that is missing between others is noticed, not passed over', async () => {
  const { kv, journal } = faulty()
  for (const text of ['a', 'b', 'c']) await append(journal, cart, [text])
  kv.write([['journal', numbered(entityPrefix(cart), 2), undefined]])
  assert.match(
    (refuses(() => journal.events(cart, 0, 10, everything), 'data_damaged').cause as Error).message,
    /record 2 .*missing/,
  )
  refuses(() => journal.records(cart, 1, 10, everything), 'data_damaged')
})

Damage('§deploy-13: a directory of a newer format is refused, with what to do', () => {
  const kv = new MemoryKv()
  new KvCatalog(kv)
  kv.write([['default', Buffer.from('directory'), frame(Buffer.from('{"format":4,"id":"x"}'))]])
  assert.match(refuses(() => new KvCatalog(kv), 'storage_unavailable').message, /format 4.*newer Innkeeper/)
})

Damage('a record of a newer version is refused, with both versions', async () => {
  const { kv, journal } = faulty()
  await append(journal, cart, ['a'])
  const key = numbered(entityPrefix(cart), 1)
  const value = Buffer.from(kv.get('journal', key)!)
  value[0] = 2
  kv.write([['journal', key, value]])
  const { cause } = refuses(() => journal.head(cart), 'data_damaged')
  assert.match((cause as Error).message, /version 2.*reads version 1/)
})

Damage.run()

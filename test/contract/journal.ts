// The contract of every store: journal.J1 to journal.J3, journal.J5, and catalog.C1 to catalog.C3.
// What only a disk has (damage, crashes, locks) is in test/journal/.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Deployment } from '../../host/catalog/catalog.ts'
import { hasLong, pieceBytes } from '../../host/catalog/pieces.ts'
import type { EffectEntry } from '../../host/effect.ts'
import type { Artefact } from '../../host/guest/artefact.ts'
import type { EntityRef, IdempotencyEntry } from '../../host/journal/journal.ts'
import { nextOf } from '../../host/journal/numbering.ts'
import { append, call, commit, effect, ended, event, expireKeys, plain, record, snapshot } from '../support/journal.ts'
import type { TestStore as Store } from '../support/store.ts'
import { numbering } from '../support/store.ts'

export interface OpenStore {
  readonly store: Store
  /** Close and open the same data again; stores that forget have none. */
  readonly reopen?: () => Promise<Store>
  readonly close: () => Promise<void>
}

const cart: EntityRef = { storage: 1, key: 'cart' }
const everything = Number.MAX_SAFE_INTEGER

export function journalContract(name: string, open: () => Promise<OpenStore>): void {
  const Contract = suite(`journal contract: ${name}`)

  /** A test on an empty store. */
  const on = (sentence: string, test: (store: Store, reopen: () => Promise<Store>) => Promise<void>) => {
    Contract(sentence, async () => {
      const opened = await open()
      try {
        await test(opened.store, opened.reopen ?? (async () => opened.store))
      } finally {
        await opened.close()
      }
    })
  }

  on('an entity that was never written has no head, records, events or snapshot', async ({ journal }) => {
    assert.is(journal.head(cart), undefined)
    assert.is(journal.record(cart, 1), undefined)
    assert.equal(journal.records(cart, 0, 10, everything), { records: [], more: false })
    assert.equal(journal.events(cart, 0, 10, everything).events, [])
    assert.is(journal.snapshot(cart), undefined)
    assert.is(journal.idempotency(cart, 'key'), undefined)
    assert.equal(journal.outbox(0, 10), [])
    assert.equal(journal.entities(1, '', undefined, 10), [])
    assert.is(journal.lastCommit(), 0)
    assert.equal(journal.commits(0, 10), [])
  })

  on(
    'journal.J1: all of a batch is there after it was committed, and nothing of one that was not',
    async ({ journal }) => {
      const batch = journal.batch()
      assert.ok(batch.empty)
      batch.append(cart, record(1, 0, ['a']))
      batch.remember(cart, 'key', idempotency(1, 1))
      batch.enqueue(outbox(1))
      assert.not.ok(batch.empty)
      assert.is(journal.head(cart), undefined)
      assert.is(journal.idempotency(cart, 'key'), undefined)
      assert.equal(journal.outbox(0, 10), [])
      await new Promise<void>((resolve, reject) =>
        journal.commit(batch, (error) => (error ? reject(error) : resolve())),
      )
      assert.equal(plain(journal.record(cart, 1)), plain(record(1, 0, ['a'])))
      assert.equal(plain(journal.idempotency(cart, 'key')), plain(idempotency(1, 1)))
      assert.equal(plain(journal.outbox(0, 10)), plain([outbox(1)]))
    },
  )

  on('an empty batch is fine and is no commit', async ({ journal }) => {
    await commit(journal, () => {})
    assert.is(journal.lastCommit(), 0)
  })

  on('the head is the last record, with its time', async ({ journal }) => {
    await append(journal, cart, ['a', 'b'])
    await append(journal, cart, [])
    await append(journal, cart, ['c'])
    assert.equal(journal.head(cart), { revision: 3, sequence: 3, nowMs: record(3, 2, ['c']).command.nowMs })
  })

  on('journal.J2: a record that leaves a gap, repeats or lies about its sequence is refused', async ({ journal }) => {
    await append(journal, cart, ['a'])
    for (const wrong of [record(1, 1, ['b']), record(3, 1, ['b']), record(2, 0, ['b']), record(2, 2, ['b'])]) {
      assert.throws(() => journal.batch().append(cart, wrong), /sequence_conflict/)
    }
    const batch = journal.batch()
    batch.append(cart, record(2, 1, ['b']))
    assert.throws(() => batch.append(cart, record(2, 1, ['b'])), /sequence_conflict/)
    assert.equal(journal.head(cart)?.revision, 1)
  })

  on(
    'journal.J2, kv-batch.B1: of two batches made on the same head, the second is refused whole',
    async ({ journal }) => {
      const [one, two] = [journal.batch(), journal.batch()]
      one.append(cart, record(1, 0, ['one']))
      two.enqueue(outbox(1))
      two.append(cart, record(1, 0, ['two']))
      await ended(journal, one)
      assert.throws(() => journal.commit(two, () => {}), /sequence_conflict/)
      assert.equal(plain(journal.events(cart, 0, 10, everything).events), plain([event('one')]))
      assert.equal(journal.outbox(0, 10), [])
      assert.is(journal.lastCommit(), 1)
    },
  )

  on('one batch holds several records of several entities', async ({ journal }) => {
    const other = { storage: 2, key: 'cart' }
    await commit(journal, (batch) => {
      batch.append(cart, record(1, 0, ['a']))
      batch.append(other, record(1, 0, ['b', 'c']))
      batch.append(cart, record(2, 1, ['d']))
    })
    assert.equal(plain(journal.events(cart, 0, 10, everything).events), plain([event('a'), event('d')]))
    assert.equal(journal.head(other)?.sequence, 2)
  })

  on('journal.J3: commits are numbered without gaps, and say what they wrote in order', async ({ journal }, reopen) => {
    const other = { storage: 2, key: 'nul\0and more' }
    await append(journal, cart, ['a'])
    await commit(journal, (batch) => {
      batch.append(other, record(1, 0, ['b']))
      batch.append(cart, record(2, 1, []))
    })
    await commit(journal, (batch) => batch.enqueue(outbox(1)))
    const all = [
      { number: 1, wrote: [{ entity: cart, revision: 1 }] },
      {
        number: 2,
        wrote: [
          { entity: other, revision: 1 },
          { entity: cart, revision: 2 },
        ],
      },
      { number: 3, wrote: [] },
    ]
    assert.equal(journal.commits(0, 10), all)
    assert.equal(journal.commits(1, 1), all.slice(1, 2))
    assert.equal(journal.commits(3, 10), [])
    const again = (await reopen()).journal
    assert.is(again.lastCommit(), 3)
    await append(again, cart, ['c'])
    assert.equal(again.commits(3, 10), [{ number: 4, wrote: [{ entity: cart, revision: 3 }] }])
  })

  on('a commit names what it changed: records, values, replicas, and what became of a service', async ({ journal }) => {
    const [profile, room] = [
      { storage: 2, key: 'p' },
      { storage: 3, key: 'r' },
    ]
    await commit(journal, (batch) => {
      batch.append(cart, record(1, 0, ['a']))
      batch.keep(profile, 0, { revision: 4, deployment: 1, nowMs: 1, state: undefined }, [])
      batch.append(room, { ...record(1, 0, []), change: { kind: 'delta', delta: Buffer.from('d') } })
      batch.tell({ storage: 9, why: 'undeployed' })
    })
    await commit(journal, (batch) => batch.tell({ storage: 9, why: 'undeployed' }))
    const gone = [{ storage: 9, why: 'undeployed' }]
    const wrote = [
      { entity: cart, revision: 1 },
      { entity: profile, revision: 4, kind: 'value' },
      { entity: room, revision: 1, kind: 'replica' },
    ]
    assert.equal(journal.commits(0, 10), [
      { number: 1, wrote, gone },
      { number: 2, wrote: [], gone },
    ])
    assert.is(journal.commits(0, 10, 1).length, 1, 'at least one')
  })

  on(
    'runs.Q1, runs.Q2: a journal that is opened again is another run, and each commit is of the run that wrote it',
    async ({ journal }, reopen) => {
      assert.is(journal.runOf(0), '')
      await append(journal, cart, ['a'])
      await append(journal, cart, ['b'])
      const first = journal.runOf(1)
      assert.match(first, /^[0-9a-f]{16}$/)
      assert.is(journal.runOf(2), first)
      const { journal: again } = await reopen()
      await again.reopen()
      assert.is(again.runOf(2), first)
      await append(again, cart, ['c'])
      assert.is(again.runOf(2), first)
      assert.is.not(again.runOf(3), first)
    },
  )

  on('whoever listens hears of each commit once it can be read, until it stops', async ({ journal }) => {
    const heard: number[] = []
    const stop = journal.onCommit(() => heard.push(journal.commits(0, 10).length))
    await append(journal, cart, ['a'])
    await journal.purge(7)
    stop()
    await append(journal, cart, ['b'])
    assert.equal(heard, [1, 2])
  })

  on('records come in pages of so many, and say whether there are more', async ({ journal }) => {
    for (let revision = 1; revision <= 5; revision++) await append(journal, cart, [`${revision}`])
    const page = (after: number, max: number) => {
      const { records, more } = journal.records(cart, after, max, everything)
      return [records.map(({ revision }) => revision), more]
    }
    assert.equal(page(0, 2), [[1, 2], true])
    assert.equal(page(2, 2), [[3, 4], true])
    assert.equal(page(4, 2), [[5], false])
    assert.equal(page(3, 2), [[4, 5], false])
    assert.equal(page(0, 5), [[1, 2, 3, 4, 5], false])
    assert.equal(page(5, 2), [[], false])
  })

  on('a page of records ends after about so many bytes, with at least one record', async ({ journal }) => {
    const large = 'x'.repeat(10_000)
    for (let revision = 1; revision <= 4; revision++) await append(journal, cart, [large])
    assert.is(journal.records(cart, 0, 100, 1).records.length, 1)
    assert.ok(journal.records(cart, 0, 100, 1).more)
    const { records, more } = journal.records(cart, 0, 100, 15_000)
    assert.ok(records.length >= 1 && records.length <= 2 && more)
    assert.is(journal.records(cart, 3, 100, 1).records.length, 1)
    assert.not.ok(journal.records(cart, 3, 100, 1).more)
  })

  on('events come in whole records, also when one record alone is over the limit', async ({ journal }) => {
    await append(journal, cart, ['a', 'b', 'c'])
    await append(journal, cart, [])
    await append(journal, cart, ['d'])
    await append(journal, cart, ['e', 'f'])
    const page = (after: number, max: number, bytes = everything) => {
      const { events, revision, sequence } = journal.events(cart, after, max, bytes)
      return { text: events.map(({ data }) => Buffer.from(data).toString()).join(''), revision, sequence }
    }
    assert.equal(page(0, 100), { text: 'abcdef', revision: 4, sequence: 6 })
    assert.equal(page(0, 1), { text: 'abc', revision: 1, sequence: 3 })
    assert.equal(page(1, 1), { text: '', revision: 2, sequence: 3 })
    assert.equal(page(2, 1), { text: 'd', revision: 3, sequence: 4 })
    assert.equal(page(0, 100, 1), { text: 'abc', revision: 1, sequence: 3 })
    assert.equal(page(3, 1), { text: 'ef', revision: 4, sequence: 6 })
  })

  on('keys.K1: entities do not see each other, however their keys look', async ({ journal }) => {
    const keys = ['', 'a', 'a-b', 'a\0b', 'a\0', '\0', '\0\u0001', 'ab', 'a\u0001', 'é', '日本', '\u{10ffff}', 'cart/1']
    for (const key of keys) for (const storage of [1, 2]) await append(journal, { storage, key }, [`${storage}${key}`])
    for (const key of keys) {
      for (const storage of [1, 2]) {
        const entity = { storage, key }
        assert.equal(plain(journal.events(entity, 0, 100, everything).events), plain([event(`${storage}${key}`)]))
        assert.is(journal.head(entity)?.revision, 1)
      }
    }
    const listed = journal.entities(1, '', undefined, 100).map(({ key }) => key)
    const sorted = [...keys].sort((a, b) => Buffer.from(a).compare(Buffer.from(b)))
    assert.equal(listed, sorted)
  })

  on('idempotency keys of neighbouring entities do not meet', async ({ journal }) => {
    await commit(journal, (batch) => {
      batch.remember({ storage: 1, key: 'a' }, 'b-c', idempotency(1, 1))
      batch.remember({ storage: 1, key: 'a-b' }, 'c', idempotency(1, 2))
      batch.remember({ storage: 1, key: 'a\0' }, '\u0001x', idempotency(1, 3))
    })
    assert.is(journal.idempotency({ storage: 1, key: 'a' }, 'b-c')?.revision, 1)
    assert.is(journal.idempotency({ storage: 1, key: 'a-b' }, 'c')?.revision, 2)
    assert.is(journal.idempotency({ storage: 1, key: 'a\0' }, '\u0001x')?.revision, 3)
    assert.is(journal.idempotency({ storage: 1, key: 'a' }, 'c'), undefined)
    assert.is(journal.idempotency({ storage: 2, key: 'a' }, 'b-c'), undefined)
  })

  on('entities are listed by prefix and page by page, with their heads', async ({ journal }) => {
    for (const key of ['straße 1', 'straße 2', 'strasse', 'straße', 'a\0b', 'a\0c', 'a', 'b']) {
      await append(journal, { storage: 1, key }, ['x', 'y'])
      await append(journal, { storage: 1, key }, ['z'])
    }
    await append(journal, { storage: 2, key: 'straße 3' }, ['x'])
    const keys = (prefix: string, after?: string, max = 10) =>
      journal.entities(1, prefix, after, max).map(({ key }) => key)
    assert.equal(keys('straße'), ['straße', 'straße 1', 'straße 2'])
    assert.equal(keys('straße', undefined, 2), ['straße', 'straße 1'])
    assert.equal(keys('straße', 'straße 1', 2), ['straße 2'])
    assert.equal(keys('straße', 'a'), ['straße', 'straße 1', 'straße 2'])
    assert.equal(keys('straße', 'z'), [])
    assert.equal(keys('straße', 'straße 1x'), ['straße 2'])
    assert.equal(keys('a\0'), ['a\0b', 'a\0c'])
    assert.equal(keys('a'), ['a', 'a\0b', 'a\0c'])
    assert.equal(keys('', 'a\0b', 2), ['a\0c', 'b'])
    assert.equal(keys('c'), [])
    const lastChangeMs = record(2, 0, []).command.nowMs
    assert.equal(journal.entities(1, 'b', undefined, 1), [{ key: 'b', revision: 2, sequence: 3, lastChangeMs }])
  })

  on('kv.V2: the latest snapshot is found, or the latest at or below a sequence', async ({ journal }) => {
    const neighbour = { storage: 1, key: 'cart2' }
    journal.putSnapshot(neighbour, snapshot(9, 900, 'neighbour'))
    journal.putSnapshot(cart, snapshot(1, 100, 'one'))
    journal.putSnapshot(cart, snapshot(2, 200, 'two'))
    assert.equal(plain(journal.snapshot(cart)), plain(snapshot(2, 200, 'two')))
    assert.equal(plain(journal.snapshot(cart, 200)), plain(snapshot(2, 200, 'two')))
    assert.equal(plain(journal.snapshot(cart, 199)), plain(snapshot(1, 100, 'one')))
    assert.is(journal.snapshot(cart, 99), undefined)
    journal.putSnapshot(cart, snapshot(2, 200, 'two again'))
    assert.equal(plain(journal.snapshot(cart)), plain(snapshot(2, 200, 'two again')))
  })

  on('of the snapshots of an entity the newest three are kept', async ({ journal }) => {
    for (let at = 1; at <= 20; at++) journal.putSnapshot(cart, snapshot(at, at * 100, `${at}`))
    const kept = []
    for (let at = 1; at <= 20; at++) if (journal.snapshot(cart, at * 100)?.sequence === at * 100) kept.push(at)
    assert.equal(kept, [18, 19, 20])
  })

  on('an idempotency entry is replaced by a later one: the final answer of a forward', async ({ journal }, reopen) => {
    await commit(journal, (batch) => batch.remember(cart, 'key', idempotency(1_000, 7)))
    const final: IdempotencyEntry = {
      ...idempotency(1_000, 7),
      final: { kind: 'failure', code: 5, message: 'gone', details: [event('x')], metadata: call.metadata },
    }
    await commit(journal, (batch) => batch.remember(cart, 'key', final))
    assert.equal(plain((await reopen()).journal.idempotency(cart, 'key')), plain(final))
  })

  on('idempotency entries older than a moment are forgotten, some at a time', async ({ journal }) => {
    await commit(journal, (batch) => {
      for (const atMs of [5_000, 1_000, 4_000, 2_000, 3_000]) batch.remember(cart, `${atMs}`, idempotency(atMs, 1))
    })
    const left = () =>
      [1_000, 2_000, 3_000, 4_000, 5_000].filter((atMs) => journal.idempotency(cart, `${atMs}`) !== undefined)
    assert.is(expireKeys(journal, 4_000, 2), 2)
    assert.equal(left(), [3_000, 4_000, 5_000])
    assert.is(expireKeys(journal, 4_000, 2), 1)
    assert.equal(left(), [4_000, 5_000])
    assert.is(expireKeys(journal, 4_000, 2), 0)
    assert.equal(left(), [4_000, 5_000])
  })

  on('an idempotency key given again after a purge does not expire with its first use', async ({ journal }) => {
    await commit(journal, (batch) => batch.remember(cart, 'key', idempotency(1_000, 1)))
    await journal.purge(1)
    await commit(journal, (batch) => batch.remember(cart, 'key', idempotency(9_000, 1)))
    expireKeys(journal, 5_000, 10)
    assert.is(journal.idempotency(cart, 'key')?.atMs, 9_000)
    expireKeys(journal, 9_001, 10)
    assert.is(journal.idempotency(cart, 'key'), undefined)
  })

  on('the outbox is in order of ids, is replaced in place and taken from', async ({ journal }, reopen) => {
    assert.is(journal.nextOutboxId(), nextOf(numbering, 0))
    await commit(journal, (batch) => {
      for (const id of [3, 1, 300, 2, 256]) batch.enqueue(outbox(id))
    })
    const ids = (after: number, max: number) => journal.outbox(after, max).map(({ id }) => id)
    assert.equal(ids(0, 10), [1, 2, 3, 256, 300])
    assert.equal(ids(1, 2), [2, 3])
    assert.is(journal.nextOutboxId(), nextOf(numbering, 300))
    const parked = { ...outbox(2), attempts: 12, parked: 'answered NOT_FOUND' }
    await commit(journal, (batch) => {
      batch.enqueue(parked)
      batch.dequeue(1)
      batch.dequeue(999)
    })
    const again = (await reopen()).journal
    assert.equal(plain(again.outbox(0, 2)), plain([parked, outbox(3)]))
    assert.is(again.nextOutboxId(), nextOf(numbering, 300))
  })

  on('an outbox id is never given again, also when the outbox was empty meanwhile', async ({ journal }, reopen) => {
    await commit(journal, (batch) => batch.enqueue(outbox(7)))
    await commit(journal, (batch) => batch.dequeue(7))
    assert.equal(journal.outbox(0, 10), [])
    assert.is(journal.nextOutboxId(), nextOf(numbering, 7))
    const again = (await reopen()).journal
    assert.is(again.nextOutboxId(), nextOf(numbering, 7))
    await again.purge(1)
    assert.is((await reopen()).journal.nextOutboxId(), nextOf(numbering, 7))
  })

  on('a purge removes all of its storage id and nothing of another, for good', async ({ journal }, reopen) => {
    for (const storage of [1, 2, 3]) {
      for (const key of ['', 'a', '\u{10ffff}']) {
        const entity = { storage, key }
        await commit(journal, (batch) => {
          batch.append(entity, record(1, 0, ['x']))
          batch.remember(entity, 'key', idempotency(1, 1))
        })
        journal.putSnapshot(entity, snapshot(1, 1, 'x'))
      }
    }
    const before = journal.lastCommit()
    journal.purge(2)
    assert.is(journal.head({ storage: 2, key: 'a' }), undefined)
    const again = (await reopen()).journal
    for (const storage of [1, 2, 3]) {
      assert.is(again.entities(storage, '', undefined, 10).length, storage === 2 ? 0 : 3)
      for (const key of ['', 'a', '\u{10ffff}']) {
        const entity = { storage, key }
        const there = storage !== 2
        assert.is(again.head(entity) !== undefined, there)
        assert.is(again.snapshot(entity) !== undefined, there)
        assert.is(again.idempotency(entity, 'key') !== undefined, there)
      }
    }
    assert.equal(again.commits(before, 10), [{ number: before + 1, wrote: [], gone: [{ storage: 2, why: 'purged' }] }])
    await append(again, { storage: 2, key: 'a' }, ['anew'])
    assert.is(again.head({ storage: 2, key: 'a' })?.revision, 1)
  })

  on('journal.J4: nothing has failed, and reopening a healthy journal changes nothing', async ({ journal }) => {
    await append(journal, cart, ['a'])
    assert.is(journal.failure(), undefined)
    await journal.reopen()
    await append(journal, cart, ['b'])
    assert.equal(plain(journal.events(cart, 0, 10, everything).events), plain([event('a'), event('b')]))
    assert.is(journal.lastCommit(), 2)
  })

  on('catalog.C1: a deployment, its component and its artefact survive', async ({ catalog }, reopen) => {
    const component = Buffer.from('the uploaded bytes')
    await catalog.keep(component, artefact('a1'))
    catalog.deploy(deployment(1, ['test.Cart', 'test.Counter']))
    const again = (await reopen()).catalog
    assert.is(again.directoryId, catalog.directoryId)
    assert.match(again.directoryId, /^[0-9a-f]{32}$/)
    assert.equal(again.deployments(), [deployment(1, ['test.Cart', 'test.Counter'])])
    assert.equal(plain(again.component('a1')), plain(component))
    assert.equal(plain(again.artefact('a1', 1)), plain(artefact('a1')))
    assert.is(again.artefact('a1', 2), undefined)
    assert.is(again.artefact('a2', 1), undefined)
    assert.is(again.component('a2'), undefined)
  })

  on(
    'pieces.P1: long components and modules are written some bytes a turn, and come back whole or not at all',
    async (made, reopen) => {
      const { kv, catalog } = made
      const long = (bytes: number) => Buffer.alloc(bytes, 'innkeeper')
      const component = long(3 * pieceBytes + 1)
      const whole = { ...artefact('a1'), modules: [long(2 * pieceBytes), Buffer.from('short')] }
      const written: number[] = []
      const write = kv.write.bind(kv)
      let turn = 0
      kv.write = (writes, sync) => {
        const at = turn
        written[at] = (written[at] ?? 0) + writes.reduce((sum, [, , value]) => sum + (value?.length ?? 0), 0)
        setImmediate(() => {
          turn = at + 1
        })
        write(writes, sync)
      }
      await catalog.keep(component, whole)
      assert.ok(written.length > 6)
      for (const bytes of written) assert.ok(bytes < pieceBytes + 1_000, `${bytes} bytes in one turn`)
      const again = await reopen()
      assert.ok(again.catalog.component('a1') !== undefined && component.equals(again.catalog.component('a1')!))
      const { modules } = again.catalog.artefact('a1', 1)!
      assert.ok(modules.every((module, at) => whole.modules[at]!.equals(module)))
      assert.is(hasLong(again.kv, 'component/a1'), true)
      const [key] = again.kv.range('components', { from: Buffer.from('piece/'), to: Buffer.from('piece0'), limit: 1 })
      again.kv.write([['components', key!, undefined]], true)
      assert.is(again.catalog.component('a1'), undefined)
      assert.equal([hasLong(again.kv, 'component/a1'), hasLong(again.kv, 'component/a2')], [false, false])
    },
  )

  on('an artefact made again by a newer engine lies beside the old one', async ({ catalog }) => {
    await catalog.putArtefact(artefact('a1'))
    await catalog.putArtefact({ ...artefact('a1'), engine: 2, modules: [] })
    assert.is(catalog.artefact('a1', 1)?.modules.length, 2)
    assert.is(catalog.artefact('a1', 2)?.modules.length, 0)
  })

  on('catalog.C2: deployments are kept in order, and the last one serves', async ({ catalog }, reopen) => {
    for (let number = 1; number <= 11; number++) {
      const services = number === 2 ? ['test.Counter'] : ['test.Cart']
      catalog.deploy(deployment(number, services))
    }
    assert.equal([...catalog.active()].sort(), [
      ['test.Cart', 11],
      ['test.Counter', 2],
    ])
    catalog.undeploy('test.Cart')
    const again = (await reopen()).catalog
    assert.equal([...again.active()], [['test.Counter', 2]])
    assert.equal(
      again.deployments().map(({ number }) => number),
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
    )
  })

  on('catalog.C3: a storage id belongs to one persistence id for ever', async ({ catalog, journal }, reopen) => {
    const ids = ['a', 'b'].map((id) => catalog.storageId(id))
    assert.equal(ids, [1, 2])
    assert.equal(
      [...catalog.storageIds(['a/b', 'a', 'a/b', 'ü'])],
      [
        ['a/b', 3],
        ['a', 1],
        ['ü', 4],
      ],
    )
    journal.purge(4)
    const again = (await reopen()).catalog
    assert.equal(
      ['ü', 'a/b', 'b', 'a'].map((id) => again.storageId(id)),
      [4, 3, 2, 1],
    )
    assert.is(again.storageId('new'), 5)
  })

  Contract.run()
}

function idempotency(atMs: number, revision: number): IdempotencyEntry {
  return { method: 'Add', payloadHash: Buffer.alloc(32, 9), atMs, revision, final: undefined }
}

function outbox(id: number): EffectEntry {
  const cause = { service: 'test.Cart', entity: 'cart', revision: id }
  return effect({ id, cause, call, synchronous: id % 2 === 0 })
}

function deployment(number: number, services: readonly string[]): Deployment {
  return {
    number,
    hash: `a${number}`,
    atMs: 1_700_000_000_000,
    forced: number > 1,
    services: services.map((name, index) => ({
      name,
      kind: 'event-sourced',
      persistenceId: name,
      storage: index + 1,
      keyFields: { Add: ['id'] },
    })),
  }
}

function artefact(hash: string): Artefact {
  return {
    hash,
    engine: 1,
    modules: [Buffer.from('core 0'), Buffer.alloc(0)],
    plan: {
      instances: [{ module: 0, imports: [{ module: 'm', name: 'n', source: { from: 'trap', name: 'x' } }] }],
      exports: { 'innkeeper:guest/event-sourced': 0 },
      memory: 0,
    },
    description: {
      sdkName: 'test',
      sdkVersion: '1',
      descriptors: Buffer.from([0, 1, 255]),
      services: [],
      viewServices: [],
    },
  }
}

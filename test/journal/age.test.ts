// Guards what kept answers expire by: a machine's clock that jumps forgets nothing.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../host/clock.ts'
import { Age } from '../../host/journal/age.ts'
import { commit, expireKeys } from '../support/journal.ts'
import { memoryStore } from '../support/store.ts'

const Ageing = suite('age')
const day = 24 * 3_600_000
const entity = { storage: 1, key: 'a' }
const entry = { method: 'm', payloadHash: Buffer.alloc(32), revision: 1, final: undefined }

Ageing('age.A1: it goes with the steady clock, whatever the time of day does', async () => {
  const { catalog, journal } = memoryStore()
  let [now, steady] = [1_000_000, 50.5]
  const clock = { ...systemClock, now: () => now, steady: () => steady }
  const age = new Age(catalog, clock)
  assert.is(age.now(), 1_000_000)
  await commit(journal, (batch) => batch.remember(entity, 'key', { ...entry, atMs: age.now() }))
  for (const jump of [2 * day, 365 * day, -400 * day]) {
    now += jump
    expireKeys(journal, age.now() - day, 10)
    assert.ok(journal.idempotency(entity, 'key') !== undefined, `forgotten after a jump of ${jump / day} days`)
  }
  steady += day + 1
  expireKeys(journal, age.now() - day, 10)
  assert.is(journal.idempotency(entity, 'key'), undefined)
})

Ageing('age.A2: it goes on where it was noted; time without a host does not count', () => {
  const { catalog } = memoryStore()
  let steady = 0
  const first = new Age(catalog, { ...systemClock, now: () => 5_000, steady: () => steady })
  steady = 100
  first.note()
  steady = 150
  assert.is(new Age(catalog, { ...systemClock, now: () => 9 * day, steady: () => 7 }).now(), 5_100)
})

Ageing.run()

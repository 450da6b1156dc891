// Guards who is refused after holding the host, for how long, and what frees it.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../host/clock.ts'
import { Quarantine, quarantined } from '../../host/router/quarantine.ts'
import { memoryStore } from '../support/store.ts'

const Refused = suite('quarantine')

const held = { service: 'a.B', method: 'Do', entity: 'x', effect: 0 }

function opened(catalog = memoryStore().catalog) {
  const clock = { ...systemClock, ms: 0, now: () => 1_700_000_000_000, steady: () => clock.ms }
  const freed: string[] = []
  const quarantine = new Quarantine(catalog, clock, (service) => freed.push(service))
  quarantine.stop()
  return { catalog, clock, freed, quarantine }
}

Refused('§share-4: a second, ten, a minute, then until somebody releases it', () => {
  const { quarantine, clock } = opened()
  assert.is(quarantine.of('a.B'), undefined)
  for (const forMs of [1_000, 10_000, 60_000]) {
    quarantine.strike(held, 3)
    quarantine.stop()
    assert.is(quarantine.of('a.B')?.forMs, forMs)
    assert.is(quarantine.of('c.D'), undefined)
    clock.ms += forMs - 1
    assert.is(quarantine.of('a.B')?.forMs, 1)
    clock.ms += 1
    assert.is(quarantine.of('a.B'), undefined)
  }
  quarantine.strike(held, 3)
  clock.ms += 10 * 365 * 86_400_000
  const last = quarantine.of('a.B')!
  assert.is(last.forMs, undefined)
  const error = quarantined('a.B', last)
  assert.is(error.code, 'quarantined')
  assert.is(error.retryAfterSeconds, undefined)
  assert.match(
    error.message,
    /until an operator releases it \(inn services a.B --release\) or a new version is deployed/,
  )
  assert.is(quarantine.release('a.B'), true)
  assert.is(quarantine.release('a.B'), false)
  assert.is(quarantine.of('a.B'), undefined)
})

Refused('§share-4, quarantine.Q1: strikes survive a start, and so does a release', () => {
  const { catalog, quarantine } = opened()
  for (let strike = 0; strike < 3; strike++) quarantine.strike(held, 3)
  quarantine.stop()
  const again = opened(catalog)
  assert.is(again.quarantine.of('a.B')?.forMs, 60_000)
  again.quarantine.strike(held, 3)
  assert.is(opened(catalog).quarantine.of('a.B')?.forMs, undefined)
  again.quarantine.release('a.B')
  assert.is(opened(catalog).quarantine.of('a.B'), undefined)
})

Refused('§share-4, quarantine.Q2: an hour of good service forgives', () => {
  const { catalog, quarantine, clock } = opened()
  quarantine.strike(held, 3)
  quarantine.stop()
  clock.ms += 3_600_000
  assert.is(quarantine.of('a.B'), undefined)
  assert.is(catalog.strikes().size, 1)
  clock.ms += 2_000
  assert.is(quarantine.of('a.B'), undefined)
  assert.is(catalog.strikes().size, 0)
})

Refused('§share-4: another version begins without strikes; the same one, served again, does not', () => {
  const { quarantine, freed } = opened()
  for (let strike = 0; strike < 4; strike++) quarantine.strike(held, 3)
  quarantine.changed(() => 3)
  quarantine.changed(() => undefined)
  assert.ok(quarantine.of('a.B'))
  quarantine.changed(() => 4)
  assert.is(quarantine.of('a.B'), undefined)
  assert.equal(freed, ['a.B'])
})

Refused('the answer says when to come again', () => {
  const { quarantine, clock } = opened()
  quarantine.strike(held, 3)
  quarantine.strike(held, 3)
  quarantine.stop()
  clock.ms += 2_500
  const { retryAfterSeconds, message } = quarantined('a.B', quarantine.of('a.B')!)
  assert.is(retryAfterSeconds, 8)
  assert.match(message, /^a.B held the host until it was ended, and is refused for 8 more seconds$/)
})

Refused('one act counts once, however often a start tells it', () => {
  const { quarantine } = opened()
  assert.is(quarantine.strike(held, 3, 77).count, 1)
  assert.is(quarantine.strike(held, 3, 77).count, 1)
  assert.is(quarantine.strike(held, 3, 78).count, 2)
})

Refused.run()

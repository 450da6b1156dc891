// Guards how what the feed names, and what a scan finds, becomes steps of a view: the same numbers both ways.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { FeedChange } from '../../host/feed/change.ts'
import { joinKey } from '../../host/key.ts'
import type { Source } from '../../host/projection/sources.ts'
import { stepsOf, valueSteps } from '../../host/projection/steps.ts'

const Steps = suite('steps of a view')

const source: Source = {
  service: 'shop.v1.Order',
  kind: 'event-sourced',
  storage: 7,
  keyFieldCount: 1,
  types: new Set(['shop.v1.Placed', 'shop.v1.Paid']),
}
const box: Source = { ...source, service: 'shop.v1.Box', kind: 'value', storage: 8, types: new Set(['shop.v1.Value']) }
const sources = new Map([source, box].map((one) => [one.storage, one]))
const entity = { storage: 7, key: joinKey(['a']) }
const event = (typeName: string) => ({ typeName, data: new Uint8Array([1]) })
const numbers = (change: FeedChange) =>
  stepsOf(change, sources).map((step) =>
    step.kind === 'purged' ? step.service : [step.change.entity, step.change.sequence, step.change.what.kind],
  )

Steps('steps.S1, steps.S2: an event has its own number, also where others of its record are left out', () => {
  const events = [event('shop.v1.Placed'), event('shop.v1.Other'), event('shop.v1.Paid')]
  const change = { commit: 1, kind: 'events', entity, revision: 2, sequence: 9, events, nowMs: 5 } as const
  assert.equal(numbers(change), [
    ['a', 7, 'event'],
    ['a', 9, 'event'],
  ])
})

Steps('steps.S1: a value has the revision that it is given at, by the feed and by a scan', () => {
  const state = new Uint8Array([2])
  const value = { entity: { storage: 8, key: joinKey(['v']) }, revision: 4, nowMs: 5, state }
  assert.equal(numbers({ commit: 1, kind: 'value', ...value }), [['v', 4, 'updated']])
  assert.equal(valueSteps(box, value.entity.key, value), stepsOf({ commit: 9, kind: 'value', ...value }, sources))
  assert.equal(numbers({ commit: 1, kind: 'value', ...value, state: undefined }), [['v', 4, 'deleted']])
})

Steps('a purge is of the service that has the storage; what is of no source is no step', () => {
  assert.equal(numbers({ commit: 1, kind: 'purged', storage: 8 }), ['shop.v1.Box'])
  assert.equal(numbers({ commit: 1, kind: 'purged', storage: 9 }), [])
  assert.equal(numbers({ commit: 1, kind: 'undeployed', storage: 8 }), [])
  assert.equal(numbers({ commit: 1, kind: 'replica', entity: { ...entity, storage: 8 }, revision: 1 }), [])
})

Steps.run()

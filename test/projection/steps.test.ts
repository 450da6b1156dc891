// Guards what views are given of changes: numbers by which what comes twice is known, types that they take, and replicas as they are now.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { FeedChange } from '../../host/feed/change.ts'
import type { JournalRecord } from '../../host/journal/journal.ts'
import type { Source } from '../../host/projection/sources.ts'
import { recordSteps, stepsOf } from '../../host/projection/steps.ts'

const Steps = suite('steps of a view')
const source = (kind: Source['kind'], storage: number): Source => ({
  ...{ service: `s${storage}`, kind, storage, keyFieldCount: 1, types: new Set(['A', 'C']) },
})
const sources = new Map(
  [source('event-sourced', 1), source('value', 2), source('replicated', 3)].map((one) => [one.storage, one]),
)
const typed = (typeName: string) => ({ typeName, data: Buffer.from(typeName) })
const noReplica = (): never => {
  throw new Error('no replica')
}
const shown = (change: FeedChange, replicaOf: Parameters<typeof stepsOf>[2] = noReplica) =>
  stepsOf(change, sources, replicaOf).map((step) =>
    step.kind === 'purged'
      ? `purged ${step.service}`
      : `${step.change.service} ${step.change.entity} ${step.change.sequence} ${step.change.what.kind} ${step.change.what.kind === 'deleted' ? '' : step.change.what.typeName}`,
  )

Steps(
  'steps.S1, steps.S2: events have their sequence, and those of other types are left out, from the feed as from a scan',
  () => {
    const events = [typed('A'), typed('B'), typed('C')]
    const change = {
      commit: 9,
      kind: 'events',
      entity: { storage: 1, key: 'e' },
      revision: 4,
      sequence: 7,
      events,
      nowMs: 1,
    } as const
    assert.equal(shown(change), ['s1 e 5 event A', 's1 e 7 event C'])
    const record = { revision: 4, sequence: 7, events, command: { nowMs: 1 } } as unknown as JournalRecord
    assert.equal(recordSteps(sources.get(1)!, 'e', [record]), stepsOf(change, sources, noReplica))
    assert.equal(shown({ ...change, entity: { storage: 8, key: 'e' } }), [])
  },
)

Steps(
  'steps.S1, steps.S3: a value has the revision that it is given at, and a replica that at which it is read',
  () => {
    const value = { commit: 1, kind: 'value', entity: { storage: 2, key: 'e' }, revision: 3, nowMs: 1 } as const
    assert.equal(shown({ ...value, state: Buffer.from('x') }), ['s2 e 3 updated A'])
    assert.equal(shown({ ...value, state: undefined }), ['s2 e 3 deleted '])
    const replica = { commit: 1, kind: 'replica', entity: { storage: 3, key: 'e' }, revision: 3 } as const
    assert.equal(
      shown(replica, () => ({ revision: 8, nowMs: 2, state: Buffer.from('y') })),
      ['s3 e 8 updated A'],
    )
    assert.equal(
      shown(replica, () => ({ revision: 9, nowMs: 2, state: undefined })),
      ['s3 e 9 deleted '],
    )
    assert.equal(shown({ commit: 2, kind: 'purged', storage: 2 }), ['purged s2'])
    assert.equal(shown({ commit: 2, kind: 'purged', storage: 7 }), [])
  },
)

Steps.run()

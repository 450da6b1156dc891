// Guards how a replica is kept: what is on disk is what is here, and stays within bounds however long it is busy.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { kind } from '../../host/crdt/kind.ts'
import { ReplicaState } from '../../host/entity/replicated/replica-state.ts'
import { op } from '../crdt/support.ts'
import { record } from '../support/journal.ts'
import { memoryStore } from '../support/store.ts'

const Kept = suite('a replica on disk')

Kept(
  'replica-state.R1, replica-state.R2: a start reads the replica as it was, and no more than about twice of it',
  () => {
    const { journal } = memoryStore()
    const entity = { storage: 1, key: 'e' }
    const state = new ReplicaState(journal, entity)
    state.replica.apply('a', [op.create([], kind.orSet)], 0)
    let last: number | undefined
    let bases = 0
    let deltas = 0
    for (let turn = 1; turn <= 400; turn++) {
      const { delta } = state.replica.apply('a', [op.insert([], `${turn} ${'x'.repeat(1_000)}`)], 0)
      const change = { kind: 'delta', delta: delta! } as const
      const batch = journal.batch()
      state.write(batch, [{ ...record(turn, 0, []), change }], 1)
      journal.commit(batch, (error) => assert.is(error, undefined))
      deltas += delta!.length
      if (turn % 50 !== 0) continue
      const base = journal.base(entity)
      const since = journal.records(entity, base?.revision ?? 0, 10_000, 1e9).records
      const read = since.reduce((sum, { change: each }) => sum + (each?.kind === 'delta' ? each.delta.length : 0), 0)
      assert.ok(
        read <= Math.max(70_000, 1.1 * (base?.state?.length ?? 0)),
        `${read} bytes of deltas after ${turn} turns`,
      )
      const fresh = new ReplicaState(journal, entity)
      while (!fresh.ready) fresh.step()
      assert.equal(fresh.replica.encode(), state.replica.encode())
      if (base?.revision !== last) bases += 1
      last = base?.revision
    }
    assert.ok(bases > 1 && deltas > 400_000)
  },
)

Kept.run()

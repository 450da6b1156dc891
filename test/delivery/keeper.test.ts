// Guards the order in which what outcomes send comes into a commit.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Outbox } from '../../host/delivery/outbox.ts'
import { InnkeeperError } from '../../host/errors.ts'
import type { Joining } from '../../host/journal/group-commit.ts'
import type { Batch } from '../../host/journal/journal.ts'
import { damagedError } from '../../host/storage/damage.ts'
import { call, effect } from '../support/journal.ts'
import { keeperOf } from '../support/keeping.ts'

const sent = effect({ id: 1, cause: { service: 's', entity: '', revision: 0 }, call, synchronous: false })

/** All that happens to an outbox and a commit, in order; the commit ends as the test says. */
function scene(room: boolean) {
  const told: string[] = []
  const note = (what: string) => () => void told.push(what)
  const outbox = {
    ...{ places: () => ({}), admits: () => room, full: () => new InnkeeperError('overloaded', 'full') },
    ...{ joined: note('joined'), write: note('entries'), committed: note('committed'), parted: note('parted') },
  } as unknown as Outbox
  let end: (error?: Error) => void = () => {}
  const join = (write: (batch: Batch) => void, done: (error?: Error) => void) => {
    told.push('join')
    write({} as Batch)
    end = done
  }
  const keeper = keeperOf(outbox, { join } as unknown as Joining)
  const full = keeper.keep({ enqueued: [sent], arrived: [] }, note('cause'), note('done'))
  return { told, full, end: (error?: Error) => end(error) }
}

const Keeping = suite('keeping what is sent')

Keeping('keeper.K1: without room nothing of the commit happens', () => {
  const { told, full } = scene(false)
  assert.equal([told, full?.code], [[], 'overloaded'])
})

Keeping(
  'keeper.K2, partition.P1: the outbox knows before the commit has it, and what is sent is in that of its cause',
  () => {
    const { told, end } = scene(true)
    assert.equal(told, ['joined', 'join', 'cause', 'entries'])
    end()
    assert.equal(told.slice(4), ['committed', 'done'])
  },
)

Keeping('keeper.K3: of a commit that did not come about the outbox keeps nothing', () => {
  const { told, end } = scene(true)
  end(damagedError('an entity', new Error('damaged')))
  assert.equal(told.slice(4), ['parted', 'done'])
})

Keeping.run()

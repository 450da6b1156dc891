// Guards the projector on a real table: all or nothing of what is asked at once, nothing twice, and the change that fails is named.

import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { GuestFault, type RowPut, type ViewChange, type ViewGuest } from '../../host/guest/guest.ts'
import type { Step } from '../../host/views/component.ts'
import { Projector } from '../../host/views/process/projector.ts'
import { Table } from '../../host/views/process/table.ts'
import { temporary } from '../support/host.ts'
import { orders, query, Shop } from './shop.ts'

const Projecting = suite('projector')
const shop = await Shop.of(orders(query('All(Customer) returns (stream OrderRow)', 'SELECT * FROM orders_view')))
const plan = shop.component.views[0]!

/** A row for each entity that counts its events; and, of `moved`, one of another key. Data is what an event says. */
class Guest implements ViewGuest {
  readonly lastCall = { used: 0, given: 0 }
  readonly generation = 0
  calls = 0

  keys(_view: string, changes: readonly ViewChange[]): readonly (readonly string[])[] {
    this.calls += 1
    return changes.map((change) => [
      ...new Set([keyOf(change), ...change.keys, ...(textOf(change) === 'moved' ? ['moved'] : [])]),
    ])
  }

  project(
    _view: string,
    changes: readonly ViewChange[],
    _keys: readonly (readonly string[])[],
    rows: readonly RowPut[],
  ): readonly (readonly RowPut[])[] {
    const cents = new Map(
      rows.map(({ key, row }) => [key, Number((shop.json('OrderRow', row!) as { cents?: string }).cents ?? 0)]),
    )
    return changes.map((change) => {
      const text = textOf(change)
      if (text === 'bad') throw new GuestFault('trap', 'the call failed', undefined, 'it is bad')
      if (text === 'odd') return [{ key: keyOf(change), row: shop.bytes('OrderRow', { order: 'another' }) }]
      if (text === 'gone') return [{ key: keyOf(change), row: undefined }]
      const key = text === 'moved' ? 'moved' : keyOf(change)
      const count = (cents.get(key) ?? 0) + 1
      cents.set(key, count)
      const put = { key, row: shop.bytes('OrderRow', { order: key, cents: count, state: text }) }
      return text === 'moved' ? [{ key: keyOf(change), row: undefined }, put] : [put]
    })
  }

  drop(): void {}
}

const keyOf = ({ entity }: { entity: string }) => entity
const textOf = ({ what }: Pick<ViewChange, 'what'>) =>
  what.kind === 'deleted' ? 'gone' : Buffer.from(what.data).toString()
const step = (entity: string, sequence: number, text: string): Step => ({
  kind: 'change',
  change: {
    ...{ service: 'shop.v1.Order', entity, sequence, atMs: 1 },
    what: { kind: 'event', typeName: 'shop.v1.Said', data: Buffer.from(text) },
  },
})
const offset = (commit: number) => ({ partition: 0, commit, directory: 'd', incarnation: 'i', hash: '' })

function world(use: (table: Table, guest: Guest, projector: Projector, rows: (key: string) => unknown) => void): void {
  const { path, remove } = temporary()
  const table = new Table(join(path, 'one.db'), plan, plan.row, shop.schema)
  const guest = new Guest()
  try {
    use(table, guest, new Projector(guest, plan.service), (key) => {
      const row = table.row(key)
      return row && (shop.json('OrderRow', row) as { cents?: string }).cents
    })
  } finally {
    table.close()
    remove()
  }
}

Projecting('projector.P1: rows, what an entity has put, and offsets are written together, or nothing of them', () => {
  world((table, _guest, projector, cents) => {
    const steps = [step('a', 1, 'x'), step('b', 1, 'x'), step('a', 2, 'x')]
    assert.equal(projector.project(table, steps, [offset(3)]), { shared: 0, choked: undefined })
    assert.equal([cents('a'), cents('b'), table.offsets().map(({ commit }) => commit)], ['2', '1', [3]])
    const { choked } = projector.project(
      table,
      [step('a', 3, 'x'), step('c', 1, 'x'), step('b', 2, 'bad')],
      [offset(5)],
    )
    assert.is(choked?.entity, 'b')
    assert.equal([cents('a'), cents('c'), table.offsets().map(({ commit }) => commit)], ['2', undefined, [3]])
    assert.is(table.source('shop.v1.Order', 'a')?.revision, 2)
    projector.project(table, [step('a', 3, 'moved')], [offset(6)])
    assert.equal(table.source('shop.v1.Order', 'a')?.keys, ['moved'])
    assert.equal([cents('a'), cents('moved')], [undefined, '1'])
    projector.project(table, [{ kind: 'purged', service: 'shop.v1.Order' }, step('a', 1, 'x')], [offset(7)])
    assert.equal([cents('moved'), cents('a'), cents('b')], [undefined, '1', undefined])
  })
})

Projecting('projector.P2: what was projected of an entity already is passed over, also within one batch', () => {
  world((table, guest, projector, cents) => {
    const steps = Array.from({ length: 500 }, (_, at) => step(`e${at % 7}`, Math.floor(at / 7) + 1, 'x'))
    projector.project(table, [...steps, ...steps], [])
    projector.project(table, steps.slice(100, 300), [])
    let sum = 0
    for (let at = 0; at < 7; at++) sum += Number(cents(`e${at}`))
    assert.is(sum, 500)
    const { calls } = guest
    projector.project(table, steps, [])
    assert.is(guest.calls, calls)
  })
})

Projecting(
  'projector.P3: a batch that fails is projected one by one, and the change that fails is named with the words of the function',
  () => {
    world((table, _guest, projector, cents) => {
      const steps = Array.from({ length: 100 }, (_, at) => step('a', at + 1, at === 63 ? 'bad' : 'x'))
      assert.equal(projector.project(table, steps, []).choked, {
        ...{ service: 'shop.v1.Order', entity: 'a', sequence: 64, type: 'shop.v1.Said' },
        reason: 'the call failed: it is bad',
      })
      assert.is(cents('a'), undefined)
      assert.match(
        projector.project(table, [step('a', 1, 'odd')], []).choked!.reason,
        'put under the key "a", and its key column is "another"',
      )
      // It recovers.
      for (let at = 0; at < 40; at++) projector.project(table, [step('b', at + 1, 'x')], [])
      assert.is(cents('b'), '40')
    })
  },
)

Projecting.run()

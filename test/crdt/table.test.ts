// Guards the table: a Map in all but the cost of keys that come and go.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Table } from '../../host/crdt/table.ts'

const Tables = suite('crdt table')

Tables('table.T1: holds what a Map would, through any coming and going', () => {
  const step = fc.record({ key: fc.nat(300).map(String), add: fc.boolean() })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 1_500, size: 'max' }), (steps) => {
      const table = new Table<number>()
      const map = new Map<string, number>()
      steps.forEach(({ key, add }, at) => {
        if (add && map.has(key)) table.replace(key, at)
        else if (add) table.add(key, at)
        else if (map.has(key)) table.remove(key)
        if (add) map.set(key, at)
        else map.delete(key)
        assert.is(table.has(key), add)
        assert.is(table.get(key), map.get(key))
        assert.is(table.size, map.size)
      })
      assert.equal(table.keys(), [...map.keys()].sort())
      table.each((key, value) => assert.is(map.get(key), value))
    }),
    { numRuns: 30 },
  )
})

Tables('table.T1: every key may be removed while they are visited', () => {
  const table = new Table<number>()
  for (let index = 0; index < 1_000; index++) table.add(String(index), index)
  const visited: number[] = []
  table.each((key, value) => {
    visited.push(value)
    table.remove(key)
  })
  assert.is(visited.length, 1_000)
  assert.is(table.size, 0)
  assert.equal(table.keys(), [])
})

Tables.run()

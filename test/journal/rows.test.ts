// Guards that damaged rows of the feed and of schedules count as not there.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { read, readAll, write } from '../../host/journal/rows.ts'
import { MemoryKv } from '../../host/store/memory.ts'

const Damaged = suite('rows')

Damaged('rows.W1: a row that is damaged, or says what is no JSON, is not there, and its neighbours are', () => {
  const kv = new MemoryKv()
  const right = write('consumer/a', { at: 1 })
  const [column, , framed] = write('consumer/b', { at: 2 })
  const wrong = Buffer.from(framed!)
  wrong[wrong.length - 1]! ^= 1
  kv.write([right, [column, Buffer.from('consumer/b'), wrong]])
  assert.equal([read(kv, 'consumer/a'), read(kv, 'consumer/b')], [{ at: 1 }, undefined])
  assert.equal([...readAll(kv, 'consumer/', 9)], [['a', { at: 1 }]])
})

Damaged.run()

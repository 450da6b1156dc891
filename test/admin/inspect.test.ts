// Guards which entity an outward id means, where "-" joins several key fields.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { resolveEntity } from '../../host/admin/inspect.ts'
import { joinKey } from '../../host/key.ts'
import type { EventSourcedService } from '../../host/services.ts'
import { refuses } from '../support/assert.ts'
import { append } from '../support/journal.ts'
import { memoryStore } from '../support/store.ts'

const { journal, catalog } = memoryStore()
const storage = catalog.storageId('test')
const service = (keyFieldCount: number) =>
  ({ kind: 'event-sourced', name: 'test.Service', storage, keyFieldCount }) as EventSourcedService
const resolve = (id: string, count = 2) => resolveEntity({ journal }, service(count), id).key

for (const fields of [
  ['a-b', 'c'],
  ['x', 'y-z'],
  ['', 'q'],
  ['a', 'b-c'],
]) {
  await append(journal, { storage, key: joinKey(fields) }, ['event'])
}

const Inspect = suite('inspect')

Inspect('an id means the stored entity, wherever its fields are cut', () => {
  assert.is(resolve('x-y-z'), joinKey(['x', 'y-z']))
  assert.is(resolve('-q'), joinKey(['', 'q']))
})

Inspect('an id that means several stored entities is refused', () => {
  assert.match(refuses(() => resolve('a-b-c'), 'bad_request').message, /means 2 entities of test.Service/)
})

Inspect('an id that means none is unknown, with too few fields as well', () => {
  for (const id of ['x-y-w', 'x', '']) refuses(() => resolve(id), 'unknown_entity')
})

Inspect('an id with very many ways to be cut is answered all the same', () => {
  refuses(() => resolve('-'.repeat(5_000), 8), 'unknown_entity')
})

Inspect.run()

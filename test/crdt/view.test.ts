// Guards what a guest and a tool see: views as crdt.proto says, sorted by bytes, and JSON that people can read.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { kind } from '../../host/crdt/kind.ts'
import type { Replica } from '../../host/crdt/replica.ts'
import { eachKind, history, names, play } from './histories.ts'
import { after, bytes, op, plain, proto, seen } from './support.ts'

const View = suite('crdt view')
const viewType = proto.lookupType('innkeeper.crdt.v1.View')

/** Our bytes are just what another writer makes of the same value. */
function canonical(replica: Replica): void {
  const view = replica.view({ kind: 'all' }, 'a', names)
  assert.equal(Buffer.from(viewType.encode(viewType.decode(view)).finish()), Buffer.from(view))
}

const set = () =>
  after('a', [op.create([], kind.orSet), ...['b', 'a', 'c', ''].map((element) => op.insert([], element))])

eachKind((of, name) => {
  View(`${name}: a view is what protobufjs would write of it, and JSON shows the same`, () => {
    fc.assert(
      fc.property(history(of, true), (steps) => {
        for (const replica of play(steps).replicas) {
          const view = viewType.decode(replica.view({ kind: 'all' }, 'a', names))
          const object = viewType.toObject(view, { longs: String, defaults: true })
          assert.equal(plain(object['value']), replica.json('a', names))
          if (of !== kind.orMap) canonical(replica)
        }
      }),
      { numRuns: 40 },
    )
  })
})

View('view.W1, set.S1: elements ascend by their bytes', () => {
  assert.equal(seen(set()), { exists: true, value: { orSet: { elements: ['', 'a', 'b', 'c'], size: '4' } } })
  const high = after('a', [op.create([], kind.gSet)])
  for (const element of [[200], [0], [127, 1], [127]]) {
    high.apply('a', [{ path: [], change: { kind: 'insert', element: Uint8Array.from(element) } }], 0)
  }
  const { value } = viewType.toObject(viewType.decode(high.view({ kind: 'all' }, 'a', [])), { bytes: Array })
  assert.equal(value.gSet.elements, [[0], [127], [127, 1], [200]])
})

View(
  '§replica-9, view.W1, view.W3: a part of a set has the elements that are there, once each, and the size of the whole',
  () => {
    const scope = { kind: 'elements' as const, elements: ['c', 'absent', 'a', 'c'].map(bytes) }
    const value = { orSet: { elements: ['a', 'c'], size: '4' } }
    assert.equal(seen(set(), scope), { exists: true, value, partial: true })
  },
)

View('view.W2: a part of a map has the values under the keys whole', () => {
  const replica = after('a', [
    op.create([], kind.orMap),
    op.increment(['a'], 1n),
    op.create(['m'], kind.orMap),
    op.enable(['m', 'f']),
  ])
  const inner = { orMap: { entries: [{ key: 'f', value: { flag: { enabled: true } } }], size: '1' } }
  const value = { orMap: { entries: [{ key: 'm', value: inner }], size: '2' } }
  const scope = { kind: 'elements' as const, elements: [bytes('m'), bytes('x')] }
  assert.equal(seen(replica, scope), { exists: true, value, partial: true })
})

View('§replica-9, view.W3: a view of nothing says that the entity exists, and how large a set or a map is', () => {
  const nothing = { kind: 'nothing' } as const
  assert.equal(seen(set(), nothing), { exists: true, value: { orSet: { size: '4' } }, partial: true })
  assert.equal(seen(after('a', [op.increment([], 2n)]), nothing), { exists: true, partial: true })
  const value = { gCounter: { value: '2' } }
  const counter = after('a', [op.increment([], 2n)])
  assert.equal(seen(counter, { kind: 'elements', elements: [] }), { exists: true, value, partial: true })
})

View('JSON shows text and primitives as text, and other bytes as base64', () => {
  const replica = after('a', [op.create([], kind.gSet)])
  for (const element of [
    bytes('straße'),
    [10, 2, 104, 105],
    [8, 150, 1],
    [8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1],
    [255, 0],
    [10, 9, 104],
  ]) {
    replica.apply('a', [{ path: [], change: { kind: 'insert', element: Uint8Array.from(element) } }], 0)
  }
  const { gSet } = replica.json('a', []) as { gSet: { elements: unknown[] } }
  // [10, 9, 104] is no primitive, but "\n\th" is text.
  assert.equal(gSet.elements, ['150', '-1', 'hi', '\n\th', 'straße', { base64: '/wA=' }])
})

View.run()

// Guards the guest's door: operations are read as crdt.proto says, and whatever is malformed is an OperationError.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { kind } from '../../host/crdt/kind.ts'
import { decodeOperations, OperationError } from '../../host/crdt/operations.ts'
import { history } from './histories.ts'
import { encodeOperations, op, plain, proto } from './support.ts'

const Operations = suite('crdt operations')
const message = proto.lookupType('innkeeper.crdt.v1.Operations')
const written = (object: object) => message.encode(message.fromObject(object)).finish()

const refused = (data: Uint8Array, why: RegExp, max = 100) => {
  assert.throws(
    () => decodeOperations(data, max),
    (error: unknown) => error instanceof OperationError && why.test(error.message),
  )
}

Operations('operations.P1: what a guest writes is read back, every kind of change', () => {
  fc.assert(
    fc.property(history(kind.orMap, false), (steps) => {
      for (const step of steps) {
        if (step.do !== 'apply') continue
        const read = decodeOperations(encodeOperations(step.operations), 100)
        assert.equal(plain(read), plain(step.operations))
      }
    }),
  )
})

Operations('operations.P1: the same as another writer of crdt.proto has it', () => {
  const data = written({
    operations: [
      { path: [Buffer.from('k')], increment: '18446744073709551615' },
      { add: '-9223372036854775808' },
      { assign: { value: Buffer.from('x'), clock: 'CLOCK_CUSTOM', customClock: '-5' } },
      { create: 'KIND_VOTE' },
      { enable: false },
      { insert: Buffer.alloc(0) },
    ],
  })
  assert.equal(
    plain(decodeOperations(data, 6)),
    plain([
      op.increment(['k'], 2n ** 64n - 1n),
      op.add([], -(2n ** 63n)),
      op.assign([], 'x', 2, -5n),
      op.create([], kind.vote),
      op.enable([], false),
      op.insert([], ''),
    ]),
  )
})

Operations('operations.P1: no change, no such kind, clear: false, too many and too deep are refused', () => {
  refused(written({ operations: [{ path: [Buffer.from('k')] }] }), /without a change/)
  refused(written({ operations: [{ create: 0 }] }), /kind 0/)
  refused(written({ operations: [{ create: 9 }] }), /kind 9/)
  refused(written({ operations: [{ clear: false }] }), /clear/)
  refused(written({ operations: [{ vote: true }, { vote: true }] }), /more than 1/, 1)
  refused(written({ operations: [{ path: Array(33).fill(Buffer.from('k')), vote: true }] }), /more than 32/)
})

Operations(
  '§replica-12: how far changes are to be written is read, alone too, and a number that is none is refused',
  () => {
    for (const consistency of [0, 1, 2]) {
      assert.equal(decodeOperations(written({ operations: [], consistency }), 1), [])
      assert.is(decodeOperations(written({ operations: [{ vote: true }], consistency }), 1).length, 1)
    }
    refused(written({ operations: [], consistency: 3 }), /consistency 3/)
  },
)

Operations(
  '§register-4, operations.P2: unknown fields are skipped, an unknown clock is the default, the last change counts',
  () => {
    const assign = written({ operations: [{ assign: { clock: 77 } }] })
    assert.equal(decodeOperations(assign, 1)[0]!.change, {
      kind: 'assign',
      value: new Uint8Array(),
      clock: 0,
      customClock: 0n,
    })
    const odd = Uint8Array.of(0x18, 5, 0x0a, 6, 0x78, 1, 0x18, 3, 0x50, 1)
    assert.equal(decodeOperations(odd, 1), [{ path: [], change: { kind: 'vote', for: true } }])
  },
)

Operations('operations.P3: bytes are views of what came in', () => {
  const data = encodeOperations([op.insert(['key'], 'element')])
  const [{ path, change }] = decodeOperations(data, 1) as [ReturnType<typeof op.insert>]
  assert.ok(path[0]!.buffer === data.buffer)
  assert.ok(change.kind === 'insert' && change.element.buffer === data.buffer)
})

Operations('operations.P1: cut, flipped or noise, nothing but OperationError is thrown', () => {
  const data = encodeOperations([
    op.create(['m'], kind.orMap),
    op.increment(['m', 'k'], 300n),
    op.assign(['m', 'r'], 'value', 3, -1n),
    op.remove(['m'], 'k'),
    op.clear([]),
  ])
  const attempt = (bytes: Uint8Array) => {
    try {
      decodeOperations(bytes, 100)
    } catch (error) {
      assert.instance(error, OperationError)
    }
  }
  for (let length = 0; length < data.length; length++) attempt(data.subarray(0, length))
  for (let bit = 0; bit < data.length * 8; bit++) {
    const flipped = data.slice()
    flipped[bit >> 3]! ^= 1 << (bit & 7)
    attempt(flipped)
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40, size: 'max' }), attempt), { numRuns: 2_000 })
})

Operations.run()

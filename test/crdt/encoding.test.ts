// Guards the door for disk and peer bytes: canonical, bounded, and nothing but DamagedReplica for what is not ours.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { kind } from '../../host/crdt/kind.ts'
import { DamagedReplica, Replica } from '../../host/crdt/replica.ts'
import { history, play } from './histories.ts'
import { after, bytes, delta, hex, op } from './support.ts'

const Encoding = suite('crdt encoding')

/** Refused as damaged, in both ways in; or read, and then it is just what encode writes. */
function readOrRefuse(data: Uint8Array): 'read' | 'refused' {
  const replica = after('a', [op.create([], kind.orMap)], [op.increment(['k'], 1n)])
  const before = hex(replica.encode())
  let read: Replica
  try {
    read = Replica.decode(data)
  } catch (error) {
    assert.instance(error, DamagedReplica)
    assert.throws(
      () => replica.merge(data),
      (thrown: unknown) => thrown instanceof DamagedReplica,
    )
    assert.is(hex(replica.encode()), before)
    return 'refused'
  }
  assert.is(hex(read.encode()), hex(data))
  replica.merge(data)
  assert.is(hex(Replica.decode(replica.encode()).encode()), hex(replica.encode()))
  return 'read'
}

const replicas = history(kind.orMap, true).map((steps) => {
  const {
    replicas: [first],
    deltas,
  } = play(steps)
  return { full: first!.encode(), deltas }
})

Encoding('decode.E1: whatever is cut is refused', () => {
  fc.assert(
    fc.property(replicas, ({ full, deltas }) => {
      for (const data of [full, ...deltas.slice(0, 3)]) {
        for (let length = 0; length < data.length; length++)
          assert.is(readOrRefuse(data.subarray(0, length)), 'refused')
      }
    }),
    { numRuns: 15 },
  )
})

Encoding('decode.E1, encode.B1: any flipped bit is refused, or means something else in canonical form', () => {
  fc.assert(
    fc.property(replicas, fc.nat(), ({ full, deltas }, from) => {
      for (const data of [full, ...deltas.slice(0, 3)]) {
        for (let flip = 0; flip < 40; flip++) {
          const bit = (from + flip * 7919) % (data.length * 8)
          const flipped = data.slice()
          flipped[bit >> 3]! ^= 1 << (bit & 7)
          readOrRefuse(flipped)
        }
      }
    }),
    { numRuns: 60 },
  )
})

Encoding('decode.E1: noise is refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60, size: 'max' }), (noise) => {
      readOrRefuse(noise)
      readOrRefuse(Uint8Array.of(1, 0, ...noise))
      readOrRefuse(Uint8Array.of(1, 0, 1, 1, 97, 1, 0, 40, ...noise))
    }),
    { numRuns: 2_000 },
  )
})

/** Version 1, one replica "a" with dots 1 to 9, then this. */
const body = (...rest: readonly number[]) => Uint8Array.of(1, 0, 1, 1, 97, 1, 0, 8, ...rest)

Encoding('encode.B3: the layout is the one that encode.ts documents', () => {
  const set = after('a', [op.create([], kind.orSet), op.insert([], 'y'), op.insert([], 'x')])
  assert.is(hex(set.encode()), '01 00 01 01 61 01 00 01 08 02 01 78 01 00 02 01 79 01 00 01'.replaceAll(' ', ''))
  assert.is(hex(new Replica().encode()), '01000000')
  assert.is(readOrRefuse(body(0b1000, 1, 1, 120, 1, 0, 3)), 'read')
})

Encoding('decode.E1: each mistake is refused', () => {
  const mistakes: Readonly<Record<string, Uint8Array>> = {
    'another version': Uint8Array.of(2, 0, 0, 0),
    'another form': Uint8Array.of(1, 2),
    'a byte after the end': Uint8Array.of(1, 0, 0, 0, 0),
    'a byte after a deleted one': Uint8Array.of(1, 1, 0),
    'dots without a value': body(0),
    'a replica without a dot': Uint8Array.of(1, 0, 1, 1, 97, 0, 0b1000, 0),
    'a replica id with a control character': Uint8Array.of(1, 0, 1, 1, 7, 1, 0, 0, 0b1000, 0),
    'an empty replica id': Uint8Array.of(1, 0, 1, 0, 1, 0, 0, 0b1000, 0),
    'replica ids out of order': Uint8Array.of(1, 0, 2, 1, 98, 1, 0, 0, 1, 97, 1, 0, 0, 0b1000, 0),
    'a replica twice': Uint8Array.of(1, 0, 2, 1, 97, 1, 0, 0, 1, 97, 1, 0, 0, 0b1000, 0),
    'an element without a dot': body(0b1000, 1, 1, 120, 0),
    'an element twice': body(0b1000, 2, 1, 120, 1, 0, 1, 1, 120, 1, 0, 2),
    'elements out of order': body(0b1000, 2, 1, 121, 1, 0, 1, 1, 120, 1, 0, 2),
    'a dot twice in one place': body(0b1000, 1, 1, 120, 2, 0, 1, 0, 1),
    'a dot twice in two places': body(0b1000, 2, 1, 120, 1, 0, 1, 1, 121, 1, 0, 1),
    'dots out of order': body(0b1000, 1, 1, 120, 2, 0, 2, 0, 1),
    'a dot of an unknown replica': body(0b1000, 1, 1, 120, 1, 1, 1),
    'a dot that was not seen': body(0b1000, 1, 1, 120, 1, 0, 10),
    'the dot 0': body(0b1000, 1, 1, 120, 1, 0, 0),
    'a number longer than it needs to be': body(0b1000, 1, 1, 120, 1, 0, 0x81, 0),
    'a count without elements': body(0b1000, 0xff, 0xff, 0xff, 0xff, 0x0f),
    'a length beyond the end': body(0b1000, 1, 0xff, 0xff, 0xff, 0xff, 0x0f, 120),
    'a key without a value': body(0b100_0000, 1, 1, 107, 0),
    'a value without a dot': body(0b100_0000, 1, 1, 107, 0b1000, 0, 0),
    'a share beyond uint64': body(1, 1, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02),
    'a share longer than it needs to be': body(1, 1, 0, 1, 0x81, 0),
  }
  for (const [name, data] of Object.entries(mistakes)) assert.is(readOrRefuse(data), 'refused', name)
})

Encoding('decode.E3: ranges of 2^40 dots cost nothing, also where a merge meets them', () => {
  // Dots 1 to 2^41 - 1 of "z", all seen and all gone.
  const all = Uint8Array.of(1, 0, 1, 1, 122, 1, 0, 0xfe, 0xff, 0xff, 0xff, 0xff, 0x3f, 0b1000, 0)
  const replica = after('a', [op.create([], kind.orSet), op.insert([], 'x')])
  replica.merge(all)
  assert.ok(replica.size < 2_000)
  assert.throws(() => replica.apply('z', [op.insert([], 'y')], 0), /no dots left/)
  replica.apply('a', [op.insert([], 'y')], 0)
})

Encoding('decode.E3: maps nested deeper than any that can be made are refused', () => {
  const nested = (depth: number): number[] => {
    let inner = [0]
    for (let level = depth; level > 0; level--) inner = [1, 1, 107, 0b100_0000, 1, 0, level, ...inner]
    return inner
  }
  const seen = (depth: number) => Uint8Array.of(1, 0, 1, 1, 97, 1, 0, 98, 0b100_0000, ...nested(depth))
  assert.is(readOrRefuse(seen(32)), 'read')
  assert.is(readOrRefuse(seen(33)), 'refused')
  assert.is(readOrRefuse(seen(99)), 'refused')
})

Encoding('decode.E1: names that came with refused bytes are forgotten', () => {
  const replica = after('a', [op.create([], kind.orSet)])
  for (let index = 0; index < 5_000; index++) {
    const name = bytes(`r${index}`)
    const damaged = Uint8Array.of(1, 0, 1, name.length, ...name, 1, 0, 0, 0)
    assert.throws(() => replica.merge(damaged))
  }
  replica.apply('another', [op.insert([], 'x')], 0)
})

Encoding('encode.B2: a delta holds what was done and nothing else, however large the value', () => {
  const replica = after('a', [op.create([], kind.orSet)])
  const operations = Array.from({ length: 10_000 }, (_, index) => op.insert([], `element-${index}`))
  replica.apply('a', operations, 0)
  assert.ok(delta(replica.apply('b', [op.insert([], 'x')], 0)).length < 20)
  assert.ok(delta(replica.apply('b', [op.remove([], 'element-7')], 0)).length < 20)
  assert.ok(delta(replica.apply('b', [op.clear([])], 0)).length < 30)
})

Encoding('elements, keys and values are bytes, whichever', () => {
  const odd = Uint8Array.of(0, 127, 128, 255, 10, 13)
  const replica = after('a', [op.create([], kind.orMap)])
  replica.apply(
    'a',
    [
      { path: [odd], change: { kind: 'create', of: kind.orSet } },
      { path: [odd], change: { kind: 'insert', element: odd } },
      { path: [new Uint8Array()], change: { kind: 'assign', value: odd, clock: 0, customClock: 0n } },
    ],
    0,
  )
  const text = Buffer.from(odd).toString('base64')
  assert.equal(Replica.decode(replica.encode()).json('a', []), {
    orMap: {
      entries: [
        { key: '', value: { lwwRegister: { value: { base64: text } } } },
        { key: { base64: text }, value: { orSet: { elements: [{ base64: text }], size: '1' } } },
      ],
      size: '2',
    },
  })
})

Encoding.run()

// Figures of host/crdt: merging, and commands on one element of few and of many.
//
// What is timed is bytes to bytes: a merge includes decoding what came; a command decoding its operations, the delta, and the
// view of the element afterwards. Not measured: the guest, the journal, the network.

import { kind } from '../host/crdt/kind.ts'
import { decodeOperations } from '../host/crdt/operations.ts'
import { Replica } from '../host/crdt/replica.ts'
import { bytes, encodeOperations, op } from '../test/crdt/support.ts'

interface Figure {
  readonly name: string
  readonly value: number
  readonly unit: string
}

const many = 100_000
const few = 1_000
const members = ['a', 'b']

export async function crdtFigures(): Promise<readonly Figure[]> {
  const first = setOf('a', 0, many).encode()
  const disjoint = setOf('b', many, many).encode()
  const known = halfKnown(first)
  const both = setOf('b', many / 2, many).encode()
  const removed = removal(first, 5)
  return [
    ms(
      'encode an ORSet of 100,000',
      () => setOf('a', 0, many),
      (replica) => replica.encode(),
    ),
    ms('decode an ORSet of 100,000', () => first, Replica.decode),
    ms(
      'view of all of an ORSet of 100,000',
      () => setOf('a', 0, many),
      (replica) => replica.view({ kind: 'all' }, 'a', members),
    ),
    ms(
      'merge two ORSets of 100,000, disjoint',
      () => Replica.decode(first),
      (replica) => replica.merge(disjoint),
    ),
    ms(
      'merge two ORSets of 100,000, half added by both',
      () => Replica.decode(first),
      (replica) => replica.merge(both),
    ),
    ms(
      'merge two ORSets of 100,000, half of one removed in the other',
      () => Replica.decode(first),
      (replica) => replica.merge(known),
    ),
    ms(
      'first removal from elsewhere on 100,000 (builds the index)',
      () => Replica.decode(first),
      (replica) => replica.merge(removed),
    ),
    ...deltas(first),
    command('ORSet', few, setOf('a', 0, few)),
    command('ORSet', many, setOf('a', 0, many)),
    command('ORMap', few, mapOf('a', few)),
    command('ORMap', many, mapOf('a', many)),
  ]
}

function setOf(self: string, from: number, count: number): Replica {
  const replica = new Replica()
  const operations = [op.create([], kind.orSet)]
  for (let index = from; index < from + count; index++) operations.push(op.insert([], `element-${index}`))
  replica.apply(self, operations, 0)
  return replica
}

function mapOf(self: string, count: number): Replica {
  const replica = new Replica()
  const operations = [op.create([], kind.orMap)]
  for (let index = 0; index < count; index++) operations.push(op.increment([`element-${index}`], 1n))
  replica.apply(self, operations, 0)
  return replica
}

/** Knows all of the first set, has removed half of it, and has as many of its own. */
function halfKnown(first: Uint8Array): Uint8Array {
  const replica = Replica.decode(first)
  const operations = []
  for (let index = 0; index < many / 2; index++) {
    operations.push(op.remove([], `element-${index}`), op.insert([], `other-${index}`))
  }
  replica.apply('b', operations, 0)
  return replica.encode()
}

function removal(of: Uint8Array, index: number): Uint8Array {
  return Replica.decode(of).apply('b', [op.remove([], `element-${index}`)], 0).delta!
}

function deltas(first: Uint8Array): readonly Figure[] {
  const writer = Replica.decode(first)
  const added: Uint8Array[] = []
  const removed: Uint8Array[] = []
  for (let index = 0; index < 5_000; index++) {
    added.push(writer.apply('b', [op.insert([], `new-${index}`)], 0).delta!)
    removed.push(writer.apply('b', [op.remove([], `element-${index}`)], 0).delta!)
  }
  const reader = Replica.decode(first)
  reader.merge(removal(first, many - 1))
  return [
    us('delta that adds one element onto an ORSet of 100,000', added.length, (index) => reader.merge(added[index]!)),
    us('delta that removes one element from an ORSet of 100,000', removed.length, (index) =>
      reader.merge(removed[index]!),
    ),
  ]
}

/** Operations in, delta and view out; every second command takes back the one before. */
function command(name: string, size: number, replica: Replica): Figure {
  const key = bytes('element-new')
  const commands =
    name === 'ORSet'
      ? [op.insert([], 'element-new'), op.remove([], 'element-new')]
      : [op.increment(['element-new'], 1n), op.remove([], 'element-new')]
  const encoded = commands.map((operation) => encodeOperations([operation]))
  return us(`command on one element, ${name} of ${size.toLocaleString('en')}`, 20_000, (index) => {
    replica.apply('a', decodeOperations(encoded[index % 2]!, 100), 0)
    replica.view({ kind: 'elements', elements: [key] }, 'a', members)
  })
}

/** Median of seven, after two that do not count. */
function ms<T>(name: string, prepare: () => T, run: (prepared: T) => unknown): Figure {
  const times: number[] = []
  for (let round = 0; round < 9; round++) {
    const prepared = prepare()
    const started = performance.now()
    run(prepared)
    if (round >= 2) times.push(performance.now() - started)
  }
  return { name, value: times.sort((a, b) => a - b)[3]!, unit: 'ms' }
}

/** The mean over all, after a tenth that does not count. */
function us(name: string, count: number, run: (index: number) => unknown): Figure {
  const warm = count / 10
  let started = 0
  for (let index = 0; index < count; index++) {
    if (index === warm) started = performance.now()
    run(index)
  }
  return { name, value: ((performance.now() - started) * 1000) / (count - warm), unit: 'us' }
}

// Guards §replica-2 to §vote-2: what each operation means for each kind, what is a change, what is nothing, what is refused.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { kind } from '../../host/crdt/kind.ts'
import type { Operation } from '../../host/crdt/operations.ts'
import { clock, OperationError } from '../../host/crdt/operations.ts'
import { Replica } from '../../host/crdt/replica.ts'
import { attempt } from './histories.ts'
import { after, delta, hex, op, seen, sync } from './support.ts'

const Kinds = suite('crdt kinds')
const copy = (replica: Replica) => Replica.decode(replica.encode())

/** The operations are refused, and the replica stays as it was. */
function refused(replica: Replica, ...operations: readonly Operation[]): void {
  const before = hex(replica.encode())
  assert.throws(
    () => replica.apply('a', operations, 0),
    (error: unknown) => error instanceof OperationError,
  )
  assert.is(hex(replica.encode()), before)
}

/** The operations are carried out, and come to nothing. */
function nothing(replica: Replica, ...operations: readonly Operation[]): void {
  const before = hex(replica.encode())
  const applied = replica.apply('a', operations, 0)
  assert.is(applied.delta, undefined)
  assert.not(applied.changed)
  assert.is(hex(replica.encode()), before)
}

const value = (replica: Replica) => (seen(replica) as { value: Record<string, unknown> }).value

Kinds('§replica-2: values of an entity that was just created are the defaults of its kind', () => {
  const fresh = (of: (typeof kind)[keyof typeof kind]) => after('a', [op.create([], of)]).json('a', ['a', 'b'])
  assert.equal(fresh(kind.gCounter), { gCounter: { value: '0' } })
  assert.equal(fresh(kind.pnCounter), { pnCounter: { value: '0' } })
  assert.equal(fresh(kind.gSet), { gSet: { elements: [], size: '0' } })
  assert.equal(fresh(kind.orSet), { orSet: { elements: [], size: '0' } })
  assert.equal(fresh(kind.lwwRegister), { lwwRegister: { value: '' } })
  assert.equal(fresh(kind.flag), { flag: { enabled: false } })
  assert.equal(fresh(kind.orMap), { orMap: { entries: [], size: '0' } })
  assert.equal(fresh(kind.vote), { vote: { self: false, votesFor: 0, voters: 2 } })
})

Kinds('§replica-2: an entity that nobody created has an empty view, and its creation is a change', () => {
  const replica = new Replica()
  assert.equal(seen(replica), {})
  assert.not(replica.exists || replica.deleted)
  assert.ok(replica.apply('a', [op.create([], kind.gSet)], 0).changed)
  assert.ok(replica.exists)
  nothing(replica, op.create([], kind.gSet))
})

Kinds('§replica-3, crdt/plan.L2: creating where another kind is, is refused', () => {
  refused(after('a', [op.create([], kind.gSet)]), op.create([], kind.orSet))
  refused(after('a', [op.create([], kind.orMap)], [op.enable(['k'])]), op.create(['k'], kind.vote))
})

Kinds(
  '§replica-3, crdt/plan.L1: a first change creates the entity where its kind is plain, and not where it is not',
  () => {
    for (const [operation, expected] of [
      [op.increment([], 0n), { gCounter: { value: '0' } }],
      [op.add([], -2n), { pnCounter: { value: '-2' } }],
      [op.assign([], 'x'), { lwwRegister: { value: 'x' } }],
      [op.enable([], false), { flag: { enabled: false } }],
      [op.vote([], false), { vote: { self: false, votesFor: 0, voters: 1 } }],
    ] as const) {
      const replica = new Replica()
      assert.ok(replica.apply('a', [operation], 0).changed)
      assert.equal(replica.json('a', ['a']), expected)
    }
    for (const operation of [op.insert([], 'x'), op.remove([], 'x'), op.clear([])]) refused(new Replica(), operation)
  },
)

Kinds('§counter-1, counter.N3 GCounter: increments of one command are one delta', () => {
  const replica = after('a', [op.increment([], 1n)])
  const peer = copy(replica)
  const applied = replica.apply('a', [op.increment([], 2n), op.increment([], 3n)], 0)
  peer.merge(delta(applied))
  assert.equal(value(peer), { gCounter: { value: '6' } })
  nothing(replica, op.increment([], 0n))
})

Kinds(
  '§counter-1, counter.N2 GCounter: an increment that is negative as signed 64, or a sum beyond uint64, is refused',
  () => {
    const replica = after('a', [op.increment([], 2n ** 63n - 1n)])
    refused(replica, op.increment([], 2n ** 63n))
    refused(replica, op.increment([], -1n))
    replica.apply('b', [op.increment([], 2n ** 63n - 1n), op.increment([], 1n)], 0)
    assert.equal(value(replica), { gCounter: { value: '18446744073709551615' } })
    refused(replica, op.increment([], 1n))
  },
)

Kinds('§counter-3, counter.N2 GCounter: shares that add up beyond uint64 only when they meet stand at its end', () => {
  const most = [op.increment([], 2n ** 63n - 1n), op.increment([], 2n ** 63n - 1n), op.increment([], 1n)]
  const [a, b] = [after('a', most), after('b', most)]
  sync(a, b)
  assert.equal(value(a), { gCounter: { value: '18446744073709551615' } })
  assert.is(hex(copy(a).encode()), hex(b.encode()))
})

Kinds(
  '§counter-2, counter.N2, counter.N3 PNCounter: a net 0 of one command is nothing, and the range is that of sint64',
  () => {
    const replica = after('a', [op.add([], 5n)])
    nothing(replica, op.add([], 3n), op.add([], -3n))
    replica.apply('a', [op.add([], -(2n ** 63n)), op.add([], -5n)], 0)
    assert.equal(value(replica), { pnCounter: { value: '-9223372036854775808' } })
    refused(replica, op.add([], -1n))
    refused(replica, op.add([], 2n ** 63n - 1n), op.add([], 2n ** 63n - 1n), op.add([], 2n))
  },
)

Kinds('§set-1 GSet: adding what is there is nothing, repeats are one, nothing is ever removed', () => {
  const replica = after('a', [op.create([], kind.gSet), op.insert([], 'x'), op.insert([], 'x')])
  nothing(replica, op.insert([], 'x'))
  refused(replica, op.remove([], 'x'))
  refused(replica, op.clear([]))
  assert.equal(value(replica), { gSet: { elements: ['x'], size: '1' } })
})

Kinds('§set-2, set.S2 ORSet: what comes back to where it was within a command is nothing', () => {
  const replica = after('a', [op.create([], kind.orSet), op.insert([], 'x'), op.insert([], 'y')])
  nothing(replica, op.remove([], 'absent'))
  nothing(replica, op.remove([], 'x'), op.insert([], 'x'))
  nothing(replica, op.insert([], 'new'), op.remove([], 'new'))
  nothing(replica, op.clear([]), op.insert([], 'y'), op.insert([], 'x'))
  nothing(after('a', [op.create([], kind.orSet)]), op.clear([]))
})

Kinds('§set-2 ORSet: clear forgets what the command said before it', () => {
  const replica = after('a', [op.create([], kind.orSet), op.insert([], 'x'), op.insert([], 'y')])
  const peer = copy(replica)
  const applied = replica.apply('a', [op.insert([], 'z'), op.clear([]), op.insert([], 'y')], 0)
  assert.ok(applied.changed)
  peer.merge(delta(applied))
  for (const each of [replica, peer]) assert.equal(value(each), { orSet: { elements: ['y'], size: '1' } })
})

Kinds('§set-3, set.S3 ORSet: adding wins over removing at the same time', () => {
  const a = after('a', [op.create([], kind.orSet), op.insert([], 'x')])
  const b = copy(a)
  a.apply('a', [op.remove([], 'x')], 0)
  b.apply('b', [op.remove([], 'x')], 0)
  b.apply('b', [op.insert([], 'x')], 0)
  sync(a, b)
  assert.equal(value(a), { orSet: { elements: ['x'], size: '1' } })
})

Kinds('§register-1 LWWRegister: creating one is a write of the empty value', () => {
  const replica = new Replica()
  replica.apply('a', [op.create([], kind.lwwRegister)], 100)
  nothing(replica, op.assign([], 'lower', clock.custom, 99n))
  assert.equal(value(replica), { lwwRegister: {} })
})

Kinds('§register-1, register.G5: a register created and assigned in one command is that assign alone', () => {
  const replica = new Replica()
  replica.apply('a', [op.create([], kind.lwwRegister), op.assign([], 'first', clock.reverse)], 100)
  assert.equal(value(replica), { lwwRegister: { value: 'first' } })
  replica.apply('a', [op.assign([], 'second', clock.reverse)], 200)
  assert.equal(value(replica), { lwwRegister: { value: 'first' } })
  const counted = new Replica()
  counted.apply('a', [op.create([], kind.lwwRegister), op.assign([], 'five', clock.customAutoIncrement, 5n)], 100)
  assert.ok(counted.apply('a', [op.assign([], 'six', clock.custom, 6n)], 100).changed)
})

Kinds('§register-2, register.G3 LWWRegister: the default clock is never behind the value that it replaces', () => {
  const replica = new Replica()
  replica.apply('a', [op.assign([], 'ahead', clock.custom, 5_000n)], 0)
  replica.apply('a', [op.assign([], 'later')], 1_000)
  assert.equal(value(replica), { lwwRegister: { value: 'later' } })
  const peer = after('b', [op.assign([], 'other', clock.custom, 5_001n)])
  sync(replica, peer)
  assert.equal(value(replica), { lwwRegister: { value: 'later' } }, '5,001 by a beats 5,001 by b')
})

Kinds('§register-3 LWWRegister: with the reverse clock the first write wins, and loses against the default one', () => {
  const [a, b] = [new Replica(), new Replica()]
  a.apply('a', [op.assign([], 'second', clock.reverse)], 200)
  b.apply('b', [op.assign([], 'first', clock.reverse)], 100)
  sync(a, b)
  assert.equal(value(a), { lwwRegister: { value: 'first' } })
  a.apply('a', [op.assign([], 'default')], 300)
  assert.equal(value(a), { lwwRegister: { value: 'default' } })
  nothing(a, op.assign([], 'reverse', clock.reverse))
})

Kinds(
  '§register-4, register.G2, register.G3 LWWRegister: custom is the given value, and a lower one loses without an error',
  () => {
    const replica = after('a', [op.assign([], 'ten', clock.custom, 10n)])
    nothing(replica, op.assign([], 'nine', clock.custom, 9n))
    assert.ok(replica.apply('a', [op.assign([], 'also ten', clock.custom, 10n)], 0).changed)
    assert.equal(value(replica), { lwwRegister: { value: 'also ten' } })
  },
)

Kinds('§register-4 LWWRegister: custom auto-increment is the given value, or one more than what is there', () => {
  const replica = after('a', [op.assign([], 'ten', clock.custom, 10n)])
  replica.apply('a', [op.assign([], 'eleven', clock.customAutoIncrement, 3n)], 0)
  nothing(replica, op.assign([], 'ten', clock.custom, 10n))
  assert.ok(replica.apply('a', [op.assign([], 'eleven again', clock.custom, 11n)], 0).changed)
  replica.apply('a', [op.assign([], 'fifty', clock.customAutoIncrement, 50n)], 0)
  nothing(replica, op.assign([], 'x', clock.custom, 49n))
})

Kinds('§register-5, register.G1 LWWRegister: equal timestamps, the lower replica id wins, whoever writes first', () => {
  const write = (text: string) => [op.assign([], text, clock.custom, 7n)]
  const [a, b] = [after('a', write('of a')), after('b', write('of b'))]
  sync(a, b)
  for (const each of [a, b]) assert.equal(value(each), { lwwRegister: { value: 'of a' } })
  assert.is(b.apply('b', write('of b again'), 0).delta, undefined)
  const c = after('b', write('of b'))
  assert.ok(c.apply('a', write('of a'), 0).changed)
})

Kinds(
  '§register-7, register.G4 LWWRegister: an equal value is no write with the default clock, and one without a change with another',
  () => {
    const replica = after('a', [op.assign([], 'x')])
    nothing(replica, op.assign([], 'x'))
    const applied = replica.apply('a', [op.assign([], 'x', clock.customAutoIncrement)], 0)
    assert.ok(applied.delta !== undefined)
    assert.not(applied.changed)
  },
)

Kinds('§register-7 LWWRegister: timestamps stay within int64', () => {
  const replica = after('b', [op.assign([], 'end', clock.custom, 2n ** 63n - 1n)])
  replica.apply('b', [op.assign([], 'after the end')], 0)
  assert.equal(value(copy(replica)), { lwwRegister: { value: 'after the end' } })
})

Kinds('§flag-1, flag.F1 Flag: enabling is once, disabling is legal only while it is off', () => {
  const replica = after('a', [op.enable([], false)])
  nothing(replica, op.enable([], false))
  assert.ok(replica.apply('a', [op.enable([], false), op.enable([])], 0).changed)
  nothing(replica, op.enable([]))
  refused(replica, op.enable([], false))
  refused(after('a', [op.create([], kind.flag)]), op.enable([]), op.enable([], false))
})

Kinds('§flag-1 Flag: enabled by two at once it is on, on both', () => {
  const [a, b] = [after('a', [op.enable([])]), after('b', [op.enable([])])]
  sync(a, b)
  assert.is(hex(a.encode()), hex(b.encode()))
  assert.equal(value(a), { flag: { enabled: true } })
})

Kinds(
  '§replica-3, §replica-4, crdt/plan.L2, edit.U1: a change to a value of another kind is refused, and takes the whole command with it',
  () => {
    const counter = after('a', [op.increment([], 1n)])
    for (const operation of [
      op.add([], 1n),
      op.insert([], 'x'),
      op.remove([], 'x'),
      op.clear([]),
      op.assign([], 'x'),
      op.enable([]),
      op.vote([], true),
      op.increment(['k'], 1n),
    ]) {
      refused(counter, op.increment([], 1n), operation)
    }
    refused(after('a', [op.add([], 1n)]), op.increment([], 1n))
  },
)

Kinds('§map-1, crdt/plan.L1: a path leads through maps that are there, its last key may be new', () => {
  const replica = after('a', [op.create([], kind.orMap)])
  refused(replica, op.increment(['missing', 'k'], 1n))
  refused(replica, op.insert(['missing'], 'x'))
  refused(replica, op.clear(['missing']))
  refused(new Replica(), op.increment(['k'], 1n))
  replica.apply('a', [op.create(['m'], kind.orMap), op.create(['m', 's'], kind.orSet), op.insert(['m', 's'], 'x')], 0)
  assert.equal(replica.json('a', []), {
    orMap: {
      entries: [
        {
          key: 'm',
          value: { orMap: { entries: [{ key: 's', value: { orSet: { elements: ['x'], size: '1' } } }], size: '1' } },
        },
      ],
      size: '1',
    },
  })
  refused(replica, op.increment(['m', 's', 'deeper'], 1n))
})

Kinds('§map-1: maps nest 32 deep', () => {
  const replica = after('a', [op.create([], kind.orMap)])
  const path: string[] = []
  for (let depth = 1; depth < 32; depth++) {
    path.push('k')
    replica.apply('a', [op.create(path, kind.orMap)], 0)
  }
  replica.apply('a', [op.increment([...path, 'k'], 7n)], 0)
  assert.is(hex(copy(replica).encode()), hex(replica.encode()))
  assert.match(JSON.stringify(replica.json('a', [])), /"7"/)
})

Kinds('§map-2: adding a key counts as a change, also with a default value', () => {
  const replica = after('a', [op.create([], kind.orMap)])
  const applied = replica.apply('a', [op.create(['k'], kind.pnCounter)], 0)
  assert.ok(applied.delta !== undefined && applied.changed)
  nothing(replica, op.create(['k'], kind.pnCounter))
  nothing(replica, op.add(['k'], 0n))
})

Kinds('§map-2, map.O5: removing a key that the command added is nothing, clear then add is both', () => {
  const replica = after('a', [op.create([], kind.orMap)], [op.increment(['old'], 1n)])
  nothing(replica, op.increment(['new'], 1n), op.remove([], 'new'))
  nothing(replica, op.remove([], 'absent'))
  const peer = copy(replica)
  const applied = replica.apply('a', [op.increment(['gone'], 1n), op.clear([]), op.increment(['new'], 2n)], 0)
  peer.merge(delta(applied))
  for (const each of [replica, peer]) {
    assert.equal(value(each), { orMap: { entries: [{ key: 'new', value: { gCounter: { value: '2' } } }], size: '1' } })
  }
  nothing(after('a', [op.create([], kind.orMap)]), op.clear([]))
})

const counters = (replica: Replica) => {
  const { entries } = (replica.json('a', []) as { orMap: { entries: { key: string; value: unknown }[] } }).orMap
  return Object.fromEntries(
    entries.map(({ key, value: each }) => [key, (each as { gCounter: { value: string } }).gCounter.value]),
  )
}

Kinds('§map-3: a key that was removed and added again starts from scratch, on every replica', () => {
  const a = after('a', [op.create([], kind.orMap)], [op.increment(['k'], 5n)])
  const b = copy(a)
  b.apply('b', [op.increment(['k'], 3n)], 0)
  sync(a, b)
  a.apply('a', [op.remove([], 'k')], 0)
  a.apply('a', [op.increment(['k'], 1n)], 0)
  sync(a, b)
  for (const each of [a, b]) assert.equal(counters(each), { k: '1' })
  b.apply('b', [op.increment(['k'], 1n)], 0)
  sync(a, b)
  for (const each of [a, b]) assert.equal(counters(each), { k: '2' })
})

Kinds('§map-3: the same within one command', () => {
  const a = after('a', [op.create([], kind.orMap)], [op.increment(['k'], 5n)])
  const b = copy(a)
  b.merge(delta(a.apply('a', [op.remove([], 'k'), op.increment(['k'], 1n)], 0)))
  for (const each of [a, b]) assert.equal(counters(each), { k: '1' })
})

Kinds(
  '§map-4, counter.N1, map.O1: a key that is removed and updated at once stays, with what the removal had not seen',
  () => {
    const a = after('a', [op.create([], kind.orMap)], [op.increment(['k'], 5n)])
    const b = copy(a)
    a.apply('a', [op.remove([], 'k')], 0)
    b.apply('b', [op.increment(['k'], 3n)], 0)
    sync(a, b)
    for (const each of [a, b]) assert.equal(counters(each), { k: '3' })
  },
)

Kinds('map.O2: an update that leaves the value at its default keeps the key too', () => {
  const a = after('a', [op.create([], kind.orMap)], [op.create(['k'], kind.orSet), op.insert(['k'], 'x')])
  const b = copy(a)
  a.apply('a', [op.remove([], 'k')], 0)
  b.apply('b', [op.remove(['k'], 'x')], 0)
  sync(a, b)
  for (const each of [a, b]) {
    assert.equal(each.json('a', []), {
      orMap: { entries: [{ key: 'k', value: { orSet: { elements: [], size: '0' } } }], size: '1' },
    })
  }
})

Kinds('map.O3: the removal of an outer key takes all that is nested in it', () => {
  const a = after('a', [op.create([], kind.orMap)], [op.create(['m'], kind.orMap), op.increment(['m', 'k'], 5n)])
  const b = copy(a)
  b.merge(delta(a.apply('a', [op.remove([], 'm')], 0)))
  b.merge(delta(a.apply('a', [op.create(['m'], kind.orMap), op.create(['m', 'k'], kind.gCounter)], 0)))
  assert.is(hex(a.encode()), hex(b.encode()))
  assert.match(JSON.stringify(b.json('a', [])), /"gCounter":\{"value":"0"\}/)
})

Kinds('§map-5, map.O4: kinds created at once under one key: the lowest is seen, removing the key takes all', () => {
  const a = after('a', [op.create([], kind.orMap)])
  const b = copy(a)
  a.apply('a', [op.assign(['k'], 'text')], 0)
  b.apply('b', [op.increment(['k'], 2n)], 0)
  sync(a, b)
  for (const each of [a, b]) assert.equal(counters(each), { k: '2' })
  refused(a, op.assign(['k'], 'more'))
  a.apply('a', [op.remove([], 'k')], 0)
  sync(a, b)
  a.apply('a', [op.assign(['k'], 'anew')], 0)
  sync(a, b)
  assert.match(JSON.stringify(b.json('a', [])), /anew/)
})

Kinds('§vote-1, vote.V1: one vote a replica, voting the same again is nothing', () => {
  const replica = after('a', [op.vote([], true)])
  nothing(replica, op.vote([], true))
  nothing(replica, op.vote([], false), op.vote([], true))
  assert.ok(replica.apply('a', [op.vote([], false)], 0).changed)
  nothing(replica, op.vote([], false))
})

Kinds('§vote-2, vote.V2: votes are counted among the members, who left does not count', () => {
  const [a, b] = [after('a', [op.vote([], true)]), after('b', [op.vote([], true)])]
  sync(a, b)
  const tally = (self: string, ...members: readonly string[]) => a.json(self, members)
  assert.equal(tally('a', 'a', 'b', 'c'), { vote: { self: true, votesFor: 2, voters: 3 } })
  assert.equal(tally('c', 'a', 'c'), { vote: { self: false, votesFor: 1, voters: 2 } })
  b.apply('b', [op.vote([], false)], 0)
  sync(a, b)
  assert.equal(tally('a', 'a', 'b', 'c'), { vote: { self: true, votesFor: 1, voters: 3 } })
})

Kinds('edit.U2: what operations of one command cancel out is not there between them either', () => {
  const replica = after('a', [op.create([], kind.orMap)], [op.create(['s'], kind.orSet), op.insert(['s'], 'x')])
  // The key is visited, removed, and is another one when it is visited again.
  const operations = [op.remove(['s'], 'x'), op.remove([], 's'), op.create(['s'], kind.orSet), op.insert(['s'], 'y')]
  const peer = copy(replica)
  peer.merge(delta(replica.apply('a', operations, 0)))
  assert.is(hex(peer.encode()), hex(replica.encode()))
  assert.match(JSON.stringify(peer.json('a', [])), /\["y"\]/)
  assert.is(
    attempt(() => replica.apply('a', [op.remove([], 's'), op.insert(['s'], 'z')], 0)),
    undefined,
  )
})

Kinds.run()

// Guards replicated entities: what operations say, that a draft is what the host will have, and when the host is asked.
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { MessageType, Method, ServiceType } from '../../sdk/typescript/codec/message.ts'
import { keyOf } from '../../sdk/typescript/crdt/codec.ts'
import type { Entries } from '../../sdk/typescript/crdt/content.ts'
import { readView } from '../../sdk/typescript/crdt/content.ts'
import type { AnyKind } from '../../sdk/typescript/crdt/kinds.ts'
import { applied, encodeOperations, rootPlace } from '../../sdk/typescript/crdt/operation.ts'
import type { ReplicatedExports } from '../../sdk/typescript/guest/replicated.ts'
import type { WireCommand } from '../../sdk/typescript/guest/wire.ts'
import type { Operation, ViewOf } from '../../sdk/typescript/index.ts'
import {
  accept,
  bool,
  bytes,
  call,
  dynamic,
  element,
  emit,
  end,
  flag,
  gCounter,
  gSet,
  int32,
  int64,
  json,
  lwwRegister,
  orMap,
  orSet,
  pnCounter,
  record,
  refuse,
  remove,
  replicated,
  silent,
  text,
  vote,
} from '../../sdk/typescript/index.ts'
import type { Replica } from '../../sdk/typescript/testing/replica.ts'
import {
  applyOperations,
  encodeView,
  fromPlain,
  readOperations,
  shownOperations,
} from '../../sdk/typescript/testing/replica.ts'
import { show } from '../../sdk/typescript/testing/show.ts'
import { testKit } from '../../sdk/typescript/testing.ts'
import { component } from '../support/components.ts'
import { generated } from '../support/generated.ts'
import { printed } from '../support/printed.ts'
import { transpiled } from '../support/transpiled.ts'

type Member = { readonly room: string; readonly user: string }
type RoomRequest = { readonly room: string }
type Room = { readonly users: readonly string[]; readonly connections: number }
type Methods = { readonly join: Method<Member, Room, 'serverStream'>; readonly look: Method<RoomRequest, Room> }
const folder = fileURLToPath(new URL('../../guests/presence/typescript', import.meta.url))
const { Presence, Member, Room } = await generated<{
  Presence: ServiceType<Methods>
  Member: MessageType<Member>
  Room: MessageType<Room>
}>(folder, 'presence.ts')

const Replicated = suite('replicated')
const all = record({
  count: pnCounter(),
  grown: gCounter(),
  tags: orSet(text),
  names: gSet(json<{ a: number; b: string }>()),
  title: lwwRegister(text, 'untitled'),
  on: flag(),
  ballot: vote(),
  rooms: orMap(int64, orMap(text, pnCounter())),
  notes: orMap(text, lwwRegister(text, 'new')),
  kinds: orMap(text, (key) => (key.startsWith('c') ? pnCounter() : orSet(bool))),
})
type All = ViewOf<typeof all>

/** Everything that a view tells. */
function told(view: All): unknown {
  return {
    count: view.count.value,
    grown: view.grown.value,
    tags: { size: view.tags.size, list: [...view.tags], hasA: view.tags.has('a') },
    names: [...view.names],
    title: view.title.value,
    on: view.on.enabled,
    ballot: { self: view.ballot.self, votesFor: view.ballot.votesFor, voters: view.ballot.voters },
    rooms: [...view.rooms].map(([key, room]) => [key, room.size, [...room].map(([user, { value }]) => [user, value])]),
    notes: [...view.notes].map(([key, { value }]) => [key, value]),
    absent: view.rooms.at(99n).at('x').value,
    kinds: [...view.kinds.keys()],
  }
}

function open<K extends AnyKind>(kind: K, view: Uint8Array): ViewOf<K> {
  const { content } = readView(view)
  return kind.open({
    content,
    place: rootPlace(kind.number, content !== undefined),
  }) as ViewOf<K>
}

const names = fc.constantFrom('a', 'b', 'cé', '')
const rooms = fc.constantFrom(0n, 1n, -5n)
const change: fc.Arbitrary<(view: All) => Operation> = fc.oneof(
  fc.bigInt({ min: -9n, max: 9n }).map((n) => (view: All) => view.count.add(n)),
  fc.bigInt({ min: 0n, max: 9n }).map((n) => (view: All) => view.grown.add(n)),
  names.map((name) => (view: All) => view.tags.add(name)),
  names.map((name) => (view: All) => view.tags.remove(name)),
  fc.constant((view: All) => view.tags.clear()),
  names.map((b) => (view: All) => view.names.add({ b, a: 1 })),
  names.map((name) => (view: All) => view.title.set(name)),
  names.map((name) => (view: All) => view.title.set(name, { clock: 'custom-auto-increment', at: 3n })),
  fc.constant((view: All) => view.on.enable()),
  fc.boolean().map((self) => (view: All) => view.ballot.vote(self)),
  fc.tuple(rooms, names).map(
    ([room, user]) =>
      (view: All) =>
        view.rooms.at(room).at(user).add(1n),
  ),
  rooms.map((room) => (view: All) => view.rooms.create(room)),
  fc.tuple(rooms, names).map(
    ([room, user]) =>
      (view: All) =>
        view.rooms.at(room).create(user),
  ),
  names.map((name) => (view: All) => view.notes.create(name)),
  names.map((name) => (view: All) => view.notes.at(name).set('set')),
  names.map((name) => (view: All) => view.notes.remove(name)),
  fc.constant((view: All) => view.notes.clear()),
  fc.tuple(rooms, names).map(
    ([room, user]) =>
      (view: All) =>
        view.rooms.at(room).remove(user),
  ),
  rooms.map((room) => (view: All) => view.rooms.at(room).clear()),
  rooms.map((room) => (view: All) => view.rooms.remove(room)),
  fc.constant((view: All) => view.rooms.clear()),
)

Replicated('operation.O1, operation.O2: operations apply to what is there, and a draft is what they make of it', () => {
  fc.assert(
    fc.property(fc.array(fc.array(change, { maxLength: 6 }), { maxLength: 6 }), (turns) => {
      let replica: Replica | undefined
      for (const changes of turns) {
        const before = encodeView(replica, undefined)
        const view = open(all, before)
        const operations = changes.map((make) => make(view))
        const draft = applied(readView(before).content, all.number, operations)
        replica = applyOperations(replica, encodeOperations(operations, undefined), 1_000)
        const after = told(open(all, encodeView(replica, undefined)))
        const computed = all.open({ content: draft, place: rootPlace(all.number, true) })
        assert.is(show(told(computed)), show(after))
        assert.is(show(told(view)), show(told(open(all, before))), 'the view itself stays as it was')
      }
    }),
    { numRuns: 300 },
  )
})

Replicated('codec.E1, codec.E2: elements have one form, the one of the spec', () => {
  const encoded = <T>(codec: { encode(value: T): Uint8Array }, value: T) => [...codec.encode(value)]
  assert.equal(encoded(text, 'a'), [10, 1, 97])
  assert.equal(encoded(text, ''), [])
  assert.equal(encoded(int32, 1), [8, 1])
  assert.equal(encoded(int64, -1n), [8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1])
  assert.equal(encoded(bool, false), [])
  assert.equal(encoded(bytes, Uint8Array.of(7)), [10, 1, 7])
  assert.equal(encoded(bytes, new Uint8Array(0)), [])
  const { encode, decode } = json<unknown>()
  assert.equal(encode({ b: [{ d: 1n, c: 2 }], a: 'x' }), encode({ a: 'x', b: [{ c: 2, d: 1n }] }))
  assert.equal(decode(encode({ b: new Set([1]), a: 2n })), { a: 2n, b: new Set([1]) })
})

Replicated('content.K1: looking for an element and counting need no index, and find the same as with one', () => {
  const element = fc.oneof(
    fc.constantFrom('', 'a', 'b', 'aa', '\n', '\n\u0001a'),
    fc.string({ minLength: 120, maxLength: 140 }),
  )
  const [set, map] = [orSet(text), orMap(text, pnCounter())]
  fc.assert(
    fc.property(fc.uniqueArray(element, { maxLength: 8 }), fc.array(element, { maxLength: 8 }), (held, asked) => {
      const views = [
        open(set, encodeView(fromPlain(set, held), undefined)),
        open(
          map,
          encodeView(
            fromPlain(
              map,
              held.map((key, index) => [key, BigInt(index)] as const),
            ),
            undefined,
          ),
        ),
      ] as const
      for (const view of views) assert.is(view.size, held.length)
      for (const one of asked) {
        for (const view of views) assert.is(view.has(one), held.includes(one), JSON.stringify(one))
        assert.is(views[1].at(one).value, BigInt(Math.max(0, held.indexOf(one))))
      }
    }),
    { numRuns: 300 },
  )
})

Replicated('content.K3: elements come in the order of their bytes, those of the same decision too', () => {
  const set = orSet(text)
  const content = readView(encodeView(fromPlain(set, ['b', 'd']), undefined)).content
  const node = { content, place: rootPlace(set.number, true) }
  const draft = applied(content, set.number, [set.open(node).add('c'), set.open(node).add('a')])
  assert.equal([...set.open({ ...node, content: draft })], ['a', 'b', 'c', 'd'])
})

function service<K extends AnyKind>(
  value: K,
  definition: Pick<Parameters<typeof replicated<Methods, K>>[1], 'decide' | 'views'>,
) {
  return replicated<Methods, K>(Presence, { value, streams: { join: { changed: () => silent() } }, ...definition })
}

function command(method: 'Join' | 'Look', user = 'u'): WireCommand {
  return { method, payload: Member.encode({ room: 'r', user }), metadata: [], nowMs: 1, seed: [1, 2, 3, 4] }
}

function decide(exports: ReplicatedExports, view: Uint8Array, sent: WireCommand) {
  return exports.decide('examples.presence.v1.Presence', 'r', view, sent)
}

const noRoom = { users: [], connections: 0 }

Replicated('operation.O3: the first command on a register writes it, unless it does so itself', () => {
  const register = lwwRegister(text, 'initial')
  const definition = service(register, {
    decide: {
      join: (view, { user }) =>
        accept(view.set(user, { clock: 'reverse' })).reply({ users: [view.value], connections: 0 }),
      look: (view) => accept().reply({ users: [view.value], connections: 0 }),
    },
  })
  const exports = definition.exports([definition])
  const read = decide(exports, new Uint8Array(0), command('Look'))
  assert.equal(shownOperations(read.operations), [{ create: 'LWWRegister' }, { assign: 'initial' }])
  const written = decide(exports, new Uint8Array(0), command('Join', 'mine'))
  const shown = [{ create: 'LWWRegister' }, { assign: 'mine', clock: 1, customClock: 0n }]
  assert.equal(shownOperations(written.operations), shown)
  const there = encodeView(fromPlain(register, 'there'), undefined)
  assert.is(decide(exports, there, command('Look')).operations.length, 0)
})

Replicated(
  'replicated.D2: where only the host knows which write won, it is asked, and the decision is made again',
  () => {
    const register = lwwRegister(text, '')
    const definition = service(register, {
      decide: {
        join: (view, { user }) =>
          accept(view.set(user, { clock: 'custom', at: 5n }))
            .metadata('x-before', view.value)
            .reply((after: ViewOf<typeof register>) => ({ users: [after.value], connections: 0 })),
        look: () => accept().reply(noRoom),
      },
    })
    const exports = definition.exports([definition])
    const before = encodeView(fromPlain(register, 'old'), undefined)
    const decision = decide(exports, before, command('Join', 'new'))
    assert.is(decision.answer.tag, 'after')
    assert.equal(decision.answer.val, before)
    // The host's own answer: the write has lost. An instance that has decided nothing renders it.
    const render = (view: Uint8Array) =>
      definition
        .exports([definition])
        .render('examples.presence.v1.Presence', 'r', view, command('Join', 'new'), before)
    const { answer, metadata } = render(before)
    assert.is(
      show(answer.tag === 'ok' && answer.val.tag === 'message' && Room.decode(answer.val.val)),
      show({ users: ['old'], connections: 0 }),
    )
    assert.equal(metadata, [{ name: 'x-before', value: { tag: 'text', val: 'old' } }])
    const fresh = decide(exports, new Uint8Array(0), command('Join', 'new'))
    assert.is(fresh.answer.tag, 'now', 'the first write of a register wins')
  },
)

const notes = orMap(text, lwwRegister(text, 'new'))

Replicated('operation.O1: an entry is created with its default, and one that is there keeps what it holds', () => {
  const there = encodeView(fromPlain(notes, [['a', 'old']]), undefined)
  const shown = (make: (view: ViewOf<typeof notes>) => readonly Operation[]) =>
    shownOperations(encodeOperations(make(open(notes, there)), undefined))
  const made = [
    { at: ['b'], create: 'LWWRegister' },
    { at: ['b'], assign: 'new' },
  ]
  assert.equal(
    shown((view) => [view.create('b')]),
    made,
  )
  assert.equal(
    shown((view) => [view.create('a')]),
    [],
  )
  assert.equal(
    shown((view) => [view.create('b'), view.create('b')]),
    made,
  )
  const set = [
    { at: ['b'], create: 'LWWRegister' },
    { at: ['b'], assign: 'set' },
  ]
  assert.equal(
    shown((view) => [view.at('b').set('set'), view.create('b')]),
    set,
  )
  // After a removal what is there may be created once more, which does nothing, but is written to only if it was removed.
  const again = (key: string) => [{ remove: key }, { at: ['a'], create: 'LWWRegister' }]
  assert.equal(
    shown((view) => [view.remove('a'), view.create('a')]),
    [...again('a'), { at: ['a'], assign: 'new' }],
  )
  assert.equal(
    shown((view) => [view.remove('aa'), view.create('a')]),
    again('aa'),
  )
  const part = readView(encodeView(fromPlain(notes, [['a', 'old']]), [])).content as Entries
  const view = notes.open({ content: part.lookedAt(new Set()), place: rootPlace(notes.number, true) })
  assert.throws(() => view.create('b'), /does not hold this element/)
})

Replicated('operations together with a deletion, and how far they are to be written', () => {
  const counts = orMap(text, pnCounter())
  const definition = service(counts, {
    decide: {
      join: (view, { user }) =>
        (user === 'last' ? remove(view.at('a').add(2), view.create('b')) : accept())
          .consistency('majority')
          .reply((after) => ({ users: [...after.keys()], connections: Number(after.at('a').value) })),
      look: () => remove().consistency('all').reply(noRoom),
    },
  })
  const { given } = testKit(definition)
  const room = given([['a', 1n]])
  const gone = room
    .when('join', { room: 'r', user: 'last' })
    .then((view) => remove(view.at('a').add(2n), view.create('b')).consistency('majority'), {
      users: ['a', 'b'],
      connections: 3,
    })
  assert.throws(() => gone.when('look', { room: 'r' }), /the host answers NOT_FOUND/)
  room.when('look', { room: 'r' }).then(remove().consistency('all'), noRoom)
  const said = room.when('join', { room: 'r', user: 'u' })
  said.then(accept().consistency('majority'), { users: ['a'], connections: 1 })
  assert.throws(() => said.then(accept(), { users: ['a'], connections: 1 }), /consistency: "majority"/)
  assert.throws(() => accept().consistency('some' as 'all'), /some is none of local, majority, all/)
  assert.throws(() => open(pnCounter(), new Uint8Array(0)).add(0.5), /0.5 is no whole number/)
})

const tags = orSet(text)

Replicated('a method sees what its view declares, and is told when it looks elsewhere', () => {
  const definition = service(tags, {
    views: { join: element('user'), look: 'nothing' },
    decide: {
      join: (view, { user, room }) =>
        user === 'peek'
          ? accept().reply({ users: view.has(room) ? [] : [], connections: 0 })
          : view.has(user)
            ? accept(view.remove(user)).reply((after: ViewOf<typeof tags>) => ({ users: [], connections: after.size }))
            : accept(view.add(user)).reply((after: ViewOf<typeof tags>) => ({ users: [], connections: after.size })),
      look: (view, { room }) =>
        room === 'list'
          ? accept().reply({ users: [...view], connections: 0 })
          : accept(view.add('unseen')).reply((after: ViewOf<typeof tags>) => ({ users: [], connections: after.size })),
    },
  })
  assert.equal(definition.views(), [
    { method: 'Join', view: { tag: 'element', val: 'user' } },
    { method: 'Look', view: { tag: 'nothing' } },
  ])
  const { given } = testKit(definition)
  const room = given(['a', 'b'])
  room
    .when('join', { room: 'r', user: 'c' })
    .then((view) => accept(view.add('c')), { users: [], connections: 3 })
    .when('join', { room: 'r', user: 'a' })
    .then((view) => accept(view.remove('a')), { users: [], connections: 2 })
    // Whether it is there is the host's to know, and so the size: the kit renders it.
    .when('look', { room: 'r' })
    .then((view) => accept(view.add('unseen')), { users: [], connections: 3 })
    .when('look', { room: 'r' })
    .then((view) => accept(view.add('unseen')), { users: [], connections: 3 })
  assert.throws(() => room.when('look', { room: 'list' }), /holds some elements only/)
  assert.throws(() => room.when('join', { room: 'r', user: 'peek' }), /does not hold this element/)
})

Replicated('a dynamic view holds what it asks for', () => {
  const counts = orMap(text, pnCounter())
  const definition = service(counts, {
    views: { join: dynamic(({ user }: Member) => user.split('+')) },
    decide: {
      join: (view, { user }) =>
        accept(...user.split('+').map((name) => view.at(name).add(1n))).reply((after: ViewOf<typeof counts>) => ({
          users: user.split('+').map((name) => `${name} ${after.at(name).value}`),
          connections: after.size,
        })),
      look: () => accept().reply(noRoom),
    },
  })
  testKit(definition)
    .given([
      ['a', 1n],
      ['z', 1n],
    ])
    .when('join', { room: 'r', user: 'a+b' })
    .then((view) => accept(view.at('a').add(1n), view.at('b').add(1n)), { users: ['a 2', 'b 1'], connections: 3 })
  const [first] = definition.exports([definition]).reads('examples.presence.v1.Presence', command('Join', 'x+y'))
  assert.is(keyOf(first!), '\n\u0001x')
})

Replicated(
  'replicated.D3: streams are told, end, refuse and are cancelled, each with the request that opened them',
  () => {
    const target = call(Presence, 'look', { room: 'r' })
    const definition = replicated(Presence, {
      value: tags,
      decide: {
        join: (view, { user }) => (user === 'once' ? accept().reply(noRoom) : accept(view.add(user)).stream()),
        look: (view) =>
          view.has('gone') ? remove().reply({ users: [...view], connections: 0 }) : refuse('ABORTED', 'no'),
      },
      streams: {
        join: {
          changed: (view, { user }) => {
            if (user === 'quiet') return silent()
            if (user === 'done') return end({ users: [...view], connections: 0 })
            if (user === 'thrown') return refuse('PERMISSION_DENIED', 'out')
            return emit({ users: [user], connections: view.size }).effect(target)
          },
          cancelled: (view, { user }) => accept(view.remove(user)).effect(target),
        },
      },
    })
    const room = testKit(definition).given(['a'])
    const at = (user: string) => ({ room: 'r', user })
    room.when('join', at('once')).then(accept(), noRoom)
    room.when('join', at('b')).streams((view) => accept(view.add('b')))
    room.changed('join', at('quiet')).silent()
    room.changed('join', at('done')).ends({ users: ['a'], connections: 0 })
    room.changed('join', at('thrown')).refuses('PERMISSION_DENIED', /out/)
    room
      .changed('join', at('b'))
      .effects([target])
      .emits({ users: ['b'], connections: 1 })
    const left = room
      .cancelled('join', at('a'))
      .effects([target])
      .then((view) => accept(view.remove('a')))
    assert.is(left.value.size, 0)
    left.when('look', { room: 'r' }).refuses('ABORTED')
    const gone = testKit(definition)
      .given(['gone'])
      .when('look', { room: 'r' })
      .then(remove(), { users: ['gone'], connections: 0 })
    assert.throws(() => gone.when('look', { room: 'r' }), /deleted/)
  },
)

Replicated('the kit prints what is logged where subscribers are told, and where one leaves', () => {
  const definition = replicated(Presence, {
    value: tags,
    decide: { join: () => accept().stream(), look: () => accept().reply(noRoom) },
    streams: {
      join: {
        changed: () => {
          console.log('telling')
          return silent()
        },
        cancelled: (view, { user }) => {
          console.error('leaving', user)
          return accept(view.remove(user))
        },
      },
    },
  })
  const room = testKit(definition).given(['a'])
  assert.equal(
    printed(() => room.changed('join', { room: 'r', user: 'a' }).silent()),
    ['info: telling'],
  )
  const leaving = () => room.cancelled('join', { room: 'r', user: 'a' }).then((view) => accept(view.remove('a')))
  assert.equal(printed(leaving), ['error: leaving a'])
})

Replicated('replicated.D1: a refusal brings no operations, and the note of a stream is its request', () => {
  const definition = service(tags, {
    decide: {
      join: (view, { user }) => (user === '' ? refuse('ABORTED', 'no') : accept(view.add(user)).stream()),
      look: () => accept().reply(noRoom),
    },
  })
  const exports = definition.exports([definition])
  const refused = decide(exports, new Uint8Array(0), command('Join', ''))
  assert.is(refused.operations.length, 0)
  assert.is(refused.subscribe, undefined)
  const sent = command('Join', 'ann')
  const opened = decide(exports, new Uint8Array(0), sent)
  assert.equal(opened.subscribe, sent.payload)
  assert.is(readOperations(opened.operations).length, 2)
})

Replicated('the kit tells what is remembered, what is looked at elsewhere, and what comes instead', () => {
  let calls = 0n
  const remembering = service(pnCounter(), {
    decide: {
      join: (view) => accept(view.add(++calls)).reply(noRoom),
      look: () => accept().reply({ users: [`${Date.now()}`], connections: 0 }),
    },
  })
  const { given } = testKit(remembering)
  assert.throws(() => given(0n).when('join', { room: 'r', user: 'u' }), /breaks law L4/)
  assert.throws(() => given(0n).when('look', { room: 'r' }), /Date\.now is not available in a service/)
  const adding = service(tags, {
    decide: { join: (view, { user }) => accept(view.add(user)).reply(noRoom), look: () => accept().reply(noRoom) },
  })
  const joined = testKit(adding).given(['a']).when('join', { room: 'r', user: 'b' })
  assert.throws(() => joined.then((view) => accept(view.add('c')), noRoom), /- .*insert: "c"[\s\S]*\+ .*insert: "b"/)
  assert.throws(() => joined.streams((view) => accept(view.add('b'))), /decided otherwise/)
})

Replicated('view.V2: another kind than the definition says is told', () => {
  const counter = encodeView(fromPlain(pnCounter(), 1n), undefined)
  assert.throws(() => open(tags, counter).size, /is a PNCounter, not a ORSet/)
  assert.throws(() => open(gCounter(), new Uint8Array(0)).add(-1n), /only grows/)
})

Replicated('QuickJS answers as Node does', async () => {
  const guest = await component('presence/typescript')
  const { replicated: inside } = await transpiled<{ replicated: ReplicatedExports }>(guest.bytes, 'presence')
  const definition = (await import('../../guests/presence/typescript/src/service.ts' as string)) as {
    default: ReturnType<typeof replicated>
  }
  const here = definition.default.exports([definition.default])
  const counts = orMap(text, pnCounter())
  const view = encodeView(
    fromPlain(counts, [
      ['zoë', 2n],
      ['u', 1n],
    ]),
    undefined,
  )
  for (const bytes of [new Uint8Array(0), view]) {
    for (const sent of [command('Join'), command('Look')]) {
      assert.is(show(decide(inside, bytes, sent)), show(decide(here, bytes, sent)))
    }
  }
  const subscription = { id: '1', method: 'Join', note: command('Join').payload }
  const changed = (exports: ReplicatedExports) =>
    exports.changed('examples.presence.v1.Presence', 'r', view, [subscription], 1)
  assert.is(show(changed(inside)), show(changed(here)))
  const left = (exports: ReplicatedExports) =>
    exports.cancelled('examples.presence.v1.Presence', 'r', view, subscription, 1)
  assert.is(show(left(inside)), show(left(here)))
  assert.equal(shownOperations(left(inside).operations), [{ remove: 'u' }])
})

Replicated.run()

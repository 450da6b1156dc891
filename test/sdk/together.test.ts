// Guards tests of several services without a host: effects and forwards reach the others, as a host brings them.
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { MessageType, Method, ServiceType } from '../../sdk/typescript/codec/message.ts'
import { method, service } from '../../sdk/typescript/codec/message.ts'
import { accept, action, call, eventSourced, refuse, remove, update, value } from '../../sdk/typescript/index.ts'
import { testKit, together } from '../../sdk/typescript/testing.ts'
import { generated } from '../support/generated.ts'
import { printed } from '../support/printed.ts'

type Id = { readonly id: string }
type Amount = { readonly amount: bigint }
type Value = { readonly value: bigint }
type Ref = { readonly user: string }
type Profile = { readonly user: string; readonly name: string; readonly email: string }
type Place = { readonly userId: string; readonly orderId: string }
type CartItems = { readonly items: readonly object[]; readonly checkedOut: boolean }
const guest = (name: string) => fileURLToPath(new URL(`../../guests/${name}/typescript`, import.meta.url))
const { Counter, Added, AddRequest, Value } = await generated<{
  Counter: ServiceType<
    { readonly add: Method<Id & Amount, Value>; readonly get: Method<Id, Value> },
    { readonly Added: MessageType<Amount, 'Added'> }
  >
  Added: MessageType<Amount, 'Added'>
  AddRequest: MessageType<Id & Amount>
  Value: MessageType<Value>
}>(guest('counter'), 'counter.ts')
const { Profiles } = await generated<{
  Profiles: ServiceType<{
    readonly put: Method<Profile, Profile>
    readonly fetch: Method<Ref, Profile>
    readonly delete: Method<Ref, object>
  }>
}>(guest('profile'), 'profile.ts')
const { Orders } = await generated<{
  Orders: ServiceType<{ readonly place: Method<Place, CartItems> }>
}>(guest('orders'), 'orders.ts')

const Together = suite('services together')

const counter = eventSourced(Counter, {
  state: { value: 0n },
  decide: {
    add: (_, { amount }) => {
      console.log('adding', amount)
      if (amount < 0n) return refuse('INVALID_ARGUMENT', 'negative')
      return accept(Added({ amount })).reply((after) => after)
    },
    get: (state) => accept().metadata('x-seen', 'yes').reply(state),
  },
  evolve: { Added: (state, { amount }) => ({ value: state.value + amount }) },
})

/** A profile counts its changes, in a counter of its user's. */
const profiles = value(Profiles, {
  value: (await generated<{ Profile: MessageType<Profile> }>(guest('profile'), 'profile.ts')).Profile,
  decide: {
    put: (_, profile) => {
      const counted = update(profile).effect(call(Counter, 'add', { id: profile.user, amount: 1n }))
      return counted.effect(call(Orders, 'place', { userId: profile.user })).reply(profile)
    },
    fetch: (current) => (current === undefined ? refuse('NOT_FOUND', 'nobody') : accept().reply(current)),
    delete: (_, { user }) =>
      remove()
        .effect(call(Counter, 'add', { id: user, amount: -1n }))
        .reply({}),
  },
})

const ann = { user: 'ann', name: 'Ann', email: '' }

Together('together.G2: effects reach other services, those that are not here are kept', () => {
  const all = together(profiles, counter)
  assert.equal(
    printed(() => all.call(Profiles, 'put', ann).replies(ann)),
    ['info: adding 1n'],
  )
  all.call(Profiles, 'put', { ...ann, name: 'A' })
  all.call(Profiles, 'put', { user: 'bob' })
  all.call(Counter, 'get', { id: 'ann' }).metadata('x-seen', 'yes').replies({ value: 2n })
  assert.is(all.call(Counter, 'get', { id: 'bob' }).reply.value, 1n)
  assert.equal(all.call(Profiles, 'fetch', { user: 'ann' }).reply, { ...ann, name: 'A' })
  const placed = call(Orders, 'place', { userId: 'bob' })
  assert.equal([all.outside.length, all.outside[2]], [3, placed])
  assert.equal(all.parked, [])
})

Together('together.G3: a refused effect is parked, and its cause stays', () => {
  const all = together(profiles, counter)
  all.call(Profiles, 'put', ann)
  all.call(Profiles, 'delete', { user: 'ann' }).replies({})
  all.call(Profiles, 'fetch', { user: 'ann' }).refuses('NOT_FOUND', 'nobody')
  const target = call(Counter, 'add', { id: 'ann', amount: -1n })
  assert.equal(all.parked, [{ call: target, code: 'INVALID_ARGUMENT', message: 'negative' }])
  assert.throws(() => all.call(Profiles, 'fetch', { user: 'ann' }).reply, /has no reply/)
})

Together('together.G2: a forward answers as the other service does, and a circle ends', () => {
  const Shop = service(
    'test.v1.Shop',
    { count: method('Count', AddRequest, Value), turn: method('Turn', AddRequest, Value) },
    {},
  )
  const shop = action(Shop, {
    methods: {
      count: (request) =>
        accept()
          .effect(call(Counter, 'add', request))
          .forward(call(Counter, 'get', { id: request.id })),
      turn: (request) => accept().forward(call(Shop, 'turn', request)),
    },
  })
  const all = together(shop, counter)
  all.call(Shop, 'count', { id: 'a', amount: 5n }).metadata('x-seen', 'yes').replies({ value: 5n })
  assert.throws(() => all.call(Shop, 'turn', {}), /Shop\/Turn is the last of 17 hops, too many/)
  assert.throws(() => together(shop).call(Shop, 'count', { id: 'a' }), /Counter is not here/)
})

Together('together.G1: what its kit would tell is told', () => {
  let calls = 0n
  const forgetful = eventSourced(Counter, {
    state: { value: 0n },
    decide: {
      add: () => accept(Added({ amount: ++calls })).reply({ value: 0n }),
      get: (state) => accept().reply(state),
    },
    evolve: { Added: (state) => state },
  })
  assert.throws(() => together(forgetful).call(Counter, 'add', { id: 'a' }), /breaks law L\d/)
  assert.throws(() => together(counter, forgetful), /Counter is here twice/)
  assert.throws(() => together(counter).call(Profiles, 'fetch', ann), /Profiles is not here: give it to together/)
  testKit(counter).given().when('get', { id: 'a' }).then([], { value: 0n })
})

Together.run()

// The rules of presence, without a host. Run by `inn build` first: it writes src/gen.
import { test } from 'node:test'
import { accept } from '@innkeeper/sdk'
import { testKit } from '@innkeeper/sdk/testing'
import presence from '../src/service.ts'

const { given } = testKit(presence)
const [ann, bob] = [
  { room: 'r', user: 'ann' },
  { room: 'r', user: 'bob' },
]

test('who joins is in the room, and those who are there are told', () => {
  given()
    .when('join', bob)
    .streams((room) => accept(room.at('bob').add(1n)), { users: ['bob'], connections: 1 })
    .when('join', ann)
    .streams((room) => accept(room.at('ann').add(1n)), { users: ['ann', 'bob'], connections: 2 })
    .changed('join', bob)
    .emits({ users: ['ann', 'bob'], connections: 2 })
})

test('a user with two connections stays until both are gone', () => {
  given(new Map([['ann', 2n]]))
    .cancelled('join', ann)
    .then((room) => accept(room.at('ann').add(-1n)))
    .when('look', { room: 'r' })
    .then(accept(), { users: ['ann'], connections: 1 })
    .cancelled('join', ann)
    .then((room) => accept(room.remove('ann')))
    .when('look', { room: 'r' })
    .then(accept(), { users: [], connections: 0 })
})

test('a room that nobody entered is empty', () => {
  given().when('look', { room: 'r' }).then(accept(), { users: [], connections: 0 })
})

test('users are sorted, whatever their names', () => {
  const users = ['zoë', 'ann', 'bartholomew', 'Éa']
  given(users.map((user) => [user, 1n] as const))
    .when('look', { room: 'r' })
    .then(accept(), { users: [...users].sort(), connections: 4 })
})

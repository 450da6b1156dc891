// Who is in a room: a map from user to the number of connections, which every node counts up and down on its own.
import type { ViewOf } from '@innkeeper/sdk'
import { accept, emit, orMap, pnCounter, replicated, text } from '@innkeeper/sdk'
import { Presence, Room } from './gen/presence.ts'

const connections = orMap(text, pnCounter())

export default replicated(Presence, {
  value: connections,
  decide: {
    join: (room, { user }) => accept(room.at(user).add(1n)).stream(roomOf),
    look: (room) => accept().reply(roomOf(room)),
  },
  streams: {
    join: {
      changed: (room) => emit(roomOf(room)),
      // The last connection takes the user along.
      cancelled: (room, { user }) => accept(room.at(user).value > 1n ? room.at(user).add(-1n) : room.remove(user)),
    },
  },
})

function roomOf(room: ViewOf<typeof connections>): Room {
  const users: string[] = []
  let count = 0n
  for (const [user, { value }] of room) {
    users.push(user)
    count += value
  }
  return Room({ users: users.sort(), connections: Number(count) })
}

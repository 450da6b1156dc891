// Connections: how many are open on the service port, and whose.
//
// C1. At most `connections-max`, and no more than three quarters of the files that the process may have open: the store and the admin port need
//     some, too.
// C2. A client's address has a share (shares.ts). A connection past it is closed at once: nothing was read of it.
//
// Leaves to others: what a connection does, and how long it may do nothing (server.ts, patience.ts).

import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import type { InFlight } from '../in-flight.ts'
import { Shares } from '../shares.ts'

export class Connections {
  private readonly shares: Shares
  private readonly inFlight: Pick<InFlight, 'of'>
  private readonly open = new Set<Socket>()
  refused = 0

  constructor(inFlight: Pick<InFlight, 'of'>, connectionsMax: number, filesMax = openFilesMax()) {
    this.inFlight = inFlight
    this.shares = new Shares(Math.max(1, Math.min(connectionsMax, Math.floor((filesMax * 3) / 4))))
  }

  get size(): number {
    return this.open.size
  }

  /** False: there are too many, and it was closed. */
  enter(socket: Socket): boolean {
    const connection = this.inFlight.of(socket)
    const { client } = connection
    if (!this.shares.admits(client, 1)) {
      this.refused += 1
      connection.close()
      socket.destroy()
      return false
    }
    this.shares.take(client, 1)
    this.open.add(socket)
    socket.on('close', () => {
      this.open.delete(socket)
      this.shares.give(client, 1)
      connection.close()
    })
    return true
  }

  [Symbol.iterator](): IterableIterator<Socket> {
    return this.open.values()
  }
}

/** Infinite where the system does not say. */
function openFilesMax(): number {
  try {
    const [, soft] = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft)
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

// The floor as a peer: bench/floor.ts.

import { fileURLToPath } from 'node:url'
import type { Peer } from './peer.ts'
import { Server } from './processes.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

export const floor: Peer = {
  name: 'floor',
  role: 'floor',
  version: `node:http of Node ${process.version}`,
  durability: 'one synced RocksDB batch for all requests of a turn of the loop',
  asking: {
    counter: { write: '/counter/KEY/add', read: { method: 'GET', path: '/counter/KEY' } },
    notes: { write: '/notes/KEY/put', read: { method: 'GET', path: '/notes/KEY' } },
  },
  pipelined: false,
  start: async (directory) => {
    const keeper = new Server(process.execPath, ['bench/floor.ts', 'http', directory], { cwd: root })
    const { port } = (await keeper.ready()) as { port: number }
    return { port, servers: [keeper], keeper }
  },
}

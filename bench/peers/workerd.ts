// workerd as a peer: Durable Objects with their storage on the local disk.

import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Installed, versions } from './install.ts'
import type { Peer, Running } from './peer.ts'
import { freePort } from './ports.ts'
import { Server } from './processes.ts'

const worker = fileURLToPath(new URL('workerd-worker.js', import.meta.url))

export function workerd({ workerd: binary }: Installed): Peer {
  const start = (directory: string) => serve(directory, binary)
  return {
    name: 'workerd',
    role: 'other',
    version: `workerd ${versions.workerd}`,
    durability: 'its default: each object has an SQLite file, and an answer waits until that is synced',
    asking: {
      counter: { write: '/counter/KEY/add', read: { method: 'GET', path: '/counter/KEY' } },
      notes: { write: '/notes/KEY/put', read: { method: 'GET', path: '/notes/KEY' } },
    },
    pipelined: false,
    start,
    startAgain: start,
  }
}

async function serve(directory: string, binary: string): Promise<Running> {
  const port = await freePort()
  const data = join(directory, 'data')
  mkdirSync(data, { recursive: true })
  copyFileSync(worker, join(directory, 'worker.js'))
  writeFileSync(
    join(directory, 'config.capnp'),
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [ (name = "main", worker = .counters), (name = "disk", disk = (path = "${data}", writable = true)) ],
  sockets = [ (name = "http", address = "127.0.0.1:${port}", http = (), service = "main") ],
);
const counters :Workerd.Worker = (
  modules = [ (name = "worker", esModule = embed "worker.js") ],
  compatibilityDate = "2026-01-01",
  durableObjectNamespaces = [
    (className = "Counter", uniqueKey = "counter", enableSql = true),
    (className = "Note", uniqueKey = "note", enableSql = true),
  ],
  durableObjectStorage = (localDisk = "disk"),
  bindings = [
    (name = "COUNTERS", durableObjectNamespace = "Counter"),
    (name = "NOTES", durableObjectNamespace = "Note"),
  ],
);
`,
  )
  const keeper = new Server(binary, ['serve', 'config.capnp'], { cwd: directory })
  return { port, servers: [keeper], keeper }
}

// Restate as a peer: its server with four partitions, and the service that it calls.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Installed, versions } from './install.ts'
import type { Peer, Running } from './peer.ts'
import { freePort } from './ports.ts'
import { Server } from './processes.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const partitions = 4
const registrationMs = 30_000

export function restate({ folder, restateServer }: Installed): Peer {
  return {
    name: `Restate, ${partitions} partitions`,
    role: 'other',
    version: `restate-server ${versions['@restatedev/restate-server']}, restate-sdk ${versions['@restatedev/restate-sdk']} on Node ${process.version}`,
    durability: "its default: the log's RocksDB is synced; telemetry and web UI are off",
    asking: {
      counter: { write: '/counter/KEY/add', read: { method: 'POST', path: '/counter/KEY/get' } },
      notes: { write: '/notes/KEY/put', read: { method: 'POST', path: '/notes/KEY/get' } },
    },
    pipelined: false,
    start: async (directory) => {
      const servicePort = await freePort()
      const service = new Server(process.execPath, ['bench/peers/restate-service.ts', folder, String(servicePort)], {
        cwd: root,
      })
      await service.ready()
      const { keeper, port, adminPort } = await server(directory, restateServer)
      await register(keeper, adminPort, servicePort)
      return { port, servers: [keeper, service], keeper }
    },
    startAgain: async (directory, killed) => {
      const { keeper, port } = await server(directory, restateServer)
      return { port, servers: [keeper, ...killed.servers.filter((one) => one !== killed.keeper)], keeper }
    },
  }
}

async function server(
  directory: string,
  binary: string,
): Promise<Omit<Running, 'servers'> & { readonly adminPort: number }> {
  const [port, adminPort, fabricPort] = [await freePort(), await freePort(), await freePort()]
  const config = join(directory, 'restate.toml')
  writeFileSync(
    config,
    `disable-telemetry = true
log-filter = "warn"
base-dir = "${join(directory, 'data')}"
bind-ip = "127.0.0.1"
bind-port = ${fabricPort}
advertised-host = "127.0.0.1"
listen-mode = "tcp"
default-num-partitions = ${partitions}
[admin]
bind-port = ${adminPort}
disable-web-ui = true
[ingress]
bind-port = ${port}
`,
  )
  const keeper = new Server(binary, ['--no-logo', '--node-name', 'n1', '-c', config], { cwd: directory })
  return { keeper, port, adminPort }
}

/** Its admin port refuses until it is up. */
async function register(keeper: Server, adminPort: number, servicePort: number): Promise<void> {
  const body = JSON.stringify({ uri: `http://127.0.0.1:${servicePort}`, force: true })
  const started = performance.now()
  for (;;) {
    keeper.running()
    const said = await fetch(`http://127.0.0.1:${adminPort}/deployments`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    }).then(
      async (answer) => (answer.ok ? '' : `${answer.status} ${await answer.text()}`),
      (error: Error) => error.message,
    )
    if (said === '') return
    if (performance.now() - started > registrationMs) throw new Error(`Restate does not take its service: ${said}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

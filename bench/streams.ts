// Figures of streams: a server stream of bare grpc-js, of the ingress with nothing behind it, and of a whole host with a TypeScript
// function, in the same run; and what an idle stream costs.

import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import http2 from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ServerWritableStream } from '@grpc/grpc-js'
import grpc from '@grpc/grpc-js'
import { pino } from 'pino'
import { systemClock } from '../host/clock.ts'
import type { Open, Receiver } from '../host/command.ts'
import { loadConfig } from '../host/config.ts'
import { InFlight } from '../host/in-flight.ts'
import { Transcoder } from '../host/ingress/http/transcoder.ts'
import { listen } from '../host/ingress/server.ts'
import { defaultLimits } from '../host/limits.ts'
import { startHost } from '../host/main.ts'
import { noMetadata } from '../host/metadata.ts'
import { Metrics } from '../host/observe/metrics.ts'
import type { Service } from '../host/services.ts'
import { Services } from '../host/services.ts'
import type { Figure } from './inside.ts'

const paths = {
  bare: '/bench.v1.Streams/Watch',
  ingress: '/bench.v1.Streams/Watch',
  guest: '/bench.v1.Streams/Count',
} as const
const idlePaths = { ...paths, guest: '/bench.v1.Streams/Listen' } as const
const elements = 100_000
const idleStreams = 10_000
const rounds = Number(process.env['ROUNDS'] ?? 5)
const element = Buffer.from([8, 1, 18, 8, 98, 101, 110, 99, 104, 109, 114, 107])
const same = (bytes: Buffer) => bytes

type Kind = keyof typeof paths
const kinds: readonly Kind[] = ['bare', 'ingress', 'guest']

/** 100,000 elements of 12 bytes over one connection, the sides taking turns; the median of each side. */
export async function streamFigures(): Promise<readonly Figure[]> {
  const figures: Figure[] = []
  const servers = { bare: await start('bare'), ingress: await start('ingress'), guest: await start('guest') }
  const times: Record<Kind, number[]> = { bare: [], ingress: [], guest: [] }
  for (let round = 0; round <= rounds; round++) {
    for (const kind of kinds) {
      const ms = await drain(kind, servers[kind].port)
      // The first round warms up.
      if (round > 0) times[kind].push(ms)
    }
  }
  const perSecond = (kind: Kind) => (elements * 1000) / median(times[kind])
  for (const kind of kinds)
    figures.push({ name: `server stream, ${kind}`, value: perSecond(kind), unit: 'elements a second' })
  for (const kind of ['ingress', 'guest'] as const)
    figures.push({ name: `${kind}, of bare grpc-js`, value: perSecond(kind) / perSecond('bare'), unit: 'times' })
  for (const kind of kinds) {
    figures.push({
      name: `idle server stream, ${kind}`,
      value: await idle(kind, servers[kind]),
      unit: 'bytes of RSS a stream',
    })
    servers[kind].stop()
  }
  return figures
}

interface Server {
  readonly port: number
  readonly rss: () => Promise<number>
  readonly stop: () => void
}

function start(kind: Kind): Promise<Server> {
  const child = spawn(process.execPath, ['--expose-gc', fileURLToPath(import.meta.url), 'serve', kind], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  child.once('exit', (code) => {
    if (code !== null) throw new Error(`the server of ${kind} ended with ${code}`)
  })
  const answer = () =>
    new Promise<Record<string, number>>((resolve) => child.once('message', (m) => resolve(m as Record<string, number>)))
  return answer().then(({ port }) => ({
    port: port!,
    rss: async () => {
      const rss = answer()
      child.send('rss')
      return (await rss)['rss']!
    },
    stop: () => child.kill(),
  }))
}

/** Counts bytes only: a client of grpc-js takes longer for an element than either server. */
async function drain(kind: Kind, port: number): Promise<number> {
  const session = http2.connect(`http://127.0.0.1:${port}`)
  session.on('error', () => {})
  const started = performance.now()
  const stream = session.request({
    ':method': 'POST',
    ':path': paths[kind],
    'content-type': 'application/grpc',
    te: 'trailers',
  })
  // Of ours the first byte of the message says how many; a guest's request has it as field 1.
  stream.end(Buffer.from(kind === 'guest' ? [0, 0, 0, 0, 4, 8, 160, 141, 6] : [0, 0, 0, 0, 1, 1]))
  let bytes = 0
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length
  })
  await new Promise<void>((resolve, reject) => {
    stream.on('end', () => resolve())
    stream.on('error', reject)
  })
  const ms = performance.now() - started
  session.destroy()
  if (bytes < elements * (element.length + 5)) throw new Error(`${bytes} bytes came`)
  return ms
}

/** Streams that got one element and then nothing, over ten connections. */
async function idle(kind: Kind, server: Server): Promise<number> {
  const before = await server.rss()
  const clients = Array.from(
    { length: 10 },
    (_, index) =>
      new grpc.Client(`127.0.0.1:${server.port}`, grpc.credentials.createInsecure(), { 'bench.connection': index }),
  )
  const streams: { cancel(): void }[] = []
  for (let index = 0; index < idleStreams; index += 100) {
    const some = Array.from({ length: 100 }, (_, at) => {
      const client = clients[(index + at) % clients.length]!
      const stream =
        kind === 'guest' ? bidi(client) : client.makeServerStreamRequest(paths[kind], same, same, Buffer.from([0]))
      stream.on('error', () => {})
      streams.push(stream)
      return new Promise((resolve) => stream.once('data', resolve))
    })
    await Promise.all(some)
  }
  const after = await server.rss()
  for (const stream of streams) stream.cancel()
  for (const client of clients) client.close()
  return (after - before) / idleStreams
}

/** A call that sends one element and stays open. */
function bidi(client: grpc.Client): grpc.ClientDuplexStream<Buffer, Buffer> {
  const stream = client.makeBidiStreamRequest(idlePaths.guest, same, same)
  stream.write(Buffer.alloc(0))
  return stream
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!
}

async function serve(kind: Kind): Promise<void> {
  const port = kind === 'bare' ? await serveBare() : kind === 'ingress' ? await serveIngress() : await serveGuest()
  process.send!({ port })
}

/** A request of byte 1 gets all elements, of byte 0 one and then nothing. */
async function serveBare(): Promise<number> {
  const server = new grpc.Server({ 'grpc.max_concurrent_streams': 10_000 })
  const watch = (call: ServerWritableStream<Buffer, Buffer>) => {
    let given = 0
    const wanted = call.request[0] === 1 ? elements : 1
    const go = () => {
      while (given < wanted) {
        given += 1
        if (!call.write(element)) {
          call.once('drain', go)
          return
        }
      }
      if (wanted === elements) call.end()
    }
    go()
  }
  server.register(paths.bare, watch, same, same, 'serverStream')
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    )
  })
}

async function serveIngress(): Promise<number> {
  const services = new Services()
  const type = {
    name: 'Watch',
    clientStreaming: false,
    serverStreaming: true,
    http: undefined,
    input: { fullName: '', fields: [] },
  }
  const methods = new Map([['Watch', { type, keyOf: () => '' }]])
  const service = {
    name: 'bench.v1.Streams',
    methods,
    type: { methods: new Map() },
    schema: {},
    description: { headers: [] },
  }
  services.change([service as unknown as Service])
  const context = {
    dispatch: () => {},
    open: trivialOpen,
    services,
    limits: defaultLimits,
    inFlight: new InFlight({ max: 2 ** 28, connectionMax: 2 ** 28, setting: '' }),
    clock: systemClock,
    transcoder: new Transcoder(defaultLimits.waitingBytesMax),
    metrics: new Metrics(),
    log: pino({ level: 'warn' }),
    deadlineMs: 60_000,
    requestId: () => 'bench',
    unready: () => undefined,
  }
  return (await listen(context, '127.0.0.1', 0)).address.port
}

/** A whole host, with the streams of bench/guests/kinds. */
async function serveGuest(): Promise<number> {
  const data = mkdtempSync(join(tmpdir(), 'innkeeper-streams-'))
  process.on('exit', () => rmSync(data, { recursive: true, force: true }))
  const flags = { data, listen: '127.0.0.1:0', admin: '127.0.0.1:0', 'log-level': 'warn' }
  const host = await startHost(loadConfig({ flags, env: {}, directory: data }).config)
  const component = readFileSync(fileURLToPath(new URL('../guests/build/bench-kinds.wasm', import.meta.url)))
  const deployed = await host.deployer.deploy(component)
  if (!deployed.ok) throw new Error(deployed.reasons.join('; '))
  return Number(host.listen.split(':')[1])
}

/** What a host without any work would do. */
const trivialOpen: Open = (command, receiver: Receiver) => {
  let given = 0
  const wanted = command.payload[0] === 1 ? elements : 1
  const go = () => {
    while (given < wanted && receiver.ready) {
      given += 1
      receiver.next(element, noMetadata)
    }
    if (given === wanted && wanted === elements) receiver.end()
  }
  go()
  return { item: () => true, halfClose() {}, cancel() {}, resume: go }
}

if (process.argv[2] === 'serve') {
  await serve(process.argv[3] as Kind)
  // Its memory, whenever it is asked.
  process.on('message', () => {
    globalThis.gc?.()
    process.send!({ rss: process.memoryUsage().rss })
  })
}

// Figures of streams without guests: what the ingress makes of a server stream, against bare grpc-js in the same run, and what an
// idle stream costs.

import { spawn } from 'node:child_process'
import http2 from 'node:http2'
import { fileURLToPath } from 'node:url'
import type { ServerWritableStream } from '@grpc/grpc-js'
import grpc from '@grpc/grpc-js'
import { pino } from 'pino'
import type { Open, Receiver } from '../host/command.ts'
import { listen } from '../host/ingress/server.ts'
import { defaultLimits } from '../host/limits.ts'
import { noMetadata } from '../host/metadata.ts'
import { Metrics } from '../host/observe/metrics.ts'
import type { Service } from '../host/services.ts'
import { Services } from '../host/services.ts'
import type { Figure } from './inside.ts'

const path = '/bench.v1.Streams/Watch'
const elements = 100_000
const idleStreams = 10_000
const rounds = Number(process.env['ROUNDS'] ?? 5)
const element = Buffer.from([8, 1, 18, 8, 98, 101, 110, 99, 104, 109, 114, 107])
const same = (bytes: Buffer) => bytes

type Kind = 'ingress' | 'bare'

/** 100,000 elements of 12 bytes over one connection, the sides taking turns; the median of each side. */
export async function streamFigures(): Promise<readonly Figure[]> {
  const figures: Figure[] = []
  const servers = { bare: await start('bare'), ingress: await start('ingress') }
  const times: Record<Kind, number[]> = { bare: [], ingress: [] }
  for (let round = 0; round <= rounds; round++) {
    for (const kind of ['bare', 'ingress'] as const) {
      const ms = await drain(servers[kind].port)
      // The first round warms up.
      if (round > 0) times[kind].push(ms)
    }
  }
  const perSecond = (kind: Kind) => (elements * 1000) / median(times[kind])
  figures.push({ name: 'server stream, bare grpc-js', value: perSecond('bare'), unit: 'elements a second' })
  figures.push({ name: 'server stream, ingress', value: perSecond('ingress'), unit: 'elements a second' })
  figures.push({ name: 'of bare grpc-js', value: perSecond('ingress') / perSecond('bare'), unit: 'times' })
  for (const kind of ['bare', 'ingress'] as const) {
    figures.push({
      name: `idle server stream, ${kind}`,
      value: await idle(servers[kind]),
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
async function drain(port: number): Promise<number> {
  const session = http2.connect(`http://127.0.0.1:${port}`)
  session.on('error', () => {})
  const started = performance.now()
  const stream = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
  })
  stream.end(Buffer.from([0, 0, 0, 0, 1, 1]))
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
  if (bytes !== elements * (element.length + 5)) throw new Error(`${bytes} bytes came`)
  return ms
}

/** Streams that got one element and then nothing, over ten connections. */
async function idle(server: Server): Promise<number> {
  const before = await server.rss()
  const clients = Array.from(
    { length: 10 },
    (_, index) =>
      new grpc.Client(`127.0.0.1:${server.port}`, grpc.credentials.createInsecure(), { 'bench.connection': index }),
  )
  const streams: grpc.ClientReadableStream<Buffer>[] = []
  for (let index = 0; index < idleStreams; index += 100) {
    const some = Array.from({ length: 100 }, (_, at) => {
      const stream = clients[(index + at) % clients.length]!.makeServerStreamRequest(path, same, same, Buffer.from([0]))
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

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!
}

async function serve(kind: Kind): Promise<void> {
  process.send!({ port: kind === 'bare' ? await serveBare() : await serveIngress() })
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
  server.register(path, watch, same, same, 'serverStream')
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
    clock: { now: () => Date.now() },
    metrics: new Metrics(),
    log: pino({ level: 'warn' }),
    deadlineMs: 60_000,
    requestId: () => 'bench',
    unready: () => undefined,
  }
  return (await listen(context, '127.0.0.1', 0)).address.port
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

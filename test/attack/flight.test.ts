// Guards the host's memory against clients that begin and do not end, and that ask and do not read, over every protocol: a host in a process of
// its own counts no more than its bound, grows no more than a factor of that, and serves a neighbour from another address meanwhile.

import { readFileSync, writeFileSync } from 'node:fs'
import nodeHttp from 'node:http'
import http2 from 'node:http2'
import net from 'node:net'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { frame } from '../../host/ingress/envelope.ts'
import { type HostProcess, hostProcess, http, temporary } from '../support/host.ts'
import { scripted, values } from '../support/scripted.ts'

const MiB = 1024 * 1024
const messageBytesMax = 4 * MiB
/** Of each port. */
const bytesMax = 32 * MiB
/** What was counted may take more: buffers grow by doubling, and what was cut waits for the collector. */
const growthMax = 12 * bytesMax
const data = temporary()
const file = join(data.path, 'scripted.wasm')
writeFileSync(file, await scripted())
const flags = {
  'log-level': 'silent',
  'stop-wait-ms': '0',
  'in-flight-bytes-max': String(2 * bytesMax),
  'upload-bytes-max': String(bytesMax),
  'component-bytes-max': String(16 * MiB),
}
const args = [...Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]), file]
let host: HostProcess
const ports = () => ({ name: '127.0.0.1', port: portOf(host.listen), admin: portOf(host.admin) })
const portOf = (address: string) => Number(address.split(':')[1])
const path = `/${values}/Do`
const jsonPath = '/values/k'
const moment = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

function rss(): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${host.child.pid}/status`, 'utf8'))?.[1]) * 1024
}

/** Asked again while the host is too busy to say. */
async function metric(of: string): Promise<number> {
  for (;;) {
    const { text } = await http(host.admin, 'GET', '/metrics')
    const [, found] = new RegExp(`^innkeeper_${of} (.*)$`, 'm').exec(text) ?? []
    if (found !== undefined) return Number(found)
    await moment(50)
  }
}

/** Another client, by its address. */
function neighbour(): Promise<number> {
  return new Promise((resolve) => {
    const headers = { 'content-type': 'application/json' }
    const { name, port } = ports()
    const request = nodeHttp.request({
      ...{ host: name, port, method: 'POST', path: '/values/n', headers, localAddress: '127.0.0.2', agent: false },
    })
    request.on('response', (response) => {
      response.resume()
      response.on('end', () => resolve(response.statusCode!))
    })
    request.on('error', () => resolve(0))
    request.end(JSON.stringify({ code: "return { outcome: say('here') }" }))
  })
}

/** What clients of an attack were told: a status, `reset` or `closed`. */
type Told = Map<string, number>

const Flight = suite('clients that begin and do not end, or ask and do not read')

/** Says PASS or FAIL, with the figures. `begin` resolves when all was sent that is taken; it answers how it is ended. */
function attack(
  what: string,
  begin: (told: (how: string) => void) => Promise<() => void>,
  counted = 'in_flight_bytes',
  cutTold: RegExp = /./,
): void {
  Flight(what, async () => {
    const folder = temporary()
    host = await hostProcess(folder.path, args)
    try {
      await attacked(what, begin, counted, cutTold)
    } finally {
      await host.kill()
      folder.remove()
    }
  })
}

async function attacked(
  what: string,
  begin: (told: (how: string) => void) => Promise<() => void>,
  counted: string,
  cutTold: RegExp,
): Promise<void> {
  assert.is(await neighbour(), 200)
  const before = rss()
  const told: Told = new Map()
  let most = 0
  let mostCounted = 0
  let over = false
  let asked = 0
  const statuses: number[] = []
  const watch = (async () => {
    while (!over || asked < 3) {
      statuses.push(await neighbour())
      mostCounted = Math.max(mostCounted, await metric(counted))
      most = Math.max(most, rss())
      asked += 1
      await moment(20)
    }
  })()
  const end = await begin((how) => told.set(how, (told.get(how) ?? 0) + 1))
  const waysNow = () => [...told].map(([how, count]) => `${how} ${count}`).join(', ')
  // A slow machine takes what was sent, and cuts, later.
  for (let tries = 0; !cutTold.test(waysNow()) && tries < 3_000; tries++) await moment(20)
  await moment(200)
  over = true
  await watch
  end()
  const served = statuses.every((status) => status === 200)
  const ways = waysNow()
  const right = served && mostCounted <= bytesMax && most - before <= growthMax && cutTold.test(ways)
  const figures = `counted ${mb(mostCounted)}, grew by ${mb(most - before)}, told: ${ways || 'nothing'}`
  console.log(`${right ? 'PASS' : 'FAIL'} ${what}: ${figures}`)
  assert.ok(served, `the neighbour was told ${statuses}`)
  assert.ok(mostCounted <= bytesMax, `${mostCounted} bytes are counted`)
  assert.ok(most - before <= growthMax, `it grew by ${most - before}`)
  assert.match(ways, cutTold)
  // What they had is free again.
  for (let tries = 0; (await metric(counted)) > 0; tries++) {
    assert.ok(tries < 6_000, `${await metric(counted)} bytes stay counted`)
    await moment(20)
  }
}

function mb(bytes: number): string {
  return `${(bytes / MiB).toFixed(0)} MiB`
}

/** Writes all of it, or as much as is taken: after a moment without a change nothing more will be. */
async function taken(sockets: readonly { readonly bytesWritten?: number; readonly writableLength: number }[]) {
  const left = () => sockets.reduce((sum, socket) => sum + socket.writableLength, 0)
  for (let before = Number.POSITIVE_INFINITY; left() > 0 && left() < before; await moment(300)) before = left()
}

/** Connections that write this and read, or do not. */
async function raw(count: number, to: number, text: string | Buffer, body: Buffer, told: (how: string) => void) {
  const sockets = Array.from({ length: count }, () => {
    const socket = net.connect({ host: ports().name, port: to })
    socket.on('error', () => {})
    socket.on('close', () => told('closed'))
    socket.once('data', (chunk: Buffer) => told(/^HTTP\/1.1 (\d+)/.exec(chunk.toString('latin1'))?.[1] ?? 'other'))
    socket.on('data', () => {})
    socket.write(text)
    socket.write(body)
    return socket
  })
  await taken(sockets)
  return () => {
    for (const socket of sockets) socket.removeAllListeners('close').destroy()
  }
}

const head = (type: string, length: number | 'chunked', of = path) =>
  `POST ${of} HTTP/1.1\r\nhost: localhost\r\ncontent-type: ${type}\r\n${length === 'chunked' ? 'transfer-encoding: chunked' : `content-length: ${length}`}\r\n\r\n`

/** The first bytes of a message that is announced as the largest. */
function begun(bytes: number): Buffer {
  const start = Buffer.alloc(bytes)
  start.writeUInt32BE(messageBytesMax, 1)
  return start
}

/** Streams over a few connections, each of which writes this. */
async function streams(
  connections: number,
  each: number,
  told: (how: string) => void,
  write: (stream: http2.ClientHttp2Stream) => void,
  more: Record<string, string> = {},
) {
  const sessions = Array.from({ length: connections }, () => {
    const session = http2.connect(`http://${host.listen}`, { maxSessionMemory: 1_000 })
    session.on('error', () => {})
    return session
  })
  const all = sessions.flatMap((session) =>
    Array.from({ length: each }, () => {
      const headers = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' }
      const stream = session.request({ ...headers, ...more })
      let status = ''
      stream.on('error', () => {})
      stream.on('response', (got) => {
        status = String(got['grpc-status'] ?? '')
      })
      stream.on('close', () => {
        told(status === '' ? 'reset' : `status ${status}`)
      })
      write(stream)
      return stream
    }),
  )
  await taken(all)
  return () => {
    for (const stream of all) stream.removeAllListeners('close')
    for (const session of sessions) session.destroy()
  }
}

attack(
  'HTTP/JSON: 600 connections, 4 MiB less a byte each',
  (told) =>
    raw(
      600,
      ports().port,
      head('application/json', messageBytesMax, jsonPath),
      Buffer.alloc(messageBytesMax - 1, ' '),
      told,
    ),
  undefined,
  /429 \d{3}/,
)

attack(
  'HTTP/JSON: bodies in chunks of a byte',
  (told) => {
    const chunks = Buffer.from('1\r\n \r\n'.repeat(100_000))
    return raw(20, ports().port, head('application/json', 'chunked', jsonPath), chunks, told)
  },
  undefined,
  /^(closed.*)?$/,
)

attack(
  'gRPC-Web: 300 connections, messages announced and never ended',
  (told) => raw(300, ports().port, head('application/grpc-web+proto', 5 * MiB), begun(messageBytesMax - 1), told),
  undefined,
  /200 \d{3}/,
)

attack(
  'gRPC-Web: requests that are whole and do not end',
  (told) => raw(100, ports().port, head('application/grpc-web+proto', 5 * MiB), frame(0, Buffer.alloc(2 * MiB)), told),
  undefined,
  /200 \d\d/,
)

attack(
  'gRPC: 4,000 streams over ten connections, messages announced and never ended',
  (told) => streams(10, 400, told, (stream) => stream.write(begun(40_000))),
  undefined,
  /status 8 \d{4}/,
)

attack(
  'sessions.G1, sessions.G5: gRPC: 10,000 streams over ten connections that send nothing',
  (told) => streams(10, 1_000, told, () => {}),
  undefined,
  /status 8 \d{3}/,
)

attack(
  'sessions.G3: gRPC: messages that are whole and do not end',
  (told) => streams(10, 30, told, (stream) => stream.write(frame(0, Buffer.alloc(MiB)))),
  undefined,
  /status 8 \d{3}/,
)

attack(
  'sessions.G2: gRPC: messages of a kilobyte that become megabytes',
  (told) => {
    const small = gzipSync(Buffer.alloc(messageBytesMax - 100))
    const headers = { 'grpc-encoding': 'gzip' }
    return streams(4, 100, told, (stream) => stream.write(Buffer.concat(Array(8).fill(frame(1, small)))), headers)
  },
  undefined,
  /status 8 \d{3}/,
)

attack(
  'the admin port: 60 uploads that do not end',
  (told) => {
    const text = head('application/wasm', 16 * MiB, '/v1/components')
    return raw(60, ports().admin, text, Buffer.alloc(4 * MiB), told)
  },
  'admin_in_flight_bytes',
  /429 \d\d/,
)

Flight.after(async () => {
  data.remove()
})

Flight.run()

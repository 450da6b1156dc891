// The client of bench/slow-disk.ts, a process of its own: so many connections that write without a pause, and probes of what needs no disk. Prints
// one JSON line.

import http from 'node:http'
import net from 'node:net'
import { setTimeout as moment } from 'node:timers/promises'

export interface SlowDiskOptions {
  readonly port: number
  readonly adminPort: number
  /** Connections that write, each to an entity of its own. */
  readonly writers: number
  readonly warmupMs: number
  readonly ms: number
}

export interface Times {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly calls: number
}

export interface SlowDiskSeen {
  readonly writes: Times
  readonly healthz: Times
  readonly read: Times
  readonly refusal: Times
  /** Answers that were not what was asked for. */
  readonly errors: number
}

const { port, adminPort, writers, warmupMs, ms } = JSON.parse(process.argv[2]!) as SlowDiskOptions
const agent = new http.Agent({ keepAlive: true })
const probeEveryMs = 10
let counting = false
let errors = 0

function times(found: readonly number[]): Times {
  const sorted = [...found].sort((a, b) => a - b)
  const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? 0
  return { p50Ms: at(0.5), p99Ms: at(0.99), calls: sorted.length }
}

/** One request in flight; a reply is read by its length. */
function writer(key: string, into: number[]): void {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
  let startedMs = 0
  let rest = ''
  const send = () => {
    startedMs = performance.now()
    const head = `POST /counter/${key}/add HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 12`
    socket.write(`${head}\r\n\r\n{"amount":1}`)
  }
  socket.on('connect', send)
  socket.on('data', (chunk) => {
    rest += chunk.toString('latin1')
    const head = rest.indexOf('\r\n\r\n')
    if (head === -1 || rest.length < head + 4 + Number(/content-length: (\d+)/i.exec(rest)?.[1] ?? 0)) return
    if (counting && rest.startsWith('HTTP/1.1 200')) into.push(performance.now() - startedMs)
    else if (counting) errors += 1
    rest = ''
    send()
  })
  socket.on('error', (error) => {
    console.error(error.message)
    process.exit(1)
  })
}

function ask(to: number, method: string, path: string, body: string): Promise<number> {
  return new Promise((resolve) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
    const request = http.request({ port: to, host: '127.0.0.1', path, method, headers, agent }, (response) => {
      response.resume()
      response.on('end', () => resolve(response.statusCode ?? 0))
    })
    request.on('error', () => resolve(0))
    request.end(body)
  })
}

/** Asks again and again, whether the last one was answered or not. */
async function probe(into: number[], wanted: number, run: () => Promise<number>): Promise<void> {
  for (;;) {
    const startedMs = performance.now()
    void run().then((status) => {
      if (!counting) return
      if (status === wanted) into.push(performance.now() - startedMs)
      else errors += 1
    })
    await moment(probeEveryMs)
  }
}

const [writes, healthz, read, refusal]: [number[], number[], number[], number[]] = [[], [], [], []]
await ask(port, 'POST', '/counter/warm/add', '{"amount":1}')
for (let index = 0; index < writers; index++) writer(`k${index}`, writes)
void probe(healthz, 200, () => ask(adminPort, 'GET', '/healthz', ''))
void probe(read, 200, () => ask(port, 'GET', '/counter/warm', ''))
void probe(refusal, 400, () => ask(port, 'POST', '/counter/warm/add', '{"amount":"none"}'))
await moment(warmupMs)
counting = true
await moment(ms)
counting = false
const seen: SlowDiskSeen = {
  writes: times(writes),
  healthz: times(healthz),
  read: times(read),
  refusal: times(refusal),
  errors,
}
console.log(JSON.stringify(seen))
process.exit(0)

// The client of bench/endless.ts, a process of its own: commands at a pace, whatever becomes of those before. A latency counts from when the command was to
// be sent. Prints one JSON line.

import net from 'node:net'

export interface OpenLoopOptions {
  readonly port: number
  readonly perSecond: number
  readonly connections: number
  readonly warmupMs: number
  readonly ms: number
}

export interface OpenLoopSeen {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly calls: number
  readonly errors: number
}

const { port, perSecond, connections, warmupMs, ms } = JSON.parse(process.argv[2]!) as OpenLoopOptions
const latencies: number[] = []
/** When those were due that no connection is free for. */
const waiting: number[] = []
const free: ((dueMs: number) => void)[] = []
let errors = 0
let keys = 0

for (let index = 0; index < connections; index++) connect()

const startMs = performance.now()
let sent = 0
const pace = setInterval(() => {
  const due = Math.floor(((performance.now() - startMs) * perSecond) / 1_000)
  for (; sent < due; sent++) {
    const dueMs = startMs + (sent * 1_000) / perSecond
    const send = free.pop()
    if (send === undefined) waiting.push(dueMs)
    else send(dueMs)
  }
}, 1)

setTimeout(() => {
  clearInterval(pace)
  latencies.sort((a, b) => a - b)
  const at = (share: number) => latencies[Math.floor(latencies.length * share)] ?? 0
  console.log(JSON.stringify({ p50Ms: at(0.5), p99Ms: at(0.99), calls: latencies.length, errors }))
  process.exit(0)
}, warmupMs + ms)

function connect(): void {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
  let dueMs = 0
  let rest = ''
  const body = '{"product_id":"p","name":"n","quantity":1}'
  const send = (due: number) => {
    dueMs = due
    const head = `POST /cart/k${keys++ % 1_000}/items/add HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json`
    socket.write(`${head}\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
  }
  const next = () => {
    const due = waiting.shift()
    if (due === undefined) free.push(send)
    else send(due)
  }
  socket.on('connect', next)
  socket.on('data', (chunk) => {
    rest += chunk.toString('latin1')
    const head = rest.indexOf('\r\n\r\n')
    if (head === -1 || rest.length < head + 4 + Number(/content-length: (\d+)/i.exec(rest)?.[1] ?? 0)) return
    const nowMs = performance.now()
    if (nowMs - startMs > warmupMs) {
      if (rest.startsWith('HTTP/1.1 200')) latencies.push(nowMs - dueMs)
      else errors += 1
    }
    rest = ''
    next()
  })
  socket.on('error', (error) => {
    console.error(error.message)
    process.exit(1)
  })
}

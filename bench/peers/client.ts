// Client: the load of the peers, a process of its own, the same for all of them. Prints one JSON line.
//
// Keep-alive connections, one request in flight on each, written on the socket itself so that it takes little of the machine. Closed: each
// connection asks again when it is answered. Open, with a `rate`: requests are due at fixed instants whether those before were answered or not, each
// is timed from when it was due, and goes out on the next free connection. Once: each key is asked once, in order, and nothing is timed.

import net from 'node:net'
import { keysOf, Window } from '../window.ts'

export interface LoadOptions {
  readonly port: number
  readonly connections: number
  readonly keys: number
  /** With `KEY` in it. */
  readonly path: string
  readonly body: string
  readonly warmupMs: number
  readonly ms: number
  /** Requests a second; without it each connection asks again at once. */
  readonly rate?: number
  readonly once?: boolean
  /** The server is killed meanwhile: ends when all connections are broken, however the span goes. */
  readonly untilBroken?: boolean
}

const options = JSON.parse(process.argv[2]!) as LoadOptions
const someKey = keysOf(options.keys)
/** Keys that were asked, of once. */
let passed = 0
const [before, after] = options.path.split('KEY') as [string, string]
const tail = `${after} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(options.body)}\r\n\r\n${options.body}`
let ending = false
let asked = 0
let unanswered = 0
let open = options.connections
const idle: ((startedMs: number) => void)[] = []
/** When requests were due that no connection was free for. */
const due: number[] = []

/** What each connection does when it has nothing in flight. */
const frees: (() => void)[] = []
const window = new Window(options.warmupMs, options.ms)
for (let index = 0; index < options.connections; index++) connection()

function begin(): void {
  if (options.once !== true)
    window.begin(() => {
      ending = options.untilBroken !== true
      due.length = 0
      ended()
    })
  for (const free of frees) free()
  if (options.rate !== undefined) offer(options.rate)
}

function ended(): void {
  if (open > 0 && (!ending || asked > 0)) return
  console.log(JSON.stringify(window.seen(unanswered)))
  process.exit(0)
}

function nextKey(): string {
  if (options.once !== true) return someKey()
  const key = `k${passed++}`
  ending = passed === options.keys
  return key
}

function offer(rate: number): void {
  const started = performance.now()
  let count = 0
  const tick = () => {
    if (ending) return
    for (const now = performance.now(); started + (count * 1_000) / rate <= now; count++) {
      const at = started + (count * 1_000) / rate
      const send = idle.pop()
      if (send === undefined) due.push(at)
      else send(at)
    }
    setTimeout(tick, 1)
  }
  tick()
}

function connection(): void {
  const socket = net.connect({ port: options.port, host: '127.0.0.1', noDelay: true })
  let startedMs = 0
  let inFlight = false
  let received: Buffer = Buffer.alloc(0)
  const send = (at: number) => {
    startedMs = at
    inFlight = true
    asked += 1
    socket.write(`POST ${before}${nextKey()}${tail}`, 'latin1')
  }
  const free = () => {
    if (ending) return
    if (options.rate === undefined) return send(performance.now())
    const at = due.shift()
    if (at === undefined) idle.push(send)
    else send(at)
  }
  socket.on('connect', () => {
    frees.push(free)
    if (frees.length === options.connections) begin()
  })
  socket.on('data', (chunk) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
    const head = received.indexOf('\r\n\r\n')
    if (head === -1) return
    const text = received.toString('latin1', 0, head)
    const length = /\r\ncontent-length: *(\d+)/i.exec(text)?.[1]
    if (length === undefined) return fail(`an answer without content-length: ${text}`)
    if (received.length < head + 4 + Number(length)) return
    received = Buffer.alloc(0)
    inFlight = false
    asked -= 1
    window.answered(startedMs, performance.now(), text.startsWith('HTTP/1.1 200'))
    free()
    if (ending) ended()
  })
  socket.on('error', (error) => {
    if (options.untilBroken !== true) fail(error.message)
  })
  socket.on('close', () => {
    if (options.untilBroken !== true) return fail('the server closed a connection')
    if (inFlight) unanswered += 1
    open -= 1
    if (open === 0) ended()
  })
}

function fail(message: string): never {
  console.error(message)
  process.exit(1)
}

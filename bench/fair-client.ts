// The client of bench/fair.ts, a process of its own: steady calls of the counter, alone, and then beside a service that is driven to its limits.
// Prints one JSON line.

import http from 'node:http'
import http2 from 'node:http2'
import { setTimeout as moment } from 'node:timers/promises'
import { script } from '../test/support/scripted.ts'
import type { Attack } from './fair-attacks.ts'

export interface FairOptions {
  readonly port: number
  readonly attack: Attack
  readonly perSecond: number
  /** After the first three seconds. */
  readonly ms: number
}

export interface Times {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  readonly calls: number
  readonly errors: number
}

export interface FairSeen {
  readonly alone: Times
  /** Calls of the first three seconds beside the other service. */
  readonly first: Times
  readonly later: Times
  /** Commands and streams of the other service that were answered well, and those that failed or were refused. */
  readonly answered: number
  readonly failed: number
}

const { port, attack, perSecond, ms } = JSON.parse(process.argv[2]!) as FairOptions
const agent = new http.Agent({ keepAlive: true })

function post(to: string, body: object): Promise<number> {
  return new Promise((resolve) => {
    const text = JSON.stringify(body)
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }
    const request = http.request({ port, host: '127.0.0.1', path: to, method: 'POST', headers, agent }, (response) => {
      response.resume()
      response.on('end', () => resolve(response.statusCode ?? 0))
    })
    request.on('error', () => resolve(0))
    request.end(text)
  })
}

/** Calls for so long; each is timed from when it was to be sent. */
async function steady(forMs: number): Promise<Times> {
  const times: number[] = []
  const calls: Promise<void>[] = []
  let errors = 0
  const startMs = performance.now()
  const count = Math.round((forMs * perSecond) / 1_000)
  for (let at = 0; at < count; at++) {
    const dueMs = startMs + (at * 1_000) / perSecond
    const restMs = dueMs - performance.now()
    if (restMs > 0) await moment(restMs)
    calls.push(
      post(`/counter/k${at % 1_000}/add`, { amount: 1 }).then((status) => {
        times.push(performance.now() - dueMs)
        if (status !== 200) errors += 1
      }),
    )
  }
  await Promise.all(calls)
  times.sort((one, other) => one - other)
  const at = (part: number) => Number((times[Math.floor(times.length * part)] ?? 0).toFixed(2))
  return { p50Ms: at(0.5), p99Ms: at(0.99), maxMs: Number((times.at(-1) ?? 0).toFixed(2)), calls: times.length, errors }
}

let [answered, failed] = [0, 0]

/** One after the other, so many at once. */
function repeatedly(atOnce: number, one: (at: number) => Promise<boolean>): void {
  const again = async (at: number): Promise<void> => {
    for (let round = 0; ; round++) {
      if (await one(at + round * atOnce)) answered += 1
      else {
        failed += 1
        // Who is refused comes again, and leaves this process time for its calls of the neighbour.
        await moment(500)
      }
    }
  }
  for (let at = 0; at < atOnce; at++) void again(at)
}

/** As many connections, since one holds a bounded number of streams; one that the host closed is made anew. */
const sessions: (http2.ClientHttp2Session | undefined)[] = Array.from({ length: 32 })
function sessionOf(at: number): http2.ClientHttp2Session {
  const place = at % sessions.length
  const known = sessions[place]
  if (known !== undefined && !known.closed && !known.destroyed) return known
  const session = http2.connect(`http://127.0.0.1:${port}`)
  session.on('error', () => {})
  sessions[place] = session
  return session
}

/** A call of the scripted service over HTTP/2. True if it went well; a stream that stays open only ends if not. */
function grpc(at: number, path: string, id: string, code: string): Promise<boolean> {
  return new Promise((resolve) => {
    const headers = { ':method': 'POST', ':path': `/test.script.v1.${path}`, te: 'trailers' }
    const stream = sessionOf(at).request({ ...headers, 'content-type': 'application/grpc' })
    let status: unknown
    stream.on('response', (head) => {
      status ??= head['grpc-status']
    })
    stream.on('trailers', (trailer) => {
      status = trailer['grpc-status']
    })
    stream.on('error', () => resolve(false))
    stream.on('close', () => resolve(status === '0'))
    stream.resume()
    const message = script(id, code)
    const frame = Buffer.alloc(5)
    frame.writeUInt32BE(message.length, 1)
    stream.end(Buffer.concat([frame, message]))
  })
}

const fuel = (path: string) => () =>
  repeatedly(64, async (at) => (await post(path.replace('KEY', `h${at % 64}`), { code: 'for (;;) {}' })) === 200)
const nowhere = "{ effects: Array.from({ length: 50 }, () => effect('Nowhere', 'Do', '', '')) }"
const slow = 'let x = 0; for (let i = 0; i < 20000; i++) x += i; return { outcome: say(x) }'

const attackers: Readonly<Record<Attack, () => void | Promise<void>>> = {
  'fuel of a value': fuel('/values/KEY'),
  'fuel of a replica': fuel('/replicas/KEY'),
  'fuel of an action': fuel('/actions'),
  turns: () => {
    repeatedly(256, (at) => grpc(at, 'Values/Do', `t${at % 256}`, 'return { outcome: say(1) }'))
  },
  'the outbox': () =>
    repeatedly(32, async () => (await post('/actions', { code: `return say('', ${nowhere})` })) === 200),
  streams: () => {
    repeatedly(9_000, (at) => grpc(at, 'Replicas/Open', `s${at % 64}`, "return { answer: say('open'), subscribe: {} }"))
  },
  'waiting commands': () => {
    repeatedly(9_000, (at) => grpc(at, 'Values/Do', `w${at % 16}`, slow))
  },
  activations: () => {
    repeatedly(64, (at) => grpc(at, 'Values/Do', `a${at}`, 'return { outcome: say(1) }'))
  },
  snapshots: async () => {
    const add = (at: number, name: string, product: number) =>
      post(`/cart/u${at % 16}/items/add`, { product_id: `p${product}`, name, quantity: 1 })
    for (let product = 0; product < 40; product++)
      await Promise.all(Array.from({ length: 16 }, (_, at) => add(at, 'x'.repeat(1_000), product)))
    repeatedly(16, async (at) => (await add(at, 'y', 1_000)) === 200)
  },
}

await steady(2_000)
const alone = await steady(6_000)
await attackers[attack]()
const first = await steady(3_000)
const later = await steady(ms)
console.log(JSON.stringify({ alone, first, later, answered, failed } satisfies FairSeen))
process.exit(0)

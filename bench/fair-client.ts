// The client of bench/fair.ts, a process of its own: steady calls of the counter, alone, and then beside keys that use up their fuel. Prints
// one JSON line.

import http from 'node:http'
import { setTimeout as moment } from 'node:timers/promises'

export interface FairOptions {
  readonly port: number
  /** Of the service at its limits, with `KEY` in it. */
  readonly path: string
  readonly keys: number
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
  /** Commands of the other service that were answered, with a failure as they have to be. */
  readonly failed: number
}

const { port, path, keys, perSecond, ms } = JSON.parse(process.argv[2]!) as FairOptions
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

await steady(2_000)
const alone = await steady(6_000)
let failed = 0
async function hold(key: number): Promise<void> {
  for (;;) {
    const status = await post(path.replace('KEY', `h${key}`), { id: `h${key}`, code: 'for (;;) {}' })
    if (status === 500) failed += 1
  }
}
for (let key = 0; key < keys; key++) void hold(key)
const first = await steady(3_000)
const later = await steady(ms)
console.log(JSON.stringify({ alone, first, later, failed } satisfies FairSeen))
process.exit(0)

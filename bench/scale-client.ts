// Scale client: the load of the benchmark `scale`, a process of its own, over pipelined commands. Prints one JSON line.
//
// each: every key of a range once, in an order that is not theirs, `records` times.
// random: keys of a range by chance, for `ms`; the first `warmupMs` do not count. The same keys in every run with the same seed.

import { randomBytes } from 'node:crypto'
import { field, Pipe } from './pipe.ts'

export interface ScaleOptions {
  readonly port: number
  readonly connections: number
  readonly inFlight: number
  /** So many keys, from this one on. */
  readonly keys: number
  readonly from: number
  readonly method: 'Put' | 'Get'
  /** Of each `Put`; they are random, so nothing makes them shorter. */
  readonly payloadBytes: number
  readonly load:
    | { readonly kind: 'each'; readonly records: number }
    | { readonly kind: 'random'; readonly seed: number; readonly warmupMs: number; readonly ms: number }
}

export interface ScaleSeen {
  readonly commands: number
  /** With those that did not count. */
  readonly answered: number
  readonly seconds: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly errors: number
}

const options = JSON.parse(process.argv[2]!) as ScaleOptions
const { port, connections, inFlight, keys, from, method, payloadBytes, load } = options
const chance = randomBytes(4 * 1024 * 1024)
const latencies: number[] = []
let errors = 0
let counting = load.kind === 'each'
let startedMs = performance.now()
let random = load.kind === 'random' ? load.seed : 88_172_645
let asked = 0
let open = 0
const commands = load.kind === 'each' ? keys * load.records : Number.POSITIVE_INFINITY
/** Passes over all keys by steps of this. */
const stride = coprime(611_953, keys)

function xorshift(): number {
  random ^= random << 13
  random ^= random >>> 17
  random ^= random << 5
  return random >>> 0
}

function nextKey(): number {
  return from + (load.kind === 'random' ? xorshift() % keys : (asked * stride) % keys)
}

function nextPayload(): Buffer {
  const id = field(10, Buffer.from(`k${nextKey()}`))
  asked += 1
  if (method === 'Get') return id
  const at = xorshift() % (chance.length - payloadBytes)
  return Buffer.concat([id, field(18, chance.subarray(at, at + payloadBytes))])
}

function take(count: number): { payload: Buffer }[] {
  return Array.from({ length: Math.min(count, commands - asked) }, () => ({ payload: nextPayload() }))
}

for (let index = 0; index < connections; index++) {
  const send = (count: number) => {
    const some = take(count)
    open += some.length
    if (some.length > 0) pipe.send(some)
  }
  const pipe: Pipe = new Pipe({
    port,
    service: 'bench.v1.Records',
    method,
    opened: () => send(inFlight),
    answered: (answers) => {
      open -= answers.length
      for (const { ms, ok } of answers) {
        if (!counting) continue
        if (ok) latencies.push(ms)
        else errors += 1
      }
      send(answers.length)
      if (open === 0 && asked >= commands) tell()
    },
  })
}

if (load.kind === 'random') {
  setTimeout(() => {
    counting = true
    startedMs = performance.now()
    setTimeout(tell, load.ms)
  }, load.warmupMs)
}

function tell(): void {
  const seconds = (performance.now() - startedMs) / 1_000
  latencies.sort((a, b) => a - b)
  const at = (share: number) => latencies[Math.floor(latencies.length * share)] ?? 0
  const seen: ScaleSeen = {
    commands: latencies.length,
    answered: asked - open,
    seconds,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    errors,
  }
  console.log(JSON.stringify(seen))
  process.exit(0)
}

function coprime(from: number, to: number): number {
  const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b))
  let step = from
  while (divisor(step, to) !== 1) step += 1
  return step
}

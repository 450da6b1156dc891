// Load: the client of the benchmarks, a process of its own. Prints one JSON line.
//
// http: so many keep-alive connections, one request in flight on each; replies are only counted, read by their length.
// grpc: as many calls in flight over a few connections of grpc-js.

import net from 'node:net'
import grpc from '@grpc/grpc-js'

interface Options {
  readonly kind: 'http' | 'grpc'
  readonly port: number
  readonly connections: number
  readonly keys: number
  /** Of HTTP, with `KEY` in it. */
  readonly path: string
  readonly warmupMs: number
  readonly ms: number
}

const options = JSON.parse(process.argv[2]!) as Options
const latencies: number[] = []
let errors = 0
let counting = false
let random = 88_172_645

/** xorshift: the same keys in every run. */
function nextKey(): number {
  random ^= random << 13
  random ^= random >>> 17
  random ^= random << 5
  return (random >>> 0) % options.keys
}

function done(startedMs: number, ok: boolean): void {
  if (!counting) return
  if (ok) latencies.push(performance.now() - startedMs)
  else errors += 1
}

if (options.kind === 'http') for (let index = 0; index < options.connections; index++) httpConnection()
else grpcCalls()

setTimeout(() => {
  counting = true
  const started = performance.now()
  setTimeout(() => {
    const seconds = (performance.now() - started) / 1000
    latencies.sort((a, b) => a - b)
    const at = (share: number) => Number((latencies[Math.floor(latencies.length * share)] ?? 0).toFixed(2))
    console.log(
      JSON.stringify({ perSecond: Math.round(latencies.length / seconds), p50Ms: at(0.5), p99Ms: at(0.99), errors }),
    )
    process.exit(0)
  }, options.ms)
}, options.warmupMs)

function httpConnection(): void {
  const socket = net.connect({ port: options.port, host: '127.0.0.1', noDelay: true })
  let startedMs = 0
  let rest = ''
  const send = () => {
    startedMs = performance.now()
    socket.write(
      `POST ${options.path.replace('KEY', `k${nextKey()}`)} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 12\r\n\r\n{"amount":1}`,
    )
  }
  socket.on('connect', send)
  socket.on('data', (chunk) => {
    rest += chunk.toString('latin1')
    const head = rest.indexOf('\r\n\r\n')
    if (head === -1) return
    const length = Number(/content-length: (\d+)/i.exec(rest)?.[1] ?? 0)
    if (rest.length < head + 4 + length) return
    const ok = rest.startsWith('HTTP/1.1 200')
    rest = ''
    done(startedMs, ok)
    send()
  })
  socket.on('error', (error) => {
    console.error(error.message)
    process.exit(1)
  })
}

function grpcCalls(): void {
  const same = (bytes: Buffer) => bytes
  const clients = Array.from({ length: 4 }, (_, index) => {
    return new grpc.Client(`127.0.0.1:${options.port}`, grpc.credentials.createInsecure(), { 'bench.channel': index })
  })
  const call = (client: grpc.Client) => {
    const startedMs = performance.now()
    const key = Buffer.from(`k${nextKey()}`)
    const request = Buffer.concat([Buffer.from([10, key.length]), key, Buffer.from([16, 1])])
    client.makeUnaryRequest('/examples.counter.v1.Counter/Add', same, same, request, (error) => {
      done(startedMs, error === null)
      call(client)
    })
  }
  for (let index = 0; index < options.connections; index++) call(clients[index % clients.length]!)
}

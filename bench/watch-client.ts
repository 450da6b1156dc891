// Watch client: the load of the benchmark `views`, a process of its own: so many watchers of one cart, and then changes of it. Counts bytes only. Prints
// one JSON line: for each change, the milliseconds from its answer, which comes with its commit, to the last watcher's last byte.

import http2 from 'node:http2'

export interface WatchOptions {
  readonly port: number
  readonly watchers: number
  readonly connections: number
  readonly changes: number
  readonly form: 'grpc' | 'events'
}

export interface WatchSeen {
  /** From the answer of the change to the last watcher's answer. */
  readonly lastMs: readonly number[]
  /** From sending the change to its answer. */
  readonly answerMs: readonly number[]
}

const { port, watchers, connections, changes, form } = JSON.parse(process.argv[2]!) as WatchOptions
const sessions = Array.from({ length: connections }, () => http2.connect(`http://127.0.0.1:${port}`))
for (const session of sessions) session.setMaxListeners(0)
const calls = http2.connect(`http://127.0.0.1:${port}`)
let missing = 0
let all = () => {}

/** One message of GetCartRequest, for the cart of `a`. */
const request = Buffer.from([0, 0, 0, 0, 3, 10, 1, 97])
const service = '/examples.cart.v1.ShoppingCart'
const grpc = { ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' }

function watch(session: http2.ClientHttp2Session): Promise<void> {
  const stream =
    form === 'grpc'
      ? session.request({ ...grpc, ':path': `${service}/WatchCart` })
      : session.request({ ':path': '/carts/a/watch', accept: 'text/event-stream' })
  if (form === 'grpc') stream.end(request)
  let first = true
  return new Promise((resolve, reject) => {
    stream.on('error', reject)
    stream.on('end', () => reject(new Error('a watch ended')))
    stream.on('data', () => {
      if (first) {
        first = false
        resolve()
        return
      }
      missing -= 1
      if (missing === 0) all()
    })
  })
}

function change(): Promise<void> {
  const stream = calls.request({ ...grpc, ':path': `${service}/AddItem` })
  // AddItemRequest: user_id, product_id, name, quantity 1.
  stream.end(Buffer.from([0, 0, 0, 0, 11, 10, 1, 97, 18, 1, 112, 26, 1, 80, 32, 1]))
  return new Promise((resolve, reject) => {
    stream.on('error', reject)
    stream.on('data', () => resolve())
  })
}

await change()
for (let open = 0; open < watchers; open += 100)
  await Promise.all(Array.from({ length: 100 }, (_, at) => watch(sessions[(open + at) % connections]!)))
const [lastMs, answerMs]: [number[], number[]] = [[], []]
for (let round = 0; round < changes; round++) {
  missing = watchers
  const told = new Promise<void>((resolve) => {
    all = resolve
  })
  const started = performance.now()
  await change()
  const answered = performance.now()
  await told
  lastMs.push(performance.now() - answered)
  answerMs.push(answered - started)
  await new Promise((resolve) => setTimeout(resolve, 200))
}
console.log(JSON.stringify({ lastMs, answerMs } satisfies WatchSeen))
process.exit(0)

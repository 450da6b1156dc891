// Delivery client: the load of bench/delivery.ts, a process of its own: commands of one method of bench/guests/later, pipelined. Prints one JSON line.
//
// each: so many commands, key by key in turn, each with a name of its own; its time is from the first that is sent to the last answer.
// steady: commands without end, on keys at random, until its input is closed; it counts by the clock what was answered.

import { field, Pipe } from './pipe.ts'
import { keysOf } from './window.ts'

export interface DeliveryOptions {
  readonly port: number
  readonly connections: number
  readonly inFlight: number
  readonly method: 'Add' | 'Set' | 'Cancel' | 'Ask' | 'AskAndWait'
  /** What the names of its keys begin with, and how many there are. */
  readonly prefix: string
  readonly keys: number
  /** What the names of timers and tickets begin with. */
  readonly names: string
  /** Of timers, in milliseconds since 1970. */
  readonly atMs: number
  readonly load: { readonly kind: 'each'; readonly commands: number } | { readonly kind: 'steady' }
}

export interface DeliverySeen {
  readonly answered: number
  readonly errors: number
  readonly seconds: number
  /** When the last answer came, in milliseconds since 1970. */
  readonly endedMs: number
  /** Answers by the time of their coming: of `binMs` each, from `fromMs` since 1970 on. */
  readonly fromMs: number
  readonly bins: readonly number[]
}

export const binMs = 50

if (import.meta.main) run(JSON.parse(process.argv[2]!) as DeliveryOptions)

function run({ port, connections, inFlight, method, prefix, keys, names, atMs, load }: DeliveryOptions): void {
  const total = load.kind === 'each' ? load.commands : Number.POSITIVE_INFINITY
  const any = keysOf(keys)
  const bins: number[] = []
  let [asked, answered, errors, opened, open] = [0, 0, 0, 0, 0]
  let [fromMs, ending] = [0, false]

  const nextPayload = (): Buffer => {
    const key = load.kind === 'steady' ? any() : `k${asked % keys}`
    const parts = [field(10, Buffer.from(prefix + key))]
    if (method === 'Set' || method === 'Cancel' || method === 'AskAndWait')
      parts.push(field(18, Buffer.from(`${names}${Math.floor(asked / keys)}`)))
    if (method === 'Set') parts.push(Buffer.from([24]), varint(atMs))
    // Another key, and one that asks nobody.
    if (method === 'Ask' || method === 'AskAndWait') parts.push(field(34, Buffer.from(`${prefix}asked-${key}`)))
    asked += 1
    return Buffer.concat(parts)
  }

  const send = (pipe: Pipe, count: number) => {
    const some = Array.from({ length: Math.min(count, ending ? 0 : total - asked) }, () => ({ payload: nextPayload() }))
    open += some.length
    if (some.length > 0) pipe.send(some)
  }

  const tell = () => {
    const endedMs = Date.now()
    const seen: DeliverySeen = { answered, errors, seconds: (endedMs - fromMs) / 1_000, endedMs, fromMs, bins }
    console.log(JSON.stringify(seen))
    process.exit(0)
  }

  const pipes = Array.from({ length: connections }, (): Pipe => {
    const pipe: Pipe = new Pipe({
      port,
      service: 'bench.later.v1.Bells',
      method,
      opened: () => {
        opened += 1
        if (opened < connections) return
        fromMs = Date.now()
        for (const each of pipes) send(each, inFlight)
      },
      answered: (answers) => {
        open -= answers.length
        for (const { ok } of answers) {
          if (ok) answered += 1
          else errors += 1
        }
        const at = Math.floor((Date.now() - fromMs) / binMs)
        while (bins.length <= at) bins.push(0)
        bins[at]! += answers.length
        send(pipe, answers.length)
        if (open === 0 && (ending || asked >= total)) tell()
      },
    })
    return pipe
  })

  process.stdin.resume().on('end', () => {
    if (load.kind === 'steady') ending = true
  })
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  for (let left = value; ; left = Math.floor(left / 128)) {
    if (left < 128) return Buffer.from([...bytes, left])
    bytes.push((left % 128) + 128)
  }
}

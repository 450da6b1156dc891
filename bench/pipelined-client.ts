// Pipelined client: the load of the benchmark `pipelined`, a process of its own. So many WebSockets, so many commands in flight on each; what is answered
// together is asked again together, in one frame. Written on the socket itself, so that it takes little of the machine. Prints one JSON line.

import { randomUUID } from 'node:crypto'
import { type Asked, field, Pipe } from './pipe.ts'
import { keysOf, Window } from './window.ts'

export interface PipelinedOptions {
  readonly port: number
  readonly connections: number
  readonly inFlight: number
  readonly keys: number
  /** Each command has an idempotency key. */
  readonly once: boolean
  readonly warmupMs: number
  readonly ms: number
}

const options = JSON.parse(process.argv[2]!) as PipelinedOptions
const nextKey = keysOf(options.keys)
let ending = false
let asked = 0

/** The amount. */
const one = Buffer.from([16, 1])

let opened = 0
const window = new Window(options.warmupMs, options.ms)
for (let index = 0; index < options.connections; index++) connection()

function end(): void {
  ending = true
  ended()
}

/** Once all that was asked is answered. */
function ended(): void {
  if (!ending || asked > 0) return
  console.log(JSON.stringify(window.seen(0)))
  process.exit(0)
}

function connection(): void {
  const prefix = randomUUID()
  let next = 1
  const ask = (count: number) => {
    asked += count
    const commands = Array.from({ length: count }, (): Asked => {
      const payload = Buffer.concat([field(10, Buffer.from(nextKey())), one])
      return options.once ? { payload, idempotencyKey: `${prefix}-${next++}` } : { payload }
    })
    pipe.send(commands)
  }
  const pipe: Pipe = new Pipe({
    port: options.port,
    service: 'examples.counter.v1.Counter',
    method: 'Add',
    opened: () => {
      ask(options.inFlight)
      opened += 1
      if (opened === options.connections) window.begin(end)
    },
    answered: (answers) => {
      const now = performance.now()
      for (const { ms, ok } of answers) window.answered(now - ms, now, ok)
      asked -= answers.length
      if (ending) ended()
      else ask(answers.length)
    },
  })
}

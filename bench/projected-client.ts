// Projected client: commands that add items to carts, for bench/projected.ts, a process of its own. Prints one JSON line.
//
// At a pace of so many a second, or as many as are answered; until its input is closed, or so many were answered.

import { field, Pipe } from './pipe.ts'

export interface AddOptions {
  readonly port: number
  readonly connections: number
  readonly inFlight: number
  readonly users: number
  /** Undefined: as many as are answered. */
  readonly perSecond?: number
  /** Undefined: until its input is closed. */
  readonly commands?: number
}

export interface AddSeen {
  readonly answered: number
  readonly errors: number
  readonly perSecond: number
}

if (import.meta.main) run(JSON.parse(process.argv[2]!) as AddOptions)

function run({ port, connections, inFlight, users, perSecond, commands = Number.POSITIVE_INFINITY }: AddOptions): void {
  let [asked, answered, errors, opened, open, startedMs, ending] = [0, 0, 0, 0, 0, 0, false]

  const next = () => {
    const at = asked++
    const payload = [
      field(10, Buffer.from(`u${at % users}`)),
      field(18, Buffer.from(`p${Math.floor(at / users) % 7}`)),
      field(26, Buffer.from('Product')),
      Buffer.from([32, 1]),
    ]
    return { payload: Buffer.concat(payload) }
  }
  const send = (pipe: Pipe, count: number) => {
    const some = Array.from({ length: Math.max(0, Math.min(count, ending ? 0 : commands - asked)) }, next)
    open += some.length
    if (some.length > 0) pipe.send(some)
  }
  const tell = () => {
    const seconds = (performance.now() - startedMs) / 1_000
    console.log(JSON.stringify({ answered, errors, perSecond: answered / seconds } satisfies AddSeen))
    process.exit(0)
  }
  const pipes = Array.from({ length: connections }, (): Pipe => {
    const pipe: Pipe = new Pipe({
      ...{ port, service: 'examples.cart.v1.ShoppingCart', method: 'AddItem' },
      opened: () => {
        opened += 1
        if (opened < connections) return
        startedMs = performance.now()
        if (perSecond === undefined) for (const each of pipes) send(each, inFlight)
        else setInterval(pace, 10)
      },
      answered: (answers) => {
        open -= answers.length
        for (const { ok } of answers) {
          if (ok) answered += 1
          else errors += 1
        }
        if (perSecond === undefined) send(pipe, answers.length)
        if (open === 0 && (ending || asked >= commands)) tell()
      },
    })
    return pipe
  })
  const pace = () => {
    const due = Math.floor(((performance.now() - startedMs) / 1_000) * perSecond!) - asked
    for (const [at, pipe] of pipes.entries()) send(pipe, Math.floor(due / connections) + Number(at < due % connections))
    if (open === 0 && (ending || asked >= commands)) tell()
  }
  process.stdin.resume().on('end', () => {
    ending = true
  })
}

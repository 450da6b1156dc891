// The attacker of bench/fair.ts, a process of its own: it drives one service to its limits until it is told to end, and then prints what it was
// answered, as one JSON line.

import http2 from 'node:http2'
import { setTimeout as moment } from 'node:timers/promises'
import { script } from '../test/support/scripted.ts'
import type { Attack } from './fair-attacks.ts'
import { poster } from './fair-post.ts'

export interface AttackSeen {
  /** Commands and streams that were answered well, and those that failed or were refused. */
  readonly answered: number
  readonly failed: number
}

const { port, attack } = JSON.parse(process.argv[2]!) as { readonly port: number; readonly attack: Attack }
const post = poster(port)

let [answered, failed] = [0, 0]

/** One after the other, so many at once. */
function repeatedly(atOnce: number, one: (at: number) => Promise<boolean>): void {
  const again = async (at: number): Promise<void> => {
    for (let round = 0; ; round++) {
      if (await one(at + round * atOnce)) answered += 1
      else {
        failed += 1
        // Who is refused comes again, and leaves the core that clients share to the neighbour.
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

await attackers[attack]()
process.stdin.once('data', () => {
  console.log(JSON.stringify({ answered, failed } satisfies AttackSeen))
  process.exit(0)
})
process.stdout.write('attacks\n')

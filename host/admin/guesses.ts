// Guesses: wrong tokens, by the client's address. Each is answered later than the one before.
//
// T1. Each wrong one is answered 25 ms later than the one before it, after at most five seconds; an address that was quiet for ten minutes begins
//     anew, and so does everybody when the host starts.
// T2. A right token is never slowed, whoever guessed from its address: a neighbour behind the same proxy, or a process of the same machine, could
//     keep the operator out otherwise. So guessing is slowed for who waits for answers, and only the length of the token stops who does not.
// T3. At most `waitingMax` wait, and of one address `waitingOfOneMax`: the connection of one more is closed without an answer. At most `knownMax`
//     addresses are known; the one that was quiet longest is forgotten.
//
// Owns: counts and delays.   server.ts owns: the token and the answers.

import { clientOf } from '../in-flight.ts'

const laterMs = 25
const delayMsMax = 5_000
const quietMs = 600_000
const knownMax = 1_000
const waitingMax = 256
const waitingOfOneMax = 16

interface Known {
  count: number
  waiting: number
  lastMs: number
}

/** What becomes of a wrong one. */
interface Guess {
  readonly client: string
  /** Which one of its client it is. */
  readonly count: number
  /** Undefined: it is not answered at all. */
  readonly delayMs: number | undefined
}

export class Guesses {
  private readonly nowMs: () => number
  private readonly known = new Map<string, Known>()
  private waiting = 0
  /** All, ever. */
  total = 0

  constructor(nowMs: () => number = () => performance.now()) {
    this.nowMs = nowMs
  }

  /** One came in. Where it is answered, `answered` is called then. */
  wrong(address: string | undefined): Guess {
    const client = clientOf(address)
    const nowMs = this.nowMs()
    const before = this.known.get(client)
    const one = before !== undefined && nowMs - before.lastMs < quietMs ? before : { count: 0, waiting: 0, lastMs: 0 }
    one.count += 1
    one.lastMs = nowMs
    this.total += 1
    // The one that was quiet longest is first.
    this.known.delete(client)
    this.known.set(client, one)
    if (this.known.size > knownMax) this.known.delete(this.known.keys().next().value!)
    const { count } = one
    if (this.waiting >= waitingMax || one.waiting >= waitingOfOneMax) return { client, count, delayMs: undefined }
    one.waiting += 1
    this.waiting += 1
    return { client, count, delayMs: Math.min(delayMsMax, laterMs * count) }
  }

  answered({ client }: Guess): void {
    this.waiting -= 1
    const one = this.known.get(client)
    if (one !== undefined && one.waiting > 0) one.waiting -= 1
  }
}

// Line: a WebSocket that is opened again when it is lost, after a while that doubles.
//
// N1. One socket at a time; what an earlier one still says is not heard.
// N2. A try that does not come to a welcome counts as lost. The next one waits from `firstMs` to `longestMs`, and up to half of that more, by chance:
//     clients of a host that comes back do not come all at once.
// N3. Without a welcome for `patienceMs` its owner hears so, once, and tries go on only while it has something to send.
//
// Leaves to others: what is said on it (client.ts).

import { CallError } from './error.ts'
import { natives, type SocketLike } from './natives.ts'

export interface Lost {
  /** It makes no sense to try again. */
  readonly fatal: CallError | undefined
}

interface LineOwner {
  opened(): void
  message(bytes: Uint8Array): void
  lost(lost: Lost): void
  /** There was no connection for long; `reason` says so. */
  impatient(reason: string): void
}

const firstMs = 50
const longestMs = 5_000

/** What of a close is this side's mistake, and so would happen again. */
const mistakes: Readonly<Record<number, 'INVALID_ARGUMENT' | 'RESOURCE_EXHAUSTED'>> = {
  1007: 'INVALID_ARGUMENT',
  1008: 'RESOURCE_EXHAUSTED',
  1009: 'RESOURCE_EXHAUSTED',
}

export class Line {
  private readonly url: string
  private readonly make: new (
    url: string,
  ) => SocketLike
  private readonly patienceMs: number
  private readonly owner: LineOwner
  private socket: SocketLike | undefined
  private waitMs = firstMs
  private timer: unknown
  /** Runs while there is no welcome; undefined: there is one, or nobody waits. */
  private patience: unknown
  private ended = false

  constructor(url: string, make: new (url: string) => SocketLike, patienceMs: number, owner: LineOwner) {
    this.url = url
    this.make = make
    this.patienceMs = patienceMs
    this.owner = owner
    this.open()
  }

  /** There is something to send. */
  wake(): void {
    if (this.ended || this.socket !== undefined || this.timer !== undefined) return
    this.open()
  }

  welcomed(): void {
    this.waitMs = firstMs
    natives.clearTimeout(this.patience)
    this.patience = undefined
  }

  send(bytes: Uint8Array): void {
    this.socket?.send(bytes)
  }

  close(): void {
    this.ended = true
    natives.clearTimeout(this.timer)
    natives.clearTimeout(this.patience)
    const { socket } = this
    this.socket = undefined
    socket?.close()
  }

  private open(): void {
    this.timer = undefined
    this.patience ??= natives.setTimeout(() => this.impatient(), this.patienceMs)
    const socket = new this.make(this.url)
    this.socket = socket
    socket.binaryType = 'arraybuffer'
    const now = () => this.socket === socket
    socket.onopen = () => {
      if (now()) this.owner.opened()
    }
    socket.onmessage = ({ data }) => {
      if (now() && data instanceof ArrayBuffer) this.owner.message(new Uint8Array(data))
    }
    // A close follows, and says more.
    socket.onerror = () => {}
    socket.onclose = ({ code, reason }) => {
      if (now()) this.lost(code, reason)
    }
  }

  private lost(code: number, reason: string): void {
    this.socket = undefined
    const mistake = mistakes[code]
    if (mistake !== undefined) {
      this.owner.lost({
        fatal: new CallError(mistake, reason.replace(/^[A-Z_]+: /, '') || `the host closed with ${code}`),
      })
      return
    }
    this.patience ??= natives.setTimeout(() => this.impatient(), this.patienceMs)
    const waitMs = this.waitMs * (1 + Math.random() / 2)
    this.waitMs = Math.min(2 * this.waitMs, longestMs)
    this.timer = natives.setTimeout(() => this.open(), waitMs)
    this.owner.lost({ fatal: undefined })
  }

  private impatient(): void {
    this.patience = undefined
    natives.clearTimeout(this.timer)
    this.timer = undefined
    const { socket } = this
    this.socket = undefined
    socket?.close()
    this.waitMs = firstMs
    this.owner.impatient(`no host answered at ${this.url} for ${this.patienceMs} ms`)
  }
}

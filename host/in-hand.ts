// In hand: what the loop is doing, in memory that another thread can read while the loop is stuck.
//
//   0 turn        odd while one is in hand; counts up at its beginning and at its end
//   1..3 lengths  of service, method and entity, in bytes
//   4, 5 effect   id of the outbox entry that is being delivered (low and high 32 bits); 0: none
//   6 beats       counts up while the loop runs
//   from 32       texts, `textBytesMax` each: service, method, entity
//
// H1. Written by one thread, read by others. A reader that sees the same odd number before and after has read what is in hand.
// H2. Cheap enough for each turn: texts that have not changed are not written again.
//
// Owns: the bytes.   turns.ts owns: writing.   supervisor/watchdog.ts owns: reading, and what follows.

const headerInts = 8
const textsAt = headerInts * 4
const textBytesMax = 1_024

/** What has its turn: for the watchdog, and for the message about what held the loop. */
export interface InHand {
  readonly service: string
  readonly method: string
  /** Outward id; empty for actions. */
  readonly entity: string
  /** Id of the outbox entry that is being delivered; 0: none. */
  readonly effect: number
}

export interface Seen extends InHand {
  readonly turn: number
}

const encoder = new TextEncoder()

/** What held the loop, and when that was found, in milliseconds since 1970. */
export interface Act {
  readonly held: InHand
  readonly atMs: number
}

export class InHandMemory {
  readonly buffer: SharedArrayBuffer
  private readonly header: Int32Array
  private readonly texts: readonly Uint8Array[]
  private readonly last = ['', '', '']

  constructor(buffer = new SharedArrayBuffer(textsAt + 3 * textBytesMax)) {
    this.buffer = buffer
    this.header = new Int32Array(buffer, 0, headerInts)
    this.texts = this.last.map((_, at) => new Uint8Array(buffer, textsAt + at * textBytesMax, textBytesMax))
  }

  begin(service: string, method: string, entity: string, effect: number): void {
    this.write(0, service)
    this.write(1, method)
    this.write(2, entity)
    this.header[4] = effect | 0
    this.header[5] = Math.floor(effect / 0x1_0000_0000)
    Atomics.add(this.header, 0, 1)
  }

  end(): void {
    Atomics.add(this.header, 0, 1)
  }

  /** The loop runs. */
  beat(): void {
    Atomics.add(this.header, 6, 1)
  }

  get beats(): number {
    return Atomics.load(this.header, 6)
  }

  /** Undefined: nothing is in hand, or it changed meanwhile. */
  read(): Seen | undefined {
    const turn = Atomics.load(this.header, 0)
    if ((turn & 1) === 0) return undefined
    const seen = {
      turn,
      service: this.text(0),
      method: this.text(1),
      entity: this.text(2),
      effect: (this.header[4]! >>> 0) + this.header[5]! * 0x1_0000_0000,
    }
    return Atomics.load(this.header, 0) === turn ? seen : undefined
  }

  private write(at: number, text: string): void {
    if (this.last[at] === text) return
    this.last[at] = text
    this.header[1 + at] = encoder.encodeInto(text, this.texts[at]!).written
  }

  private text(at: number): string {
    const length = Math.min(this.header[1 + at]!, textBytesMax)
    // A copy: decoders refuse shared memory.
    return Buffer.from(this.texts[at]!.slice(0, length)).toString('utf8')
  }
}

/** How often a service held the loop until it was ended from outside, and with what the last time. */
export interface Strikes {
  readonly count: number
  /** In milliseconds since 1970. */
  readonly atMs: number
  readonly held: InHand
  /** Number of the deployment that did: another one begins without strikes. */
  readonly deployment: number
}

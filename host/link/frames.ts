// Frames: how the host and the linking process speak over pipes.
//
//   frame     kind (u8) · length (u32, little-endian) · body
//   request   head · component           head: length (u32) · JSON
//   step      text
//   refused   JSON: a list of reasons
//   linked    head · modules · descriptors, one after the other
//
// F1. A body is bounded by its kind before a byte of it is kept. What comes from the process is a stranger's.
//
// It is JSON and bytes, not the engine's own serialization: that makes anything of itself when it is read.
//
// Owns: the framing.   answer.ts owns: what a linked component looks like in it.

export const kinds = { request: 0, step: 1, refused: 2, linked: 3 } as const

const headBytes = 5

/** What was sent is not what it has to be. "It" in a message is who sent it. */
export class FrameError extends Error {}

/** The frame, in pieces to be written one after the other. */
export function frame(kind: number, ...parts: readonly Uint8Array[]): Uint8Array[] {
  const head = new Uint8Array(headBytes)
  const view = new DataView(head.buffer)
  view.setUint8(0, kind)
  view.setUint32(
    1,
    parts.reduce((sum, { length }) => sum + length, 0),
    true,
  )
  return [head, ...parts]
}

/** A head: JSON with its length before it. */
export function headed(json: unknown): Uint8Array {
  const text = Buffer.from(JSON.stringify(json))
  const length = Buffer.alloc(4)
  length.writeUInt32LE(text.length)
  return Buffer.concat([length, text])
}

/** The head of a body and what follows. @throws FrameError, SyntaxError */
export function behead(body: Uint8Array, headMax: number): { readonly head: unknown; readonly rest: Uint8Array } {
  const length =
    body.length < 4 ? Number.POSITIVE_INFINITY : new DataView(body.buffer, body.byteOffset).getUint32(0, true)
  if (length > Math.min(headMax, body.length - 4)) throw new FrameError(`it answered with a head of ${length} bytes`)
  const text = Buffer.from(body.buffer, body.byteOffset + 4, length).toString('utf8')
  return { head: JSON.parse(text) as unknown, rest: body.subarray(4 + length) }
}

export class FrameReader {
  readonly #most: ReadonlyMap<number, number>
  readonly #each: (kind: number, body: Uint8Array<ArrayBuffer>) => void
  #chunks: Uint8Array[] = []
  #held = 0
  /** Kind and length of the frame that is coming in. */
  #coming: { readonly kind: number; readonly length: number } | undefined

  /** @param most bytes of a body, by kind; other kinds are refused */
  constructor(most: ReadonlyMap<number, number>, each: (kind: number, body: Uint8Array<ArrayBuffer>) => void) {
    this.#most = most
    this.#each = each
  }

  /** @throws FrameError, after which nothing more may be pushed */
  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk)
    this.#held += chunk.length
    for (;;) {
      if (this.#coming === undefined) {
        if (this.#held < headBytes) return
        this.#coming = this.#head(this.#take(headBytes))
      }
      const { kind, length } = this.#coming
      if (this.#held < length) return
      this.#coming = undefined
      this.#each(kind, this.#take(length))
    }
  }

  #head(bytes: Uint8Array): { readonly kind: number; readonly length: number } {
    const view = new DataView(bytes.buffer, bytes.byteOffset)
    const kind = view.getUint8(0)
    const length = view.getUint32(1, true)
    const most = this.#most.get(kind)
    if (most === undefined) throw new FrameError(`it sent an answer of an unknown kind (${kind})`)
    if (length > most) throw new FrameError(`it answered with ${length} bytes, ${most} are allowed`)
    return { kind, length }
  }

  /** The first bytes of those held, on their own. */
  #take(length: number): Uint8Array<ArrayBuffer> {
    const all = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks)
    this.#chunks = all.length === length ? [] : [all.subarray(length)]
    this.#held -= length
    return new Uint8Array(all.subarray(0, length))
  }
}

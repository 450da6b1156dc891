// Envelope: gRPC's 5-byte frames over HTTP/1.1, and the base64 in which gRPC-Web may wrap them.
//
// E1. A message longer than allowed is refused by its header, before its bytes are kept.
// E2. Chunks may end anywhere; base64 may be padded anywhere, since clients encode piece by piece.

import { InnkeeperError } from '../errors.ts'
import { Growing } from '../growing.ts'
import { keepable } from '../keepable.ts'

export const trailerFlag = 0x80
const headerBytes = 5

export interface Frame {
  readonly flags: number
  readonly payload: Buffer
}

export class FrameReader {
  private readonly bytesMax: number
  private readonly came = new Growing()

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax
  }

  push(chunk: Buffer): void {
    if (chunk.length > 0) this.came.push(chunk)
  }

  /** Bytes of frames that were not taken, complete or not. */
  get size(): number {
    return this.came.length
  }

  get empty(): boolean {
    return this.size === 0
  }

  clear(): void {
    this.came.clear()
  }

  /** The next frame if it is complete. @throws InnkeeperError `message_too_large` */
  next(): Frame | undefined {
    const { came } = this
    if (came.length < headerBytes) return undefined
    const first = came.bytes
    const length = first.readUInt32BE(1)
    if (length > this.bytesMax)
      throw new InnkeeperError('message_too_large', `the message has ${length} bytes, ${this.bytesMax} are allowed`)
    const end = headerBytes + length
    if (came.length < end) return undefined
    const whole = came.shift(end)
    const payload = whole.subarray(headerBytes)
    // A small message must not keep a large piece.
    return { flags: whole[0]!, payload: keepable(payload) }
  }
}

export function frame(flags: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(headerBytes + payload.length)
  bytes[0] = flags
  bytes.writeUInt32BE(payload.length, 1)
  bytes.set(payload, headerBytes)
  return bytes
}

export class Base64Reader {
  /** Less than four characters. */
  private rest = ''

  get empty(): boolean {
    return this.rest === ''
  }

  /** @throws InnkeeperError `bad_request` */
  push(chunk: Buffer): Buffer {
    const text = this.rest + chunk.toString('latin1')
    const end = text.length - (text.length % 4)
    this.rest = text.slice(end)
    const parts: Buffer[] = []
    for (let at = 0; at < end; ) {
      const padding = text.indexOf('=', at)
      // To the end of the group of four in which the padding stands.
      const partEnd = padding === -1 || padding >= end ? end : padding - (padding % 4) + 4
      const part = text.slice(at, partEnd)
      if (!/^[A-Za-z0-9+/]*={0,2}$/.test(part)) throw new InnkeeperError('bad_request', 'the body is not base64')
      parts.push(Buffer.from(part, 'base64'))
      at = partEnd
    }
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
  }
}

// Envelope: gRPC's 5-byte frames over HTTP/1.1, and the base64 in which gRPC-Web may wrap them.
//
// E1. A message longer than allowed is refused by its header, before its bytes are kept.
// E2. Chunks may end anywhere; base64 may be padded anywhere, since clients encode piece by piece.

import { InnkeeperError } from '../errors.ts'

export const trailerFlag = 0x80
const headerBytes = 5

export interface Frame {
  readonly flags: number
  readonly payload: Buffer
}

export class FrameReader {
  private readonly bytesMax: number
  private chunks: Buffer[] = []
  private size = 0

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return
    this.chunks.push(chunk)
    this.size += chunk.length
  }

  /** Nothing is left, not even a part. */
  get empty(): boolean {
    return this.size === 0
  }

  /** The next frame if it is complete. @throws InnkeeperError `message_too_large` */
  next(): Frame | undefined {
    if (this.size < headerBytes) return undefined
    if (this.chunks[0]!.length < headerBytes) this.join()
    const first = this.chunks[0]!
    const length = first.readUInt32BE(1)
    if (length > this.bytesMax)
      throw new InnkeeperError('message_too_large', `the message has ${length} bytes, ${this.bytesMax} are allowed`)
    const end = headerBytes + length
    if (this.size < end) return undefined
    if (first.length < end) this.join()
    const all = this.chunks[0]!
    if (all.length === end) this.chunks.shift()
    else this.chunks[0] = all.subarray(end)
    this.size -= end
    return { flags: all[0]!, payload: all.subarray(headerBytes, end) }
  }

  private join(): void {
    this.chunks = [Buffer.concat(this.chunks)]
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

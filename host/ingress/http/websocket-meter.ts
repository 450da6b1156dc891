// WebSocket meter: how much of a message that is not whole yet has come on a WebSocket. `ws` keeps those bytes and does not say how many they are.
//
// Reads only lengths and ends of frames: what is no frame is found by `ws`, which ends the connection then.

const finBit = 0x80
const maskBit = 0x80
const firstOfControl = 8

export class MessageMeter {
  private readonly head = Buffer.alloc(14)
  private headSize = 0
  private headLength = 2
  /** Bytes of the frame that are still to come. */
  private left = 0
  private partial = 0

  /** Bytes of the incomplete message with this chunk. */
  came(chunk: Buffer): number {
    for (let at = 0; at < chunk.length; ) {
      if (this.left === 0 || this.headSize < this.headLength) {
        this.head[this.headSize++] = chunk[at++]!
        this.partial += 1
        if (this.headSize === 2) this.headLength = headLength(this.head[1]!)
        if (this.headSize < this.headLength) continue
        this.left = this.length()
      } else {
        const count = Math.min(this.left, chunk.length - at)
        this.left -= count
        this.partial += count
        at += count
      }
      if (this.left === 0) this.ended()
    }
    return this.partial
  }

  private length(): number {
    const short = this.head[1]! & 127
    if (short < 126) return short
    return short === 126 ? this.head.readUInt16BE(2) : Number(this.head.readBigUInt64BE(2))
  }

  /** Frames of control may stand among those of a message. */
  private ended(): void {
    const first = this.head[0]!
    const control = (first & 15) >= firstOfControl
    if (control) this.partial -= this.headLength + (this.head[1]! & 127)
    else if ((first & finBit) !== 0) this.partial = 0
    this.headSize = 0
    this.headLength = 2
  }
}

function headLength(second: number): number {
  const short = second & 127
  return 2 + (short === 126 ? 2 : short === 127 ? 8 : 0) + ((second & maskBit) === 0 ? 0 : 4)
}

// Pipe: one WebSocket of pipelined commands, written on the socket itself, so that a client takes little of the machine.
//
// All commands go to one method. What is answered together is told together, so that it can be asked again in one frame.

import net from 'node:net'

export interface Asked {
  readonly payload: Buffer
  readonly idempotencyKey?: string
}

export interface Answered {
  readonly ms: number
  readonly ok: boolean
}

interface PipeOptions {
  readonly port: number
  readonly service: string
  readonly method: string
  readonly opened: () => void
  readonly answered: (answers: readonly Answered[]) => void
}

const opening = [
  'upgrade: websocket',
  'connection: Upgrade',
  'sec-websocket-version: 13',
  'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==',
]

export class Pipe {
  private readonly options: PipeOptions
  private readonly socket: net.Socket
  private readonly sentMs = new Map<number, number>()
  /** Where the first command of a frame goes; those behind it go there too. */
  private readonly target: Buffer
  private next = 1
  private rest: Buffer = Buffer.alloc(0)
  private open = false

  constructor(options: PipeOptions) {
    const { port, service, method } = options
    this.options = options
    this.target = Buffer.concat([field(18, Buffer.from(service)), field(26, Buffer.from(method))])
    this.socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
    this.socket.on('connect', () =>
      this.socket.write(
        ['GET /v1/commands HTTP/1.1', `host: 127.0.0.1:${port}`, ...opening, '', ''].join('\r\n'),
        'latin1',
      ),
    )
    this.socket.on('data', (chunk) => this.received(chunk))
    this.socket.on('error', (error) => failed(error.message))
  }

  /** One frame. */
  send(commands: readonly Asked[]): void {
    const parts: Buffer[] = []
    const now = performance.now()
    for (const [at, { payload, idempotencyKey }] of commands.entries()) {
      const id = this.next++
      this.sentMs.set(id, now)
      const command = [Buffer.from([8, ...varint(id)]), field(34, payload)]
      if (at === 0) command.push(this.target)
      if (idempotencyKey !== undefined) command.push(field(50, Buffer.from(idempotencyKey)))
      const length = command.reduce((bytes, part) => bytes + part.length, 0)
      parts.push(Buffer.from([18, ...varint(length)]), ...command)
    }
    this.socket.write(message(parts))
  }

  close(): void {
    this.socket.destroy()
  }

  private received(chunk: Buffer): void {
    this.rest = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk])
    if (!this.open && !this.opened()) return
    for (let frame = this.frame(); frame !== undefined; frame = this.frame()) {
      const answers = this.answersIn(frame)
      if (answers.length > 0) this.options.answered(answers)
    }
  }

  private opened(): boolean {
    const head = this.rest.indexOf('\r\n\r\n')
    if (head === -1) return false
    this.rest = this.rest.subarray(head + 4)
    this.open = true
    this.socket.write(message([Buffer.from([10, 2, 8, 1])]))
    this.options.opened()
    return true
  }

  /** The next whole message. */
  private frame(): Buffer | undefined {
    const { rest } = this
    if (rest.length < 2) return undefined
    const short = rest[1]! & 127
    const head = short === 126 ? 4 : short === 127 ? 10 : 2
    if (rest.length < head) return undefined
    const length = short === 126 ? rest.readUInt16BE(2) : short === 127 ? Number(rest.readBigUInt64BE(2)) : short
    if (rest.length < head + length) return undefined
    const frame = rest.subarray(head, head + length)
    if ((rest[0]! & 15) === 8) failed(`closed: ${frame.readUInt16BE(0)} ${frame.toString('utf8', 2)}`)
    this.rest = rest.subarray(head + length)
    return frame
  }

  private answersIn(frame: Buffer): readonly Answered[] {
    const answers: Answered[] = []
    const now = performance.now()
    for (let at = 0; at < frame.length; ) {
      const tag = frame[at++]!
      const [length, from] = readVarint(frame, at)
      at = from + length
      if (tag !== 18) continue
      const [id, behind] = readVarint(frame, from + 1)
      answers.push({ ms: now - this.sentMs.get(id)!, ok: frame[behind] === 18 })
      this.sentMs.delete(id)
    }
    return answers
  }
}

function failed(message: string): never {
  console.error(message)
  process.exit(1)
}

function readVarint(frame: Buffer, at: number): readonly [value: number, behind: number] {
  let value = 0
  for (let factor = 1; ; factor *= 128) {
    const byte = frame[at++]!
    value += (byte & 127) * factor
    if (byte < 128) return [value, at]
  }
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))]
}

export function field(tag: number, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([tag, ...varint(bytes.length)]), bytes])
}

/** A binary message with a mask of zeros, which leaves its bytes as they are. */
function message(parts: readonly Buffer[]): Buffer {
  const length = parts.reduce((bytes, part) => bytes + part.length, 0)
  const head = Buffer.alloc(length < 126 ? 6 : length < 65_536 ? 8 : 14)
  head[0] = 0x82
  if (length < 126) head[1] = 0x80 | length
  else if (length < 65_536) {
    head[1] = 0x80 | 126
    head.writeUInt16BE(length, 2)
  } else {
    head[1] = 0x80 | 127
    head.writeBigUInt64BE(BigInt(length), 2)
  }
  return Buffer.concat([head, ...parts])
}

// Own streams: answers that the host itself streams over gRPC (reflection, health), to clients that may not read them.
//
// O1. One answer of a stream is on its way; the next is not made before the client has taken it.
// O2. What one connection has not taken, over all its streams, is at most `unreadBytesMax`, or one answer. A stream that would go past it
//     ends with RESOURCE_EXHAUSTED.
// O3. They count among the open streams of the host (`streamsMax`).
//
// Leaves to others: what is answered (reflection.ts, health.ts).

import type { ServerDuplexStream, ServerWritableStream } from '@grpc/grpc-js'
import { InnkeeperError, toInnkeeperError, wire } from '../errors.ts'
import { written } from '../written.ts'
import type { IngressContext } from './context.ts'
import { addressOf } from './grpc-call.ts'
import type { Streams } from './stream.ts'

type Call = ServerWritableStream<Buffer, Buffer> | ServerDuplexStream<Buffer, Buffer>

export class OwnStreams {
  private readonly context: Pick<IngressContext, 'limits'>
  private readonly streams: Pick<Streams, 'enter'>
  /** By connection. */
  private readonly unread = new Map<string, number>()

  constructor(context: Pick<IngressContext, 'limits'>, streams: Pick<Streams, 'enter'>) {
    this.context = context
    this.streams = streams
  }

  /** Undefined where there are too many; the call has ended then. */
  open(service: string, call: Call): OwnStream | undefined {
    try {
      const leave = this.streams.enter(service, addressOf(call))
      // After the last byte of the answer, or when the client is gone; always once.
      call.on('cancelled', leave)
    } catch (thrown) {
      fail(call, toInnkeeperError(thrown))
      return undefined
    }
    return new OwnStream(call, this)
  }

  /** @throws InnkeeperError `overloaded` */
  take(connection: string, bytes: number): void {
    const before = this.unread.get(connection) ?? 0
    const { unreadBytesMax } = this.context.limits
    if (before > 0 && before + bytes > unreadBytesMax)
      throw new InnkeeperError(
        'overloaded',
        `the connection has ${before} bytes to read first; read them, then ask again`,
      )
    this.unread.set(connection, before + bytes)
  }

  give(connection: string, bytes: number): void {
    const left = (this.unread.get(connection) ?? 0) - bytes
    if (left > 0) this.unread.set(connection, left)
    else this.unread.delete(connection)
  }
}

export class OwnStream {
  private readonly call: Call
  private readonly owner: OwnStreams
  private readonly connection: string
  private over = false

  constructor(call: Call, owner: OwnStreams) {
    this.call = call
    this.owner = owner
    this.connection = call.getPeer()
    call.on('cancelled', () => {
      this.over = true
    })
  }

  get ended(): boolean {
    return this.over
  }

  /** Resolves when the client has taken it: true, if it wants more. To be called when the one before has resolved. */
  async write(answer: Buffer): Promise<boolean> {
    if (this.over) return false
    const { owner, connection } = this
    try {
      owner.take(connection, answer.length)
    } catch (thrown) {
      this.fail(toInnkeeperError(thrown))
      return false
    }
    try {
      return await written(this.call, answer)
    } finally {
      owner.give(connection, answer.length)
    }
  }

  end(): void {
    if (!this.over) this.call.end()
    this.over = true
  }

  fail(error: InnkeeperError): void {
    if (!this.over) fail(this.call, error)
    this.over = true
  }
}

function fail(call: Call, { code, message }: InnkeeperError): void {
  call.emit('error', { code: wire[code].grpc, details: message })
}

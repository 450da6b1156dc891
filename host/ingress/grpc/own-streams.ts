// Own streams: answers that the host itself streams over gRPC (reflection, health), to clients that may not read them.
//
// O1. One answer of a stream is on its way; the next is not made before the client has taken it.
// O2. They count among the open streams of the host (`streamsMax`), and their bytes in flight (sessions.ts).
//
// Leaves to others: what is answered (reflection.ts, health.ts).

import type { ServerDuplexStream, ServerWritableStream } from '@grpc/grpc-js'
import type { InnkeeperError } from '../../errors.ts'
import { toInnkeeperError } from '../../errors.ts'
import { written } from '../../written.ts'
import type { Door } from '../door.ts'
import type { GrpcFlow } from './sessions.ts'
import { flowOf } from './sessions.ts'
import { plainStatus } from './status.ts'

type Call = ServerWritableStream<Buffer, Buffer> | ServerDuplexStream<Buffer, Buffer>

export class OwnStreams {
  private readonly door: Pick<Door, 'enter'>

  constructor(door: Pick<Door, 'enter'>) {
    this.door = door
  }

  /** Undefined where there are too many; the call has ended then. */
  open(service: string, call: Call): OwnStream | undefined {
    try {
      const leave = this.door.enter(service, flowOf(call).client)
      // After the last byte of the answer, or when the client is gone; always once.
      call.on('cancelled', leave)
    } catch (thrown) {
      fail(call, toInnkeeperError(thrown))
      return undefined
    }
    return new OwnStream(call)
  }
}

export class OwnStream {
  private readonly call: Call
  private readonly flow: GrpcFlow
  private over = false

  constructor(call: Call) {
    this.call = call
    this.flow = flowOf(call)
    this.flow.opened()
    call.on('cancelled', () => {
      this.over = true
    })
  }

  get ended(): boolean {
    return this.over
  }

  /** A request of it was read. */
  taken(): void {
    this.flow.messageTaken()
  }

  /** Resolves when the client has taken it: true, if it wants more. To be called when the one before has resolved. */
  async write(answer: Buffer): Promise<boolean> {
    return !this.over && (await written(this.call, answer))
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

function fail(call: Call, error: InnkeeperError): void {
  call.emit('error', plainStatus(error))
}

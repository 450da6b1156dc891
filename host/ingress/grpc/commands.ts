// Commands: streams of pipelined commands over gRPC, `innkeeper.v1.Commands/Stream`: a message is a frame.
//
// Owns: grpc-js' stream.   commands/pipe.ts owns: the commands.

import type { Server, ServerDuplexStream } from '@grpc/grpc-js'
import { type InnkeeperError, toInnkeeperError } from '../../errors.ts'
import { Writer } from '../../written.ts'
import type { Pipe, PipeWire } from '../commands/pipe.ts'
import { commandsService, type Pipes } from '../commands/pipes.ts'
import { givenId } from './headers.ts'
import { InputGate } from './input-gate.ts'
import { flowOf, type GrpcFlow } from './sessions.ts'
import { failureStatus, trailerOf } from './status.ts'

type Call = ServerDuplexStream<Buffer, Buffer>

const same = (bytes: Buffer): Buffer => bytes

export function registerCommands(server: Server, pipes: Pipes): void {
  const { door } = pipes
  const handle = (call: Call) => {
    const requestId = door.requestId(givenId(call))
    let leave: (() => void) | undefined
    // After the last byte of the answer, or when the client or its connection is gone; always once.
    call.on('cancelled', () => leave?.())
    try {
      leave = door.enter(commandsService, flowOf(call).client)
      door.checkReady()
      new CommandCall(pipes, call, requestId).start()
    } catch (thrown) {
      fail(call, toInnkeeperError(thrown), requestId)
      call.resume()
    }
  }
  server.register(`/${commandsService}/Stream`, handle, same, same, 'bidi')
}

class CommandCall implements PipeWire {
  private readonly call: Call
  private readonly requestId: string
  private readonly flow: GrpcFlow
  private readonly gate: InputGate
  private readonly writer: Writer
  private readonly pipe: Pipe

  constructor(pipes: Pipes, call: Call, requestId: string) {
    this.call = call
    this.requestId = requestId
    this.flow = flowOf(call)
    this.gate = new InputGate(call)
    this.writer = new Writer(call, undefined, () => this.gate.release())
    const { client } = this.flow
    this.pipe = pipes.begin({ wire: this, requestId, client, begin: (cut) => this.flow.begin(cut) })
  }

  start(): void {
    const { call, flow, pipe } = this
    flow.opened()
    call.on('cancelled', () => pipe.gone())
    call.on('data', (frame: Buffer) => {
      flow.messageTaken()
      pipe.came(frame, false)
    })
    // A client that resets the stream ends its input too, and grpc-js says so before it says that the call is cancelled.
    call.on('end', () => setImmediate(() => pipe.halfClose()))
  }

  send(answers: Uint8Array): void {
    this.writer.write(Buffer.from(answers.buffer, answers.byteOffset, answers.length))
    // Who does not read its answers is not read from.
    if (!this.writer.ready) this.gate.hold()
  }

  end(error: InnkeeperError | undefined): void {
    this.gate.release()
    if (error === undefined) this.call.end(trailerOf(this.requestId))
    else fail(this.call, error, this.requestId)
  }
}

/** After what was written before. */
function fail(call: Call, error: InnkeeperError, requestId: string): void {
  call.emit('error', failureStatus({ kind: 'error', error }, requestId))
}

// gRPC streams: methods whose request or answer streams, in all three shapes.
//
// G1. grpc-js knows all of them as bidi: the handler runs when the call begins, so that a client that never half-closes is
//     counted, and a cancel always finds somebody to tell (decision 0010).
// G2. While the host takes no more input nothing is read: HTTP/2 flow control stops the client. At most one element waits.
// G3. `ready` is what `Writer` says of what HTTP/2 has not taken.
//
// Owns: grpc-js' stream.   stream.ts owns: what may be called when.

import type { handleBidiStreamingCall, ServerDuplexStream } from '@grpc/grpc-js'
import type { Failed } from '../../command.ts'
import type { Commits } from '../../commits.ts'
import { InnkeeperError } from '../../errors.ts'
import { type Metadata, noMetadata } from '../../metadata.ts'
import type { MethodType } from '../../schema/schema.ts'
import { Writer } from '../../written.ts'
import type { IngressContext } from '../context.ts'
import type { Door } from '../door.ts'
import type { Stream, Wire } from '../stream.ts'
import { deadlineOf, givenId, givenKey, metadataOf, outgoingMetadata } from './headers.ts'
import { InputGate } from './input-gate.ts'
import type { GrpcFlow } from './sessions.ts'
import { flowOf } from './sessions.ts'
import { failureStatus, trailerOf } from './status.ts'

type Call = ServerDuplexStream<Buffer, Buffer>

export function streaming(
  context: IngressContext,
  door: Door,
  service: string,
  method: string,
): handleBidiStreamingCall<Buffer, Buffer> {
  return (call) => {
    const requestId = door.requestId(givenId(call))
    let leave: (() => void) | undefined
    // After the last byte of the answer, or when the client or its connection is gone; always once.
    call.on('cancelled', () => leave?.())
    try {
      leave = door.enter(service, flowOf(call).client)
      door.checkReady()
      const type = context.services.get(service)?.methods.get(method)?.type
      if (type === undefined) throw context.services.missing(service, method)
      new GrpcStream(door, call, service, type, requestId).start()
    } catch (thrown) {
      fail(call, { kind: 'error', error: door.failure(thrown, requestId) }, requestId)
      call.resume()
    }
  }
}

class GrpcStream implements Wire {
  private readonly call: Call
  private readonly method: MethodType
  private readonly requestId: string
  private readonly stream: Stream
  private readonly flow: GrpcFlow
  private readonly writer: Writer
  private readonly gate: InputGate
  /** The request of a method that takes one message, until the client half-closes. */
  private request: Buffer | undefined
  /** What the headers tell of. */
  private headed: Commits | undefined

  constructor(door: Door, call: Call, service: string, method: MethodType, requestId: string) {
    this.call = call
    this.gate = new InputGate(call)
    this.flow = flowOf(call)
    this.writer = new Writer(call, undefined, () => this.stream.resume())
    this.method = method
    this.requestId = requestId
    const command = door.admit({
      service,
      method: method.name,
      streamed: true,
      metadata: metadataOf(call),
      metadataName: 'metadata',
      idempotencyKey: givenKey(call),
      deadlineMs: deadlineOf(call),
      requestId,
      client: this.flow.client,
    })
    this.stream = door.stream(this, command, method)
  }

  start(): void {
    const { call, stream, method } = this
    call.on('cancelled', () => stream.cancel())
    if (method.clientStreaming) {
      this.flow.opened()
      stream.open()
      call.on('data', (element: Buffer) => this.take(element))
      // A client that resets the stream ends its input too, and grpc-js says so before it says that the call is cancelled.
      call.on('end', () => setImmediate(() => stream.halfClose()))
      return
    }
    let refused = false
    call.on('data', (element: Buffer) => {
      if (this.request === undefined) this.request = element
      else refused = true
    })
    call.on('end', () => {
      if (call.cancelled) return
      this.flow.opened(this.request)
      if (this.request !== undefined && !refused) stream.open(this.request)
      else fail(call, oneExpected(this.request !== undefined), this.requestId)
      this.request = undefined
    })
  }

  private take(element: Buffer): void {
    this.flow.messageTaken()
    // Held before the host is asked: it may take the element, and say so, before it answers.
    this.gate.hold()
    if (this.stream.item(element)) this.inputTaken()
  }

  inputTaken(): void {
    this.gate.release()
  }

  get ready(): boolean {
    return this.writer.ready
  }

  element(payload: Uint8Array, metadata: Metadata, first: boolean, commits: Commits | undefined): void {
    if (first && !this.method.clientStreaming) this.flow.answering()
    if (first) this.head(metadata, commits)
    this.writer.write(Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength))
  }

  owes(bytes: number): void {
    this.flow.owes(bytes)
  }

  end(failed: Failed | undefined, started: boolean, commits: Commits | undefined): void {
    const { call, requestId } = this
    if (!started) this.head(failed?.kind === 'refusal' ? failed.metadata : noMetadata, commits)
    const more = commits === this.headed ? undefined : commits
    if (failed === undefined) call.end(trailerOf(requestId, more))
    else fail(call, failed, requestId, more)
  }

  private head(metadata: Metadata, commits: Commits | undefined): void {
    this.headed = commits
    const headers = outgoingMetadata(metadata, commits)
    if (headers !== undefined) this.call.sendMetadata(headers)
  }
}

/** After what was written before. */
function fail(call: Call, failed: Failed, requestId: string, commits?: Commits): void {
  call.emit('error', failureStatus(failed, requestId, commits))
}

function oneExpected(several: boolean): Failed {
  const message = `the method takes one message, ${several ? 'several' : 'none'} came`
  return { kind: 'error', error: new InnkeeperError('unimplemented', message) }
}

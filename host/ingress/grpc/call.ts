// gRPC call: one that is answered once. Its message and metadata go to the door, its answer becomes a message or a status.
//
// Owns: grpc-js' unary call.   door.ts owns: the command.   stream.ts owns: calls that stream.

import type { handleUnaryCall, ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js'
import type { Answer } from '../../command.ts'
import { type Metadata, noMetadata } from '../../metadata.ts'
import type { Caller, Door } from '../door.ts'
import type { PlainCall } from '../plain-call.ts'
import { deadlineOf, givenId, givenKey, metadataOf, outgoingMetadata } from './headers.ts'
import type { GrpcFlow } from './sessions.ts'
import { flowOf } from './sessions.ts'
import { failureStatus, trailerOf } from './status.ts'

export function unary(door: Door, service: string, method: string): handleUnaryCall<Buffer, Buffer> {
  return (call, callback) => {
    const grpc = new GrpcCall(door, call, callback, service, method)
    try {
      door.checkReady()
      door.call(door.admit(grpc), call.request, grpc)
    } catch (error) {
      grpc.fail(error)
    }
  }
}

class GrpcCall implements PlainCall, Caller {
  readonly service: string
  readonly method: string
  readonly requestId: string
  readonly startedMs: number
  private readonly door: Door
  private readonly call: ServerUnaryCall<Buffer, Buffer>
  private readonly callback: sendUnaryData<Buffer>
  private readonly flow: GrpcFlow

  constructor(
    door: Door,
    call: ServerUnaryCall<Buffer, Buffer>,
    callback: sendUnaryData<Buffer>,
    service: string,
    method: string,
  ) {
    this.door = door
    this.call = call
    this.callback = callback
    this.service = service
    this.method = method
    this.flow = flowOf(call)
    this.startedMs = this.flow.cameMs
    this.flow.opened(call.request)
    this.requestId = door.requestId(givenId(call))
  }

  get streamed(): boolean {
    return false
  }

  get metadata(): Metadata {
    return metadataOf(this.call)
  }

  get metadataName(): 'metadata' {
    return 'metadata'
  }

  get idempotencyKey(): string | readonly string[] | undefined {
    return givenKey(this.call)
  }

  get deadlineMs(): number {
    return deadlineOf(this.call)
  }

  get client(): string {
    return this.flow.client
  }

  /** grpc-js has it when its last byte came. */
  get wholeMs(): number {
    return this.startedMs
  }

  fail(thrown: unknown): void {
    const error = this.door.failure(thrown, this.requestId)
    this.callback(failureStatus({ kind: 'error', error }, this.requestId))
  }

  answered(answer: Answer): void {
    const { call, callback, requestId } = this
    const headers = outgoingMetadata(answer.kind === 'error' ? noMetadata : answer.metadata, answer.commits)
    if (headers !== undefined) call.sendMetadata(headers)
    if (answer.kind !== 'reply') {
      callback(failureStatus(answer, requestId))
      return
    }
    const { buffer, byteOffset, byteLength } = answer.payload
    callback(null, Buffer.from(buffer, byteOffset, byteLength), trailerOf(requestId))
  }

  whenTold(then: () => void): void {
    this.flow.whenClosed(then)
  }
}

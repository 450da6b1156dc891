// gRPC call: what unary and streaming handlers share: metadata in and out, the deadline, and how a failure looks.

import type { ServerDuplexStream, ServerUnaryCall } from '@grpc/grpc-js'
import { Metadata as GrpcMetadata } from '@grpc/grpc-js'
import type { Failed } from '../command.ts'
import { wire } from '../errors.ts'
import type { Metadata } from '../metadata.ts'
import { checkMetadata, idempotencyKey, requestIdOf } from './call.ts'
import type { IngressContext } from './context.ts'
import { metadataFromGrpc, replyMetadata } from './headers.ts'
import { statusDetails } from './status.ts'

export type GrpcCall = ServerUnaryCall<Buffer, Buffer> | ServerDuplexStream<Buffer, Buffer>

export function grpcRequestId(call: GrpcCall, context: IngressContext): string {
  return requestIdOf(call.metadata.get('x-request-id')[0], context)
}

/** @throws InnkeeperError `metadata_too_large` */
export function incomingMetadata(call: GrpcCall, context: IngressContext): Metadata {
  return checkMetadata(metadataFromGrpc(pairs(call.metadata)), context.limits.metadataBytesMax, 'metadata')
}

/** @throws InnkeeperError `bad_request` */
export function incomingKey(call: GrpcCall, context: IngressContext): string | undefined {
  const values = call.metadata.get('idempotency-key')
  if (values.length === 0) return undefined
  const key = values.length === 1 ? String(values[0]) : values.map(String)
  return idempotencyKey(key, context.limits.nameLengthMax)
}

/** Milliseconds since 1970; infinite without `grpc-timeout`. */
export function deadlineOf(call: GrpcCall): number {
  const given = call.getDeadline()
  return given instanceof Date ? given.getTime() : given
}

/** Initial metadata from that of the (first) reply; undefined where there is none. */
export function outgoingMetadata(metadata: Metadata): GrpcMetadata | undefined {
  if (metadata.length === 0) return undefined
  const result = new GrpcMetadata()
  for (const [name, value] of replyMetadata(metadata)) result.add(name, value)
  return result
}

export function trailerOf(requestId: string): GrpcMetadata {
  const trailer = new GrpcMetadata()
  trailer.set('x-request-id', requestId)
  return trailer
}

/** The status of a failed call, as grpc-js takes it. */
export function failureStatus(
  failed: Failed,
  requestId: string,
): { code: number; details: string; metadata: GrpcMetadata } {
  const metadata = trailerOf(requestId)
  // grpc-js escapes the text with encodeURI, which throws at half a surrogate pair.
  if (failed.kind === 'error')
    return { code: wire[failed.error.code].grpc, details: failed.error.message.toWellFormed(), metadata }
  const { code, message } = failed.failure
  const details = statusDetails(failed.failure)
  if (details !== undefined) metadata.set('grpc-status-details-bin', Buffer.from(details))
  return { code, details: message.toWellFormed(), metadata }
}

function* pairs(metadata: GrpcMetadata): Iterable<readonly [string, string | Buffer]> {
  for (const name of Object.keys(metadata.getMap())) for (const value of metadata.get(name)) yield [name, value]
}

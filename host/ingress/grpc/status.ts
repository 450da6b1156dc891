// gRPC call: what unary and streaming handlers share: metadata in and out, the deadline, and how a failure looks.

import type { ServerDuplexStream, ServerUnaryCall } from '@grpc/grpc-js'
import { Metadata as GrpcMetadata } from '@grpc/grpc-js'
import type { Failed } from '../../command.ts'
import type { InnkeeperError } from '../../errors.ts'
import { wire } from '../../errors.ts'
import type { Metadata } from '../../metadata.ts'
import { checkMetadata, idempotencyKey, requestIdOf } from '../call.ts'
import type { IngressContext } from '../context.ts'
import { metadataFromGrpc, replyMetadata } from '../headers.ts'
import { statusDetails } from '../status.ts'

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

/** A trailer of more than 64 KiB is a reset stream in Node's HTTP/2, and the status is lost. Escaping makes a character of a
 *  message at most 9 bytes, base64 makes 4 of 3. */
const messageCharsMax = 2_048
const detailsBytesMax = 30 * 1024

/** The status of a failed call, as grpc-js takes it. What is too long for a trailer is cut, and details are left out then. */
export function failureStatus(
  failed: Failed,
  requestId: string,
): { code: number; details: string; metadata: GrpcMetadata } {
  const metadata = trailerOf(requestId)
  if (failed.kind === 'error')
    return { code: wire[failed.error.code].grpc, details: clip(failed.error.message), metadata }
  const { code } = failed.failure
  const message = clip(failed.failure.message)
  const details = statusDetails({ ...failed.failure, message })
  if (details !== undefined && details.length <= detailsBytesMax)
    metadata.set('grpc-status-details-bin', Buffer.from(details))
  return { code, details: message, metadata }
}

/** Of a call of the host's own services. */
export function plainStatus({ code, message }: InnkeeperError): { code: number; details: string } {
  return { code: wire[code].grpc, details: message }
}

function clip(message: string): string {
  const short = message.length > messageCharsMax ? `${message.slice(0, messageCharsMax - 1)}…` : message
  // grpc-js escapes the text with encodeURI, which throws at half a surrogate pair.
  return short.toWellFormed()
}

function* pairs(metadata: GrpcMetadata): Iterable<readonly [string, string | Buffer]> {
  for (const name of Object.keys(metadata.getMap())) for (const value of metadata.get(name)) yield [name, value]
}

// gRPC status: how a call that failed looks, as grpc-js takes it, and the trailer of every answer.

import { Metadata as GrpcMetadata } from '@grpc/grpc-js'
import type { Failed } from '../../command.ts'
import { type Commits, commitHeader } from '../../commits.ts'
import type { InnkeeperError } from '../../errors.ts'
import { wire } from '../../errors.ts'
import { statusDetails } from '../status.ts'

/** `commits`: what the headers did not tell of. */
export function trailerOf(requestId: string, commits?: Commits): GrpcMetadata {
  const trailer = new GrpcMetadata()
  if (commits !== undefined) trailer.set(commitHeader, commits.text)
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
  commits?: Commits,
): { code: number; details: string; metadata: GrpcMetadata } {
  const metadata = trailerOf(requestId, commits)
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

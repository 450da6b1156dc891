// Status: the details of a refusal, as a google.rpc.Status in a trailer of gRPC and gRPC-Web.

import type { Failure } from '../outcome.ts'
import { Sink } from '../transcode/sink.ts'
import { writeStatus } from '../transcode/status.ts'

/** google.rpc.Status for the trailer `grpc-status-details-bin`; undefined where there are no details. */
export function statusDetails(failure: Failure): Uint8Array | undefined {
  if (failure.details.length === 0) return undefined
  const sink = new Sink()
  writeStatus(sink, failure)
  return sink.finish()
}

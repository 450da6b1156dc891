// Status: the details of a refusal as gRPC and gRPC-Web have them in a trailer: a google.rpc.Status.

import type { Failure } from '../outcome.ts'
import { Sink } from '../transcode/sink.ts'

/** google.rpc.Status for the trailer `grpc-status-details-bin`; undefined where there are no details. */
export function statusDetails(failure: Failure): Uint8Array | undefined {
  if (failure.details.length === 0) return undefined
  const sink = new Sink()
  sink.varint(8)
  sink.varint(failure.code)
  sink.varint(18)
  sink.string(failure.message)
  for (const { typeName, data } of failure.details) {
    sink.varint(26)
    const start = sink.open()
    sink.varint(10)
    sink.string(`type.googleapis.com/${typeName}`)
    sink.varint(18)
    sink.view(data)
    sink.close(start)
  }
  return sink.finish()
}

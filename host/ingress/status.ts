// Status: a refusal as a google.rpc.Status: its details in a trailer of gRPC and gRPC-Web, all of it in an answer to a pipelined command.

import type { Failure } from '../outcome.ts'
import { Sink } from '../transcode/sink.ts'

/** google.rpc.Status for the trailer `grpc-status-details-bin`; undefined where there are no details. */
export function statusDetails(failure: Failure): Uint8Array | undefined {
  if (failure.details.length === 0) return undefined
  const sink = new Sink()
  writeStatus(sink, failure)
  return sink.finish()
}

/** The fields of a google.rpc.Status. */
export function writeStatus(sink: Sink, { code, message, details }: Failure): void {
  sink.varint(8)
  sink.varint(code)
  sink.varint(18)
  sink.string(message)
  for (const { typeName, data } of details) {
    sink.varint(26)
    const start = sink.open()
    sink.varint(10)
    sink.string(`type.googleapis.com/${typeName}`)
    sink.varint(18)
    sink.view(data)
    sink.close(start)
  }
}

// Status: a refusal as the fields of a google.rpc.Status: for callers, and for those who asked.

import type { Failure } from '../outcome.ts'
import type { Sink } from './sink.ts'

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

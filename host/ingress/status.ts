// Status: a refusal or an error as the wire wants it: google.rpc.Status in JSON, or as a gRPC trailer.

import type { InnkeeperError } from '../errors.ts'
import { httpStatusOfGrpc, wire } from '../errors.ts'
import type { Failure } from '../outcome.ts'
import type { Schema } from '../schema/schema.ts'
import { Sink } from '../transcode/sink.ts'
import { soonBytesMax, soonStepsMax } from '../transcode/soon.ts'
import { toJson } from '../transcode/to-json.ts'

export interface HttpStatus {
  readonly status: number
  readonly body: string
}

export function refusalToHttp(failure: Failure, schema: Schema): HttpStatus {
  const details = failure.details.map(({ typeName, data }) => detailText(schema, typeName, data))
  const body = `{"code":${failure.code},"message":${JSON.stringify(failure.message)},"details":[${details.join(',')}]}`
  return { status: httpStatusOfGrpc[failure.code] ?? 500, body }
}

export function errorToHttp(error: InnkeeperError): HttpStatus {
  const { grpc, http } = wire[error.code]
  return { status: http, body: `{"code":${grpc},"message":${JSON.stringify(error.message)},"details":[]}` }
}

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

function detailText(schema: Schema, typeName: string, data: Uint8Array): string {
  const url = JSON.stringify(`type.googleapis.com/${typeName}`)
  const type = schema.messages.get(typeName)
  try {
    if (type !== undefined && data.length <= soonBytesMax) {
      const text = toJson(schema, type, data, soonStepsMax)
      if (!text.startsWith('{')) return `{"@type":${url},"value":${text}}`
      return text === '{}' ? `{"@type":${url}}` : `{"@type":${url},${text.slice(1)}`
    }
  } catch {
    // A detail that is not what it says, or too long: its bytes are all that can be told.
  }
  return `{"@type":${url},"value":"${Buffer.from(data).toString('base64')}"}`
}

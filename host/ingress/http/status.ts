// HTTP status: a refusal or an error as a status and google.rpc.Status in JSON.

import type { InnkeeperError } from '../../errors.ts'
import { httpStatusOfGrpc, wire } from '../../errors.ts'
import type { Failure } from '../../outcome.ts'
import type { Schema } from '../../schema/schema.ts'
import { soonBytesMax, soonStepsMax } from '../../transcode/soon.ts'
import { toJson } from '../../transcode/to-json.ts'

interface HttpStatus {
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

// Request: what a pipelined command calls, and its message.
//
// Leaves to others: when it is asked for, and what becomes of it (pipe.ts).

import { InnkeeperError, malformedJson } from '../../errors.ts'
import { isStreamed } from '../../schema/schema.ts'
import { JsonError, parseJson } from '../../transcode/json.ts'
import { soonBytesMax } from '../../transcode/soon.ts'
import { TranscodeError, toMessage } from '../../transcode/to-message.ts'
import type { IngressContext } from '../context.ts'
import type { Piped } from './piped.ts'

/** Finds what is called, and answers the message for it. May be asked again. @throws InnkeeperError */
export function requestOf(
  { services, limits }: Pick<IngressContext, 'services' | 'limits'>,
  command: Piped,
): Uint8Array {
  const target = services.get(command.service)
  const type = target?.methods.get(command.method)?.type
  if (target === undefined || type === undefined) {
    const shown = (name: string) => name.slice(0, limits.nameLengthMax)
    throw services.missing(shown(command.service), shown(command.method))
  }
  if (isStreamed(type)) {
    const message = `${command.service}/${command.method} streams; call it over gRPC, gRPC-Web or HTTP/JSON`
    throw new InnkeeperError('unimplemented', message)
  }
  command.target = target
  command.type = type
  const { json, draft } = command
  if (json === undefined) return command.payload
  // One that found no room has its message already.
  if (draft !== undefined) return draft.payload
  if (json.length > soonBytesMax)
    throw new InnkeeperError(
      'message_too_large',
      `the JSON of a pipelined command has at most ${soonBytesMax} characters; send its message, or use HTTP/JSON`,
    )
  try {
    return toMessage(target.schema, type.input, parseJson(json))
  } catch (error) {
    if (error instanceof TranscodeError) throw new InnkeeperError('bad_request', error.placed)
    if (!(error instanceof JsonError)) throw error
    throw malformedJson(error)
  }
}

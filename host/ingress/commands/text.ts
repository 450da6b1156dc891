// Text: frames of pipelined commands in their JSON form, for clients that have no protobuf. proto3 JSON, but that the `json` of a command and of an
// answer is the JSON itself, not a text with JSON in it.
//
// X1. A text that is no frame is refused with the place, as everywhere: `$.commands[2].id: expected uint64`.
// X2. A text has at most `soonBytesMax`: it is read on the loop.
//
// Leaves to others: what the bytes mean (frames.ts).

import { type Commits, commitHeader } from '../../commits.ts'
import { InnkeeperError, malformedJson } from '../../errors.ts'
import type { Metadata } from '../../metadata.ts'
import type { Failure } from '../../outcome.ts'
import { loadSchema } from '../../schema/load.ts'
import type { MessageType, Schema } from '../../schema/schema.ts'
import { standardSet } from '../../schema/standard.ts'
import type { Json } from '../../transcode/json.ts'
import { isObject, JsonError, parseJson } from '../../transcode/json.ts'
import { soonBytesMax } from '../../transcode/soon.ts'
import { TranscodeError, toMessage } from '../../transcode/to-message.ts'
import { replyMetadata } from '../headers.ts'
import { errorToHttp, refusalToHttp } from '../http/status.ts'
import type { Gathering, Id } from './frames.ts'
import { version } from './frames.ts'

export const commandsFile = 'innkeeper/v1/commands.proto'

let known: { readonly schema: Schema; readonly frame: MessageType } | undefined

/** Loaded with the first text. */
function frames(): { readonly schema: Schema; readonly frame: MessageType } {
  if (known === undefined) {
    const schema = loadSchema(standardSet(commandsFile))
    known = { schema, frame: schema.messages.get('innkeeper.v1.Frame')! }
  }
  return known
}

/** A frame's bytes. @throws InnkeeperError `bad_request`, `message_too_large` */
export function frameOf(text: Buffer): Buffer {
  if (text.length > soonBytesMax)
    throw new InnkeeperError(
      'message_too_large',
      `a text frame has at most ${soonBytesMax} bytes; send several, or binary frames`,
    )
  let json: Json
  try {
    json = parseJson(text.toString('utf8'))
  } catch (error) {
    if (!(error instanceof JsonError)) throw error
    throw malformedJson(error)
  }
  if (isObject(json) && Array.isArray(json['commands']))
    for (const command of json['commands'])
      if (isObject(command) && Object.hasOwn(command, 'json')) command['json'] = JSON.stringify(command['json'])
  const { schema, frame } = frames()
  try {
    const { buffer, byteOffset, length } = toMessage(schema, frame, json)
    return Buffer.from(buffer, byteOffset, length)
  } catch (error) {
    if (error instanceof TranscodeError) throw new InnkeeperError('bad_request', error.placed)
    throw error
  }
}

export class AnswerText implements Gathering {
  private welcomed = ''
  private answers: string[] = []
  private chars = 0

  get size(): number {
    return this.chars + this.welcomed.length
  }

  welcome(commandsMax: number, bytesMax: number): void {
    this.welcomed = `"welcome":{"version":${version},"commandsMax":${commandsMax},"bytesMax":"${bytesMax}"},`
  }

  payload(id: Id, payload: Uint8Array, metadata: Metadata, commits?: Commits): void {
    const { buffer, byteOffset, length } = payload
    this.add(id, `"payload":"${Buffer.from(buffer, byteOffset, length).toString('base64')}"`, metadata, commits)
  }

  json(id: Id, json: string, metadata: Metadata, commits?: Commits): void {
    this.add(id, `"json":${json}`, metadata, commits)
  }

  refused(id: Id, failure: Failure, metadata: Metadata, schema: Schema, commits?: Commits): void {
    this.add(id, `"failure":${refusalToHttp(failure, schema).body}`, metadata, commits)
  }

  failed(id: Id, error: InnkeeperError, commits?: Commits): void {
    this.add(id, `"failure":${errorToHttp(error).body}`, [], commits)
  }

  finish(): Uint8Array {
    const text = `{${this.welcomed}"answers":[${this.answers.join(',')}]}`
    this.welcomed = ''
    this.answers = []
    this.chars = 0
    return Buffer.from(text)
  }

  private add(id: Id, what: string, metadata: Metadata, commits: Commits | undefined): void {
    const entries = [...replyMetadata(metadata)].map(([name, value]) =>
      typeof value === 'string'
        ? `{"name":${JSON.stringify(name)},"text":${JSON.stringify(value)}}`
        : `{"name":${JSON.stringify(name)},"data":"${value.toString('base64')}"}`,
    )
    if (commits !== undefined) entries.push(`{"name":"${commitHeader}","text":"${commits.text}"}`)
    const text = `{"id":"${id}",${what}${entries.length === 0 ? '' : `,"metadata":[${entries.join(',')}]`}}`
    this.answers.push(text)
    this.chars += text.length
  }
}

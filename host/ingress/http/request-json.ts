// Request JSON: what an HTTP request says of its message, as bytes of that message: body, then query, then path variables over both.
//
// Q1. The same from the same request, in whichever thread it is made (transcoder.ts).
//
// Leaves to others: which rule it is (routes.ts), JSON and protobuf (transcode/).

import { isUtf8 } from 'node:buffer'
import { InnkeeperError } from '../../errors.ts'
import type { FieldPath, Route } from '../../schema/http-rule.ts'
import { blockedStep, fieldPath } from '../../schema/http-rule.ts'
import type { Field, MessageType, Schema } from '../../schema/schema.ts'
import type { Json } from '../../transcode/to-message.ts'
import { isObject, TranscodeError, toMessage } from '../../transcode/to-message.ts'

/** What a rule binds of a request to the message. */
type Binding = Pick<Route, 'method' | 'body' | 'variables'>

/** What a request says. */
export interface Said {
  readonly captured: readonly string[]
  readonly query: string
  readonly body: Uint8Array | undefined
}

/** @throws InnkeeperError `bad_request` */
export function requestMessage(schema: Schema, rule: Binding, said: Said): Uint8Array {
  try {
    return toMessage(schema, rule.method.input, requestJson(rule, said))
  } catch (error) {
    if (error instanceof TranscodeError) throw new InnkeeperError('bad_request', error.placed)
    throw error
  }
}

function requestJson({ method: { input }, body: bound, variables }: Binding, { captured, query, body }: Said): Json {
  let json: Json = {}
  if (body !== undefined) {
    const parsed = parseJson(body)
    if (bound === '*') json = parsed
    else json = { [(bound as Field).jsonName]: parsed }
  }
  if (query !== '' && bound !== '*') applyQuery(input, json, query)
  for (let index = 0; index < captured.length; index++) {
    const path = variables[index]!
    if (!isObject(json)) throw new TranscodeError(`expected an object for ${input.fullName}`)
    setField(json, path, parseText(path, decodePart(captured[index]!), path.at(-1)!.jsonName), false)
  }
  return json
}

/** @throws Error if the bytes are no JSON in UTF-8 */
export function checkedText(bytes: Uint8Array): string {
  const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  JSON.parse(text)
  return text
}

function parseJson(bytes: Uint8Array): Json {
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  if (!isUtf8(body)) throw new InnkeeperError('bad_request', '$: the body is not UTF-8')
  try {
    return JSON.parse(body.toString('utf8')) as Json
  } catch (error) {
    const what = body.length === 0 ? 'an empty body; send {} for an empty message' : (error as Error).message
    throw new InnkeeperError('bad_request', `$: malformed JSON: ${what.slice(0, 200)}`)
  }
}

function applyQuery(input: MessageType, json: Json, query: string): void {
  if (!isObject(json)) throw new TranscodeError(`expected an object for ${input.fullName}`)
  const seen = new Set<string>()
  for (const [name, value] of new URLSearchParams(query)) {
    const path = fieldPath(input, name)
    const field = path?.at(-1)
    const shown = name.slice(0, 100)
    if (path === undefined || field === undefined) throw unknownField(input, name).inside(shown)
    if (field.type.kind === 'message' || field.type.kind === 'map')
      throw new TranscodeError('a message cannot be given in the query').inside(shown)
    // A field has two spellings.
    const place = path.map(({ number }) => number).join('.')
    if (!field.repeated && seen.has(place)) throw new TranscodeError('given several times').inside(shown)
    seen.add(place)
    setField(json, path, parseText(path, value, shown), field.repeated)
  }
}

function unknownField(input: MessageType, name: string): TranscodeError {
  const blocked = blockedStep(input, name)
  if (blocked === undefined) return new TranscodeError(`unknown field of ${input.fullName}`)
  return new TranscodeError(
    `${blocked.slice(0, 100)} is not a single message, so the query cannot name a field inside it; send it in the body`,
  )
}

/** Text from a path or query as the JSON that means it: only bool needs a change, numbers may be text in proto3 JSON. */
function parseText(path: FieldPath, value: string, shown: string): Json {
  const { type } = path.at(-1)!
  if (type.kind !== 'scalar' || type.scalar !== 'bool') return value
  if (/^true$/i.test(value)) return true
  if (/^false$/i.test(value)) return false
  throw new TranscodeError('expected bool').inside(shown)
}

function setField(json: { [name: string]: Json }, path: FieldPath, value: Json, append: boolean): void {
  let at = json
  for (const field of path.slice(0, -1)) {
    const name = Object.hasOwn(at, field.name) ? field.name : field.jsonName
    const inner = Object.hasOwn(at, name) ? at[name]! : null
    if (inner === null) {
      const made: { [name: string]: Json } = {}
      at[name] = made
      at = made
    } else if (isObject(inner)) at = inner
    else throw new TranscodeError('expected an object').inside(name)
  }
  const field = path.at(-1)!
  if (field.name !== field.jsonName && Object.hasOwn(at, field.name)) delete at[field.name]
  const before = append && Object.hasOwn(at, field.jsonName) ? at[field.jsonName] : undefined
  if (!append) at[field.jsonName] = value
  else if (Array.isArray(before)) before.push(value)
  else at[field.jsonName] = [value]
}

function decodePart(text: string): string {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    throw new InnkeeperError('bad_request', `the path has a malformed escape: ${text.slice(0, 100)}`)
  }
}

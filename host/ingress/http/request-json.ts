// Request JSON: what an HTTP request says of its message, as bytes of that message: body, then query, then path variables over both.
//
// Q1. The same from the same request, in whichever thread it is made (transcoder.ts).
//
// Leaves to others: which rule it is (routes.ts), JSON and protobuf (transcode/).

import { isUtf8 } from 'node:buffer'
import { InnkeeperError, malformedJson } from '../../errors.ts'
import type { FieldPath, Route } from '../../schema/http-rule.ts'
import { blockedStep, fieldPath, isTextual } from '../../schema/http-rule.ts'
import type { Field, MessageType, Schema } from '../../schema/schema.ts'
import type { Json } from '../../transcode/json.ts'
import { isObject, JsonError, parseJson } from '../../transcode/json.ts'
import { sameKey, TranscodeError, toMessage } from '../../transcode/to-message.ts'
import { isHttpBody } from './body.ts'

/** What a rule binds of a request to the message. */
type Binding = Pick<Route, 'method' | 'body' | 'variables'>

/** What a request says. */
export interface Said {
  readonly captured: readonly string[]
  readonly query: string
  /** Undefined: none was sent. */
  readonly body: Uint8Array | undefined
  /** Of a body that is taken as it is (`takesBytes`). */
  readonly contentType: string
}

/** Whether a request's body goes into a google.api.HttpBody, of whatever type it is. */
export function takesBytes({ method: { input }, body }: Pick<Binding, 'method' | 'body'>): boolean {
  if (body === '') return false
  if (body === '*') return isHttpBody(input)
  return !body.repeated && body.type.kind === 'message' && isHttpBody(body.type.message)
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

function requestJson(rule: Binding, { captured, query, body, contentType }: Said): Json {
  const {
    method: { input },
    body: bound,
    variables,
  } = rule
  let json: Json = {}
  if (body !== undefined) {
    const parsed = takesBytes(rule) ? { contentType, data: base64(body) } : bodyJson(body)
    if (bound === '*') json = parsed
    else json = { [(bound as Field).jsonName]: parsed }
  }
  if (query !== '' && bound !== '*') applyQuery(input, json, query)
  for (let index = 0; index < captured.length; index++) {
    const path = variables[index]!
    if (!isObject(json)) throw new TranscodeError(`expected an object for ${input.fullName}`)
    const field = path.at(-1)!
    const value = parseText(path, decodePart(captured[index]!), field.jsonName)
    if (path.length === 1 && field.entityKey) checkKey(json, field, value)
    setField(json, path, value, false)
  }
  return json
}

/** @throws Error if the bytes are no JSON in UTF-8 */
export function checkedText(bytes: Uint8Array): string {
  const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  JSON.parse(text)
  return text
}

/** A request for two entities is for none. */
function checkKey(json: { [name: string]: Json }, field: Field, value: Json): void {
  for (const name of [field.jsonName, field.name]) {
    if (!Object.hasOwn(json, name)) continue
    try {
      if (!sameKey(field.type, value, json[name]!)) throw new TranscodeError('the path names another entity')
    } catch (error) {
      throw error instanceof TranscodeError ? error.inside(name) : error
    }
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64')
}

function bodyJson(bytes: Uint8Array): Json {
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  if (!isUtf8(body)) throw new InnkeeperError('bad_request', '$: the body is not UTF-8')
  try {
    return parseJson(body.toString('utf8'))
  } catch (error) {
    if (!(error instanceof JsonError)) throw error
    throw malformedJson(error)
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
    if (!isTextual(field)) throw new TranscodeError('a message cannot be given in the query').inside(shown)
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

/** Text from a path or query as the JSON that means it: numbers may be text in proto3 JSON; bool may not, nor may a mask name fields as
 *  they are declared. */
function parseText(path: FieldPath, value: string, shown: string): Json {
  const { type } = path.at(-1)!
  const wellKnown = type.kind === 'message' ? type.message.fullName : ''
  if (wellKnown === 'google.protobuf.FieldMask')
    return value.replace(/_([a-z])/g, (_, next: string) => next.toUpperCase())
  if (wellKnown !== 'google.protobuf.BoolValue' && !(type.kind === 'scalar' && type.scalar === 'bool')) return value
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

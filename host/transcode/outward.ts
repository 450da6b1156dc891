// Outward: a message for a service that is elsewhere, as the HTTP request that its rule says: what request-json.ts does for clients, the other way
// round; and the reply, which is read as far as it is understood.
//
// O1. A path has the segments of its template: a field that would add one, take one away or mean another one is refused, and so is an empty one.
// O2. What neither path nor body has is in the query, or the request is refused: nothing is left out silently but messages without content.
// O3. Of a method with several rules the first one counts.
//
// Owns: method, path, query, body.   foreign-json.ts owns: the JSON.   form.ts owns: forms.   connectors/ owns: everything about where it goes.

import { type FieldPath, isTextual, type Route, routesOf } from '../schema/http-rule.ts'
import { type Field, isStreamed, type MessageType, type MethodType, type Schema } from '../schema/schema.ts'
import { WireError } from '../schema/wire.ts'
import { fullJson, sentJson, understood } from './foreign-json.ts'
import { encoded, formText } from './form.ts'
import { ExactNumber, isObject, type Json, JsonError, parseJson } from './json.ts'
import { segmentProblem } from './segment.ts'
import { TranscodeError, toMessage } from './to-message.ts'

export interface OutwardRequest {
  readonly httpMethod: string
  /** Percent-encoded, from its "/" on. */
  readonly path: string
  /** Without "?". */
  readonly query: string
  readonly body: Uint8Array | undefined
  readonly contentType: string | undefined
}

/** The message is none that can be sent so. */
export class OutwardError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'OutwardError'
  }
}

/** The answer is none of the method. */
export class ReplyError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'ReplyError'
  }
}

/** Why no request can ever be made for a method; empty: one can. */
export function outwardProblems(service: string, method: MethodType): readonly string[] {
  const name = `${service}.${method.name}`
  if (isStreamed(method)) return [`${name}: a method of a connector is unary; remove "stream"`]
  const { routes, problems } = routesOf(service, method)
  const [route] = routes
  if (route === undefined || problems.length > 0) return problems
  const wrong: string[] = []
  if (route.httpMethod === 'GET' && route.body !== '')
    wrong.push(
      `${name}: a GET has no body, and many servers refuse one; remove "body", and its fields go into the query`,
    )
  if (route.httpMethod === '*') wrong.push(`${name}: a connector needs one HTTP method, and the rule has any`)
  if (partsOf(route).includes(undefined))
    wrong.push(`${name}: the path ${route.path} has a wildcard that no field fills; write {field=*}`)
  return wrong
}

/** @throws OutwardError */
export function outwardRequest(
  schema: Schema,
  service: string,
  method: MethodType,
  message: Uint8Array,
  encoding: 'json' | 'form',
): OutwardRequest {
  const route = routesOf(service, method).routes[0]
  if (route === undefined) throw new OutwardError(`${service}.${method.name} has no HTTP rule that can be sent`)
  let full: Json
  try {
    full = fullJson(schema, method.input, message)
  } catch (error) {
    if (!(error instanceof WireError || error instanceof JsonError)) throw error
    throw new OutwardError(`the request is no ${method.input.fullName}: ${error.message}`)
  }
  const path = pathOf(route, full)
  const sent = sentJson(method.input, full)
  for (const variable of route.variables) remove(sent, variable)
  return { httpMethod: route.httpMethod, path, query: queryOf(route, sent), ...bodyOf(route, full, sent, encoding) }
}

/** Bytes of the method's output. @throws ReplyError */
export function outwardReply(
  schema: Schema,
  service: string,
  method: MethodType,
  body: Uint8Array,
  contentType: string,
): Uint8Array {
  const { output } = method
  const responseBody = routesOf(service, method).routes[0]?.responseBody
  // Whoever wants nothing is not told what came.
  if (output.fullName === 'google.protobuf.Empty') return new Uint8Array(0)
  const raw = { contentType, data: Buffer.from(body.buffer, body.byteOffset, body.length).toString('base64') }
  if (responseBody === undefined && isHttpBody(output)) return toMessage(schema, output, raw)
  const isRaw = responseBody?.type.kind === 'message' && !responseBody.repeated && isHttpBody(responseBody.type.message)
  const json = isRaw ? raw : replyJson(body)
  if (json === undefined) return new Uint8Array(0)
  if (responseBody === undefined && Array.isArray(json) && output.fullName !== 'google.protobuf.ListValue')
    throw new ReplyError('the answer is a list; name the field that takes it as response_body of the rule')
  try {
    return toMessage(
      schema,
      output,
      understood(output, responseBody === undefined ? json : { [responseBody.jsonName]: json }),
    )
  } catch (error) {
    if (error instanceof TranscodeError) throw new ReplyError(`the answer is no ${output.fullName}: ${error.placed}`)
    throw error
  }
}

/** Undefined: nothing came. */
function replyJson(body: Uint8Array): Json | undefined {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch {
    throw new ReplyError('the answer is no JSON: it is not UTF-8')
  }
  if (text.trim() === '') return undefined
  try {
    return parseJson(text)
  } catch (error) {
    if (error instanceof JsonError) throw new ReplyError(`the answer is no JSON: ${error.message}`)
    throw error
  }
}

/** The path's segments; undefined: filled by a field, or by nothing. */
function partsOf({ template: { segments, rest, variables } }: Route): readonly (string | undefined | FieldPlace)[] {
  const parts: (string | undefined | FieldPlace)[] = rest ? [...segments, undefined] : [...segments]
  for (const [index, { from, to }] of variables.entries()) parts.fill({ index }, from, to)
  return parts
}

/** One of a route's variables. */
interface FieldPlace {
  readonly index: number
}

function pathOf(route: Route, full: Json): string {
  const { template, variables } = route
  const parts: (string | undefined)[] = template.rest ? [...template.segments, undefined] : [...template.segments]
  // From the end on, since a rest becomes several.
  for (const [index, { name, from, to }] of [...template.variables.entries()].reverse()) {
    const value = textAt(full, variables[index]!)
    if (value === undefined || value === '')
      throw new OutwardError(`the field ${name} is empty, so the path ${route.path} would mean something else`)
    const pattern = parts.slice(from, to)
    const isSingle = to - from === 1 && !(template.rest && to > template.segments.length)
    const values = isSingle ? [value] : value.split('/')
    const fits =
      template.rest && to > template.segments.length
        ? values.length >= pattern.length
        : values.length === pattern.length
    if (!fits || pattern.some((literal, at) => literal !== undefined && literal !== values[at]))
      throw new OutwardError(`the field ${name} does not have the form of its part of the path ${route.path}`)
    for (const one of values) {
      const problem = one === '' ? 'is empty' : segmentProblem(one)
      if (problem !== undefined)
        throw new OutwardError(`the field ${name}, or a segment of it, ${problem}: it is not sent in a path`)
    }
    parts.splice(from, to - from, ...values.map(encodeURIComponent))
  }
  if (parts.includes(undefined)) throw new OutwardError(`the path ${route.path} has a wildcard that no field fills`)
  return `/${parts.join('/')}${template.verb === undefined ? '' : `:${template.verb}`}`
}

function textAt(json: Json, path: FieldPath): string | undefined {
  let at: Json | undefined = json
  for (const { jsonName } of path) {
    if (at === undefined || !isObject(at) || !Object.hasOwn(at, jsonName)) return undefined
    at = at[jsonName]
  }
  return at === undefined ? undefined : textOf(at)
}

/** A value that is a single text, in a path or a query. */
function textOf(value: Json): string | undefined {
  if (typeof value === 'string') return value
  if (value instanceof ExactNumber) return value.text
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return undefined
}

function remove(json: Json, path: FieldPath): void {
  let at: Json | undefined = json
  for (const { jsonName } of path.slice(0, -1)) at = at !== undefined && isObject(at) ? at[jsonName] : undefined
  if (at !== undefined && isObject(at)) delete at[path.at(-1)!.jsonName]
}

function queryOf({ body, method: { input } }: Route, sent: Json): string {
  if (body === '*' || !isObject(sent)) return ''
  const pairs: string[] = []
  const fields = input.fields.filter((field) => field !== body)
  addPairs(fields, sent, '', pairs)
  return pairs.join('&')
}

function addPairs(fields: readonly Field[], json: { [name: string]: Json }, before: string, pairs: string[]): void {
  for (const field of fields) {
    if (!Object.hasOwn(json, field.jsonName)) continue
    const value = json[field.jsonName]!
    const name = `${before}${field.jsonName}`
    if (
      field.type.kind === 'message' &&
      !field.repeated &&
      !isTextual(field) &&
      isObject(value) &&
      isPlain(field.type.message)
    ) {
      addPairs(field.type.message.fields, value, `${name}.`, pairs)
      continue
    }
    if (!isTextual(field))
      throw new OutwardError(`the field ${name} cannot be in a query; give the rule a body that takes it`)
    // The enum google.protobuf.NullValue has one value, which JSON calls null.
    for (const item of field.repeated && Array.isArray(value) ? value : [value])
      pairs.push(`${encoded(name)}=${encoded(textOf(item) ?? '0')}`)
  }
}

/** A message of fields, and none of those that have a JSON form of their own. */
function isPlain({ fullName }: MessageType): boolean {
  return !/^google\.protobuf\.(Struct|Value|ListValue|Any)$/.test(fullName)
}

function bodyOf(
  { body, method: { input } }: Route,
  full: Json,
  sent: Json,
  encoding: 'json' | 'form',
): Pick<OutwardRequest, 'body' | 'contentType'> {
  if (body === '') return { body: undefined, contentType: undefined }
  const isRaw = body === '*' ? isHttpBody(input) : bodyIsRaw(body)
  const json = body === '*' ? sent : fieldOf(body, full, sent)
  if (json === undefined) return { body: undefined, contentType: undefined }
  if (isRaw) {
    const { contentType, data } = isObject(json) ? json : {}
    const type = typeof contentType === 'string' && /^[\x21-\x7e][\x20-\x7e]*$/.test(contentType) ? contentType : ''
    return {
      body: Buffer.from(typeof data === 'string' ? data : '', 'base64'),
      contentType: type === '' ? 'application/octet-stream' : type,
    }
  }
  if (encoding === 'json') return { body: Buffer.from(JSON.stringify(json)), contentType: 'application/json' }
  return { body: Buffer.from(formText(json)), contentType: 'application/x-www-form-urlencoded' }
}

/** Of a body that is one field. Lists and maps are sent also when they are empty, and scalars when they have their default. */
function fieldOf({ jsonName, type }: Field, full: Json, sent: Json): Json | undefined {
  if (isObject(sent) && Object.hasOwn(sent, jsonName)) return sent[jsonName]
  return type.kind === 'scalar' && type.scalar.endsWith('64') && isObject(full) && typeof full[jsonName] === 'string'
    ? 0
    : isObject(full)
      ? full[jsonName]
      : undefined
}

function bodyIsRaw({ type, repeated }: Field): boolean {
  return !repeated && type.kind === 'message' && isHttpBody(type.message)
}

function isHttpBody({ fullName }: MessageType): boolean {
  return fullName === 'google.api.HttpBody'
}

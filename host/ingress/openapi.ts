// OpenAPI: the HTTP rules and messages of what is deployed right now, as an OpenAPI 3.1 document (`GET /openapi.json`).
//
// O1. One operation for each rule that can be reached; where several have one path and method, the one that would answer.
// O2. Messages are in proto3 JSON form, as transcode/ reads and writes them.
// O3. Names are unique: operations, and schemas of one name whose messages differ between components.
//
// Not in it: comments of the .proto, which deployments do not carry (build/descriptors.ts, D2).

import type { EnumType, Field, FieldType, MessageType, ScalarType } from '../schema/schema.ts'
import { isHttpBody, jsonType } from './http-body.ts'
import { fieldPath } from './http-rule.ts'
import type { Routes, ServedRoute } from './routes.ts'

type Schema = Record<string, unknown>

/** Parameters in the query of one operation, and how deep they reach into messages. */
const queryParametersMax = 200
const queryDepthMax = 4
const statusName = 'google.rpc.Status'

export function openApi(routes: Routes): string {
  const schemas = new Schemas()
  const paths = new Paths()
  const operationIds = new Set<string>()
  const tags = new Set<string>()
  let newest = 0
  for (const route of routes.all) {
    const { path, item, parameters } = paths.of(route)
    for (const method of route.httpMethod === '*' ? anyMethod : [route.httpMethod.toLowerCase()]) {
      if (Object.hasOwn(item, method)) continue
      item[method] = operation(route, parameters, schemas, uniqueName(operationIds, idOf(route)))
    }
    tags.add(route.service)
    newest = Math.max(newest, route.target.deployment ?? 0)
    paths.put(path, item)
  }
  const document = {
    openapi: '3.1.0',
    info: { title: 'Services on Innkeeper', version: String(newest) },
    tags: [...tags].sort().map((name) => ({ name })),
    paths: paths.sorted(),
    components: { schemas: schemas.all() },
  }
  return JSON.stringify(document)
}

const anyMethod = ['get', 'put', 'post', 'delete', 'patch']

/** `Counter_Add`: what generators make a function of. */
function idOf({ service, method }: ServedRoute): string {
  return `${service.slice(service.lastIndexOf('.') + 1)}_${method.name}`
}

function uniqueName(taken: Set<string>, wanted: string): string {
  let name = wanted
  for (let number = 2; taken.has(name); number++) name = `${wanted}_${number}`
  taken.add(name)
  return name
}

function operation(route: ServedRoute, path: readonly Schema[], schemas: Schemas, operationId: string): Schema {
  const { method, body } = route
  const query = body === '*' ? [] : queryParameters(route, schemas)
  const parameters = [...path.map((parameter) => withSchema(parameter, route, schemas)), ...query]
  const bodySchema = body === '*' ? schemas.message(method.input) : body !== '' && schemas.field(body)
  return {
    operationId,
    tags: [route.service],
    ...(method.clientStreaming ? { description: 'The body is the only element of the streamed request.' } : {}),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(bodySchema ? { requestBody: { required: true, content: { [jsonType]: { schema: bodySchema } } } } : {}),
    responses: {
      200: success(route, schemas),
      default: {
        description: 'A refusal or an error.',
        content: { [jsonType]: { schema: schemas.status() } },
      },
    },
  }
}

function success({ method, responseBody }: ServedRoute, schemas: Schemas): Schema {
  const raw = responseBody === undefined && isHttpBody(method.output)
  const element = responseBody === undefined ? schemas.message(method.output) : schemas.field(responseBody)
  const whole = raw ? { '*/*': {} } : { [jsonType]: { schema: element } }
  if (!method.serverStreaming) return { description: 'The reply.', content: whole }
  return {
    description: raw
      ? 'A stream of bytes; with `accept: text/event-stream` an event with a JSON object for each element.'
      : 'A stream: a JSON object a line, or, with `accept: text/event-stream`, an event with one for each element.',
    content: { ...whole, 'text/event-stream': { schema: element } },
  }
}

/** Every field that a query may name: scalars and enums, also those inside of messages. */
function queryParameters(route: ServedRoute, schemas: Schemas): Schema[] {
  const inPath = new Set(route.variables.map((path) => path.map((field) => field.name).join('.')))
  const parameters: Schema[] = []
  const walk = (type: MessageType, prefix: string, above: readonly MessageType[]) => {
    for (const field of type.fields) {
      const name = `${prefix}${field.name}`
      if (field === route.body || inPath.has(name) || parameters.length >= queryParametersMax) continue
      if (field.type.kind === 'message') {
        const { message } = field.type
        if (field.repeated || wellKnown(message) !== undefined) continue
        if (above.length < queryDepthMax && !above.includes(message)) walk(message, `${name}.`, [...above, message])
      } else if (field.type.kind !== 'map') parameters.push({ name, in: 'query', schema: schemas.field(field) })
    }
  }
  walk(route.method.input, '', [route.method.input])
  return parameters
}

function withSchema(parameter: Schema, route: ServedRoute, schemas: Schemas): Schema {
  const { field, ...rest } = parameter as { field?: string }
  const found = field === undefined ? undefined : fieldPath(route.method.input, field)?.at(-1)
  return { ...rest, schema: found === undefined ? { type: 'string' } : schemas.field(found) }
}

/** The document's paths. Two templates that differ in the names of their parameters only are one path in OpenAPI. */
class Paths {
  private readonly items = new Map<string, Record<string, Schema>>()
  private readonly byShape = new Map<string, { path: string; names: readonly string[] }>()

  of(route: ServedRoute): { path: string; item: Record<string, Schema>; parameters: readonly Schema[] } {
    const parsed = parsePath(route.path)
    const shape = parsed.path.replace(/\{[^}]*\}/g, '{}')
    let known = this.byShape.get(shape)
    if (known === undefined) {
      known = { path: parsed.path, names: parsed.parameters.map(({ name }) => name) }
      this.byShape.set(shape, known)
    }
    const { path, names } = known
    const parameters = parsed.parameters.map(({ name, field, description }, index) => {
      const said = names[index] === name ? description : (description ?? `The field ${field ?? name}.`)
      return {
        name: names[index]!,
        in: 'path',
        required: true,
        ...(said === undefined ? {} : { description: said }),
        ...(field === undefined ? {} : { field }),
      }
    })
    return { path, item: this.items.get(path) ?? {}, parameters }
  }

  put(path: string, item: Record<string, Schema>): void {
    this.items.set(path, item)
  }

  sorted(): Record<string, unknown> {
    return Object.fromEntries([...this.items].sort(([a], [b]) => (a < b ? -1 : 1)))
  }
}

interface PathParameter {
  readonly name: string
  /** Set where the parameter is the whole field. */
  readonly field?: string
  readonly description?: string
}

/** A checked template (http-rule.ts) as OpenAPI has it: each wildcard is a parameter. */
function parsePath(template: string): { path: string; parameters: readonly PathParameter[] } {
  const parameters: PathParameter[] = []
  const add = (parameter: PathParameter) => {
    parameters.push(parameter)
    return `{${parameter.name}}`
  }
  const rest = 'The rest of the path; may contain slashes.'
  let wildcards = 0
  const path = template.replace(/\{([^=}]+)(?:=([^}]*))?\}|\*\*|\*/g, (token, field?: string, inner = '*') => {
    if (field === undefined) {
      wildcards += 1
      return add({ name: `segment${wildcards}`, ...(token === '**' ? { description: rest } : {}) })
    }
    if (inner === '*') return add({ name: field, field })
    if (inner === '**') return add({ name: field, field, description: rest })
    let parts = 0
    return (inner as string).replace(/\*\*|\*/g, (wildcard) => {
      parts += 1
      const where = `Part ${parts} of ${field}, which is ${inner}.`
      return add({ name: `${field}_${parts}`, description: wildcard === '**' ? `${where} ${rest}` : where })
    })
  })
  return { path, parameters }
}

/** components.schemas, filled as messages are met. */
class Schemas {
  private readonly named = new Map<string, Schema>()
  private readonly names = new Map<MessageType | EnumType, string>()
  /** Messages and enums of one name that differ. */
  private readonly variants = new Map<string, (MessageType | EnumType)[]>()

  all(): Record<string, Schema> {
    return Object.fromEntries([...this.named].sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  status(): Schema {
    this.named.set(statusName, {
      type: 'object',
      required: ['code', 'message'],
      properties: {
        code: { type: 'integer', description: 'A google.rpc.Code.' },
        message: { type: 'string' },
        details: { type: 'array', items: { type: 'object', properties: { '@type': { type: 'string' } } } },
      },
    })
    return reference(statusName)
  }

  field({ type, repeated }: Field): Schema {
    const schema = this.type(type)
    return repeated ? { type: 'array', items: schema } : schema
  }

  message(type: MessageType): Schema {
    const special = wellKnown(type)
    if (special !== undefined) return special
    return reference(this.nameOf(type, () => this.messageSchema(type)))
  }

  private type(type: FieldType): Schema {
    if (type.kind === 'scalar') return scalar(type.scalar)
    if (type.kind === 'message') return this.message(type.message)
    if (type.kind === 'map') return { type: 'object', additionalProperties: this.type(type.value) }
    const item = type.enum
    if (item.fullName === 'google.protobuf.NullValue') return { type: 'null' }
    return reference(this.nameOf(item, () => ({ type: 'string', enum: [...item.byName.keys()] })))
  }

  /** The name is taken before the schema is made: messages may contain themselves. */
  private nameOf(type: MessageType | EnumType, make: () => Schema): string {
    const known = this.names.get(type)
    if (known !== undefined) return known
    const variants = this.variants.get(type.fullName) ?? []
    const equal = variants.find((variant) => same(variant, type, new Set()))
    if (equal !== undefined) {
      const name = this.names.get(equal)!
      this.names.set(type, name)
      return name
    }
    this.variants.set(type.fullName, [...variants, type])
    let name = type.fullName
    for (let number = 2; this.named.has(name) || name === statusName; number++) name = `${type.fullName}_${number}`
    this.names.set(type, name)
    this.named.set(name, {})
    this.named.set(name, make())
    return name
  }

  private messageSchema(type: MessageType): Schema {
    const properties = Object.fromEntries(type.fields.map((field) => [field.jsonName, this.field(field)]))
    const oneofs = Map.groupBy(
      type.fields.filter((field) => field.oneof !== undefined),
      (field) => field.oneof!,
    )
    const choices = [...oneofs].map(([name, fields]) => {
      const set = fields.map((field) => ({ required: [field.jsonName] }))
      return { description: `At most one of ${name}.`, oneOf: [...set, { not: { anyOf: set } }] }
    })
    return {
      type: 'object',
      ...(type.fields.length > 0 ? { properties } : {}),
      ...(choices.length > 0 ? { allOf: choices } : {}),
    }
  }
}

/** Two messages of one name from different components are one schema if nothing in them differs. */
function same(a: MessageType | EnumType, b: MessageType | EnumType, seen: Set<unknown>): boolean {
  if (a === b || seen.has(b)) return true
  seen.add(b)
  if (a.fullName !== b.fullName || 'fields' in a !== 'fields' in b) return false
  if (!('fields' in a) || !('fields' in b)) {
    const values = [...(b as EnumType).byName.keys()]
    return String([...(a as EnumType).byName.keys()]) === String(values)
  }
  if (a.fields.length !== b.fields.length) return false
  return a.fields.every((field, index) => {
    const other = b.fields[index]!
    const { jsonName, repeated, oneof } = other
    if (field.jsonName !== jsonName || field.repeated !== repeated || field.oneof !== oneof) return false
    return sameType(field.type, other.type, seen)
  })
}

function sameType(a: FieldType, b: FieldType, seen: Set<unknown>): boolean {
  if (a.kind === 'scalar' && b.kind === 'scalar') return a.scalar === b.scalar
  if (a.kind === 'enum' && b.kind === 'enum') return same(a.enum, b.enum, seen)
  if (a.kind === 'message' && b.kind === 'message') return same(a.message, b.message, seen)
  return a.kind === 'map' && b.kind === 'map' && a.key === b.key && sameType(a.value, b.value, seen)
}

function reference(name: string): Schema {
  return { $ref: `#/components/schemas/${name}` }
}

function scalar(type: ScalarType): Schema {
  switch (type) {
    case 'string':
      return { type: 'string' }
    case 'bytes':
      return { type: 'string', contentEncoding: 'base64' }
    case 'bool':
      return { type: 'boolean' }
    case 'float':
    case 'double':
      return { anyOf: [{ type: 'number', format: type }, { enum: ['NaN', 'Infinity', '-Infinity'] }] }
    case 'int32':
    case 'sint32':
    case 'sfixed32':
      return { type: 'integer', format: 'int32' }
    case 'uint32':
    case 'fixed32':
      return { type: 'integer', minimum: 0, maximum: 4_294_967_295 }
    case 'uint64':
    case 'fixed64':
      return { type: ['string', 'integer'], format: 'uint64' }
    default:
      return { type: ['string', 'integer'], format: 'int64' }
  }
}

/** The messages that proto3 JSON writes in a form of their own. */
function wellKnown({ fullName }: MessageType): Schema | undefined {
  if (!fullName.startsWith('google.protobuf.')) return undefined
  const wrapped = wrappers[fullName.slice('google.protobuf.'.length)]
  if (wrapped !== undefined) return { anyOf: [scalar(wrapped), { type: 'null' }] }
  return wellKnowns[fullName.slice('google.protobuf.'.length)]
}

const wrappers: Readonly<Record<string, ScalarType>> = {
  DoubleValue: 'double',
  FloatValue: 'float',
  Int64Value: 'int64',
  UInt64Value: 'uint64',
  Int32Value: 'int32',
  UInt32Value: 'uint32',
  BoolValue: 'bool',
  StringValue: 'string',
  BytesValue: 'bytes',
}

const wellKnowns: Readonly<Record<string, Schema>> = {
  Timestamp: { type: 'string', format: 'date-time' },
  Duration: { type: 'string', pattern: '^-?[0-9]+(\\.[0-9]{1,9})?s$' },
  FieldMask: { type: 'string', description: 'Names of fields, separated by commas.' },
  Struct: { type: 'object', additionalProperties: true },
  Value: { description: 'Any JSON value.' },
  ListValue: { type: 'array', items: {} },
  Any: { type: 'object', required: ['@type'], properties: { '@type': { type: 'string' } }, additionalProperties: true },
}

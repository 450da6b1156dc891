// OpenAPI: the HTTP rules and messages of what is deployed right now, as an OpenAPI 3.1 document (`GET /openapi.json`).
//
// O1. One operation for each rule that can be reached; where several have one path and method, the one that would answer.
// O2. Messages are in proto3 JSON form, as transcode/ reads and writes them.
// O3. Names are unique: operations, and schemas of one name whose messages differ between components.
// O4. Made once for a directory, in slices, in a number of steps that grows with the number of rules and fields. What a few rules could
//     make large without end is bounded: parameters in queries, comparisons of messages.
// O5. Internal methods are not in it (§call-11).
//
// Not in it: comments of the .proto, which deployments do not carry (sdk/build/descriptors.ts).

import { systemClock } from '../../clock.ts'
import { fieldPath, isTextual } from '../../schema/http-rule.ts'
import type { EnumType, Field, FieldType, MessageType, ScalarType } from '../../schema/schema.ts'
import type { Directory } from '../../services.ts'
import { inSlices } from '../../slices.ts'
import { isHttpBody, jsonType } from './body.ts'
import { takesBytes } from './request-json.ts'
import type { Routes, ServedRoute } from './routes.ts'
import { hostPath, routesIn } from './routes.ts'

type Schema = Record<string, unknown>

/** Parameters in the query of one operation, and how deep they reach into messages. */
const queryParametersMax = 200
const queryDepthMax = 4
/** Fields that are looked at for them. */
const queryFieldsMax = 1_000
/** Such parameters in the whole document: some megabytes. */
const documentParametersMax = 20_000
/** Pairs of messages that are compared for the whole document; those past it count as different. */
const comparisonsMax = 200_000
const statusName = 'google.rpc.Status'

/** The document of a directory, as it is sent; made once, when it is first asked for. */
export function documentIn(directory: Directory): Promise<Buffer> {
  let document = made.get(directory)
  if (document === undefined) {
    document = inSlices(openApi(routesIn(directory)), systemClock)
    made.set(directory, document)
  }
  return document
}
const made = new WeakMap<Directory, Promise<Buffer>>()

/** Yields between steps (O4). */
export function* openApi(routes: Routes): Generator<void, Buffer> {
  const schemas = new Schemas()
  const paths = new Paths()
  const ids = new Names()
  const tags = new Set<string>()
  const budget = { parameters: documentParametersMax }
  let newest = 0
  for (const route of routes.all) {
    const operations = operationsOf(route)
    if (hostPath(route) !== undefined || operations.length === 0 || route.method.internal) continue
    const { item, parameters } = paths.of(route)
    for (const method of operations) {
      if (item.has(method)) continue
      item.set(method, JSON.stringify(operation(route, parameters, schemas, ids.unique(idOf(route)), budget)))
      yield
    }
    tags.add(route.service)
    newest = Math.max(newest, route.target.deployment ?? 0)
  }
  yield* schemas.finish()
  const head = JSON.stringify({
    openapi: '3.1.0',
    info: { title: 'Services on Innkeeper', version: String(newest) },
    tags: [...tags].sort().map((name) => ({ name })),
  })
  const chunks: Buffer[] = [Buffer.from(`${head.slice(0, -1)},"paths":`)]
  yield* objectOf(paths.sorted(), chunks)
  chunks.push(Buffer.from(',"components":{"schemas":'))
  yield* objectOf(schemas.sorted(), chunks)
  chunks.push(Buffer.from('}}'))
  return Buffer.concat(chunks)
}

function* objectOf(members: Iterable<readonly [name: string, json: string]>, chunks: Buffer[]): Generator<void, void> {
  let before = '{'
  for (const [name, json] of members) {
    chunks.push(Buffer.from(`${before}${JSON.stringify(name)}:${json}`))
    before = ','
    yield
  }
  chunks.push(Buffer.from(before === '{' ? '{}' : '}'))
}

const anyMethod = ['get', 'put', 'post', 'delete', 'patch']

/** The names of the document's operations. It has none for other HTTP methods. */
function operationsOf({ httpMethod }: ServedRoute): readonly string[] {
  const name = httpMethod.toLowerCase()
  if (httpMethod === '*') return anyMethod
  return [...anyMethod, 'options', 'trace'].includes(name) ? [name] : []
}

/** `Counter_Add`: what generators make a function of. */
function idOf({ service, method }: ServedRoute): string {
  return `${service.slice(service.lastIndexOf('.') + 1)}_${method.name}`
}

/** Names that were given out. A name is looked for behind the last one that began like it, so that all of them together take a number
 *  of steps that grows with their number. */
class Names {
  private readonly taken = new Set<string>()
  private readonly last = new Map<string, number>()

  unique(wanted: string): string {
    let number = this.last.get(wanted) ?? 1
    let name = number === 1 ? wanted : `${wanted}_${number}`
    while (this.taken.has(name)) {
      number += 1
      name = `${wanted}_${number}`
    }
    this.last.set(wanted, number)
    this.taken.add(name)
    return name
  }
}

/** Parameters in queries that the document may still have. */
interface Budget {
  parameters: number
}

function operation(
  route: ServedRoute,
  path: readonly Schema[],
  schemas: Schemas,
  operationId: string,
  budget: Budget,
): Schema {
  const { method, body } = route
  const query = body === '*' ? [] : queryParameters(route, schemas, budget)
  const parameters = [...path.map((parameter) => withSchema(parameter, route, schemas)), ...query]
  const bodySchema = body === '*' ? schemas.message(method.input) : body !== '' && schemas.field(body)
  const content = takesBytes(route) ? { '*/*': {} } : { [jsonType]: { schema: bodySchema } }
  return {
    operationId,
    tags: [route.service],
    ...(method.clientStreaming ? { description: 'The body is the only element of the streamed request.' } : {}),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(bodySchema ? { requestBody: { content } } : {}),
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

/** Every field that a query may name: those that a text can mean, also inside of messages; as many as are worth a word. */
function queryParameters(route: ServedRoute, schemas: Schemas, budget: Budget): Schema[] {
  const inPath = new Set(route.variables.map((path) => path.map((field) => field.name).join('.')))
  const parameters: Schema[] = []
  const max = Math.min(queryParametersMax, budget.parameters)
  let looks = queryFieldsMax
  const walk = (type: MessageType, prefix: string, above: readonly MessageType[]) => {
    for (const field of type.fields) {
      if (parameters.length >= max || looks === 0) return
      looks -= 1
      const name = `${prefix}${field.name}`
      if (field === route.body || inPath.has(name)) continue
      if (isTextual(field)) parameters.push({ name, in: 'query', schema: schemas.field(field) })
      else if (field.type.kind === 'message') {
        const { message } = field.type
        if (field.repeated || wellKnown(message) !== undefined) continue
        if (above.length < queryDepthMax && !above.includes(message)) walk(message, `${name}.`, [...above, message])
      }
    }
  }
  walk(route.method.input, '', [route.method.input])
  budget.parameters -= parameters.length
  return parameters
}

function withSchema(parameter: Schema, route: ServedRoute, schemas: Schemas): Schema {
  const { field, ...rest } = parameter as { field?: string }
  const found = field === undefined ? undefined : fieldPath(route.method.input, field)?.at(-1)
  return { ...rest, schema: found === undefined ? { type: 'string' } : schemas.field(found) }
}

/** The document's paths. Two templates that differ in the names of their parameters only are one path in OpenAPI. */
class Paths {
  /** Operations by method, as JSON. */
  private readonly items = new Map<string, Map<string, string>>()
  private readonly byShape = new Map<string, { path: string; names: readonly string[] }>()

  of(route: ServedRoute): { item: Map<string, string>; parameters: readonly Schema[] } {
    const parsed = parsePath(route.path)
    const shape = parsed.path.replace(/\{[^}]*\}/g, '{}')
    let known = this.byShape.get(shape)
    if (known === undefined) {
      known = { path: parsed.path, names: parsed.parameters.map(({ name }) => name) }
      this.byShape.set(shape, known)
      this.items.set(known.path, new Map())
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
    return { item: this.items.get(path)!, parameters }
  }

  *sorted(): Iterable<readonly [path: string, json: string]> {
    for (const [path, item] of [...this.items].sort(([a], [b]) => (a < b ? -1 : 1)))
      yield [path, `{${[...item].map(([method, json]) => `"${method}":${json}`).join()}}`]
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
  private readonly named = new Map<string, string>()
  private readonly names = new Map<MessageType | EnumType, string>()
  private readonly unique = new Names()
  /** Messages and enums of one name that differ. */
  private readonly variants = new Map<string, (MessageType | EnumType)[]>()
  /** Those that have a name and no schema yet: messages may contain themselves, and may be nested without end. */
  private readonly waiting: (readonly [name: string, make: () => Schema])[] = []
  private readonly equals = new Equals()

  constructor() {
    this.unique.unique(statusName)
  }

  /** Makes what operations referred to, and what that refers to. */
  *finish(): Generator<void, void> {
    for (let next = this.waiting.pop(); next !== undefined; next = this.waiting.pop()) {
      const [name, make] = next
      this.named.set(name, JSON.stringify(make()))
      yield
    }
  }

  *sorted(): Iterable<readonly [name: string, json: string]> {
    yield* [...this.named].sort(([a], [b]) => (a < b ? -1 : 1))
  }

  status(): Schema {
    const schema = {
      type: 'object',
      required: ['code', 'message'],
      properties: {
        code: { type: 'integer', description: 'A google.rpc.Code.' },
        message: { type: 'string' },
        details: { type: 'array', items: { type: 'object', properties: { '@type': { type: 'string' } } } },
      },
    }
    this.named.set(statusName, JSON.stringify(schema))
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

  private nameOf(type: MessageType | EnumType, make: () => Schema): string {
    const known = this.names.get(type)
    if (known !== undefined) return known
    const variants = this.variants.get(type.fullName) ?? []
    const equal = variants.find((variant) => this.equals.same(variant, type))
    if (equal === undefined) this.variants.set(type.fullName, [...variants, type])
    const name = equal === undefined ? this.unique.unique(type.fullName) : this.names.get(equal)!
    this.names.set(type, name)
    if (equal === undefined) this.waiting.push([name, make])
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
class Equals {
  private left = comparisonsMax
  /** What was found equal, by the second of the two. */
  private readonly known = new Map<MessageType | EnumType, Set<MessageType | EnumType>>()

  same(a: MessageType | EnumType, b: MessageType | EnumType): boolean {
    const seen = new Map<MessageType | EnumType, Set<MessageType | EnumType>>()
    const waiting: (readonly [MessageType | EnumType, MessageType | EnumType])[] = [[a, b]]
    for (let pair = waiting.pop(); pair !== undefined; pair = waiting.pop()) {
      const [one, other] = pair
      if (one === other || this.known.get(other)?.has(one) || seen.get(other)?.has(one)) continue
      this.left -= 1
      if (this.left < 0) return false
      add(seen, other, one)
      if (!alike(one, other, waiting)) return false
    }
    for (const [other, ones] of seen) for (const one of ones) add(this.known, other, one)
    return true
  }
}

function add<K, V>(map: Map<K, Set<V>>, key: K, value: V): void {
  const values = map.get(key)
  if (values === undefined) map.set(key, new Set([value]))
  else values.add(value)
}

type Pairs = (readonly [MessageType | EnumType, MessageType | EnumType])[]

/** Equal but for what is in their fields, which is put to `inside`. */
function alike(a: MessageType | EnumType, b: MessageType | EnumType, inside: Pairs): boolean {
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
    return alikeTypes(field.type, other.type, inside)
  })
}

function alikeTypes(a: FieldType, b: FieldType, inside: Pairs): boolean {
  if (a.kind === 'scalar' && b.kind === 'scalar') return a.scalar === b.scalar
  if (a.kind === 'enum' && b.kind === 'enum') inside.push([a.enum, b.enum])
  else if (a.kind === 'message' && b.kind === 'message') inside.push([a.message, b.message])
  else return a.kind === 'map' && b.kind === 'map' && a.key === b.key && alikeTypes(a.value, b.value, inside)
  return true
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

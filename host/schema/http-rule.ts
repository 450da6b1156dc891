// HTTP rules: google.api.http on a method becomes routes; what is wrong with it becomes sentences for the deployment.
//
// H1. A method without the option has one route: POST /<full.Service>/<Method>, body "*". One with the option has only its own.
// H2. Every problem is reported, each starting `HTTP API Config: ` and naming the method (§rule-2).
// H3. A custom pattern has any HTTP method that Node's parser knows, or `*` for all of them (§rule-6).
// H4. Rules are read once for each method, however many ask.
//
// Owns: rules.   template.ts owns: their paths.   ingress/http/routes.ts owns: which route a request takes.   ingress/http/request-json.ts owns: filling the message.

import { METHODS } from 'node:http'
import { didYouMean } from '../nearest.ts'
import type { Field, HttpRule, MessageType, MethodType } from './schema.ts'
import type { Template } from './template.ts'
import { parseTemplate } from './template.ts'
import { wrappers } from './wrappers.ts'

export interface Route {
  readonly service: string
  readonly method: MethodType
  /** `*`: any. */
  readonly httpMethod: string
  /** The template, as declared. */
  readonly path: string
  readonly template: Template
  /** In the order of the template's. */
  readonly variables: readonly FieldPath[]
  readonly body: '' | '*' | Field
  readonly responseBody: Field | undefined
}

/** Fields from the request's message down to one that a text can mean. */
export type FieldPath = readonly Field[]

export interface RulesResult {
  readonly routes: readonly Route[]
  readonly problems: readonly string[]
}

const read = new WeakMap<MethodType, { readonly service: string; readonly result: RulesResult }>()

export function routesOf(service: string, method: MethodType): RulesResult {
  const known = read.get(method)
  if (known?.service === service) return known.result
  const result = readRules(service, method)
  read.set(method, { service, result })
  return result
}

/** As `GET /cart/{user_id}`. */
export function shown({ httpMethod, path }: Pick<Route, 'httpMethod' | 'path'>): string {
  return `${httpMethod} ${path}`
}

/** How many rules a method has, without looking at any. */
export function ruleCount({ http }: MethodType): number {
  return 1 + (http?.additional.length ?? 0)
}

function readRules(service: string, method: MethodType): RulesResult {
  const problems: string[] = []
  const routes: Route[] = []
  const report = (problem: string) => problems.push(`HTTP API Config: ${service}.${method.name}: ${problem}`)
  if (method.internal && method.http !== undefined)
    report('it is internal, so no client may call it: remove (google.api.http), or (innkeeper.method).internal')
  const rules = method.http === undefined ? [generatedRule(service, method)] : [method.http, ...method.http.additional]
  for (const rule of rules) {
    if (rule !== method.http && rule.additional.length > 0) {
      report(`Only one level of additionalBindings supported, but [${rule.path}] has more than one!`)
    }
    const route = routeOf(service, method, rule, report)
    if (route !== undefined) routes.push(route)
  }
  return { routes, problems }
}

/** The name of a part of `name` that cannot be stepped into, for it is a list, a map or no message; undefined: all its steps can be taken. */
export function blockedStep(type: MessageType, name: string): string | undefined {
  let at: MessageType = type
  for (const part of name.split('.').slice(0, -1)) {
    const field = at.byName.get(part)
    if (field === undefined) return undefined
    if (field.type.kind !== 'message' || field.repeated) return part
    at = field.type.message
  }
  return undefined
}

/** The dotted name of a field in a path or a query, as fields. Each step but the last must be a single message. */
export function fieldPath(type: MessageType, name: string): FieldPath | undefined {
  const path: Field[] = []
  let at: MessageType | undefined = type
  for (const part of name.split('.')) {
    const field: Field | undefined = at?.byName.get(part)
    if (field === undefined) return undefined
    path.push(field)
    at = field.type.kind === 'message' && !field.repeated ? field.type.message : undefined
  }
  return path
}

function generatedRule(service: string, method: MethodType): HttpRule {
  const path = `/${service}/${method.name}`
  return { selector: '', method: 'POST', path, body: '*', responseBody: '', additional: [] }
}

type Report = (problem: string) => void

function routeOf(service: string, method: MethodType, rule: HttpRule, report: Report): Route | undefined {
  const fullName = `${service}.${method.name}`
  if (rule.selector !== '' && rule.selector !== fullName) {
    report(`Rule selector [${rule.selector}] must be empty or [${fullName}]`)
  }
  const httpMethod = httpMethodOf(rule, fullName, report)
  const body = bodyOf(rule, method.input, report)
  const responseBody = rule.responseBody === '' ? undefined : method.output.byName.get(rule.responseBody)
  if (rule.responseBody !== '' && responseBody === undefined) {
    report(`Response body field [${rule.responseBody}] does not exist on type [${method.output.fullName}]`)
  }
  const template = parseTemplate(rule.path, report)
  const variables = template?.variables.map(({ name }) => variableOf(method.input, name, report)) ?? []
  if (template === undefined || httpMethod === undefined || body === undefined) return undefined
  if (variables.some((variable) => variable === undefined)) return undefined
  return {
    service,
    method,
    httpMethod,
    path: rule.path,
    template,
    variables: variables as FieldPath[],
    body,
    responseBody,
  }
}

function httpMethodOf(rule: HttpRule, fullName: string, report: Report): string | undefined {
  if (rule.method === undefined) {
    report(`Pattern missing for rule [${fullName}]!`)
    return undefined
  }
  if (typeof rule.method === 'string') return rule.method
  const kind = rule.method.custom
  if (kind === '*' || taken.has(kind)) return kind
  const reason = hosts.get(kind) ?? `the host's HTTP parser does not know it${didYouMean(kind, taken)}`
  report(`The HTTP method [${kind}] of a custom pattern cannot be served: ${reason}`)
  return undefined
}

/** HTTP methods that are not a rule's, and why. */
const hosts: ReadonlyMap<string, string> = new Map([
  ['CONNECT', 'it asks for a tunnel'],
  ['HEAD', 'the host answers HEAD where there is a rule for GET'],
])

/** Those that reach a rule. */
const taken: ReadonlySet<string> = new Set(METHODS.filter((method) => !hosts.has(method)))

function bodyOf(rule: HttpRule, input: MessageType, report: Report): Route['body'] | undefined {
  if (rule.body === '' || rule.body === '*') return rule.body
  const field = input.byName.get(rule.body)
  if (field === undefined) report(`Body configured to [${rule.body}] but that field does not exist on input type.`)
  return field
}

const textual: ReadonlySet<string> = new Set([
  'google.protobuf.Timestamp',
  'google.protobuf.Duration',
  'google.protobuf.FieldMask',
  ...wrappers,
])

/** Whether a text in a path or a query can be a value of a field: scalars, enums, and the messages whose JSON is a single text or number. */
export function isTextual({ type }: Field): boolean {
  if (type.kind !== 'message') return type.kind !== 'map'
  return textual.has(type.message.fullName)
}

function variableOf(input: MessageType, name: string, report: Report): FieldPath | undefined {
  const path = fieldPath(input, name)
  const field = path?.at(-1)
  if (path === undefined || field === undefined)
    report(`Unknown field name [${name}] in type [${input.fullName}] used as a path variable`)
  else if (field.repeated) report(`Repeated parameters [${name}] are not allowed as path variables`)
  else if (field.type.kind === 'map') report(`Map parameters [${name}] are not allowed as path variables`)
  else if (!isTextual(field)) report(`Message path parameters not supported! [${name}]`)
  else return path
  return undefined
}

// Grants: "connectors" of innkeeper.json, checked: where components may go in the outside world, and how.
//
// G1. A pure function of JSON: nothing is read, asked or resolved. All problems are reported at once; each names the field's path, what is wrong,
//     and what to write.
// G2. Values of headers are never repeated in a problem: somebody may have written a secret there.
// G3. What a grant does not say is closed: no private address, no proxy, no response header. What bounds has a default.
//
// Owns: the form of a grant.   fields.ts owns: reading a field.   secrets.ts owns: where secrets are.   address.ts owns: ranges.

import { didYouMean } from '../nearest.ts'
import { type AddressRule, type Range, rangeOf } from './address.ts'
import { Fields } from './fields.ts'
import { literalProblem } from './names.ts'
import { secretName } from './secrets.ts'
import { isCodeName } from './statuses.ts'

export interface Grant {
  readonly name: string
  /** http: or https:, without credentials, query or fragment. */
  readonly url: URL
  /** The path of `url` without a slash at its end. */
  readonly base: string
  readonly services: readonly Pattern[]
  /** Of what follows `base`. */
  readonly paths: readonly Pattern[]
  /** Lower case names. */
  readonly headers: readonly HeaderTemplate[]
  readonly responseHeaders: ReadonlySet<string>
  readonly timeoutMs: number
  readonly bodyBytes: number
  readonly retry: { readonly max: number; readonly on: ReadonlySet<string> }
  readonly ratePerSecond: number | undefined
  readonly concurrency: number
  readonly addresses: AddressRule
  /** Undefined: none is sent. Lower case. */
  readonly idempotencyHeader: string | undefined
  /** File with certificates of authorities, PEM. */
  readonly ca: string | undefined
  /** http:, without a path. */
  readonly proxy: URL | undefined
}

type Grants = ReadonlyMap<string, Grant>

/** A text with `*` for any characters. */
interface Pattern {
  readonly text: string
  readonly means: (text: string) => boolean
}

/** Text and names of secrets, in turn. */
interface HeaderTemplate {
  readonly name: string
  readonly parts: readonly (string | { readonly secret: string })[]
}

const fieldNames = [
  ...['url', 'services', 'paths', 'headers', 'responseHeaders', 'timeoutMs', 'bodyBytes', 'retry', 'ratePerSecond'],
  ...['concurrency', 'addresses', 'private', 'idempotencyHeader', 'ca', 'proxy'],
]

/** What a .proto and a grant call a connector. */
export const connectorName = /^[a-z][a-z0-9-]{0,62}$/
const headerName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/
const grantsMax = 1_000
/** A pattern is tried on whole paths. */
const patternMax = 200

/** Headers that the host makes, or that say how a message travels. */
const ours: ReadonlySet<string> = new Set([
  ...['accept-encoding', 'connection', 'content-encoding', 'content-length', 'content-type', 'expect', 'host'],
  ...['http2-settings', 'keep-alive', 'proxy-authorization', 'proxy-connection', 'te', 'trailer', 'transfer-encoding'],
  ...['upgrade', 'traceparent', 'tracestate'],
])

/** Why neither a grant nor a function may set a header; undefined: it may. */
export function headerProblem(name: string): string | undefined {
  if (!headerName.test(name)) return 'is no name of a header'
  const lower = name.toLowerCase()
  return ours.has(lower) || lower.startsWith('grpc-') ? 'is set by the host' : undefined
}

/** Visible ASCII and spaces within: nothing ends a line. */
export function isHeaderValue(text: string): boolean {
  return /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(text)
}

/** `secrets`: names that "secrets" declares. */
export function readGrants(json: unknown, secrets: Iterable<string>): { grants: Grants; problems: readonly string[] } {
  const problems: string[] = []
  const grants = new Map<string, Grant>()
  if (json === undefined) return { grants, problems }
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    return { grants, problems: ['connectors: expected an object, as in { "payments": { "url": "https://…" } }'] }
  const entries = Object.entries(json)
  if (entries.length > grantsMax) return { grants, problems: [`connectors: more than ${grantsMax}`] }
  const known = [...secrets]
  for (const [name, fields] of entries) {
    const at = `connectors.${name.slice(0, 100)}`
    if (!connectorName.test(name)) {
      problems.push(`${at}: a name of a connector is lower case letters, digits and "-", and begins with a letter`)
      continue
    }
    const grant = readGrant(name, new Fields(at, fields, fieldNames, (problem) => problems.push(problem)), known)
    if (grant !== undefined) grants.set(name, grant)
  }
  return { grants, problems }
}

function readGrant(name: string, fields: Fields, secrets: readonly string[]): Grant | undefined {
  if (!fields.areObject) return undefined
  const addresses = {
    private: fields.boolean('private') ?? false,
    named: fields.list('addresses', 'an address or a range such as "10.0.0.0/8"', addressRange) ?? [],
  }
  const url = readUrl(fields, addresses)
  const services = fields.list('services', 'a service or a pattern such as "shop.*"', servicePattern)
  if (services === undefined || services.length === 0)
    fields.report('services', 'missing; write which services may ask, as in ["shop.*"], or ["*"] for all')
  const paths = fields.list('paths', 'a path or a pattern that begins with "/", such as "/v1/*"', pathPattern)
  const retry = fields.inner('retry', ['max', 'on'])
  const on = retry?.list('on', 'a google.rpc.Code such as "UNAVAILABLE", or an HTTP status such as 503', retriedOn)
  const idempotencyHeader = fields.textOrNull('idempotencyHeader')
  if (typeof idempotencyHeader === 'string' && headerProblem(idempotencyHeader) !== undefined)
    fields.report('idempotencyHeader', `${headerProblem(idempotencyHeader)}; or null, to send none`)
  const grant = {
    name,
    services: services ?? [],
    paths: paths ?? [pathPattern('/*')!],
    headers: readHeaders(fields, secrets, idempotencyHeader ?? defaultIdempotencyHeader),
    responseHeaders: new Set(fields.list('responseHeaders', 'a name of a header', responseHeader) ?? []),
    timeoutMs: fields.number('timeoutMs', 1, 600_000) ?? 10_000,
    bodyBytes: fields.number('bodyBytes', 0, 16 * 1024 * 1024) ?? 1024 * 1024,
    retry: { max: retry?.number('max', 1, 1_000) ?? 5, on: new Set(on ?? ['UNAVAILABLE', '429', '503']) },
    ratePerSecond: fields.number('ratePerSecond', 0.001, 1_000_000, false),
    concurrency: fields.number('concurrency', 1, 10_000) ?? 20,
    addresses,
    idempotencyHeader:
      idempotencyHeader === null ? undefined : (idempotencyHeader ?? defaultIdempotencyHeader).toLowerCase(),
    ca: fields.text('ca'),
    proxy: readProxy(fields),
  }
  return url === undefined ? undefined : { ...grant, url, base: url.pathname.replace(/\/$/, '') }
}

const defaultIdempotencyHeader = 'Idempotency-Key'

function readUrl(fields: Fields, addresses: AddressRule): URL | undefined {
  const text = fields.text('url')
  if (text === undefined) {
    if (!fields.has('url')) fields.report('url', 'missing; write where it is, as in "https://api.example"')
    return undefined
  }
  const url = URL.parse(text)
  if (url === null) fields.report('url', 'is no URL; write one such as "https://api.example/base"')
  else if (url.protocol !== 'https:' && url.protocol !== 'http:')
    fields.report('url', 'begins with neither "https://" nor "http://"')
  else if (url.username !== '' || url.password !== '')
    fields.report('url', 'has a user or a password; write them into "headers", as a secret')
  else if (url.search !== '' || url.hash !== '' || /[?#]/.test(text))
    fields.report('url', 'has a query or a fragment; only the path before them is used')
  else {
    const problem = literalProblem(url.hostname, addresses)
    if (problem === undefined) return url
    fields.report('url', problem.message)
  }
  return undefined
}

function readProxy(fields: Fields): URL | undefined {
  const text = fields.text('proxy')
  if (text === undefined) return undefined
  const url = URL.parse(text)
  const isPlain = url !== null && url.protocol === 'http:' && url.username === '' && url.password === ''
  if (isPlain && url.pathname === '/' && url.search === '' && url.hash === '') return url
  fields.report('proxy', 'is not of the form "http://HOST:PORT"')
  return undefined
}

function readHeaders(fields: Fields, secrets: readonly string[], idempotencyHeader: string): readonly HeaderTemplate[] {
  const headers = new Map<string, HeaderTemplate>()
  for (const [name, value] of fields.entries('headers')) {
    const at = `headers.${name.slice(0, 100)}`
    const lower = name.toLowerCase()
    const problem = headerProblem(name)
    if (problem !== undefined) fields.report(at, problem)
    else if (lower === idempotencyHeader.toLowerCase()) fields.report(at, 'is set by the host ("idempotencyHeader")')
    else if (headers.has(lower)) fields.report(at, 'is there twice')
    else if (typeof value !== 'string' || !isHeaderValue(value))
      fields.report(at, 'expected text of visible ASCII, as in "Bearer {secret:stripe}"')
    else {
      const parts = readTemplate(value, secrets, (problem) => fields.report(at, problem))
      headers.set(lower, { name: lower, parts })
    }
  }
  return [...headers.values()]
}

function readTemplate(
  value: string,
  secrets: readonly string[],
  report: (problem: string) => void,
): HeaderTemplate['parts'] {
  const parts: (string | { secret: string })[] = []
  for (const part of value.split(/(\{[^{}]*\})/)) {
    if (!part.startsWith('{')) {
      if (part !== '') parts.push(part)
      continue
    }
    const name = /^\{secret:(.*)\}$/.exec(part)?.[1]
    if (name === undefined || !secretName.test(name))
      report('has braces that are no secret; write {secret:NAME}, with a name from "secrets"')
    else if (!secrets.includes(name))
      report(`uses the secret ${name}, which "secrets" does not have${didYouMean(name, secrets)}`)
    else parts.push({ secret: name })
  }
  return parts
}

function addressRange(value: unknown): Range | undefined {
  return typeof value === 'string' ? rangeOf(value) : undefined
}

function servicePattern(value: unknown): Pattern | undefined {
  if (typeof value !== 'string' || value.length > patternMax) return undefined
  return /^(\*|[A-Za-z_]\w*(\.[A-Za-z_]\w*)*(\.\*)?)$/.test(value) ? pattern(value) : undefined
}

function pathPattern(value: unknown): Pattern | undefined {
  if (typeof value !== 'string' || value.length > patternMax || value[0] !== '/') return undefined
  // As a path is sent: what the URL parser would change never matches.
  return /^[\x21-\x7e]+$/.test(value) && !/[?#\\]/.test(value) ? pattern(value) : undefined
}

function responseHeader(value: unknown): string | undefined {
  return typeof value === 'string' && headerName.test(value) ? value.toLowerCase() : undefined
}

function retriedOn(value: unknown): string | undefined {
  if (typeof value === 'number') return Number.isInteger(value) && value >= 400 && value <= 599 ? `${value}` : undefined
  return typeof value === 'string' && isCodeName(value) && value !== 'OK' ? value : undefined
}

function pattern(text: string): Pattern {
  return { text, means: (other) => matches(text.split('*'), other) }
}

/** Each part in its order, the first at the start and the last at the end: linear for each part. */
function matches(parts: readonly string[], text: string): boolean {
  const [first = '', ...others] = parts
  const last = others.pop()
  if (last === undefined) return text === first
  if (!text.startsWith(first)) return false
  let at = first.length
  for (const part of others) {
    const found = text.indexOf(part, at)
    if (found === -1) return false
    at = found + part.length
  }
  return text.length - last.length >= at && text.endsWith(last)
}

export function allows(patterns: readonly Pattern[], text: string): boolean {
  return patterns.some(({ means }) => means(text))
}

/** The lines for innkeeper.json that grant a connector to these services. */
export function linesToAdd(
  name: string,
  services: readonly string[],
  paths: readonly string[] = [],
  url = 'https://…',
): string {
  const grant = { url, services, ...(paths.length === 0 ? {} : { paths }) }
  return `"connectors": { ${JSON.stringify(name)}: ${spaced(grant)} }`
}

function spaced(value: object): string {
  return JSON.stringify(value, null, 1).replace(/\n */g, ' ').replace(/\[ /g, '[').replace(/ \]/g, ']')
}

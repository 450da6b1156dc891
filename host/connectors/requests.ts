// Requests: what one call sends: URL, path, headers, body. Nothing is sent here.
//
// R1. The URL is parsed once. Its origin is the grant's, its path has no segment that could mean another path (segment.ts), and `paths` is asked
//     about the path that is sent.
// R2. Secrets are put in here, into headers of the grant, and nowhere else.
// R3. Every header is checked: none has a line end, whoever made it.
//
// Leaves to others: the way of a message into a request (transcode/outward.ts), Fetch's own checks (fetch.ts).

import { OutwardError, outwardRequest } from '../transcode/outward.ts'
import { pathProblem } from '../transcode/segment.ts'
import type { OutwardCall } from './connector.ts'
import { type FetchRequest, isPathGranted } from './fetch.ts'
import { type Grant, isHeaderValue } from './grants.ts'
import type { Secrets } from './secrets.ts'
import type { CodeName } from './statuses.ts'

/** It cannot be sent, so it is not. */
export class NotSent extends Error {
  readonly code: CodeName

  constructor(code: CodeName, message: string) {
    super(message)
    this.name = 'NotSent'
    this.code = code
  }
}

interface MadeRequest {
  readonly url: URL
  readonly httpMethod: string
  readonly headers: { readonly [name: string]: string }
  readonly body: Uint8Array | undefined
}

/** @throws NotSent */
export function httpRequest(
  call: OutwardCall & { readonly place: { readonly kind: 'connector' } },
  grant: Grant,
  secrets: Secrets,
): MadeRequest {
  const { schema, service, method, rule } = call.place
  let made: ReturnType<typeof outwardRequest>
  try {
    made = outwardRequest(schema, service, method, call.request, rule.encoding)
  } catch (error) {
    if (error instanceof OutwardError) throw new NotSent('INVALID_ARGUMENT', error.message)
    throw error
  }
  const { httpMethod, path, query, body, contentType } = made
  const url = checkedUrl(grant, `${path}${query === '' ? '' : `?${query}`}`)
  const accept = method.output.fullName === 'google.api.HttpBody' ? '*/*' : 'application/json'
  const own = { accept, ...(contentType === undefined ? {} : { 'content-type': contentType }) }
  return { url, httpMethod, headers: headersOf(call, grant, secrets, own), body }
}

/** @throws NotSent */
export function fetchRequest(call: OutwardCall, fetch: FetchRequest, grant: Grant, secrets: Secrets): MadeRequest {
  const { httpMethod, url, body } = fetch
  const own: { [name: string]: string } = {}
  for (const [name, value] of fetch.headers) {
    if (name === grant.idempotencyHeader || grant.headers.some((header) => header.name === name))
      throw new NotSent('INVALID_ARGUMENT', `the header ${name} is set by the grant ${grant.name}`)
    own[name] = value
  }
  return { url, httpMethod, headers: headersOf(call, grant, secrets, own), body }
}

/** What a gRPC call sends beside its message. @throws NotSent */
export function grpcRequest(
  call: OutwardCall & { readonly place: { readonly kind: 'connector' } },
  grant: Grant,
  secrets: Secrets,
): { readonly path: string; readonly headers: MadeRequest['headers'] } {
  const { service, method } = call.place
  if (grant.proxy !== undefined) throw new NotSent('FAILED_PRECONDITION', noProxyForGrpc(grant.name))
  const url = checkedUrl(grant, `/${service}/${method.name}`)
  return { path: url.pathname, headers: headersOf(call, grant, secrets, {}) }
}

export function noProxyForGrpc(name: string): string {
  return `gRPC is not sent through a proxy; remove "proxy" of connectors.${name}, or use HTTP`
}

function checkedUrl(grant: Grant, path: string): URL {
  const url = URL.parse(`${grant.url.origin}${grant.base}${path}`)
  if (url === null || url.origin !== grant.url.origin || url.username !== '' || url.hash !== '')
    throw new NotSent('INVALID_ARGUMENT', 'the path makes another URL than the one that is granted')
  const problem = pathProblem(url.pathname)
  if (problem !== undefined) throw new NotSent('INVALID_ARGUMENT', problem)
  if (!isPathGranted(grant, url))
    throw new NotSent('PERMISSION_DENIED', notGranted(grant, url.pathname.slice(grant.base.length)))
  return url
}

export function notGranted(grant: Grant, path: string): string {
  return `the grant ${grant.name} does not have the path ${path.slice(0, 200)}; add it to "paths" of connectors.${grant.name}`
}

/** Those of the grant win over those of a rule. */
function headersOf(
  { key, traceparent }: OutwardCall,
  grant: Grant,
  secrets: Secrets,
  own: { readonly [name: string]: string },
): MadeRequest['headers'] {
  const headers: { [name: string]: string } = { 'user-agent': 'innkeeper', ...own }
  for (const { name, parts } of grant.headers)
    headers[name] = parts.map((part) => (typeof part === 'string' ? part : secretOf(part.secret, secrets))).join('')
  if (grant.idempotencyHeader !== undefined) headers[grant.idempotencyHeader] = key
  if (traceparent !== undefined && /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/.test(traceparent))
    headers['traceparent'] = traceparent
  for (const [name, value] of Object.entries(headers))
    if (value !== '' && !isHeaderValue(value))
      throw new NotSent('INVALID_ARGUMENT', `the header ${name} has a character that a header cannot carry`)
  return headers
}

function secretOf(name: string, secrets: Secrets): string {
  const secret = secrets.get(name)
  if (secret === undefined) throw new NotSent('FAILED_PRECONDITION', `the secret ${name} is not there`)
  return secret
}

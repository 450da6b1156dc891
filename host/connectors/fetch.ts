// Fetch: innkeeper.http.v1.Http/Fetch: the messages, and the grant that a URL has.
//
// F1. A URL is parsed once, and what was parsed is what is sent. It has the grant's origin and begins with its path, segment by segment.
// F2. A function sets no header that the grant sets, and none of the host's or the transport's.
// F3. Of several grants that have the URL the one with the longest path counts; of those that are alike the first.
//
// Owns: this service.   requests.ts owns: what all requests have.   The .proto is wit/proto/innkeeper/http/v1/http.proto.

import type { IncomingHttpHeaders } from 'node:http'
import { WireCursor, WireError } from '../schema/wire.ts'
import { pathProblem } from '../transcode/segment.ts'
import { Sink } from '../transcode/sink.ts'
import { allows, type Grant, headerProblem, isHeaderValue } from './grants.ts'

export const fetchReplyType = 'innkeeper.http.v1.FetchReply'

export interface FetchRequest {
  readonly httpMethod: string
  readonly url: URL
  readonly headers: ReadonlyMap<string, string>
  readonly body: Uint8Array | undefined
}

/** What a function asks for cannot be sent. */
export class FetchRefused extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'FetchRefused'
  }
}

const urlMax = 8_192
const headersMax = 64

/** @throws FetchRefused */
export function readFetch(bytes: Uint8Array): FetchRequest {
  let method = ''
  let url = ''
  let body: Uint8Array = new Uint8Array(0)
  const headers = new Map<string, string>()
  try {
    const cursor = new WireCursor(bytes)
    while (!cursor.done) {
      const tag = cursor.tag()
      if (tag === 10) method = cursor.string()
      else if (tag === 18) url = cursor.string()
      else if (tag === 26) addHeader(headers, cursor.view())
      else if (tag === 34) body = cursor.view()
      else cursor.skip(tag & 7)
    }
  } catch (error) {
    if (error instanceof WireError) throw new FetchRefused(`the request is no FetchRequest: ${error.message}`)
    throw error
  }
  const httpMethod = method === '' ? 'GET' : method
  if (!/^[A-Z]{1,20}$/.test(httpMethod) || httpMethod === 'CONNECT' || httpMethod === 'TRACE')
    throw new FetchRefused('the method is none that can be sent; GET, HEAD, POST, PUT, PATCH, DELETE and OPTIONS can')
  return { httpMethod, url: urlOf(url), headers, body: body.length === 0 ? undefined : body }
}

function addHeader(headers: Map<string, string>, bytes: Uint8Array): void {
  const cursor = new WireCursor(bytes)
  let name = ''
  let value = ''
  while (!cursor.done) {
    const tag = cursor.tag()
    if (tag === 10) name = cursor.string()
    else if (tag === 18) value = cursor.string()
    else cursor.skip(tag & 7)
  }
  const lower = name.toLowerCase()
  // The type of a body is the function's to say.
  const problem = lower === 'content-type' ? undefined : headerProblem(name)
  if (problem !== undefined) throw new FetchRefused(`the header ${JSON.stringify(name.slice(0, 100))} ${problem}`)
  if (value !== '' && !isHeaderValue(value))
    throw new FetchRefused(
      `the header ${lower} has a character that a header cannot carry; only visible ASCII can be sent`,
    )
  if (headers.has(lower)) throw new FetchRefused(`the header ${lower} is given twice`)
  if (headers.size === headersMax) throw new FetchRefused(`there are more than ${headersMax} headers`)
  headers.set(lower, value)
}

function urlOf(text: string): URL {
  const url = text.length > urlMax ? null : URL.parse(text)
  if (url === null) throw new FetchRefused('the url is no absolute URL')
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw new FetchRefused('the url begins with neither "https://" nor "http://"')
  if (url.username !== '' || url.password !== '')
    throw new FetchRefused('the url has a user or a password; the operator writes them into the grant, as a secret')
  url.hash = ''
  const problem = pathProblem(url.pathname)
  if (problem !== undefined) throw new FetchRefused(problem)
  return url
}

/** Grants whose URL is the beginning of this one, the longest first. */
export function grantsFor(url: URL, grants: Iterable<Grant>): readonly Grant[] {
  return [...grants]
    .filter((grant) => grant.url.origin === url.origin && pathIn(grant, url) !== undefined)
    .sort((a, b) => b.base.length - a.base.length)
}

/** What follows the grant's path; undefined: it is not below it. */
export function pathIn({ base }: Grant, url: URL): string | undefined {
  return url.pathname.startsWith(`${base}/`) ? url.pathname.slice(base.length) : undefined
}

export function isPathGranted(grant: Grant, url: URL): boolean {
  const path = pathIn(grant, url)
  return path !== undefined && allows(grant.paths, path)
}

/** Bytes of a FetchReply. */
export function fetchReply(
  status: number,
  headers: readonly (readonly [name: string, value: string])[],
  body: Uint8Array,
): Uint8Array {
  const sink = new Sink()
  if (status !== 0) {
    sink.varint(8)
    sink.varint(status)
  }
  for (const [name, value] of headers) {
    sink.varint(18)
    const start = sink.open()
    sink.varint(10)
    sink.string(name)
    if (value !== '') {
      sink.varint(18)
      sink.string(value)
    }
    sink.close(start)
  }
  if (body.length > 0) {
    sink.varint(26)
    sink.view(body)
  }
  return sink.finish()
}

/** Those that the grant lists, and the type of the body. */
export function listedHeaders(
  { responseHeaders }: Pick<Grant, 'responseHeaders'>,
  headers: IncomingHttpHeaders,
): readonly (readonly [name: string, value: string])[] {
  return Object.entries(headers).flatMap(([name, value]) => {
    if (value === undefined || (name !== 'content-type' && !responseHeaders.has(name))) return []
    return [[name, printableAscii(Array.isArray(value) ? value.join(', ') : value)] as const]
  })
}

/** Node reads a header's bytes as Latin-1; beyond ASCII nobody knows what they mean. */
function printableAscii(value: string): string {
  return value.replace(/[^\x20-\x7e]/g, '?')
}

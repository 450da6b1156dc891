// Answers: what a provider answered becomes a reply, or a failure that says whether it happened.
//
// A1. A reply in which a secret is found is refused: it may have happened, and nobody is told more (connector.W3).
// A2. A failure tells what the provider said as a google.rpc detail: status, listed headers and the first 4 KiB, from which secrets are taken out. Of
//     gRPC it has the details that the server sent, if no secret is in them.
// A3. No provider says for the host whether it happened: an ErrorInfo of the host's domain is left out.
//
// Owns: this.   statuses.ts owns: what a status means.   http.ts and grpc.ts own: the answer as it came.

import { STATUS_CODES } from 'node:http'
import type { Failure, Typed } from '../outcome.ts'
import { WireCursor, WireError } from '../schema/wire.ts'
import { outwardReply, ReplyError } from '../transcode/outward.ts'
import type { OutwardCall, Reason } from './connector.ts'
import { fetchReply, fetchReplyType, listedHeaders } from './fetch.ts'
import type { Grant } from './grants.ts'
import type { GrpcAnswer } from './grpc.ts'
import type { HttpAnswer } from './http.ts'
import type { Redactor } from './redactor.ts'
import { retryAfterMs } from './retry-after.ts'
import { type CodeName, meaningOfGrpc, meaningOfGrpcHttp, meaningOfHttp, numberOf } from './statuses.ts'

/** What came of a try. Of earlier tries and of the grant's `retry` it knows nothing. */
export type Come =
  | { readonly kind: 'reply'; readonly payload: Uint8Array }
  | {
      readonly kind: 'failure'
      readonly failure: Failure
      readonly reason: Reason
      readonly afterMs: number | undefined
      /** The HTTP status that made it, for `retry.on`. */
      readonly status: number | undefined
      /** Another try could only fail as well. */
      readonly final: boolean
    }

/** What is told of a body. */
const toldBytes = 4 * 1024
const messageMax = 4 * 1024
const hostDomain = 'innkeeper'

export function failureOf(code: CodeName, message: string, reason: Reason, final = false): Come {
  const failure = { code: numberOf(code), message, details: [] }
  return { kind: 'failure', failure, reason, afterMs: undefined, status: undefined, final }
}

export interface Reading {
  readonly grant: Grant
  readonly redactor: Redactor
  readonly nowMs: number
}

export function readHttp(call: OutwardCall, answer: HttpAnswer, { grant, redactor, nowMs }: Reading): Come {
  const { status, body } = answer
  const headers = listedHeaders(grant, answer.headers)
  const { place } = call
  if (place.kind === 'connector' && !isSuccess(status)) {
    const { code, reason } = meaningOfHttp(status)
    const text = STATUS_CODES[status]
    const more = status >= 300 && status < 400 ? '; redirects are not followed' : ''
    const message = `${grant.name} answered ${status}${text === undefined ? '' : ` (${text})`}${more}`
    const failure = { code: numberOf(code), message, details: [told(status, headers, body, redactor)] }
    const afterMs = retryAfterMs(answer.headers['retry-after'], nowMs)
    return { kind: 'failure', failure, reason, afterMs, status, final: false }
  }
  if (redactor.finds(body) || headers.some(([, value]) => redactor.finds(Buffer.from(value)))) return withSecret(grant)
  if (place.kind === 'fetch') return { kind: 'reply', payload: fetchReply(status, headers, body) }
  try {
    const type = answer.headers['content-type'] ?? ''
    const payload = outwardReply(place.schema, place.service, place.method, body, type)
    return redactor.finds(payload) ? withSecret(grant) : { kind: 'reply', payload }
  } catch (error) {
    if (!(error instanceof ReplyError)) throw error
    const message = redactor.redactedText(`${grant.name} answered ${status}, but ${error.message}`)
    const failure = { code: numberOf('INTERNAL'), message, details: [told(status, headers, body, redactor)] }
    return { kind: 'failure', failure, reason: 'UNKNOWN', afterMs: undefined, status: undefined, final: true }
  }
}

/** Statuses of which a body is read as a reply. */
export function isSuccess(status: number): boolean {
  return status >= 200 && status < 300
}

function told(
  status: number,
  headers: readonly (readonly [string, string])[],
  body: Uint8Array,
  redactor: Redactor,
): Typed {
  const clean = headers.map(([name, value]) => [name, redactor.redactedText(value)] as const)
  return { typeName: fetchReplyType, data: fetchReply(status, clean, redactor.redacted(body).subarray(0, toldBytes)) }
}

function withSecret({ name }: Grant): Come {
  return failureOf(
    'INTERNAL',
    `the answer of ${name} has a secret of innkeeper.json in it; it is not told`,
    'UNKNOWN',
    true,
  )
}

export function readGrpc(answer: GrpcAnswer, { grant, redactor, nowMs }: Reading): Come {
  const { code: number, payload } = answer
  if (number === undefined) {
    const { code, reason } = meaningOfGrpcHttp(answer.status)
    const failure = {
      code: numberOf(code),
      message: `${grant.name} answered ${answer.status} without gRPC`,
      details: [],
    }
    const afterMs = retryAfterMs(answer.headers['retry-after'], nowMs)
    return { kind: 'failure', failure, reason, afterMs, status: answer.status, final: false }
  }
  if (number === 0 && payload !== undefined) {
    return redactor.finds(payload) ? withSecret(grant) : { kind: 'reply', payload: payload.slice() }
  }
  const { code, reason } = meaningOfGrpc(number)
  const message = redactor.redactedText(answer.message).slice(0, messageMax).toWellFormed()
  const { details } = answer
  const failure = {
    code: numberOf(code),
    message: message === '' ? `${grant.name} answered ${code}` : message,
    details: details === undefined || redactor.finds(details) ? [] : detailsOf(details),
  }
  return { kind: 'failure', failure, reason, afterMs: undefined, status: undefined, final: false }
}

/** Of a google.rpc.Status; none, if the bytes are no such thing. */
function detailsOf(status: Uint8Array): readonly Typed[] {
  const details: Typed[] = []
  try {
    const cursor = new WireCursor(status)
    while (!cursor.done) {
      const tag = cursor.tag()
      if (tag !== 26) cursor.skip(tag & 7)
      else {
        const detail = detailOf(cursor.view())
        if (detail !== undefined) details.push(detail)
      }
    }
  } catch (error) {
    if (error instanceof WireError) return []
    throw error
  }
  return details
}

function detailOf(any: Uint8Array): Typed | undefined {
  const { 1: url, 2: data } = textAndBytes(any)
  const typeName = url.slice(url.lastIndexOf('/') + 1)
  if (!/^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$/.test(typeName)) return undefined
  if (typeName === 'google.rpc.ErrorInfo' && Buffer.from(textAndBytes(data)[2]).toString() === hostDomain)
    return undefined
  return { typeName, data: data.slice() }
}

/** Fields 1 and 2 of a message that has text in the first. */
function textAndBytes(bytes: Uint8Array): { 1: string; 2: Uint8Array } {
  const cursor = new WireCursor(bytes)
  const found = { 1: '', 2: new Uint8Array(0) as Uint8Array }
  while (!cursor.done) {
    const tag = cursor.tag()
    if (tag === 10) found[1] = cursor.string()
    else if (tag === 18) found[2] = cursor.view()
    else cursor.skip(tag & 7)
  }
  return found
}

// Call: what every protocol does alike on the way from a client's call to a command.
//
// Owns: the id of a call, the bounds of what comes beside its payload.   The protocols own: their bytes.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Answer } from '../command.ts'
import { InnkeeperError } from '../errors.ts'
import type { Flow } from '../in-flight.ts'
import type { Metadata } from '../metadata.ts'
import { metadataBytes } from '../metadata.ts'
import type { IngressContext } from './context.ts'

/** The client's own id if it is one, else a fresh one. */
export function requestIdOf(given: unknown, context: IngressContext): string {
  return typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given) ? given : context.requestId()
}

/** @throws InnkeeperError `storage_unavailable` while the host takes no calls. */
export function checkReady(context: IngressContext): void {
  const unready = context.unready()
  if (unready !== undefined) throw new InnkeeperError('storage_unavailable', unready)
}

/** @throws InnkeeperError `metadata_too_large` */
export function checkMetadata(metadata: Metadata, max: number, what: 'metadata' | 'headers'): Metadata {
  if (metadata.length > 0 && metadataBytes(metadata) > max)
    throw new InnkeeperError('metadata_too_large', `${what} for the service may have ${max} bytes`)
  return metadata
}

/** One value of at most `max` characters of printable ASCII. The header's draft standard makes it a quoted string; the quotes are
 *  not part of it, so `"k"` and `k` are one key. @throws InnkeeperError `bad_request` */
export function idempotencyKey(value: string | string[] | undefined, max: number): string | undefined {
  if (value === undefined) return undefined
  const key = typeof value === 'string' ? unquoted(value) : ''
  if (key.length === 0 || key.length > max || !/^[\x20-\x7e]*$/.test(key)) {
    throw new InnkeeperError('bad_request', `an idempotency key has 1 to ${max} printable ASCII characters`)
  }
  return key
}

/** The key of a request over HTTP/1.1. Node joins several headers of that name to one text, which is no key that anybody meant.
 *  @throws InnkeeperError `bad_request` */
export function idempotencyKeyOf({ headers, rawHeaders }: IncomingMessage, max: number): string | undefined {
  const value = headers['idempotency-key']
  if (typeof value === 'string' && value.includes(', ')) {
    const names = rawHeaders.filter((name, at) => at % 2 === 0 && name.toLowerCase() === 'idempotency-key')
    if (names.length > 1) throw new InnkeeperError('bad_request', 'the header idempotency-key is there more than once')
  }
  return idempotencyKey(value, max)
}

/** A string of RFC 8941 without its quotes; any other text as it is. */
function unquoted(text: string): string {
  const [, inside] = /^"((?:[^"\\]|\\["\\])*)"$/.exec(text) ?? []
  return inside?.replace(/\\(["\\])/g, '$1') ?? text
}

/** `then` is called once the response is sent whole, or can no more be sent. */
export function whenClosed({ socket }: IncomingMessage, response: ServerResponse, then: () => void): void {
  let open = true
  const closed = () => {
    if (!open) return
    open = false
    socket.off('close', closed)
    then()
  }
  response.once('close', closed)
  // A response that waits behind another one of its connection hears nothing of the connection's end. There may be many.
  socket.setMaxListeners(0).once('close', closed)
}

/** How long a client that was refused may still send, and how long it has to read the answer. */
const lastWordsMs = 1_000

/** The answer is written while more of the request comes: the connection ends with it. What still comes is read and dropped for a moment, since a
 *  client whose bytes nobody read is told that the connection broke, and not the answer. */
export function endSoon(request: IncomingMessage, response: ServerResponse): void {
  const { socket } = request
  request.resume()
  response.once('finish', () => socket.end())
  const timer = setTimeout(() => socket.destroy(), lastWordsMs)
  timer.unref()
  socket.once('close', () => clearTimeout(timer))
}

/** The whole answer was given to `response`: what its client has not read of it is counted until it has. */
export function countAnswer(flow: Flow, response: ServerResponse): void {
  const unread = response.writableLength
  flow.holds(0)
  flow.owes(unread - flow.unread)
  if (unread === 0) flow.close()
  else response.once('close', () => flow.close())
}

/** There was no room for it. */
export function isOverload(answer: Answer): boolean {
  return answer.kind === 'error' && answer.error.code === 'overloaded'
}

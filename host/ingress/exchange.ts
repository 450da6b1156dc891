// Exchange: one request and its response, as Node has them of HTTP/1.1 and of HTTP/2: what HTTP/JSON, gRPC-Web and the admin port do alike with them.
//
// Owns: when an exchange is over, and what of its answer is not read.   The protocols own: what is in it.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ServerHttp2Stream } from 'node:http2'
import type { Flow } from '../in-flight.ts'

export interface Pace {
  /** A stream without an element for so long sends its headers. In milliseconds. */
  readonly headersAfterMs: number
  /** Silent event streams get a comment so often: proxies cut connections that say nothing, the usual after 60 s. */
  readonly heartbeatMs: number
}

export const defaultPace: Pace = { headersAfterMs: 1_000, heartbeatMs: 15_000 }

/** The idempotency key as it was given; a list where it was more than once: Node joins those to one text, which is no key that anybody meant. */
export function givenKey({ headers, rawHeaders }: IncomingMessage): string | readonly string[] | undefined {
  const value = headers['idempotency-key']
  if (typeof value !== 'string' || !value.includes(', ')) return value
  const names = rawHeaders.filter((name, at) => at % 2 === 0 && name.toLowerCase() === 'idempotency-key')
  return names.length > 1 ? [value] : value
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

/** INTERNAL_ERROR of RFC 9113. A stream that is reset without an error could be taken for whole. */
const internalError = 2

/** Ends an exchange at once, in the middle of its answer. */
export function abort(request: IncomingMessage, response: ServerResponse): void {
  const { stream } = response as { stream?: ServerHttp2Stream }
  if (stream === undefined) request.socket.destroy()
  else stream.close(internalError)
}

/** Ends an answer in its middle, behind what was written, so that its client cannot take it for whole. */
export function cutOff(request: IncomingMessage, response: ServerResponse): void {
  if (request.httpVersionMajor === 2) {
    abort(request, response)
    return
  }
  const socket = response.socket ?? request.socket
  // Without chunks only a reset tells a cut from an end.
  if (request.httpVersion === '1.0') socket.resetAndDestroy()
  else socket.destroySoon()
}

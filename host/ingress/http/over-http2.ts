// Over HTTP/2: requests on HTTP/2 that are not gRPC, for the handlers of HTTP/1.1: HTTP/JSON and gRPC-Web.
//
// V1. What is gRPC is told by its content type alone, before anything runs: `application/grpc` and `application/grpc+proto`. Another
//     `application/grpc+…` is neither, and refused.
// V2. A stream counts for its connection like one of gRPC: what it takes to keep it, and its headers. It is incomplete until its last byte was read,
//     so one that sends headers and nothing more ends after `requestMs` (patience.ts).
// V3. One exchange does not end its connection: Node's request and response of HTTP/2 show a stream where they would show a socket, and its
//     `destroy` and `end` are the stream's.
//
// Leaves to others: the exchange (call.ts, grpc-web/call.ts), the connection (grpc/sessions.ts).

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import http2 from 'node:http2'
import { InnkeeperError } from '../../errors.ts'
import type { Connection, InFlight } from '../../in-flight.ts'
import { jsonType } from './body.ts'
import { errorToHttp } from './status.ts'

export type Handle = (request: IncomingMessage, response: ServerResponse) => void

/** `other`: of a type that starts like gRPC and that nobody here speaks. */
export function protocolOf({ 'content-type': type = '' }: IncomingHttpHeaders): 'grpc' | 'http' | 'other' {
  if (!/^application\/grpc/i.test(type) || /^application\/grpc-web/i.test(type)) return 'http'
  return /^application\/grpc(\+proto)?\s*(;|$)/i.test(type) ? 'grpc' : 'other'
}

/** What it takes to keep a stream. In bytes. */
const streamBytes = 4_096

export function handleOverHttp2(
  handle: Handle,
  inFlight: InFlight,
  connection: Connection,
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  raw: readonly string[],
): void {
  stream.on('error', () => {})
  const flow = connection.begin((error) => {
    if (stream.headersSent) stream.close(http2.constants.NGHTTP2_ENHANCE_YOUR_CALM)
    else refuse(stream, error)
  })
  flow.holds(streamBytes + raw.reduce((sum, text) => sum + text.length, 0))
  if (stream.endAfterHeaders) flow.inHand()
  else stream.once('end', () => flow.inHand())
  stream.once('close', () => flow.close())
  if (headers[':path']?.[0] !== '/') {
    refuse(stream, new InnkeeperError('bad_request', 'the request has no path'))
    return
  }
  headers.host ??= headers[':authority']
  const request = new http2.Http2ServerRequest(stream, headers, {}, withoutPseudo(raw))
  const response = new http2.Http2ServerResponse(stream)
  inFlight.is(request.socket, connection)
  // Made for it: what the two classes leave out are HTTP/1.1's own ways of framing.
  handle(request as unknown as IncomingMessage, response as unknown as ServerResponse)
}

/** Before anything has it. */
export function refuse(stream: ServerHttp2Stream, error: InnkeeperError): void {
  if (stream.destroyed || stream.closed) return
  const { status, body } = errorToHttp(error)
  stream.respond({ ':status': status, 'content-type': jsonType })
  stream.end(body)
  stream.resume()
}

/** Names and values in turn, without `:path` and its kind. */
function withoutPseudo(raw: readonly string[]): string[] {
  const headers: string[] = []
  for (let at = 0; at < raw.length; at += 2) if (raw[at]![0] !== ':') headers.push(raw[at]!, raw[at + 1]!)
  return headers
}

// Not yet: gRPC while the host is starting. What will be served is not known, so nothing can be called unimplemented.
//
// N1. Every call is answered with UNAVAILABLE, and its connection is closed after that: the client's next one meets the services.

import http2 from 'node:http2'
import type { Socket } from 'node:net'

const unavailable = 14

export interface NotYet {
  take(socket: Socket): void
}

/** @param reason why not yet, for each call anew */
export function createNotYet(reason: () => string): NotYet {
  const server = http2.createServer()
  server.on('stream', (stream) => {
    stream.on('error', () => {})
    stream.respond(
      {
        ':status': 200,
        'content-type': 'application/grpc+proto',
        'grpc-status': String(unavailable),
        'grpc-message': encodeURI(reason()),
      },
      { endStream: true },
    )
    stream.resume()
    stream.session?.close()
  })
  server.on('sessionError', () => {})
  return { take: (socket) => server.emit('connection', socket) }
}

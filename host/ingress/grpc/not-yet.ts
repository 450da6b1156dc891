// Not yet: gRPC while the host starts. What will be served is not known, so nothing can be called unimplemented.
//
// N1. Every call is answered with UNAVAILABLE, but health, which says NOT_SERVING. Its connection takes no further call: the client's
//     next one comes on another, and meets the services.
// N2. Whoever watches health hears on the same stream that the host serves.
// N3. A request is read no further than a health check is long.

import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import http2 from 'node:http2'
import type { Socket } from 'node:net'
import { InnkeeperError, wire } from '../../errors.ts'
import { written } from '../../written.ts'
import type { Frame } from '../envelope.ts'
import { FrameReader, frame } from '../envelope.ts'
import { protocolOf, refuse } from '../http/over-http2.ts'
import type { Checked, HealthContext } from './health-status.ts'
import { checkHealth, healthPaths, watchHealth } from './health-status.ts'

/** More than a service's name takes. */
const requestBytesMax = 4_096
const streamsMax = 100

interface NotYet {
  take(socket: Socket): void
  /** End what still watches. */
  close(): void
}

export function createNotYet(context: HealthContext): NotYet {
  const server = http2.createServer({ settings: { maxConcurrentStreams: streamsMax } })
  const sessions = new Set<ServerHttp2Session>()
  server.on('session', (session) => {
    sessions.add(session)
    session.on('close', () => sessions.delete(session))
  })
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {})
    const path = headers[':path']
    if (protocolOf(headers) === 'http')
      refuse(stream, new InnkeeperError('unavailable', context.unready() ?? 'try again'))
    else if (path === healthPaths.check) oneMessage(stream, (request) => checked(stream, checkHealth(context, request)))
    else if (path === healthPaths.watch) oneMessage(stream, (request) => watch(context, stream, request))
    else {
      fail(stream, new InnkeeperError('unavailable', context.unready() ?? 'try again'))
      stream.resume()
    }
    stream.session?.close()
  })
  server.on('sessionError', () => {})
  return {
    take: (socket) => server.emit('connection', socket),
    close() {
      for (const session of sessions) session.destroy()
    },
  }
}

function checked(stream: ServerHttp2Stream, answer: Checked): void {
  if (!('message' in answer)) {
    fail(stream, answer.error)
    return
  }
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
  stream.respond({ ':status': 200, 'content-type': contentType }, { waitForTrailers: true })
  stream.end(frame(0, answer.message))
}

function watch(context: HealthContext, stream: ServerHttp2Stream, request: Buffer): void {
  stream.respond({ ':status': 200, 'content-type': contentType })
  const stop = watchHealth(context, request, (message) => written(stream, frame(0, message)))
  stream.on('close', stop)
}

const contentType = 'application/grpc+proto'

function fail(stream: ServerHttp2Stream, { code, message }: InnkeeperError): void {
  stream.respond(
    {
      ':status': 200,
      'content-type': contentType,
      'grpc-status': String(wire[code].grpc),
      'grpc-message': encodeURI(message),
    },
    { endStream: true },
  )
}

/** The first message of a call, once it is there; a call without one fails. */
function oneMessage(stream: ServerHttp2Stream, then: (message: Buffer) => void): void {
  const frames = new FrameReader(requestBytesMax)
  let done = false
  const settle = (message: Buffer | undefined) => {
    done = true
    if (stream.destroyed) return
    if (message === undefined) fail(stream, new InnkeeperError('bad_request', 'not a HealthCheckRequest'))
    else then(message)
  }
  stream.on('data', (chunk: Buffer) => {
    if (done) return
    const next = nextFrame(frames, chunk)
    if (next !== undefined) settle(next === 'none' || next.flags !== 0 ? undefined : next.payload)
  })
  stream.on('end', () => {
    if (!done) settle(undefined)
  })
}

/** `none`: no frame can come of it. */
function nextFrame(frames: FrameReader, chunk: Buffer): Frame | 'none' | undefined {
  try {
    frames.push(chunk)
    return frames.next()
  } catch {
    return 'none'
  }
}

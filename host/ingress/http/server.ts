// HTTP server: Node's for HTTP/1.1. What comes is HTTP/JSON, unless it says that it is gRPC-Web; pages of other origins ask first (cors.ts). Upgrades to a
// WebSocket are taken for pipelined commands; any other upgrade is a request that does without.
//
// Owns: Node's server, and its bounds.   ingress/server.ts owns: the port.   The protocols own: requests.

import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Pipes } from '../commands/pipes.ts'
import type { IngressContext } from '../context.ts'
import { Cors } from '../cors.ts'
import type { Door } from '../door.ts'
import { createGrpcWeb, isGrpcWeb } from '../grpc-web/call.ts'
import { createHttpJson } from './call.ts'
import type { Handle } from './over-http2.ts'
import { WebSockets } from './websocket.ts'

// As an import it would have all that it exports, and so load undici, which takes longer than the rest of a start's modules together.
const http = process.getBuiltinModule('node:http')

const headersMs = 60_000
/** How often idle connections are looked for while the server closes. */
const idleMs = 50

interface HttpServer {
  /** A connection that speaks HTTP/1.1. */
  take(socket: Socket): void
  /** A request, of whatever version of HTTP. */
  readonly handle: Handle
  /** Takes no more requests. Resolves when those that run are answered. */
  drain(): Promise<void>
  /** No more is waited for. */
  stop(): void
}

/** `bound`: the host name or address of its port. */
export function createHttp(context: IngressContext, pipes: Pipes, bound: string): HttpServer {
  const sockets = new WebSockets(pipes, bound)
  const handle = handlerOf(context, pipes.door)
  const server = nodeServer(context, handle, (request) => sockets.wants(request))
  server.on('upgrade', (request, socket, head) => sockets.take(request, socket as Socket, head))
  // It never listens itself, and only then would Node keep its time limits (headersTimeout, requestTimeout) and know which
  // connections are idle.
  server.emit('listening')
  let idle: NodeJS.Timeout | undefined
  return {
    take: (socket) => server.emit('connection', socket),
    handle,
    drain() {
      server.closeIdleConnections()
      idle = setInterval(() => server.closeIdleConnections(), idleMs)
      return new Promise((resolve) => server.close(() => resolve()))
    },
    stop: () => clearInterval(idle),
  }
}

function handlerOf(context: IngressContext, door: Door): Handle {
  const grpcWeb = createGrpcWeb(context, door)
  const json = createHttpJson(context, door)
  const cors = new Cors(context.corsOrigins ?? [])
  return (request, response) => {
    if (cors.handle(request, response)) return
    if (isGrpcWeb(request)) grpcWeb(request, response)
    else json(request, response)
  }
}

function nodeServer(context: IngressContext, handle: Handle, upgrades: (request: IncomingMessage) => boolean): Server {
  const { connectionIdleMs, requestMs } = context.limits
  const settings = {
    maxHeaderSize: 32 * 1024,
    noDelay: true,
    keepAliveTimeout: connectionIdleMs,
    requestTimeout: requestMs,
    headersTimeout: Math.min(headersMs, requestMs),
    connectionsCheckingInterval: 5_000,
    shouldUpgradeCallback: upgrades,
  }
  return http.createServer(settings, handle)
}

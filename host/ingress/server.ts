// Server: one port for HTTP/1.1 (HTTP/JSON, gRPC-Web and WebSockets) and HTTP/2 (gRPC, HTTP/JSON, gRPC-Web). The first bytes of a connection
// tell which it speaks.
//
// S1. HTTP/2 connections start with "PRI"; everything else is handed to the HTTP/1.1 server, which refuses what it cannot read.
// S2. A connection that says nothing is closed after `silenceMs`.
// S3. `close` takes no new connection, lets running calls finish for a time, then ends what still streams with UNAVAILABLE and
//     closes what is left.
// S4. A peer that vanished without a word is noticed by TCP's own probes: a stream may be silent for days.
// S5. A connection without a call is closed after `connectionIdleMs`; a request that is not whole after `requestMs` ends (patience.ts).
// S6. While the host starts, calls are UNAVAILABLE: nothing is called unknown that may be served in a moment.

import type { AddressInfo, Server as NetServer, Socket } from 'node:net'
import net from 'node:net'
import { Pipes } from './commands/pipes.ts'
import { Connections } from './connections.ts'
import type { IngressContext } from './context.ts'
import { Door } from './door.ts'
import { createNotYet } from './grpc/not-yet.ts'
import type { createGrpc } from './grpc/server.ts'
import type { createSessions } from './grpc/sessions.ts'
import type { Handle } from './http/over-http2.ts'
import { createHttp } from './http/server.ts'
import { Patience } from './patience.ts'

const silenceMs = 10_000
const probeAfterMs = 60_000
/** At most, for the last words to streams when the host stops. */
const farewellMs = 500
const preface = Buffer.from('PRI')

export interface Ingress {
  readonly address: AddressInfo
  /** Stop taking calls; wait for running ones at most `waitMs`. */
  close(waitMs: number): Promise<void>
}

export async function listen(context: IngressContext, host: string, port: number): Promise<Ingress> {
  const door = new Door(context)
  const pipes = new Pipes(context, door)
  const { inFlight, limits } = context
  let grpc: Promise<Grpc> | undefined
  const takeGrpc = (socket: Socket) => {
    grpc ??= loadGrpc(context, pipes, web.handle)
    void grpc.then(({ sessions }) => socket.destroyed || sessions.take(socket))
  }
  const web = createHttp(context, pipes, host)
  const notYet = createNotYet(context)
  const connections = new Connections(inFlight, limits.connectionsMax)
  context.metrics.gauge('connections_open', 'Connections to the service port.', () => connections.size)
  context.metrics.counter(
    'connections_refused_total',
    'Connections to the service port that were closed at once, since there were too many.',
    () => connections.refused,
  )
  const server = net.createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: probeAfterMs }, (socket) => {
    context.accepted?.()
    socket.on('error', () => socket.destroy())
    if (!connections.enter(socket)) return
    sniff(socket, (http2) => {
      if (http2 && context.starting?.()) notYet.take(socket)
      else if (http2) takeGrpc(socket)
      else web.take(socket)
    })
  })
  // Of HTTP/2, what is incomplete; Node sees to HTTP/1.1.
  const patience = new Patience(inFlight, limits.requestMs)
  await listening(server, host, port)
  return {
    address: server.address() as AddressInfo,
    async close(waitMs) {
      server.close()
      patience.stop()
      notYet.close()
      pipes.drain()
      const webDone = web.drain()
      const loaded = await grpc
      const grpcDone = loaded && ended(loaded, waitMs + farewellMs)
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, waitMs)
      })
      const done = Promise.all([grpcDone, webDone, gone(connections, waitMs + farewellMs)])
      await Promise.race([done, late])
      const [streams, piped] = [door.endStreams(), pipes.end()]
      if (streams || piped) await Promise.race([done, new Promise((resolve) => setTimeout(resolve, farewellMs))])
      clearTimeout(timer)
      web.stop()
      for (const socket of connections) socket.destroy()
      loaded?.server.forceShutdown()
      loaded?.sessions.destroy()
    },
  }
}

interface Grpc extends ReturnType<typeof createGrpc> {
  readonly sessions: ReturnType<typeof createSessions>
}

/** For the first connection that speaks it: to load grpc-js takes as long as a tenth of a start. */
async function loadGrpc(context: IngressContext, pipes: Pipes, web: Handle): Promise<Grpc> {
  const [{ createGrpc }, { createSessions }] = await Promise.all([
    import('./grpc/server.ts'),
    import('./grpc/sessions.ts'),
  ])
  const { inFlight, limits } = context
  const made = createGrpc(context, pipes)
  return {
    ...made,
    sessions: createSessions({ ...made, web, inFlight, messageBytesMax: limits.messageBytesMax, door: pipes.door }),
  }
}

/** No new call; resolves when those that run have ended. */
function ended({ server, endWatches, sessions }: Grpc, waitMs: number): Promise<void> {
  endWatches()
  const done = new Promise<void>((resolve) => server.tryShutdown(() => resolve()))
  sessions.drain(waitMs)
  return done
}

function sniff(socket: Socket, then: (http2: boolean) => void): void {
  const silence = setTimeout(() => socket.destroy(), silenceMs)
  // Kept here until it is decided: what is put back into the stream at once is announced again at once, for ever.
  let seen: Buffer = Buffer.alloc(0)
  const look = () => {
    const chunk = socket.read() as Buffer | null
    if (chunk === null) return
    seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk])
    const known = Math.min(seen.length, preface.length)
    const matches = seen.compare(preface, 0, known, 0, known) === 0
    // "P" alone may become PRI or POST: wait for more.
    if (matches && known < preface.length) return
    clearTimeout(silence)
    socket.off('readable', look)
    socket.unshift(seen)
    then(matches)
  }
  socket.on('readable', look)
  socket.on('close', () => clearTimeout(silence))
}

function listening(server: NetServer, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** Connections that are only open, without a call, need not be waited for: the web server and the injector close those. */
function gone(connections: Connections, waitMs: number): Promise<void> {
  return new Promise((resolve) => {
    const started = Date.now()
    const look = () => {
      if (connections.size === 0 || Date.now() - started > waitMs) resolve()
      else setTimeout(look, 20)
    }
    look()
  })
}

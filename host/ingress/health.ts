// Health: grpc.health.v1 on the service port. The empty name is the host; a service is SERVING while it is deployed.

import type { Server, ServerUnaryCall, ServerWritableStream, sendUnaryData } from '@grpc/grpc-js'
import { WireCursor } from '../schema/wire.ts'
import type { IngressContext } from './context.ts'
import type { OwnStreams } from './own-streams.ts'

const serving = Buffer.from([8, 1])
const notServing = Buffer.from([8, 2])
const unknown = Buffer.from([8, 3])
const same = (bytes: Buffer): Buffer => bytes

/** How often a watched status is looked at. In milliseconds. */
const watchEveryMs = 1_000

export function registerHealth(
  server: Server,
  context: Pick<IngressContext, 'services' | 'unready'>,
  streams: OwnStreams,
): void {
  const status = (request: Buffer): Buffer => {
    const name = serviceName(request)
    if (name !== '' && context.services.get(name) === undefined) return unknown
    return context.unready() === undefined ? serving : notServing
  }
  const check = (call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>) => {
    const found = guarded(() => status(call.request))
    if (found === undefined) callback({ code: 3, details: 'not a HealthCheckRequest' })
    else if (found === unknown) callback({ code: 5, details: 'no such service is deployed' })
    else callback(null, found)
  }
  const watch = (call: ServerWritableStream<Buffer, Buffer>) => {
    const stream = streams.open('grpc.health.v1.Health', call)
    if (stream === undefined) return
    let last: Buffer | undefined
    let writing = false
    const look = () => {
      const now = guarded(() => status(call.request)) ?? unknown
      // A client that does not read hears the status of when it reads on, not all those before.
      if (now === last || writing) return
      last = now
      writing = true
      stream.write(now).then(() => {
        writing = false
      })
    }
    const timer = setInterval(look, watchEveryMs)
    timer.unref()
    call.on('cancelled', () => {
      clearInterval(timer)
      stream.end()
    })
    look()
  }
  server.register('/grpc.health.v1.Health/Check', check, same, same, 'unary')
  server.register('/grpc.health.v1.Health/Watch', watch, same, same, 'serverStream')
}

function guarded<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

function serviceName(request: Buffer): string {
  const cursor = new WireCursor(request)
  let name = ''
  while (!cursor.done) {
    const tag = cursor.tag()
    if (tag === 10) name = cursor.string()
    else cursor.skip(tag & 7)
  }
  return name
}

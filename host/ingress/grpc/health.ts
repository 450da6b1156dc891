// Health: grpc.health.v1 on the service port.
//
// Owns: its two methods.   health-status.ts owns: what they say.

import type { Server, ServerUnaryCall, ServerWritableStream, sendUnaryData } from '@grpc/grpc-js'
import type { HealthContext } from './health-status.ts'
import { checkHealth, healthPaths, watchHealth } from './health-status.ts'
import type { OwnStream, OwnStreams } from './own-streams.ts'
import { flowOf } from './sessions.ts'
import { plainStatus } from './status.ts'

const same = (bytes: Buffer): Buffer => bytes

/** Answers how what still watches is ended: nothing but the end of the host would. */
export function registerHealth(server: Server, context: HealthContext, streams: OwnStreams): () => void {
  const watching = new Set<OwnStream>()
  const check = (call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>) => {
    flowOf(call).opened(call.request)
    const checked = checkHealth(context, call.request)
    if ('message' in checked) callback(null, checked.message)
    else callback(plainStatus(checked.error))
  }
  const watch = (call: ServerWritableStream<Buffer, Buffer>) => {
    const stream = streams.open('grpc.health.v1.Health', call)
    if (stream === undefined) return
    stream.taken()
    const stop = watchHealth(context, call.request, (message) => stream.write(message))
    watching.add(stream)
    call.on('cancelled', () => {
      stop()
      watching.delete(stream)
      stream.end()
    })
  }
  server.register(healthPaths.check, check, same, same, 'unary')
  server.register(healthPaths.watch, watch, same, same, 'serverStream')
  return () => {
    for (const stream of watching) stream.end()
  }
}

// gRPC server: grpc-js, and which method of it has which handler.
//
// G1. Methods follow the directory: a deployment adds and removes handlers while connections stay open; a method may
//     change between unary and streaming.
// G2. Payloads pass through as bytes; nothing is decoded here.
// G3. A refusal is its status, message and details (`grpc-status-details-bin`); an error is that of errors.ts.
//
// Owns: grpc-js.   call.ts and stream.ts own: calls.   sessions.ts owns: their connections.   ingress/server.ts owns: the port.
// reflection.ts, health.ts and commands.ts are services of the host itself.

import { Server } from '@grpc/grpc-js'
import { isStreamed } from '../../schema/schema.ts'
import type { Directory } from '../../services.ts'
import type { Pipes } from '../commands/pipes.ts'
import type { IngressContext } from '../context.ts'
import { unary } from './call.ts'
import { registerCommands } from './commands.ts'
import { registerHealth } from './health.ts'
import { OwnStreams } from './own-streams.ts'
import { registerReflection } from './reflection.ts'
import { streaming } from './stream.ts'

const same = (bytes: Buffer): Buffer => bytes

interface Grpc {
  readonly server: Server
  /** End what watches the host's health. */
  readonly endWatches: () => void
}

export function createGrpc(context: IngressContext, pipes: Pipes): Grpc {
  const { door } = pipes
  const { limits } = context
  const server = new Server({
    'grpc.max_receive_message_length': limits.messageBytesMax,
    'grpc.max_send_message_length': -1,
    // Calls beyond this on one connection wait at the client.
    'grpc.max_concurrent_streams': 10_000,
    'grpc.max_connection_idle_ms': limits.connectionIdleMs,
  })
  const own = new OwnStreams(door)
  registerReflection(server, context.services, own)
  const endWatches = registerHealth(server, context, own)
  registerCommands(server, pipes)
  /** Paths, and whether the method there streams. */
  let registered = new Map<string, boolean>()
  const follow = (directory: Directory) => {
    const now = new Map<string, boolean>()
    // Those that cannot be run as well: their callers are told why.
    for (const { name: service, type } of [...directory.unserved.values(), ...directory.services.values()]) {
      for (const method of type?.methods.values() ?? []) {
        const { name } = method
        const path = `/${service}/${name}`
        const isStream = isStreamed(method)
        now.set(path, isStream)
        // The handlers look the service up for each call, so a new version needs no new handler.
        if (registered.get(path) === isStream) continue
        if (registered.has(path)) server.unregister(path)
        if (isStream) server.register(path, streaming(context, door, service, name), same, same, 'bidi')
        else server.register(path, unary(door, service, name), same, same, 'unary')
      }
    }
    for (const path of registered.keys()) if (!now.has(path)) server.unregister(path)
    registered = now
  }
  follow(context.services.current)
  context.services.onChange(follow)
  return { server, endWatches }
}

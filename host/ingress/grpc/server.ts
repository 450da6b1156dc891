// gRPC: calls become commands, answers become messages or statuses.
//
// G1. Methods follow the directory: a deployment adds and removes handlers while connections stay open; a method may
//     change between unary and streaming.
// G2. Payloads pass through as bytes; nothing is decoded here.
// G3. A refusal is its status, message and details (`grpc-status-details-bin`); an error is that of errors.ts.
//
// Owns: grpc-js and unary calls.   stream.ts owns: those that stream.   ingress/server.ts owns: the port.
// reflection.ts and health.ts are two services of the host itself.

import type { handleUnaryCall } from '@grpc/grpc-js'
import { Server } from '@grpc/grpc-js'
import { toInnkeeperError } from '../../errors.ts'
import { isStreamed } from '../../schema/schema.ts'
import type { Directory } from '../../services.ts'
import { checkReady, isOverload } from '../call.ts'
import type { IngressContext } from '../context.ts'
import type { Streams } from '../stream.ts'
import { registerHealth } from './health.ts'
import { OwnStreams } from './own-streams.ts'
import { registerReflection } from './reflection.ts'
import { flowOf } from './sessions.ts'
import {
  deadlineOf,
  failureStatus,
  grpcRequestId,
  incomingKey,
  incomingMetadata,
  outgoingMetadata,
  trailerOf,
} from './status.ts'
import { streaming } from './stream.ts'

const same = (bytes: Buffer): Buffer => bytes

export interface Grpc {
  readonly server: Server
  /** End what watches the host's health. */
  readonly endWatches: () => void
}

export function createGrpc(context: IngressContext, streams: Streams): Grpc {
  const { limits } = context
  const server = new Server({
    'grpc.max_receive_message_length': limits.messageBytesMax,
    'grpc.max_send_message_length': -1,
    // Calls beyond this on one connection wait at the client.
    'grpc.max_concurrent_streams': 10_000,
    'grpc.max_connection_idle_ms': limits.connectionIdleMs,
  })
  const own = new OwnStreams(streams)
  registerReflection(server, context.services, own)
  const endWatches = registerHealth(server, context, own)
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
        if (isStream) server.register(path, streaming(context, streams, service, name), same, same, 'bidi')
        else server.register(path, unary(context, service, name), same, same, 'unary')
      }
    }
    for (const path of registered.keys()) if (!now.has(path)) server.unregister(path)
    registered = now
  }
  follow(context.services.current)
  context.services.onChange(follow)
  return { server, endWatches }
}

function unary(context: IngressContext, service: string, method: string): handleUnaryCall<Buffer, Buffer> {
  return (call, callback) => {
    const flow = flowOf(call)
    const startedMs = flow.cameMs
    flow.opened(call.request)
    const requestId = grpcRequestId(call, context)
    const failed = (thrown: unknown) => {
      const error = toInnkeeperError(thrown)
      if (error.code === 'internal') context.log.error({ requestId, err: thrown }, 'a call failed')
      callback(failureStatus({ kind: 'error', error }, requestId))
    }
    try {
      checkReady(context)
      const metadata = incomingMetadata(call, context)
      const idempotencyKey = incomingKey(call, context)
      const recorder = context.metrics.of(service)
      recorder.received()
      const deadlineMs = deadlineOf(call)
      const command = {
        service,
        method,
        payload: call.request,
        metadata,
        idempotencyKey,
        deadlineMs: Number.isFinite(deadlineMs) ? deadlineMs : context.clock.now() + context.deadlineMs,
        hops: 0,
        requestId,
        effect: undefined,
        client: flow.client,
      }
      context.dispatch(command, (answer) => {
        recorder.completed((performance.now() - startedMs) / 1000, answer.kind === 'reply')
        if (answer.kind === 'error') {
          failed(answer.error)
          if (isOverload(answer)) flow.whenClosed(() => recorder.refused((performance.now() - startedMs) / 1000))
          return
        }
        const headers = outgoingMetadata(answer.metadata)
        if (headers !== undefined) call.sendMetadata(headers)
        if (answer.kind === 'refusal') {
          callback(failureStatus(answer, requestId))
          return
        }
        const { buffer, byteOffset, byteLength } = answer.payload
        callback(null, Buffer.from(buffer, byteOffset, byteLength), trailerOf(requestId))
      })
    } catch (error) {
      failed(error)
    }
  }
}

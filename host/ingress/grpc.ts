// gRPC: calls become commands, answers become messages or statuses.
//
// G1. Methods follow the directory: a deployment adds and removes handlers while connections stay open.
// G2. Payloads pass through as bytes; nothing is decoded here.
// G3. A refusal is its status, message and details (`grpc-status-details-bin`); an error is that of errors.ts.
//
// Owns: grpc-js.   server.ts owns: the port.   reflection.ts and health.ts are two services of the host itself.

import type { handleUnaryCall, ServerUnaryCall } from '@grpc/grpc-js'
import { Metadata as GrpcMetadata, Server } from '@grpc/grpc-js'
import type { Answer } from '../command.ts'
import { InnkeeperError, toInnkeeperError, wire } from '../errors.ts'
import { metadataBytes } from '../metadata.ts'
import type { Directory, Service } from '../services.ts'
import type { IngressContext } from './context.ts'
import { metadataFromGrpc, replyHeaders } from './headers.ts'
import { registerHealth } from './health.ts'
import { idempotencyKey } from './http-json.ts'
import { registerReflection } from './reflection.ts'
import { statusDetails } from './status.ts'

const same = (bytes: Buffer): Buffer => bytes

export function createGrpc(context: IngressContext): Server {
  const { limits } = context
  const server = new Server({
    'grpc.max_receive_message_length': limits.messageBytesMax,
    'grpc.max_send_message_length': -1,
    // Streams beyond this on one connection wait at the client.
    'grpc.max_concurrent_streams': 10_000,
  })
  registerReflection(server, context.services)
  registerHealth(server, context)
  let registered = new Set<string>()
  const follow = (directory: Directory) => {
    const now = new Set<string>()
    for (const service of directory.services.values()) {
      for (const method of service.methods.keys()) {
        const path = `/${service.name}/${method}`
        now.add(path)
        // The handler looks the service up for each call, so a new version needs no new handler.
        if (!registered.has(path)) server.register(path, unary(context, service.name, method), same, same, 'unary')
      }
    }
    for (const path of registered) if (!now.has(path)) server.unregister(path)
    registered = now
  }
  follow(context.services.current)
  context.services.onChange(follow)
  return server
}

function unary(context: IngressContext, service: string, method: string): handleUnaryCall<Buffer, Buffer> {
  return (call, callback) => {
    const startedMs = performance.now()
    const given = call.metadata.get('x-request-id')[0]
    const requestId = typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given) ? given : context.requestId()
    const trailer = new GrpcMetadata()
    trailer.set('x-request-id', requestId)
    const fail = (thrown: unknown) => {
      const error = toInnkeeperError(thrown)
      if (error.code === 'internal') context.log.error({ requestId, err: thrown }, 'a call failed')
      callback({ code: wire[error.code].grpc, details: error.message, metadata: trailer })
    }
    try {
      const target = context.services.get(service)
      const unready = context.unready()
      if (unready !== undefined) throw new InnkeeperError('storage_unavailable', unready)
      const metadata = metadataFromGrpc(pairs(call))
      if (metadata.length > 0 && metadataBytes(metadata) > context.limits.metadataBytesMax) {
        throw new InnkeeperError(
          'metadata_too_large',
          `metadata for the service may have ${context.limits.metadataBytesMax} bytes`,
        )
      }
      const key = idempotencyKey(keyOf(call), context.limits.nameLengthMax)
      const recorder = context.metrics.of(service)
      recorder.received()
      const command = {
        service,
        method,
        payload: call.request,
        metadata,
        idempotencyKey: key,
        deadlineMs: deadlineOf(call, context),
        hops: 0,
        requestId,
        effect: undefined,
      }
      context.dispatch(command, (answer) => {
        recorder.completed((performance.now() - startedMs) / 1000, answer.kind === 'reply')
        if (answer.kind === 'error') fail(answer.error)
        else answered(call, callback, answer, target, trailer)
      })
    } catch (error) {
      fail(error)
    }
  }
}

function answered(
  call: ServerUnaryCall<Buffer, Buffer>,
  callback: Parameters<handleUnaryCall<Buffer, Buffer>>[1],
  answer: Exclude<Answer, { kind: 'error' }>,
  target: Service | undefined,
  trailer: GrpcMetadata,
): void {
  if (answer.metadata.length > 0) {
    const headers = new GrpcMetadata()
    for (const [name, value] of replyHeaders(answer.metadata)) if (!name.endsWith('-bin')) headers.add(name, value)
    for (const [name, value] of answer.metadata) {
      if (name.endsWith('-bin') && typeof value !== 'string') headers.add(name, Buffer.from(value))
    }
    if (target !== undefined) call.sendMetadata(headers)
  }
  if (answer.kind === 'reply') {
    callback(null, Buffer.from(answer.payload.buffer, answer.payload.byteOffset, answer.payload.byteLength), trailer)
    return
  }
  const details = statusDetails(answer.failure)
  if (details !== undefined) trailer.set('grpc-status-details-bin', Buffer.from(details))
  callback({ code: answer.failure.code, details: answer.failure.message, metadata: trailer })
}

function* pairs(call: ServerUnaryCall<Buffer, Buffer>): Iterable<readonly [string, string | Buffer]> {
  const { metadata } = call
  for (const name of Object.keys(metadata.getMap())) for (const value of metadata.get(name)) yield [name, value]
}

function keyOf(call: ServerUnaryCall<Buffer, Buffer>): string | string[] | undefined {
  const values = call.metadata.get('idempotency-key')
  if (values.length === 0) return undefined
  return values.length === 1 ? String(values[0]) : values.map(String)
}

function deadlineOf(call: ServerUnaryCall<Buffer, Buffer>, context: IngressContext): number {
  const given = call.getDeadline()
  const ms = given instanceof Date ? given.getTime() : given
  return Number.isFinite(ms) ? ms : context.clock.now() + context.deadlineMs
}

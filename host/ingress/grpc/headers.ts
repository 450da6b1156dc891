// gRPC headers: what a call's metadata say, and those of its answer (ingress/headers.ts).

import type { ServerDuplexStream, ServerUnaryCall } from '@grpc/grpc-js'
import { Metadata as GrpcMetadata } from '@grpc/grpc-js'
import { type Commits, commitHeader } from '../../commits.ts'
import { isKept } from '../../header-names.ts'
import type { Metadata, MetadataEntry } from '../../metadata.ts'
import { noMetadata } from '../../metadata.ts'
import { replyMetadata } from '../headers.ts'

/** A call of grpc-js' surface. */
type Surface = ServerUnaryCall<Buffer, Buffer> | ServerDuplexStream<Buffer, Buffer>

/** From gRPC metadata, as pairs; `-bin` values come as bytes already. */
export function metadataFromGrpc(pairs: Iterable<readonly [string, string | Buffer]>): Metadata {
  let result: MetadataEntry[] | undefined
  for (const [name, value] of pairs) if (!isKept(name)) (result ??= []).push([name, value])
  return result ?? noMetadata
}

export function metadataOf({ metadata }: Surface): Metadata {
  return metadataFromGrpc(pairs(metadata))
}

/** The id that the client gave the call, if it did. */
export function givenId({ metadata }: Surface): unknown {
  return metadata.get('x-request-id')[0]
}

/** As it was given; a list where it was more than once. */
export function givenKey({ metadata }: Surface): string | readonly string[] | undefined {
  const values = metadata.get('idempotency-key')
  return values.length > 1 ? values.map(String) : values[0]?.toString()
}

/** Milliseconds since 1970; infinite without `grpc-timeout`. */
export function deadlineOf(call: Surface): number {
  const given = call.getDeadline()
  return given instanceof Date ? given.getTime() : given
}

/** Initial metadata from that of the (first) reply, and what it tells of; undefined where there is none. */
export function outgoingMetadata(metadata: Metadata, commits: Commits | undefined): GrpcMetadata | undefined {
  if (metadata.length === 0 && commits === undefined) return undefined
  const result = new GrpcMetadata()
  if (commits !== undefined) result.set(commitHeader, commits.text)
  for (const [name, value] of replyMetadata(metadata)) result.add(name, value)
  return result
}

function* pairs(metadata: GrpcMetadata): Iterable<readonly [string, string | Buffer]> {
  for (const name of Object.keys(metadata.getMap())) for (const value of metadata.get(name)) yield [name, value]
}

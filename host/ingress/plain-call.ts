// Plain call: what any protocol knows of a call, and the command that it becomes.
//
// C1. A command of a client has metadata within `metadataBytesMax`, no key or one of at most `nameLengthMax` characters of printable ASCII, and no
//     hops. It has the deadline that its client named; else the host's, or none if it streams.
// C2. One object is made of a call, before its payload is there.
//
// Leaves to others: the id, and when it is made (door.ts); which headers are metadata (headers.ts).

import type { Command } from '../command.ts'
import { InnkeeperError } from '../errors.ts'
import type { Metadata } from '../metadata.ts'
import { metadataBytes } from '../metadata.ts'
import type { IngressContext } from './context.ts'

/** A call as its protocol knows it. */
export interface PlainCall {
  readonly service: string
  readonly method: string
  readonly streamed: boolean
  /** What the function may see of its headers. */
  readonly metadata: Metadata
  /** What the protocol's users call that. */
  readonly metadataName: 'metadata' | 'headers'
  /** As it was given; a list where it was more than once. */
  readonly idempotencyKey: string | readonly string[] | undefined
  /** Milliseconds since 1970; infinite where its client named none. */
  readonly deadlineMs: number
  /** As `Door.requestId` answered. */
  readonly requestId: string
  readonly client: string
}

/** A command whose payload is still to come. */
export interface Draft extends Omit<Command, 'payload'> {
  payload: Uint8Array
}

const nothing: Uint8Array = new Uint8Array(0)

/** @throws InnkeeperError `metadata_too_large`, `bad_request` */
export function commandOf(
  call: PlainCall,
  { limits, clock, deadlineMs: waitMs }: Pick<IngressContext, 'limits' | 'clock' | 'deadlineMs'>,
): Draft {
  const { deadlineMs } = call
  return {
    service: call.service,
    method: call.method,
    payload: nothing,
    metadata: checkedMetadata(call, limits.metadataBytesMax),
    idempotencyKey: checkedKey(call.idempotencyKey, limits.nameLengthMax),
    deadlineMs: call.streamed || Number.isFinite(deadlineMs) ? deadlineMs : clock.now() + waitMs,
    hops: 0,
    requestId: call.requestId,
    effect: undefined,
    client: call.client,
  }
}

function checkedMetadata({ metadata, metadataName }: PlainCall, max: number): Metadata {
  if (metadata.length > 0 && metadataBytes(metadata) > max)
    throw new InnkeeperError('metadata_too_large', `${metadataName} for the service may have at most ${max} bytes`)
  return metadata
}

/** One value of at most `max` characters of printable ASCII. The header's draft standard makes it a quoted string; the quotes are
 *  not part of it, so `"k"` and `k` are one key. */
function checkedKey(given: PlainCall['idempotencyKey'], max: number): string | undefined {
  if (given === undefined) return undefined
  if (typeof given !== 'string')
    throw new InnkeeperError('bad_request', 'the request has more than one idempotency-key header')
  const key = unquoted(given)
  if (key.length === 0 || key.length > max || !/^[\x20-\x7e]*$/.test(key))
    throw new InnkeeperError('bad_request', `an idempotency key has 1 to ${max} printable ASCII characters`)
  return key
}

/** A string of RFC 8941 without its quotes; any other text as it is. */
function unquoted(text: string): string {
  const [, inside] = /^"((?:[^"\\]|\\["\\])*)"$/.exec(text) ?? []
  return inside?.replace(/\\(["\\])/g, '$1') ?? text
}

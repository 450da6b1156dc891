// Repeating: methods with one answer, and streams that come once, with the tries that they may have.
//
// R1. A call is tried again only if its connection or its host was lost, and only if that cannot do a thing twice: a command has the same
//     idempotency key in all its tries, a query changes nothing, an action is tried once, unless its .proto says that it may be repeated.
// R2. A stream is not tried again once something of it was given.

import type {
  DescMessage,
  DescMethod,
  DescMethodStreaming,
  DescMethodUnary,
  MessageInitShape,
  MessageShape,
} from '@bufbuild/protobuf'
import { MethodOptions_IdempotencyLevel as Level } from '@bufbuild/protobuf/wkt'
import { Code, ConnectError } from '@connectrpc/connect'
import type { Core } from './core.ts'
import { canceled, isLost, pause } from './lost.ts'
import type { CallOptions, Kind } from './types.ts'

const keyHeader = 'idempotency-key'

export async function ask<I extends DescMessage, O extends DescMessage>(
  core: Core,
  kind: Kind,
  method: DescMethodUnary<I, O>,
  request: MessageInitShape<I>,
  options: CallOptions,
): Promise<MessageShape<O>> {
  const keyed = withKey(kind, options)
  const tries = mayRepeat(kind, method) ? (options.tries ?? core.tries) : 1
  const answer = await again(tries, keyed, (one) => core.unary(kind, method, request, one))
  if (kind === 'command' || kind === 'action') core.written()
  return answer
}

export async function* rows<I extends DescMessage, O extends DescMessage>(
  core: Core,
  kind: Kind,
  method: DescMethodStreaming<I, O>,
  request: MessageInitShape<I>,
  options: CallOptions,
): AsyncGenerator<MessageShape<O>, void, undefined> {
  const tries = mayRepeat(kind, method) ? (options.tries ?? core.tries) : 1
  const { stream, first } = await again(tries, options, async (one) => {
    const stream = core.stream(kind, method, request, one)
    return { stream, first: await stream.next() }
  })
  try {
    for (let next = first; next.done !== true; next = await stream.next()) yield next.value
  } finally {
    await stream.return()
  }
}

function withKey(kind: Kind, options: CallOptions): CallOptions {
  const headers = new Headers(options.headers)
  if (options.idempotencyKey !== undefined) headers.set(keyHeader, options.idempotencyKey)
  else if ((kind === 'command' || kind === 'read') && !headers.has(keyHeader)) headers.set(keyHeader, newKey())
  return { ...options, headers }
}

/** Also where `randomUUID` is not: in pages that came over plain HTTP from another machine. */
function newKey(): string {
  if (crypto.randomUUID !== undefined) return crypto.randomUUID()
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

function mayRepeat(kind: Kind, { idempotency }: DescMethod): boolean {
  if (kind === 'action' || kind === 'stream') return idempotency !== Level.IDEMPOTENCY_UNKNOWN
  return true
}

async function again<T>(tries: number, options: CallOptions, call: (options: CallOptions) => Promise<T>): Promise<T> {
  const { timeoutMs, signal } = options
  const endsAt = timeoutMs === undefined ? undefined : performance.now() + timeoutMs
  for (let tried = 1; ; tried++) {
    if (signal?.aborted === true) throw canceled(signal)
    const leftMs = endsAt === undefined ? undefined : Math.ceil(endsAt - performance.now())
    if (leftMs !== undefined && leftMs <= 0 && tried > 1)
      throw new ConnectError('the operation timed out', Code.DeadlineExceeded)
    try {
      return await call(leftMs === undefined ? options : { ...options, timeoutMs: leftMs })
    } catch (error) {
      if (tried >= tries || !isLost(error)) throw error
    }
    await pause(tried, signal)
  }
}

// Core: what all methods of one client share: the transport, the commits that it heard of, and who wants to know of its writes.

import type {
  DescMessage,
  DescMethodStreaming,
  DescMethodUnary,
  MessageInitShape,
  MessageShape,
} from '@bufbuild/protobuf'
import type { Interceptor, StreamResponse, Transport, UnaryResponse } from '@connectrpc/connect'
import { Code, ConnectError } from '@connectrpc/connect'
import { createGrpcWebTransport } from '@connectrpc/connect-web'
import { Heard, wanted } from './heard.ts'
import type { Fetch } from './lost.ts'
import { tellingLost } from './lost.ts'
import type { CallOptions, HeadersLike, Kind } from './types.ts'

export interface ClientOptions {
  /** Where the host listens. Without it, where the page is from. */
  readonly baseUrl?: string
  /** Sent with each call. */
  readonly headers?: HeadersLike
  /** Of @connectrpc/connect; each try of a call passes through them. */
  readonly interceptors?: Interceptor[]
  readonly fetch?: Fetch
  /** In place of gRPC-Web to `baseUrl`. */
  readonly transport?: Transport
  /** How often a call is tried at most, where a failure lets it be tried again (default 6, within some seconds). */
  readonly tries?: number
}

const usualTries = 6

export class Core {
  readonly tries: number
  private readonly transport: Transport
  private readonly headers: HeadersLike
  private readonly heard = new Heard()
  private readonly listeners = new Set<() => void>()

  constructor({ baseUrl = '/', headers, interceptors, fetch, transport, tries = usualTries }: ClientOptions) {
    this.tries = tries
    this.headers = headers
    this.transport =
      transport ?? createGrpcWebTransport({ baseUrl, fetch: tellingLost(fetch), ...(interceptors && { interceptors }) })
  }

  /** One try. */
  async unary<I extends DescMessage, O extends DescMessage>(
    kind: Kind,
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    { signal, timeoutMs, headers }: CallOptions,
  ): Promise<MessageShape<O>> {
    const call = (sent: Headers): Promise<UnaryResponse<I, O>> =>
      this.transport.unary(method, signal, timeoutMs, sent, request)
    const { header, trailer, message } = await this.reflecting(kind, headers, call)
    this.heard.hear(header)
    this.heard.hear(trailer)
    return message
  }

  /** One try. */
  async *stream<I extends DescMessage, O extends DescMessage>(
    kind: Kind,
    method: DescMethodStreaming<I, O>,
    request: MessageInitShape<I>,
    { signal, timeoutMs, headers }: CallOptions,
  ): AsyncGenerator<MessageShape<O>, void, undefined> {
    const open = async (sent: Headers): Promise<Opened<I, O>> => {
      const response = await this.transport.stream(method, signal, timeoutMs, sent, only(request))
      const messages = response.message[Symbol.asyncIterator]()
      return { response, messages, first: await messages.next() }
    }
    const { response, messages, first } = await this.reflecting(kind, headers, open)
    this.heard.hear(response.header)
    try {
      for (let next = first; next.done !== true; next = await messages.next()) yield next.value
      this.heard.hear(response.trailer)
    } finally {
      await messages.return?.()
    }
  }

  /** Calls `listener` after each command that was answered. */
  onWritten(listener: () => void): () => void {
    this.listeners.add(listener)
    return () => void this.listeners.delete(listener)
  }

  written(): void {
    for (const listener of this.listeners) listener()
  }

  /** A query of a view is asked as of what was heard. A host that knows no such commits has lost them: then they are nothing to wait for. */
  private async reflecting<T>(kind: Kind, headers: HeadersLike, call: (headers: Headers) => Promise<T>): Promise<T> {
    const sent = new Headers(this.headers)
    new Headers(headers).forEach((value, name) => void sent.set(name, value))
    const after = ofView(kind) && !sent.has(wanted) ? this.heard.text : undefined
    if (after === undefined) return await this.hearing(call(sent))
    const without = new Headers(sent)
    sent.set(wanted, after)
    try {
      return await this.hearing(call(sent))
    } catch (error) {
      if (!(error instanceof ConnectError) || error.code !== Code.InvalidArgument) throw error
      const answer = await this.hearing(call(without))
      this.heard.forget()
      return answer
    }
  }

  /** A refusal tells of commits, too. */
  private async hearing<T>(call: Promise<T>): Promise<T> {
    try {
      return await call
    } catch (error) {
      if (error instanceof ConnectError) this.heard.hear(error.metadata)
      throw error
    }
  }
}

interface Opened<I extends DescMessage, O extends DescMessage> {
  readonly response: StreamResponse<I, O>
  readonly messages: AsyncIterator<MessageShape<O>>
  readonly first: IteratorResult<MessageShape<O>>
}

function ofView(kind: Kind): boolean {
  return kind === 'query' || kind === 'rows' || kind === 'live'
}

async function* only<T>(value: T): AsyncGenerator<T, void, undefined> {
  yield value
}

// Following: watches and live queries, as async iterables of the newest answer.
//
// F1. A call that is lost is made again: before the first answer so often as a unary call, then until the iteration ends.
// F2. What was not taken yet gives way to what is newer.
// F3. An answer after a new connection that equals the one before it is not given again.
// F4. `return()` and the signal end the call.

import type { DescMessage, DescMethodStreaming, MessageInitShape, MessageShape } from '@bufbuild/protobuf'
import { toBinary } from '@bufbuild/protobuf'
import { Code, ConnectError } from '@connectrpc/connect'
import type { Core } from './core.ts'
import { canceled, isLost, pause } from './lost.ts'
import type { FollowOptions, Kind } from './types.ts'

export function following<I extends DescMessage, O extends DescMessage>(
  core: Core,
  kind: Kind,
  method: DescMethodStreaming<I, O>,
  request: MessageInitShape<I>,
  options: FollowOptions,
): AsyncIterable<MessageShape<O>> {
  return {
    [Symbol.asyncIterator]: () => new Following(core, kind, method, request, options),
  }
}

class Following<I extends DescMessage, O extends DescMessage> implements AsyncIterator<MessageShape<O>> {
  private readonly core: Core
  private readonly kind: Kind
  private readonly method: DescMethodStreaming<I, O>
  private readonly request: MessageInitShape<I>
  private readonly options: FollowOptions
  private readonly newest = new Newest<MessageShape<O>>()
  private readonly over = new AbortController()
  private begun = false
  private last: MessageShape<O> | undefined

  constructor(
    core: Core,
    kind: Kind,
    method: DescMethodStreaming<I, O>,
    request: MessageInitShape<I>,
    options: FollowOptions,
  ) {
    this.core = core
    this.kind = kind
    this.method = method
    this.request = request
    this.options = options
  }

  next(): Promise<IteratorResult<MessageShape<O>>> {
    if (!this.begun) this.begin()
    return this.newest.take()
  }

  async return(): Promise<IteratorResult<MessageShape<O>>> {
    this.begun = true
    this.newest.end()
    this.over.abort()
    return { done: true, value: undefined }
  }

  private begin(): void {
    this.begun = true
    const { signal } = this.options
    const stop = (): void => {
      this.newest.end(canceled(signal!))
      this.over.abort()
    }
    if (signal?.aborted === true) {
      stop()
      return
    }
    signal?.addEventListener('abort', stop)
    void this.follow()
      .catch((error) => this.newest.end(error))
      .finally(() => signal?.removeEventListener('abort', stop))
  }

  private async follow(): Promise<void> {
    const { signal } = this.over
    for (let failed = 0; !signal.aborted; ) {
      let came = false
      try {
        for await (const answer of this.core.stream(this.kind, this.method, this.request, {
          ...this.options,
          signal,
        })) {
          failed = 0
          this.give(answer, !came)
          came = true
        }
        throw new ConnectError('the host ended the call', Code.Unavailable)
      } catch (error) {
        if (signal.aborted) return
        failed += 1
        if (!this.mayComeAgain(error, failed)) throw error
        if (failed === 1) this.options.onLost?.(error as Error)
      }
      await pause(failed, signal).catch(() => undefined)
    }
  }

  private mayComeAgain(error: unknown, failed: number): boolean {
    const often = failed < (this.options.tries ?? this.core.tries)
    if (isLost(error)) return often || this.last !== undefined
    // It has no room for the call, or for what this client did not read in time.
    return often && error instanceof ConnectError && error.code === Code.ResourceExhausted
  }

  private give(answer: MessageShape<O>, first: boolean): void {
    const before = this.last
    this.last = answer
    if (first) this.options.onFound?.()
    if (!first || before === undefined || !this.equal(before, answer)) this.newest.give(answer)
  }

  private equal(one: MessageShape<O>, other: MessageShape<O>): boolean {
    const { output } = this.method
    const [a, b] = [toBinary(output, one), toBinary(output, other)]
    return a.length === b.length && a.every((byte, at) => byte === b[at])
  }
}

/** One value that waits, or those who wait for one. */
class Newest<T> {
  private waiting: { readonly value: T } | undefined
  private readonly takers: { resolve: (result: IteratorResult<T>) => void; reject: (error: unknown) => void }[] = []
  private ended = false
  private error: unknown

  give(value: T): void {
    if (this.ended) return
    const taker = this.takers.shift()
    if (taker === undefined) this.waiting = { value }
    else taker.resolve({ done: false, value })
  }

  end(error?: unknown): void {
    if (this.ended) return
    this.ended = true
    this.error = error
    // One who left wants no more. One whose call failed gets what came before.
    if (error === undefined) this.waiting = undefined
    for (const taker of this.takers.splice(0)) void this.take().then(taker.resolve, taker.reject)
  }

  async take(): Promise<IteratorResult<T>> {
    const { waiting, error } = this
    this.waiting = undefined
    if (waiting !== undefined) return { done: false, value: waiting.value }
    if (!this.ended) return await new Promise((resolve, reject) => void this.takers.push({ resolve, reject }))
    this.error = undefined
    if (error !== undefined) throw error
    return { done: true, value: undefined }
  }
}

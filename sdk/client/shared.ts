// Shared: what components of a page ask, once for all that ask the same.
//
// S1. The first listener begins, and the last one ends. Between two renders nobody listens for a moment: an entry lasts a little longer.
// S2. A unary query is asked again after each command of the same client; if that comes while it is asked, once more behind it.
// S3. A snapshot is the same object until something changed.

import type { DescMessage, MessageInitShape } from '@bufbuild/protobuf'
import { create, toBinary } from '@bufbuild/protobuf'
import type { Core } from './core.ts'
import type { CallOptions, Followed, FollowOptions, Messages, Streamed, Unary } from './types.ts'

const lingerMs = 1_000

export interface Snapshot<T> {
  /** The newest answer; it stays where a later call fails. */
  readonly data: T | undefined
  /** Of the last call. Of a connection that is lost and made again, until it is there. */
  readonly error: Error | undefined
  /** There is neither an answer nor an error yet. */
  readonly loading: boolean
}

export type Asked = Unary<Messages> | Streamed<Messages, 'rows'> | Followed<Messages>

const entries = new WeakMap<Core, Map<string, Entry>>()

/** The entry of this method and request. */
export function entryOf(asked: Asked, request: MessageInitShape<DescMessage>): Entry {
  let known = entries.get(asked.core)
  if (known === undefined) entries.set(asked.core, (known = new Map()))
  const { parent, name, input } = asked.method
  const key = `${parent.typeName}/${name} ${toBinary(input, create(input, request)).join()}`
  let entry = known.get(key)
  if (entry === undefined) entry = new Entry(asked, request, known, key)
  return entry
}

export class Entry {
  snapshot: Snapshot<unknown> = first
  private readonly asked: Asked
  private readonly request: MessageInitShape<DescMessage>
  private readonly known: Map<string, Entry>
  private readonly key: string
  private readonly listeners = new Set<() => void>()
  private lingering: ReturnType<typeof setTimeout> | undefined
  /** Ends the call that runs. */
  private call: AbortController | undefined
  private unlisten: (() => void) | undefined
  /** To be asked again once it is answered. */
  private stale = false

  constructor(asked: Asked, request: MessageInitShape<DescMessage>, known: Map<string, Entry>, key: string) {
    this.asked = asked
    this.request = request
    this.known = known
    this.key = key
    this.linger()
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    clearTimeout(this.lingering)
    this.known.set(this.key, this)
    this.listeners.add(listener)
    if (this.unlisten === undefined) {
      this.unlisten = this.asked.core.onWritten(() => this.written())
      this.refetch()
    }
    return () => {
      this.listeners.delete(listener)
      if (this.listeners.size === 0) this.linger()
    }
  }

  readonly current = (): Snapshot<unknown> => this.snapshot

  /** Asks again; of what is followed, opens the call anew. */
  readonly refetch = (): void => {
    this.call?.abort()
    const call = new AbortController()
    this.call = call
    this.stale = false
    const told = (change: Partial<Snapshot<unknown>>): void => {
      if (!call.signal.aborted) this.tell({ ...this.snapshot, loading: false, ...change })
    }
    this.ask(call.signal, told)
      .catch((error: Error) => told({ error }))
      .finally(() => {
        if (call !== this.call) return
        this.call = undefined
        if (this.stale) this.refetch()
      })
  }

  private async ask(signal: AbortSignal, told: (change: Partial<Snapshot<unknown>>) => void): Promise<void> {
    const { asked, request } = this
    if (isFollowed(asked)) {
      const options: FollowOptions = {
        signal,
        tries: Number.POSITIVE_INFINITY,
        onLost: (error) => told({ error }),
        onFound: () => told({ error: undefined }),
      }
      for await (const data of asked(request, options)) told({ data, error: undefined })
    } else told({ data: await whole(asked, request, { signal }), error: undefined })
  }

  private written(): void {
    if (isFollowed(this.asked)) return
    if (this.call === undefined) this.refetch()
    else this.stale = true
  }

  private linger(): void {
    this.known.set(this.key, this)
    clearTimeout(this.lingering)
    this.lingering = setTimeout(() => this.end(), lingerMs)
    // In Node; a number in browsers.
    if (typeof this.lingering === 'object') this.lingering.unref?.()
  }

  private end(): void {
    this.known.delete(this.key)
    this.unlisten?.()
    this.unlisten = undefined
    this.call?.abort()
    this.call = undefined
    this.snapshot = first
  }

  private tell(snapshot: Snapshot<unknown>): void {
    this.snapshot = snapshot
    for (const listener of this.listeners) listener()
  }
}

export const first: Snapshot<undefined> = Object.freeze({ data: undefined, error: undefined, loading: true })

function isFollowed(asked: Asked): asked is Followed<Messages> {
  return asked.kind === 'live' || asked.kind === 'watch'
}

async function whole(
  asked: Unary<Messages> | Streamed<Messages, 'rows'>,
  request: MessageInitShape<DescMessage>,
  options: CallOptions,
): Promise<unknown> {
  const answer = asked(request, options)
  if (!(Symbol.asyncIterator in answer)) return await answer
  const rows: unknown[] = []
  for await (const row of answer) rows.push(row)
  return rows
}

// React: hooks over the methods of a client. They need no provider: a method knows its client.
//
// Leaves to others: what is asked once for all components (shared.ts).

import { useCallback, useState, useSyncExternalStore } from 'react'
import type { Asked, Entry, Snapshot } from './shared.ts'
import { entryOf, first } from './shared.ts'
import type { Answer, CallOptions, Followed, Messages, Request, Streamed, Unary } from './types.ts'

export interface QueryState<T> extends Snapshot<T> {
  readonly refetch: () => void
}

/** Follows a watch or a live query. Asks any other query, and again after each command of the same client; of one that streams rows `data` is
 *  all of them. `undefined` for a request asks nothing. */
export function useQuery<M extends Messages>(
  method: Unary<M> | Followed<M>,
  request: Request<M> | undefined,
): QueryState<Answer<M>>
export function useQuery<M extends Messages>(
  method: Streamed<M, 'rows'>,
  request: Request<M> | undefined,
): QueryState<readonly Answer<M>[]>
export function useQuery(method: Asked, request: Request<Messages> | undefined): QueryState<unknown> {
  const { entry, error } = found(method, request)
  const snapshot = useSyncExternalStore(
    entry?.subscribe ?? nothing,
    entry?.current ?? idle,
    entry === undefined ? idle : () => first,
  )
  return { ...snapshot, ...(error && { error }), refetch: entry?.refetch ?? nothing }
}

/** A request that is no message, as with a number that its field cannot hold, is an error like others: it comes of what somebody typed. */
function found(method: Asked, request: Request<Messages> | undefined): { entry?: Entry; error?: Error } {
  try {
    return request === undefined ? {} : { entry: entryOf(method, request) }
  } catch (error) {
    return { error: error as Error }
  }
}

export interface CommandState<M extends Messages> {
  /** Calls it. Never rejects: of a failure it answers undefined, and `error` says which. For more, call the method itself. */
  readonly run: (request: Request<M>, options?: CallOptions) => Promise<Answer<M> | undefined>
  /** Of the last call that ended. */
  readonly data: Answer<M> | undefined
  readonly error: Error | undefined
  readonly loading: boolean
}

export function useCommand<M extends Messages>(method: Unary<M>): CommandState<M> {
  const [running, setRunning] = useState(0)
  const [ended, setEnded] = useState<Ended<M>>(never)
  const run = useCallback(
    async (request: Request<M>, options?: CallOptions): Promise<Answer<M> | undefined> => {
      setRunning((count) => count + 1)
      try {
        const data = await method(request, options)
        setEnded({ data, error: undefined })
        return data
      } catch (error) {
        setEnded({ data: undefined, error: error as Error })
        return undefined
      } finally {
        setRunning((count) => count - 1)
      }
    },
    [method],
  )
  return { run, ...ended, loading: running > 0 }
}

interface Ended<M extends Messages> {
  readonly data: Answer<M> | undefined
  readonly error: Error | undefined
}

const never = { data: undefined, error: undefined }
const asleep: Snapshot<undefined> = { ...never, loading: false }
const idle = (): Snapshot<undefined> => asleep
const nothing = (): (() => void) => () => {}

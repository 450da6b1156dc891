// Lost: which failures are those of a connection or a host that is away, and when to come again.
//
// L1. What breaks a connection is UNAVAILABLE, in whatever words the platform says it.

import { Code, ConnectError } from '@connectrpc/connect'

const firstWaitMs = 200
const longestWaitMs = 5_000
/** Answers that ended too early, as Connect tells of them. */
const cutShort: ReadonlySet<string> = new Set(['missing trailer', 'premature end of stream', 'missing response body'])

/** A browser's window: it tells when the machine is on a network again. */
const page = globalThis as Partial<Pick<EventTarget, 'addEventListener' | 'removeEventListener'>> & {
  readonly location?: { readonly href: string; readonly origin: string }
}

export type Fetch = typeof globalThis.fetch

/** `fetch`, with the failures of connections as ConnectErrors. */
export function tellingLost(given: Fetch | undefined): Fetch {
  return async (input, init) => {
    const fetch = given ?? globalThis.fetch
    const signal = init?.signal ?? undefined
    if (given === undefined && isOfNoHost(input)) throw new ConnectError(noBaseUrl, Code.InvalidArgument)
    try {
      const { body, status, headers } = await fetch(input, init)
      return new Response(body === null ? null : telling(body, signal), { status, headers })
    } catch (error) {
      throw lost(error, signal, refusing(input))
    }
  }
}

const noBaseUrl =
  "there is no page here whose host could be meant: name one, as in createClient({ baseUrl: 'http://localhost:8080' })"

/** A path alone, where no page is: in Node. */
function isOfNoHost(input: Parameters<Fetch>[0]): boolean {
  return page.location === undefined && typeof input === 'string' && input.startsWith('/')
}

/** A browser does not say that the host lets no page of this origin call it: it looks as if no host were there. */
function refusing(input: Parameters<Fetch>[0]): string {
  if (page.location === undefined) return ''
  const host = new URL(String(input instanceof Request ? input.url : input), page.location.href).origin
  if (host === page.location.origin) return ''
  return `; if ${host} is there, it needs \`--cors-origins ${page.location.origin}\``
}

function telling(body: ReadableStream<Uint8Array<ArrayBuffer>>, signal: AbortSignal | undefined) {
  const reader = body.getReader()
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(to) {
      try {
        const { done, value } = await reader.read()
        if (done) to.close()
        else to.enqueue(value)
      } catch (error) {
        to.error(lost(error, signal))
      }
    },
    cancel: (reason) => reader.cancel(reason),
  })
}

function lost(error: unknown, signal: AbortSignal | undefined, hint = ''): unknown {
  if (signal?.aborted === true || error instanceof ConnectError) return error
  const { message, cause } = error as { message?: string; cause?: { code?: string } }
  const why = [message, cause?.code].filter(Boolean).join(': ')
  return new ConnectError(`the connection was lost (${why})${hint}`, Code.Unavailable, undefined, undefined, error)
}

export function isLost(error: unknown): boolean {
  return error instanceof ConnectError && (error.code === Code.Unavailable || cutShort.has(error.rawMessage))
}

export function canceled(signal: AbortSignal): ConnectError {
  return ConnectError.from(signal.reason, Code.Canceled)
}

/** Before the try after so many: longer each time, and not at once for all clients of a host that was away. @throws ConnectError when it is aborted */
export function pause(tries: number, signal: AbortSignal | undefined): Promise<void> {
  const waitMs = Math.min(longestWaitMs, firstWaitMs * 2 ** (tries - 1)) * (0.5 + Math.random() / 2)
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(canceled(signal))
    const end = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', stop)
      page.removeEventListener?.('online', go)
    }
    const go = (): void => {
      end()
      resolve()
    }
    const stop = (): void => {
      end()
      reject(canceled(signal!))
    }
    const timer = setTimeout(go, waitMs)
    signal?.addEventListener('abort', stop)
    page.addEventListener?.('online', go)
  })
}

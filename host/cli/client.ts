// Client: calls on the admin port.

import type { Args } from './command.ts'
import { CommandFailure, UsageError } from './command.ts'

export interface AdminClient {
  get(path: string): Promise<Json>
  change(method: 'POST' | 'DELETE', path: string, body?: Uint8Array, onLine?: (value: Json) => void): Promise<Json>
  /** Every entry of a list that comes in pages, up to `max` of them. `next` is set where there are more. */
  pages(path: string, list: string, max: number): Promise<Pages>
  lines(path: string, onLine: (value: Json) => void): Promise<void>
}

interface Pages {
  readonly entries: Json[]
  readonly next: Json
  /** Sentences on what the list lacks. */
  readonly passedOver: readonly string[]
}

// What programs of other versions answer is not ours to type: commands read the fields that they show.
// biome-ignore lint/suspicious/noExplicitAny: the admin API's JSON, documented in docs/admin-api.md
export type Json = any

/** What a host gives at once. */
const pageMax = 1_000

export function adminClient(args: Args): AdminClient {
  const address = args.text('admin') ?? process.env['INNKEEPER_ADMIN'] ?? '127.0.0.1:8081'
  if (!/^[^\s/]+:\d+$/.test(address))
    throw new UsageError(`--admin: expected HOST:PORT, got ${JSON.stringify(address)}`)
  const token = args.text('token') ?? process.env['INNKEEPER_TOKEN']
  const send = async (
    method: string,
    path: string,
    headers: Record<string, string>,
    body?: Uint8Array,
  ): Promise<Response> => {
    let response: Response
    try {
      const init: RequestInit = {
        method,
        headers: { ...headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
        ...(body === undefined ? {} : { body: new Uint8Array(body) }),
      }
      response = await fetch(`http://${address}${path}`, init)
    } catch (error) {
      const reason = (error as { cause?: { code?: string } }).cause?.code ?? (error as Error).message
      throw new CommandFailure(
        `no host answers on ${address} (${reason}); start one with \`inn up\`, or name its admin port with --admin HOST:PORT`,
      )
    }
    if (!response.ok) {
      const status = (await response.json().catch(() => ({}))) as Json
      throw new Refused(status.message ?? `the host answered ${response.status}`, status.reasons ?? [])
    }
    return response
  }
  const get = async (path: string): Promise<Json> => (await send('GET', path, {})).json()
  return {
    get,
    pages: async (path, list, max) => {
      const entries: Json[] = []
      let next: Json = null
      let passedOver: readonly string[] = []
      do {
        const url = new URL(path, 'http://host')
        url.searchParams.set('limit', String(Math.min(pageMax, max - entries.length)))
        if (next !== null) url.searchParams.set('after', String(next))
        const page = await get(`${url.pathname}${url.search}`)
        entries.push(...page[list])
        next = page.next
        passedOver = page.passedOver ?? []
      } while (next !== null && entries.length < max)
      return { entries, next, passedOver }
    },
    change: async (method, path, body, onLine) => {
      const headers: Record<string, string> = {
        'content-type': body === undefined ? 'application/json' : 'application/wasm',
      }
      if (onLine === undefined) return (await send(method, path, headers, body)).json()
      let last: Json
      await eachLine(await send(method, path, { ...headers, accept: 'application/x-ndjson' }, body), (value) => {
        last = value
        onLine(value)
      })
      if (last?.reasons !== undefined) throw new Refused(last.message, last.reasons)
      return last
    },
    lines: async (path, onLine) => eachLine(await send('GET', path, {}), onLine),
  }
}

/** The host said no, with its reasons. */
export class Refused extends CommandFailure {
  readonly reasons: readonly string[]

  constructor(message: string, reasons: readonly string[]) {
    super(message)
    this.reasons = reasons
  }
}

/** @throws CommandFailure for an error that comes behind lines, and where the host is gone in the middle */
async function eachLine(response: Response, onLine: (value: Json) => void): Promise<void> {
  let rest = ''
  let error: Json
  const one = (line: string): void => {
    if (line === '') return
    const value: Json = JSON.parse(line)
    error = value.error
    if (error === undefined) onLine(value)
  }
  const decoder = new TextDecoder()
  try {
    for await (const chunk of response.body!) {
      const lines = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split('\n')
      rest = lines.pop()!
      for (const line of lines) one(line)
    }
  } catch (thrown) {
    // What undici says of a connection that was cut.
    if (!(thrown instanceof TypeError)) throw thrown
    throw new CommandFailure('the host closed the connection before it answered; look at its log')
  }
  one(rest)
  if (error !== undefined) throw new CommandFailure(error.message)
}

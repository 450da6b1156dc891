// Try: what one request to a provider has become, over either protocol, before anybody asks what it means.
//
// T1. `began`: a byte of the request may have left the host. Where nobody knows it is true.
// T2. A failure's words are ours, or an error's; nothing that a provider sent is in them.

import type { CodeName } from './statuses.ts'

export interface TryFailed {
  readonly kind: 'failed'
  readonly began: boolean
  readonly code: CodeName
  readonly what: string
}

/** Words of an error of sockets, TLS or the resolver. */
export function wordsOf(error: Error): string {
  const { code } = error as NodeJS.ErrnoException
  // Several addresses were tried: each has its own, and the whole has none.
  const first = error instanceof AggregateError ? (error.errors[0] as unknown) : undefined
  const message = first instanceof Error ? first.message : error.message
  if (message === '') return code ?? error.name
  return code === undefined || message.includes(code) ? message.slice(0, 500) : `${message.slice(0, 500)} (${code})`
}

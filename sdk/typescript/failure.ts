// Failure: what an entity hears of a call that failed: whether it happened.

import { MalformedError } from './codec/errors.ts'
import { Reader } from './codec/reader.ts'

/** REFUSED and NOT_SENT: it did not happen. UNKNOWN: it may have. */
export type Reason = 'REFUSED' | 'NOT_SENT' | 'UNKNOWN'

/** A google.rpc.Status, as far as it is looked at. */
interface Failure {
  readonly details: readonly { readonly typeUrl: string; readonly value: Uint8Array }[]
}

const reasons: readonly string[] = ['REFUSED', 'NOT_SENT', 'UNKNOWN'] satisfies readonly Reason[]

/** Why a call failed that this entity asked for, by the `failure` of its answer. UNKNOWN where the host does not say. */
export function reasonOf({ details }: Failure): Reason {
  for (const { typeUrl, value } of details) {
    if (!typeUrl.endsWith('/google.rpc.ErrorInfo')) continue
    const { reason, domain } = errorInfo(value)
    if (domain === 'innkeeper' && reasons.includes(reason)) return reason as Reason
  }
  return 'UNKNOWN'
}

/** Of bytes that are none: an empty one. */
function errorInfo(bytes: Uint8Array): { readonly reason: string; readonly domain: string } {
  const info = { reason: '', domain: '' }
  const reader = new Reader(bytes)
  try {
    while (reader.at < reader.end) {
      const tag = reader.tag()
      if (tag === 10) info.reason = reader.string()
      else if (tag === 18) info.domain = reader.string()
      else reader.skip(tag)
    }
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
    return { reason: '', domain: '' }
  }
  return info
}

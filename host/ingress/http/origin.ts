// Origin: which web pages may do what needs no preflight. A browser asks before it sends JSON to another origin; it does not before it opens a
// WebSocket, or sends a request without a body or with a body of certain types. So any page could, to a host on the machine of whoever looks at it.
//
// O1. A page may if its origin is in `cors-origins`, or is the host's own: the same as the request's `Host`, and that is an address, localhost, or the
//     name that the port is bound to. Another name may be made to mean this machine by whoever owns it (DNS rebinding).
// O2. What sends no `Origin` is no web page: browsers send it with each WebSocket.

import type { IncomingHttpHeaders } from 'node:http'
import { isIP } from 'node:net'
import { InnkeeperError } from '../../errors.ts'

/** `bound`: the name or address that the port is bound to. @throws InnkeeperError `forbidden` */
export function mayOpen({ origin, host = '' }: IncomingHttpHeaders, allowed: readonly string[], bound: string): void {
  if (origin === undefined || allowed.includes('*') || allowed.includes(origin)) return
  const page = URL.canParse(origin) ? new URL(origin) : undefined
  const name = page?.hostname.replace(/^\[(.*)\]$/, '$1') ?? ''
  const own = isIP(name) !== 0 || name === 'localhost' || name === bound
  if (page !== undefined && own && page.host === host.toLowerCase()) return
  throw new InnkeeperError(
    'forbidden',
    `pages of ${JSON.stringify(origin.slice(0, 100))} may not open a WebSocket here; the setting cors-origins names the origins that may`,
  )
}

/** A page of another origin, and of none that `cors-origins` names: what it sends counts only as far as a browser asks before. */
export function isForeign({ origin, host = '' }: IncomingHttpHeaders, allowed: readonly string[]): boolean {
  if (origin === undefined || allowed.includes('*') || allowed.includes(origin)) return false
  return !URL.canParse(origin) || new URL(origin).host !== host.toLowerCase()
}

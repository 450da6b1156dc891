// Room: what effects that are due later, and open tickets, take on disk, by service: a partition's share of `pending-bytes-max`.
//
// R1. What a commit brings is counted from its joining on, and is told to the disk in that commit: a row for each service. A crash may leave the row of
//     a commit that did not come about in one that did; what is counted too much or too little by it is of that moment alone.
//
// Owns: the count and the rule.   pending.ts and tickets.ts own: what is kept.

import type { EffectEntry } from '../effect.ts'
import { InnkeeperError } from '../errors.ts'
import type { PendingRef } from '../journal/pending-rows.ts'
import { refOf } from '../journal/pending-rows.ts'
import type { Rows } from '../journal/rows.ts'
import { readAll, write } from '../journal/rows.ts'
import type { TicketChange } from '../journal/ticket-rows.ts'
import { ticketBytes } from '../journal/ticket-rows.ts'
import { Shares } from '../shares.ts'
import type { Write } from '../storage/kv.ts'

/** Rows of services. */
const prefix = 'pending/'
const servicesMax = 100_000

interface Used {
  readonly count: number
  readonly bytes: number
}

/** What a commit brings and takes. */
export interface Brought {
  readonly pended: readonly EffectEntry[]
  readonly unpended: readonly PendingRef[]
  readonly tickets: readonly TicketChange[]
}

export class Room {
  private readonly max: number
  private readonly bytes: Shares
  private readonly counts = new Map<string, number>()

  constructor(max: number) {
    this.max = max
    this.bytes = new Shares(max)
  }

  load(rows: Rows): void {
    this.bytes.clear()
    this.counts.clear()
    for (const [service, { count, bytes }] of readAll<Used>(rows, prefix, servicesMax)) {
      this.add(service, count, bytes)
    }
  }

  /** Effects that are due later, by service. */
  byService(): ReadonlyMap<string, number> {
    return this.counts
  }

  bytesOf(service: string): number {
    return this.bytes.of(service)
  }

  admits(brought: Brought): boolean {
    for (const [service, { bytes }] of usedBy(brought))
      if (bytes > 0 && !this.bytes.admits(service, bytes)) return false
    return true
  }

  refusal({ pended, tickets }: Brought): InnkeeperError {
    const service = pended[0]?.cause.service ?? (tickets[0]?.after ?? tickets[0]?.before)?.service ?? ''
    return new InnkeeperError(
      'overloaded',
      `${service} has used up its share of what may be due later: its ${this.counts.get(service) ?? 0} effects, and its open tickets, take ` +
        `${this.bytes.of(service)} bytes of ${this.max} (pending-bytes-max); see \`inn timers\` and \`inn tickets\``,
    )
  }

  /** `by`: -1 where it did not come to that. */
  take(brought: Brought, by: 1 | -1 = 1): void {
    for (const [service, { count, bytes }] of usedBy(brought)) this.add(service, by * count, by * bytes)
  }

  /** What the disk is told in the commit. */
  rows(brought: Brought): readonly Write[] {
    return [...usedBy(brought).keys()].map((service) => this.row(service))
  }

  /** All of a service is gone. */
  forget(service: string): Write {
    this.add(service, -(this.counts.get(service) ?? 0), -this.bytes.of(service))
    return this.row(service)
  }

  private row(service: string): Write {
    const [count, bytes] = [this.counts.get(service) ?? 0, this.bytes.of(service)]
    return write(`${prefix}${service}`, count > 0 || bytes > 0 ? { count, bytes } : undefined)
  }

  private add(service: string, count: number, bytes: number): void {
    const now = (this.counts.get(service) ?? 0) + count
    if (now > 0) this.counts.set(service, now)
    else this.counts.delete(service)
    if (bytes > 0) this.bytes.take(service, bytes)
    else this.bytes.give(service, Math.min(-bytes, this.bytes.of(service)))
  }
}

function usedBy({ pended, unpended, tickets }: Brought): ReadonlyMap<string, Used> {
  const used = new Map<string, Used>()
  const add = (service: string, count: number, bytes: number) => {
    const before = used.get(service) ?? { count: 0, bytes: 0 }
    used.set(service, { count: before.count + count, bytes: before.bytes + bytes })
  }
  for (const entry of pended) add(entry.cause.service, 1, refOf(entry).bytes)
  for (const { cause, bytes } of unpended) add(cause, -1, -bytes)
  for (const { before, after } of tickets) {
    const service = (after ?? before)?.service
    if (service !== undefined) add(service, 0, ticketBytes(after) - ticketBytes(before))
  }
  return used
}

/** Effects of each service that set them. */
export function byService(entries: readonly EffectEntry[]): ReadonlyMap<string, readonly EffectEntry[]> {
  const groups = new Map<string, EffectEntry[]>()
  for (const entry of entries) {
    const group = groups.get(entry.cause.service)
    if (group === undefined) groups.set(entry.cause.service, [entry])
    else group.push(entry)
  }
  return groups
}

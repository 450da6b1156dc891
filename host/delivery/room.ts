// Room: what effects that are due later, and open tickets, take on disk, by service: a partition's share of `pending-bytes-max`; and whom the effects
// go to.
//
// R1. What a commit brings is counted from its joining on. The disk is told once for each commit, by a row for each service that it touches: a crash
//     may leave the row of a commit that did not come about in one that did; what is counted too much or too little by it is of that moment alone.
// R2. Whom effects go to is counted when they are written, so the row says just what its commit and all before it hold.
//
// Owns: the counts and the rule.   pending.ts and tickets.ts own: what is kept.

import type { EffectEntry } from '../effect.ts'
import { InnkeeperError } from '../errors.ts'
import type { Batch } from '../journal/journal.ts'
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

/** As a row has it. */
interface Kept {
  readonly count: number
  readonly bytes: number
  /** By service and method, with a slash between: how many effects go there, and how many answers of them. */
  readonly targets: Readonly<Record<string, number>>
}

/** What one commit adds to what a service has. */
interface Used {
  readonly service: string
  count: number
  bytes: number
}

/** What a commit brings and takes. */
export interface Brought {
  readonly pended: readonly EffectEntry[]
  readonly unpended: readonly PendingRef[]
  readonly tickets: readonly TicketChange[]
  /** By service. */
  readonly used: readonly Readonly<Used>[]
}

/** Weighed once. */
export function brought(
  pended: readonly EffectEntry[],
  unpended: readonly PendingRef[],
  tickets: readonly TicketChange[],
): Brought {
  const used: Used[] = []
  for (const entry of pended) add(used, entry.cause.service, 1, refOf(entry).bytes)
  for (const { cause, bytes } of unpended) add(used, cause, -1, -bytes)
  for (const { before, after } of tickets) {
    const service = (after ?? before)?.service
    if (service !== undefined) add(used, service, 0, ticketBytes(after) - ticketBytes(before))
  }
  return { pended, unpended, tickets, used }
}

function add(used: Used[], service: string, count: number, bytes: number): void {
  // Nearly always there is one service.
  for (const one of used)
    if (one.service === service) {
      one.count += count
      one.bytes += bytes
      return
    }
  used.push({ service, count, bytes })
}

export class Room {
  private readonly max: number
  private readonly bytes: Shares
  private readonly counts = new Map<string, number>()
  /** By the service that set them, then by whom they go to. */
  private readonly byTarget = new Map<string, Map<string, number>>()
  /** Services whose rows are to be written. */
  private readonly changed = new Set<string>()

  constructor(max: number) {
    this.max = max
    this.bytes = new Shares(max)
  }

  load(rows: Rows): void {
    this.bytes.clear()
    this.counts.clear()
    this.byTarget.clear()
    this.changed.clear()
    for (const [service, { count, bytes, targets }] of readAll<Kept>(rows, prefix, servicesMax)) {
      this.add(service, count, bytes)
      this.byTarget.set(service, new Map(Object.entries(targets)))
    }
  }

  /** Effects that are due later, by service. */
  byService(): ReadonlyMap<string, number> {
    return this.counts
  }

  bytesOf(service: string): number {
    return this.bytes.of(service)
  }

  /** How many go to the methods of a service, whoever set them, and how many answers of its own effects it is to hear. */
  targets(service: string): ReadonlyMap<string, number> {
    const found = new Map<string, number>()
    const start = `${service}/`
    for (const targets of this.byTarget.values())
      for (const [target, count] of targets) {
        if (!target.startsWith(start)) continue
        const method = target.slice(start.length)
        found.set(method, (found.get(method) ?? 0) + count)
      }
    return found
  }

  admits({ used }: Brought): boolean {
    for (const { service, bytes } of used) if (bytes > 0 && !this.bytes.admits(service, bytes)) return false
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
  take({ used }: Brought, by: 1 | -1 = 1): void {
    for (const { service, count, bytes } of used) this.add(service, by * count, by * bytes)
  }

  /** It is in the batch. */
  wrote(batch: Pick<Batch, 'noteLast'>, { pended, unpended, used }: Brought): void {
    for (const { cause, call, answer } of pended)
      this.target(cause.service, call.service, call.method, answer?.method, 1)
    for (const { cause, service, method, answer } of unpended) this.target(cause, service, method, answer, -1)
    for (const { service } of used) this.changed.add(service)
    if (used.length > 0) batch.noteLast(this, this.rows)
  }

  private target(cause: string, service: string, method: string, answer: string | undefined, by: 1 | -1): void {
    let targets = this.byTarget.get(cause)
    if (targets === undefined) {
      targets = new Map()
      this.byTarget.set(cause, targets)
    }
    change(targets, `${service}/${method}`, by)
    if (answer !== undefined) change(targets, `${cause}/${answer}`, by)
    if (targets.size === 0) this.byTarget.delete(cause)
  }

  /** All of a service is gone. */
  forget(service: string): Write {
    this.add(service, -(this.counts.get(service) ?? 0), -this.bytes.of(service))
    this.byTarget.delete(service)
    return this.row(service)
  }

  private readonly rows = (): readonly Write[] => {
    const rows = [...this.changed].map((service) => this.row(service))
    this.changed.clear()
    return rows
  }

  private row(service: string): Write {
    const [count, bytes] = [this.counts.get(service) ?? 0, this.bytes.of(service)]
    const kept: Kept = { count, bytes, targets: Object.fromEntries(this.byTarget.get(service) ?? []) }
    return write(`${prefix}${service}`, count > 0 || bytes > 0 ? kept : undefined)
  }

  private add(service: string, count: number, bytes: number): void {
    const now = (this.counts.get(service) ?? 0) + count
    if (now > 0) this.counts.set(service, now)
    else this.counts.delete(service)
    if (bytes > 0) this.bytes.take(service, bytes)
    else this.bytes.give(service, Math.min(-bytes, this.bytes.of(service)))
  }
}

function change(targets: Map<string, number>, target: string, by: 1 | -1): void {
  const now = (targets.get(target) ?? 0) + by
  if (now > 0) targets.set(target, now)
  else targets.delete(target)
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

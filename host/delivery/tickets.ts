// Tickets: deferred replies: calls that stay open until their entity resolves them, or their time is up.
//
//   later(ticket) ─▶ row: method, keys of the callers, asks of other entities ─▶ resolve, or expiry ─▶ all of them are answered the same
//
// I1. A ticket, and all that waits for it but the connections, is on disk: opened, joined and resolved in the commit of the decision that says so.
// I2. Who called under an idempotency key finds the answer there, also after the ticket is gone: it is written in the same commit.
// I3. A caller that left, or whose deadline passed, is forgotten; its ticket is not.
// I4. Nothing is resolved twice: while a commit that touches a ticket is on its way, its time is not up; while its time being up is on its way,
//     nobody finds it.
// I5. What has expired is sought from the last that did on, some a turn of the loop.
//
// Owns: who waits, and expiry.   entity/turn.ts owns: what a decision makes of a ticket.   ticket-rows.ts owns: where they lie.

import type { Logger } from 'pino'
import type { Clock, Timer } from '../clock.ts'
import type { Answer, Reply } from '../command.ts'
import { wire } from '../errors.ts'
import type { EntityRef, IdempotencyEntry, Journal, StorageId } from '../journal/journal.ts'
import type { Ticket } from '../journal/record.ts'
import { decodeTicket } from '../journal/record.ts'
import type { TicketChange } from '../journal/ticket-rows.ts'
import {
  allTickets,
  endOf,
  expiring,
  expiryBound,
  expiryEnd,
  ticketKey,
  ticketOf,
  ticketRows,
} from '../journal/ticket-rows.ts'
import { noMetadata } from '../metadata.ts'
import type { Failure } from '../outcome.ts'
import { after } from '../storage/columns.ts'
import { isAsk } from './answers.ts'
import type { Keeper } from './keeper.ts'
import type { Outbox } from './outbox.ts'
import { answerDeferred } from './plan.ts'

/** Looked at in one turn. */
const portion = 64
const sleepMs = 60_000
/** When there was no room, or a commit is on its way. */
const againMs = 1_000
/** Keys and asks that wait for one ticket, at most. */
export const waitersMax = 1_000

/** Who waits for an answer. */
interface Waiter {
  readonly reply: Reply
  readonly abandoned: boolean
}

interface TicketsParts {
  readonly journal: Pick<Journal, 'rows' | 'idempotency'>
  readonly outbox: Pick<Outbox, 'run'>
  readonly clock: Clock
  readonly log: Logger
  /** How long a ticket is open where nothing is said of it, in milliseconds. */
  readonly ticketMs: number
  readonly heldMs: () => number
  readonly unfit: () => boolean
}

/** What an operator may see of one. */
export interface ShownTicket {
  readonly entity: EntityRef
  readonly name: string
  readonly ticket: Ticket
  /** Callers that are connected. */
  readonly waiting: number
}

/** Of one partition. */
export class Tickets {
  private readonly parts: TicketsParts
  private readonly waiters = new Map<string, Waiter[]>()
  /** How often commits on their way touch a ticket. */
  private readonly touched = new Map<string, number>()
  private readonly expiringNow = new Set<string>()
  private keeper: Keeper | undefined
  private from = expiryBound(0)
  /** When it wakes, in milliseconds since 1970. */
  private nextMs = Number.POSITIVE_INFINITY
  private timer: Timer | undefined
  private running = false

  constructor(parts: TicketsParts) {
    this.parts = parts
  }

  get nowMs(): number {
    return this.parts.clock.now()
  }

  get ticketMs(): number {
    return this.parts.ticketMs
  }

  start(keeper: Keeper): void {
    this.keeper = keeper
    this.running = true
    this.wake()
  }

  stop(): void {
    this.running = false
    this.timer?.cancel()
  }

  /** The store was opened again: what was on its way is not known. */
  load(): void {
    this.touched.clear()
    this.expiringNow.clear()
    this.from = expiryBound(0)
  }

  find(entity: EntityRef, name: string): Ticket | undefined {
    const key = ticketKey(entity, name)
    if (this.expiringNow.has(key.toString('latin1'))) return undefined
    const value = this.parts.journal.rows.get('tickets', key)
    return value && decodeTicket(value)
  }

  kept(entity: EntityRef, key: string): IdempotencyEntry | undefined {
    return this.parts.journal.idempotency(entity, key)
  }

  joined(changes: readonly TicketChange[]): void {
    for (const { entity, name } of changes) {
      const key = nameOf(entity, name)
      this.touched.set(key, (this.touched.get(key) ?? 0) + 1)
    }
  }

  /** Their commit has ended, well or not. */
  left(changes: readonly TicketChange[]): void {
    for (const { entity, name, after: now } of changes) {
      const key = nameOf(entity, name)
      const count = (this.touched.get(key) ?? 0) - 1
      if (count > 0) this.touched.set(key, count)
      else this.touched.delete(key)
      const endMs = endOf(now)
      if (endMs === 0) continue
      this.back(expiryBound(endMs))
      if (this.running && endMs < this.nextMs) this.wake()
    }
  }

  private back(key: Buffer): void {
    if (Buffer.compare(key, this.from) < 0) this.from = key
  }

  /** A caller waits. Its ticket is on disk. */
  wait(entity: EntityRef, name: string, waiter: Waiter): void {
    const key = nameOf(entity, name)
    const waiting = this.waiters.get(key)
    if (waiting === undefined) {
      this.waiters.set(key, [waiter])
      return
    }
    waiting.push(waiter)
    // Those that left are forgotten now and then, at a cost that does not grow with how often.
    if ((waiting.length & (waiting.length - 1)) === 0)
      this.waiters.set(
        key,
        waiting.filter(({ abandoned }) => !abandoned),
      )
  }

  /** All that are connected hear it. */
  resolved(entity: EntityRef, name: string, answer: Answer): void {
    const key = nameOf(entity, name)
    const waiting = this.waiters.get(key)
    this.waiters.delete(key)
    for (const waiter of waiting ?? []) if (!waiter.abandoned) waiter.reply(answer)
  }

  /** Methods of a service that are to hear what its asks are answered that wait here; of the first `max` tickets. */
  hearing(service: string, max: number): readonly string[] {
    const { from, to } = allTickets
    const rows = this.parts.journal.rows.range('tickets', { from, to, limit: max })
    const methods: string[] = []
    for (let at = 0; at < rows.length; at += 2)
      for (const { cause, answer } of decodeTicket(rows[at + 1]!).asks)
        if (cause.service === service && answer !== undefined) methods.push(answer.method)
    return methods
  }

  /** Of a storage id, `max` behind `last`, which is a key that was told. */
  page(
    storage: StorageId,
    last: Buffer | undefined,
    max: number,
  ): { readonly tickets: readonly ShownTicket[]; readonly last: Buffer | undefined } {
    const prefix = ticketRows(storage)
    const from = last === undefined ? prefix : Buffer.concat([last, Buffer.of(0)])
    const rows = this.parts.journal.rows.range('tickets', { from, to: after(prefix), limit: max })
    const tickets: ShownTicket[] = []
    for (let at = 0; at < rows.length; at += 2) {
      const { entity, name } = ticketOf(rows[at]!)
      const waiting = (this.waiters.get(nameOf(entity, name)) ?? []).filter(({ abandoned }) => !abandoned).length
      tickets.push({ entity, name, ticket: decodeTicket(rows[at + 1]!), waiting })
    }
    return { tickets, last: rows.length < 2 * max ? undefined : rows.at(-2) }
  }

  private wake(): void {
    this.timer?.cancel()
    const waitMs = Math.min(this.turn(), sleepMs)
    this.nextMs = this.nowMs + waitMs
    this.timer = this.parts.clock.after(waitMs, () => this.running && this.wake())
    this.timer.unref()
  }

  private turn(): number {
    const { clock, journal, unfit, heldMs } = this.parts
    if (unfit() || heldMs() > 0) return againMs
    const nowMs = clock.now()
    const rows = journal.rows.range('tickets', { from: this.from, to: expiryEnd, limit: portion, keysOnly: true })
    for (let at = 0; at < rows.length; at += 2) {
      const key = rows[at]!
      const { expiresMs, entity, name } = expiring(key)
      if (expiresMs > nowMs) return expiresMs - nowMs
      if (this.touched.has(nameOf(entity, name))) return againMs
      this.from = Buffer.concat([key, Buffer.of(0)])
      if (!this.expire(entity, name)) {
        this.back(key)
        return againMs
      }
    }
    return rows.length < 2 * portion ? sleepMs : 1
  }

  /** False: there was no room. */
  private expire(entity: EntityRef, name: string): boolean {
    const { log } = this.parts
    const before = this.find(entity, name)
    if (before === undefined) return true
    const { nowMs } = this
    const isOver = before.expiresMs > 0 && before.expiresMs <= nowMs
    // Without it, only asks whose own time is up.
    const late = before.asks.filter(({ untilMs }) => isOver || (untilMs !== undefined && untilMs <= nowMs))
    const now = isOver ? undefined : { ...before, asks: before.asks.filter((ask) => !late.includes(ask)) }
    const failure = expired(name)
    const kept = (isOver ? before.keys : []).flatMap((key) => {
      const entry = this.kept(entity, key)
      return entry === undefined ? [] : [{ key, entry }]
    })
    const places = this.keeper!.places
    const heard = { kind: 'failure', failure, happened: 'UNKNOWN' } as const
    const answers = late.filter(isAsk).map((ask) => answerDeferred(ask, heard, places))
    const id = nameOf(entity, name)
    this.expiringNow.add(id)
    const full = this.keeper!.keep(
      { enqueued: answers, arrived: [], tickets: [{ entity, name, before, after: now }] },
      (batch) => {
        const final = { kind: 'failure', ...failure, metadata: noMetadata } as const
        for (const { key, entry } of kept) batch.remember(entity, key, { ...entry, final }, true)
      },
      (error) => {
        this.expiringNow.delete(id)
        if (error !== undefined) {
          log.error({ ticket: name, err: error }, 'a ticket could not be ended')
          return
        }
        if (isOver) this.resolved(entity, name, { kind: 'refusal', failure, metadata: noMetadata })
        this.parts.outbox.run(answers, Number.POSITIVE_INFINITY, () => {})
      },
    )
    if (full !== undefined) this.expiringNow.delete(id)
    return full === undefined
  }
}

function expired(name: string): Failure {
  return {
    code: wire.deadline_exceeded.grpc,
    message: `nothing was answered in time: the ticket ${name} was not resolved`,
    details: [],
  }
}

function nameOf(entity: EntityRef, name: string): string {
  return ticketKey(entity, name).toString('latin1')
}

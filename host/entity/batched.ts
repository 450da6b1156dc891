// Batched: how event-sourced entities and values plan a turn: they decide on all that waits at once.
//
// B1. A batch that faulted is run again one by one, one a turn of the loop; only the guilty command fails (§fault-3).
// B3. A decision that takes back a pending effect whose command stands behind it in the same batch, or that touches a ticket of another method, is
//     looked at alone: nothing of the batch is used, and its commands run one by one. So a batch decides what its commands would (law L1).
// B4. One that may only read and does more is refused like that, and nothing of it happens (§watch-4).
// B2. A command that would leave a state which is too dear to read again, or write more than its service may have on disk (disk.ts), is
//     refused before its commit, and the entity goes on.
//
// Owns: the batch and its faults.   event-sourced.ts, value.ts own: the state.   turn.ts owns: what decisions mean.

import type { BatchSize } from '../batch-size.ts'
import type { Clock } from '../clock.ts'
import type { Command } from '../command.ts'
import { waitersMax } from '../delivery/tickets.ts'
import { InnkeeperError } from '../errors.ts'
import type { Decision, GuestCommand } from '../guest/guest.ts'
import { GuestFault, guestCommand } from '../guest/guest.ts'
import type { EntityRef } from '../journal/journal.ts'
import type { Ticket } from '../journal/record.ts'
import type { Outcome } from '../outcome.ts'
import type { Turn } from './model.ts'
import type { Note } from './note.ts'
import { changingRead } from './only-reading.ts'
import type { TooDear } from './reading-cost.ts'
import { stateTooDear, stateTooLargeError } from './reading-cost.ts'
import type { Given, TurnPlan, TurnStart } from './turn.ts'
import { isWritten, planTurn, TurnPlanner } from './turn.ts'

/** A state that is decided on in batches. */
export interface Decider {
  /** Outward entity id. */
  readonly id: string
  readonly ref: EntityRef
  /** Last committed record and event. */
  readonly revision: number
  readonly sequence: number
  /** The records of a turn stay for ever; else an answer that must be given again is kept with its key. */
  readonly keepsRecords: boolean
  /** Decide on the ready state. `undefined`: the guest no longer had it; load until ready and come again. @throws GuestFault */
  decide(commands: readonly GuestCommand[]): readonly Decision[] | undefined
  /** Why what the last `decide` leaves cannot be kept, if it is too dear to read again. Looked at only where it may be
   *  (reading-cost.C2). @throws GuestFault */
  weigh(decisions: readonly Decision[]): TooDear | undefined
  /** What the last `decide` left is not wanted: nothing of it is applied. */
  discard(): void
}

export interface BatchParts {
  readonly service: string
  readonly deployment: number
  readonly batch: Pick<BatchSize, 'commands' | 'took'>
  readonly clock: Pick<Clock, 'steady'>
}

export class Batches {
  private readonly parts: BatchParts
  private readonly decider: Decider
  /** So many commands from the front are run one by one (B1). */
  private alone = 0

  constructor(parts: BatchParts, decider: Decider) {
    this.parts = parts
    this.decider = decider
  }

  plan(turn: Turn): TurnPlan {
    const given = this.take(turn)
    let decisions: readonly Decision[] | undefined
    try {
      decisions = given.length === 0 ? [] : this.decide(given)
      // The guest forgot the state and decided nothing: once it is loaded again, the same commands in the same order.
      if (decisions === undefined) return this.again(turn, given)
      if (given.length > 1 && this.voids(turn, given, decisions)) {
        this.decider.discard()
        return this.oneByOne(turn, given)
      }
      const changing = readThatChanges(given, decisions)
      if (changing !== undefined) {
        this.decider.discard()
        return this.refuse(turn, given, changing)
      }
      const wrong = this.wrongTicket(turn, given, decisions)
      if (wrong instanceof GuestFault) throw wrong
      if (wrong !== undefined) {
        this.decider.discard()
        return this.refuse(turn, given, wrong)
      }
      const error = this.refusal(turn, given, decisions)
      if (error !== undefined) {
        this.decider.discard()
        return this.refuse(turn, given, error)
      }
    } catch (error) {
      if (!(error instanceof GuestFault)) throw error
      if (decisions !== undefined) this.decider.discard()
      return this.faulted(turn, given, error)
    }
    if (this.alone > 0) this.alone -= given.length
    return planTurn(this.start(turn), given, decisions, turn.places, turn.standing)
  }

  /** Does one of the decisions take back an effect whose command comes after it? */
  private voids({ standing }: Turn, given: readonly Given[], decisions: readonly Decision[]): boolean {
    let named = false
    for (const { waiting } of given) named ||= waiting.command.effect?.name !== undefined
    if (!named) return false
    const gone = new Set<number>()
    for (const [at, { outcome }] of decisions.entries()) {
      const { effect } = given[at]!.waiting.command
      if (effect !== undefined && gone.has(effect.id)) return true
      if (outcome.answer.kind === 'failure') continue
      const names = [...(outcome.cancels ?? []), ...outcome.effects.flatMap(({ name }) => name ?? [])]
      for (const name of names) {
        const found = standing.named(this.decider.ref, name)
        if (found?.where === 'outbox') gone.add(found.id)
      }
    }
    return false
  }

  private wrongTicket(
    { standing }: Turn,
    given: readonly Given[],
    decisions: readonly Decision[],
  ): GuestFault | InnkeeperError | undefined {
    const opened = new Map<string, OpenTicket | undefined>()
    const tickets = { find: (name: string) => standing.ticket(this.decider.ref, name) }
    for (const [at, { outcome }] of decisions.entries()) {
      const wrong = wrongTicket(outcome, given[at]!.waiting.command, tickets, opened)
      if (wrong !== undefined) return wrong
    }
    return undefined
  }

  private start({ ageMs }: Turn): TurnStart {
    const { service, deployment } = this.parts
    const { id: entity, revision, sequence, keepsRecords } = this.decider
    return { service, entity, ref: this.decider.ref, deployment, revision, sequence, keepsRecords, ageMs }
  }

  /** Commands for one call of the guest. */
  private take(turn: Turn): readonly Given[] {
    const max = this.alone > 0 ? 1 : this.parts.batch.commands
    const given: Given[] = []
    while (given.length < max) {
      const waiting = turn.next()
      if (waiting?.kind !== 'command') break
      given.push({ waiting, command: guestCommand(waiting.command, turn.nowMs, turn.seed()) })
    }
    return given
  }

  private decide(given: readonly Given[]): readonly Decision[] | undefined {
    const { batch, clock } = this.parts
    const startedMs = clock.steady()
    try {
      return this.decider.decide(given.map((item) => item.command))
    } finally {
      batch.took(given.length, clock.steady() - startedMs)
    }
  }

  /** Why what the decisions leave cannot be kept (B2). */
  private refusal(turn: Turn, given: readonly Given[], decisions: readonly Decision[]): InnkeeperError | undefined {
    const written = writtenOf(given, decisions)
    const refusal = written && turn.refusal(written.keyed)
    if (refusal !== undefined) return refusal
    if (!decisions.some(changes)) return undefined
    const tooDear = this.decider.weigh(decisions)
    return tooDear && stateTooDear(tooDear)
  }

  /** Of several commands, those that may be kept are found one by one. */
  private refuse(turn: Turn, given: readonly Given[], error: InnkeeperError): TurnPlan {
    if (given.length > 1) return this.oneByOne(turn, given)
    if (this.alone > 0) this.alone -= 1
    const planner = new TurnPlanner(this.start(turn), turn.places)
    planner.steps.push({ kind: 'fail', waiting: given[0]!.waiting, error })
    return planner.plan()
  }

  private faulted(turn: Turn, given: readonly Given[], fault: GuestFault): TurnPlan {
    if (given.length > 1) return this.oneByOne(turn, given, fault)
    if (fault.reason === 'state_too_large') return this.refuse(turn, given, stateTooLargeError(fault))
    if (this.alone > 0) this.alone -= 1
    const planner = new TurnPlanner(this.start(turn), turn.places)
    planner.failed(given[0]!.waiting, fault)
    return planner.plan()
  }

  /** One of them is guilty: from here one by one, each in its own turn of the loop (B1). */
  private oneByOne(turn: Turn, given: readonly Given[], fault?: GuestFault): TurnPlan {
    this.alone = given.length
    return this.again(turn, given, { kind: 'split', commands: given.length, fault })
  }

  private again(turn: Turn, given: readonly Given[], ...notes: readonly Note[]): TurnPlan {
    const planner = new TurnPlanner(this.start(turn), turn.places)
    planner.again = given.map((item) => item.waiting)
    planner.notes.push(...notes)
    return planner.plan()
  }
}

export interface TicketsStanding {
  find(name: string): Ticket | undefined
}

/** What is known of a ticket. */
interface OpenTicket {
  readonly method: string
  readonly waiters: number
}

/** A ticket is of one method, and so many wait for it at most: why what was decided on a command cannot stand. `opened`: what the decisions before it made
 *  of tickets. */
export function wrongTicket(
  { answer, resolves }: Outcome,
  { method, idempotencyKey, effect }: Pick<Command, 'method' | 'idempotencyKey' | 'effect'>,
  tickets: TicketsStanding,
  opened: Map<string, OpenTicket | undefined>,
): GuestFault | InnkeeperError | undefined {
  if (answer.kind === 'failure') return undefined
  const known = (name: string): OpenTicket | undefined => {
    if (opened.has(name)) return opened.get(name)
    const ticket = tickets.find(name)
    return ticket && { method: ticket.method, waiters: ticket.keys.length + ticket.asks.length }
  }
  if (answer.kind === 'later') {
    const { ticket } = answer.deferred
    const before = known(ticket) ?? { method, waiters: 0 }
    if (before.method !== method)
      return new GuestFault(
        'malformed',
        `the ticket ${ticket} is open for the method ${before.method}, and not for ${method}`,
      )
    const joins = idempotencyKey === undefined && effect?.answer === undefined ? 0 : 1
    if (joins > 0 && before.waiters >= waitersMax)
      return new InnkeeperError('overloaded', `${waitersMax} callers wait for this answer; try again once it is there`)
    opened.set(ticket, { method, waiters: before.waiters + joins })
  }
  for (const { ticket, method: named } of resolves ?? []) {
    const before = known(ticket)
    if (before !== undefined && before.method !== named)
      return new GuestFault('malformed', `the ticket ${ticket} is of the method ${before.method}, and not of ${named}`)
    opened.set(ticket, undefined)
  }
  return undefined
}

/** Is one of the decisions written, and one of those under a key? Of refusals and deletions nothing has to find room. */
function writtenOf(given: readonly Given[], decisions: readonly Decision[]): { readonly keyed: boolean } | undefined {
  let [written, keyed] = [false, false]
  for (let at = 0; at < decisions.length; at++) {
    const { events, change, outcome } = decisions[at]!
    const { waiting } = given[at]!
    if (outcome.answer.kind === 'failure' || change?.kind === 'deleted') continue
    if (!isWritten(waiting, events.length, change, outcome)) continue
    written = true
    if (waiting.command.idempotencyKey !== undefined) keyed = true
  }
  return written ? { keyed } : undefined
}

/** A command that may only read does more: why it is refused. */
function readThatChanges(given: readonly Given[], decisions: readonly Decision[]): InnkeeperError | undefined {
  for (let at = 0; at < decisions.length; at++) {
    const decision = decisions[at]!
    const error = changingRead(given[at]!.waiting, changes(decision), decision.outcome)
    if (error !== undefined) return error
  }
  return undefined
}

/** Does it change the state? One that only reads is never refused for it. */
function changes({ events, change }: Decision): boolean {
  return events.length > 0 || change !== undefined
}

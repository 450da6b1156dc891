// Turn: what a batch of decisions means: records to write, effects to send, streams that open and end, answers to give. Pure.
//
// T1. A failure leaves nothing of an entity behind: no record, no event, no effect, no idempotency entry (§refusal-2).
// T2. A record is written exactly when a command brings events, a change or effects, defers its reply, cancels or resolves, or forwards under an
//     idempotency key.
// T3. Revisions and sequences continue without gaps in the order of the commands.
// T4. What an outcome sends is planned in one place for all kinds (delivery/plan.ts); of a failure nothing is.
// T6. A name that is set again, or cancelled, takes the pending effect of that name back in the same commit, also one that an earlier command of
//     the turn has set. What is set under it is a new entry.
// T7. A ticket that is resolved answers all who wait in the same commit: keys keep the answer, asks become it. One that is not open is
//     passed over.
// T5. An answer is kept under its idempotency key exactly when a record is written: a repeat of what changed nothing and sent
//     nothing may as well be decided again.
//
// Owns: the meaning of decisions.   Models own: deciding.   Activation owns: when, and carrying it out.

import { hash } from 'node:crypto'
import { isAsk } from '../delivery/answers.ts'
import type { Places } from '../delivery/chains.ts'
import type { Sending } from '../delivery/keeper.ts'
import type { Sender } from '../delivery/plan.ts'
import { answerDeferred, planDelivered, planEffects, settledHere } from '../delivery/plan.ts'
import type { Standing } from '../delivery/standing.ts'
import { nothingStanding } from '../delivery/standing.ts'
import type { EffectEntry } from '../effect.ts'
import { guestFailed } from '../errors.ts'
import type { Decision, GuestCommand, GuestFault } from '../guest/guest.ts'
import type { EntityRef, JournalRecord, RecordedCommand, StoredAnswer, StoredSubscription } from '../journal/journal.ts'
import type { PendingRef } from '../journal/pending-rows.ts'
import type { Ticket } from '../journal/record.ts'
import type { TicketChange } from '../journal/ticket-rows.ts'
import type { Metadata } from '../metadata.ts'
import type { Change, Deferred, Effect, Failure, GuestAnswer, Outcome } from '../outcome.ts'
import type { Remembered } from '../reply/forward.ts'
import type { Waiting, Work } from './mailbox.ts'
import type { Note } from './note.ts'
import { resolved } from './resolution.ts'
import type { CommandStep, Step } from './step.ts'

/** A command that was given to the guest. */
export interface Given {
  readonly waiting: Waiting
  readonly command: GuestCommand
}

/** All that one turn comes to, as data. */
export interface TurnPlan extends Sending {
  readonly records: readonly JournalRecord[]
  readonly remembered: readonly Remembered[]
  readonly subscribed: readonly StoredSubscription[]
  /** Ids of subscriptions that end; some of them were opened by this turn. */
  readonly unsubscribed: readonly string[]
  readonly revision: number
  readonly sequence: number
  readonly eventCount: number
  readonly eventBytes: number
  /** What is done once it is on disk, in order. */
  readonly steps: readonly Step[]
  /** What is logged and counted whatever becomes of the commit. */
  readonly notes: readonly Note[]
  /** What is to be decided again, before all that waits. */
  readonly again: readonly Work[]
  /** How much was decided: commands, and what else happened to the entity. */
  readonly decided: number
}

export interface TurnStart {
  readonly service: string
  /** Outward entity id. */
  readonly entity: string
  readonly ref: EntityRef
  readonly deployment: number
  readonly revision: number
  readonly sequence: number
  /** Records stay, so an answer is found in its record; else it is kept with its idempotency key. */
  readonly keepsRecords: boolean
  /** Age of the data directory, in milliseconds (journal/age.ts). */
  readonly ageMs: number
}

/** Is there anything to write? */
export function writes({ records, enqueued, arrived, subscribed, unsubscribed }: TurnPlan): boolean {
  // What is pended, taken back, or deferred has a record.
  if (records.length > 0 || enqueued.length > 0 || arrived.length > 0) return true
  return subscribed.length > 0 || unsubscribed.length > 0
}

/** `decisions` has one for each of `given`. `places` hands out ids and places in a chain.
 *  A decision without an answer must not come here (guest/lift-outcome.ts makes it a fault). */
export function planTurn(
  start: TurnStart,
  given: readonly Given[],
  decisions: readonly Decision[],
  places: Places,
  standing: Standing = nothingStanding,
): TurnPlan {
  const planner = new TurnPlanner(start, places, standing)
  planner.count = given.length
  for (let index = 0; index < given.length; index++) {
    const { waiting } = given[index]!
    const decision = decisions[index]!
    const { logs } = decision.outcome
    if (logs.length > 0) planner.notes.push({ kind: 'said', command: waiting.command, logs })
    planner.decide(given[index]!, decision)
  }
  return planner.plan()
}

/** Gathers what one turn means, decision by decision. */
export class TurnPlanner {
  revision: number
  sequence: number
  readonly records: JournalRecord[] = []
  readonly enqueued: EffectEntry[] = []
  readonly subscribed: StoredSubscription[] = []
  readonly unsubscribed: string[] = []
  readonly steps: Step[] = []
  readonly notes: Note[] = []
  again: readonly Work[] = []
  /** Set by who decides. */
  count = 0
  private readonly start: TurnStart
  private readonly places: Places
  private readonly standing: Standing
  private readonly remembered: Remembered[] = []
  private readonly arrived: number[] = []
  private readonly dropped: number[] = []
  private readonly pended: EffectEntry[] = []
  private readonly unpended: PendingRef[] = []
  /** What this turn has made of names and tickets. */
  private names: Map<string, EffectEntry | undefined> | undefined
  private tickets: Map<string, TicketChange> | undefined
  /** Answers that asks became. */
  private readonly answers: EffectEntry[] = []
  private eventCount = 0
  private eventBytes = 0

  constructor(start: TurnStart, places: Places, standing: Standing = nothingStanding) {
    this.start = start
    this.places = places
    this.standing = standing
    this.revision = start.revision
    this.sequence = start.sequence
  }

  /** Its steps, in order; where its answer goes to a stream, `told` makes others of that. */
  decide(given: Given, decision: Decision, told: (step: CommandStep) => readonly Step[] = (step) => [step]): void {
    const step = this.decided(given, decision)
    this.steps.push(...told(step), ...this.resolve(decision.outcome))
    this.startAnswers()
  }

  /** A refusal leaves nothing, but the answer of one who asked. */
  refuse(waiting: Waiting, failure: Failure, metadata: Metadata): void {
    this.delivered(waiting, { kind: 'failure', failure })
    this.steps.push({ waiting, kind: 'refuse', failure, metadata })
    this.startAnswers()
  }

  private decided({ waiting, command }: Given, { events, change, outcome }: Decision): CommandStep {
    const { answer, metadata } = outcome
    if (answer.kind === 'failure') {
      this.delivered(waiting, answer)
      return { waiting, kind: 'refuse', failure: answer.failure, metadata }
    }
    const { idempotencyKey, effect } = waiting.command
    let memory: Remembered | undefined
    if (isWritten(waiting, events.length, change, outcome)) {
      const recorded = { ...command, idempotencyKey, ...(effect === undefined ? {} : { cause: effect.cause }) }
      this.record('command', recorded, events, change, outcome, answer, metadata)
      if (idempotencyKey !== undefined) {
        const { method, payload } = command
        const { revision } = this
        const { ageMs: atMs } = this.start
        const final = this.start.keepsRecords && answer.kind !== 'later' ? undefined : storedAnswer(answer, metadata)
        memory = {
          key: idempotencyKey,
          entry: { method, payloadHash: payloadHash(payload), atMs, revision, final },
        }
        this.remembered.push(memory)
      }
    }
    for (const name of outcome.cancels ?? []) this.takeBack(name)
    const effects = this.effects(waiting.command, outcome.effects)
    const moved = this.delivered(waiting, answer)
    if (answer.kind === 'forward')
      return { waiting, kind: 'forward', call: answer.call, effects, remember: memory, effect: moved }
    if (answer.kind === 'later') return this.defer(waiting, answer.deferred, effects)
    const payload = answer.kind === 'message' ? answer.payload : noBytes
    if (waiting.read !== undefined) return { waiting, kind: 'show', payload, metadata, revision: this.revision }
    return { waiting, kind: 'reply', payload, metadata, effects }
  }

  /** What becomes of the entry that the command delivers. Answers a forward that it became. */
  private delivered({ command }: Waiting, answer: GuestAnswer): EffectEntry | undefined {
    const { moved, arrived } = planDelivered(command, answer, this.places)
    if (moved !== undefined) this.enqueued.push(moved)
    if (arrived !== undefined) this.arrived.push(arrived)
    if (moved === undefined || answer.kind === 'forward') return moved
    this.answers.push(moved)
    return undefined
  }

  /** Answers that asks became go on their way, behind the answer of the command. */
  startAnswers(): void {
    if (this.answers.length > 0) this.steps.push({ kind: 'start', effects: this.answers.splice(0) })
  }

  /** The pending effect of this name is no more (T6). */
  private takeBack(name: string): void {
    const names = (this.names ??= new Map())
    if (names.has(name)) {
      const entry = names.get(name)
      if (entry === undefined) return
      names.set(name, undefined)
      for (const list of [this.pended, this.enqueued]) {
        const at = list.indexOf(entry)
        if (at >= 0) list.splice(at, 1)
      }
      return
    }
    names.set(name, undefined)
    const found = this.standing.named(this.start.ref, name)
    if (found?.where === 'pending') this.unpended.push(found.ref)
    else if (found !== undefined) this.dropped.push(found.id)
  }

  private defer(waiting: Waiting, { ticket: name, withinS }: Deferred, effects: readonly EffectEntry[]): CommandStep {
    const { method, idempotencyKey, effect } = waiting.command
    const { nowMs, ticketMs } = this.standing
    const known = this.ticket(name)
    const ask = isAsk(effect)
    const withinMs = withinS === undefined ? (ask ? 0 : ticketMs) : withinS * 1000
    const { service } = this.start
    const opened = {
      service,
      method,
      openedMs: nowMs,
      expiresMs: withinMs === 0 ? 0 : nowMs + withinMs,
      keys: [],
      asks: [],
    }
    const { keys, asks, ...ticket } = known ?? opened
    this.change(name, {
      ...ticket,
      keys: idempotencyKey === undefined ? keys : [...keys, idempotencyKey],
      asks: ask ? [...asks, settledHere(effect)] : asks,
    })
    return { waiting, kind: 'defer', ticket: name, effects }
  }

  /** Steps of what an outcome resolves (T7). */
  private resolve({ answer: own, resolves }: Outcome): readonly Step[] {
    if (resolves === undefined || own.kind === 'failure') return []
    return resolves.flatMap((resolution): readonly Step[] => {
      const { ticket: name } = resolution
      const ticket = this.ticket(name)
      if (ticket === undefined) return [{ kind: 'unresolved', ticket: name }]
      this.change(name, undefined)
      const { kept, heard, told } = resolved(resolution)
      for (const key of ticket.keys) {
        const entry = this.remembered.find((one) => one.key === key)?.entry ?? this.standing.kept(this.start.ref, key)
        if (entry !== undefined) this.remembered.push({ key, entry: { ...entry, final: kept }, again: true })
      }
      const answers = ticket.asks.filter(isAsk).map((ask) => answerDeferred(ask, heard, this.places))
      this.enqueued.push(...answers)
      this.answers.push(...answers)
      return [{ kind: 'resolve', ticket: name, answer: told }]
    })
  }

  private ticket(name: string): Ticket | undefined {
    const change = this.tickets?.get(name)
    return change === undefined ? this.standing.ticket(this.start.ref, name) : change.after
  }

  private change(name: string, after: Ticket | undefined): void {
    const { ref: entity } = this.start
    const tickets = (this.tickets ??= new Map<string, TicketChange>())
    const known = tickets.get(name)
    const before = known === undefined ? this.standing.ticket(entity, name) : known.before
    tickets.set(name, { entity, name, before, after })
  }

  /** A record of its own revision. */
  record(
    origin: JournalRecord['origin'],
    command: RecordedCommand,
    events: JournalRecord['events'],
    change: JournalRecord['change'],
    { effects, cancels, resolves }: Pick<Outcome, 'effects' | 'cancels' | 'resolves'>,
    answer: JournalRecord['answer'],
    answerMetadata: Metadata,
  ): void {
    this.revision += 1
    this.sequence += events.length
    this.eventCount += events.length
    for (const event of events) this.eventBytes += event.data.length
    const { revision, sequence } = this
    const { deployment } = this.start
    this.records.push({
      revision,
      sequence,
      deployment,
      command,
      origin,
      events,
      change,
      effects,
      answer,
      answerMetadata,
      ...(cancels && { cancels }),
      ...(resolves && { resolves }),
    })
  }

  /** Effects of the last record, with their places in the outbox: those that are due now. */
  effects(sender: Sender, effects: readonly Effect[]): readonly EffectEntry[] {
    const { service, entity, ref } = this.start
    const cause = { service, entity, revision: this.revision }
    const entries = planEffects(sender, cause, effects, this.places, ref, this.standing.nowMs)
    if (entries.length === 0) return entries
    let later = 0
    for (const entry of entries) {
      if (entry.dueMs !== undefined) later += 1
      if (entry.name === undefined) continue
      this.takeBack(entry.name)
      this.names!.set(entry.name, entry)
    }
    if (later === entries.length) {
      this.pended.push(...entries)
      return noEntries
    }
    const now = later === 0 ? entries : entries.filter(({ dueMs }) => dueMs === undefined)
    this.enqueued.push(...now)
    if (later > 0) this.pended.push(...entries.filter(({ dueMs }) => dueMs !== undefined))
    return now
  }

  /** The function failed at a command: its caller hears no more than that; the log has the rest (§fault-2). */
  failed(waiting: Waiting, fault: GuestFault): void {
    const { command } = waiting
    this.notes.push({ kind: 'fault', command, fault, what: 'a function failed' })
    this.steps.push({ kind: 'fail', waiting, error: guestFailed(command.requestId) })
  }

  plan(): TurnPlan {
    const { records, remembered, enqueued, arrived, subscribed, unsubscribed, steps, notes, again } = this
    const { revision, sequence, eventCount, eventBytes, dropped, pended, unpended, tickets } = this
    return {
      dropped,
      pended,
      unpended,
      tickets: tickets === undefined ? noChanges : [...tickets.values()],
      records,
      remembered,
      enqueued,
      arrived,
      subscribed,
      unsubscribed,
      revision,
      sequence,
      eventCount,
      eventBytes,
      steps,
      notes,
      again,
      decided: this.count,
    }
  }
}

/** Is there to be a record of an accepted decision (T2)? */
export function isWritten(
  { command }: Waiting,
  events: number,
  change: Change | undefined,
  { answer, effects, cancels, resolves }: Outcome,
): boolean {
  if (events > 0 || change !== undefined || effects.length > 0) return true
  if (answer.kind === 'later' || cancels !== undefined || resolves !== undefined) return true
  return answer.kind === 'forward' && command.idempotencyKey !== undefined
}

const noBytes = new Uint8Array()
const noEntries: readonly EffectEntry[] = Object.freeze([])
const noChanges: readonly TicketChange[] = Object.freeze([])

/** An accepted answer, to be given again under its key. */
function storedAnswer(answer: JournalRecord['answer'], metadata: Metadata): StoredAnswer {
  if (answer.kind === 'forward') return { kind: 'forward', call: answer.call, metadata }
  if (answer.kind === 'later') return { kind: 'later', ticket: answer.deferred.ticket, metadata }
  return { kind: 'message', payload: answer.kind === 'message' ? answer.payload : noBytes, metadata }
}

export function payloadHash(payload: Uint8Array): Uint8Array {
  return hash('sha256', payload, 'buffer')
}

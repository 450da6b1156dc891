// Replicated activation: an entity whose value is a CRDT, with the streams that clients keep open on it.
//
// R1. The guest sees a fresh view for each command and returns operations; the host applies them, so nothing is echoed and
//     nobody merges but host/crdt. A command that failed in any way leaves the replica as it was.
// R2. After every change of the value, whoever caused it, each stream that was open before hears of it once: after the reply
//     of the command that made the change, and not the stream that this command opened (§subscription-2).
// R3. A subscription is on disk in the commit that opened it, and leaves in that of its end. One that is found without a
//     client (a crash, another version) is cancelled before the entity decides anything else (§subscription-7).
// R4. An entity with open streams stays in memory.
// R5. Many subscribers are told in several turns of the loop, at most `tellMax` in each and none after `turnMs`, so that other
//     services get theirs; the entity decides nothing else until all have heard. Who sees a part of the value is a guest call.
// R6. A deleted entity stays deleted: commands hear NOT_FOUND; its streams get what was still to be told, of the value before it
//     was deleted, and end well (§replica-8).
//
// Owns: turns of replicated entities, their subscriptions.   replica-state.ts owns: disk.   open-stream.ts owns: a client's side.

import { DamagedReplica } from '../crdt/decode.ts'
import { decodeOperations, OperationError } from '../crdt/operations.ts'
import type { Applied, Replica } from '../crdt/replica.ts'
import { chainOf } from '../delivery/chains.ts'
import type { Sender } from '../delivery/plan.ts'
import type { EffectEntry } from '../effect.ts'
import { guestFailed, InnkeeperError, wire } from '../errors.ts'
import type { GuestCommand, GuestSubscription, ReplicatedDecision, StreamStep } from '../guest/guest.ts'
import { faultFields, GuestFault, guestCommand } from '../guest/guest.ts'
import { stateTooLarge } from '../guest/lift.ts'
import type { Batch, JournalRecord, RecordedCommand, StoredSubscription } from '../journal/journal.ts'
import { noMetadata } from '../metadata.ts'
import type { Effect, Failure, Outcome } from '../outcome.ts'
import type { MethodView, ReplicatedService } from '../services.ts'
import { inPortions } from '../slices.ts'
import { Activation } from './activation.ts'
import type { Left, News, Waiting, Work } from './mailbox.ts'
import type { OpenStream, StreamOwner } from './open-stream.ts'
import { perform } from './perform.ts'
import { stateTooDear, stateTooLargeError } from './reading-cost.ts'
import { ReplicaState } from './replica-state.ts'
import { isWritten, TurnPlanner } from './turn.ts'

/** After this long a turn commits, and what is left of its batch waits for the next. In milliseconds. */
const turnMs = 5
/** A turn that found no room in the outbox, and is not a caller's to try again, is tried again so much later. In milliseconds. */
const noRoomMs = 100
/** Subscribers told in one guest call, and in one turn; streams ended in one turn. */
export const tellMax = 256

const wholeView: MethodView = { kind: 'all' }
const nothingApplied: Applied = { delta: undefined, changed: false, undo() {} }
const entityDeleted: Failure = { code: wire.unknown_entity.grpc, message: 'Entity deleted', details: [] }

interface Subscription {
  readonly stored: StoredSubscription
  /** The client, if there still is one. */
  readonly stream: OpenStream | undefined
}

/** Subscribers that see the same part of the value. */
interface Audience {
  readonly view: MethodView
  readonly subscribers: readonly StoredSubscription[]
  /** What they see, where it is not the value as it is by now: the entity was deleted meanwhile (R6). */
  readonly seen?: Replica
  /** The value in bytes, once one of those who see all of it was told: it does not change before the last has heard (R5). */
  readonly shown?: { bytes?: Uint8Array }
}

/** What one turn gathers, to be written, and to be done once it is on disk. */
class ReplicaTurn {
  readonly planner: TurnPlanner
  readonly nowMs: number
  /** Commands that were given to the guest, and are answered by one of `after`. */
  readonly asked: { readonly waiting: Waiting }[] = []
  readonly deltas: Uint8Array[] = []
  readonly writes: ((batch: Batch) => void)[] = []
  readonly after: (() => void)[] = []
  /** Subscribers told. */
  told = 0
  /** What to take up again if nothing of this turn can be kept. */
  readonly works: Work[] = []
  /** Of `performance.now()`. */
  readonly until = performance.now() + turnMs

  constructor(planner: TurnPlanner, nowMs: number) {
    this.planner = planner
    this.nowMs = nowMs
  }

  get over(): boolean {
    return performance.now() > this.until
  }
}

export class ReplicatedActivation extends Activation<ReplicatedService> implements StreamOwner {
  private state: ReplicaState | undefined
  private readonly subscriptions = new Map<string, Subscription>()
  /** Streams that end with the turn under way: no longer among the subscriptions. */
  private ending: OpenStream[] = []
  /** Who has still to hear of the last change (R5). */
  private untold: Audience[] = []
  /** The entity is deleted: its streams end once they have heard. */
  private ends = false
  /** Waits for room in the outbox. */
  private resting = false

  override get idle(): boolean {
    return super.idle && this.subscriptions.size === 0
  }

  override get runnable(): boolean {
    if (this.resting) return false
    return super.runnable || (this.untold.length > 0 && !this.committing && !this.closed)
  }

  get stateSize(): number {
    return this.state?.replica.size ?? 0
  }

  get openStreams(): number {
    return this.subscriptions.size
  }

  left(stream: OpenStream): void {
    // Given up meanwhile: whoever loads the entity next finds the subscription on disk.
    if (this.closed) return
    this.mailbox.put({ kind: 'left', subscription: stream.subscription!.id })
    this.context.again(this)
  }

  /** A turn without work, to find out which version of the service it belongs to. */
  look(): void {
    this.mailbox.put({ kind: 'left', subscription: '' })
    this.context.again(this)
  }

  /** End every stream, well or not; the subscriptions stay on disk, so the guest hears that they left later. What is said to the
   *  clients takes several turns (R5); nothing of the entity reaches them any more. */
  endStreams(error: InnkeeperError | undefined): void {
    const failed = error && ({ kind: 'error', error } as const)
    const streams = this.ending
    this.ending = []
    for (const [id, { stored, stream }] of this.subscriptions) {
      if (stream === undefined) continue
      streams.push(stream)
      this.subscriptions.set(id, { stored, stream: undefined })
    }
    void inPortions(streams, tellMax, (stream) => stream.fail(failed), this.context.clock)
  }

  override end(): void {
    super.end()
    this.endStreams(
      new InnkeeperError('storage_unavailable', 'the stream ended since its entity was reloaded; open it again'),
    )
  }

  /** The new version hears that the old one's streams left. */
  protected switched(): void {
    const { name } = this.service
    this.endStreams(new InnkeeperError('service_replaced', `${name} was replaced or undeployed; open the stream again`))
    this.untold = []
    this.ends = false
    this.mailbox.putBack([...this.subscriptions.keys()].map((id) => ({ kind: 'left', subscription: id })))
  }

  protected load(): boolean {
    if (this.state === undefined) {
      this.loadingMs = performance.now()
      this.state = new ReplicaState(this.context.journal, this.entity)
      this.context.metrics.of(this.service.name).activated()
      this.findLeft()
      if (this.state.ready) this.loaded()
    }
    if (this.state.ready) return true
    this.state.step()
    if (this.state.ready) this.loaded()
    return this.state.ready
  }

  /** Subscriptions whose client is gone come first (R3). */
  private findLeft(): void {
    const lefts: Left[] = []
    for (const stored of this.context.journal.subscriptions(this.entity)) {
      if (this.subscriptions.has(stored.id)) continue
      this.subscriptions.set(stored.id, { stored, stream: undefined })
      lefts.push({ kind: 'left', subscription: stored.id })
    }
    if (lefts.length === 0) return
    this.mailbox.putBack(lefts)
  }

  protected work(): void {
    const state = this.state!
    const { limits, clock, keeper, metrics, age } = this.context
    const { name, deployment } = this.service
    state.nowMs = Math.max(clock.now(), state.nowMs)
    const start = { service: name, entity: this.id, deployment, revision: state.revision, sequence: 0 }
    const planner = new TurnPlanner({ ...start, keepsRecords: false, ageMs: age.now() }, keeper.places)
    const turn = new ReplicaTurn(planner, state.nowMs)
    const startedMs = performance.now()
    this.tellOn(turn)
    let decided = 0
    let keys: Set<string> | undefined
    while (decided < limits.batchCommandsMax && this.untold.length === 0 && !(turn.over && turn.told > 0)) {
      const work = this.mailbox.peek()
      if (work === undefined) break
      const key = work.kind === 'command' ? this.onceKey(work) : undefined
      if (key !== undefined && keys?.has(key)) break
      if (key !== undefined) keys = (keys ?? new Set()).add(key)
      this.mailbox.take()
      if (work.kind === 'command') this.inHand.push(work)
      turn.works.push(work)
      if (work.kind === 'left') this.leave(turn, work.subscription)
      else if (work.kind === 'news') this.learn(turn, work)
      else this.decide(turn, work)
      decided += 1
      if (turn.over) break
    }
    if (decided > 0) metrics.of(name).decided(decided, (performance.now() - startedMs) / 1000)
    this.conclude(turn, state)
  }

  private conclude(turn: ReplicaTurn, state: ReplicaState): void {
    const { planner } = turn
    const { deployment } = this.service
    const done = () => {
      this.ending = []
      for (const delta of turn.deltas) this.context.replicas.publish(this.service.name, this.entity.key, delta)
      for (const step of turn.after) step()
    }
    if (planner.empty && turn.writes.length === 0) {
      done()
      return
    }
    const plan = planner.plan([])
    const full = this.commit(
      plan,
      turn.asked,
      (batch) => {
        state.write(batch, plan.records, deployment)
        for (const write of turn.writes) write(batch)
      },
      done,
    )
    if (full !== undefined) this.giveBack(turn, full)
  }

  /** The outbox is full: the turn did not happen. Callers are told; what is no command is taken up again. */
  private giveBack(turn: ReplicaTurn, error: InnkeeperError): void {
    this.state = undefined
    this.endStreams(error)
    this.subscriptions.clear()
    this.untold = []
    this.ends = false
    for (const { waiting } of turn.asked) this.answer(waiting, { kind: 'error', error })
    const again = turn.works.filter((work) => work.kind !== 'command')
    this.mailbox.putBack(again)
    if (again.length === 0) return
    this.resting = true
    setTimeout(() => {
      this.resting = false
      if (this.runnable) this.context.again(this)
    }, noRoomMs).unref()
  }

  private decide(turn: ReplicaTurn, waiting: Waiting): void {
    const method = this.undecided(waiting)
    if (method === undefined) return
    turn.asked.push({ waiting })
    const { guest, name } = this.service
    const { replica } = this.state!
    if (replica.deleted) {
      turn.after.push(() => this.answer(waiting, { kind: 'refusal', failure: entityDeleted, metadata: noMetadata }))
      return
    }
    const command = guestCommand(waiting.command, turn.nowMs, this.context.chance.seed())
    let applied = nothingApplied
    let decision: ReplicatedDecision
    let outcome: Outcome
    const size = replica.size
    const cost = this.context.costOf(this.service)
    try {
      decision = guest.decide(name, this.id, this.view(method.view, command), command)
      if (method.view.kind === 'all') cost.viewed({ bytes: size, units: guest.lastCall.used, sizeMax: size })
      if (decision.subscribe !== undefined && !method.type.serverStreaming)
        throw new GuestFault('malformed', 'a stream was opened by a method that answers once')
      this.checkSubscription(waiting, decision.subscribe)
      applied = this.apply(decision, turn.nowMs)
      outcome =
        decision.answer.kind === 'now'
          ? decision.answer.outcome
          : guest.render(name, this.id, this.view(method.view, command), command, decision.answer.note)
      const tooDear = replica.size > size && !decision.delete ? cost.viewTooDear(replica.size) : undefined
      if (tooDear !== undefined) throw stateTooDear(tooDear)
      this.checkDisk(waiting, decision, applied, outcome)
    } catch (error) {
      applied.undo()
      this.decideFailed(turn, waiting, error)
      return
    }
    this.tellLog(waiting.command, outcome)
    if (outcome.answer.kind === 'failure') {
      applied.undo()
      const { failure } = outcome.answer
      turn.after.push(() => this.answer(waiting, { kind: 'refusal', failure, metadata: outcome.metadata }))
      return
    }
    if (decision.delete) {
      // What the others are told is of the value before it was deleted, and comes after this command's reply.
      const start = turn.after.length
      if (applied.changed) this.notify(turn, undefined)
      const told = turn.after.splice(start)
      this.accepted(turn, waiting, command, outcome, this.deleted(), undefined)
      turn.after.push(...told)
      this.endOnceTold(turn)
      return
    }
    const subscription = this.subscribe(turn, waiting, decision.subscribe)
    this.accepted(turn, waiting, command, outcome, applied.delta, subscription)
    if (applied.changed) this.notify(turn, subscription)
    // Nobody is there to listen: an effect, or a forward of a call that is answered once.
    if (subscription !== undefined && waiting.stream === undefined) this.leave(turn, subscription)
  }

  /** @throws InnkeeperError `storage_quota` where it is written, and the service has all that it may have on disk */
  private checkDisk(waiting: Waiting, decision: ReplicatedDecision, { delta }: Applied, outcome: Outcome): void {
    if (decision.delete || outcome.answer.kind === 'failure') return
    const change = delta === undefined ? undefined : ({ kind: 'delta', delta } as const)
    if (!isWritten(waiting, 0, change, outcome)) return
    const keyed = waiting.command.idempotencyKey !== undefined
    const refusal = this.context.disk.refusal(this.service.name, this.entity.storage, keyed)
    if (refusal !== undefined) throw refusal
  }

  /** Open streams are many, and all of this stays in memory. @throws InnkeeperError `message_too_large` where the request alone is too large,
   *  `state_too_large` where the function's note makes it so */
  private checkSubscription({ command }: Waiting, note: Uint8Array | undefined): void {
    const { subscriptionBytesMax } = this.context.limits
    if (note === undefined) return
    const request = command.payload.length
    if (request + note.length <= subscriptionBytesMax) return
    if (request > subscriptionBytesMax)
      throw new InnkeeperError(
        'message_too_large',
        `the request of a stream on an entity may have ${subscriptionBytesMax} bytes; this one has ${request}`,
      )
    throw new InnkeeperError(
      'state_too_large',
      `the function keeps a note of ${note.length} bytes for this stream; with the request of ${request} bytes it may have ${subscriptionBytesMax}`,
    )
  }

  private decideFailed(turn: ReplicaTurn, waiting: Waiting, thrown: unknown): void {
    if (thrown instanceof InnkeeperError) {
      turn.after.push(() => this.answer(waiting, { kind: 'error', error: thrown }))
      return
    }
    const fault = faultOf(thrown)
    if (fault.reason === 'state_too_large') {
      turn.after.push(() => this.answer(waiting, { kind: 'error', error: stateTooLargeError(fault) }))
      return
    }
    this.context.metrics.of(this.service.name).fault()
    turn.after.push(() => this.failedCommand(waiting, fault))
  }

  /** @throws GuestFault, OperationError; then nothing is applied */
  private apply(decision: ReplicatedDecision, nowMs: number): Applied {
    if (decision.operations.length === 0) return nothingApplied
    const { limits, replicas } = this.context
    const { replica } = this.state!
    const before = replica.size
    const operations = decodeOperations(decision.operations, limits.decisionOperationsMax)
    const applied = replica.apply(replicas.self, operations, nowMs)
    const { size } = replica
    if (size <= Math.max(limits.stateBytesMax, before)) return applied
    applied.undo()
    throw stateTooLarge('the value', size, limits.stateBytesMax)
  }

  private accepted(
    turn: ReplicaTurn,
    waiting: Waiting,
    command: GuestCommand,
    outcome: Outcome,
    delta: Uint8Array | undefined,
    subscription: string | undefined,
  ): void {
    const change = delta === undefined ? undefined : ({ kind: 'delta', delta } as const)
    if (delta !== undefined) turn.deltas.push(delta)
    const step = turn.planner.decided({ waiting, command }, { events: [], change, outcome })
    const { stream } = waiting
    if (stream === undefined) {
      turn.after.push(() => perform(this.context, this.entity, [step]))
      return
    }
    const effects = step.kind === 'refuse' ? [] : step.effects
    // Looked up now: a later command of this turn may end the stream that this one opens.
    const opened = subscription === undefined ? undefined : this.subscriptions.get(subscription)?.stored
    turn.after.push(() => {
      stream.tell({ answer: outcome.answer, metadata: outcome.metadata, effects })
      if (opened !== undefined) stream.opened(opened, this)
      // A method that streams may answer without a stream: that answer is all (§subscription-3).
      else stream.finish()
    })
  }

  private subscribe(turn: ReplicaTurn, waiting: Waiting, note: Uint8Array | undefined): string | undefined {
    if (note === undefined) return undefined
    const { method, payload } = waiting.command
    const stored: StoredSubscription = { id: this.context.subscriptionId(), method, payload, note }
    this.subscriptions.set(stored.id, { stored, stream: waiting.stream })
    if (waiting.stream !== undefined) turn.writes.push((batch) => batch.subscribe(this.entity, stored))
    return stored.id
  }

  /** A client left: a turn of the guest's own (§subscription-2). */
  private leave(turn: ReplicaTurn, id: string): void {
    const subscription = this.subscriptions.get(id)
    if (subscription === undefined) return
    const { stored } = subscription
    this.unsubscribe(turn, id)
    if (this.state!.replica.deleted) return
    const [decision, applied] = this.cancelled(turn, stored) ?? []
    if (decision === undefined || applied === undefined) return
    const outcome = decision.answer.kind === 'now' ? decision.answer.outcome : undefined
    const effects = outcome?.effects ?? []
    if (outcome !== undefined) this.tellLog(commandOfStream(stored, subscription.stream), outcome)
    if (applied.changed) this.notify(turn, undefined)
    const delta = decision.delete ? this.deleted() : applied.delta
    this.record(turn, 'cancelled', recorded(stored, turn.nowMs), delta, effects, subscription.stream)
    if (decision.delete) this.endOnceTold(turn)
  }

  /** Asked again once in a fresh instance: what it does not take back now stays for ever. */
  private cancelled(turn: ReplicaTurn, stored: StoredSubscription): [ReplicatedDecision, Applied] | undefined {
    const { guest, name, methods } = this.service
    for (let tries = 2; tries > 0; tries--) {
      try {
        const view = this.view(methods.get(stored.method)?.view ?? wholeView, commandOf(stored, turn.nowMs))
        const decision = guest.cancelled(name, this.id, view, stored, turn.nowMs)
        return [decision, this.apply(decision, turn.nowMs)]
      } catch (error) {
        this.streamFault(error, stored, 'a function failed to hear that a client left')
      }
    }
    return undefined
  }

  /** A delta of a peer. */
  private learn(turn: ReplicaTurn, { delta, done }: News): void {
    const { replica } = this.state!
    let merged: { readonly changed: boolean; readonly news: boolean }
    try {
      merged = replica.merge(delta)
    } catch (error) {
      if (!(error instanceof DamagedReplica)) throw error
      done(new InnkeeperError('bad_request', `not a delta: ${error.message}`))
      return
    }
    if (merged.news) {
      const command = { method: '', payload: noBytes, metadata: noMetadata, nowMs: turn.nowMs, seed: noBytes }
      const change = { kind: 'delta', delta } as const
      const answer = { kind: 'none' } as const
      turn.planner.record('peer', { ...command, idempotencyKey: undefined }, [], change, [], answer, noMetadata)
    }
    turn.after.push(() => done(undefined))
    if (replica.deleted) this.endAll(turn)
    else if (merged.changed) this.notify(turn, undefined)
  }

  /** Delete the value. What is still to be told is of the value before. Answers the delta. */
  private deleted(): Uint8Array | undefined {
    const { replica } = this.state!
    const seen = replica.frozen()
    this.untold = this.untold.map((audience) => ({ seen, ...audience }))
    return replica.delete().delta
  }

  private endOnceTold(turn: ReplicaTurn): void {
    this.ends = this.untold.length > 0
    if (!this.ends) this.endAll(turn)
  }

  /** Tell every stream but `except` of a change (R2): in this turn as many as one turn may (R5). */
  private notify(turn: ReplicaTurn, except: string | undefined): void {
    for (const audience of this.audiences(except)) {
      if (this.untold.length === 0 && mayTell(turn, audience)) this.tell(turn, audience)
      else this.untold.push(audience)
    }
  }

  /** Those whom earlier turns left: one audience at least, so that it comes to an end. */
  private tellOn(turn: ReplicaTurn): void {
    let told = 0
    for (const audience of this.untold) {
      if (told > 0 && !mayTell(turn, audience)) break
      this.tell(turn, audience)
      told += 1
    }
    this.untold.splice(0, told)
    if (this.ends) this.endOnceTold(turn)
  }

  private *audiences(except: string | undefined): Iterable<Audience> {
    const whole: StoredSubscription[] = []
    for (const [id, { stored, stream }] of this.subscriptions) {
      if (id === except || stream === undefined || stream.gone) continue
      const view = this.service.methods.get(stored.method)?.view ?? wholeView
      if (view.kind === 'all') whole.push(stored)
      else yield { view, subscribers: [stored] }
    }
    const shown = {}
    for (let at = 0; at < whole.length; at += tellMax)
      yield { view: wholeView, subscribers: whole.slice(at, at + tellMax), shown }
  }

  private tell(turn: ReplicaTurn, { view, subscribers, seen: before, shown = {} }: Audience): void {
    const { guest, name } = this.service
    // Some may have left since the change.
    const present = subscribers.filter(({ id }) => this.subscriptions.has(id))
    const [first] = present
    if (first === undefined) return
    turn.told += present.length
    let steps: readonly StreamStep[]
    try {
      shown.bytes ??= this.view(view, commandOf(first, turn.nowMs), before)
      steps = guest.changed(name, this.id, shown.bytes, present, turn.nowMs)
    } catch (error) {
      this.streamFault(error, first, 'a function failed to tell its subscribers')
      for (const { id } of present) this.cutOff(turn, id)
      return
    }
    for (const step of steps) this.told(turn, step)
  }

  private told(turn: ReplicaTurn, { subscription: id, outcome, end }: StreamStep): void {
    const { stored, stream } = this.subscriptions.get(id)!
    if (stream === undefined) return
    const failed = outcome?.answer.kind === 'failure'
    if (outcome !== undefined) {
      this.tellLog(stream.command, outcome)
      const effects = this.record(
        turn,
        'changed',
        recorded(stored, turn.nowMs),
        undefined,
        outcome.effects,
        stream,
        true,
      )
      turn.after.push(() => stream.tell({ answer: outcome.answer, metadata: outcome.metadata, effects }))
    }
    if (!end && !failed) return
    this.unsubscribe(turn, id)
    this.ending.push(stream)
    turn.after.push(() => stream.finish())
  }

  /** The function failed on its behalf: the client is told so, and the guest hears that it left. */
  private cutOff(turn: ReplicaTurn, id: string): void {
    const { stream } = this.subscriptions.get(id)!
    if (stream === undefined) return
    turn.after.push(() => {
      stream.fail({ kind: 'error', error: guestFailed(stream.command.requestId) })
      stream.cancel()
    })
  }

  /** A record of its own, if there is something to record; its effects are started once it is on disk, unless `told`. */
  private record(
    turn: ReplicaTurn,
    origin: JournalRecord['origin'],
    command: RecordedCommand,
    delta: Uint8Array | undefined,
    effects: readonly Effect[],
    stream: OpenStream | undefined,
    told = false,
  ): readonly EffectEntry[] {
    if (delta === undefined && effects.length === 0) return []
    const change = delta === undefined ? undefined : ({ kind: 'delta', delta } as const)
    if (delta !== undefined) turn.deltas.push(delta)
    turn.planner.record(origin, command, [], change, effects, { kind: 'none' }, noMetadata)
    const entries = turn.planner.effects(senderOf(stream), effects)
    if (!told && entries.length > 0)
      turn.after.push(() => this.context.outbox.run(entries, Number.POSITIVE_INFINITY, () => {}))
    return entries
  }

  private unsubscribe(turn: ReplicaTurn, id: string): void {
    this.subscriptions.delete(id)
    turn.writes.push((batch) => batch.unsubscribe(this.entity, id))
  }

  /** The entity is deleted: its streams end well. */
  private endAll(turn: ReplicaTurn): void {
    const streams: OpenStream[] = []
    for (const [id, { stream }] of [...this.subscriptions]) {
      this.unsubscribe(turn, id)
      if (stream !== undefined) streams.push(stream)
    }
    this.ending.push(...streams)
    turn.after.push(() => void inPortions(streams, tellMax, (stream) => stream.finish(), this.context.clock))
  }

  /** What the guest is shown of the value. @throws GuestFault, InnkeeperError `bad_request` */
  private view(view: MethodView, command: GuestCommand, replica = this.state!.replica): Uint8Array {
    const { replicas } = this.context
    const members = replicas.members
    if (view.kind === 'all' || view.kind === 'nothing') return replica.view(view, replicas.self, members)
    const elements =
      view.kind === 'element' ? [view.elementOf(command.payload)] : this.service.guest.reads(this.service.name, command)
    return replica.view({ kind: 'elements', elements }, replicas.self, members)
  }

  private streamFault(thrown: unknown, { method }: GuestSubscription, what: string): void {
    const fault = faultOf(thrown)
    const { name } = this.service
    this.context.metrics.of(name).fault()
    this.context.log.error({ service: name, entity: this.id, method, ...faultFields(fault) }, what)
  }
}

const noBytes = new Uint8Array()

/** In the turn under way (R5). */
function mayTell(turn: ReplicaTurn, { subscribers }: Audience): boolean {
  return turn.told + subscribers.length <= tellMax && !turn.over
}

/** Operations that cannot be applied are the guest's fault; anything else is ours. */
function faultOf(thrown: unknown): GuestFault {
  if (thrown instanceof GuestFault) return thrown
  if (thrown instanceof OperationError) return new GuestFault('malformed', thrown.message, thrown)
  throw thrown
}

/** The command that a subscription stands for, as views are asked with it. */
function commandOf({ method, payload }: StoredSubscription, nowMs: number): GuestCommand {
  return { method, payload, metadata: noMetadata, nowMs, seed: new Uint8Array(16) }
}

/** What a stream causes later is of the chain that opened it, and delivers nothing. */
function senderOf(stream: OpenStream | undefined): Sender {
  if (stream === undefined) return { hops: 0, effect: undefined }
  return { hops: stream.command.hops, effect: undefined, chain: chainOf(stream.command) }
}

/** What log lines name: the request of a stream whose process is gone is not known. */
function commandOfStream({ method }: StoredSubscription, stream: OpenStream | undefined) {
  return { method, requestId: stream?.command.requestId ?? '' }
}

function recorded(stored: StoredSubscription, nowMs: number): RecordedCommand {
  return { ...commandOf(stored, nowMs), idempotencyKey: undefined }
}

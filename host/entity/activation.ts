// Activation: one entity's life in memory, its line of waiting commands, and its commits. How its state is kept and how commands are
// decided is its model's (model.ts).
//
//     life      load, a chunk a turn ─▶ fit, or stuck ─▶ passivated, or closed with all that was believed
//     line      the mailbox; one turn takes from its front (hand.ts), and puts back what is to be decided again
//     commit    planned ─▶ joined the group commit ─▶ on disk: applied, then performed
//
// A1. At most one turn is in flight: while its commit is, the mailbox waits (§command-1).
// A2. Commands run in arrival order, each on the state that the one before left, all on committed state.
// A3. Nothing is answered before the commit that it tells of. The turn ends at its commit: effects, forwards and replies run
//     outside it, so an entity may call itself.
// A4. A plan for which the outbox has no room did not happen: callers hear why, what nobody called is tried again, the model is void.
// A5. After a failed commit the activation is closed, with everything it believed; its waiting commands move to the next one.
// A6. Time never goes backwards for an entity, whatever the machine's clock does.
// A7. An entity that cannot be replayed is stuck: it answers so until a version that can is deployed.
// A8. Whoever follows the entity hears of a commit once it is on disk, before anything is answered that it decided (watching.ts).
//
// Owns: the three.   Models own: the state and its turns.   Entities own: the set of activations.

import { InnkeeperError, operatorMessage, toInnkeeperError } from '../errors.ts'
import { faultFields, GuestFault } from '../guest/guest.ts'
import type { EntityRef } from '../journal/journal.ts'
import { entityId } from '../key.ts'
import type { Change } from '../outcome.ts'
import type { EntityService } from '../services.ts'
import { isEntityService } from '../services.ts'
import { isDamaged } from '../storage/damage.ts'
import type { Used } from './by-use.ts'
import type { EntityContext } from './context.ts'
import { ReplayFault } from './folded-state.ts'
import { Hand } from './hand.ts'
import type { Work } from './mailbox.ts'
import { bytesOf, Mailbox } from './mailbox.ts'
import type { MakeModel, Model } from './model.ts'
import { tellNotes } from './note.ts'
import type { OpenStream, StreamOwner } from './open-stream.ts'
import { fail, perform } from './perform.ts'
import type { Stuck } from './stuck.ts'
import { stuckCause, stuckError, stuckSentence } from './stuck.ts'
import type { TurnPlan } from './turn.ts'
import { writes } from './turn.ts'

/** A turn that found no room in the outbox, and is not a caller's to try again, is tried again so much later. In milliseconds. */
const noRoomMs = 100

/** Makes it load, and find what there is to do. */
const toLook: Work = { kind: 'left', subscription: '' }

export class Activation implements StreamOwner, Used {
  readonly entity: EntityRef
  /** Outward id. */
  id: string
  readonly mailbox: Mailbox
  before: Used | undefined = undefined
  after: Used | undefined = undefined
  /** Set by turns.ts: already in line for a turn. */
  queued = false
  /** Milliseconds of `context.clock` when the last command came. For passivation. */
  usedAtMs = 0
  stuck: Stuck | undefined
  closed = false
  private readonly context: EntityContext
  private readonly makeModel: MakeModel
  private readonly madeMs: number
  private service: EntityService
  /** None before the first turn, and where the last one is void. */
  private model: Model | undefined
  private committing = false
  /** Waits for room in the outbox. */
  private resting = false
  /** The latest time that a turn had. */
  private nowMs = 0
  /** When loading began, of `Clock.steady`. */
  private loadingMs = 0

  constructor(context: EntityContext, service: EntityService, key: string, makeModel: MakeModel) {
    this.context = context
    this.makeModel = makeModel
    this.madeMs = context.clock.steady()
    this.mailbox = new Mailbox(context.waiting, service.name)
    this.service = service
    this.entity = { storage: service.storage, key }
    this.id = entityId(key, service.keyFieldCount)
  }

  /** Nothing waits, nothing is in flight and nobody listens: may be dropped. */
  get idle(): boolean {
    return this.mailbox.size === 0 && !this.committing && this.openStreams === 0
  }

  get ageSeconds(): number {
    return (this.context.clock.steady() - this.madeMs) / 1000
  }

  /** Bytes that it takes of memory, roughly. */
  get stateSize(): number {
    return this.model?.size ?? 0
  }

  /** Streams that clients keep open on it. */
  get openStreams(): number {
    return this.model?.openStreams ?? 0
  }

  get serviceName(): string {
    return this.service.name
  }

  get methodName(): string {
    const next = this.mailbox.peek()
    return next?.kind === 'command' ? next.command.method : ''
  }

  get effectId(): number {
    const next = this.mailbox.peek()
    return next?.kind === 'command' ? (next.command.effect?.id ?? 0) : 0
  }

  /** Has work for a turn of the loop. */
  get runnable(): boolean {
    if (this.committing || this.closed || this.resting) return false
    return this.mailbox.size > 0 || this.model?.due === true
  }

  /** One turn of the loop: load a chunk, or decide. Never throws; asks for another turn itself. */
  turn(): void {
    if (!this.runnable) return
    let hand: Hand | undefined
    try {
      if (!this.adopt()) return
      const model = this.load()
      if (model !== undefined) {
        hand = new Hand(this.context, this, this.service, this.time(model))
        this.work(model, hand)
      }
    } catch (error) {
      this.failed(error, hand)
    }
    if (this.runnable) this.context.again(this)
  }

  /** Called when idle, before the activation is dropped: the last chance for a snapshot that is due. */
  passivate(): void {
    if (this.model?.ready) this.settle(this.model)
    this.closed = true
  }

  /** The entity is given up here: what waits goes to a fresh activation. Streams that it holds end. */
  end(): void {
    this.closed = true
    const message = 'the stream ended since its entity was reloaded; open it again'
    this.endStreams(new InnkeeperError('storage_unavailable', message))
  }

  /** End every stream, well or not. The subscriptions stay on disk, so the guest hears that they left later. */
  endStreams(error: InnkeeperError | undefined): void {
    this.model?.endStreams(error)
  }

  left(stream: OpenStream): void {
    // Given up meanwhile: whoever loads the entity next finds the subscription on disk.
    if (this.closed) return
    this.mailbox.put({ kind: 'left', subscription: stream.subscription!.id })
    this.context.again(this)
  }

  /** A turn without work, to find out which version of the service it belongs to. */
  look(): void {
    this.mailbox.put(toLook)
    this.context.again(this)
  }

  /** The newest version of the service takes over between two turns, also under another name that keeps the same data; false if it
   *  is served no more. */
  private adopt(): boolean {
    const { services } = this.context
    const { storage } = this.entity
    const named = services.get(this.service.name)
    if (named === this.service) return true
    this.stuck = undefined
    const current =
      named !== undefined && isEntityService(named) && named.storage === storage ? named : services.keeper(storage)
    const replaced = `${this.service.name} was replaced or undeployed; open the stream again`
    this.void(new InnkeeperError('service_replaced', replaced))
    if (current?.kind === this.service.kind) {
      this.service = current
      this.mailbox.belongTo(current.name)
      this.id = entityId(this.entity.key, current.keyFieldCount)
      return true
    }
    const message =
      named === undefined
        ? `${this.service.name} is no longer served; deploy it again`
        : `${this.service.name} is now another kind of service, or keeps its data elsewhere; call it again`
    this.failAll(new InnkeeperError('service_replaced', message))
    this.context.close(this)
    return false
  }

  /** The model, if it is ready. One chunk a turn. */
  private load(): Model | undefined {
    if (this.stuck !== undefined) {
      this.failAll(stuckError(this.service.name, this.id, this.stuck))
      return undefined
    }
    let { model } = this
    if (model?.ready === true) return model
    const recorder = this.context.metrics.of(this.service.name)
    if (model === undefined) {
      this.loadingMs = this.context.clock.steady()
      model = this.makeModel(this.context, this.service, this)
      this.model = model
      recorder.activated()
      if (model.leftOver.length > 0) this.mailbox.putBack(model.leftOver)
    }
    if (!model.ready) {
      try {
        model.step()
      } catch (error) {
        if (!(error instanceof ReplayFault)) throw error
        this.getStuck(error)
        return undefined
      }
      if (!model.ready) return undefined
    }
    recorder.recovered((this.context.clock.steady() - this.loadingMs) / 1000)
    return model
  }

  private getStuck({ sequence, typeName, fault }: ReplayFault): void {
    const { name, deployment, description } = this.service
    const cause = stuckCause(fault.reason, typeName, description.events)
    this.stuck = { cause, sequence, typeName, deployment, told: fault.told }
    const recorder = this.context.metrics.of(name)
    recorder.fault()
    recorder.failed()
    this.context.log.error(
      { service: name, entity: this.id, sequence, type: typeName, cause, deployment, ...faultFields(fault) },
      stuckSentence(name, this.id, this.stuck),
    )
    this.failAll(stuckError(name, this.id, this.stuck))
  }

  /** What was loaded is given up; streams that it holds end. */
  private void(error: InnkeeperError): void {
    this.endStreams(error)
    this.model = undefined
  }

  /** Of this turn (A6). */
  private time(model: Model): number {
    this.nowMs = Math.max(this.context.clock.now(), this.nowMs, model.nowMs)
    return this.nowMs
  }

  private work(model: Model, hand: Hand): void {
    this.settle(model)
    if (!model.ready) return
    const { clock } = this.context
    const startedMs = clock.steady()
    const plan = model.plan(hand)
    const { name } = this.service
    if (plan.notes.length > 0) tellNotes(this.context, name, this.id, plan.notes)
    if (plan.decided > 0) this.context.metrics.of(name).decided(plan.decided, (clock.steady() - startedMs) / 1000)
    if (plan.again.length > 0) this.mailbox.putBack(plan.again)
    if (!writes(plan)) {
      this.perform(model, plan)
      return
    }
    const full = this.commit(model, plan, hand.given)
    if (full !== undefined) this.giveBack(hand.given, full)
  }

  private perform(model: Model, plan: TurnPlan): void {
    model.apply(plan)
    perform(this.context, this.entity, plan.steps, this)
  }

  private settle(model: Model): void {
    try {
      model.settle()
    } catch (error) {
      if (!(error instanceof GuestFault)) throw error
      const { name } = this.service
      this.context.metrics.of(name).fault()
      this.context.metrics.of(name).snapshotFailed()
      this.context.log.error(
        { service: name, entity: this.id, ...faultFields(error) },
        'a function failed to encode its state',
      )
    }
  }

  /** Join the turn's commit; answers why the outbox has no room, and then nothing of the turn happened. */
  private commit(model: Model, plan: TurnPlan, given: readonly Work[]): InnkeeperError | undefined {
    const { waiting, journal, keeper, clock } = this.context
    const { account } = this.mailbox
    // They wait for the disk now (waiting-budget.W4). For a quick one, the loop does.
    const slow = journal.pace.slow ? given.filter((work) => work.kind === 'command') : []
    const startedMs = clock.steady()
    const full = keeper.keep(
      plan,
      (batch) => {
        model.write(batch, plan)
        for (const { key, entry, again } of plan.remembered) batch.remember(this.entity, key, entry, again)
      },
      (error) => {
        this.committing = false
        for (const work of slow) waiting.remove(account, work.client, bytesOf(work))
        if (error !== undefined) {
          this.commitFailed(error, given)
          return
        }
        this.measure(plan, startedMs)
        if (plan.records.length > 0) this.context.changed(this.entity, plan.revision)
        this.perform(model, plan)
        if (this.runnable) this.context.again(this)
      },
    )
    if (full !== undefined) return full
    this.committing = true
    for (const work of slow) waiting.add(account, work.client, bytesOf(work))
    return undefined
  }

  private commitFailed(error: Error, given: readonly Work[]): void {
    this.context.metrics.of(this.service.name).failed()
    this.tell(error, 'a commit failed')
    const failure = toInnkeeperError(error)
    for (const work of given) fail(work, failure)
    this.context.close(this)
  }

  /** The outbox is full (A4). */
  private giveBack(given: readonly Work[], error: InnkeeperError): void {
    const [calls, again] = [given.filter(isCall), given.filter((work) => !isCall(work))]
    // Those whose streams end here are to hear of it.
    if (this.openStreams > 0) again.push(toLook)
    this.void(error)
    for (const work of calls) fail(work, error)
    if (again.length === 0) return
    this.mailbox.putBack(again)
    // What only reads needs no room.
    if (again.every((work) => work.kind === 'command')) return
    this.resting = true
    const rested = () => {
      this.resting = false
      if (this.runnable) this.context.again(this)
    }
    this.context.clock.after(noRoomMs, rested).unref()
  }

  private measure({ records, eventCount, eventBytes }: TurnPlan, startedMs: number): void {
    const recorder = this.context.metrics.of(this.service.name)
    recorder.committed((this.context.clock.steady() - startedMs) / 1000)
    if (eventCount > 0) recorder.persisted(eventCount, eventBytes)
    for (const { change } of records) if (change !== undefined) recorder.changed(changeBytes(change))
  }

  private failAll(error: InnkeeperError): void {
    for (let work = this.mailbox.take(); work !== undefined; work = this.mailbox.take()) fail(work, error)
  }

  /** Something of ours broke, or the store is down: nothing was written by this turn. */
  private failed(thrown: unknown, hand: Hand | undefined): void {
    const error = toInnkeeperError(thrown)
    this.tell(thrown, 'a turn failed')
    for (const work of hand?.given ?? []) fail(work, error)
    this.failAll(error)
    this.context.close(this)
  }

  /** To the log. */
  private tell(thrown: unknown, what: string): void {
    const fields = { service: this.service.name, entity: this.id }
    if (isDamaged(thrown)) this.context.log.error(fields, operatorMessage(thrown))
    else this.context.log.error({ ...fields, err: thrown }, what)
  }
}

/** A caller waits, and may try again. */
function isCall(work: Work): boolean {
  return work.kind === 'command' && work.read === undefined
}

function changeBytes(change: Change): number {
  if (change.kind === 'deleted') return 0
  return change.kind === 'updated' ? change.value.length : change.delta.length
}

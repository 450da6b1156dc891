// Activation: one entity's life in memory: load, turns, end. What all state models share.
//
// A1. At most one turn is in flight: while its commit is, the mailbox waits (§command-1).
// A2. Commands run in arrival order, each on the state that the one before left, all on committed state.
// A3. Nothing is answered before the commit that it tells of. The turn ends at its commit: effects, forwards and replies run
//     outside it, so an entity may call itself.
// A5. After a failed commit the activation is closed, with everything it believed; its waiting commands move to the next one.
// A6. Time never goes backwards for an entity, whatever the machine's clock does.
//
// Owns: the mailbox, the order, what every turn begins and ends with.   batched.ts, replicated.ts own: deciding.
// Entities own: the set of activations.

import type { Answer, Command } from '../command.ts'
import { guestFailed, InnkeeperError, operatorMessage, toInnkeeperError, unknownMethod } from '../errors.ts'
import type { GuestFault } from '../guest/guest.ts'
import { faultFields } from '../guest/guest.ts'
import type { Batch, EntityRef, IdempotencyEntry } from '../journal/journal.ts'
import { entityId } from '../key.ts'
import { noMetadata } from '../metadata.ts'
import { logLines } from '../observe/guest-log.ts'
import type { Change, Outcome } from '../outcome.ts'
import type { EntityService, Method } from '../services.ts'
import { isDamaged } from '../storage/damage.ts'
import type { EntityContext } from './context.ts'
import type { Waiting } from './mailbox.ts'
import { bytesOf, Mailbox } from './mailbox.ts'
import { replayAnswer } from './perform.ts'
import type { Stuck } from './stuck.ts'
import type { TurnPlan } from './turn.ts'
import { payloadHash } from './turn.ts'

export abstract class Activation<S extends EntityService = EntityService> {
  readonly entity: EntityRef
  /** Outward id. */
  id: string
  readonly mailbox: Mailbox
  /** Set by turns.ts: already in line for a turn. */
  queued = false
  /** Milliseconds of `context.clock` when the last command came. For passivation. */
  usedAtMs = 0
  stuck: Stuck | undefined
  closed = false
  private readonly madeMs = performance.now()
  protected readonly context: EntityContext
  protected service: S
  protected committing = false
  /** Commands of this turn: whatever happens to it, they are answered. */
  protected inHand: Waiting[] = []
  /** When loading began, of `performance.now()`. */
  protected loadingMs = 0

  constructor(context: EntityContext, service: S, key: string) {
    this.context = context
    this.mailbox = new Mailbox(context.waiting, service.name)
    this.service = service
    this.entity = { storage: service.storage, key }
    this.id = entityId(key, service.keyFieldCount)
  }

  /** Nothing waits and nothing is in flight: may be dropped. */
  get idle(): boolean {
    return this.mailbox.size === 0 && !this.committing
  }

  get ageSeconds(): number {
    return (performance.now() - this.madeMs) / 1000
  }

  /** Bytes that it takes of memory, roughly. */
  abstract get stateSize(): number

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
    return this.mailbox.size > 0 && !this.committing && !this.closed
  }

  /** One turn of the loop: load a chunk, or decide. Never throws; asks for another turn itself. */
  turn(): void {
    if (!this.runnable) return
    try {
      if (!this.adopt()) return
      if (!this.load()) {
        this.context.again(this)
        return
      }
      this.work()
    } catch (error) {
      this.failed(error)
    }
    this.inHand = []
    if (this.runnable) this.context.again(this)
  }

  /** Called when idle, before the activation is dropped. */
  passivate(): void {
    this.closed = true
  }

  /** The entity is given up here: what waits goes to a fresh activation. Streams that it holds end. */
  end(): void {
    this.closed = true
  }

  /** True when the state is ready. One chunk a turn. */
  protected abstract load(): boolean
  /** Decide what waits. */
  protected abstract work(): void
  /** Another version of the service took over: forget what hangs on the old one. */
  protected abstract switched(): void

  /** The newest version of the service takes over between two turns, also under another name that keeps the same data; false if it
   *  is served no more. */
  private adopt(): boolean {
    const { services } = this.context
    const { storage } = this.entity
    const named = services.get(this.service.name)
    if (named === this.service) return true
    this.stuck = undefined
    const current =
      named !== undefined && named.kind !== 'action' && named.storage === storage ? named : services.keeper(storage)
    this.switched()
    if (current?.kind === this.service.kind) {
      this.service = current as S
      this.mailbox.belongTo(current.name)
      this.id = entityId(this.entity.key, current.keyFieldCount)
      return true
    }
    const message =
      named === undefined
        ? `${this.service.name} is no longer served; deploy it again`
        : `${this.service.name} is now another kind of service, or keeps its data elsewhere; call it again`
    this.answerAll(new InnkeeperError('service_replaced', message))
    this.context.close(this)
    return false
  }

  /** Join the turn's commit; answers why the outbox has no room, and then nothing of the turn happened. `asked` hear of a commit
   *  that failed. */
  protected commit(
    plan: TurnPlan,
    asked: readonly { readonly waiting: Waiting }[],
    write: (batch: Batch) => void,
    done: () => void,
  ): InnkeeperError | undefined {
    const { waiting, journal, keeper } = this.context
    const { account } = this.mailbox
    // They wait for the disk now (waiting-budget.W4). For a quick one, the loop does.
    const slow = journal.pace.slow ? asked : []
    const startedMs = performance.now()
    const full = keeper.keep(
      plan,
      (batch) => {
        write(batch)
        for (const { key, entry } of plan.remembered) batch.remember(this.entity, key, entry)
      },
      (error) => {
        this.committing = false
        for (const { waiting: work } of slow) waiting.remove(account, work.client, bytesOf(work))
        if (error !== undefined) {
          this.commitFailed(error, asked)
          return
        }
        this.measure(plan, startedMs)
        done()
        if (this.runnable) this.context.again(this)
      },
    )
    if (full !== undefined) return full
    this.committing = true
    for (const { waiting: work } of slow) waiting.add(account, work.client, bytesOf(work))
    return undefined
  }

  private commitFailed(error: Error, asked: readonly { readonly waiting: Waiting }[]): void {
    const { name } = this.service
    this.context.metrics.of(name).failed()
    if (isDamaged(error)) this.tellDamage(error)
    else this.context.log.error({ service: name, entity: this.id, err: error }, 'a commit failed')
    const failure = { kind: 'error', error: toInnkeeperError(error) } as const
    for (const { waiting } of asked) this.answer(waiting, failure)
    this.context.close(this)
  }

  private measure({ records, eventCount, eventBytes }: TurnPlan, startedMs: number): void {
    const recorder = this.context.metrics.of(this.service.name)
    recorder.committed((performance.now() - startedMs) / 1000)
    if (eventCount > 0) recorder.persisted(eventCount, eventBytes)
    if (this.service.kind === 'event-sourced') return
    for (const { change } of records) {
      if (change !== undefined) recorder.changed(changeBytes(change))
    }
  }

  /** The state is there: how long that took. */
  protected loaded(): void {
    this.context.metrics.of(this.service.name).recovered((performance.now() - this.loadingMs) / 1000)
  }

  /** Commands with the same one are not decided in one turn: the second is to find what the first left. No client can send
   *  the keys of effects. */
  protected onceKey({ command: { idempotencyKey, effect } }: Waiting): string | undefined {
    return effect === undefined ? idempotencyKey : `\0${effect.id}`
  }

  /** Its method, if the command needs a decision; otherwise it is answered here. */
  protected undecided(waiting: Waiting): Method | undefined {
    if (waiting.abandoned || waiting.stream?.abandoned === true) return undefined
    const { command } = waiting
    if (command.effect !== undefined && !this.context.outbox.awaits(command.effect)) {
      this.answer(waiting, { kind: 'reply', payload: new Uint8Array(), metadata: noMetadata })
      return undefined
    }
    this.context.metrics.of(this.service.name).waited((performance.now() - waiting.arrivedMs) / 1000)
    const method = this.service.methods.get(command.method)
    if (method === undefined) {
      this.answer(waiting, { kind: 'error', error: unknownMethod(command.service, command.method) })
      return undefined
    }
    if (command.idempotencyKey === undefined) return method
    try {
      const known = this.context.journal.idempotency(this.entity, command.idempotencyKey)
      if (known === undefined) return method
      this.answerKnown(waiting, method, known)
    } catch (error) {
      // The key, or what it was answered with, and nothing else of the entity.
      if (!isDamaged(error)) throw error
      this.tellDamage(error)
      this.answer(waiting, { kind: 'error', error })
    }
    return undefined
  }

  /** The command was decided before under this key (§idempotency-1). */
  private answerKnown(waiting: Waiting, method: Method, known: IdempotencyEntry): void {
    const { command } = waiting
    if (known.method !== method.type.name || !Buffer.from(known.payloadHash).equals(payloadHash(command.payload))) {
      const message = 'this idempotency key was used for another method or payload; use a new key for a new command'
      this.answer(waiting, { kind: 'error', error: new InnkeeperError('idempotency_conflict', message) })
      return
    }
    replayAnswer(this.context, this.entity, waiting, known)
  }

  /** The caller hears that the function failed; the log has the rest (§fault-2). */
  protected failedCommand(waiting: Waiting, fault: GuestFault): void {
    const { requestId, method } = waiting.command
    this.context.log.error(
      { service: this.service.name, entity: this.id, method, requestId, ...faultFields(fault) },
      'a function failed',
    )
    this.answer(waiting, { kind: 'error', error: guestFailed(requestId) })
  }

  /** What the function said while it decided on a command. */
  protected tellLog({ method, requestId }: Pick<Command, 'method' | 'requestId'>, { logs }: Outcome): void {
    logLines(this.context.log, logs, () => ({ service: this.service.name, entity: this.id, method, requestId }))
  }

  protected answerAll(error: InnkeeperError): void {
    const answer = { kind: 'error', error } as const
    for (let work = this.mailbox.take(); work !== undefined; work = this.mailbox.take()) {
      if (work.kind === 'command') this.answer(work, answer)
      else if (work.kind === 'news') work.done(error)
    }
  }

  protected answer(waiting: Waiting, answer: Answer): void {
    if (waiting.abandoned) return
    if (waiting.stream === undefined) waiting.reply(answer)
    else if (answer.kind !== 'reply') waiting.stream.fail(answer)
    else {
      const { payload, metadata } = answer
      waiting.stream.tell({ answer: { kind: 'message', payload }, metadata, effects: [] })
      waiting.stream.finish()
    }
  }

  private tellDamage(error: InnkeeperError): void {
    this.context.log.error({ service: this.service.name, entity: this.id }, operatorMessage(error))
  }

  /** Something of ours broke, or the store is down: nothing was written by this turn. */
  private failed(thrown: unknown): void {
    const error = toInnkeeperError(thrown)
    if (isDamaged(error)) this.tellDamage(error)
    else this.context.log.error({ service: this.service.name, entity: this.id, err: thrown }, 'a turn failed')
    for (const waiting of this.inHand) this.answer(waiting, { kind: 'error', error })
    this.answerAll(error)
    this.context.close(this)
  }
}

function changeBytes(change: Change): number {
  if (change.kind === 'deleted') return 0
  return change.kind === 'updated' ? change.value.length : change.delta.length
}

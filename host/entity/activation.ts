// Activation: one entity's life in memory: load, turns, snapshots, end.
//
// A1. At most one turn is in flight: while its commit is, the mailbox waits (architecture, "Rules of a turn").
// A2. Commands run in arrival order, each on the state that the one before left, all on committed state.
// A3. Nothing is answered before the commit that it tells of. The turn ends at its commit: effects, forwards and replies run
//     outside it, so an entity may call itself.
// A4. A batch that faulted is run again one by one, one a turn of the loop; only the guilty command fails.
// A5. After a failed commit the activation is closed, with everything it believed; its waiting commands move to the next one.
// A6. Time never goes backwards for an entity, whatever the machine's clock does.
//
// Owns: the mailbox, the order, one folded state.   turn.ts owns: what decisions mean.   Entities own: the set of activations.

import type { Answer } from '../command.ts'
import { InnkeeperError, toInnkeeperError } from '../errors.ts'
import type { Decided, Decision, GuestCommand } from '../guest/guest.ts'
import { GuestFault } from '../guest/guest.ts'
import type { Batch, EntityRef, JournalRecord } from '../journal/journal.ts'
import type { Method, Service } from '../services.ts'
import type { EntityContext } from './context.ts'
import { FoldedState, ReplayFault } from './folded-state.ts'
import { entityId } from './key.ts'
import type { Waiting } from './mailbox.ts'
import { Mailbox } from './mailbox.ts'
import { perform, replayAnswer } from './perform.ts'
import type { Given, TurnPlan } from './turn.ts'
import { payloadHash, planTurn } from './turn.ts'

export interface Stuck {
  /** Last event of the chunk that could not be replayed. */
  readonly sequence: number
  readonly deployment: number
  readonly message: string
}

export class Activation {
  readonly entity: EntityRef
  readonly id: string
  readonly mailbox = new Mailbox()
  /** Set by turns.ts: already in line for a turn. */
  queued = false
  /** Milliseconds of `context.clock` when the last command came. For passivation. */
  usedAtMs = 0
  stuck: Stuck | undefined
  closed = false
  private readonly context: EntityContext
  private service: Service
  private state: FoldedState | undefined
  private committing = false
  /** So many commands from the front are run one by one (A4). */
  private alone = 0
  private snapshotDue = false

  constructor(context: EntityContext, service: Service, key: string) {
    this.context = context
    this.service = service
    this.entity = { storage: service.storage, key }
    this.id = entityId(key, service.keyFieldCount)
  }

  /** Nothing waits and nothing is in flight: may be dropped. */
  get idle(): boolean {
    return this.mailbox.size === 0 && !this.committing
  }

  get stateSize(): number {
    return this.state?.size ?? 0
  }

  get serviceName(): string {
    return this.service.name
  }

  /** Has work for a turn of the loop. */
  get runnable(): boolean {
    return this.mailbox.size > 0 && !this.committing && !this.closed
  }

  /** One turn of the loop: load a chunk, or decide one batch. Never throws; asks for another turn itself. */
  turn(): void {
    if (!this.runnable) return
    try {
      if (!this.adopt()) return
      if (!this.load()) {
        this.context.again(this)
        return
      }
      this.decide()
    } catch (error) {
      this.failed(error)
    }
    if (this.runnable) this.context.again(this)
  }

  /** Take the last chance for a snapshot that is due. Called when idle, before the activation is dropped. */
  passivate(): void {
    try {
      this.snapshot()
    } catch (error) {
      if (!(error instanceof GuestFault)) throw error
    }
    this.closed = true
  }

  /** The newest version of the service takes over between two turns; false if it is served no more. */
  private adopt(): boolean {
    const current = this.context.services.get(this.service.name)
    if (current === this.service) return true
    this.state = undefined
    this.stuck = undefined
    this.snapshotDue = false
    if (current !== undefined && current.storage === this.entity.storage) {
      this.service = current
      return true
    }
    this.answerAll(new InnkeeperError('service_replaced', `${this.service.name} is no longer served; deploy it again`))
    return false
  }

  /** True when the state is ready. One chunk a turn (F3). */
  private load(): boolean {
    if (this.stuck !== undefined) {
      this.answerAll(this.stuckError(this.stuck))
      return false
    }
    if (this.state === undefined) {
      const { journal, limits, metrics } = this.context
      const { guest, name, stateVersion } = this.service
      const recorder = metrics.of(name)
      this.state = new FoldedState({
        guest,
        journal,
        limits,
        service: name,
        id: this.id,
        entity: this.entity,
        stateVersion,
        replayed: recorder.replayed,
      })
      recorder.activated()
    }
    if (this.state.ready) return true
    try {
      this.state.step()
    } catch (error) {
      if (!(error instanceof ReplayFault)) throw error
      this.stuck = { sequence: error.sequence, deployment: this.service.deployment, message: error.message }
      this.context.metrics.of(this.service.name).fault()
      this.context.log.error(
        {
          service: this.service.name,
          entity: this.id,
          sequence: error.sequence,
          deployment: this.service.deployment,
          err: error.cause,
        },
        'an entity is stuck: its events cannot be replayed',
      )
      this.answerAll(this.stuckError(this.stuck))
      return false
    }
    return this.state.ready
  }

  private stuckError({ sequence, deployment }: Stuck): InnkeeperError {
    return new InnkeeperError(
      'entity_stuck',
      `${this.service.name} entity ${JSON.stringify(this.id)} cannot be replayed at event ${sequence} by deployment ${deployment}; ` +
        'its journal is readable, and deploying a version that accepts its events frees it',
    )
  }

  private decide(): void {
    if (this.snapshotDue) this.snapshot()
    const state = this.state!
    if (!state.ready) return
    const given = this.takeBatch(state)
    if (given.length === 0) return
    const recorder = this.context.metrics.of(this.service.name)
    let decided: Extract<Decided, { kind: 'decided' }> | undefined
    try {
      decided = state.decide(given.map((item) => item.command))
      if (decided !== undefined) this.checkAnswers(decided.decisions)
    } catch (error) {
      if (!(error instanceof GuestFault)) throw error
      recorder.fault()
      this.faulted(given, error)
      return
    }
    if (decided === undefined) {
      // The guest forgot the state and decided nothing: fold it again, same commands, same order.
      this.putBack(given)
      return
    }
    if (this.alone > 0) this.alone -= given.length
    const plan = planTurn(
      {
        service: this.service.name,
        entity: this.id,
        deployment: this.service.deployment,
        revision: state.revision,
        sequence: state.sequence,
      },
      given,
      decided.decisions,
      this.context.outbox.nextId,
    )
    recorder.decided(given.length)
    const { next } = decided
    if (plan.records.length === 0 && plan.enqueued.length === 0 && plan.dequeued.length === 0) {
      state.advance(next, state.revision, state.sequence, 0, 0)
      perform(this.context, this.entity, plan.steps)
      return
    }
    this.commit(plan, next, state)
  }

  private commit(plan: TurnPlan, next: Parameters<FoldedState['advance']>[0], state: FoldedState): void {
    const effects = plan.enqueued.length
    if (effects > 0 && !this.context.outbox.admits(effects)) {
      // The decisions were good but cannot be kept: nothing of them happened, and the held state with them is void.
      this.state = undefined
      for (const { waiting } of plan.steps) {
        this.answer(waiting, {
          kind: 'error',
          error: new InnkeeperError('overloaded', 'too many side effects are waiting; see `inn effects`'),
        })
      }
      return
    }
    this.committing = true
    const service = this.service
    this.context.commits.join(
      (batch) => write(batch, this.entity, plan),
      (error) => {
        this.committing = false
        if (error !== undefined) {
          this.context.log.error({ service: service.name, entity: this.id, err: error }, 'a commit failed')
          const failure = { kind: 'error', error: toInnkeeperError(error) } as const
          for (const { waiting } of plan.steps) this.answer(waiting, failure)
          this.context.close(this)
          return
        }
        const before = state.sequence
        state.advance(next, plan.revision, plan.sequence, plan.eventCount, plan.eventBytes)
        this.context.metrics.of(service.name).persisted(plan.eventCount, plan.eventBytes)
        if (crosses(before, plan.sequence, this.snapshotEvery())) this.snapshotDue = true
        perform(this.context, this.entity, plan.steps)
        if (this.runnable) this.context.again(this)
      },
    )
  }

  /** Commands for one guest call: those that need no decision are answered here. */
  private takeBatch(state: FoldedState): Given[] {
    const { limits, clock, chance, journal } = this.context
    const max = this.alone > 0 ? 1 : limits.batchCommandsMax
    const now = Math.max(clock.now(), state.nowMs)
    state.nowMs = now
    const given: Given[] = []
    let keys: Set<string> | undefined
    while (given.length < max) {
      const waiting = this.mailbox.peek()
      if (waiting === undefined) break
      const { command } = waiting
      // A second command with a key waits for the first: it ends the batch and gets the first's answer next turn.
      if (command.idempotencyKey !== undefined && keys?.has(command.idempotencyKey)) break
      this.mailbox.take()
      this.context.left()
      if (waiting.abandoned) continue
      const method = this.service.methods.get(command.method)
      if (method === undefined) {
        this.answer(waiting, { kind: 'error', error: unknownMethod(command.service, command.method) })
        continue
      }
      if (command.idempotencyKey !== undefined) {
        const known = journal.idempotency(this.entity, command.idempotencyKey)
        if (known !== undefined) {
          this.answerKnown(waiting, method, known)
          continue
        }
        keys = (keys ?? new Set()).add(command.idempotencyKey)
      }
      given.push({ waiting, command: guestCommand(waiting, now, chance.seed()) })
    }
    return given
  }

  /** The command was decided before under this key (A9). */
  private answerKnown(
    waiting: Waiting,
    method: Method,
    known: NonNullable<ReturnType<EntityContext['journal']['idempotency']>>,
  ): void {
    const { command } = waiting
    if (known.method !== method.type.name || !Buffer.from(known.payloadHash).equals(payloadHash(command.payload))) {
      const message = 'this idempotency key was used for another method or payload; use a new key for a new command'
      this.answer(waiting, { kind: 'error', error: new InnkeeperError('idempotency_conflict', message) })
      return
    }
    replayAnswer(this.context, this.entity, waiting, known)
  }

  private faulted(given: readonly Given[], fault: GuestFault): void {
    if (given.length > 1) {
      // One of them is guilty: from here one by one, each in its own turn of the loop (A4).
      this.alone = given.length
      this.putBack(given)
      return
    }
    const { waiting } = given[0]!
    const { requestId, method } = waiting.command
    if (this.alone > 0) this.alone -= 1
    this.context.log.error(
      { service: this.service.name, entity: this.id, method, requestId, reason: fault.reason, err: fault },
      'a function failed',
    )
    this.answer(waiting, {
      kind: 'error',
      error: new InnkeeperError('guest_fault', `the function failed (request ${requestId})`),
    })
  }

  /** A unary command must be answered (A10): otherwise the whole call counts as a fault and its instance is not trusted. */
  private checkAnswers(decisions: readonly Decision[]): void {
    if (!decisions.some((decision) => decision.outcome.answer.kind === 'none')) return
    this.service.guest.drop()
    throw new GuestFault('malformed', 'a decision without a reply or forward')
  }

  private snapshotEvery(): number {
    const own = this.service.description.snapshotEvery
    return own === 0 ? this.context.settings.snapshotEvery : own
  }

  /** Store a snapshot of the committed state, if one is due. A guest that lost its state gets it another time. */
  private snapshot(): void {
    const state = this.state
    if (!this.snapshotDue || state === undefined || !state.ready) return
    const bytes = state.encoded()
    if (bytes === undefined) return
    this.snapshotDue = false
    const { revision, sequence } = state
    this.context.journal.putSnapshot(this.entity, {
      revision,
      sequence,
      stateVersion: this.service.stateVersion,
      state: bytes,
    })
    this.context.metrics.of(this.service.name).snapshot(bytes.length)
  }

  private putBack(given: readonly Given[]): void {
    this.mailbox.putBack(given.map((item) => item.waiting))
    this.context.left(-given.length)
  }

  private answerAll(error: InnkeeperError): void {
    const answer = { kind: 'error', error } as const
    for (let waiting = this.mailbox.take(); waiting !== undefined; waiting = this.mailbox.take()) {
      this.context.left()
      this.answer(waiting, answer)
    }
  }

  private answer(waiting: Waiting, answer: Answer): void {
    if (!waiting.abandoned) waiting.reply(answer)
  }

  /** Something of ours broke, or the store is down: nothing was written by this turn. */
  private failed(thrown: unknown): void {
    const error = toInnkeeperError(thrown)
    this.context.log.error({ service: this.service.name, entity: this.id, err: thrown }, 'a turn failed')
    this.answerAll(error)
    this.context.close(this)
  }
}

export function unknownMethod(service: string, method: string): InnkeeperError {
  return new InnkeeperError(
    'unknown_method',
    `${service} has no method ${method}; \`inn services ${service}\` lists them`,
  )
}

function guestCommand({ command }: Waiting, nowMs: number, seed: Uint8Array): GuestCommand {
  return { method: command.method, payload: command.payload, metadata: command.metadata, nowMs, seed }
}

function write(batch: Batch, entity: EntityRef, plan: TurnPlan): void {
  for (const record of plan.records as readonly JournalRecord[]) batch.append(entity, record)
  for (const { key, entry } of plan.remembered) batch.remember(entity, key, entry)
  for (const entry of plan.enqueued) batch.enqueue(entry)
  for (const id of plan.dequeued) batch.dequeue(id)
}

/** A multiple of `every` lies in (before, after]. */
function crosses(before: number, after: number, every: number): boolean {
  return every > 0 && Math.floor(after / every) > Math.floor(before / every)
}

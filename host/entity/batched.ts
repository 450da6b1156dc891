// Batched activation: entities that decide on all that waits at once: event-sourced ones and values.
//
// B1. A batch that faulted is run again one by one, one a turn of the loop; only the guilty command fails (§fault-3).
// B2. An entity that cannot be replayed is stuck: it answers so until a version that can is deployed.
// B3. A command that would leave a state which is too dear to read again, or write more than its service may have on disk (disk.ts), is
//     refused before its commit, and the entity goes on.
//
// Owns: the batch and its faults.   event-sourced.ts, value.ts own: the state.   turn.ts owns: what decisions mean.

import type { InnkeeperError } from '../errors.ts'
import type { Decision } from '../guest/guest.ts'
import { faultFields, GuestFault, guestCommand } from '../guest/guest.ts'
import type { EventSourcedService, ValueService } from '../services.ts'
import { Activation } from './activation.ts'
import { EventSourcedState } from './event-sourced.ts'
import { ReplayFault } from './folded-state.ts'
import { perform } from './perform.ts'
import type { TooDear } from './reading-cost.ts'
import { stateTooDear, stateTooLargeError } from './reading-cost.ts'
import type { EntityState } from './state.ts'
import { stuckCause, stuckError, stuckSentence } from './stuck.ts'
import type { Given } from './turn.ts'
import { isWritten, planTurn } from './turn.ts'
import { ValueState } from './value.ts'

export class BatchedActivation extends Activation<EventSourcedService | ValueService> {
  private state: EntityState | undefined
  /** So many commands from the front are run one by one (B1). */
  private alone = 0

  get stateSize(): number {
    return this.state?.size ?? 0
  }

  /** Take the last chance for a snapshot that is due. */
  override passivate(): void {
    if (this.state?.ready) this.settle(this.state)
    super.passivate()
  }

  protected switched(): void {
    this.state = undefined
  }

  protected load(): boolean {
    if (this.stuck !== undefined) {
      this.answerAll(stuckError(this.service.name, this.id, this.stuck))
      return false
    }
    if (this.state === undefined) {
      this.loadingMs = performance.now()
      this.state = this.makeState()
      this.context.metrics.of(this.service.name).activated()
      if (this.state.ready) this.loaded()
    }
    if (this.state.ready) return true
    try {
      this.state.step()
    } catch (error) {
      if (!(error instanceof ReplayFault)) throw error
      const { name, deployment } = this.service
      const { sequence, typeName, fault } = error
      const cause = stuckCause(fault.reason, typeName, this.service.description.events)
      this.stuck = { cause, sequence, typeName, deployment, told: fault.told }
      this.context.metrics.of(name).fault()
      this.context.metrics.of(name).failed()
      this.context.log.error(
        { service: name, entity: this.id, sequence, type: typeName, cause, deployment, ...faultFields(fault) },
        stuckSentence(name, this.id, this.stuck),
      )
      this.answerAll(stuckError(this.service.name, this.id, this.stuck))
      return false
    }
    if (this.state.ready) this.loaded()
    return this.state.ready
  }

  private makeState(): EntityState {
    const { journal, limits, metrics, settings } = this.context
    const { service, id, entity } = this
    const { name, deployment } = service
    const cost = this.context.costOf(service)
    const parts = { journal, limits, service: name, id, entity, cost }
    if (service.kind === 'value')
      return new ValueState({ ...parts, guest: service.guest, deployment, history: settings.valueHistory })
    const recorder = metrics.of(name)
    const { snapshotEvery } = service.description
    return new EventSourcedState({
      ...parts,
      guest: service.guest,
      stateVersion: service.stateVersion,
      replayed: recorder.replayed,
      snapshotEvery: snapshotEvery === 0 ? settings.snapshotEvery : snapshotEvery,
      snapshotTaken: recorder.snapshot,
      snapshotLoaded: recorder.snapshotLoaded,
    })
  }

  protected work(): void {
    const state = this.state!
    this.settle(state)
    if (!state.ready) return
    const given = this.takeBatch(state)
    if (given.length === 0) return
    const recorder = this.context.metrics.of(this.service.name)
    let decisions: readonly Decision[] | undefined
    const startedMs = performance.now()
    try {
      decisions = state.decide(given.map((item) => item.command))
    } catch (error) {
      if (!(error instanceof GuestFault)) throw error
      this.context.batchOf(this.service).took(given.length, performance.now() - startedMs)
      this.faulted(given, error)
      return
    }
    this.context.batchOf(this.service).took(given.length, performance.now() - startedMs)
    if (decisions === undefined) {
      // The guest forgot the state and decided nothing: load it again, same commands, same order.
      this.putBack(given)
      return
    }
    if (this.refused(state, given, decisions)) return
    if (this.alone > 0) this.alone -= given.length
    const { name, deployment } = this.service
    for (const [index, { outcome }] of decisions.entries()) {
      if (outcome.logs.length > 0) this.tellLog(given[index]!.waiting.command, outcome)
    }
    const { revision, sequence, keepsRecords } = state
    const plan = planTurn(
      { service: name, entity: this.id, deployment, revision, sequence, keepsRecords, ageMs: this.context.age.now() },
      given,
      decisions,
      this.context.keeper.places,
    )
    recorder.decided(given.length, (performance.now() - startedMs) / 1000)
    if (plan.records.length === 0 && plan.enqueued.length === 0 && plan.arrived.length === 0) {
      state.advance(undefined)
      perform(this.context, this.entity, plan.steps)
      return
    }
    const full = this.commit(
      plan,
      plan.steps,
      (batch) => state.write(batch, plan),
      () => {
        state.advance(plan)
        perform(this.context, this.entity, plan.steps)
      },
    )
    if (full === undefined) return
    // The decisions were good but cannot be kept: nothing of them happened, and the held state with them is void.
    this.state = undefined
    for (const { waiting } of plan.steps) this.answer(waiting, { kind: 'error', error: full })
  }

  /** What the decisions leave cannot be kept: nothing of them happens (B3). */
  private refused(state: EntityState, given: readonly Given[], decisions: readonly Decision[]): boolean {
    const full = this.full(given, decisions)
    if (full !== undefined) {
      this.refuse(state, given, full)
      return true
    }
    if (!decisions.some(changes)) return false
    let tooDear: TooDear | undefined
    try {
      tooDear = state.weigh(decisions)
    } catch (error) {
      if (!(error instanceof GuestFault)) throw error
      state.discard()
      this.faulted(given, error)
      return true
    }
    if (tooDear === undefined) return false
    this.refuse(state, given, stateTooDear(tooDear))
    return true
  }

  /** Of several commands, those that may be kept are found one by one. */
  private refuse(state: EntityState, given: readonly Given[], error: InnkeeperError): void {
    state.discard()
    if (given.length > 1) {
      this.oneByOne(given)
      return
    }
    if (this.alone > 0) this.alone -= 1
    this.answer(given[0]!.waiting, { kind: 'error', error })
  }

  /** Why one of the decisions may not be written. */
  private full(given: readonly Given[], decisions: readonly Decision[]): InnkeeperError | undefined {
    let [written, keyed] = [false, false]
    for (let at = 0; at < decisions.length; at++) {
      const { events, change, outcome } = decisions[at]!
      const { waiting } = given[at]!
      if (outcome.answer.kind === 'failure' || change?.kind === 'deleted') continue
      if (!isWritten(waiting, events.length, change, outcome)) continue
      written = true
      if (waiting.command.idempotencyKey !== undefined) keyed = true
    }
    if (!written) return undefined
    return this.context.disk.refusal(this.service.name, this.entity.storage, keyed)
  }

  private settle(state: EntityState): void {
    try {
      state.settle()
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

  /** Commands for one guest call: those that need no decision are answered here. */
  private takeBatch(state: EntityState): Given[] {
    const { clock, chance } = this.context
    const max = this.alone > 0 ? 1 : this.context.batchOf(this.service).commands
    const now = Math.max(clock.now(), state.nowMs)
    state.nowMs = now
    const given: Given[] = []
    let keys: Set<string> | undefined
    while (given.length < max) {
      const waiting = this.mailbox.peek()
      if (waiting === undefined || waiting.kind !== 'command') break
      const key = this.onceKey(waiting)
      // A second command with a key waits for the first: it ends the batch and gets the first's answer next turn.
      if (key !== undefined && keys?.has(key)) break
      this.mailbox.take()
      this.inHand.push(waiting)
      if (this.undecided(waiting) === undefined) continue
      if (key !== undefined) keys = (keys ?? new Set()).add(key)
      given.push({ waiting, command: guestCommand(waiting.command, now, chance.seed()) })
    }
    return given
  }

  private faulted(given: readonly Given[], fault: GuestFault): void {
    if (given.length > 1) {
      this.context.log.debug(
        { service: this.service.name, entity: this.id, commands: given.length, reason: fault.reason },
        'a batch failed; its commands are decided one by one',
      )
      this.oneByOne(given)
      return
    }
    if (this.alone > 0) this.alone -= 1
    const { waiting } = given[0]!
    if (fault.reason === 'state_too_large') {
      this.answer(waiting, { kind: 'error', error: stateTooLargeError(fault) })
      return
    }
    this.context.metrics.of(this.service.name).fault()
    this.failedCommand(waiting, fault)
  }

  /** One of them is guilty: from here one by one, each in its own turn of the loop (B1). */
  private oneByOne(given: readonly Given[]): void {
    this.context.metrics.of(this.service.name).split()
    this.alone = given.length
    this.putBack(given)
  }

  private putBack(given: readonly Given[]): void {
    this.mailbox.putBack(given.map((item) => item.waiting))
  }
}

/** Does it change the state? One that only reads is never refused for it. */
function changes({ events, change }: Decision): boolean {
  return events.length > 0 || change !== undefined
}

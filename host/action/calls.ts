// Calls: unary commands of one action service, given to the guest together.
//
// C1. Calls are independent: what waits in one turn of the loop goes to the guest at once, and answers keep no order.
// C2. A batch that faulted is run again one by one, one a turn of the loop; only the guilty call fails (§fault-3).
// C3. Effects are on disk before they run, and run before the answer; a failing answer's, too (§refusal-3).
//
// Unlike an entity's commands (entity/activation.ts) they have no state that is loaded, no order and no line of their own.
//
// Owns: the batch.   outcome.ts owns: what an outcome writes.   Actions own: admission.

import { BatchSize } from '../batch-size.ts'
import type { Command, Reply } from '../command.ts'
import { type Commits, together } from '../commits.ts'
import { guestFailed, InnkeeperError, toInnkeeperError } from '../errors.ts'
import { faultFields, GuestFault, guestCommand } from '../guest/guest.ts'
import { logLines } from '../observe/guest-log.ts'
import type { Outcome } from '../outcome.ts'
import { forward } from '../reply/forward.ts'
import type { ActionService } from '../services.ts'
import type { Turn } from '../turns.ts'
import type { Account } from '../waiting-budget.ts'
import type { ActionContext, ActionPartition } from './context.ts'
import type { PlannedOutcome } from './outcome.ts'
import { keepOutcomes, planOutcome } from './outcome.ts'

export interface WaitingCall {
  readonly command: Command
  readonly reply: Reply
  /** What waits of the client that sent it; none for effects and forwards. */
  readonly client: Account | undefined
  /** Of `Clock.steady`. */
  readonly arrivedMs: number
  /** Nobody waits for the answer any more. */
  abandoned: boolean
}

export class Calls implements Turn {
  queued = false
  readonly id = ''
  private readonly context: ActionContext
  private readonly name: string
  /** What waits of this service. */
  readonly account: Account
  private waiting: WaitingCall[] = []
  /** So many from the front are run one by one (C2). */
  private alone = 0
  private readonly size: BatchSize

  constructor(context: ActionContext, name: string) {
    this.context = context
    this.name = name
    this.account = context.waiting.service(name)
    this.size = new BatchSize(context.limits)
  }

  get serviceName(): string {
    return this.name
  }

  get methodName(): string {
    return this.waiting[0]?.command.method ?? ''
  }

  get effectId(): number {
    return this.waiting[0]?.command.effect?.id ?? 0
  }

  put(waiting: WaitingCall): void {
    this.context.waiting.add(this.account, waiting.client, waiting.command.payload.length)
    this.waiting.push(waiting)
    this.context.again(this)
  }

  turn(): void {
    const max = this.alone > 0 ? 1 : this.size.commands
    const batch = this.waiting.splice(0, max)
    if (this.alone > 0) this.alone -= 1
    for (const { command, client } of batch) this.context.waiting.remove(this.account, client, command.payload.length)
    const calls = batch.filter((call) => !call.abandoned)
    try {
      this.run(calls)
    } catch (error) {
      this.context.log.error({ service: this.name, err: error }, 'a turn failed')
      for (const { reply } of calls) reply({ kind: 'error', error: toInnkeeperError(error) })
    }
    if (this.waiting.length > 0) this.context.again(this)
  }

  private run(calls: readonly WaitingCall[]): void {
    const service = this.context.services.get(this.name)
    if (service === undefined || service.kind !== 'action') {
      const error = new InnkeeperError('service_replaced', `${this.name} is no longer served; deploy it again`)
      for (const { reply } of calls) reply({ kind: 'error', error })
      return
    }
    if (calls.length === 0) return
    const outcomes = this.outcomes(service, calls)
    if (outcomes === undefined) {
      this.waiting = [...calls, ...this.waiting]
      for (const { command, client } of calls) this.context.waiting.add(this.account, client, command.payload.length)
      this.alone = calls.length
      return
    }
    for (const [index, outcome] of outcomes.entries()) this.outcome(service, calls[index]!, outcome)
  }

  /** `undefined`: one of several is guilty. Empty: the one was, and is answered. */
  private outcomes(service: ActionService, calls: readonly WaitingCall[]): readonly Outcome[] | undefined {
    const { clock, chance, metrics, log } = this.context
    const recorder = metrics.of(this.name)
    const now = clock.now()
    const startedMs = clock.steady()
    try {
      for (const { arrivedMs } of calls) recorder.waited((startedMs - arrivedMs) / 1000)
      const commands = calls.map(({ command }) => guestCommand(command, now, chance.seed()))
      const outcomes = service.guest.call(this.name, commands)
      const tookMs = clock.steady() - startedMs
      this.size.took(calls.length, tookMs)
      recorder.decided(calls.length, tookMs / 1000)
      return outcomes
    } catch (error) {
      if (!(error instanceof GuestFault)) throw error
      this.size.took(calls.length, clock.steady() - startedMs)
      if (calls.length > 1) {
        recorder.split()
        return undefined
      }
      recorder.fault()
      const { command, reply } = calls[0]!
      const { method, requestId } = command
      log.error({ service: this.name, method, requestId, ...faultFields(error) }, 'a function failed')
      reply({ kind: 'error', error: guestFailed(requestId) })
      return []
    }
  }

  private outcome(service: ActionService, call: WaitingCall, outcome: Outcome): void {
    const { method, requestId } = call.command
    logLines(this.context.log, outcome.logs, () => ({ service: this.name, method, requestId }))
    const partition = this.context.partitionOf(call.command)
    const plan = planOutcome(call.command, outcome, partition.keeper, service.storage)
    keepOutcomes(partition.keeper, [plan], this.context.outbox, (failed, commits) => {
      if (failed === undefined) this.act(service, call, plan, partition, commits)
      else call.reply(failed)
    })
  }

  private act(
    { storage, name }: ActionService,
    { command, reply }: WaitingCall,
    plan: PlannedOutcome,
    { commits, keeper }: ActionPartition,
    own: Commits | undefined,
  ): void {
    const { answer, metadata } = plan.outcome
    const finish = (waitedFor: Commits | undefined) => {
      if (answer.kind === 'failure') reply({ kind: 'refusal', failure: answer.failure, metadata, commits: waitedFor })
      else if (answer.kind === 'message')
        reply({ kind: 'reply', payload: answer.payload, metadata, commits: waitedFor })
      else if (answer.kind === 'forward') {
        const onward = { call: answer.call, remember: undefined, effect: plan.moved }
        forward({ ...this.context, commits, keeper }, command, { storage, key: name }, onward, waitedFor, reply)
      }
    }
    if (plan.effects.length === 0) finish(own)
    else this.context.outbox.run(plan.effects, command.deadlineMs, (others) => finish(together(own, others)))
  }
}

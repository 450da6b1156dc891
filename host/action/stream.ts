// Stream: one streamed call of an action. The guest is a step function; this is who steps it.
//
//   running ──▶ done ───────────────▶ over     done:       the guest ended the call; its last outcomes are being kept
//      ├──────────────────────────────▲        cancelling: it is to hear `cancelled`, as its last step
//      └──────▶ cancelling ───────────┘        What the client may still hear is the lifeline's (lifeline.ts).
//
// S1. A step runs when there is input, or when the last one asked for more and the client has taken all that it gave: so the
//     slowest client slows the guest (§action-8).
// S2. Outputs keep their order. A failing one ends the client's stream: those before it are delivered, those after it are not,
//     and the guest hears `cancelled`.
// S3. `cancelled` is the last input and comes at most once, whoever ended the call: the client, a failing output, a new
//     version. Its outputs are dropped, its effects run. After `done` it never comes.
// S4. A method that streams only its request gives one answer; the first one ends the call.
// S5. Input is bounded: the client is held back once `streamInputsMax` elements, or the bytes of one message, wait.
//
// Owns: steps and their input.   reply/outputs.ts owns: the elements.   outcome.ts owns: what an outcome writes.

import type { Command, Receiver, StreamCall } from '../command.ts'
import type { Commits } from '../commits.ts'
import { chainOf } from '../delivery/chains.ts'
import { guestFailed, InnkeeperError, toInnkeeperError } from '../errors.ts'
import type { ActionStep, StreamInput } from '../guest/guest.ts'
import { faultFields, GuestFault } from '../guest/guest.ts'
import { logLines } from '../observe/guest-log.ts'
import type { Outcome } from '../outcome.ts'
import { Outputs } from '../reply/outputs.ts'
import type { ActionService, Method } from '../services.ts'
import type { Turn } from '../turns.ts'
import type { ActionContext } from './context.ts'
import type { PlannedOutcome } from './outcome.ts'
import { keepOutcomes, planOutcome } from './outcome.ts'

/** Steps in a row that ask for more and give nothing: past that it is a loop. */
const emptyStepsMax = 1_000

export class ActionStream implements StreamCall, Turn {
  queued = false
  private readonly context: ActionContext
  private readonly service: ActionService
  private readonly method: Method
  private readonly command: Command
  private readonly receiver: Receiver
  private readonly outputs: Outputs
  private readonly closed: () => void
  private inputs: StreamInput[] = []
  private inputBytes = 0
  private heldBack = false
  private state: Uint8Array | undefined
  private more = false
  private emptySteps = 0
  private answered = false
  private committing = false
  private life: 'running' | 'done' | 'cancelling' | 'over' = 'running'

  /** `closed` is called once, when nothing more will happen. */
  constructor(
    context: ActionContext,
    service: ActionService,
    method: Method,
    command: Command,
    receiver: Receiver,
    closed: () => void,
  ) {
    this.context = context
    this.service = service
    this.method = method
    this.command = command
    this.receiver = receiver
    this.closed = closed
    this.outputs = new Outputs(context, receiver, command, {
      idle: () => this.wake(),
      cut: () => this.cancelled(),
    })
    this.inputs.push({ kind: 'start', metadata: command.metadata })
    if (!method.type.clientStreaming) this.inputs.push({ kind: 'item', payload: command.payload }, { kind: 'end' })
    this.wake()
  }

  readonly id = ''

  get serviceName(): string {
    return this.service.name
  }

  get methodName(): string {
    return this.method.type.name
  }

  get effectId(): number {
    return this.command.effect?.id ?? 0
  }

  item(payload: Uint8Array): boolean {
    if (this.life !== 'running') return true
    this.inputs.push({ kind: 'item', payload })
    this.inputBytes += payload.length
    this.receiver.owes(payload.length)
    this.wake()
    const { streamInputsMax, messageBytesMax } = this.context.limits
    this.heldBack = this.inputs.length >= streamInputsMax || this.inputBytes >= messageBytesMax
    return !this.heldBack
  }

  halfClose(): void {
    if (this.life !== 'running') return
    this.inputs.push({ kind: 'end' })
    this.wake()
  }

  cancel(): void {
    this.outputs.cancel()
    this.cancelled()
  }

  resume(): void {
    this.outputs.resume()
  }

  /** The service was replaced or undeployed. */
  interrupt(current: unknown): void {
    if (current === this.service || this.life === 'cancelling' || this.life === 'over') return
    const message = `${this.service.name} was replaced or undeployed; open the stream again`
    this.fail(new InnkeeperError('service_replaced', message))
    this.cancelled()
  }

  turn(): void {
    try {
      if (this.life === 'cancelling' && !this.committing) this.lastStep()
      else if (this.runnable) this.step()
    } catch (error) {
      this.context.log.error({ service: this.service.name, err: error }, 'a turn failed')
      this.fail(toInnkeeperError(error))
      this.close()
    }
  }

  private get runnable(): boolean {
    return this.life === 'running' && !this.committing && (this.inputs.length > 0 || this.more) && this.outputs.idle
  }

  private wake(): void {
    if (this.runnable || this.life === 'cancelling') this.context.again(this)
  }

  private step(): void {
    const inputs = this.take()
    const step = this.guest(inputs)
    if (step === undefined) {
      this.fail(guestFailed(this.command.requestId))
      this.close()
      return
    }
    this.state = step.state
    this.more = step.more
    this.emptySteps = step.more && inputs.length === 0 && step.outputs.every(saysNothing) ? this.emptySteps + 1 : 0
    if (this.emptySteps > emptyStepsMax) {
      this.context.log.error(
        { service: this.service.name, method: this.method.type.name },
        'a stream asks for another step but emits nothing',
      )
      this.fail(guestFailed(this.command.requestId))
      this.close()
      return
    }
    if (step.done) this.life = 'done'
    const { outcomes, done } = this.due(step)
    this.keep(outcomes, (planned, commits) => this.give(planned, done, commits))
  }

  /** Outputs that count, and whether the stream ends with them. */
  private due({ outputs, done }: ActionStep): { outcomes: readonly Outcome[]; done: boolean } {
    const once = !this.method.type.serverStreaming
    const last = outputs.findIndex(({ answer }) => answer.kind === 'failure' || (once && answer.kind !== 'none'))
    if (last === -1) return { outcomes: outputs, done }
    const { kind } = outputs[last]!.answer
    if (kind !== 'failure') this.answered = true
    return { outcomes: outputs.slice(0, last + 1), done: done || kind !== 'failure' }
  }

  private give(planned: readonly PlannedOutcome[], done: boolean, commits: Commits | undefined): void {
    // The guest is done with it: whatever becomes of the elements, it does not hear of it.
    if (done) this.close()
    for (const { outcome, effects } of planned) {
      this.outputs.put({ answer: outcome.answer, metadata: outcome.metadata, effects }, commits)
    }
    const once = !this.method.type.serverStreaming
    if (!done) {
      this.wake()
      return
    }
    const failed = planned.some(({ outcome }) => outcome.answer.kind === 'failure')
    if (once && !this.answered && !failed) this.fail(guestFailed(this.command.requestId))
    else this.outputs.finish()
  }

  /** Effects on disk first, if there are any. */
  private keep(
    outcomes: readonly Outcome[],
    then: (planned: readonly PlannedOutcome[], commits: Commits | undefined) => void,
  ): void {
    const { keeper } = this.context.partitionOf(this.command)
    const command = { ...this.command, effect: undefined, chain: chainOf(this.command) }
    const planned = outcomes.map((outcome) => planOutcome(command, outcome, keeper, this.service.storage))
    this.committing = true
    keepOutcomes(keeper, planned, this.context.outbox, (failed, commits) => {
      this.committing = false
      if (failed === undefined) then(planned, commits)
      else {
        this.outputs.fail(failed)
        this.cancelled()
      }
      this.wake()
    })
  }

  private take(): readonly StreamInput[] {
    const inputs = this.inputs
    this.inputs = []
    this.receiver.owes(-this.inputBytes)
    this.inputBytes = 0
    if (this.heldBack) {
      this.heldBack = false
      this.receiver.inputTaken()
    }
    return inputs
  }

  private lastStep(): void {
    this.life = 'over'
    try {
      const step = this.guest([{ kind: 'cancelled' }])
      const outcomes = (step?.outputs ?? []).filter(({ effects }) => effects.length > 0)
      this.keep(outcomes, (planned) => {
        for (const { effects } of planned) this.context.outbox.run(effects, Number.POSITIVE_INFINITY, () => {})
      })
    } finally {
      this.closed()
    }
  }

  private guest(inputs: readonly StreamInput[]): ActionStep | undefined {
    const { clock, chance, metrics, log } = this.context
    const { name, guest } = this.service
    const recorder = metrics.of(name)
    const startedMs = clock.steady()
    try {
      const step = guest.stream(name, this.method.type.name, this.state, inputs, clock.now(), chance.seed())
      recorder.decided(inputs.length, (clock.steady() - startedMs) / 1000)
      const { method, requestId } = this.command
      for (const { logs } of step.outputs) logLines(log, logs, () => ({ service: name, method, requestId }))
      return step
    } catch (error) {
      if (!(error instanceof GuestFault)) throw error
      recorder.fault()
      const { method, requestId } = this.command
      log.error({ service: name, method, requestId, ...faultFields(error) }, 'a function failed')
      return undefined
    }
  }

  private fail(error: InnkeeperError): void {
    this.outputs.fail({ kind: 'error', error })
  }

  /** The guest is to hear that the call is over, unless it ended it (S3). */
  private cancelled(): void {
    if (this.life === 'done') this.close()
    if (this.life !== 'running') return
    this.life = 'cancelling'
    this.inputs = []
    this.context.again(this)
  }

  private close(): void {
    if (this.life === 'cancelling' || this.life === 'over') return
    this.life = 'over'
    this.inputs = []
    this.closed()
  }
}

/** An outcome that only brings lines for the log, at most. */
function saysNothing({ answer, effects }: Outcome): boolean {
  return answer.kind === 'none' && effects.length === 0
}

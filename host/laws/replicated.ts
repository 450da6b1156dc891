// Laws of replicated services: a life of an entity, as the host leads it (entity/replicated/), asked of a warm and of a fresh
// instance, with a replica of the host's own in between.
//
// R1. Operations are applied, so each command meets a value that can be. Those that cannot be applied are named.
// R2. Streams that commands open are told of changes, all at once and one by one, and left now and then.

import { decodeOperations, OperationError } from '../crdt/operations.ts'
import type { Applied } from '../crdt/replica.ts'
import { Replica } from '../crdt/replica.ts'
import { methodView } from '../deploy/methods.ts'
import type {
  GuestCommand,
  GuestSubscription,
  ReplicatedDecision,
  ReplicatedGuest,
  StreamStep,
} from '../guest/guest.ts'
import { defaultLimits } from '../limits.ts'
import type { MethodType } from '../schema/schema.ts'
import { askedMethods } from '../schema/schema.ts'
import type { MethodView } from '../services.ts'
import { below, oneOf, randomCommand, timeOf } from './random.ts'
import type { Round, Trial } from './trial.ts'
import { both, describe, entity, LawBroken, noteUnheard, same } from './trial.ts'

const self = 'law'
const stepsMax = 16
const streamsMax = 4
/** How often a step is that of a client who leaves. */
const leaving = 0.15
/** How often the fresh instance is made anew between two commands. */
const renewing = 0.3

interface Subscription extends GuestSubscription {
  /** Of the request that opened it: views may depend on it. */
  readonly payload: Uint8Array
}

const nothingApplied: Applied = { delta: undefined, changed: false, undo() {} }

export function replicatedRound(trial: Trial<ReplicatedGuest>): Round {
  return (round) => new Life(trial, round).lead()
}

class Life {
  private readonly trial: Trial<ReplicatedGuest>
  private readonly service: string
  private readonly methods: readonly MethodType[]
  private readonly round: number
  private readonly replica = new Replica()
  private open: readonly Subscription[] = []
  private opened = 0

  constructor(trial: Trial<ReplicatedGuest>, round: number) {
    this.trial = trial
    this.service = trial.type.fullName
    this.methods = askedMethods(trial.type)
    this.round = round
  }

  /** Until it is deleted, or long enough; answers how many commands it had. */
  lead(): number {
    const { random, cold } = this.trial
    const steps = 1 + below(stepsMax, random)
    for (let step = 1; step <= steps; step++) {
      if (step === 1 || random() < renewing) cold.drop()
      if (this.open.length > 0 && random() < leaving) this.leave(oneOf(this.open, random))
      else this.decide(randomCommand(this.methods, this.trial, this.round))
      if (this.replica.deleted) return step
    }
    return steps
  }

  private decide(command: GuestCommand): void {
    const on = () => describe(this.trial, [command])
    const method = this.methods.find(({ name }) => name === command.method)!
    const view = this.view(command, on)
    const decision = both(this.trial, on, (guest) => guest.decide(this.service, entity, view, command))
    if (decision.subscribe !== undefined && !method.serverStreaming)
      throw new LawBroken(`a stream is opened by a method that answers once, on ${on()}`)
    const applied = this.apply(decision, on)
    const outcome = this.outcome(decision, command, on)
    noteUnheard(this.trial, [command], [outcome])
    if (outcome.answer.kind === 'failure') {
      applied.undo()
      return
    }
    if (applied.changed) this.tell()
    if (decision.delete) this.delete()
    else if (decision.subscribe !== undefined && this.open.length < streamsMax) {
      const id = `stream-${++this.opened}`
      this.open = [...this.open, { id, method: command.method, note: decision.subscribe, payload: command.payload }]
    }
  }

  private outcome({ answer }: ReplicatedDecision, command: GuestCommand, on: () => string) {
    if (answer.kind === 'now') return answer.outcome
    const view = this.view(command, on)
    return both(this.trial, on, (guest) => guest.render(this.service, entity, view, command, answer.note))
  }

  private leave(subscription: Subscription): void {
    this.open = this.open.filter((one) => one !== subscription)
    const on = () => `a client that left ${describe(this.trial, [subscription])}`
    const command = this.commandOf(subscription)
    const view = this.view(command, on)
    const decision = both(this.trial, on, (guest) => {
      return guest.cancelled(this.service, entity, view, guestsOwn(subscription), command.nowMs)
    })
    if (this.apply(decision, on).changed) this.tell()
    if (decision.delete) this.delete()
  }

  private delete(): void {
    this.replica.delete()
    this.open = []
  }

  /** @throws LawBroken for what cannot be applied; then nothing was */
  private apply({ operations }: ReplicatedDecision, on: () => string): Applied {
    if (operations.length === 0) return nothingApplied
    try {
      const decoded = decodeOperations(operations, defaultLimits.decisionOperationsMax)
      return this.replica.apply(self, decoded, timeOf(this.round))
    } catch (error) {
      if (!(error instanceof OperationError)) throw error
      throw new LawBroken(`operations that cannot be applied (${error.message}), on ${on()}`)
    }
  }

  /** Every open stream, of a change. */
  private tell(): void {
    const whole: Subscription[] = []
    for (const subscription of this.open) {
      if (this.viewOf(subscription).kind === 'all') whole.push(subscription)
      else this.told(this.steps([subscription]))
    }
    if (whole.length === 0) return
    const together = this.steps(whole)
    for (const subscription of whole) {
      const of = (step: StreamStep) => step.subscription === subscription.id
      if (whole.length > 1 && !same(together.filter(of), this.steps([subscription])))
        throw new LawBroken(`L1: streams are told differently together and alone, on ${describe(this.trial, whole)}`)
    }
    this.told(together)
  }

  private steps(subscriptions: readonly Subscription[]): readonly StreamStep[] {
    const on = () => `a change, as told to ${describe(this.trial, subscriptions)}`
    const command = this.commandOf(subscriptions[0]!)
    const view = this.view(command, on)
    return both(this.trial, on, (guest) => {
      return guest.changed(this.service, entity, view, subscriptions.map(guestsOwn), command.nowMs)
    })
  }

  private told(steps: readonly StreamStep[]): void {
    const over = (id: string) =>
      steps.some((step) => step.subscription === id && (step.end || step.outcome?.answer.kind === 'failure'))
    this.open = this.open.filter(({ id }) => !over(id))
  }

  private viewOf({ method }: { readonly method: string }): MethodView {
    return methodView(this.trial.description, this.methods.find(({ name }) => name === method)!)
  }

  private view(command: GuestCommand, on: () => string): Uint8Array {
    const view = this.viewOf(command)
    if (view.kind === 'all' || view.kind === 'nothing') return this.replica.view(view, self, [self])
    const elements =
      view.kind === 'element'
        ? [view.elementOf(command.payload)]
        : both(this.trial, on, (guest) => guest.reads(this.service, command))
    return this.replica.view({ kind: 'elements', elements }, self, [self])
  }

  /** What a subscription stands for, as views are asked with it. */
  private commandOf({ method, payload }: Subscription): GuestCommand {
    return { method, payload, metadata: [], nowMs: timeOf(this.round), seed: new Uint8Array(16) }
  }
}

function guestsOwn({ id, method, note }: Subscription): GuestSubscription {
  return { id, method, note }
}

// Replicated guests: reads, decide, render, changed, cancelled (wit/replicated.wit).
//
// R1. Operations come back as bytes; host/crdt decodes and checks them. Beside a failure they are not even read (law L3).
// R2. Steps are for the subscriptions that were given, each at most once, or it is a fault.
//
// Owns: the calls.   warm.ts owns: the instance and its fuel.   lower.ts, lift-outcome.ts own: values.

import type { Limits } from '../limits.ts'
import type { Outcome } from '../outcome.ts'
import {
  type CallFuel,
  type GuestCommand,
  GuestFault,
  type GuestSubscription,
  type ReplicatedDecision,
  type ReplicatedGuest,
  type StreamStep,
} from './guest.ts'
import type { CompiledArtefact } from './instance.ts'
import { sizes } from './layout.ts'
import type { Lift } from './lift.ts'
import { type Due, liftOutcome, streamed, unary } from './lift-outcome.ts'
import { answered, type Ready, Warm } from './warm.ts'

/** Elements that one command may ask to see. */
const readsMax = 1_000

const nothing = new Uint8Array()

export class Replicated implements ReplicatedGuest {
  readonly #limits: Limits
  readonly #warm: Warm<'decide' | 'reads' | 'render' | 'changed' | 'cancelled'>
  /** By service and method: what an answer may be. */
  readonly #streams: (service: string, method: string) => boolean

  /** `streams`: does the method stream its answers? Others must be answered. */
  constructor(
    compiled: CompiledArtefact,
    limits: Limits,
    streams: (service: string, method: string) => boolean,
    strict = false,
  ) {
    this.#limits = limits
    this.#streams = streams
    this.#warm = new Warm(compiled, limits, 'replicated', ['decide', 'reads', 'render', 'changed', 'cancelled'], strict)
  }

  get lastCall(): CallFuel {
    return this.#warm.lastCall
  }

  reads(service: string, command: GuestCommand): readonly Uint8Array[] {
    return this.#warm.call((ready) => {
      const { instance, lower, functions } = ready
      const [servicePointer, serviceLength] = lower.text(service)
      const pointer = instance.call(functions.reads.run, servicePointer, serviceLength, ...lower.flatCommand(command))
      return answered(ready, functions.reads, pointer, sizes.list, (lift, at) => {
        const list = lift.list(at, sizes.list, readsMax, 'elements to read')
        return Array.from({ length: list.count }, (_, i) =>
          lift.bytes(list.at + i * sizes.list, this.#limits.messageBytesMax, 'an element to read'),
        )
      })
    })
  }

  decide(service: string, entity: string, view: Uint8Array, command: GuestCommand): ReplicatedDecision {
    return this.#warm.call((ready) => {
      const { instance, lower, functions } = ready
      const tuple = lower.decideTuple(sizes.decideTuple, service, entity, view, command)
      const pointer = instance.call(functions.decide.run, tuple)
      return this.#decision(ready, 'decide', pointer, this.#due(service, command.method))
    })
  }

  render(service: string, entity: string, view: Uint8Array, command: GuestCommand, note: Uint8Array): Outcome {
    return this.#warm.call((ready) => {
      const { instance, lower, functions } = ready
      const tuple = lower.decideTuple(sizes.renderTuple, service, entity, view, command, note)
      const pointer = instance.call(functions.render.run, tuple)
      const due = this.#due(service, command.method)
      return answered(ready, functions.render, pointer, sizes.outcome, (lift, at) => liftOutcome(lift, at, due))
    })
  }

  changed(
    service: string,
    entity: string,
    view: Uint8Array,
    subscriptions: readonly GuestSubscription[],
    nowMs: number,
  ): readonly StreamStep[] {
    return this.#warm.call((ready) => {
      const { instance, lower, functions } = ready
      const list = lower.subscriptions(subscriptions)
      const pointer = instance.call(
        functions.changed.run,
        ...target(lower, service, entity, view),
        list,
        subscriptions.length,
        nowMs,
      )
      return answered(ready, functions.changed, pointer, sizes.list, (lift, at) => liftSteps(lift, at, subscriptions))
    })
  }

  cancelled(
    service: string,
    entity: string,
    view: Uint8Array,
    subscription: GuestSubscription,
    nowMs: number,
  ): ReplicatedDecision {
    return this.#warm.call((ready) => {
      const { instance, lower, functions } = ready
      const head = target(lower, service, entity, view)
      const [id, method] = [lower.text(subscription.id), lower.text(subscription.method)]
      const note = lower.bytes(subscription.note)
      const pointer = instance.call(
        functions.cancelled.run,
        ...head,
        ...id,
        ...method,
        note,
        subscription.note.length,
        nowMs,
      )
      return this.#decision(ready, 'cancelled', pointer, streamed)
    })
  }

  drop(): void {
    this.#warm.drop()
  }

  #due(service: string, method: string): Due {
    return this.#streams(service, method) ? streamed : unary
  }

  #decision(ready: Ready<'decide' | 'cancelled'>, name: 'decide' | 'cancelled', pointer: number, due: Due) {
    return answered(ready, ready.functions[name], pointer, sizes.replicatedDecision, (lift, at) =>
      liftDecision(lift, at, due),
    )
  }
}

function target(lower: Ready<string>['lower'], service: string, entity: string, view: Uint8Array): number[] {
  const [servicePointer, serviceLength] = lower.text(service)
  const [entityPointer, entityLength] = lower.text(entity)
  return [servicePointer, serviceLength, entityPointer, entityLength, lower.bytes(view), view.length]
}

function liftDecision(lift: Lift, at: number, due: Due): ReplicatedDecision {
  const answer = liftAnswer(lift, at, due)
  if (answer.kind === 'now' && answer.outcome.answer.kind === 'failure') {
    lift.besideFailure(lift.memory.u32(at + 88), 'operations')
    lift.besideFailure(lift.memory.bytes[at + 92]!, 'a deletion')
    lift.besideFailure(lift.memory.bytes[at + 96]!, 'a stream')
    return { answer, operations: nothing, delete: false, subscribe: undefined }
  }
  const { stateBytesMax, messageBytesMax } = lift.limits
  return {
    answer,
    operations: lift.bytes(at + 84, stateBytesMax, 'operations'),
    delete: lift.bool(at + 92),
    subscribe:
      lift.case(at + 96, 2, 'subscribe') === 1
        ? lift.bytes(at + 100, messageBytesMax, 'the note of a stream')
        : undefined,
  }
}

function liftAnswer(lift: Lift, at: number, due: Due): ReplicatedDecision['answer'] {
  if (lift.case(at, 2, 'answer') === 0) return { kind: 'now', outcome: liftOutcome(lift, at + 4, due) }
  return { kind: 'after', note: lift.bytes(at + 4, lift.limits.messageBytesMax, 'the note of an answer') }
}

function liftSteps(lift: Lift, at: number, subscriptions: readonly GuestSubscription[]): readonly StreamStep[] {
  const list = lift.list(at, sizes.streamStep, subscriptions.length, 'steps of streams')
  const left = new Set(subscriptions.map(({ id }) => id))
  return Array.from({ length: list.count }, (_, i): StreamStep => {
    const stepAt = list.at + i * sizes.streamStep
    const subscription = lift.name(stepAt, 'the subscription of a step')
    if (!left.delete(subscription))
      throw new GuestFault('malformed', 'a step for a stream that was not given, or twice')
    const present = lift.case(stepAt + 8, 2, 'a step of a stream') === 1
    return {
      subscription,
      outcome: present ? liftOutcome(lift, stepAt + 12, streamed) : undefined,
      end: lift.bool(stepAt + 92),
    }
  })
}

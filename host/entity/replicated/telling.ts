// Telling: who has still to hear of the last change of a replicated entity, and what becomes of what the guest tells them.
//
// T1. In one turn at most `tellMax` hear, and none after its time, but one audience at least, so that it comes to an end (replicated.R5).
// T2. The value in bytes is made once for all who see the whole of it: it does not change before the last has heard.
// T3. A function that fails to tell cuts off those whom it was to tell, and hears that they left (§subscription-10).
//
// Owns: the order in which streams hear.   subscriptions.ts owns: who listens.   deciding.ts, leaving.ts own: what changed.

import type { Replica } from '../../crdt/replica.ts'
import { guestFailed } from '../../errors.ts'
import type { StreamStep } from '../../guest/guest.ts'
import type { StoredSubscription } from '../../journal/journal.ts'
import type { MethodView } from '../../services.ts'
import { tellMax } from '../open-stream.ts'
import type { ReplicaTurn } from './replica-turn.ts'
import { commandOf, named } from './replica-turn.ts'

/** Subscribers that see the same part of the value. */
interface Audience {
  readonly view: MethodView
  readonly subscribers: readonly StoredSubscription[]
  /** What they see, where it is not the value as it is by now: the entity was deleted meanwhile (replicated.R6). */
  readonly seen?: Replica
  /** Of those who see all of the value: its bytes, once one of them was told (T2). */
  readonly shown?: { bytes?: Uint8Array }
}

export class Telling {
  /** Those who have still to hear. */
  private untold: Audience[] = []
  /** The entity is deleted: its streams end once they have heard. */
  private ends = false

  /** There are some whom earlier turns left. */
  get due(): boolean {
    return this.untold.length > 0
  }

  /** Tell every stream but `except` of a change: in this turn as many as one turn may. */
  changed(turn: ReplicaTurn, except: string | undefined): void {
    for (const audience of audiences(turn, except)) {
      if (!this.due && mayTell(turn, audience)) tell(turn, audience)
      else this.untold.push(audience)
    }
  }

  /** Those whom earlier turns left (T1). */
  goOn(turn: ReplicaTurn): void {
    let told = 0
    for (const audience of this.untold) {
      if (told > 0 && !mayTell(turn, audience)) break
      tell(turn, audience)
      told += 1
    }
    this.untold.splice(0, told)
    if (this.ends) this.endOnceTold(turn)
  }

  /** Delete the value. What is still to be told is of the value before. Answers the delta. */
  deleted({ replica }: ReplicaTurn): Uint8Array | undefined {
    const seen = replica.frozen()
    this.untold = this.untold.map((audience) => ({ seen, ...audience }))
    return replica.delete().delta
  }

  endOnceTold(turn: ReplicaTurn): void {
    this.ends = this.due
    if (!this.ends) turn.endAll()
  }
}

function* audiences(turn: ReplicaTurn, except: string | undefined): Iterable<Audience> {
  const whole: StoredSubscription[] = []
  for (const stored of turn.subscriptions.listening(except)) {
    const view = turn.viewOf(stored)
    if (view.kind === 'all') whole.push(stored)
    else yield { view, subscribers: [stored] }
  }
  const shown = {}
  for (let at = 0; at < whole.length; at += tellMax)
    yield { view: { kind: 'all' }, subscribers: whole.slice(at, at + tellMax), shown }
}

/** In the turn under way (T1). */
function mayTell(turn: ReplicaTurn, { subscribers }: Audience): boolean {
  return turn.told + subscribers.length <= tellMax && !turn.over
}

function tell(turn: ReplicaTurn, { view, subscribers, seen, shown = {} }: Audience): void {
  const { service, id } = turn.parts
  // Some may have left since the change.
  const present = subscribers.filter((stored) => turn.subscriptions.get(stored.id) !== undefined)
  const [first] = present
  if (first === undefined) return
  turn.told += present.length
  let steps: readonly StreamStep[]
  try {
    shown.bytes ??= turn.view(view, commandOf(first, turn.nowMs), seen)
    steps = service.guest.changed(service.name, id, shown.bytes, present, turn.nowMs)
  } catch (error) {
    turn.streamFault(error, first, undefined, 'a function failed to tell its subscribers')
    for (const stored of present) cutOff(turn, stored)
    return
  }
  for (const step of steps) told(turn, step)
}

function told(turn: ReplicaTurn, { subscription: id, outcome, end }: StreamStep): void {
  const { planner, subscriptions } = turn
  const { stored, stream } = subscriptions.get(id)!
  if (stream === undefined) return
  if (outcome !== undefined) {
    turn.said(named(stored.method, stream), outcome)
    const { answer, metadata } = outcome
    const effects = turn.record('changed', stored, undefined, outcome.effects, stream)
    planner.steps.push({ kind: 'tell', stream, output: { answer, metadata, effects } })
  }
  if (!end && outcome?.answer.kind !== 'failure') return
  turn.unsubscribe(id)
  subscriptions.ends(stream)
  planner.steps.push({ kind: 'finish', streams: [stream] })
}

/** The client is told that the function failed on its behalf, and the guest hears that it left (T3). */
function cutOff({ subscriptions, planner }: ReplicaTurn, { id }: StoredSubscription): void {
  const { stream } = subscriptions.get(id)!
  if (stream === undefined) return
  planner.steps.push({ kind: 'cut', stream, error: guestFailed(stream.command.requestId) })
}

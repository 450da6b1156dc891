// Leaving: what happens to a replicated entity besides commands: clients leave their streams, and peers send deltas.
//
// L1. The guest hears of a client that left at most once, or twice where it failed: what it does not take back then stays for ever.
//
// Owns: turns that nobody waits for.   telling.ts owns: what streams hear of the change.

import { DamagedReplica } from '../../crdt/decode.ts'
import type { Applied } from '../../crdt/replica.ts'
import { InnkeeperError } from '../../errors.ts'
import type { ReplicatedDecision } from '../../guest/guest.ts'
import type { StoredSubscription } from '../../journal/journal.ts'
import { noMetadata } from '../../metadata.ts'
import type { News } from '../mailbox.ts'
import type { OpenStream } from '../open-stream.ts'
import type { ReplicaTurn } from './replica-turn.ts'
import { commandOf, deltaOf, named } from './replica-turn.ts'

const noBytes = new Uint8Array()
const fromPeer = { method: '', payload: noBytes, metadata: noMetadata, seed: noBytes, idempotencyKey: undefined }

/** A client left: a turn of the guest's own (§subscription-2). */
export function leave(turn: ReplicaTurn, id: string): void {
  const subscription = turn.subscriptions.get(id)
  if (subscription === undefined) return
  const { stored, stream } = subscription
  turn.unsubscribe(id)
  if (turn.replica.deleted) return
  const heard = cancelled(turn, stored, stream)
  if (heard === undefined) return
  const { decision, applied } = heard
  const outcome = decision.answer.kind === 'now' ? decision.answer.outcome : undefined
  if (outcome !== undefined) turn.said(named(stored.method, stream), outcome)
  if (applied.changed) turn.telling.changed(turn, undefined)
  const delta = decision.delete ? turn.telling.deleted(turn) : applied.delta
  const effects = turn.record('cancelled', stored, delta, outcome?.effects ?? [], stream)
  if (effects.length > 0) turn.planner.steps.push({ kind: 'start', effects })
  if (decision.delete) turn.telling.endOnceTold(turn)
}

/** Asked again once in a fresh instance (L1). */
function cancelled(
  turn: ReplicaTurn,
  stored: StoredSubscription,
  stream: OpenStream | undefined,
): { readonly decision: ReplicatedDecision; readonly applied: Applied } | undefined {
  const { service, id } = turn.parts
  for (let tries = 2; tries > 0; tries--) {
    try {
      const view = turn.view(turn.viewOf(stored), commandOf(stored, turn.nowMs))
      const decision = service.guest.cancelled(service.name, id, view, stored, turn.nowMs)
      return { decision, applied: turn.apply(decision) }
    } catch (error) {
      turn.streamFault(error, stored, stream, 'a function failed to hear that a client left')
    }
  }
  return undefined
}

/** A delta of a peer. */
export function learn(turn: ReplicaTurn, news: News): void {
  const { replica, planner } = turn
  let merged: ReturnType<typeof replica.merge>
  try {
    merged = replica.merge(news.delta)
  } catch (error) {
    if (!(error instanceof DamagedReplica)) throw error
    const refusal = new InnkeeperError('bad_request', `not a delta: ${error.message}`)
    planner.steps.push({ kind: 'learned', news, error: refusal })
    return
  }
  if (merged.news) {
    const command = { ...fromPeer, nowMs: turn.nowMs }
    planner.record('peer', command, [], deltaOf(news.delta), { effects: [] }, { kind: 'none' }, noMetadata)
  }
  planner.steps.push({ kind: 'learned', news, error: undefined })
  if (replica.deleted) turn.endAll()
  else if (merged.changed) turn.telling.changed(turn, undefined)
}

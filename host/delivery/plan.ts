// Plan: what one outcome sends: its effects, and what becomes of the effect that the command itself delivers. Pure.
//
// P1. Effects keep the order of the outcome, and are one hop further than the command; they are of its chain, or begin one.
// P2. An accepted delivery takes its entry out in the commit that it made. If the answer is a forward, the entry becomes the forward, so
//     that the chain goes on after a crash. A refusal leaves the entry where it is.
// P3. An entry of another partition cannot be changed in this commit: the forward is an entry of this partition, in its place.
//
// Owns: the meaning of an outcome for the outbox.   entity/turn.ts and action/outcome.ts own: what of a failing outcome counts.

import type { Command } from '../command.ts'
import type { EffectEntry } from '../effect.ts'
import type { Effect, GuestAnswer } from '../outcome.ts'
import type { InChain, Places } from './chains.ts'
import { chainOf } from './chains.ts'

/** What the delivered effect came to. */
export interface Delivered {
  /** The entry, which is the forward's now. */
  readonly moved: EffectEntry | undefined
  /** Id of the entry that has arrived. */
  readonly arrived: number | undefined
}

export type Sender = Pick<Command, 'hops' | 'effect' | 'chain'>

const noEntries: readonly EffectEntry[] = Object.freeze([])
const nothing: Delivered = { moved: undefined, arrived: undefined }

/** Entries for the effects of an outcome. */
export function planEffects(
  sender: Sender,
  cause: EffectEntry['cause'],
  effects: readonly Effect[],
  places: Pick<Places, 'next'>,
): readonly EffectEntry[] {
  if (effects.length === 0) return noEntries
  const hops = sender.hops + 1
  let last: InChain | undefined
  return effects.map(({ call, synchronous }): EffectEntry => {
    last = places.next(last?.chain ?? chainOf(sender))
    return { ...last, cause, call, synchronous, hops, attempts: 0, parked: undefined }
  })
}

/** What becomes of the entry that a command delivers (P2). */
export function planDelivered(
  { effect, hops }: Sender,
  answer: GuestAnswer,
  places: Pick<Places, 'owns' | 'moved'>,
): Delivered {
  if (effect === undefined || answer.kind === 'failure') return nothing
  if (answer.kind !== 'forward') return { moved: undefined, arrived: effect.id }
  const onward = { ...settledHere(effect), call: answer.call, hops: hops + 1, attempts: 0 }
  const moved = places.owns(effect.id) ? onward : { ...onward, ...places.moved(effect), was: effect.id }
  return { moved, arrived: undefined }
}

/** An entry that came from another partition, once that is told there. */
export function settledHere(entry: EffectEntry): EffectEntry {
  if (entry.was === undefined) return entry
  const { was, ...own } = entry
  return own
}

// Plan: what one outcome sends: its effects, and what becomes of the effect that the command itself delivers. Pure.
//
// P1. Effects keep the order of the outcome, and are one hop further than the command; they are of its chain, or begin one. What is due a second
//     or more later begins a chain, at no hops: a timer that sets the next one goes on for ever, and a bomb does not.
// P2. An accepted delivery takes its entry out in the commit that it made. If the answer is a forward, the entry becomes the forward, so
//     that the chain goes on after a crash; if somebody waits for the answer, the entry becomes that, of a refusal as well. A refusal that
//     nobody waits for leaves the entry where it is.
// P4. An effect on a connector has its key from here on (§connector-6): no try, restart or move gives it another.
// P3. An entry of another partition cannot be changed in this commit: what it becomes is an entry of this partition, in its place.
//
// Owns: the meaning of an outcome for the outbox.   entity/turn.ts and action/outcome.ts own: what of a failing outcome counts.

import type { Command } from '../command.ts'
import type { EffectEntry } from '../effect.ts'
import type { EntityRef } from '../journal/journal.ts'
import type { Effect, GuestAnswer } from '../outcome.ts'
import type { AskEntry, AskOutcome } from './answers.ts'
import { answerEntry, isAsk } from './answers.ts'
import type { InChain, Places } from './chains.ts'
import { chainOf } from './chains.ts'

/** What the delivered effect came to. */
export interface Delivered {
  /** The entry, which is the forward's now, or the answer's. */
  readonly moved: EffectEntry | undefined
  /** Id of the entry that has arrived. */
  readonly arrived: number | undefined
}

export type Sender = Pick<Command, 'hops' | 'effect' | 'chain'> & Partial<Pick<Command, 'metadata'>>

const noEntries: readonly EffectEntry[] = Object.freeze([])
const nothing: Delivered = { moved: undefined, arrived: undefined }

/** So far ahead a timer begins a chain of its own. In milliseconds. */
const freshMs = 1_000

/** Entries for the effects of an outcome. `from`: the entity whose they are. `nowMs`: the host's clock. */
export function planEffects(
  sender: Sender,
  cause: EffectEntry['cause'],
  effects: readonly Effect[],
  places: Pick<Places, 'next' | 'outward'>,
  from: EntityRef,
  nowMs: number,
): readonly EffectEntry[] {
  if (effects.length === 0) return noEntries
  const hops = sender.hops + 1
  let last: InChain | undefined
  return effects.map((effect): EffectEntry => {
    const { call, synchronous, due, name, answer, withinMs } = effect
    const dueMs = due && (due.kind === 'after' ? nowMs + due.ms : due.ms)
    const isPending = dueMs !== undefined && dueMs > nowMs
    const fresh = isPending && dueMs - nowMs >= freshMs
    const inChain = places.next(fresh ? undefined : (last?.chain ?? chainOf(sender)))
    if (!fresh) last = inChain
    const { id, chain, place, chainEffects } = inChain
    const tries = { attempts: 0, parked: undefined }
    const entry: Planned = {
      id,
      cause,
      call,
      synchronous,
      chain,
      place,
      chainEffects,
      hops: fresh ? 0 : hops,
      ...tries,
    }
    const outward = places.outward(cause.service, call.service, sender.metadata)
    if (outward !== undefined) entry.outward = outward
    if (due === undefined && name === undefined && answer === undefined && withinMs === undefined) return entry
    entry.from = from
    if (name !== undefined) entry.name = name
    if (answer !== undefined) entry.answer = { method: answer.method, note: answer.note, hops: sender.hops }
    if (isPending) entry.dueMs = dueMs
    if (withinMs !== undefined) entry.untilMs = (isPending ? dueMs : nowMs) + withinMs
    return entry
  })
}

/** Being made. */
type Planned = { -readonly [K in keyof EffectEntry]: EffectEntry[K] }

/** What becomes of the entry that a command delivers (P2). */
export function planDelivered(
  { service, effect, hops, metadata }: Sender & Pick<Command, 'service'>,
  answer: GuestAnswer,
  places: Pick<Places, 'owns' | 'moved' | 'outward'>,
): Delivered {
  if (effect === undefined) return nothing
  if (answer.kind === 'forward') {
    const { outward: _, ...known } = settledHere(effect)
    // It is sent at once, by the forward, and not by the outbox: so it may have happened (§connector-3).
    const outward = places.outward(service, answer.call.service, metadata)
    const leaves = outward && { outward: { ...outward, unsure: true } }
    const onward = { ...known, call: answer.call, hops: hops + 1, attempts: 0, ...leaves }
    return { moved: inPlace(effect, onward, places), arrived: undefined }
  }
  if (answer.kind === 'later') return { moved: undefined, arrived: effect.id }
  if (!isAsk(effect)) return answer.kind === 'failure' ? nothing : { moved: undefined, arrived: effect.id }
  return { moved: planAnswer(effect, askOutcome(answer), places), arrived: undefined }
}

/** The answer of an ask whose entry left when its target deferred: a new one. */
export function answerDeferred(ask: AskEntry, outcome: AskOutcome, places: Pick<Places, 'moved'>): EffectEntry {
  return { ...answerEntry(ask, outcome), ...places.moved(ask) }
}

/** The entry that an ask becomes once it was answered here. */
function planAnswer(ask: AskEntry, outcome: AskOutcome, places: Pick<Places, 'owns' | 'moved'>): EffectEntry {
  return inPlace(ask, answerEntry(ask, outcome), places)
}

function inPlace(was: EffectEntry, now: EffectEntry, places: Pick<Places, 'owns' | 'moved'>): EffectEntry {
  return places.owns(was.id) ? now : { ...now, ...places.moved(was), was: was.id }
}

function askOutcome(answer: Exclude<GuestAnswer, { kind: 'forward' | 'later' }>): AskOutcome {
  if (answer.kind === 'failure') return { kind: 'failure', failure: answer.failure, happened: 'REFUSED' }
  return { kind: 'reply', payload: answer.kind === 'message' ? answer.payload : noBytes }
}

const noBytes = new Uint8Array()

/** An entry that came from another partition, once that is told there. */
export function settledHere(entry: EffectEntry): EffectEntry {
  if (entry.was === undefined) return entry
  const { was, ...own } = entry
  return own
}

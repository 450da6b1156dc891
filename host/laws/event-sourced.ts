// Laws of event-sourced services: a batch, the same one by one, the same in a fresh instance, and the fold of its events.

import type { Basis, Decided, EventSourcedGuest, GuestCommand } from '../guest/guest.ts'
import { GuestFault } from '../guest/guest.ts'
import type { Typed } from '../outcome.ts'
import { askedMethods } from '../schema/schema.ts'
import { randomBatch } from './random.ts'
import type { Round, Trial } from './trial.ts'
import { aloneDiffers, both, describe, entity, guarded, LawBroken, noneMended, noteUnheard, same } from './trial.ts'

type Answer = Extract<Decided, { kind: 'decided' }>

export function eventSourcedRound(trial: Trial<EventSourcedGuest>): Round {
  const { type, cold } = trial
  const { fullName: service } = type
  const methods = askedMethods(type)
  return (round) => {
    const batch = randomBatch(methods, trial, round)
    const on = () => describe(trial, batch)
    cold.drop()
    const together = both(trial, on, (guest) => decide(guest, service, { kind: 'initial' }, batch))
    const outcomes = together.decisions.map(({ outcome }) => outcome)
    noneMended(outcomes, on)
    noteUnheard(trial, batch, outcomes)
    let basis: Basis = { kind: 'initial' }
    const events: Typed[] = []
    for (const [index, command] of batch.entries()) {
      const alone = guarded(on, () => decide(cold, service, basis, [command]))
      if (!same(alone.decisions[0], together.decisions[index])) {
        throw aloneDiffers(command, index, on, together, () => decide(cold, service, { kind: 'initial' }, batch))
      }
      events.push(...alone.decisions[0]!.events)
      basis = nextBasis(alone.next, basis)
    }
    if (events.length > 0) checkFold(trial, service, events, stateOf(together.next), on)
    return batch.length
  }
}

function checkFold(
  { cold }: Trial<EventSourcedGuest>,
  service: string,
  events: readonly Typed[],
  left: Uint8Array | undefined,
  on: () => string,
): void {
  const folded = guarded(on, () => cold.evolve(service, entity, { kind: 'initial' }, events, true))
  const state = folded.kind === 'unknown' ? undefined : folded.bytes
  if (left !== undefined && state !== undefined && !Buffer.from(left).equals(state))
    throw new LawBroken(`L2: the state left by ${on()} is not the fold of its events`)
}

/** With the state as bytes: what is held has no place in a comparison. */
function decide(guest: EventSourcedGuest, service: string, basis: Basis, commands: readonly GuestCommand[]): Answer {
  const decided = guest.decide(service, entity, basis, commands, true)
  if (decided.kind === 'unknown')
    throw new GuestFault('malformed', 'it says that it does not hold a state that it was given')
  const bytes = stateOf(decided.next)
  return { ...decided, next: bytes === undefined ? { kind: 'unchanged' } : { kind: 'state', bytes } }
}

function stateOf(next: Answer['next']): Uint8Array | undefined {
  return next.kind === 'unchanged' ? undefined : next.bytes
}

function nextBasis(next: Answer['next'], before: Basis): Basis {
  const bytes = stateOf(next)
  return bytes === undefined ? before : { kind: 'state', bytes }
}

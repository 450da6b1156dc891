// Laws of values: a batch, the same one by one, in a fresh instance, and on a held value.
//
// The value lives on from round to round, and is another entity's now and then.

import type { Decision, GuestCommand, ValueBasis, ValueGuest } from '../guest/guest.ts'
import { askedMethods } from '../schema/schema.ts'
import { randomBatch } from './random.ts'
import type { Round, Trial } from './trial.ts'
import { aloneDiffers, both, describe, entity, guarded, LawBroken, noneMended, noteUnheard, same } from './trial.ts'

/** Rounds of one entity. */
const livesMax = 8

interface Held {
  readonly token: number
  readonly generation: number
}

export function valueRound(trial: Trial<ValueGuest>): Round {
  const { type, cold } = trial
  const methods = askedMethods(type)
  let value: Uint8Array | undefined
  let held: Held | undefined
  return (round) => {
    if (round % livesMax === 0) {
      value = undefined
      held = undefined
    }
    const batch = randomBatch(methods, trial, round)
    const on = () => describe(trial, batch)
    const basis = bytesBasis(value)
    cold.drop()
    const fromHeld = held && decideHeld(trial, held, batch)
    held = undefined
    const together = both(trial, on, (guest) => {
      const decided = decide(guest, type.fullName, basis, batch)
      if (guest === trial.warm) held = decided.held
      return decided.decisions
    })
    const outcomes = together.map(({ outcome }) => outcome)
    noneMended(outcomes, on)
    noteUnheard(trial, batch, outcomes)
    if (fromHeld !== undefined && !same(fromHeld, together))
      throw new LawBroken(`L6: a held value is answered differently than its bytes, on ${describe(trial, batch)}`)
    checkAlone(trial, basis, batch, together)
    value = after(value, together)
    return batch.length
  }
}

/** What the warm guest makes of a value that it holds; undefined: it does not (any more). */
function decideHeld(
  trial: Trial<ValueGuest>,
  { token, generation }: Held,
  batch: readonly GuestCommand[],
): readonly Decision[] | undefined {
  const { warm, type } = trial
  if (generation !== warm.generation) return undefined
  const decided = guarded(
    () => describe(trial, batch),
    () => warm.decide(type.fullName, entity, { kind: 'held', token }, batch),
  )
  return decided.kind === 'unknown' ? undefined : decided.decisions
}

function checkAlone(
  trial: Trial<ValueGuest>,
  start: ValueBasis,
  batch: readonly GuestCommand[],
  together: readonly Decision[],
): void {
  const { cold, type } = trial
  let basis = start
  const on = () => describe(trial, batch)
  for (const [index, command] of batch.entries()) {
    const { decisions } = guarded(on, () => decide(cold, type.fullName, basis, [command]))
    if (!same(decisions[0], together[index])) {
      throw aloneDiffers(command, index, on, together, () => decide(cold, type.fullName, start, batch).decisions)
    }
    basis = bytesBasis(after(basis.kind === 'value' ? basis.bytes : undefined, decisions))
  }
}

function decide(
  guest: ValueGuest,
  service: string,
  basis: ValueBasis,
  commands: readonly GuestCommand[],
): { readonly decisions: readonly Decision[]; readonly held: Held | undefined } {
  const decided = guest.decide(service, entity, basis, commands)
  // Nothing held is named, so the lift refused any `unknown`.
  if (decided.kind === 'unknown') throw new Error('unknown without a token')
  const { decisions, held } = decided
  return { decisions, held: held === undefined ? undefined : { token: held, generation: guest.generation } }
}

function bytesBasis(value: Uint8Array | undefined): ValueBasis {
  return value === undefined ? { kind: 'absent' } : { kind: 'value', bytes: value }
}

function after(value: Uint8Array | undefined, decisions: readonly Decision[]): Uint8Array | undefined {
  let left = value
  for (const { change } of decisions) {
    if (change?.kind === 'updated') left = change.value
    else if (change?.kind === 'deleted') left = undefined
  }
  return left
}

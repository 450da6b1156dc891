// Laws: does a component keep the laws of the guest contract? Tried on random input, without a host.
//
//   event-sourced   L1, L2, L3, L4, L6
//   value           L1, L3, L4, L6
//   replicated      L1 (of streams that are told), L3, L4, L6; and operations must be such that the host can apply them
//   action          L1 (of unary calls), L4, L6
//   view            L4, L6, L7
//
// W1. The first difference is named with its commands and the seed that makes it come again.
// W2. L3 is looked at by a strict lift: what would be dropped beside a failure is a fault. That it leaves no trace in a batch
//     is L1.
//
// L5 needs history, which nobody has here: deployment tries what is stored.
//
// Owns: which law is tried on what kind.   random.ts owns: the input.   trial.ts owns: telling a difference.

import type { ServiceDescription, ServiceKind, ViewDescription } from '../guest/about.ts'
import { GuestFault } from '../guest/guest.ts'
import type { LoadedGuest } from '../guest/load.ts'
import type { Schema } from '../schema/schema.ts'
import { actionRound } from './action.ts'
import { eventSourcedRound } from './event-sourced.ts'
import type { Input } from './random.ts'
import { mulberry } from './random.ts'
import { replicatedRound } from './replicated.ts'
import type { Round, Trial } from './trial.ts'
import { LawBroken } from './trial.ts'
import { valueRound } from './value.ts'
import { viewRound } from './view.ts'

export interface LawReport {
  readonly service: string
  readonly kind: ServiceKind | 'view'
  /** Commands and steps of streams; of a view changes. */
  readonly commands: number
  /** Sentences; empty if the laws held. */
  readonly broken: readonly string[]
  /** What breaks no law, and is seldom meant. */
  readonly warnings: readonly string[]
}

/** Try a service. `fresh` makes a guest with instances of its own; let it be strict (guest/load.ts), so that L3 is looked at. */
export function checkLaws(
  description: ServiceDescription,
  schema: Schema,
  fresh: () => LoadedGuest,
  seed: number,
  rounds = 50,
): LawReport {
  const { name: service, kind } = description
  const unheard = new Map<string, string>()
  const tryRound = roundOf(description, { schema, random: mulberry(seed) }, unheard, fresh(), fresh())
  const report = tried(service, kind, tryRound, seed, rounds)
  return { ...report, warnings: warningsOf(service, unheard) }
}

/** Try a view. */
export function checkViewLaws(
  view: ViewDescription,
  schema: Schema,
  fresh: () => LoadedGuest,
  seed: number,
  rounds = 50,
): LawReport {
  const loaded = fresh()
  const described = loaded.artefact.description.services
  const own = new Set(described.filter(({ kind }) => kind === 'replicated').map(({ name }) => name))
  const { replicated } = loaded
  const trial = { view, schema, random: mulberry(seed), warm: loaded.view!, cold: fresh().view!, replicated, own }
  return tried(view.name, 'view', viewRound(trial), seed, rounds)
}

function tried(service: string, kind: LawReport['kind'], tryRound: Round, seed: number, rounds: number): LawReport {
  let commands = 0
  for (let round = 0; round < rounds; round++) {
    try {
      commands += tryRound(round)
    } catch (error) {
      if (!(error instanceof LawBroken || error instanceof GuestFault)) throw error
      const broken = [`${service}: ${error.message} (seed ${seed}, round ${round + 1})`]
      return { service, kind, commands, broken, warnings: [] }
    }
  }
  return { service, kind, commands, broken: [], warnings: [] }
}

function warningsOf(service: string, unheard: ReadonlyMap<string, string>): readonly string[] {
  return [...unheard].map(
    ([method, command]) =>
      `${service}: ${method} hears answers and can refuse one: ${command}. A refused answer is parked, and the entity does not hear it; accept it, and keep what went wrong`,
  )
}

function roundOf(
  description: ServiceDescription,
  input: Input,
  unheard: Map<string, string>,
  warm: LoadedGuest,
  cold: LoadedGuest,
): Round {
  const type = input.schema.services.get(description.name)!
  const trial = <Guest>(of: (loaded: LoadedGuest) => Guest | undefined): Trial<Guest> => {
    return { ...input, description, type, unheard, warm: of(warm)!, cold: of(cold)! }
  }
  switch (description.kind) {
    case 'event-sourced':
      return eventSourcedRound(trial((loaded) => loaded.eventSourced))
    case 'value':
      return valueRound(trial((loaded) => loaded.value))
    case 'replicated':
      return replicatedRound(trial((loaded) => loaded.replicated))
    case 'action':
      return actionRound(trial((loaded) => loaded.action))
  }
}

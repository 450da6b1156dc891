// Fold task: what a fold thread is asked, and what it answers. Plain data: it goes from one thread to another.

import type { Artefact } from '../guest/artefact.ts'
import type { FaultReason, GuestCommand, GuestFault, ValueBasis } from '../guest/guest.ts'
import type { EntityRef } from '../journal/journal.ts'
import type { Limits } from '../limits.ts'
import type { AskingEnd } from './journal-port.ts'

/** What a thread is started with. */
export interface FoldThread {
  readonly artefact: Artefact
  readonly limits: Limits
  readonly journal: AskingEnd
}

export interface FoldTask {
  readonly kind: 'fold'
  readonly service: string
  /** Outward entity id. */
  readonly id: string
  readonly entity: EntityRef
  /** Of the version that folds: a snapshot of another one does not count. */
  readonly stateVersion: string
  /** The last event that counts; undefined: the last one. */
  readonly at: number | undefined
}

/** Decide on a value, only to see whether that fails. */
export interface ProbeTask {
  readonly kind: 'probe'
  readonly service: string
  readonly id: string
  readonly basis: ValueBasis
  readonly commands: readonly GuestCommand[]
}

export interface ToldFault {
  readonly reason: FaultReason
  /** With the guest's own words: for operators and authors. */
  readonly told: string
}

export type Folded =
  | {
      readonly kind: 'folded'
      readonly revision: number
      readonly sequence: number
      /** Undefined: there are no events, or the function could not encode the state (`unwritten`). */
      readonly state: Uint8Array | undefined
      readonly unwritten: ToldFault | undefined
      /** Units of fuel that reading the state's bytes took, of so many that one call has. */
      readonly units: number
      readonly given: number
    }
  /** One event cannot be folded. */
  | { readonly kind: 'stuck'; readonly sequence: number; readonly typeName: string; readonly fault: ToldFault }
  /** The journal cannot be read. */
  | { readonly kind: 'unread'; readonly message: string }

export function toldFault({ reason, told }: GuestFault): ToldFault {
  return { reason, told }
}

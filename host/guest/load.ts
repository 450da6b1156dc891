// Load: an artefact becomes guests that can be called, one for each state model that the component exports.
//
// Owns: compiling once for all of them.   event-sourced.ts and its like own: instances.

import type { Limits } from '../limits.ts'
import type { Artefact } from './artefact.ts'
import { EventSourced } from './event-sourced.ts'
import type { EventSourcedGuest } from './guest.ts'
import { compile } from './instance.ts'
import { interfaces } from './layout.ts'

export interface LoadedGuest {
  readonly artefact: Artefact
  /** If the component exports that interface. */
  readonly eventSourced: EventSourcedGuest | undefined
}

/** Compiles the modules (0.1 ms AssemblyScript, 10 ms QuickJS); instances are made by the first call. */
export function load(artefact: Artefact, limits: Limits): LoadedGuest {
  const compiled = compile(artefact)
  const exported = (kind: keyof typeof interfaces) => artefact.plan.exports[interfaces[kind]] !== undefined
  return { artefact, eventSourced: exported('event-sourced') ? new EventSourced(compiled, limits) : undefined }
}

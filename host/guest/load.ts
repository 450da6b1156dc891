// Load: an artefact becomes guests that can be called, one for each state model that the component exports, and
// one for its views.
//
// Owns: compiling once for all of them.   event-sourced.ts, value.ts, replicated.ts, action.ts, view.ts own: calling.

import type { Limits } from '../limits.ts'
import { Action } from './action.ts'
import type { Artefact } from './artefact.ts'
import { EventSourced } from './event-sourced.ts'
import type { ActionGuest, EventSourcedGuest, ReplicatedGuest, ValueGuest, ViewGuest } from './guest.ts'
import { compile } from './instance.ts'
import { interfaces } from './layout.ts'
import { Replicated } from './replicated.ts'
import { Value } from './value.ts'
import { View } from './view.ts'

/** Each is there if the component exports its interface. */
export interface LoadedGuest {
  readonly artefact: Artefact
  readonly eventSourced: EventSourcedGuest | undefined
  readonly value: ValueGuest | undefined
  readonly replicated: ReplicatedGuest | undefined
  readonly action: ActionGuest | undefined
  readonly view: ViewGuest | undefined
}

/** Does the method of a service stream its answers? */
export type Streams = (service: string, method: string) => boolean

/** Compiles the modules, unless the caller did; instances are made by the first call, one for each model. */
export function load(
  artefact: Artefact,
  limits: Limits,
  streams: Streams = () => false,
  /** Faults where something stands beside a failure of an entity, which is otherwise dropped unread. */
  strict = false,
  compiled = compile(artefact),
): LoadedGuest {
  const exported = (kind: keyof typeof interfaces) => artefact.plan.exports[interfaces[kind]] !== undefined
  return {
    artefact,
    eventSourced: exported('event-sourced') ? new EventSourced(compiled, limits, strict) : undefined,
    value: exported('value') ? new Value(compiled, limits, strict) : undefined,
    replicated: exported('replicated') ? new Replicated(compiled, limits, streams, strict) : undefined,
    action: exported('action') ? new Action(compiled, limits, strict) : undefined,
    view: exported('view') ? new View(compiled, limits) : undefined,
  }
}

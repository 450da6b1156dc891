// Artefact: a component as the host runs it: core modules (capped and metered), the plan that links them, what it says of itself.
//
// Only link/ makes one, in a throw-away process, from checked bytes, and the host checks it again (link/audit/). So it is trusted here, except
// for its checksum on disk. It is plain data: it can be stored, sent to a thread, and instantiated without generated code.

import type { Description } from './about.ts'
import type { StoredSourceMap } from './fault-text.ts'

/** Where an import of a core module comes from. */
export type PlanImport =
  /** An export of an instance made earlier in the plan. */
  | { readonly from: 'instance'; readonly instance: number; readonly name: string }
  /** A function that the component model would provide: calling it is a fault. */
  | { readonly from: 'trap'; readonly name: string }

export interface PlanInstance {
  /** Index into `Artefact.modules`. */
  readonly module: number
  readonly imports: readonly { readonly module: string; readonly name: string; readonly source: PlanImport }[]
}

export interface LinkPlan {
  readonly instances: readonly PlanInstance[]
  /** The instance that exports the interface functions (`innkeeper:guest/...#decide`), by interface name. */
  readonly exports: Readonly<Record<string, number>>
  /** The instance whose export `memory` the interface's pointers point into. */
  readonly memory: number
}

export interface Artefact {
  /** SHA-256 of the uploaded component, hex. */
  readonly hash: string
  /** Version of the engine that made it: a newer engine makes it again from the component. */
  readonly engine: number
  readonly modules: readonly Uint8Array[]
  readonly plan: LinkPlan
  readonly description: Description
  /** Of languages that are bundled. */
  readonly sourceMap?: StoredSourceMap | undefined
}

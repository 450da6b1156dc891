// Sources: the entities that a view is projected from: where their data lies, and what of it the view takes.
//
// Owns: which storage ids these are.   steps.ts owns: what becomes of what lies there.

import type { DeployedService, Deployment } from '../catalog/catalog.ts'
import type { ViewDescription } from '../guest/about.ts'
import type { StorageId } from '../journal/journal.ts'

export interface Source {
  readonly service: string
  readonly kind: 'event-sourced' | 'value' | 'replicated'
  readonly storage: StorageId
  readonly keyFieldCount: number
  /** Full names of the events, or of the value's message, that the view takes. */
  readonly types: ReadonlySet<string>
}

/** Those of the sources that were ever deployed. */
export function sourcesOf({ sources }: ViewDescription, deployments: readonly Deployment[]): readonly Source[] {
  return sources.flatMap(({ service, kind, types }): readonly Source[] => {
    const deployed = lastOf(service, deployments)
    if (deployed === undefined || deployed.kind !== kind || kind === 'action') return []
    const keyFieldCount = Object.values(deployed.keyFields)[0]?.length ?? 1
    return [{ service, kind, storage: deployed.storage, keyFieldCount, types: new Set(types) }]
  })
}

function lastOf(service: string, deployments: readonly Deployment[]): DeployedService | undefined {
  for (let at = deployments.length - 1; at >= 0; at--) {
    const found = deployments[at]!.services.find(({ name }) => name === service)
    if (found !== undefined) return found
  }
  return undefined
}

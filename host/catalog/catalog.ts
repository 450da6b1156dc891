// Catalog: what is deployed, durable beside the journal: components, their artefacts, deployments, storage ids.
//
// C1. Every write is synced before the call returns: a deployment that was answered survives a crash.
// C2. Deployments are numbered from 1 and kept for ever; `active` names the services in force.
// C3. A storage id belongs to one persistence id for ever, also after a purge.

import type { Artefact } from '../guest/artefact.ts'
import type { Strikes } from '../in-hand.ts'
import type { AgeStore } from '../journal/age.ts'
import type { StorageId } from '../journal/journal.ts'

export interface Deployment {
  readonly number: number
  /** SHA-256 of the component, hex. */
  readonly hash: string
  readonly atMs: number
  readonly forced: boolean
  readonly services: readonly DeployedService[]
}

/** What of a service must not change from one deployment to the next. */
export interface DeployedService {
  readonly name: string
  readonly kind: string
  readonly persistenceId: string
  readonly storage: StorageId
  /** Key fields per method, in order: a change would send commands to other entities. */
  readonly keyFields: Readonly<Record<string, readonly string[]>>
}

export interface Catalog extends AgeStore {
  /** Id of this data directory, made at its creation: 32 hex characters. */
  readonly directoryId: string
  /** How many partitions it was made with. */
  readonly partitions: number
  /** All deployments ever, by number. */
  deployments(): readonly Deployment[]
  /** The deployment that serves each service now, by service name. */
  active(): ReadonlyMap<string, number>
  /** Store a component and its artefact, a piece a turn of the loop: before a deployment of them. */
  keep(component: Uint8Array, artefact: Artefact): Promise<void>
  /** Store a deployment, and let its services be served by it, in one batch. */
  deploy(deployment: Deployment): void
  /** A service is no longer served; its data stays. */
  undeploy(service: string): void
  /** The storage id of a persistence id; assigned now if it has none. */
  storageId(persistenceId: string): StorageId
  /** Those of many, in one write. */
  storageIds(persistenceIds: readonly string[]): ReadonlyMap<string, StorageId>
  /** By service. */
  strikes(): ReadonlyMap<string, Strikes>
  /** `undefined`: none any more. */
  putStrikes(service: string, strikes: Strikes | undefined): void
  component(hash: string): Uint8Array | undefined
  artefact(hash: string, engine: number): Artefact | undefined
  /** The descriptors of a component that was linked, for whatever engine. */
  descriptors(hash: string): Uint8Array | undefined
  /** A piece a turn of the loop. */
  putArtefact(artefact: Artefact): Promise<void>
}

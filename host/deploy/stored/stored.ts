// Stored: what a new version would do to what is stored, found before it serves.
//
// R1. Event types that it does not fold are reasons, from the census: complete, whatever is stored.
// R2. A sample is folded, or read, off the loop and for at most `trialMs`: the answer says how many of how many.
// R3. Snapshots that become void are counted, for at most `countMs`.
//
// Owns: the order and the time.   types.ts, events.ts, values.ts own: the verdicts.

import type { DeployedService, Deployment } from '../../catalog/catalog.ts'
import { type Clock, pause } from '../../clock.ts'
import { Folder } from '../../fold/folder.ts'
import type { ServiceDescription } from '../../guest/about.ts'
import type { Artefact } from '../../guest/artefact.ts'
import type { StorageId } from '../../journal/journal.ts'
import type { Stored } from '../../journal/stored.ts'
import { keepsState } from '../../kinds.ts'
import type { Limits } from '../../limits.ts'
import type { Schema } from '../../schema/schema.ts'
import { keyFieldCount, stateVersionOf } from '../make-services.ts'
import { type Trial, tryEvents } from './events.ts'
import { sampleOf } from './sample.ts'
import { missingTypes } from './types.ts'
import { type Prober, tryValues } from './values.ts'

const trialMs = 10_000
const countMs = 2_000
const sliceMs = 4
const restMs = 16
const versionsAtOnce = 50

export type StoredJournal = Pick<
  Stored,
  'base' | 'census' | 'events' | 'head' | 'opening' | 'snapshot' | 'snapshotVersions'
>

/** One service of the component, and what is stored for it. */
interface StoredService {
  readonly name: string
  readonly kind: string
  readonly description: ServiceDescription
  readonly storage: StorageId
  readonly keyFieldCount: number
}

/** What was tried of one service. */
export interface Tried {
  readonly service: string
  readonly tried: number
  readonly of: number
  /** Entities that are stored. */
  readonly entities: number
  readonly voidSnapshots: number
  /** There may be more: the time was over. */
  readonly atLeast: boolean
}

export interface StoredVerdict {
  readonly reasons: readonly string[]
  readonly warnings: readonly string[]
  readonly tried: readonly Tried[]
}

interface StoredParts {
  readonly clock: Clock
  readonly journal: StoredJournal
  readonly limits: Limits
  /** The artefact of an earlier deployment; undefined where it cannot be run any more. */
  readonly earlier: (deployment: number) => Promise<Artefact | undefined>
  readonly onProgress: (step: string) => void
}

/** Services of a component for which something was stored under their persistence ids, by a service of their kind. */
export function storedServices(
  described: readonly DeployedService[],
  descriptions: readonly ServiceDescription[],
  deployments: readonly Deployment[],
): readonly StoredService[] {
  const earlier = deployments.flatMap(({ services }) => services)
  return described.flatMap((service) => {
    const { name, kind, persistenceId } = service
    const last = earlier.findLast((one) => one.kind === kind && one.persistenceId === persistenceId)
    const description = descriptions.find((one) => one.name === name)
    if (!keepsState(kind) || last === undefined || description === undefined) return []
    return [{ name, kind, description, storage: last.storage, keyFieldCount: keyFieldCount(service) }]
  })
}

/** Types alone, which takes no time: what a forced deployment is told. */
export async function storedTypes(
  { journal, clock, onProgress }: StoredParts,
  services: readonly StoredService[],
): Promise<readonly string[]> {
  await counted(journal, clock, onProgress)
  return services.flatMap(({ name, kind, description, storage, keyFieldCount }) =>
    kind === 'event-sourced'
      ? missingTypes(name, description.events, journal.census.types(storage), keyFieldCount)
      : [],
  )
}

/** Everything. `inForce`: the deployment that serves a service now. */
export async function tryStored(
  parts: StoredParts,
  services: readonly StoredService[],
  artefact: Artefact,
  schema: Schema,
  inForce: (service: StoredService) => number | undefined,
): Promise<StoredVerdict> {
  const missing = await storedTypes(parts, services)
  if (missing.length > 0) return { reasons: missing, warnings: [], tried: [] }
  const { journal, limits, clock, earlier, onProgress } = parts
  const until = clock.steady() + trialMs
  const folders = new Map<Artefact, Folder>()
  const folderOf = (of: Artefact): Folder => {
    const known = folders.get(of) ?? new Folder(of, journal, limits, Math.max(0, until - clock.steady()), clock)
    folders.set(of, known)
    return known
  }
  const folderBefore = async (deployment: number | undefined): Promise<Folder | undefined> => {
    const before = deployment === undefined ? undefined : await earlier(deployment)
    return before && folderOf(before)
  }
  const verdict = { reasons: [] as string[], warnings: [] as string[], tried: [] as Tried[] }
  try {
    for (const service of services) {
      const { name, kind, description, storage } = service
      if (kind === 'replicated') continue
      const entities = journal.census.entities(storage)
      if (entities === 0) continue
      onProgress(`trying it on the stored data of ${name}`)
      const sample = sampleOf(journal, storage)
      const stateVersion = stateVersionOf(description, artefact.hash)
      const trial = await (kind === 'value'
        ? tryStoredValues(parts, service, sample, schema, proberOf(folderOf(artefact), name), async (deployment) => {
            const folder = await folderBefore(deployment)
            return folder && proberOf(folder, name)
          })
        : tryEvents(
            journal,
            { ...service, stateVersion, events: description.events },
            journal.census.types(storage),
            sample,
            folderOf(artefact),
            () => folderBefore(inForce(service)),
          ))
      const voided = kind === 'value' ? none : await voidSnapshots(journal, storage, stateVersion, clock)
      verdict.reasons.push(...trial.reasons)
      verdict.warnings.push(...trial.warnings)
      verdict.tried.push({ service: name, tried: trial.tried, of: trial.of, entities, ...voided })
    }
  } finally {
    for (const folder of folders.values()) folder.close()
  }
  return verdict
}

async function tryStoredValues(
  { journal, clock }: StoredParts,
  { name, storage, keyFieldCount }: StoredService,
  sample: readonly string[],
  schema: Schema,
  next: Prober,
  of: (deployment: number) => Promise<Prober | undefined>,
): Promise<Trial> {
  const type = schema.services.get(name)!
  return await tryValues({ journal, storage, keyFieldCount, nowMs: clock.now(), sample }, { type, next, of })
}

function proberOf(folder: Folder, service: string): Prober {
  return (id, basis, commands) => folder.probe({ service, id, basis, commands })
}

const none = { voidSnapshots: 0, atLeast: false }

async function voidSnapshots(
  journal: Pick<Stored, 'snapshotVersions'>,
  storage: StorageId,
  stateVersion: string,
  clock: Clock,
): Promise<Pick<Tried, 'voidSnapshots' | 'atLeast'>> {
  const until = clock.steady() + countMs
  let slice = clock.steady() + sliceMs
  let count = 0
  for (let after: string | undefined; clock.steady() < until; ) {
    const page = journal.snapshotVersions(storage, after, versionsAtOnce)
    for (const snapshot of page) {
      if (snapshot.stateVersion !== undefined && snapshot.stateVersion !== stateVersion) count += 1
    }
    after = page.at(-1)?.key
    if (page.length < versionsAtOnce) return { voidSnapshots: count, atLeast: false }
    if (clock.steady() < slice) continue
    await pause(clock, restMs)
    slice = clock.steady() + sliceMs
  }
  return { voidSnapshots: count, atLeast: true }
}

/** Wait until the census has counted what was there at the start: in a large directory of an earlier version this takes a while. */
async function counted(
  { census }: Pick<Stored, 'census'>,
  clock: Clock,
  onProgress: (step: string) => void,
): Promise<void> {
  const tell = clock.every(1_000, () => {
    onProgress(`counting the stored data: ${Math.floor(100 * census.progress)} %`)
  })
  try {
    await census.complete()
  } finally {
    tell.cancel()
  }
}

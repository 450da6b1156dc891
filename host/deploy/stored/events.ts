// Events: a new version of an event-sourced service folds a sample of what is stored, off the loop.
//
// E1. First the beginning of an entity for each type of event, then the sample; what is over when the time is, is told.
// E2. An entity that the version in force cannot fold either is no reason: this version made it no worse.
// E3. A version that keeps the state version of earlier snapshots must fold the same states: else they would differ by whether a
//     snapshot is there.
//
// Owns: the trial and the verdict.   folder.ts owns: folding.   sample.ts owns: choosing.

import { stuckCause } from '../../entity/stuck.ts'
import type { Folded } from '../../fold/fold-task.ts'
import type { Folder } from '../../fold/folder.ts'
import type { StoredType } from '../../journal/census.ts'
import type { Journal, StorageId } from '../../journal/journal.ts'
import { entityId } from '../../schema/entity-key.ts'

interface TriedService {
  readonly name: string
  readonly storage: StorageId
  readonly keyFieldCount: number
  readonly stateVersion: string
  /** Types that it folds. */
  readonly events: readonly string[]
}

export interface Trial {
  readonly reasons: readonly string[]
  readonly warnings: readonly string[]
  /** Entities that were folded, of so many that were to be. */
  readonly tried: number
  readonly of: number
}

/** No snapshot has this state version. */
const fromTheBeginning = '\0'

type Stuck = Extract<Folded, { kind: 'stuck' }>
type Whole = Extract<Folded, { kind: 'folded' }>

export async function tryEvents(
  journal: Pick<Journal, 'snapshot'>,
  service: TriedService,
  stored: readonly StoredType[],
  sample: readonly string[],
  next: Folder,
  /** The version in force, asked where the next one fails. */
  before: () => Promise<Folder | undefined>,
): Promise<Trial> {
  const reasons: string[] = []
  const warnings: string[] = []
  const whole = new Set(sample)
  const beginnings = stored.filter(({ count, entity }) => count > 0 && !whole.has(entity))
  const tasks = [
    ...beginnings.map(({ entity, sequence }) => ({ key: entity, at: sequence as number | undefined })),
    ...sample.map((key) => ({ key, at: undefined })),
  ]
  const task = (key: string, at: number | undefined, stateVersion: string) => ({
    service: service.name,
    id: entityId(key, service.keyFieldCount),
    entity: { storage: service.storage, key },
    stateVersion,
    at,
  })
  let tried = 0
  for (const { key, at } of tasks) {
    const id = JSON.stringify(entityId(key, service.keyFieldCount))
    const snapshot = at === undefined ? journal.snapshot({ storage: service.storage, key }) : undefined
    if (snapshot !== undefined && snapshot.stateVersion === service.stateVersion) {
      const anew = await next.fold(task(key, snapshot.sequence, fromTheBeginning))
      if (anew === undefined) break
      if (anew.kind === 'folded' && anew.state !== undefined && !Buffer.from(anew.state).equals(snapshot.state)) {
        reasons.push(
          `${service.name}: it keeps the state version ${JSON.stringify(service.stateVersion)} of earlier snapshots, but folds the first ` +
            `${snapshot.sequence} events of entity ${id} to another state than the stored snapshot; give it another stateVersion (--force overrides)`,
        )
      }
    }
    const folded = await next.fold(task(key, at, service.stateVersion))
    if (folded === undefined) break
    tried += 1
    if (folded.kind === 'unread') continue
    if (folded.kind === 'folded') judge(service.name, id, folded, reasons, warnings)
    else if ((await (await before())?.fold(task(key, at, fromTheBeginning)))?.kind !== 'stuck')
      reasons.push(stuckReason(service, id, folded))
  }
  return { reasons, warnings, tried, of: tasks.length }
}

function judge(name: string, id: string, folded: Whole, reasons: string[], warnings: string[]): void {
  const { unwritten, units, given, state } = folded
  const bytes = (state?.length ?? 0).toLocaleString('en-US')
  if (unwritten !== undefined) {
    warnings.push(
      `${name}: the state of entity ${id} was folded, but cannot be encoded (${unwritten.told}), so no snapshot of it can be taken`,
    )
  } else if (units > given) {
    reasons.push(
      `${name}: the state of entity ${id} (${bytes} bytes) cannot be read on the fuel of a call, so no command on it would succeed (--force overrides)`,
    )
  } else if (units > given / 2) {
    const part = Math.round((100 * units) / given)
    warnings.push(`${name}: reading the state of entity ${id} (${bytes} bytes) takes ${part} % of the fuel of a call`)
  }
}

function stuckReason({ name, events }: TriedService, id: string, { sequence, typeName, fault }: Stuck): string {
  const cause = stuckCause(fault.reason, typeName, events)
  const what = cause === 'fuel' ? 'takes more fuel than a call has' : `cannot be folded (${fault.told})`
  return `${name}: entity ${id} is stored, and its event ${sequence} (${typeName}) ${what} by this version (--force overrides)`
}

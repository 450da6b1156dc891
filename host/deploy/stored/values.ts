// Values: can a new version of a service read the values that are stored? There are no events to fold anew, so deployment tries
// it on a sample, off the loop.
//
// S1. A guest reads what it starts from, if only to decide on nothing; one that reads later is asked each method with an empty
//     request. Nothing of it is kept.
// S2. Only a fault that comes of the value counts: none without a value, and none in the version that wrote it. So a method
//     that fails on an empty request refuses no deployment.
//
// Messages that are read, but as something else, are not noticed here: breaking.ts looks at the wire.
//
// Owns: the trial and the verdict.   sample.ts owns: choosing.   folder.ts owns: running it.

import type { ToldFault } from '../../fold/fold-task.ts'
import type { GuestCommand, ValueBasis } from '../../guest/guest.ts'
import type { Journal, StorageId } from '../../journal/journal.ts'
import { entityId } from '../../schema/entity-key.ts'
import type { ServiceType } from '../../schema/schema.ts'
import { isDamaged } from '../../storage/damage.ts'
import type { Trial } from './events.ts'

interface StoredValues {
  readonly journal: Pick<Journal, 'base'>
  readonly storage: StorageId
  readonly keyFieldCount: number
  /** For what is decided in the trial. */
  readonly nowMs: number
  readonly sample: readonly string[]
}

/** The fault of deciding on a value, `null` if there is none; undefined once the time is over. */
export type Prober = (
  entity: string,
  basis: ValueBasis,
  commands: readonly GuestCommand[],
) => Promise<ToldFault | null | undefined>

interface Versions {
  readonly type: ServiceType
  readonly next: Prober
  /** The version of a deployment, if the service was in it. Asked where the next one fails. */
  readonly of: (deployment: number) => Promise<Prober | undefined>
}

/** Does the next version read the values of the sample? */
export async function tryValues(stored: StoredValues, versions: Versions): Promise<Trial> {
  const { journal, storage, keyFieldCount, nowMs, sample } = stored
  const reasons: string[] = []
  const name = versions.type.fullName
  let tried = 0
  for (const key of sample) {
    const base = intact(() => journal.base({ storage, key }))
    if (base?.state !== undefined) {
      const id = entityId(key, keyFieldCount)
      const fault = await unreadable(versions, id, base.state, base.deployment, nowMs)
      if (fault === undefined) break
      if (fault !== null) {
        reasons.push(
          `${name}: the value of ${JSON.stringify(id)} was stored by an earlier version and cannot be read by this one (${fault.reason}: ${fault.told}; --force overrides)`,
        )
      }
    }
    tried += 1
  }
  return { reasons, warnings: [], tried, of: sample.length }
}

async function unreadable(
  { type, next, of }: Versions,
  entity: string,
  value: Uint8Array,
  deployment: number,
  nowMs: number,
): Promise<ToldFault | null | undefined> {
  const stored = { kind: 'value', bytes: value } as const
  for (const commands of probes(type, nowMs)) {
    const found = await next(entity, stored, commands)
    if (found === undefined) return undefined
    if (found === null) continue
    const without = await next(entity, { kind: 'absent' }, commands)
    if (without === undefined) return undefined
    if (without !== null) continue
    const writer = await of(deployment)
    if (writer === undefined) return found
    const wrote = await writer(entity, stored, commands)
    if (wrote === undefined) return undefined
    if (wrote === null) return found
  }
  return null
}

function probes(type: ServiceType, nowMs: number): readonly (readonly GuestCommand[])[] {
  const empty = { payload: new Uint8Array(), metadata: [], nowMs, seed: new Uint8Array(16) }
  return [[], ...[...type.methods.keys()].map((method) => [{ method, ...empty }])]
}

/** Damage is told where a call meets it. */
function intact<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (isDamaged(error)) return undefined
    throw error
  }
}

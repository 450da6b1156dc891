// Stored: can a new version of a service read the values that are stored? There are no events to fold anew, so deployment tries
// it on a sample.
//
// S1. A guest reads what it starts from, if only to decide on nothing; one that reads later is asked each method with an empty
//     request. Nothing of it is kept.
// S2. Only a fault that comes of the value counts: none without a value, and none in the version that wrote it. So a method
//     that fails on an empty request refuses no deployment.
// S3. Messages that are read, but as something else, are not noticed here: breaking.ts looks at the wire.
//
// Owns: the sample and the verdict.   deploy.ts owns: when, and `--force`.

import { type GuestCommand, GuestFault, type ValueBasis, type ValueGuest } from '../guest/guest.ts'
import type { EntitySummary, Journal, StorageId } from '../journal/journal.ts'
import { entityId } from '../router/entity-key.ts'
import type { ServiceType } from '../schema/schema.ts'

/** Values that are tried. */
const sampleMax = 20
/** Entities that are looked at for them: some have none (any more). */
const lookedMax = 200

export interface StoredValues {
  readonly journal: Pick<Journal, 'entities' | 'base'>
  readonly storage: StorageId
  readonly keyFieldCount: number
  /** For what is decided in the trial. */
  readonly nowMs: number
}

export interface Versions {
  readonly type: ServiceType
  readonly next: ValueGuest
  /** The version of a deployment, if the service was in it. Asked where the next one fails. */
  readonly of: (deployment: number) => Promise<ValueGuest | undefined>
}

/** A reason for each stored value of the sample that the next version cannot read. Lets calls run between the values. */
export async function unreadableValues(stored: StoredValues, versions: Versions): Promise<readonly string[]> {
  const reasons: string[] = []
  const name = versions.type.fullName
  for (const { key, value, deployment } of sample(stored)) {
    const id = entityId(key, stored.keyFieldCount)
    const fault = await unreadable(versions, id, value, deployment, stored.nowMs)
    if (fault !== undefined) {
      const why = `${fault.reason}: ${fault.told}`
      reasons.push(
        `${name}: the value of ${JSON.stringify(id)} was stored by an earlier version and cannot be read by this one (${why}; --force overrides)`,
      )
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
  return reasons
}

interface Sampled {
  readonly key: string
  readonly value: Uint8Array
  /** Number of the one that wrote it. */
  readonly deployment: number
}

function sample({ journal, storage }: StoredValues): readonly Sampled[] {
  const found: Sampled[] = []
  let last: EntitySummary | undefined
  for (let looked = 0; looked < lookedMax; looked += sampleMax) {
    const page = journal.entities(storage, '', last?.key, sampleMax, 'base')
    for (const { key } of page) {
      const base = journal.base({ storage, key })
      if (base?.state !== undefined) found.push({ key, value: base.state, deployment: base.deployment })
      if (found.length === sampleMax) return found
    }
    last = page.at(-1)
    if (last === undefined) break
  }
  return found
}

async function unreadable(
  { type, next, of }: Versions,
  entity: string,
  value: Uint8Array,
  deployment: number,
  nowMs: number,
): Promise<GuestFault | undefined> {
  const fault = (guest: ValueGuest, basis: ValueBasis, commands: readonly GuestCommand[]) =>
    faultOf(() => guest.decide(type.fullName, entity, basis, commands))
  const stored = { kind: 'value', bytes: value } as const
  for (const commands of probes(type, nowMs)) {
    const found = fault(next, stored, commands)
    if (found === undefined || fault(next, { kind: 'absent' }, commands) !== undefined) continue
    const writer = await of(deployment)
    if (writer === undefined || fault(writer, stored, commands) === undefined) return found
  }
  return undefined
}

function probes(type: ServiceType, nowMs: number): readonly (readonly GuestCommand[])[] {
  const empty = { payload: new Uint8Array(), metadata: [], nowMs, seed: new Uint8Array(16) }
  return [[], ...[...type.methods.keys()].map((method) => [{ method, ...empty }])]
}

function faultOf(run: () => unknown): GuestFault | undefined {
  try {
    run()
    return undefined
  } catch (error) {
    if (error instanceof GuestFault) return error
    throw error
  }
}

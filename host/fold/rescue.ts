// Rescue: an entity whose events take more fuel than a call has is folded with as much as an operator names, and its state stored as
// a snapshot: from there on it is read, not folded.
//
// Leaves to others: the thread and its fuel (folder.ts), freeing the entity (entity/entities.ts).

import { ReadingCost } from '../entity/reading-cost.ts'
import { stuckCause, stuckSentence } from '../entity/stuck.ts'
import { InnkeeperError } from '../errors.ts'
import type { EntityRef } from '../journal/journal.ts'
import type { Stored } from '../journal/stored.ts'
import type { Limits } from '../limits.ts'
import type { EventSourcedService } from '../services.ts'
import type { Folder } from './folder.ts'

/** How long an operator's fold may take. */
export const rescueMs = 30 * 60_000

interface Rescued {
  readonly sequence: number
  readonly bytes: number
  /** Units of fuel that a call takes to read the state, of so many that it has. */
  readonly reading: number
  readonly given: number
}

/** @throws InnkeeperError `entity_stuck` where that is not enough, or no question of fuel */
export async function rescue(
  journal: Pick<Stored, 'head' | 'snapshot' | 'events' | 'putSnapshot'>,
  folder: Folder,
  service: EventSourcedService,
  entity: EntityRef,
  id: string,
  limits: Limits,
): Promise<Rescued> {
  const { name, stateVersion, deployment, description } = service
  const folded = await folder.fold({ service: name, id, entity, stateVersion, at: undefined })
  const failed = (why: string) => new InnkeeperError('entity_stuck', `${name} entity ${JSON.stringify(id)} ${why}`)
  if (folded === undefined) throw failed(`was not folded in ${rescueMs / 60_000} minutes`)
  if (folded.kind === 'unread') throw new InnkeeperError('data_damaged', folded.message)
  if (folded.kind === 'stuck') {
    const { sequence, typeName, fault } = folded
    const cause = stuckCause(fault.reason, typeName, description.events)
    if (cause === 'fuel')
      throw failed(`needs more fuel: its event ${sequence} (${typeName}) could not be folded with the given fuel`)
    throw new InnkeeperError(
      'entity_stuck',
      stuckSentence(name, id, { cause, sequence, typeName, deployment, told: fault.told }),
    )
  }
  const { revision, sequence, state, unwritten, units } = folded
  if (unwritten !== undefined)
    throw failed(
      `was folded, but its state cannot be encoded (${unwritten.told}); give more fuel, or correct the function`,
    )
  if (state === undefined) throw failed('has no events')
  journal.putSnapshot(entity, { revision, sequence, stateVersion, state })
  return { sequence, bytes: state.length, reading: units, given: new ReadingCost(limits).given(state.length) }
}

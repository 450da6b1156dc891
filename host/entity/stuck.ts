// Stuck: why the events of an entity cannot be folded by the version that serves, and what frees it.
//
// Leaves to others: finding it (folded-state.ts), telling it (activation.ts, admin/, deploy/).

import { InnkeeperError } from '../errors.ts'
import type { FaultReason } from '../guest/guest.ts'

/** `unknown_type`: the version does not say that it folds such events. */
type StuckCause = 'fuel' | 'unknown_type' | 'trap'

export interface Stuck {
  readonly cause: StuckCause
  /** The event that cannot be folded. */
  readonly sequence: number
  readonly typeName: string
  readonly deployment: number
  /** For operators: what the function said of it. */
  readonly told: string
}

/** @param events types that the version folds */
export function stuckCause(reason: FaultReason, typeName: string, events: readonly string[]): StuckCause {
  if (!events.includes(typeName)) return 'unknown_type'
  return reason === 'fuel' ? 'fuel' : 'trap'
}

/** What happened, and what to do, without the function's own words. */
export function stuckSentence(service: string, id: string, { cause, sequence, typeName, deployment }: Stuck): string {
  const entity = `${service} entity ${JSON.stringify(id)} cannot be read: `
  const back = `\`inn rollback ${service}\` goes back to the version before`
  switch (cause) {
    case 'fuel':
      return (
        `${entity}its event ${sequence} (${typeName}) takes more fuel than a call has. Nothing is lost: ` +
        `\`inn entities ${service} --rescue ${quoted(id)} --fuel N\` folds it with more, or deploy a version that needs less`
      )
    case 'unknown_type':
      return (
        `${entity}its event ${sequence} is a ${typeName}, which deployment ${deployment} does not fold. ` +
        `Nothing is lost: deploy a version that folds it, or ${back}`
      )
    case 'trap':
      return (
        `${entity}deployment ${deployment} fails at its event ${sequence} (${typeName}). ` +
        `Nothing is lost: deploy a version that folds it, or ${back}`
      )
  }
}

export function stuckError(service: string, id: string, stuck: Stuck): InnkeeperError {
  return new InnkeeperError('entity_stuck', stuckSentence(service, id, stuck))
}

/** An id as a shell takes it. */
function quoted(id: string): string {
  return /^[\w.@:/+=-]+$/.test(id) ? id : `'${id.replaceAll("'", "'\\''")}'`
}

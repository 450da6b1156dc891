// Early: a call that would find no room is refused before anything else is done for it. At many times the load that a host can take, refusing is
// most of what it does.
//
// Y1. What is not refused here may be refused later: nothing is taken here.
//
// Owns: which bound a call meets first.   waiting-budget.ts and places.ts own: the bounds.

import type { InnkeeperError } from '../errors.ts'
import { isStreamed } from '../schema/schema.ts'
import type { IngressContext } from './context.ts'
import type { Places } from './places.ts'

/** Why a gRPC call is refused, and of which service it is. */
export interface EarlyRefusal {
  readonly service: string
  readonly error: InnkeeperError
}

export class Early {
  private readonly context: IngressContext
  private readonly places: Pick<Places, 'refusal'>

  constructor(context: IngressContext, places: Pick<Places, 'refusal'>) {
    this.context = context
    this.places = places
  }

  /** `path`: as gRPC has it, `/SERVICE/METHOD`. */
  refusal(path: string, client: string): EarlyRefusal | undefined {
    const slash = path.indexOf('/', 1)
    const service = path.slice(1, slash)
    const method = this.context.services.get(service)?.methods.get(path.slice(slash + 1))
    if (method === undefined) return undefined
    const error = isStreamed(method.type)
      ? this.places.refusal(service, client)
      : this.context.noRoom?.(service, client)
    return error && { service, error }
  }
}

// Places: how many streams may be open on the service port, and whose.
//
// P1. At most `streamsMax` are open, with a share for each service and each client's address (shares.S3). One counts until its
//     connection is done with it, so that clients that do not read what they were sent count as well.
//
// Owns: the count, and the refusal.   shares.ts owns: the rule.   stream.ts owns: a stream's life.

import { InnkeeperError } from '../errors.ts'
import { Shares, usedUpBy } from '../shares.ts'
import type { IngressContext } from './context.ts'

type PlacesContext = Pick<IngressContext, 'limits' | 'metrics'>

export class Places {
  private readonly context: PlacesContext
  private readonly byService: Shares
  private readonly byClient: Shares

  constructor(context: PlacesContext) {
    this.context = context
    this.byService = new Shares(context.limits.streamsMax)
    this.byClient = new Shares(context.limits.streamsMax)
  }

  /** Why there is no place for another. */
  refusal(service: string, client: string): InnkeeperError | undefined {
    const max = this.context.limits.streamsMax
    if (this.byService.full)
      return new InnkeeperError('overloaded', `too many open streams: ${max} are allowed; try again later`)
    const [ofService, ofClient] = [this.byService.of(service), this.byClient.of(client)]
    const whose = usedUpBy(max, this.byService.all, ofService, ofClient, 1)
    if (whose === 'service') return usedUp(service, ofService, max)
    return whose === 'client' ? usedUp('your address', ofClient, max) : undefined
  }

  /** Take one of the `streamsMax` places; what it returns gives the place back (once, however often it is called).
   *  @throws InnkeeperError `overloaded` */
  enter(service: string, client: string): () => void {
    const refusal = this.refusal(service, client)
    if (refusal !== undefined) throw refusal
    this.byService.take(service, 1)
    this.byClient.take(client, 1)
    const recorder = this.context.metrics.of(service)
    recorder.streamOpened()
    let inside = true
    return () => {
      if (!inside) return
      inside = false
      this.byService.give(service, 1)
      this.byClient.give(client, 1)
      recorder.streamClosed()
    }
  }
}

function usedUp(who: string, open: number, max: number): InnkeeperError {
  const message = `too many open streams: ${who} has used up its share, ${open} of ${max}; end some, or try again later`
  return new InnkeeperError('overloaded', message)
}

// Patience: how long a request may be incomplete.
//
// Time is measured in marks of the account (in-flight.ts), a few for the whole time: a request ends between `requestMs` and an eighth more after it
// began to be incomplete.

import { InnkeeperError } from '../errors.ts'
import type { InFlight } from '../in-flight.ts'

const marksMax = 8

export class Patience {
  private readonly timer: NodeJS.Timeout
  private readonly marks: number[] = []

  constructor(inFlight: InFlight, requestMs: number) {
    const error = () =>
      new InnkeeperError(
        'deadline_exceeded',
        `the request did not arrive completely within ${requestMs} ms (request-ms); send it again`,
      )
    this.timer = setInterval(
      () => {
        if (this.marks.length === marksMax) inFlight.cutBefore(this.marks.shift()!, error)
        this.marks.push(inFlight.mark())
      },
      Math.ceil(requestMs / marksMax),
    )
    this.timer.unref()
  }

  stop(): void {
    clearInterval(this.timer)
  }
}

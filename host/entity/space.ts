// Space: the activations of one storage id that are in memory, by key and in order of use.
//
// Owns: the two orders.   Entities own: who comes in, and who has to leave.

import type { Account } from '../waiting-budget.ts'
import type { Activation } from './activation.ts'
import { ByUse } from './by-use.ts'

/** What is in memory of one storage id. */
export class Space {
  readonly activations = new Map<string, Activation>()
  readonly byUse = new ByUse<Activation>()
  /** As of the last look, less what was dropped since. */
  stateBytes = 0
  /** What waits of the service that keeps it. */
  waiting: Account

  constructor(waiting: Account) {
    this.waiting = waiting
  }
}

/** Those that may be dropped, in order of last use. */
export function* idle({ byUse }: Space): Generator<Activation, undefined> {
  for (const activation of byUse) if (activation.idle) yield activation
  return undefined
}

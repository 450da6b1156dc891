// Expiry: idempotency keys whose time has come are forgotten, some a turn of the loop.
//
// Owns: the pace.   The journal owns: which, and the deleting.

import { nextTurn } from '../slices.ts'
import type { Journal } from './journal.ts'

/** Looked at in one turn. */
export const expireAtOnce = 250
/** Looked at each time; the rest waits for the next. */
const expireMax = 10_000

/** `unfit`: the journal cannot be asked now. */
export async function expire(
  journal: Pick<Journal, 'expireIdempotency'>,
  beforeMs: number,
  unfit: () => boolean,
): Promise<void> {
  for (let left = expireMax; left > 0 && !unfit(); left -= expireAtOnce) {
    if (journal.expireIdempotency(beforeMs, expireAtOnce) < expireAtOnce) return
    await nextTurn()
  }
}

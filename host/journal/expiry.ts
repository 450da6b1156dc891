// Expiry: idempotency keys whose time has come are forgotten, some a turn of the loop.
//
// Each piece is a commit like any other, and looked for once the one before is on disk: what is deleted by a commit on its way would be found,
// and counted, once more.
//
// Owns: the pace.   The journal owns: which.

import { type Clock, nextTurn } from '../clock.ts'
import type { Joining } from './group-commit.ts'
import { committed } from './group-commit.ts'
import type { Journal } from './journal.ts'

/** Looked at in one turn. */
export const expireAtOnce = 250
/** Looked at each time; the rest waits for the next. */
const expireMax = 10_000

/** `unfit`: the journal cannot be asked now. */
export async function expire(
  journal: Pick<Journal, 'expired'>,
  commits: Joining,
  beforeMs: number,
  unfit: () => boolean,
  clock: Clock,
): Promise<void> {
  for (let left = expireMax; left > 0 && !unfit(); left -= expireAtOnce) {
    const expired = journal.expired(beforeMs, expireAtOnce)
    if (expired.keys.length > 0) await committed(commits, (batch) => batch.forget(expired))
    if (expired.found < expireAtOnce) return
    await nextTurn(clock)
  }
}

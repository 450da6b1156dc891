// Expiry: idempotency keys whose time has come are forgotten, some a turn of the loop.
//
// Each piece is alone (GroupCommit): what is deleted while a commit is on its way is not gone before that has ended, and would be found, and
// counted, once more.
//
// Owns: the pace.   The journal owns: which, and the deleting.

import { nextTurn } from '../slices.ts'
import type { GroupCommit } from './group-commit.ts'
import type { Journal } from './journal.ts'

/** Looked at in one turn. */
export const expireAtOnce = 250
/** Looked at each time; the rest waits for the next. */
const expireMax = 10_000

/** `unfit`: the journal cannot be asked now. */
export async function expire(
  journal: Pick<Journal, 'expireIdempotency'>,
  commits: Pick<GroupCommit, 'alone'>,
  beforeMs: number,
  unfit: () => boolean,
): Promise<void> {
  for (let left = expireMax; left > 0 && !unfit(); left -= expireAtOnce) {
    const found = await commits.alone(() => (unfit() ? 0 : journal.expireIdempotency(beforeMs, expireAtOnce)))
    if (found < expireAtOnce) return
    await nextTurn()
  }
}

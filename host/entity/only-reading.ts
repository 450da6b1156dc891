// Only reading: what a command that is watched may decide (watching.ts): an answer or a refusal, and nothing else.
//
// Pure. Owns: why it may not.   Models own: that nothing of it happens then.

import { InnkeeperError } from '../errors.ts'
import type { Outcome } from '../outcome.ts'
import type { Waiting } from './mailbox.ts'
import { isWritten } from './turn.ts'

/** Why a decision cannot be that of a command that only reads; of other commands never. `changes`: it changes the entity. */
export function changingRead(waiting: Waiting, changes: boolean, outcome: Outcome): InnkeeperError | undefined {
  const { answer } = outcome
  // A refusal leaves nothing (turn.T1).
  if (waiting.read === undefined || answer.kind === 'failure') return undefined
  const sends = isWritten(waiting, 0, undefined, outcome)
  if (!changes && !sends && answer.kind !== 'forward') return undefined
  const { service, method } = waiting.command
  const does = changes ? 'changes the entity' : sends ? 'sends effects or defers its reply' : 'forwards'
  const message = `${service}/${method} ${does}; only methods that only read and answer can be watched`
  return new InnkeeperError('watch_not_reading', message)
}

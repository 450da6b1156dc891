// Forward: another command answers the caller.
//
// F1. It runs after the forwarding command's commit and its synchronous effects; nothing is undone if it fails (§forward-2).
// F2. The answer goes to the caller unchanged; under an idempotency key it is stored first (§idempotency-6).
// F3. The target gets a key derived from the caller's, so that going there twice decides once.
// F4. At most `hopsMax` forwards and effects lie between a client and a command (§forward-4).

import { hash } from 'node:crypto'
import type { Answer, Command, Dispatch, Reply } from '../command.ts'
import { type Commits, type Newest, together } from '../commits.ts'
import type { EffectEntry } from '../effect.ts'
import { toInnkeeperError, tooManyHops } from '../errors.ts'
import type { Joining } from '../journal/group-commit.ts'
import type { EntityRef, IdempotencyEntry, StoredAnswer } from '../journal/journal.ts'
import type { Limits } from '../limits.ts'
import type { Call } from '../outcome.ts'

export interface Remembered {
  readonly key: string
  readonly entry: IdempotencyEntry
  /** It replaces what is kept under the key. */
  readonly again?: boolean
}

export interface Forward {
  readonly call: Call
  /** Where the final answer is to be kept. */
  readonly remember: Remembered | undefined
  /** If the forwarding command was an effect: the outbox entry that the forward became (turn.T4). */
  readonly effect: EffectEntry | undefined
}

interface ForwardContext {
  /** Of the partition of what forwards. */
  readonly commits: Joining
  readonly keeper: { readonly newest: Newest }
  readonly dispatch: Dispatch
  readonly limits: Limits
}

/** Send a committed forward on its way; `command` of `entity` is what decided on it, and `waitedFor` what it had committed. */
export function forward(
  context: ForwardContext,
  command: Command,
  entity: EntityRef,
  { call, remember, effect }: Forward,
  waitedFor: Commits | undefined,
  reply: Reply,
): void {
  const hops = command.hops + 1
  if (hops > context.limits.hopsMax) {
    reply({ kind: 'error', error: tooManyHops(context.limits.hopsMax), commits: waitedFor })
    return
  }
  // An action keeps no answers; but what it forwards to may.
  const key = remember?.key ?? command.idempotencyKey
  const idempotencyKey = key === undefined ? undefined : derivedKey(entity, key)
  const { deadlineMs, requestId } = command
  context.dispatch({ ...call, idempotencyKey, deadlineMs, hops, requestId, effect, by: command }, (target) => {
    const answer = { ...target, commits: together(waitedFor, target.commits) }
    if (remember === undefined || answer.kind === 'error') reply(answer)
    else store(context, entity, remember, answer, reply)
  })
}

function store(
  context: ForwardContext,
  entity: EntityRef,
  { key, entry }: Remembered,
  answer: Exclude<Answer, { kind: 'error' }>,
  reply: Reply,
): void {
  context.commits.join(
    (batch) => batch.remember(entity, key, { ...entry, final: stored(answer) }, true),
    (error) => {
      if (error !== undefined) reply({ kind: 'error', error: toInnkeeperError(error) })
      else reply({ ...answer, commits: together(answer.commits, context.keeper.newest.commits) })
    },
  )
}

function stored(answer: Exclude<Answer, { kind: 'error' }>): StoredAnswer {
  const { metadata } = answer
  if (answer.kind === 'reply') return { kind: 'message', payload: answer.payload, metadata }
  return { kind: 'failure', ...answer.failure, metadata }
}

function derivedKey(entity: EntityRef, idempotencyKey: string): string {
  return `forward:${hash('sha256', `${entity.storage}\0${entity.key}\0\0${idempotencyKey}`, 'hex')}`
}

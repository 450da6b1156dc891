// Command: an effect on a service of this host. It goes to the router, like a call of a client.
//
// D1. A command of an effect has its entry, so that whoever commits its outcome takes that out in the same commit.
// D3. What a service sends to itself under a name, later, or as an answer waits while that service is not deployed: to undeploy one and deploy it again
//     loses none of its timers. All else that names what is not deployed is an answer.
// D2. `UNAVAILABLE`, `ABORTED`, `RESOURCE_EXHAUSTED` and `DEADLINE_EXCEEDED` may be another thing later, whoever says so. Every other refusal or error is
//     an answer.

import type { Clock } from '../../clock.ts'
import type { Dispatch, Failed } from '../../command.ts'
import type { EffectEntry } from '../../effect.ts'
import type { ErrorCode } from '../../errors.ts'
import { grpcCodeNames, wire } from '../../errors.ts'
import type { Target } from './target.ts'

/** How long one try may wait for its answer. In milliseconds. */
const tryMs = 60_000
/** google.rpc codes: DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, ABORTED, UNAVAILABLE. */
const passing: ReadonlySet<number> = new Set([4, 8, 10, 14])

/** What was begun may go on, or is on disk. */
const unknown: ReadonlySet<ErrorCode> = new Set(['deadline_exceeded', 'outcome_unknown', 'internal'])

interface CommandTargetParts {
  readonly dispatch: Dispatch
  readonly clock: Pick<Clock, 'now'>
  /** Why a service cannot be run, if that is so. */
  readonly unserved: (service: string) => string | undefined
  readonly deployed: (service: string) => boolean
}

export function commandTarget({ dispatch, clock, unserved, deployed }: CommandTargetParts): Target {
  return {
    deliver(entry, hops, begins, done) {
      if (!begins()) return
      const command = {
        ...entry.call,
        idempotencyKey: undefined,
        deadlineMs: clock.now() + tryMs,
        hops,
        requestId: `effect-${entry.id}`,
        effect: entry,
      }
      dispatch(command, (answer) => {
        const { commits } = answer
        if (answer.kind === 'reply') done({ kind: 'arrived', commits })
        else {
          const [code, reason] = reasonOf(answer)
          const failure = answer.kind === 'refusal' ? answer.failure : undefined
          // A function that failed was reached, and nothing came of it.
          const decided = failure !== undefined || (answer.kind === 'error' && answer.error.code === 'guest_fault')
          const unsure = answer.kind === 'error' && unknown.has(answer.error.code)
          done({ kind: 'failed', reason, again: passing.has(code), code, decided, unsure, failure, commits })
        }
      })
    },
    unserved({ call, cause, from }: EffectEntry) {
      const { service } = call
      // A timer or an answer of a service that is not deployed waits for it (D3).
      if (from !== undefined && service === cause.service && !deployed(service))
        return `${service} is not deployed; what it set or asked for waits until it is`
      return unserved(service)
    },
  }
}

/** Code and words of a failure. */
function reasonOf(failed: Failed): readonly [code: number, reason: string] {
  if (failed.kind === 'error') return [wire[failed.error.code].grpc, failed.error.message]
  const { code, message } = failed.failure
  return [code, `refused with ${grpcCodeNames[code] ?? code}: ${message}`]
}

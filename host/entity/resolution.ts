// Resolution: what all who wait for a ticket are answered, in the words of each: what is kept under a key, what an ask hears, what a caller is told.

import type { Answer } from '../command.ts'
import type { AskOutcome } from '../delivery/answers.ts'
import type { StoredAnswer } from '../journal/journal.ts'
import type { Resolution } from '../outcome.ts'

interface Resolved {
  readonly kept: StoredAnswer
  readonly heard: AskOutcome
  readonly told: Answer
}

export function resolved({ answer, metadata }: Resolution): Resolved {
  if (answer.kind === 'message') {
    const { payload } = answer
    return {
      kept: { kind: 'message', payload, metadata },
      heard: { kind: 'reply', payload },
      told: { kind: 'reply', payload, metadata },
    }
  }
  const { failure } = answer
  return {
    kept: { kind: 'failure', ...failure, metadata },
    heard: { kind: 'failure', failure, happened: 'REFUSED' },
    told: { kind: 'refusal', failure, metadata },
  }
}

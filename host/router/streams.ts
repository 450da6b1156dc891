// Streams: a method that streams, called for one answer, and one that answers once, called as a stream.
//
// T1. A streamed method that is called for one answer (an effect, a forward of a unary call) runs to its end; the first
//     element is the answer, the others are discarded (§stream-6).
// T2. One answer is the only element of a stream.
//
// Leaves to others: what either side may hear (lifeline.ts), the order of elements (reply/outputs.ts).

import type { Command, Receiver, Reply } from '../command.ts'
import { type Commits, together } from '../commits.ts'
import type { Metadata } from '../metadata.ts'
import { noMetadata } from '../metadata.ts'

/** A receiver that takes everything and answers once. */
export function once(reply: Reply): Receiver {
  let first: { payload: Uint8Array; metadata: Metadata } | undefined
  let told: Commits | undefined
  return {
    ready: true,
    next(payload, metadata, commits) {
      first ??= { payload, metadata }
      told = together(told, commits)
    },
    inputTaken() {},
    owes() {},
    end(failed, last) {
      const commits = together(told, last)
      const { payload = new Uint8Array(), metadata = noMetadata } = first ?? {}
      reply(failed === undefined ? { kind: 'reply', payload, metadata, commits } : { ...failed, commits })
    },
  }
}

/** A reply that is the one element of a stream. */
export function single(receiver: Receiver): Reply {
  return (answer) => {
    const { commits } = answer
    if (answer.kind !== 'reply') {
      receiver.end(answer, commits)
      return
    }
    receiver.next(answer.payload, answer.metadata, commits)
    receiver.end(undefined, commits)
  }
}

/** Without what only makes sense for a command that is answered once. */
export function streamed(command: Command): Command {
  return { ...command, idempotencyKey: undefined, effect: undefined }
}

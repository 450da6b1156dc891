// Answers: what an effect was answered becomes a command of the entity that asked: the request of its answer method, composed of bytes.
//
//   oneof outcome { reply = 1 (what the target answered); failure = 2 (google.rpc.Status) }, note = 3 (as it was given)
//
// A1. Nothing is decoded: what a target answers is what its asker gets, and no deployment of either changes it on its way.
// A2. Each failure has one google.rpc.ErrorInfo of the domain "innkeeper": REFUSED and NOT_SENT say that it did not happen, UNKNOWN that it may have.
// A3. An answer has the hops of the command that asked, and is of its chain: a saga may have any length, and the chain bounds it.
//
// Owns: the bytes, and the entry that an ask becomes.   outbox.ts owns: when it failed.   deploy/answers.ts owns: that the method has this shape.

import type { Asked, EffectEntry } from '../effect.ts'
import { noMetadata } from '../metadata.ts'
import type { Failure, Typed } from '../outcome.ts'
import { Sink } from '../transcode/sink.ts'
import { writeStatus } from '../transcode/status.ts'

/** Whether it happened. */
export type Happened = 'REFUSED' | 'NOT_SENT' | 'UNKNOWN'

export type AskOutcome =
  | { readonly kind: 'reply'; readonly payload: Uint8Array }
  | { readonly kind: 'failure'; readonly failure: Failure; readonly happened: Happened }

const errorDomain = 'innkeeper'

/** An entry whose answer somebody waits for. */
export type AskEntry = EffectEntry & Required<Pick<EffectEntry, 'answer' | 'from'>>

export function isAsk(entry: EffectEntry | undefined): entry is AskEntry {
  return entry?.answer !== undefined && entry.from !== undefined
}

/** The entry that an ask becomes: its answer on the way back. In the place of the ask, untried. */
export function answerEntry(ask: AskEntry, outcome: AskOutcome): EffectEntry {
  const { id, cause, chain, place, chainEffects, answer, from } = ask
  const { service } = cause
  const payload = answerPayload(answer, outcome)
  return {
    ...{ id, cause, chain, place, chainEffects },
    call: { service, method: answer.method, payload, metadata: noMetadata },
    synchronous: false,
    hops: answer.hops,
    attempts: 0,
    parked: undefined,
    from,
    to: from,
  }
}

function answerPayload({ note }: Pick<Asked, 'note'>, outcome: AskOutcome): Uint8Array {
  const sink = new Sink()
  if (outcome.kind === 'reply') {
    sink.varint(10)
    sink.view(outcome.payload)
  } else {
    const { failure, happened } = outcome
    sink.varint(18)
    const start = sink.open()
    writeStatus(sink, { ...failure, details: [errorInfo(happened), ...failure.details] })
    sink.close(start)
  }
  if (note.length > 0) {
    sink.varint(26)
    sink.view(note)
  }
  return sink.finish().slice()
}

function errorInfo(reason: Happened): Typed {
  const sink = new Sink()
  sink.varint(10)
  sink.string(reason)
  sink.varint(18)
  sink.string(errorDomain)
  return { typeName: 'google.rpc.ErrorInfo', data: sink.finish().slice() }
}

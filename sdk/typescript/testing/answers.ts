// Answers: what a host tells an entity of a call that it asked for, as the request of the method that hears it:
// oneof { reply = 1; failure = 2 (google.rpc.Status) }, note = 3.

import type { Code } from '../codec/codes.ts'
import { codes } from '../codec/codes.ts'
import type { AnswerMethod, AnyMethod, Methods, RequestOf } from '../codec/message.ts'
import { Writer } from '../codec/writer.ts'
import type { Reason } from '../failure.ts'
import type { WireFailure, WireTyped } from '../guest/wire.ts'

/** The methods that hear answers. */
export type HearsOf<M extends Methods> = {
  [K in keyof M & string]: M[K] extends AnswerMethod<object, object> ? K : never
}[keyof M & string]

type OutcomeOf<Request> = Request extends { readonly outcome?: infer Outcome } ? NonNullable<Outcome> : never
type ReplyIn<Outcome> = Outcome extends { readonly case: 'reply'; readonly value: infer Reply } ? Reply : never

/** The reply, or why there is none; the reason is REFUSED, if it is left out. */
export type Heard<Method> =
  | { readonly reply: ReplyIn<OutcomeOf<RequestOf<Method>>> }
  | { readonly failure: Code | number; readonly message?: string; readonly reason?: Reason }

export type NoteIn<Method> = RequestOf<Method> extends { readonly note?: infer Note } ? NonNullable<Note> : never

type AnyHeard =
  | { readonly reply: object }
  | { readonly failure: Code | number; readonly message?: string; readonly reason?: Reason }

/** The request of a method that hears this. */
export function heardRequest({ name, request, answers }: AnyMethod, given: AnyHeard, note: object | undefined): object {
  if (answers === undefined) throw new TypeError(`${name} hears no answers: in the .proto it has no \`answers\``)
  const said = 'reply' in given ? { outcome: { case: 'reply', value: given.reply } } : {}
  const known = request.encode(request({ ...said, ...(note === undefined ? {} : { note }) } as object))
  const failed = 'failure' in given ? failurePart(failureOf(given), given.reason ?? 'REFUSED') : new Uint8Array(0)
  return request.decode(joined(known, failed))
}

/** The request's bytes. */
export function heardPayload(
  outcome: { readonly reply: Uint8Array } | { readonly failure: WireFailure; readonly reason: Reason },
  note: Uint8Array,
): Uint8Array {
  const said = 'reply' in outcome ? part(1, outcome.reply) : failurePart(outcome.failure, outcome.reason)
  return note.length === 0 ? said : joined(said, part(3, note))
}

function failureOf({ failure, message = '' }: { failure: Code | number; message?: string }): WireFailure {
  const code = typeof failure === 'number' ? codes[failure - 1] : failure
  if (code === undefined || !codes.includes(code)) throw new RangeError(`answer: ${String(failure)} is no code`)
  return { code: code.toLowerCase().replaceAll('_', '-'), message, details: [] }
}

function failurePart({ code, message, details }: WireFailure, reason: Reason): Uint8Array {
  const number = codes.indexOf(code.toUpperCase().replaceAll('-', '_') as Code) + 1
  const info = written((to) => {
    to.varint32(10)
    to.string(reason)
    to.varint32(18)
    to.string('innkeeper')
  })
  const all: readonly WireTyped[] = [{ typeName: 'google.rpc.ErrorInfo', data: info }, ...details]
  const status = written((to) => {
    to.varint32(8)
    to.int32(number)
    if (message !== '') {
      to.varint32(18)
      to.string(message)
    }
    for (const { typeName, data } of all) {
      to.varint32(26)
      to.raw(
        written((any) => {
          any.varint32(10)
          any.string(`type.googleapis.com/${typeName}`)
          any.varint32(18)
          any.raw(data)
        }),
      )
    }
  })
  return part(2, status)
}

function part(number: number, bytes: Uint8Array): Uint8Array {
  return written((to) => {
    to.varint32(number * 8 + 2)
    to.raw(bytes)
  })
}

function written(write: (to: Writer) => void): Uint8Array {
  const writer = new Writer()
  write(writer)
  return writer.finish()
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const bytes of parts) {
    whole.set(bytes, at)
    at += bytes.length
  }
  return whole
}

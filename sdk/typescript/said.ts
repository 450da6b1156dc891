// Said: what answers say that not every service can, as types. An answer carries them, and a handler's type names those that its service has:
// an action has none, a method that streams has none, and methods are those of the handler's own service.
//
// Leaves to others: what the words do (effect.ts), chains of them (decision.ts).

import type { AnswerMethod, Methods, ReplyOf, RequestOf } from './codec/message.ts'
import type { Refused } from './decision.ts'

export interface NamesEffects {
  readonly names: true
}

export interface CancelsEffects {
  readonly cancels: true
}

export interface AnswersLater {
  readonly later: true
}

/** `Note` is never where there is none. */
interface Asks<Key extends string, Note> {
  readonly asks: Key
  readonly note: Note
}

/** `Reply` is never where the ticket is refused. */
interface Resolves<Key extends string, Reply> {
  readonly resolves: Key
  readonly reply: Reply
}

export type AsksWith<Key extends string, Note> = Asks<Key, Exclude<Note, undefined>>
export type ResolvesWith<Key extends string, Answer> = Resolves<Key, Exclude<Answer, Refused>>

type NoteOf<Request> = Request extends { readonly note?: infer Note } ? NonNullable<Note> : never

type SaidOf<Key extends string, M> =
  | Resolves<Key, ReplyOf<M>>
  | (M extends AnswerMethod<object, object> ? Asks<Key, NoteOf<RequestOf<M>>> : never)

/** What unary methods of an entity with these methods may say. */
export type EntitySaid<M extends Methods> =
  | NamesEffects
  | CancelsEffects
  | AnswersLater
  | { readonly [Key in keyof M & string]: SaidOf<Key, M[Key]> }[keyof M & string]

// Said: what answers say that not every service can, as types. An answer carries them, and a handler's type names those that its service has:
// an action has none, a method that streams has none, and methods are those of the handler's own service.
//
// Leaves to others: what the words do (effect.ts), chains of them (decision.ts).

import type { AnswerMethod, Methods, ReplyOf, RequestOf } from './codec/message.ts'
import type { Refused } from './decision.ts'

/** Its names are the compiler's words where a service has no such thing. */
export interface NamesEffects {
  readonly 'a named effect is of an entity, and its method does not stream': true
}

export interface CancelsEffects {
  readonly 'effects are cancelled by an entity, in a method that does not stream': true
}

export interface AnswersLater {
  readonly 'the reply comes later from an entity, to a method that does not stream': true
}

/** `Note` is never where there is none. */
export interface Asks<Key extends string, Note> {
  readonly asks: Key
  readonly note: Note
}

/** `Reply` is never where the ticket is refused. */
export interface Resolves<Key extends string, Reply> {
  readonly resolves: Key
  readonly reply: Reply
}

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

// Command: a request for one service, as it travels from the ingress to an entity, and the answer that travels back.

import type { Commits } from './commits.ts'
import type { EffectEntry } from './effect.ts'
import type { InnkeeperError } from './errors.ts'
import type { Metadata } from './metadata.ts'
import type { Failure } from './outcome.ts'

/** What the ingress, a forward or an effect hands to the router. */
export interface Command {
  /** Full protobuf name, no leading dot. */
  readonly service: string
  readonly method: string
  /** The request message, protobuf. */
  readonly payload: Uint8Array
  /** What the guest sees: already without transport and credential headers (ingress/headers.ts). */
  readonly metadata: Metadata
  /** From the client (§idempotency-1), or derived from the caller's for a forward. Text of at most 256 characters. */
  readonly idempotencyKey: string | undefined
  /** Milliseconds since 1970 after which nobody waits any more. Infinite for a stream whose client named none. */
  readonly deadlineMs: number
  /** Forwards and effects between the client's call and this one (§effect-10: at most 16). */
  readonly hops: number
  /** Names this call in the log and in what callers are told. */
  readonly requestId: string
  /** The outbox entry that this command delivers, if it is an effect: whoever commits its outcome takes the entry out. */
  readonly effect: EffectEntry | undefined
  /** Of what an effect opened or asked for, but does not deliver itself: the chain of that effect (delivery/chains.ts). */
  readonly chain?: number | undefined
  /** Of a forward: the command that was forwarded. What is a connector to its service is no service of this host. */
  readonly by?: Pick<Command, 'service' | 'metadata'>
  /** Address of the client that sent it; none for effects and forwards. */
  readonly client?: string | undefined
}

/** What a command came to. Called exactly once for each dispatched command, after everything it tells of is durable. */
export type Reply = (answer: Answer) => void

export type Answer = Answered & {
  /** What it tells of: the commits that the call waited for, or the last one of a partition that it read. Left out where it is of none. */
  readonly commits?: Commits | undefined
}

type Answered =
  | { readonly kind: 'reply'; readonly payload: Uint8Array; readonly metadata: Metadata }
  | { readonly kind: 'refusal'; readonly failure: Failure; readonly metadata: Metadata }
  | { readonly kind: 'error'; readonly error: InnkeeperError }

/** The way into the host: the router's entry, handed to the ingress and to effects and forwards.
 *  Never throws; every failure is an answer. */
export type Dispatch = (command: Command, reply: Reply) => void

/** How an answer fails. */
export type Failed = Exclude<Answer, { kind: 'reply' }>

/** Where a streamed answer goes: the client's side of a call whose request or answer is a stream. */
export interface Receiver {
  /** False while what was given has not been taken. A producer that can wait does, until `StreamCall.resume`; one that cannot
   *  (an entity that tells its subscribers) may go on, within a bound of its own. */
  readonly ready: boolean
  /** One element. The metadata of the first one becomes headers, that of later ones is dropped (§metadata-6). Not after `end`.
   *  `commits`: what the stream tells of so far, where that is known. */
  next(payload: Uint8Array, metadata: Metadata, commits?: Commits): void
  /** The last call, exactly once, whatever happens: all is well, or how it failed. Not after `StreamCall.cancel`. */
  end(failed?: Failed, commits?: Commits): void
  /** `StreamCall.item` answered false; now more may come. */
  inputTaken(): void
  /** The host keeps so many bytes more for this stream, or fewer, where negative: outputs that were not given yet, elements that the function has
   *  not taken. Where there is no room for them the stream is ended, but not before this returns. */
  owes(bytes: number): void
}

/** A running streamed call, as the client's side drives it. Nothing here throws; after the end nothing here does anything. */
export interface StreamCall {
  /** One element of a streamed request. False: hold the next one back until `Receiver.inputTaken`. */
  item(payload: Uint8Array): boolean
  /** The client has sent all. */
  halfClose(): void
  /** The client left. `Receiver` hears nothing more. */
  cancel(): void
  /** `Receiver.ready` is true again. */
  resume(): void
}

/** The way into the host for methods that stream. Where the request is one message it is the command's payload; where it is
 *  a stream the payload is empty and elements come by `item`. `receiver` may be called before this returns. */
export type Open = (command: Command, receiver: Receiver) => StreamCall

// Decision: what one command brings, while its handler runs.

import { Bytes } from './bytes'
import { encode, Message } from './message'

/** google.rpc.Code without OK, as wit/types.wit counts it. */
export const enum Code {
  Cancelled,
  Unknown,
  InvalidArgument,
  DeadlineExceeded,
  NotFound,
  AlreadyExists,
  PermissionDenied,
  ResourceExhausted,
  FailedPrecondition,
  Aborted,
  OutOfRange,
  Unimplemented,
  Internal,
  Unavailable,
  DataLoss,
  Unauthenticated,
}

/** A code by its number in google.rpc.Code, 1 to 16. @throws for any other number. */
export function codeOf(number: u32): Code {
  if (number < 1 || number > 16) throw new Error(number.toString() + ' is no code; the codes are 1 to 16')
  return <Code>(number - 1)
}

/** A message as the journal keeps it. */
@final
export class Typed {
  constructor(
    readonly typeName: string,
    readonly data: Bytes,
  ) {}
}

/** A command for another service: target of a forward or an effect. */
@final
export class Call {
  readonly payload: Bytes

  /** `service`: its full name; `method`: as in the .proto. */
  constructor(
    readonly service: string,
    readonly method: string,
    request: Message,
  ) {
    this.payload = encode(request)
  }
}

@final
export class Effect {
  constructor(
    readonly call: Call,
    readonly synchronous: bool,
  ) {}
}

/** A response header: text, or bytes for names that end in `-bin`. */
@final
export class Header {
  constructor(
    readonly name: string,
    readonly value: Bytes,
    readonly binary: bool,
  ) {}
}

@final
export class Refusal {
  readonly details: Typed[] = []

  constructor(
    readonly code: Code,
    readonly message: string,
  ) {}
}

/** What becomes of a value. The numbers are the contract's (wit/value.wit). */
export const enum Change {
  Unchanged,
  Updated,
  Deleted,
}

@final
export class Decision {
  /** Of an event-sourced entity. */
  readonly events: Typed[] = []
  readonly effects: Effect[] = []
  readonly headers: Header[] = []
  refusal: Refusal | null = null
  forward: Call | null = null
  reply: Bytes | null = null
  /** No answer is due: a stream that says nothing. */
  silent: bool = false
  /** A streamed method of a replicated entity keeps its stream open. */
  subscribes: bool = false
  /** A stream ends after this. */
  ends: bool = false
}

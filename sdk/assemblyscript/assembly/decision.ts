// Decision: what one command brings, while its handler runs.

import { Bytes } from './bytes'
import { Effect, Resolution } from './effect'
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
  /** Names of pending effects that are dropped. */
  readonly cancels: string[] = []
  readonly resolves: Resolution[] = []
  refusal: Refusal | null = null
  /** The reply comes when this ticket is resolved. */
  ticket: string | null = null
  /** Seconds that the ticket is open; 0: no limit. */
  withinS: u32 = 0
  forward: Call | null = null
  reply: Bytes | null = null
  /** No answer is due: a stream that says nothing. */
  silent: bool = false
  /** A streamed method of a replicated entity keeps its stream open. */
  subscribes: bool = false
  /** A stream ends after this. */
  ends: bool = false

  /** Who hears an answer, and who gave a ticket, is a method of the service itself: the boundary has no place for others. */
  checkOwn(service: string): void {
    for (let i = 0; i < this.effects.length; i++) {
      const hearing = unchecked(this.effects[i]).__hearing
      if (hearing !== null && hearing.service != service)
        throw new Error(`${service} asks, and ${hearing.service}/${hearing.method} is to hear the answer`)
    }
    for (let i = 0; i < this.resolves.length; i++) {
      const resolution = unchecked(this.resolves[i])
      if (resolution.service != service)
        throw new Error(`${service} resolves a ticket of ${resolution.service}/${resolution.method}`)
    }
  }

  /** Or what the host refuses where there is no entity. */
  get hasEffects(): bool {
    return this.effects.length > 0 || this.cancels.length > 0 || this.resolves.length > 0
  }

  /** A refusal of an entity brings nothing else (law L3). */
  undo(): void {
    this.effects.length = 0
    this.cancels.length = 0
    this.resolves.length = 0
  }
}

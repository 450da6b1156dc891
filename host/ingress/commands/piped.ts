// Piped: one pipelined command, from its frame to its answer: what was asked, the call that the door makes a command of, and who is answered. One
// object for all three.
//
// Leaves to others: when it is handed over, and its answer (pipe.ts).

import type { Answer } from '../../command.ts'
import type { Metadata } from '../../metadata.ts'
import type { MethodType } from '../../schema/schema.ts'
import type { Service } from '../../services.ts'
import type { Caller } from '../door.ts'
import type { Draft, PlainCall } from '../plain-call.ts'
import type { Asked, Id } from './frames.ts'

/** What all commands of a stream have in common. */
export interface Piping {
  readonly requestId: string
  readonly client: string
  readonly metadata: Metadata
  answered(command: Piped, answer: Answer): void
}

/** The frame that a command came in. */
export interface Origin {
  readonly bytes: number
  /** Commands of it without an answer. */
  left: number
  /** When its last byte came: of `performance.now()`, and in milliseconds since 1970. */
  readonly cameMs: number
  readonly nowMs: number
}

const nothing: Uint8Array = new Uint8Array(0)

export class Piped implements Asked, PlainCall, Caller {
  id: Id = 0
  service = ''
  method = ''
  payload = nothing
  json: string | undefined = undefined
  idempotencyKey: string | undefined = undefined
  waitMs = 0
  origin: Origin | undefined = undefined
  deadlineMs = 0
  /** Once it was found. */
  target: Service | undefined = undefined
  type: MethodType | undefined = undefined
  /** Once it was admitted. */
  draft: Draft | undefined = undefined
  /** It has its answer, or nobody waits for it. */
  over = false
  private readonly piping: Piping

  constructor(piping: Piping) {
    this.piping = piping
  }

  get streamed(): boolean {
    return false
  }

  get metadata(): Metadata {
    return this.piping.metadata
  }

  get metadataName(): 'metadata' {
    return 'metadata'
  }

  /** Of its stream, and its own id. */
  get requestId(): string {
    return `${this.piping.requestId}.${this.id}`
  }

  get client(): string {
    return this.piping.client
  }

  get startedMs(): number {
    return this.origin!.cameMs
  }

  get wholeMs(): number {
    return this.origin!.cameMs
  }

  answered(answer: Answer): void {
    this.piping.answered(this, answer)
  }
}

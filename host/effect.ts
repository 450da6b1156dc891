// Effect entry: a side effect on its way: what the outbox keeps of it, and what the command that delivers it carries.

import type { AnswerTo, Call } from './outcome.ts'

/** Whose commit caused an effect: the entity's record of that revision. Of an action's effect the entity is empty, and the revision 0. */
export interface Cause {
  readonly service: string
  readonly entity: string
  readonly revision: number
}

/** An entity by where its data lies (journal.ts has the same). */
interface Sender {
  readonly storage: number
  readonly key: string
}

/** Where the answer of an effect goes. */
export interface Asked extends AnswerTo {
  /** Hops of the command that asked: the answer has as many, so that a saga may have any length. */
  readonly hops: number
}

/** That an effect leaves the host: its service is a connector. */
export interface Outward {
  /** The service whose .proto says so: the one that the grant is for. */
  readonly by: string
  /** Of all its tries, so that the provider carries it out once. */
  readonly key: string
  /** A try may have been carried out. */
  readonly unsure: boolean
  /** Of the command that sent it. */
  readonly traceparent?: string
}

/** An effect on its way. */
export interface EffectEntry {
  /** Monotonic: the order in which effects were caused. The enqueuer assigns it, from `nextOutboxId`. */
  readonly id: number
  readonly cause: Cause
  readonly call: Call
  readonly synchronous: boolean
  /** Id of the first effect of its chain; 0, of older hosts: it is a chain of its own. */
  readonly chain: number
  /** How manieth of its chain it is. */
  readonly place: number
  /** How many effects its chain had when this was written: so a restart knows (delivery/chains.ts). */
  readonly chainEffects: number
  readonly hops: number
  readonly attempts: number
  /** Why it was parked; set when automatic retries stop. */
  readonly parked: string | undefined
  /** The entity that sent it, where it has a name or an answer, or is pending. */
  readonly from?: Sender
  /** Unique among what its entity has pending. */
  readonly name?: string
  readonly answer?: Asked
  /** When it is due, in milliseconds since 1970. Not there: it was due at once. */
  readonly dueMs?: number
  /** Until when the answer must have come, in milliseconds since 1970. */
  readonly untilMs?: number
  /** The entity that is given the command, whatever its payload names: it is an answer. */
  readonly to?: Sender
  readonly outward?: Outward
  /** Of a forward that an entry of another partition became: the id that it had there. Not stored. */
  readonly was?: number
}

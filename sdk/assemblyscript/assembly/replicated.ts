// Replicated services: the base of generated ones.

import { Bytes } from './bytes'
import { Context } from './context'
import { Consistency, Draft, Place, View } from './crdt'
import { Kind, Service } from './service'

/** Without the kind of its value: what the component calls. */
export abstract class ReplicatedService extends Service {
  __kind(): Kind {
    return Kind.Replicated
  }

  abstract __open(draft: Draft): void
  /** What a decision without operations writes where there is no value. */
  abstract __begin(): void
  /** What the subscriber of a method, which opened it with these bytes, is told of a change. */
  abstract __changed(method: Bytes, request: Bytes, context: Context): void
  abstract __cancelled(method: Bytes, request: Bytes, context: Context): void
  /** Elements or keys that a method declared dynamic needs to see. */
  abstract __reads(method: Bytes, request: Bytes): Bytes[]
}

/** A service whose entities are replicated; `V` is the kind of their value, such as `ORMap<PNCounter>`. */
export abstract class Replicated<V extends View> extends ReplicatedService {
  private draft: Draft | null = null
  private opened: V | null = null

  /** The value. Its operations count at once: what is read afterwards is the value after them. */
  get view(): V {
    return this.opened as V
  }

  /** Delete the entity, for good. Operations of the same command come first: the reply and subscribers see them. */
  remove(): void {
    this.draft!.removed = true
  }

  /** How far the changes of this command must be written before its answer. */
  consistency(consistency: Consistency): void {
    this.draft!.consistency = consistency
  }

  __open(draft: Draft): void {
    this.draft = draft
    this.opened = instantiate<V>(new Place(draft, null, Bytes.empty()))
  }

  __begin(): void {
    this.view.__begin()
  }
}

// Event-sourced services: the base of generated ones.
//
// E1. An event is encoded, then folded into the state, at once: what follows sees the state after it.

import { Bytes } from './bytes'
import { Typed } from './decision'
import { decode, encode, Message } from './message'
import { Kind, Service } from './service'

/** Without the type of its state: what the component calls. */
export abstract class EventSourcedService extends Service {
  /** Of the command that is decided. */
  __events: Typed[] = []

  __kind(): Kind {
    return Kind.EventSourced
  }

  /** Take a state: the one that was encoded, or null for the initial one. Bytes that are no state trap. */
  abstract __load(state: Bytes | null): void
  abstract __save(): Bytes
  /** Fold an event that was just made. */
  abstract __apply(event: Message): void
  /** Fold an event of the journal. One that the service does not know traps: the entity is stuck until a version does. */
  abstract __replay(typeName: Bytes, data: Bytes): void
}

/** A service whose state is a message: it begins with all defaults, and tools can show it. */
export abstract class EventSourced<S extends Message> extends EventSourcedService {
  /** Changed only by the `on...` methods, which fold events. */
  state: S = instantiate<S>()

  /** An event of this command: `this.emit(Added.of(amount))`. The service's `on...` for it runs before this returns. */
  emit(event: Message): void {
    this.__events.push(new Typed(event.__typeName(), encode(event)))
    this.__apply(event)
  }

  __stateType(): string | null {
    return this.state.__typeName()
  }

  __load(state: Bytes | null): void {
    this.state = instantiate<S>()
    if (state !== null && decode(this.state, state) !== null) throw new Error('these bytes are no state')
  }

  __save(): Bytes {
    return encode(this.state)
  }
}

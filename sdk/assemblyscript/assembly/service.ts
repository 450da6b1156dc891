// Service: the base of generated services, and the list of those that a component serves.
//
// S1. A service object holds one state at a time, that of the entity whose call runs; each call begins by setting it.

import { Bytes } from './bytes'
import { Context } from './context'
import { decode, encode, Message } from './message'

export class Options {
  /** The name that stored data hangs on. Default: the service's full name. */
  persistenceId: string | null = null
  /** Events between two snapshots; 0: the host's default; a negative number: never. */
  snapshotEvery: i32 = 0
  /** Idle time after which an entity leaves the memory; 0: the host's default. */
  passivateAfterMs: u32 = 0
  /** Declare one if new code reads the states that the old code wrote. Default: every build has its own. */
  stateVersion: string | null = null
  /** Request headers that handlers want to see, besides `ce-*` and `x-*`. Lower case. */
  headers: string[] = []
}

export abstract class Service {
  __options: Options = new Options()

  abstract __name(): string
  abstract __stateType(): string
  /** Take a state: the one that was encoded, or null for the initial one. Bytes that are no state trap. */
  abstract __load(state: Bytes | null): void
  abstract __save(): Bytes
  abstract __decide(method: Bytes, context: Context): void
  /** Fold an event that was just made. */
  abstract __apply(event: Message): void
  /** Fold an event of the journal. One that the service does not know traps: the entity is stuck until a version does. */
  abstract __replay(typeName: Bytes, data: Bytes): void
}

/** A service whose state is a message: it begins with all defaults, and tools can show it. */
export abstract class EventSourced<S extends Message> extends Service {
  /** Changed only by the `on...` methods, which fold events. */
  state: S = instantiate<S>()

  __stateType(): string {
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

export const services: Service[] = []

/** Have the component serve this. At module level, once for each service. */
export function serve(service: Service, options: Options = new Options()): void {
  service.__options = options
  services.push(service)
}

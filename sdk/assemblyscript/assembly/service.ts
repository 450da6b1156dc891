// Service: what services of all kinds have in common, and the list of those that a component serves.
//
// S1. A service object holds the state of the entity whose call runs, and no other; each call begins by setting it.

import { Bytes } from './bytes'
import { Context } from './context'
import { Method } from './method'

/** Numbers of the contract (wit/about.wit). */
export const enum Kind {
  EventSourced,
  Value,
  Replicated,
  Action,
}

/** What a method of a replicated entity sees of the value. Default: all. */
@final
export class MethodView {
  private constructor(
    readonly method: string,
    readonly scope: u8,
    readonly field: string,
  ) {}

  /** Nothing but the size of a set or a map. `method`: as in the .proto. */
  static nothing(method: string): MethodView {
    return new MethodView(method, 1, '')
  }

  /** The element or key that a field of the request names; the field as in the .proto. */
  static element(method: string, field: string): MethodView {
    return new MethodView(method, 2, field)
  }

  /** The elements or keys that the service's `...Reads` gives. */
  static dynamic(method: string): MethodView {
    return new MethodView(method, 3, '')
  }
}

export class Options {
  /** The name that stored data hangs on. Default: the service's full name. */
  persistenceId: string | null = null
  /** Events between two snapshots; 0: the host's default; a negative number: never. */
  snapshotEvery: i32 = 0
  /** Idle time after which an entity leaves the memory; 0: the host's default. */
  passivateAfterMs: u32 = 0
  /** Declare one if new code reads the states that the old code wrote. Default: every build has its own. */
  stateVersion: string | null = null
  /** Request headers that handlers want to see, besides `ce-*`, `x-*` and `traceparent`. Lower case. */
  headers: string[] = []
  /** Of a replicated service: what its methods see. */
  views: MethodView[] = []
}

export abstract class Service {
  __options: Options = new Options()
  /** Full names of the event types that it folds, sorted. The build finds them. */
  __folds: string[] = []

  abstract __name(): string
  abstract __kind(): Kind
  abstract __methods(): Method[]
  /** Call the handler of a method. */
  abstract __decide(method: Bytes, payload: Bytes, context: Context): void

  __stateType(): string | null {
    return null
  }
}

export const services: Service[] = []

/** Have the component serve this. At module level, once for each service. */
export function serve(service: Service, options: Options = new Options()): void {
  service.__options = options
  services.push(service)
}

/** For the build: the event types that a service folds. */
export function folds(service: string, events: string[]): void {
  for (let i = 0; i < services.length; i++) if (services[i].__name() == service) services[i].__folds = events
}

export function serviceNamed(name: Bytes): Service {
  for (let i = 0; i < services.length; i++) {
    const service = unchecked(services[i])
    if (name.is(service.__name())) return service
  }
  throw new Error('the host asks only for services that were described')
}

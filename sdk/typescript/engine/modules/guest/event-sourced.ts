// Event-sourced services in the engine, which runs them itself: there is no function for the component to call.

import type { EventSourced } from '../../../event-sourced.ts'
import { native } from '../native.ts'
import { nativeMethods } from '../native-methods.ts'

const kind = 0

export function eventSourcedExports(definitions: readonly EventSourced[]): object {
  const services = definitions.map(({ service, state, decide, evolve }) => {
    const events = Object.entries(evolve).map(([key, fold]) => [service.messages[key], fold] as const)
    return [service.typeName, nativeMethods(service, decide), events, state] as const
  })
  native.services(kind, services)
  return {}
}

// Describe: what a component says of itself (wit/about.wit), lifted and bounded.
//
// D1. Every list has a bound, and the whole answer the budget of a call; what the words mean is checked by deployment.
//
// Owns: the call and its layout.   link/describe-check.ts, deploy/validate.ts own: whether the answer can be served.

import type { Limits } from '../limits.ts'
import type { Description, ServiceDescription, ServiceKind, ViewDescription, ViewScope, ViewSource } from './about.ts'
import { sizes } from './layout.ts'
import { Lift, liftNames } from './lift.ts'
import type { GuestMemory } from './memory.ts'

export const servicesMax = 256
export const methodsMax = 1_024
export const headersMax = 64
export const eventsMax = 10_000
export const sourcesMax = 64

export const kinds: readonly ServiceKind[] = ['event-sourced', 'value', 'replicated', 'action']

type Run = (...parameters: number[]) => number | undefined

/** What is asked: an instance, on the fuel that it has left (instance.ts), or a core that a build has just made. */
interface Describing {
  readonly memory: GuestMemory
  function(name: 'about', functionName: 'describe'): { readonly run: Run; readonly after: Run | undefined }
  call(run: Run, ...parameters: number[]): number
}

/** Ask a component for its description. @throws GuestFault */
export function describe(instance: Describing, limits: Limits): Description {
  const guest = instance.function('about', 'describe')
  const lift = new Lift(instance.memory, limits)
  lift.begin()
  const pointer = instance.call(guest.run)
  const description = liftDescription(lift, lift.root(pointer, sizes.description))
  if (guest.after !== undefined) instance.call(guest.after, pointer)
  return description
}

function liftDescription(lift: Lift, at: number): Description {
  const services = lift.list(at + 16, sizes.service, servicesMax, 'services')
  return {
    sdkName: lift.name(at, 'sdk-name'),
    sdkVersion: lift.name(at + 8, 'sdk-version'),
    services: Array.from({ length: services.count }, (_, i) => liftService(lift, services.at + i * sizes.service)),
    descriptors: lift.bytes(at + 24, lift.limits.guestResultBytesMax, 'descriptors'),
    viewServices: liftViewServices(lift, at + 32),
  }
}

function liftViewServices(lift: Lift, at: number): readonly ViewDescription[] {
  const views = lift.list(at, sizes.viewService, servicesMax, 'view-services')
  return Array.from({ length: views.count }, (_, i) => {
    const viewAt = views.at + i * sizes.viewService
    const sources = lift.list(viewAt + 16, sizes.source, sourcesMax, 'sources')
    return {
      name: lift.name(viewAt, 'the name of a view'),
      rowType: lift.name(viewAt + 8, 'row-type'),
      sources: Array.from({ length: sources.count }, (_, k) => liftSource(lift, sources.at + k * sizes.source)),
    }
  })
}

function liftSource(lift: Lift, at: number): ViewSource {
  return {
    service: lift.name(at, 'the service of a source'),
    kind: kinds[lift.case(at + 8, kinds.length, 'kind')]!,
    types: liftNames(lift, at + 12, eventsMax, 'types'),
  }
}

function liftService(lift: Lift, at: number): ServiceDescription {
  const { nameLengthMax } = lift.limits
  const views = lift.list(at + 64, sizes.methodView, methodsMax, 'views')
  return {
    name: lift.name(at, 'the name of a service'),
    kind: kinds[lift.case(at + 8, kinds.length, 'kind')]!,
    persistenceId: lift.optionalText(at + 12, nameLengthMax, 'persistence-id'),
    snapshotEvery: lift.memory.u32(at + 24) | 0,
    passivateAfterMs: lift.memory.u32(at + 28),
    stateType: lift.optionalText(at + 32, nameLengthMax, 'state-type'),
    stateVersion: lift.optionalText(at + 44, nameLengthMax, 'state-version'),
    headers: liftNames(lift, at + 56, headersMax, 'headers'),
    views: Array.from({ length: views.count }, (_, i) => {
      const viewAt = views.at + i * sizes.methodView
      return { method: lift.name(viewAt, 'the method of a view'), view: liftView(lift, viewAt + 8) }
    }),
    events: liftNames(lift, at + 72, eventsMax, 'events'),
  }
}

function liftView(lift: Lift, at: number): ViewScope {
  switch (lift.case(at, 4, 'view')) {
    case 0:
      return { kind: 'all' }
    case 1:
      return { kind: 'nothing' }
    case 2:
      return { kind: 'element', field: lift.name(at + 4, 'the field of a view') }
    default:
      return { kind: 'dynamic' }
  }
}

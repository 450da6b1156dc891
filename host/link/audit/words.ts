// Words: what a component is said to say of itself, field by field, within the bounds of the contract (guest/describe.ts).
//
// Owns: form and size.   describe-check.ts owns: what can be said against it.

import type { Description, ServiceDescription, ServiceKind, ViewDescription, ViewScope } from '../../guest/about.ts'
import { eventsMax, headersMax, kinds, methodsMax, servicesMax, sourcesMax } from '../../guest/describe.ts'
import type { StoredSourceMap } from '../../guest/fault-text.ts'
import type { Limits } from '../../limits.ts'
import { isSourceMap, sourceMapBytesMax } from '../source-map.ts'
import { Forged, list, optionalText, record, text, whole } from './forged.ts'

/** Made anew from what was said. @throws Forged */
export function auditDescription(said: unknown, descriptors: Uint8Array, limits: Limits): Description {
  const { sdkName, sdkVersion, services, viewServices } = record(said, 'the description')
  const { nameLengthMax } = limits
  return {
    sdkName: text(sdkName, nameLengthMax, 'sdk-name'),
    sdkVersion: text(sdkVersion, nameLengthMax, 'sdk-version'),
    services: list(services, servicesMax, 'the list of services').map((service) =>
      auditService(service, nameLengthMax),
    ),
    descriptors,
    viewServices: list(viewServices, servicesMax, 'view-services').map((view) => auditView(view, nameLengthMax)),
  }
}

function auditView(said: unknown, nameMax: number): ViewDescription {
  const { name, rowType, sources } = record(said, 'a view')
  return {
    name: text(name, nameMax, 'the name of a view'),
    rowType: text(rowType, nameMax, 'row-type'),
    sources: list(sources, sourcesMax, 'sources').map((source) => {
      const { service, kind, types } = record(source, 'a source')
      return {
        service: text(service, nameMax, 'the service of a source'),
        kind: kindOf(kind, 'a source'),
        types: list(types, eventsMax, 'types').map((type) => text(type, nameMax, 'types')),
      }
    }),
  }
}

function kindOf(said: unknown, of: string): ServiceKind {
  const kind = kinds.find((one) => one === said)
  if (kind === undefined) throw new Forged(`the kind of ${of} is none`)
  return kind
}

function auditService(said: unknown, nameMax: number): ServiceDescription {
  const service = record(said, 'a service')
  const names = (field: string, most: number): string[] =>
    list(service[field], most, field).map((name) => text(name, nameMax, field))
  return {
    name: text(service['name'], nameMax, 'the name of a service'),
    kind: kindOf(service['kind'], 'a service'),
    persistenceId: optionalText(service['persistenceId'], nameMax, 'persistence-id'),
    snapshotEvery: whole(service['snapshotEvery'], -(2 ** 31), 2 ** 31 - 1, 'snapshot-every'),
    passivateAfterMs: whole(service['passivateAfterMs'], 0, 2 ** 32 - 1, 'passivate-after-ms'),
    stateType: optionalText(service['stateType'], nameMax, 'state-type'),
    stateVersion: optionalText(service['stateVersion'], nameMax, 'state-version'),
    headers: names('headers', headersMax),
    views: list(service['views'], methodsMax, 'views').map((view) => {
      const { method, view: scope } = record(view, 'a view')
      return { method: text(method, nameMax, 'the method of a view'), view: auditScope(scope, nameMax) }
    }),
    events: names('events', eventsMax),
  }
}

function auditScope(said: unknown, nameMax: number): ViewScope {
  const { kind, field } = record(said, 'what a view shows')
  switch (kind) {
    case 'all':
    case 'nothing':
    case 'dynamic':
      return { kind }
    case 'element':
      return { kind, field: text(field, nameMax, 'the field of a view') }
    default:
      throw new Forged('what a view shows is none')
  }
}

/** @throws Forged */
export function auditSourceMap(said: unknown): StoredSourceMap | undefined {
  if (said === undefined) return undefined
  if (!isSourceMap(said)) throw new Forged('the source map is none')
  const { file, sources, mappings } = said
  const length = mappings.length + sources.reduce((sum, source) => sum + source.length, 0)
  if (length > sourceMapBytesMax) throw new Forged('the source map is too large')
  return { file, sources: [...sources], mappings }
}

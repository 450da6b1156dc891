// Make services: what the router and the entities know of a deployment, made from its artefact.
//
// Leaves to others: whether it may be served (validate.ts), when (deploy.ts).

import type { DeployedService, Deployment } from '../catalog/catalog.ts'
import { InnkeeperError } from '../errors.ts'
import type { ServiceDescription } from '../guest/about.ts'
import type { LoadedGuest } from '../guest/load.ts'
import type { Limits } from '../limits.ts'
import { keyReader } from '../schema/entity-key.ts'
import type { Schema, ServiceType } from '../schema/schema.ts'
import type { Method, Service } from '../services.ts'
import { methodView } from './methods.ts'
import { makeView, viewsOf } from './views.ts'

/** All services of a deployment, which has this place among those of other components. @throws Error where the artefact is not the deployment's */
export function makeServices(
  { services, number }: Pick<Deployment, 'services' | 'number'>,
  guest: LoadedGuest,
  schema: Schema,
  limits: Limits,
  place: number,
): Service[] {
  const tables = viewsOf(guest.artefact, schema)
  return services.map((deployed) => {
    if (deployed.kind === 'view') return makeView(deployed, tables, guest, schema, number, place)
    const description = guest.artefact.description.services.find(({ name }) => name === deployed.name)
    const type = schema.services.get(deployed.name)
    const service =
      description && type && makeService(deployed, description, type, schema, guest, number, place, limits)
    if (service === undefined) throw new Error(`${deployed.name} is not in its component`)
    return service
  })
}

function makeService(
  deployed: DeployedService,
  description: ServiceDescription,
  type: ServiceType,
  schema: Schema,
  guest: LoadedGuest,
  deployment: number,
  place: number,
  { entityKeyBytesMax }: Limits,
): Service | undefined {
  const { kind } = description
  const methods = new Map<string, Method>()
  for (const method of type.methods.values()) {
    const where = `${deployed.name}/${method.name}`
    const keyOf =
      kind === 'action'
        ? () => ''
        : method.answers === undefined
          ? keyReader(method.input, where, entityKeyBytesMax)
          : noKey(where)
    methods.set(method.name, { type: method, keyOf, view: methodView(description, method) })
  }
  const common = {
    name: deployed.name,
    type,
    schema,
    description,
    storage: deployed.storage,
    persistenceId: deployed.persistenceId,
    deployment,
    place,
    stateVersion: stateVersionOf(description, guest.artefact.hash),
    keyFieldCount: keyFieldCount(deployed),
    methods,
  }
  switch (kind) {
    case 'event-sourced':
      return guest.eventSourced && { ...common, kind, guest: guest.eventSourced }
    case 'value':
      return guest.value && { ...common, kind, guest: guest.value }
    case 'replicated':
      return guest.replicated && { ...common, kind, guest: guest.replicated }
    case 'action':
      return guest.action && { ...common, kind, guest: guest.action }
  }
}

/** What hears an answer is given it by the host, which knows the entity. */
function noKey(where: string): Method['keyOf'] {
  return () => {
    throw new InnkeeperError('bad_request', `${where} hears answers: only the host calls it, for the entity that asked`)
  }
}

/** Snapshots of another version are not used: without a word of its own, each build has another. */
export function stateVersionOf({ stateVersion }: ServiceDescription, contentHash: string): string {
  return stateVersion ?? contentHash
}

export function keyFieldCount({ keyFields }: Pick<DeployedService, 'keyFields'>): number {
  return Object.values(keyFields)[0]?.length ?? 1
}

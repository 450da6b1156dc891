// Models: the model of each kind of entity, with what it is given. What all entities of one version of a service share is made once.

import type { EntityService } from '../services.ts'
import type { EntityContext } from './context.ts'
import { type EventSourcedContext, EventSourcedModel } from './event-sourced.ts'
import type { MakeModel } from './model.ts'
import { ReplicatedModel } from './replicated/replicated.ts'
import { type ValueContext, ValueModel } from './value.ts'

type Kept = Exclude<EntityService, { kind: 'replicated' }>

/** By partition and version. */
const shared = new WeakMap<EntityContext, WeakMap<Kept, EventSourcedContext | ValueContext>>()

/** @throws InnkeeperError `storage_unavailable`, `data_damaged` */
export const makeModel: MakeModel = (context, service, one) => {
  switch (service.kind) {
    case 'value':
      return new ValueModel(sharedBy(context, service) as ValueContext, one)
    case 'event-sourced':
      return new EventSourcedModel(sharedBy(context, service) as EventSourcedContext, one)
    case 'replicated': {
      const { journal, limits, clock, replicas, subscriptionId } = context
      const cost = context.costOf(service)
      return new ReplicatedModel({
        journal,
        entity: one.entity,
        id: one.id,
        service,
        limits,
        clock,
        cost,
        replicas,
        subscriptionId,
      })
    }
  }
}

function sharedBy(context: EntityContext, service: Kept): EventSourcedContext | ValueContext {
  let services = shared.get(context)
  if (services === undefined) {
    services = new WeakMap()
    shared.set(context, services)
  }
  let parts = services.get(service)
  if (parts === undefined) {
    parts = partsOf(context, service)
    services.set(service, parts)
  }
  return parts
}

function partsOf(context: EntityContext, service: Kept): EventSourcedContext | ValueContext {
  const { journal, limits, metrics, settings, clock } = context
  const { name, deployment } = service
  const [cost, batch] = [context.costOf(service), context.batchOf(service)]
  const parts = { journal, limits, clock, service: name, deployment, cost, batch }
  if (service.kind === 'value') return { ...parts, guest: service.guest, history: settings.valueHistory }
  const recorder = metrics.of(name)
  const { snapshotEvery } = service.description
  return {
    ...parts,
    guest: service.guest,
    stateVersion: service.stateVersion,
    replayed: recorder.replayed,
    snapshotEvery: snapshotEvery === 0 ? settings.snapshotEvery : snapshotEvery,
    snapshotTaken: recorder.snapshot,
    snapshotLoaded: recorder.snapshotLoaded,
  }
}

// Models: the model of each kind of entity, with what it is given.

import { EventSourcedModel } from './event-sourced.ts'
import type { MakeModel } from './model.ts'
import { ReplicatedModel } from './replicated/replicated.ts'
import { ValueModel } from './value.ts'

/** @throws InnkeeperError `storage_unavailable`, `data_damaged` */
export const makeModel: MakeModel = ({ context, service, entity, id }) => {
  const { journal, limits, metrics, settings, clock } = context
  const { name, deployment } = service
  const cost = context.costOf(service)
  const parts = { journal, limits, clock, service: name, id, entity, deployment, cost }
  switch (service.kind) {
    case 'value':
      return new ValueModel({
        ...parts,
        guest: service.guest,
        batch: context.batchOf(service),
        history: settings.valueHistory,
      })
    case 'event-sourced': {
      const recorder = metrics.of(name)
      const { snapshotEvery } = service.description
      return new EventSourcedModel({
        ...parts,
        guest: service.guest,
        batch: context.batchOf(service),
        stateVersion: service.stateVersion,
        replayed: recorder.replayed,
        snapshotEvery: snapshotEvery === 0 ? settings.snapshotEvery : snapshotEvery,
        snapshotTaken: recorder.snapshot,
        snapshotLoaded: recorder.snapshotLoaded,
      })
    }
    case 'replicated': {
      const { replicas, subscriptionId } = context
      return new ReplicatedModel({ journal, entity, id, service, limits, clock, cost, replicas, subscriptionId })
    }
  }
}

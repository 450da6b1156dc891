// Outbox of a host: where effects go, and what is asked of services on their way.
//
// Leaves to others: the outbox (delivery/outbox.ts), what a host is made of (core.ts).

import type { Core } from './core.ts'
import { goesToItself, laneOf } from './delivery/itself.ts'
import { Outbox } from './delivery/outbox.ts'
import { commandTarget } from './delivery/targets/command.ts'
import { targets } from './outbound.ts'
import { notServed } from './services.ts'

type Parts = Pick<
  Core,
  'store' | 'commits' | 'metrics' | 'services' | 'dispatch' | 'clock' | 'log' | 'config' | 'outbound'
>

export function makeOutbox(parts: Parts): Outbox {
  const { store, commits, metrics, services, dispatch, clock, log, config, outbound } = parts
  const command = commandTarget({
    ...{ dispatch, clock },
    unserved: (service) => (services.current.unserved.has(service) ? notServed(service).message : undefined),
    deployed: (service) => services.get(service) !== undefined,
  })
  return new Outbox({
    ...{ clock, limits: config.limits, log },
    target: targets(command, outbound.target),
    outward: outbound.outward,
    partitions: store.journals.map((journal, index) => ({ journal, commits: commits.of(index) })),
    toItself: (entry) => goesToItself(services, entry),
    lane: (entry) => laneOf(services, entry),
    // What an entity decides is one commit with the end of the entry; what an action began, or what left the host, is not known.
    mayHaveHappened: ({ call, outward }) => outward !== undefined || services.get(call.service)?.kind === 'action',
    delivered: (service) => metrics.of(service).effectDelivered(),
    parked: (service) => metrics.of(service).effectParked(),
  })
}

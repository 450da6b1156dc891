// A keeper of a partition in which nothing is pending, and no ticket is open.

import { Keeper } from '../../host/delivery/keeper.ts'
import type { Outbox } from '../../host/delivery/outbox.ts'
import type { Pending } from '../../host/delivery/pending.ts'
import type { Tickets } from '../../host/delivery/tickets.ts'
import type { Joining } from '../../host/journal/group-commit.ts'

const nothing = () => {}

export function keeperOf(outbox: Outbox, commits: Joining, partition = 0): Keeper {
  const hears = { joined: nothing, write: nothing, committed: nothing, parted: nothing, left: nothing }
  const pending = {
    ...hears,
    admits: () => true,
    admitsTickets: () => true,
    joinedTickets: nothing,
    named: () => undefined,
  } as unknown as Pending
  const tickets = { ...hears, nowMs: 0, ticketMs: 0, find: () => undefined } as unknown as Tickets
  return new Keeper(outbox, pending, tickets, commits, partition, { lastCommit: () => 0 })
}

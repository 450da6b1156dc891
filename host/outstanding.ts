// Outstanding: calls that go to a method of a service some time: what is due later, asks whose answer has not come, tickets. For deployments.
//
// Owns: the count.   deploy/answers.ts owns: what it means.

import type { Outbox } from './delivery/outbox.ts'
import type { Partition } from './partition.ts'
import type { Services } from './services.ts'

interface OutstandingParts {
  readonly outbox: Pick<Outbox, 'list'>
  readonly partitions: readonly Partition[]
  readonly services: Services
}

/** Of each partition so many are counted. */
const countedMax = 1_000

/** By method, what and how many. */
export function outstandingOf(
  { outbox, partitions, services }: OutstandingParts,
  service: string,
): ReadonlyMap<string, Readonly<Record<string, number>>> {
  const found = new Map<string, Record<string, number>>()
  const add = (method: string, what: string, count: number) => {
    const counts = found.get(method) ?? {}
    counts[what] = (counts[what] ?? 0) + count
    found.set(method, counts)
  }
  const unanswered = 'asked and not answered yet'
  for (const { cause, answer } of outbox.list())
    if (answer !== undefined && cause.service === service) add(answer.method, unanswered, 1)
  const storage = services.get(service)?.storage
  for (const { pending, tickets } of partitions) {
    for (const [method, count] of pending.targets(service)) add(method, 'due later', count)
    for (const method of tickets.hearing(service, countedMax)) add(method, unanswered, 1)
    if (storage === undefined) continue
    for (const { ticket } of tickets.page(storage, undefined, countedMax).tickets)
      add(ticket.method, 'with an open ticket', 1)
  }
  return found
}

// Waking: entities that were left with open streams hear that the clients are gone (§subscription-7): each finds that when it is loaded.
//
// W1. Some a turn of the loop, however many there are.
// W2. Only where the function may run: a service that is served again later wakes its own then.
//
// Owns: finding them.   replicated/leaving.ts owns: what they hear.

import { type Clock, nextTurn } from '../clock.ts'
import type { EntityRef, Journal, StorageId } from '../journal/journal.ts'
import type { ReplicatedService } from '../services.ts'

/** Woken in one turn of the loop. */
export const wakeMax = 100

/** `keepers`: by storage id, those whose functions may run. */
export async function wakeSubscribed(
  journals: readonly Pick<Journal, 'subscribed'>[],
  keepers: ReadonlyMap<StorageId, ReplicatedService>,
  wake: (service: ReplicatedService, entity: EntityRef) => void,
  stopped: () => boolean,
  clock: Clock,
): Promise<void> {
  for (const journal of journals) {
    for (let last: EntityRef | undefined; !stopped(); ) {
      const page = journal.subscribed(last, wakeMax)
      for (const entity of page) {
        const service = keepers.get(entity.storage)
        if (service !== undefined) wake(service, entity)
      }
      if (page.length < wakeMax) break
      last = page.at(-1)
      await nextTurn(clock)
    }
  }
}

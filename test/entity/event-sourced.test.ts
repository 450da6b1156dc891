// Guards when snapshots are taken, by what they cost and what they spare.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { nothingStanding } from '../../host/delivery/standing.ts'
import { EventSourcedModel } from '../../host/entity/event-sourced.ts'
import type { Waiting } from '../../host/entity/mailbox.ts'
import { ReadingCost } from '../../host/entity/reading-cost.ts'
import type { Basis, Decided, EventSourcedGuest, Evolved, GuestCommand } from '../../host/guest/guest.ts'
import type { Batch } from '../../host/journal/journal.ts'
import { defaultLimits } from '../../host/limits.ts'
import { says } from '../support/replicated-model.ts'
import { memoryStore } from '../support/store.ts'

const entity = { storage: 1, key: 'e' }
const eventBytes = 1_000

/** A function with a state of one size, that answers each command with an event. */
function guestOf(stateBytes: number): EventSourcedGuest {
  const held = (wantState: boolean): Extract<Evolved, { kind: 'held' }> => ({
    ...{ kind: 'held', token: 1, sizeMax: stateBytes, bytes: wantState ? new Uint8Array(stateBytes) : undefined },
  })
  return {
    generation: 0,
    lastCall: { used: 0, given: 1 },
    decide(_service: string, _entity: string, _basis: Basis, commands: readonly GuestCommand[]): Decided {
      const event = { typeName: 'Added', data: new Uint8Array(eventBytes) }
      const decisions = commands.map(() => ({ events: [event], change: undefined, outcome: says('ok') }))
      return { kind: 'decided', decisions, next: held(false) }
    },
    evolve: (_service, _entity, _basis, _events, wantState) => held(wantState),
    drop() {},
  }
}

/** For each of so many commands, one a batch: whether a snapshot was taken after it. */
function snapshots(stateBytes: number, commands: number): readonly boolean[] {
  const { journal } = memoryStore()
  let taken = 0
  const model = new EventSourcedModel(
    {
      ...{ guest: guestOf(stateBytes), journal, limits: defaultLimits, cost: new ReadingCost(defaultLimits) },
      ...{ service: 's', stateVersion: 'v', deployment: 1, batch: { commands: 64, took() {} } },
      ...{ clock: { steady: () => 0 }, replayed() {}, snapshotLoaded() {}, snapshotEvery: 1 },
      snapshotTaken: () => {
        taken += 1
      },
    },
    { id: 'e', entity },
  )
  return Array.from({ length: commands }, () => {
    const before = taken
    while (!model.ready) model.step()
    const common = { stream: undefined, client: undefined, arrivedMs: 0, abandoned: false } as const
    const command = {
      ...{ service: 's', method: 'M', payload: new Uint8Array(), metadata: [], idempotencyKey: undefined },
      ...{ deadlineMs: 0, hops: 0, requestId: 'r', effect: undefined },
    }
    const line: Waiting[] = [{ kind: 'command', command, reply: () => {}, ...common }]
    const nothing = (): never => assert.unreachable() as never
    const plan = model.plan({
      ...{ nowMs: 1, ageMs: 1, places: { next: nothing, outward: () => undefined, owns: () => true, moved: nothing } },
      standing: nothingStanding,
      ...{ next: () => line.shift(), seed: () => new Uint8Array(16), refusal: () => undefined },
    })
    const batch: Batch = journal.batch()
    model.write(batch, plan)
    journal.commit(batch, (error) => assert.is(error, undefined))
    model.apply(plan)
    model.settle()
    return taken > before
  })
}

const Snapshots = suite('snapshots')

Snapshots('event-sourced.S2: a small state has its snapshot after each batch, where that is asked for', () => {
  assert.equal(snapshots(100, 5), [true, true, true, true, true])
})

Snapshots('event-sourced.S2: one of a large state waits for events that weigh half of it', () => {
  const stateBytes = 40 * eventBytes
  const taken = snapshots(stateBytes, 200)
  const at = taken.flatMap((is, index) => (is ? [index] : []))
  assert.ok(at.length > 1, `${at.length} were taken`)
  for (const [nth, index] of at.entries()) {
    const events = index - (at[nth - 1] ?? -1)
    // What an event weighs besides its bytes is little.
    assert.ok(events * 2 > 30 && events * 2 <= 40, `${events} events lie before a snapshot`)
  }
})

Snapshots.run()

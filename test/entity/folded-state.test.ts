// Guards the state as a cache: however it is held, lost, snapshot or replayed, it is the fold of the committed events.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { FoldedState, ReplayFault } from '../../host/entity/folded-state.ts'
import { ReadingCost } from '../../host/entity/reading-cost.ts'
import type { Basis, Decided, EventSourcedGuest, Evolved, GuestCommand } from '../../host/guest/guest.ts'
import { GuestFault } from '../../host/guest/guest.ts'
import type { Journal } from '../../host/journal/journal.ts'
import { defaultLimits } from '../../host/limits.ts'
import type { Typed } from '../../host/outcome.ts'
import { memoryStore } from '../support/store.ts'

/** A counter in plain TypeScript that holds its states, and forgets them when it is told to. */
class Holder implements EventSourcedGuest {
  generation = 0
  readonly lastCall = { used: 0, given: 1 }
  forget = false
  poison: number | undefined
  /** Sum of the amounts that one call can fold. */
  fuel = Number.POSITIVE_INFINITY
  mute = false
  calls: string[] = []
  private readonly held = new Map<number, number>()
  private token = 0

  decide(
    _service: string,
    _entity: string,
    basis: Basis,
    commands: readonly GuestCommand[],
    wantState: boolean,
  ): Decided {
    const state = this.state(basis)
    if (state === undefined) return { kind: 'unknown' }
    const events = commands.map((command) => ({ typeName: 'Added', data: command.payload }))
    const after = events.reduce((sum, event) => sum + event.data[0]!, state)
    const decisions = events.map((event) => ({
      events: [event],
      change: undefined,
      outcome: { answer: { kind: 'message' as const, payload: new Uint8Array() }, effects: [], metadata: [], logs: [] },
    }))
    return { kind: 'decided', decisions, next: this.hold(after, wantState) }
  }

  evolve(_service: string, _entity: string, basis: Basis, events: readonly Typed[], wantState: boolean): Evolved {
    this.calls.push(`${basis.kind} ${events.length}`)
    const state = this.state(basis)
    if (state === undefined) return { kind: 'unknown' }
    if (this.poison !== undefined && events.some((event) => event.data[0] === this.poison))
      throw this.fault('trap', 'poison')
    if (events.reduce((sum, event) => sum + event.data[0]!, 0) > this.fuel) throw this.fault('fuel', 'out of fuel')
    if (wantState && this.mute) throw this.fault('fuel', 'too dear to encode')
    return this.hold(
      events.reduce((sum, event) => sum + event.data[0]!, state),
      wantState,
    )
  }

  /** As warm.ts does it: the instance is gone, and what it held. */
  private fault(reason: 'fuel' | 'trap', message: string): GuestFault {
    this.drop()
    return new GuestFault(reason, message)
  }

  drop(): void {
    this.generation += 1
    this.held.clear()
  }

  private hold(state: number, wantState: boolean): Extract<Evolved, { kind: 'held' }> {
    this.token += 1
    this.held.set(this.token, state)
    return { kind: 'held', token: this.token, sizeMax: 8, bytes: wantState ? bytes(state) : undefined }
  }

  private state(basis: Basis): number | undefined {
    if (basis.kind === 'initial') return 0
    if (basis.kind === 'state') return Buffer.from(basis.bytes).readUInt32LE(0)
    return this.forget ? undefined : this.held.get(basis.token)
  }
}

function bytes(state: number): Uint8Array {
  const result = Buffer.alloc(4)
  result.writeUInt32LE(state)
  return result
}

const entity = { storage: 1, key: 'e' }

function open(guest: Holder, journal: Journal): FoldedState {
  return new FoldedState(
    {
      guest,
      journal,
      limits: { ...defaultLimits, replayEventsMax: 10 },
      service: 's',
      stateVersion: 'v',
      cost: new ReadingCost(defaultLimits),
      replayed: () => {},
      snapshotLoaded: () => {},
    },
    { id: 'e', entity },
  )
}

function ready(state: FoldedState): FoldedState {
  for (let steps = 0; !state.ready; steps++) {
    assert.ok(steps < 1_000, 'it never becomes ready')
    state.step()
  }
  return state
}

/** Decide and commit as an activation would. */
function add(state: FoldedState, journal: Journal, amounts: readonly number[]): void {
  const commands = amounts.map((amount) => ({
    method: 'Add',
    payload: Uint8Array.of(amount),
    metadata: [],
    nowMs: 1,
    seed: new Uint8Array(16),
  }))
  let decided: ReturnType<FoldedState['decide']>
  for (let tries = 0; (decided = ready(state).decide(commands)) === undefined; tries++)
    assert.ok(tries < 5, 'it is never decided')
  const batch = journal.batch()
  let { revision, sequence } = state
  for (const [index, decision] of decided.decisions.entries()) {
    revision += 1
    sequence += 1
    const command = { ...commands[index]!, idempotencyKey: undefined }
    batch.append(entity, {
      revision,
      sequence,
      deployment: 1,
      command,
      origin: 'command',
      events: decision.events,
      change: undefined,
      effects: [],
      answer: { kind: 'none' },
      answerMetadata: [],
    })
  }
  journal.commit(batch, (error) => assert.is(error, undefined))
  state.advance(decided.next, revision, sequence, amounts.length, amounts.length)
}

function value(state: FoldedState): number {
  let encoded: Uint8Array | undefined
  for (let tries = 0; encoded === undefined; tries++) {
    assert.ok(tries < 5, 'it is never encoded')
    encoded = ready(state).encoded()
    if (state.sequence === 0) return 0
  }
  return Buffer.from(encoded).readUInt32LE(0)
}

const Folded = suite('folded state')

Folded(
  '§event-1, §event-6, folded-state.F1: is the fold of the events through any mix of forgetting, faults, snapshots and restarts',
  () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('add' as const),
        amounts: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 30 }),
      }),
      fc.record({
        kind: fc.constantFrom(
          'forget' as const,
          'remember' as const,
          'drop' as const,
          'snapshot' as const,
          'restart' as const,
        ),
      }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { journal } = memoryStore()
        const guest = new Holder()
        let state = open(guest, journal)
        let sum = 0
        for (const step of steps) {
          if (step.kind === 'add') {
            add(state, journal, step.amounts)
            sum += step.amounts.reduce((a, b) => a + b, 0)
          } else if (step.kind === 'forget') guest.forget = true
          else if (step.kind === 'remember') guest.forget = false
          else if (step.kind === 'drop') guest.drop()
          else if (step.kind === 'restart') state = open(guest, journal)
          else {
            const encoded = ready(state).encoded()
            const { revision, sequence } = state
            if (encoded !== undefined)
              journal.putSnapshot(entity, { revision, sequence, stateVersion: 'v', state: encoded })
          }
        }
        guest.forget = false
        assert.is(value(state), sum)
        assert.is(value(open(guest, journal)), sum)
      }),
      { numRuns: 200 },
    )
  },
)

Folded('folded-state.F3: replay goes in chunks', () => {
  const { journal } = memoryStore()
  const guest = new Holder()
  add(
    open(guest, journal),
    journal,
    Array.from({ length: 35 }, () => 1),
  )
  guest.calls = []
  ready(open(guest, journal))
  assert.equal(guest.calls, ['initial 10', 'held 10', 'held 10', 'held 5'])
})

Folded('§fault-9, folded-state.F3: a chunk that runs out of fuel is halved, down to one event', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 120 }),
      fc.integer({ min: 9, max: 60 }),
      fc.boolean(),
      (amounts, fuel, mute) => {
        const { journal } = memoryStore()
        const guest = new Holder()
        add(open(guest, journal), journal, amounts)
        guest.fuel = fuel
        guest.mute = mute
        guest.calls = []
        ready(open(guest, journal))
        // Each fault goes back to the beginning, and is followed by more and more chunks that go well.
        const calls = guest.calls.length
        assert.ok(calls <= 40 + 12 * amounts.length, `${calls} calls for ${amounts.length} events`)
        guest.mute = false
        assert.is(
          value(open(guest, journal)),
          amounts.reduce((sum, amount) => sum + amount, 0),
        )
      },
    ),
    { numRuns: 300 },
  )
})

Folded('folded-state.F3: whatever the chunks, the event that cannot be folded is named exactly', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 90 }), fc.integer({ min: 0, max: 90 }), (before, behind) => {
      const { journal } = memoryStore()
      const guest = new Holder()
      const ones = (count: number) => Array.from({ length: count }, () => 1)
      add(open(guest, journal), journal, [...ones(before), 7, ...ones(behind)])
      guest.poison = 7
      try {
        ready(open(guest, journal))
        assert.unreachable('it was replayed')
      } catch (error) {
        assert.instance(error, ReplayFault)
        assert.is((error as ReplayFault).sequence, before + 1)
        assert.is((error as ReplayFault).typeName, 'Added')
      }
    }),
    { numRuns: 100 },
  )
})

Folded('folded-state.F5: a state that cannot be encoded is asked for seldom, and decided on all the same', () => {
  const { journal } = memoryStore()
  const guest = new Holder()
  guest.mute = true
  const state = open(guest, journal)
  let faults = 0
  for (let command = 0; command < 1_000; command++) {
    add(state, journal, [1])
    if (!state.bytesDue) continue
    try {
      state.encoded()
    } catch (error) {
      assert.instance(error, GuestFault)
      faults += 1
    }
  }
  // At 101 events, then at twice as many each time.
  assert.is(faults, 4)
  guest.mute = false
  assert.is(value(state), 1_000)
})

Folded('§event-7: a snapshot of another state version is not used', () => {
  const { journal } = memoryStore()
  const guest = new Holder()
  add(open(guest, journal), journal, [1, 2])
  journal.putSnapshot(entity, { revision: 2, sequence: 2, stateVersion: 'other', state: bytes(999) })
  assert.is(value(open(guest, journal)), 3)
})

Folded('folded-state.F2: however long the history, the way back is short while the guest can encode its state', () => {
  const { journal } = memoryStore()
  const guest = new Holder()
  const state = open(guest, journal)
  for (let count = 1; count <= 500; count++) {
    add(state, journal, [1])
    // As the model does it before a turn.
    if (state.bytesDue) state.encoded()
    if (count % 50 !== 0) continue
    guest.drop()
    guest.calls.length = 0
    ready(state)
    const events = guest.calls.reduce((sum, call) => sum + Number(call.split(' ')[1]), 0)
    assert.ok(events <= 101, `${events} events were folded again`)
  }
  assert.is(value(state), 500)
})

Folded('folded-state.F4: a token of an instance that is gone is not used', () => {
  const { journal } = memoryStore()
  const guest = new Holder()
  const state = open(guest, journal)
  add(state, journal, [5])
  guest.drop()
  assert.not.ok(state.ready)
  assert.is(value(state), 5)
})

Folded('an event that cannot be replayed says where', () => {
  const { journal } = memoryStore()
  const guest = new Holder()
  add(open(guest, journal), journal, [1, 2, 7])
  guest.poison = 7
  const state = open(guest, journal)
  try {
    ready(state)
    assert.unreachable('it was replayed')
  } catch (error) {
    assert.instance(error, ReplayFault)
    assert.is((error as ReplayFault).sequence, 3)
  }
})

Folded.run()

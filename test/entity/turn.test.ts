// Guards what decisions mean: records, sequences, effects and answers, before anything is carried out.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Places } from '../../host/delivery/chains.ts'
import { Chains } from '../../host/delivery/chains.ts'
import type { EffectEntry } from '../../host/effect.ts'
import type { Given } from '../../host/entity/turn.ts'
import { planTurn } from '../../host/entity/turn.ts'
import type { Decision } from '../../host/guest/guest.ts'

const Turn = suite('turn')

const ref = { storage: 1, key: 'e' }
const start = {
  service: 's',
  entity: 'e',
  ref,
  deployment: 3,
  revision: 7,
  sequence: 20,
  keepsRecords: true,
  ageMs: 77,
}
const call = { service: 't', method: 'M', payload: Buffer.from('p'), metadata: [] }
const event = { typeName: 'E', data: Buffer.from('x') }

function given(more: { idempotencyKey?: string; effect?: EffectEntry; hops?: number } = {}): Given {
  const command = {
    service: 's',
    method: 'M',
    payload: Buffer.from('q'),
    metadata: [],
    deadlineMs: 0,
    requestId: 'r',
    idempotencyKey: undefined,
    effect: undefined,
    hops: 0,
    ...more,
  }
  return {
    waiting: {
      kind: 'command',
      command,
      reply: () => {},
      stream: undefined,
      client: undefined,
      arrivedMs: 0,
      abandoned: false,
    },
    command: { method: 'M', payload: command.payload, metadata: [], nowMs: 5, seed: Buffer.alloc(16) },
  }
}

function accepted(events: number, more: Partial<Decision['outcome']> = {}): Decision {
  return {
    events: Array.from({ length: events }, () => event),
    change: undefined,
    outcome: { answer: { kind: 'message', payload: Buffer.from('a') }, effects: [], metadata: [], logs: [], ...more },
  }
}

const refused: Decision = {
  events: [event],
  change: undefined,
  outcome: {
    answer: { kind: 'failure', failure: { code: 3, message: 'no', details: [] } },
    effects: [{ call, synchronous: false }],
    metadata: [],
    logs: [],
  },
}

function ids(): Places {
  const chains = new Chains()
  let id = 100
  const next = (chain: number | undefined) => chains.next(++id, chain)
  return { next, outward: () => undefined, owns: () => true, moved: ({ chain }) => next(chain) }
}

Turn('§refusal-2, turn.T1: a failure leaves nothing behind, whatever the guest returned with it', () => {
  const plan = planTurn(start, [given({ idempotencyKey: 'k' })], [refused], ids())
  assert.equal([plan.records, plan.remembered, plan.enqueued, plan.arrived], [[], [], [], []])
  assert.is(plan.steps[0]?.kind, 'refuse')
  assert.is(plan.sequence, 20)
})

Turn(
  '§idempotency-2, §event-4, turn.T2, turn.T5: what changes and sends nothing is not written, and nothing is kept under its key',
  () => {
    const plan = planTurn(start, [given(), given({ idempotencyKey: 'k' })], [accepted(0), accepted(0)], ids())
    assert.equal([plan.records, plan.remembered], [[], []])
  },
)

Turn(
  '§idempotency-1, turn.T5: events, effects and forwards are kept under their key, stamped with the age of the directory',
  () => {
    const decisions = [
      accepted(1),
      accepted(0, { effects: [{ call, synchronous: false }] }),
      accepted(0, { answer: { kind: 'forward', call } }),
    ]
    const commands = decisions.map((_, at) => given({ idempotencyKey: `k${at}` }))
    const { records, remembered } = planTurn(start, commands, decisions, ids())
    assert.equal(
      records.map(({ revision }) => revision),
      [8, 9, 10],
    )
    assert.equal(
      remembered.map(({ key, entry }) => [key, entry.revision, entry.atMs]),
      [
        ['k0', 8, 77],
        ['k1', 9, 77],
        ['k2', 10, 77],
      ],
    )
    // A forward without a key leaves no trace of its own.
    assert.equal(planTurn(start, [given()], [accepted(0, { answer: { kind: 'forward', call } })], ids()).records, [])
  },
)

Turn('§event-2, turn.T3: revisions and sequences go on without gaps, refusals or not', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.nat(5), fc.constant(-1)), { maxLength: 64 }), (counts) => {
      const decisions = counts.map((count) => (count < 0 ? refused : accepted(count)))
      const plan = planTurn(
        start,
        counts.map(() => given()),
        decisions,
        ids(),
      )
      let sequence = 20
      for (const [index, record] of plan.records.entries()) {
        sequence += record.events.length
        assert.is(record.revision, 8 + index)
        assert.is(record.sequence, sequence)
      }
      assert.is(plan.steps.length, counts.length)
      assert.is(plan.sequence, sequence)
      assert.is(plan.eventCount, sequence - 20)
    }),
  )
})

Turn(
  '§forward-7, turn.T4: an accepted delivery takes its entry out of the outbox, and a forwarded one becomes the forward',
  () => {
    const effect: EffectEntry = {
      id: 9,
      cause: { service: 'c', entity: 'd', revision: 1 },
      call,
      synchronous: true,
      hops: 2,
      attempts: 3,
      parked: undefined,
      chain: 1,
      place: 1,
      chainEffects: 1,
    }
    const brought = planTurn(start, [given({ effect })], [accepted(1)], ids())
    assert.equal(brought.arrived, [9])
    assert.equal(
      brought.records.map(({ command }) => command.cause),
      [effect.cause],
    )
    assert.not('cause' in planTurn(start, [given()], [accepted(1)], ids()).records[0]!.command)
    const target = { ...call, method: 'Other' }
    const plan = planTurn(
      start,
      [given({ effect, hops: 2 })],
      [accepted(0, { answer: { kind: 'forward', call: target } })],
      ids(),
    )
    assert.equal(plan.arrived, [])
    assert.equal(plan.enqueued, [{ ...effect, call: target, hops: 3, attempts: 0 }])
  },
)

Turn('effects carry their cause and one more hop', () => {
  const effects = [
    { call, synchronous: true },
    { call, synchronous: false },
  ]
  const plan = planTurn(start, [given({ hops: 4 })], [accepted(1, { effects })], ids())
  assert.equal(
    plan.enqueued.map(({ id, hops, cause, synchronous }) => ({ id, hops, cause, synchronous })),
    [
      { id: 101, hops: 5, cause: { service: 's', entity: 'e', revision: 8 }, synchronous: true },
      { id: 102, hops: 5, cause: { service: 's', entity: 'e', revision: 8 }, synchronous: false },
    ],
  )
})

Turn.run()

// Guards the layouts of value, replicated and action as layout.test.ts does those of event-sourced: what we lower arrives at
// componentize-qjs's own bindings, and what those answer we lift, with random values and at the extremes.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type {
  ActionStep,
  GuestCommand,
  GuestSubscription,
  ReplicatedDecision,
  StreamInput,
  StreamStep,
  ValueDecided,
  ViewChange,
} from '../../host/guest/guest.ts'
import { load } from '../../host/guest/load.ts'
import { defaultLimits } from '../../host/limits.ts'
import type { Change, GuestAnswer, Outcome } from '../../host/outcome.ts'
import {
  actionOutcome,
  bytes,
  command,
  echoing,
  json,
  kept,
  metadata,
  outcome,
  plain,
  seed,
  streamedOutcome,
  text,
  theirs,
  time,
  u31,
  valueBasis,
} from '../support/contract.ts'

const Layout = suite('layout of the others')

const guest = load(await echoing(), defaultLimits, (_service, method) => method !== 'Unary')
const runs = { numRuns: 150, seed: 21 }

/** The service that is asked what the last call was given. */
const asked = 'arrived'
const asking: GuestCommand = {
  method: 'Unary',
  payload: new Uint8Array(),
  metadata: [],
  nowMs: 0,
  seed: new Uint8Array(16),
}
const parsed = (told: Uint8Array): unknown => JSON.parse(Buffer.from(told).toString())
const payloadOf = (answer: GuestAnswer): Uint8Array => {
  if (answer.kind === 'message') return answer.payload
  throw new Error('no message')
}

const arrived = {
  value: () => {
    const decided = guest.value!.decide(asked, '', { kind: 'absent' }, [asking])
    if (decided.kind === 'unknown') throw new Error('unknown')
    return parsed(payloadOf(decided.decisions[0]!.outcome.answer))
  },
  replicated: () => parsed(guest.replicated!.reads(asked, asking)[0]!),
  action: () => parsed(payloadOf(guest.action!.call(asked, [asking])[0]!.answer)),
}

const change: fc.Arbitrary<Change | undefined> = fc.oneof(
  fc.constant(undefined),
  fc.record({ kind: fc.constant('updated' as const), value: bytes }),
  fc.constant({ kind: 'deleted' } as const),
)

function theirChange(value: Change | undefined): unknown {
  if (value === undefined) return { tag: 'unchanged' }
  return value.kind === 'updated' ? { tag: 'updated', val: value.value } : { tag: value.kind }
}

Layout('value: what decide is given arrives, and each decision and token is lifted', () => {
  fc.assert(
    fc.property(
      fc.record({ entity: text, basis: valueBasis, commands: fc.array(command, { maxLength: 5 }) }),
      fc.array(fc.record({ change, outcome }), { minLength: 5, maxLength: 5 }),
      fc.option(u31, { nil: undefined }),
      ({ entity, basis, commands }, some, held) => {
        const decisions = some.slice(0, commands.length)
        const answer = {
          decisions: decisions.map((one) => ({
            change: theirChange(one.change),
            outcome: theirs.outcome(one.outcome),
          })),
          held,
        }
        const decided = guest.value!.decide(json({ tag: 'decided', val: answer }), entity, basis, commands)
        const expected: ValueDecided = {
          kind: 'decided',
          decisions: decisions.map((one) => ({
            events: [],
            change: one.outcome.answer.kind === 'failure' ? undefined : one.change,
            outcome: kept(one.outcome),
          })),
          held,
        }
        assert.equal(plain(decided), plain(expected))
        const given = { entity, basis: theirs.valueBasis(basis), commands: commands.map(theirs.command) }
        assert.equal(arrived.value(), plain(given))
      },
    ),
    runs,
  )
})

Layout('value: a token that is not known is answered so', () => {
  const unknown = json({ tag: 'unknown' })
  assert.equal(guest.value!.decide(unknown, 'e', { kind: 'held', token: 2 ** 32 - 1 }, [asking]), { kind: 'unknown' })
})

Layout('replicated: what reads is given arrives, flat, and its elements are lifted', () => {
  fc.assert(
    fc.property(command, fc.array(bytes, { maxLength: 5 }), (one, elements) => {
      assert.equal(plain(guest.replicated!.reads(json(elements), one)), plain(elements))
      assert.equal(arrived.replicated(), plain({ command: theirs.command(one) }))
    }),
    runs,
  )
})

const answer: fc.Arbitrary<ReplicatedDecision['answer']> = fc.oneof(
  fc.record({ kind: fc.constant('now' as const), outcome: streamedOutcome }),
  fc.record({ kind: fc.constant('after' as const), note: bytes }),
)
const replicatedDecision: fc.Arbitrary<ReplicatedDecision> = fc.record({
  answer,
  operations: bytes,
  delete: fc.boolean(),
  subscribe: fc.option(bytes, { nil: undefined }),
})

function theirDecision({ answer: given, ...rest }: ReplicatedDecision): string {
  const theirAnswer =
    given.kind === 'now' ? { tag: 'now', val: theirs.outcome(given.outcome) } : { tag: 'after', val: given.note }
  return json({ ...rest, answer: theirAnswer })
}

function keptDecision(decision: ReplicatedDecision): unknown {
  const { answer: given } = decision
  if (given.kind === 'after') return plain(decision)
  const now = { kind: 'now', outcome: kept(given.outcome) }
  if (given.outcome.answer.kind !== 'failure') return plain({ ...decision, answer: now })
  return plain({ answer: now, operations: new Uint8Array(), delete: false, subscribe: undefined })
}

/** What every function of an entity is given. */
const target = fc.record({ entity: text, view: bytes })

Layout('replicated: what decide is given arrives by pointer to a tuple, and its decision is lifted', () => {
  fc.assert(
    fc.property(target, command, replicatedDecision, ({ entity, view }, one, decision) => {
      const decided = guest.replicated!.decide(theirDecision(decision), entity, view, one)
      assert.equal(plain(decided), keptDecision(decision))
      assert.equal(arrived.replicated(), plain({ entity, view, command: theirs.command(one) }))
    }),
    runs,
  )
})

Layout('replicated: what render is given arrives by pointer to a tuple, and its outcome is lifted', () => {
  fc.assert(
    fc.property(target, command, bytes, streamedOutcome, ({ entity, view }, one, note, rendered) => {
      const given = guest.replicated!.render(json(theirs.outcome(rendered)), entity, view, one, note)
      assert.equal(plain(given), plain(kept(rendered)))
      assert.equal(arrived.replicated(), plain({ entity, view, command: theirs.command(one), note }))
    }),
    runs,
  )
})

const subscription: fc.Arbitrary<GuestSubscription> = fc.record({ id: text, method: text, note: bytes })
const step = fc.record({ outcome: fc.option(streamedOutcome, { nil: undefined }), end: fc.boolean() })

Layout('replicated: what changed is given arrives, and its steps are lifted, in any order and not for all', () => {
  fc.assert(
    fc.property(
      target,
      fc.uniqueArray(fc.tuple(subscription, step), { maxLength: 5, selector: ([{ id }]) => id }),
      fc.array(fc.nat(), { minLength: 5, maxLength: 5 }),
      time,
      ({ entity, view }, given, order, nowMs) => {
        const subscriptions = given.map(([one]) => one)
        const steps: StreamStep[] = given
          .map(([{ id }, one], index) => ({ place: order[index]!, told: { subscription: id, ...one } }))
          .filter(({ place }) => place % 4 !== 0)
          .sort((a, b) => a.place - b.place)
          .map(({ told }) => told)
        const theirSteps = steps.map((one) => ({ ...one, outcome: one.outcome && theirs.outcome(one.outcome) }))
        const told = guest.replicated!.changed(json(theirSteps), entity, view, subscriptions, nowMs)
        assert.equal(plain(told), plain(steps.map((one) => ({ ...one, outcome: one.outcome && kept(one.outcome) }))))
        assert.equal(arrived.replicated(), plain({ entity, view, subscriptions, nowMs }))
      },
    ),
    runs,
  )
})

Layout('replicated: what cancelled is given arrives, flat, and its decision is lifted', () => {
  fc.assert(
    fc.property(target, subscription, time, replicatedDecision, ({ entity, view }, left, nowMs, decision) => {
      const decided = guest.replicated!.cancelled(theirDecision(decision), entity, view, left, nowMs)
      assert.equal(plain(decided), keptDecision(decision))
      assert.equal(arrived.replicated(), plain({ entity, view, subscription: left, nowMs }))
    }),
    runs,
  )
})

Layout('action: what call is given arrives, and its outcomes are lifted, effects of failures too', () => {
  fc.assert(
    fc.property(
      fc.array(command, { maxLength: 5 }),
      fc.array(actionOutcome, { minLength: 5, maxLength: 5 }),
      (commands, some) => {
        const outcomes: readonly Outcome[] = some.slice(0, commands.length)
        assert.equal(plain(guest.action!.call(json(outcomes.map(theirs.outcome)), commands)), plain(outcomes))
        assert.equal(arrived.action(), plain({ commands: commands.map(theirs.command) }))
      },
    ),
    runs,
  )
})

const input: fc.Arbitrary<StreamInput> = fc.oneof(
  fc.record({ kind: fc.constant('start' as const), metadata }),
  fc.record({ kind: fc.constant('item' as const), payload: bytes }),
  fc.constantFrom({ kind: 'end' } as const, { kind: 'cancelled' } as const),
)
const actionStep: fc.Arbitrary<ActionStep> = fc.record({
  outputs: fc.array(streamedOutcome, { maxLength: 4 }),
  state: fc.option(bytes, { nil: undefined }),
  done: fc.boolean(),
  more: fc.boolean(),
})

Layout('action: what stream is given arrives, and its step is lifted', () => {
  fc.assert(
    fc.property(
      fc.record({
        method: text,
        state: fc.option(bytes, { nil: undefined }),
        inputs: fc.array(input, { maxLength: 5 }),
        nowMs: time,
        seed,
      }),
      actionStep,
      ({ method, state, inputs, nowMs, seed: chance }, given) => {
        const theirStep = json({ ...given, outputs: given.outputs.map(theirs.outcome) })
        assert.equal(plain(guest.action!.stream(theirStep, method, state, inputs, nowMs, chance)), plain(given))
        const words = { method, state, inputs: inputs.map(theirs.input), nowMs, seed: theirs.seed(chance) }
        assert.equal(arrived.action(), plain(words))
      },
    ),
    runs,
  )
})

const viewChange: fc.Arbitrary<ViewChange> = fc.record({
  service: text,
  entity: text,
  sequence: fc.nat(),
  atMs: time,
  what: fc.oneof(
    fc.record({
      kind: fc.constantFrom('event' as const, 'updated' as const),
      typeName: text,
      data: bytes,
    }),
    fc.constant({ kind: 'deleted' as const }),
  ),
  keys: fc.uniqueArray(text, { maxLength: 3 }),
})
const rows = fc.uniqueArray(fc.record({ key: text, row: fc.option(bytes, { nil: undefined }) }), {
  maxLength: 4,
  selector: ({ key }) => key,
})

function theirViewChange({ what, ...change }: ViewChange): unknown {
  if (what.kind === 'deleted') return { ...change, what: { tag: 'deleted' } }
  return { ...change, what: { tag: what.kind, val: { typeName: what.typeName, data: what.data } } }
}

Layout('view: what keys and project are given arrives, and their lists are lifted', () => {
  const arrivedAt = (): unknown => parsed(guest.view!.project(asked, [nothing], [['arrived']], [])[0]![0]!.row!)
  const nothing: ViewChange = { service: '', entity: '', sequence: 0, atMs: 0, what: { kind: 'deleted' }, keys: [] }
  fc.assert(
    fc.property(
      fc.array(fc.tuple(viewChange, fc.uniqueArray(text, { maxLength: 3 }), rows), { maxLength: 4 }),
      rows,
      (some, before) => {
        const changes = some.map(([change]) => change)
        const keys = some.map(([change, more, puts]) => [
          ...new Set([...change.keys, ...more, ...puts.map(({ key }) => key)]),
        ])
        assert.equal(guest.view!.keys(json(keys), changes), keys)
        assert.equal(arrivedAt(), plain({ changes: changes.map(theirViewChange) }))
        const puts = some.map(([, , row]) => row)
        assert.equal(plain(guest.view!.project(json(puts), changes, keys, before)), plain(puts))
        assert.equal(arrivedAt(), plain({ changes: changes.map(theirViewChange), rows: before }))
      },
    ),
    runs,
  )
})

Layout('view.V1, view.V2: lists that are not one for each change, and keys that are not allowed, are faults', () => {
  const deleted = { service: 's', entity: 'e', sequence: 1, atMs: 0, what: { kind: 'deleted' as const }, keys: ['k'] }
  const keys = (answer: readonly (readonly string[])[]) => guest.view!.keys(json(answer), [deleted])
  const project = (answer: readonly (readonly object[])[]) => guest.view!.project(json(answer), [deleted], [['k']], [])
  assert.throws(() => keys([]), /0 lists of keys for 1 changes/)
  assert.throws(() => keys([['other']]), /lack one of those that its entity has put/)
  assert.throws(() => keys([['k', 'k']]), /comes twice in one change/)
  assert.throws(() => project([[], []]), /2 lists of rows for 1 changes/)
  assert.throws(() => project([[{ key: 'other' }]]), /puts a row whose key it did not name before/)
  assert.throws(() => project([[{ key: 'k' }, { key: 'k' }]]), /comes twice in one change/)
})

Layout.run()

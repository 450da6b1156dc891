// Guards what an outcome sends, which is planned alike for entities, actions and streams.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { planDelivered, planEffects } from '../../host/delivery/plan.ts'
import type { EffectEntry } from '../../host/effect.ts'
import type { GuestAnswer } from '../../host/outcome.ts'
import { call, effect } from '../support/journal.ts'

const Plan = suite('plan of what is sent')

const cause = { service: 's', entity: 'e', revision: 7 }
const places = () => {
  let id = 100
  const next = (chain: number | undefined) => {
    id += 1
    return { id, chain: chain ?? id, place: 1, chainEffects: 1 }
  }
  // Ids of this partition are odd.
  const outward = (by: string, service: string) => (service === 'far' ? { by, key: 'key', unsure: false } : undefined)
  return { next, outward, owns: (id: number) => id % 2 === 1, moved: ({ chain }: EffectEntry) => next(chain) }
}
const delivered = { ...effect({ id: 9, cause, call, synchronous: false }), chain: 4, attempts: 3, hops: 2 }
const from = { storage: 7, key: 'e' }
const message: GuestAnswer = { kind: 'message', payload: new Uint8Array() }

Plan(
  'plan.P1: effects keep their order, are one hop further, and are of the chain of what the command delivers',
  () => {
    const two = [
      { call, synchronous: true },
      { call: { ...call, method: 'Other' }, synchronous: false },
    ]
    const sent = planEffects({ hops: 2, effect: delivered }, cause, two, places(), from, 0)
    assert.equal(
      sent.map(({ id, hops, chain, call, synchronous }) => [id, hops, chain, call.method, synchronous]),
      [
        [101, 3, 4, call.method, true],
        [102, 3, 4, 'Other', false],
      ],
    )
    // Without a chain the first begins one, and the second is part of it.
    const fresh = planEffects({ hops: 0, effect: undefined }, cause, two, places(), from, 0)
    assert.equal(
      fresh.map(({ chain }) => chain),
      [101, 101],
    )
  },
)

Plan(
  'plan.P2: an accepted delivery leaves the outbox, a forward takes its place, and a refusal leaves it there',
  () => {
    const sender = { service: 'between', hops: 2, effect: delivered }
    assert.equal(planDelivered(sender, message, places()), { moved: undefined, arrived: 9 })
    assert.equal(planDelivered(sender, { kind: 'none' }, places()), { moved: undefined, arrived: 9 })
    const target = { ...call, method: 'Other' }
    assert.equal(planDelivered(sender, { kind: 'forward', call: target }, places()), {
      moved: { ...delivered, call: target, hops: 3, attempts: 0 },
      arrived: undefined,
    })
    const failure: GuestAnswer = { kind: 'failure', failure: { code: 5, message: '', details: [] } }
    assert.equal(planDelivered(sender, failure, places()), { moved: undefined, arrived: undefined })
    assert.equal(planDelivered({ service: 'between', hops: 0, effect: undefined }, message, places()), {
      moved: undefined,
      arrived: undefined,
    })
  },
)

Plan('plan.P4: what goes to a connector has its key; as a forward of an effect it may have been sent', () => {
  const far = { ...call, service: 'far' }
  const [sent] = planEffects(
    { hops: 0, effect: undefined },
    cause,
    [{ call: far, synchronous: false }],
    places(),
    from,
    0,
  )
  assert.equal(sent!.outward, { by: 's', key: 'key', unsure: false })
  const sender = { service: 'between', hops: 2, effect: { ...delivered, outward: sent!.outward! } }
  const { moved } = planDelivered(sender, { kind: 'forward', call: far }, places())
  assert.equal(moved!.outward, { by: 'between', key: 'key', unsure: true })
  const { moved: near } = planDelivered(sender, { kind: 'forward', call }, places())
  assert.is(near!.outward, undefined)
})

Plan(
  'plan.P3: a forward of what came from another partition is an entry of this one, in its place, and says what it was',
  () => {
    const foreign = { ...delivered, id: 8 }
    const target = { ...call, method: 'Other' }
    const { moved, arrived } = planDelivered(
      { service: 'between', hops: 2, effect: foreign },
      { kind: 'forward', call: target },
      places(),
    )
    assert.is(arrived, undefined)
    assert.equal(moved, { ...foreign, id: 101, call: target, hops: 3, attempts: 0, was: 8 })
    assert.equal(planDelivered({ service: 'between', hops: 2, effect: foreign }, message, places()), {
      moved: undefined,
      arrived: 8,
    })
    // Forwarded once more, it is told nowhere else what it was before.
    const again = planDelivered({ service: 'between', hops: 3, effect: moved! }, { kind: 'forward', call }, places())
    assert.is(again.moved?.was, undefined)
    assert.is(again.moved?.id, 101)
  },
)

Plan.run()

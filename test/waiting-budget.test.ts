// Guards what may wait: never more than all, and neither a service nor a client takes what belongs to others.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { InnkeeperError } from '../host/errors.ts'
import { defaultLimits } from '../host/limits.ts'
import { WaitingBudget } from '../host/waiting-budget.ts'

const Waiting = suite('what waits')

const limits = (commands: number, bytes: number) => ({
  ...defaultLimits,
  waitingCommandsMax: commands,
  waitingBytesMax: bytes,
})

const arrivals = fc.array(
  fc.record({
    service: fc.constantFrom('a', 'b', 'c'),
    client: fc.constantFrom(undefined, '10.0.0.1', '10.0.0.2'),
    bytes: fc.integer({ min: 0, max: 40 }),
    leaves: fc.boolean(),
  }),
  { maxLength: 200 },
)

/** Why one is refused; undefined if it was let in. */
function admitted(
  budget: WaitingBudget,
  service: string,
  client: string | undefined,
  bytes: number,
): string | undefined {
  const [account, sender] = [budget.service(service), budget.client(client)]
  try {
    budget.admit(account, sender, bytes)
  } catch (error) {
    assert.ok(error instanceof InnkeeperError && error.code === 'overloaded')
    return error.message
  }
  budget.add(account, sender, bytes)
  return undefined
}

Waiting(
  'waiting-budget.W1, waiting-budget.W2: whatever comes and goes, there is never more than all, and it is known whose it is',
  () => {
    fc.assert(
      fc.property(arrivals, (all) => {
        const budget = new WaitingBudget(limits(16, 200))
        const inside: { service: string; client: string | undefined; bytes: number }[] = []
        for (const { leaves, ...one } of all) {
          if (leaves && inside.length > 0) {
            const { service, client, bytes } = inside.shift()!
            budget.remove(budget.service(service), budget.client(client), bytes)
          } else if (admitted(budget, one.service, one.client, one.bytes) === undefined) inside.push(one)
          const sum = inside.reduce((total, { bytes }) => total + bytes, 0)
          assert.is(budget.commands, inside.length)
          assert.ok(inside.length <= 16 && (sum <= 200 || inside.length === 1))
          const held = new Map(budget.byService())
          for (const service of ['a', 'b', 'c'])
            assert.is(held.get(service) ?? 0, inside.filter((item) => item.service === service).length)
        }
      }),
    )
  },
)

for (const [what, bytes, max] of [
  ['commands', 0, 1_000],
  ['bytes', 4_000, 100],
] as const) {
  Waiting(
    `§limit-3, waiting-budget.W2: one service that takes all ${what} that it can leaves an eighth to another`,
    () => {
      const budget = new WaitingBudget(limits(max, 100_000))
      let own = 0
      let refusal: string | undefined
      for (; own < 10_000 && refusal === undefined; own++) refusal = admitted(budget, 'greedy', undefined, bytes)
      assert.match(refusal!, 'greedy has used up its share of the commands that may wait in this host')
      let others = 0
      while (admitted(budget, 'other', undefined, bytes) === undefined) others += 1
      const all = what === 'commands' ? max : Math.floor(100_000 / bytes)
      assert.ok(others >= Math.floor(all / 8), `${others} of ${all} for the other`)
      assert.ok(own - 1 + others <= all)
    },
  )

  Waiting(
    `waiting-budget.W3: one client that takes all ${what} that it can of one service leaves room to others there, and at other services, also to itself`,
    () => {
      const all = what === 'commands' ? max : Math.floor(100_000 / bytes)
      const sixteenths = (count: number) => Math.floor((all * count) / 16)
      for (const first of ['10.0.0.1', '10.0.0.2']) {
        const budget = new WaitingBudget(limits(max, 100_000))
        const take = (service: string, client: string) => {
          let count = 0
          let refusal: string | undefined
          for (; count < 10_000; count++) {
            refusal = admitted(budget, service, client, bytes)
            if (refusal !== undefined) break
          }
          return { count, refusal }
        }
        const own = take('shared', '10.0.0.1')
        assert.match(own.refusal!, 'your address has used up its share of the commands that may wait in this host')
        assert.ok(own.count >= sixteenths(12) && own.count <= sixteenths(13) + 1, `${own.count} of ${all}`)
        const there = take('shared', '10.0.0.2').count
        assert.ok(there > 0, 'another client is let in at the same service')
        const elsewhere = take('other', first).count
        assert.ok(elsewhere >= sixteenths(1), `${elsewhere} of ${all} at another service for ${first}`)
        const third = take('third', '10.0.0.3').count
        assert.is(own.count + there + elsewhere + third, all)
      }
    },
  )
}

Waiting('clients that left are forgotten, those with something waiting are not', () => {
  const budget = new WaitingBudget(limits(100_000, 1e9))
  const stays = budget.client('stays')!
  budget.add(budget.service('a'), stays, 1)
  for (let at = 0; at < 5_000; at++) budget.client(`10.${at}`)
  assert.is(budget.client('stays'), stays)
  budget.remove(budget.service('a'), stays, 1)
  for (let at = 5_000; at < 10_000; at++) budget.client(`10.${at}`)
  assert.is.not(budget.client('stays'), stays)
})

Waiting.run()

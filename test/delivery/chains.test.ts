// Guards the count of a chain: whatever arrives in whatever order, and wherever the host ends, no place is given twice.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Chains } from '../../host/delivery/chains.ts'
import type { EffectEntry } from '../../host/effect.ts'
import { call } from '../support/journal.ts'

const Counting = suite('chains')

const rest = {
  cause: { service: 's', entity: 'e', revision: 1 },
  call,
  ...{ synchronous: false, hops: 1, attempts: 0, parked: undefined },
}

const steps = fc.array(
  fc.oneof(
    fc.record({ does: fc.constant('arrive' as const), which: fc.nat(), causes: fc.nat(3), moves: fc.boolean() }),
    fc.record({ does: fc.constant('crash' as const) }),
    fc.record({ does: fc.constant('begin' as const), causes: fc.integer({ min: 1, max: 4 }) }),
    fc.record({ does: fc.constant('refuse' as const), which: fc.nat(), causes: fc.integer({ min: 1, max: 4 }) }),
  ),
  { maxLength: 60 },
)

Counting(
  '§effect-9, chains.H1, chains.H2, chains.H3: places rise by one in each chain, over refused turns, forwards and crashes',
  () => {
    fc.assert(
      fc.property(steps, (all) => {
        const disk = new Map<number, EffectEntry>()
        const batch = {
          enqueue: (entry: EffectEntry) => void disk.set(entry.id, entry),
          dequeue: (id: number) => void disk.delete(id),
        }
        let chains = new Chains()
        let id = 0
        /** By chain. */
        const counts = new Map<number, number>()
        const cause = (count: number, name: number | undefined): EffectEntry[] => {
          const made: EffectEntry[] = []
          for (let at = 0; at < count; at++) {
            const entry = { ...rest, ...chains.next(++id, made[0]?.chain ?? name) }
            assert.is(entry.place, (counts.get(entry.chain) ?? 0) + at + 1)
            made.push(entry)
          }
          return made
        }
        const keep = (made: readonly EffectEntry[]) => {
          for (const entry of made) {
            chains.write(batch, entry)
            counts.set(entry.chain, entry.place)
          }
        }
        for (const step of all) {
          const entry = 'which' in step ? [...disk.values()][step.which % disk.size] : undefined
          if (step.does === 'crash') {
            chains = new Chains()
            for (const found of disk.values()) chains.found(found)
          } else if (step.does === 'begin') keep(cause(step.causes, undefined))
          else if (entry === undefined) continue
          else if (step.does === 'refuse') for (const made of cause(step.causes, entry.chain)) chains.giveBack(made)
          else {
            keep(cause(step.causes, entry.chain))
            if (step.moves) chains.write(batch, { ...entry, hops: entry.hops + 1 })
            else chains.remove(batch, entry, entry.id, new Set())
          }
        }
        assert.is(chains.size, new Set([...disk.values()].map(({ chain }) => chain)).size)
      }),
    )
  },
)

Counting('an entry of an older host is a chain of its own', () => {
  const chains = new Chains()
  chains.found({ ...rest, id: 7, chain: 0, place: 0, chainEffects: 0 })
  assert.equal(chains.next(8, 7), { id: 8, chain: 7, place: 2, chainEffects: 2 })
})

Counting.run()

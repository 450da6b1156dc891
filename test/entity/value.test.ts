// Guards what the model of values gives to its function, and what it writes.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { nothingStanding } from '../../host/delivery/standing.ts'
import type { Waiting } from '../../host/entity/mailbox.ts'
import { ReadingCost } from '../../host/entity/reading-cost.ts'
import { ValueModel } from '../../host/entity/value.ts'
import type { GuestCommand, ValueBasis } from '../../host/guest/guest.ts'
import type { Base, Batch, Journal } from '../../host/journal/journal.ts'
import { defaultLimits } from '../../host/limits.ts'
import { says, text } from '../support/replicated-model.ts'

/** A function that stores its commands as they come, and forgets nothing but what it is told to. */
class Scene {
  readonly asked: string[] = []
  readonly kept: string[] = []
  forgets = false
  readonly guest = {
    generation: 0,
    lastCall: { used: 0, given: 1 },
    decide: (_service: string, _entity: string, basis: ValueBasis, commands: readonly GuestCommand[]) => {
      this.asked.push(basis.kind === 'value' ? text(basis.bytes) : basis.kind)
      if (basis.kind === 'held' && this.forgets) return { kind: 'unknown' as const }
      const decisions = commands.map(({ payload }) => ({
        ...{ events: [], change: { kind: 'updated' as const, value: payload }, outcome: says('ok') },
      }))
      return { kind: 'decided' as const, decisions, held: 1 }
    },
    drop() {},
  }
  readonly model: ValueModel

  constructor(history: boolean) {
    this.model = new ValueModel(
      {
        ...{ guest: this.guest, limits: defaultLimits, history },
        journal: { base: () => undefined } as unknown as Journal,
        cost: new ReadingCost(defaultLimits),
        ...{ service: 's', deployment: 1, batch: { commands: 64, took() {} }, clock: { steady: () => 0 } },
      },
      { id: 'e', entity: { storage: 1, key: 'e' } },
    )
  }

  /** One batch; `committed`: its commit comes about. */
  turn(payloads: readonly string[], committed = true): void {
    const line = payloads.map((payload): Waiting => {
      const command = {
        ...{ service: 's', method: 'M', payload: Buffer.from(payload), metadata: [], idempotencyKey: undefined },
        ...{ deadlineMs: 0, hops: 0, requestId: 'r', effect: undefined },
      }
      const common = { stream: undefined, client: undefined, arrivedMs: 0, abandoned: false } as const
      return { kind: 'command', command, reply: () => {}, ...common }
    })
    const nothing = (): never => assert.unreachable() as never
    const plan = this.model.plan({
      ...{ nowMs: 1, ageMs: 1, places: { next: nothing, outward: () => undefined, owns: () => true, moved: nothing } },
      standing: nothingStanding,
      ...{ next: () => line.shift(), seed: () => new Uint8Array(16), refusal: () => undefined },
    })
    if (!committed) return
    const keep = (_entity: unknown, _stored: number, { state }: Base, records: readonly unknown[]) =>
      void this.kept.push(`${text(state!)} ${records.length}`)
    this.model.write({ keep } as unknown as Batch, plan)
    this.model.apply(plan)
  }
}

const Values = suite('the model of values')

Values('value.K2: a batch is one write of its last value; with history each change is a record besides', () => {
  const kept = [false, true].map((history) => {
    const scene = new Scene(history)
    scene.turn(['a', 'b', 'c'])
    return scene.kept
  })
  assert.equal(kept, [['c 0'], ['c 3']])
})

Values(
  'value.K1, value.K3: a token is for the next call of its instance; without it the committed bytes are given',
  () => {
    const scene = new Scene(false)
    scene.turn(['a'])
    scene.turn(['b'])
    assert.equal(scene.asked.splice(0), ['absent', 'held'])
    scene.guest.generation = 1
    scene.turn(['c'])
    assert.equal(scene.asked.splice(0), ['b'])
    // One that did not come to its end: what it was given is used up.
    scene.turn(['d'], false)
    scene.turn(['e'])
    assert.equal(scene.asked.splice(0), ['held', 'c'])
    scene.forgets = true
    scene.turn(['f'])
    scene.turn(['f'])
    assert.equal(scene.asked.splice(0), ['held', 'e'])
  },
)

Values.run()

// Guards what becomes of calls that wait together: one batch for the guest, a fault that is found one by one, effects between disk and answer.

import pino from 'pino'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Calls } from '../../host/action/calls.ts'
import type { ActionContext } from '../../host/action/context.ts'
import { Newest } from '../../host/commits.ts'
import { Chains } from '../../host/delivery/chains.ts'
import { nothingStanding } from '../../host/delivery/standing.ts'
import type { GuestCommand } from '../../host/guest/guest.ts'
import { GuestFault } from '../../host/guest/guest.ts'
import { defaultLimits } from '../../host/limits.ts'
import { Metrics } from '../../host/observe/metrics.ts'
import type { Outcome } from '../../host/outcome.ts'
import { WaitingBudget } from '../../host/waiting-budget.ts'
import { effect, refusal, says, text } from '../support/replicated-model.ts'

/** A service whose function does what payloads say, and all that happened, in order. */
class Scene {
  readonly told: string[] = []
  readonly calls: Calls
  /** Commits and runs of effects that the test ends. */
  readonly open: (() => void)[] = []
  asked = 0
  private id = 0

  constructor() {
    const chains = new Chains()
    const next = (chain: number | undefined) => chains.next(++this.id, chain)
    const held = (what: string) => (_what: unknown, _more: unknown, done: () => void) => {
      this.told.push(what)
      this.open.push(done)
      return undefined
    }
    const places = { next, outward: () => undefined, owns: () => true, moved: () => next(undefined) }
    const newest = new Newest(0, { lastCommit: () => 7 })
    const keeper = { newest, places, standing: nothingStanding, keep: held('keep') }
    const context: Partial<Record<keyof ActionContext, unknown>> = {
      services: { get: () => ({ kind: 'action', name: 's', storage: 1, guest: { call: this.guest } }) },
      outbox: { run: held('run') },
      partitionOf: () => ({ keeper }),
      clock: { now: () => 0, steady: () => 0 },
      chance: { seed: () => new Uint8Array(16) },
      limits: defaultLimits,
      waiting: new WaitingBudget(defaultLimits),
      metrics: new Metrics(),
      log: pino({ level: 'silent' }),
      again: () => {
        this.asked += 1
      },
    }
    this.calls = new Calls(context as unknown as ActionContext, 's')
  }

  private readonly guest = (_service: string, commands: readonly GuestCommand[]): readonly Outcome[] => {
    const batch = commands.map(({ payload }) => text(payload))
    this.told.push(`guest ${batch.join()}`)
    if (batch.includes('trap')) throw new GuestFault('trap', 'boom')
    return batch.map((what) => (what === 'refuse' ? says(refusal, [effect('E')]) : says(what)))
  }

  put(...payloads: readonly string[]): void {
    for (const payload of payloads) {
      const command = {
        ...{ service: 's', method: 'M', payload: Buffer.from(payload), metadata: [], idempotencyKey: undefined },
        ...{ deadlineMs: 0, hops: 0, requestId: 'r', effect: undefined },
      }
      const reply = ({ kind }: { readonly kind: string }) => void this.told.push(`${payload}: ${kind}`)
      this.calls.put({ command, reply, client: undefined, arrivedMs: 0, abandoned: false })
    }
  }

  turn(): readonly string[] {
    this.calls.turn()
    return this.told.splice(0)
  }
}

const Batch = suite('calls of an action that wait together')

Batch('calls.C1: they go to the guest at once, and one that waits for its effects holds up no other', () => {
  const scene = new Scene()
  scene.put('a', 'refuse', 'b')
  assert.equal(scene.turn(), ['guest a,refuse,b', 'a: reply', 'keep', 'b: reply'])
})

Batch('calls.C2, §fault-3: where the batch faulted each goes alone, one a turn, and only the guilty one fails', () => {
  const scene = new Scene()
  scene.put('a', 'trap', 'b')
  assert.equal(scene.turn(), ['guest a,trap,b'])
  scene.put('c', 'd')
  const turns = [scene.turn(), scene.turn(), scene.turn(), scene.turn()]
  assert.equal(turns, [
    ['guest a', 'a: reply'],
    ['guest trap', 'trap: error'],
    ['guest b', 'b: reply'],
    ['guest c,d', 'c: reply', 'd: reply'],
  ])
})

Batch(
  'calls.C3, action/outcome.E1, §refusal-3: effects of a failing answer are kept, then run, then it is told',
  () => {
    const scene = new Scene()
    scene.put('refuse')
    assert.equal(scene.turn(), ['guest refuse', 'keep'])
    scene.open.shift()!()
    assert.equal(scene.told.splice(0), ['run'])
    scene.open.shift()!()
    assert.equal(scene.told, ['refuse: refusal'])
  },
)

Batch.run()

import { nothingStanding } from '../../host/delivery/standing.ts'
// Guards how a batch is decided: faults that are found one by one, states that cannot be kept, and what the function forgot.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Batches, type Decider } from '../../host/entity/batched.ts'
import type { Waiting, Work } from '../../host/entity/mailbox.ts'
import type { Turn } from '../../host/entity/model.ts'
import type { TooDear } from '../../host/entity/reading-cost.ts'
import type { TurnPlan } from '../../host/entity/turn.ts'
import { InnkeeperError } from '../../host/errors.ts'
import type { Decision, GuestCommand } from '../../host/guest/guest.ts'
import { GuestFault } from '../../host/guest/guest.ts'
import type { Change } from '../../host/outcome.ts'

const text = (data: Uint8Array) => Buffer.from(data).toString()
const event = { typeName: 'E', data: Buffer.from('x') }

/** A function that writes an event for each command, but for those whose payload says otherwise. */
class Puppet implements Decider {
  readonly id = 'e'
  readonly ref = { storage: 1, key: 'e' }
  revision = 0
  sequence = 0
  keepsRecords = true
  forgets = false
  tooDear: ((decisions: readonly Decision[]) => TooDear | undefined) | undefined
  /** Batches as they were given, and what was thrown away. */
  readonly told: string[] = []

  decide(commands: readonly GuestCommand[]): readonly Decision[] | undefined {
    const batch = commands.map(({ payload }) => text(payload))
    this.told.push(batch.join())
    if (this.forgets) return undefined
    if (batch.includes('trap')) throw new GuestFault('trap', 'boom')
    if (batch.includes('large')) throw new GuestFault('state_too_large', 'too large')
    return batch.map((what) => {
      const change: Change | undefined = what === 'delete' ? { kind: 'deleted' } : undefined
      const outcome = { answer: { kind: 'none' }, effects: [], metadata: [], logs: [] } as const
      return { events: what === 'read' || what === 'delete' ? [] : [event], change, outcome }
    })
  }

  weigh(decisions: readonly Decision[]): TooDear | undefined {
    return this.tooDear?.(decisions)
  }

  discard(): void {
    this.told.push('discard')
  }
}

/** Turns, one after the other, with a line that is the test's. */
class Scene {
  readonly puppet = new Puppet()
  full: InnkeeperError | undefined
  line: Work[] = []
  private readonly batches = new Batches(
    {
      ...{ service: 's', deployment: 1, clock: { steady: () => 0 } },
      batch: { commands: 64, took() {} },
    },
    this.puppet,
  )

  put(...payloads: readonly string[]): void {
    for (const payload of payloads) {
      const command = {
        ...{ service: 's', method: 'M', payload: Buffer.from(payload), metadata: [], idempotencyKey: undefined },
        ...{ deadlineMs: 0, hops: 0, requestId: 'r', effect: undefined },
      }
      const common = { stream: undefined, client: undefined, arrivedMs: 0, abandoned: false } as const
      this.line.push({ kind: 'command', command, reply: () => {}, ...common })
    }
  }

  turn(): TurnPlan {
    const turn: Turn = {
      nowMs: 1,
      ageMs: 2,
      places: { next: nothingSent, outward: () => undefined, owns: () => true, moved: nothingSent },
      standing: nothingStanding,
      next: () => this.line.shift(),
      seed: () => new Uint8Array(16),
      refusal: () => this.full,
    }
    const plan = this.batches.plan(turn)
    this.line = [...plan.again, ...this.line]
    return plan
  }
}

function nothingSent(): never {
  throw new Error('nothing is sent by these tests')
}

/** Steps and notes, in words. */
function shown({ steps, notes }: TurnPlan): readonly string[] {
  const what = ({ command }: Waiting) => text(command.payload)
  return [
    ...steps.map((step) => {
      if (step.kind === 'fail') return `${what(step.waiting)}: ${step.error.code}`
      return step.kind === 'reply' ? what(step.waiting) : step.kind
    }),
    ...notes.map((note) => (note.kind === 'split' ? `split ${note.commands}` : `a ${note.kind}`)),
  ]
}

const Batched = suite('a batch')

Batched('§fault-3, batched.B1: one that faulted is decided one by one, and only the guilty command fails', () => {
  const scene = new Scene()
  scene.put('a', 'trap', 'b')
  assert.equal(shown(scene.turn()), ['split 3'])
  scene.put('later')
  const turns = [scene.turn(), scene.turn(), scene.turn(), scene.turn()].map(shown)
  assert.equal(turns, [['a'], ['trap: guest_fault', 'a fault'], ['b'], ['later']])
  assert.equal(scene.puppet.told, ['a,trap,b', 'a', 'trap', 'b', 'later'])
})

Batched('what comes behind a batch that faulted is decided together again', () => {
  const scene = new Scene()
  scene.put('a', 'trap')
  scene.turn()
  scene.put('b', 'c')
  for (let turn = 0; turn < 3; turn++) scene.turn()
  assert.equal(scene.puppet.told, ['a,trap', 'a', 'trap', 'b,c'])
})

Batched('a function that forgot the state is given the same commands again, in the same order', () => {
  const scene = new Scene()
  scene.put('a', 'b')
  scene.puppet.forgets = true
  const plan = scene.turn()
  assert.equal([plan.steps, plan.records, plan.decided], [[], [], 0])
  scene.puppet.forgets = false
  scene.put('c')
  scene.turn()
  assert.equal(scene.puppet.told, ['a,b', 'a,b,c'])
})

Batched(
  '§fault-7, batched.B2: of a state that is too dear nothing is kept, and those that may be are found one by one',
  () => {
    const scene = new Scene()
    scene.puppet.tooDear = (decisions) => (decisions.length > 1 ? { bytes: 9, units: 9, unitsMax: 1 } : undefined)
    scene.put('a', 'b')
    const plan = scene.turn()
    assert.equal([shown(plan), plan.records], [['split 2'], []])
    assert.equal([scene.turn(), scene.turn()].map(shown), [['a'], ['b']])
    assert.equal(scene.puppet.told, ['a,b', 'discard', 'a', 'b'])
    scene.puppet.tooDear = () => ({ bytes: 9, units: 9, unitsMax: 1 })
    scene.put('c')
    assert.equal(shown(scene.turn()), ['c: state_too_large'])
  },
)

Batched('a state is not weighed for what only reads', () => {
  const scene = new Scene()
  scene.puppet.tooDear = () => ({ bytes: 9, units: 9, unitsMax: 1 })
  scene.put('read')
  assert.equal(shown(scene.turn()), ['read'])
})

Batched('a function that fails while its state is weighed fails its command, and what it left is thrown away', () => {
  const scene = new Scene()
  scene.puppet.tooDear = () => {
    throw new GuestFault('trap', 'cannot be written')
  }
  scene.put('a')
  assert.equal(shown(scene.turn()), ['a: guest_fault', 'a fault'])
  assert.equal(scene.puppet.told, ['a', 'discard'])
})

Batched(
  '§limit-10, batched.B2: without room on the disk what writes is refused, and what reads or deletes is not',
  () => {
    const scene = new Scene()
    scene.full = new InnkeeperError('storage_quota', 'full')
    scene.put('a', 'read', 'delete')
    assert.equal(shown(scene.turn()), ['split 3'])
    assert.equal([scene.turn(), scene.turn(), scene.turn()].map(shown), [['a: storage_quota'], ['read'], ['delete']])
  },
)

Batched('a state past its bound is refused, and is no fault of the function', () => {
  const scene = new Scene()
  scene.put('large')
  assert.equal(shown(scene.turn()), ['large: state_too_large'])
})

Batched.run()

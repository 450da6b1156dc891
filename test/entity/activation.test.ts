// Guards the life of an entity in memory, its line and its commits, whatever its model: loading, turns, failures, versions.

import pino from 'pino'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Answer } from '../../host/command.ts'
import { Newest } from '../../host/commits.ts'
import type { Places } from '../../host/delivery/chains.ts'
import { Activation } from '../../host/entity/activation.ts'
import type { EntityContext } from '../../host/entity/context.ts'
import { ReplayFault } from '../../host/entity/folded-state.ts'
import type { Waiting, Work } from '../../host/entity/mailbox.ts'
import type { Model, Turn } from '../../host/entity/model.ts'
import type { TurnPlan } from '../../host/entity/turn.ts'
import { TurnPlanner } from '../../host/entity/turn.ts'
import { InnkeeperError } from '../../host/errors.ts'
import { GuestFault } from '../../host/guest/guest.ts'
import type { Batch, IdempotencyEntry } from '../../host/journal/journal.ts'
import { defaultLimits } from '../../host/limits.ts'
import { Metrics } from '../../host/observe/metrics.ts'
import type { EntityService, Method } from '../../host/services.ts'
import { WaitingBudget } from '../../host/waiting-budget.ts'

const places: Places = { next: nothingSent, outward: () => undefined, owns: () => true, moved: nothingSent }

function nothingSent(): never {
  throw new Error('nothing is sent by these tests')
}

/** Says yes to each command, and writes one record for it. */
class Yes implements Model {
  chunks: number
  size = 0
  nowMs = 0
  readonly leftOver: readonly Work[]
  due = false
  openStreams = 0
  private readonly scene: Scene

  constructor(scene: Scene, chunks: number) {
    this.scene = scene
    this.chunks = chunks
    this.leftOver = scene.leftOver
  }

  private get told(): string[] {
    return this.scene.told
  }

  get ready(): boolean {
    return this.chunks === 0
  }

  step(): void {
    this.told.push('step')
    if (this.scene.poisoned) throw new ReplayFault(7, 'Bad', new GuestFault('trap', 'boom'))
    this.chunks -= 1
  }

  settle(): void {
    if (this.scene.settles) this.told.push('settle')
  }

  plan(turn: Turn): TurnPlan {
    this.told.push(`plan at ${turn.nowMs}`)
    const ref = { storage: 1, key: 'e' }
    const start = {
      service: 's',
      entity: 'e',
      ref,
      deployment: 1,
      revision: 0,
      sequence: 0,
      keepsRecords: true,
      ageMs: 0,
    }
    const planner = new TurnPlanner(start, places)
    for (let work = turn.next(); work !== undefined; work = turn.next()) {
      if (work.kind !== 'command') {
        if (work.kind === 'left' && work.subscription !== '') planner.unsubscribed.push(work.subscription)
        if (work.kind === 'left') this.told.push(`left ${work.subscription}`)
        continue
      }
      const command = { method: 'M', payload: new Uint8Array(), metadata: [], nowMs: turn.nowMs, seed: turn.seed() }
      const outcome = {
        answer: { kind: 'message', payload: command.payload },
        effects: [],
        metadata: [],
        logs: [],
      } as const
      const events = work.command.method === 'Write' ? [{ typeName: 'E', data: command.payload }] : []
      if (this.scene.throws) throw new TypeError('a bug')
      planner.decide({ waiting: work, command }, { events, change: undefined, outcome })
    }
    return planner.plan()
  }

  write(): void {
    this.told.push('write')
  }

  apply(): void {
    this.told.push('apply')
  }

  endStreams(error: InnkeeperError | undefined): void {
    if (this.openStreams > 0) this.told.push(`streams end: ${error?.code}`)
    this.openStreams = 0
  }
}

const method = (name: string) => ({ type: { name } }) as unknown as Method
const service = (deployment: number, kind: EntityService['kind'] = 'event-sourced') =>
  ({
    ...{ kind, name: 's', storage: 1, deployment, keyFieldCount: 1, description: { events: ['Bad'] } },
    methods: new Map([
      ['Read', method('Read')],
      ['Write', method('Write')],
    ]),
  }) as unknown as EntityService

/** An activation, what it did, and what its callers heard. */
class Scene {
  readonly told: string[] = []
  readonly answers: string[] = []
  /** Revisions that commits reached, and how many were answered before. */
  readonly changed: [revision: number, answers: number][] = []
  readonly activation: Activation
  readonly models: Yes[] = []
  /** The loop has been asked for a turn. */
  asked = false
  closed = false
  poisoned = false
  throws = false
  settles = false
  chunks = 0
  leftOver: readonly Work[] = []
  nowMs = 1_000
  full: InnkeeperError | undefined
  served: EntityService = service(1)
  /** What waits for the clock. */
  later: (() => void) | undefined
  readonly known = new Map<string, IdempotencyEntry>()
  private done: ((error?: Error) => void) | undefined

  constructor() {
    const context: Partial<Record<keyof EntityContext, unknown>> = {
      services: { get: () => this.served, keeper: () => this.served },
      outbox: { awaits: () => true, run() {} },
      journal: { pace: { slow: false }, idempotency: (_entity: unknown, key: string) => this.known.get(key) },
      keeper: {
        places,
        newest: new Newest(0, { lastCommit: () => 7 }),
        keep: (_plan: unknown, write: (batch: Pick<Batch, 'remember'>) => void, done: (error?: Error) => void) => {
          if (this.full !== undefined) return this.full
          write({ remember: (_entity, key) => void this.told.push(`remember ${key}`) })
          this.done = done
          return undefined
        },
      },
      clock: {
        now: () => this.nowMs,
        steady: () => 0,
        after: (_ms: number, work: () => void) => {
          this.later = work
          return { unref() {} }
        },
      },
      metrics: new Metrics(),
      log: pino({ level: 'silent' }),
      limits: defaultLimits,
      waiting: new WaitingBudget(defaultLimits),
      age: { now: () => 0 },
      chance: { seed: () => new Uint8Array(16) },
      disk: { refusal: () => undefined },
      changed: (_entity: unknown, revision: number) => void this.changed.push([revision, this.answers.length]),
      again: () => {
        this.asked = true
      },
      close: () => {
        this.closed = true
        this.activation.end()
      },
    }
    this.activation = new Activation(context as unknown as EntityContext, this.served, 'e', () => {
      const model = new Yes(this, this.chunks)
      this.models.push(model)
      this.told.push('load')
      return model
    })
  }

  /** A command that only reads: with the revision that it saw. */
  read(shown: (revision: number) => void): void {
    this.put('reading', 'Read', undefined, (_, revision) => shown(revision))
  }

  put(name: string, method = 'Write', idempotencyKey?: string, read?: Waiting['read']): void {
    const reply = (answer: Answer) =>
      void this.answers.push(`${name}: ${answer.kind === 'error' ? answer.error.code : answer.kind}`)
    this.activation.mailbox.put({
      kind: 'command',
      command: {
        ...{ service: 's', method, payload: new Uint8Array(), metadata: [], idempotencyKey, deadlineMs: 0, hops: 0 },
        ...{ requestId: 'r', effect: undefined },
      },
      reply,
      stream: undefined,
      client: undefined,
      arrivedMs: 0,
      abandoned: false,
      ...(read && { read }),
    })
  }

  /** A turn of the loop. */
  turn(): void {
    this.asked = false
    this.activation.turn()
  }

  /** The commit under way ends. */
  committed(error?: Error): void {
    const { done } = this
    this.done = undefined
    assert.ok(done, 'a commit is under way')
    done(error)
  }

  take(): readonly string[] {
    return this.told.splice(0)
  }
}

const Life = suite('the life of an entity')

Life('it is loaded a chunk a turn, and decides nothing before it is ready', () => {
  const scene = new Scene()
  scene.chunks = 3
  scene.put('a')
  scene.turn()
  assert.equal([scene.take(), scene.asked], [['load', 'step'], true])
  scene.turn()
  scene.turn()
  assert.equal(scene.take(), ['step', 'step', 'plan at 1000', 'write'])
})

Life(
  'activation.A7, §fault-6: one whose events cannot be folded is stuck, says so to all, and another version frees it',
  () => {
    const scene = new Scene()
    scene.chunks = 1
    scene.poisoned = true
    scene.put('a')
    scene.put('b')
    scene.turn()
    assert.equal(scene.answers.splice(0), ['a: entity_stuck', 'b: entity_stuck'])
    assert.equal([scene.activation.stuck?.cause, scene.activation.stuck?.sequence], ['trap', 7])
    scene.put('c')
    scene.turn()
    assert.equal(scene.answers.splice(0), ['c: entity_stuck'])
    scene.poisoned = false
    scene.served = service(2)
    scene.put('d')
    scene.turn()
    scene.committed()
    assert.equal([scene.answers, scene.activation.stuck], [['d: reply'], undefined])
  },
)

Life('model.M1: where another version takes over the model is void: its streams end, and a fresh one loads', () => {
  const scene = new Scene()
  scene.put('a')
  scene.turn()
  scene.committed()
  scene.models[0]!.openStreams = 2
  scene.served = service(2)
  scene.take()
  scene.put('b')
  scene.turn()
  assert.equal(scene.take(), ['streams end: service_replaced', 'load', 'plan at 1000', 'write'])
})

Life('what is served as another kind now, or no more, is told to all that wait, and the entity is given up', () => {
  const scene = new Scene()
  scene.served = service(2, 'value')
  scene.put('a')
  scene.put('b')
  scene.turn()
  assert.equal([scene.answers, scene.closed], [['a: service_replaced', 'b: service_replaced'], true])
})

Life('§memory-3: it is idle when nothing waits, nothing is in flight and nobody listens', () => {
  const scene = new Scene()
  assert.ok(scene.activation.idle)
  scene.put('a')
  assert.not.ok(scene.activation.idle)
  scene.turn()
  assert.not.ok(scene.activation.idle)
  scene.committed()
  assert.ok(scene.activation.idle)
  scene.models[0]!.openStreams = 1
  assert.not.ok(scene.activation.idle)
})

Life('before it leaves the memory its model settles, and then no turn is taken', () => {
  const scene = new Scene()
  scene.put('a')
  scene.turn()
  scene.committed()
  scene.take()
  scene.settles = true
  scene.activation.passivate()
  assert.equal(scene.take(), ['settle'])
  scene.put('b')
  scene.turn()
  assert.equal(scene.take(), [])
})

Life('activation.A6: time goes on when the clock goes back, also for a fresh model', () => {
  const scene = new Scene()
  scene.nowMs = 5_000
  scene.put('a')
  scene.turn()
  scene.committed()
  scene.nowMs = 4_000
  scene.served = service(2)
  scene.put('b')
  scene.turn()
  assert.equal(
    scene.take().filter((told) => told.startsWith('plan')),
    ['plan at 5000', 'plan at 5000'],
  )
})

Life('replicated.R3: what an earlier life left comes before all that waits', () => {
  const scene = new Scene()
  scene.leftOver = [{ kind: 'left', subscription: 'x' }]
  scene.put('a')
  scene.turn()
  assert.equal(scene.take(), ['load', 'plan at 1000', 'left x', 'write'])
})

Life.run()

const Line = suite('the line of an entity')

Line('model.M3, §command-1, activation.A1: while a commit is on its way the line waits', () => {
  const scene = new Scene()
  scene.put('a')
  scene.turn()
  scene.put('b')
  scene.take()
  scene.turn()
  assert.equal([scene.take(), scene.activation.runnable], [[], false])
  scene.committed()
  assert.ok(scene.asked)
  scene.turn()
  assert.equal(scene.take(), ['apply', 'plan at 1000', 'write'])
})

Line('activation.A2, hand.H1: commands with one idempotency key are not decided in one turn', () => {
  const scene = new Scene()
  scene.put('a', 'Write', 'k')
  scene.put('b', 'Write', 'other')
  scene.put('c', 'Write', 'k')
  scene.put('d')
  scene.turn()
  scene.committed()
  assert.equal(scene.answers, ['a: reply', 'b: reply'])
  scene.turn()
  scene.committed()
  assert.equal(scene.answers.slice(2), ['c: reply', 'd: reply'])
})

Line('§idempotency-3: a key that was used for something else is a conflict, which needs no decision', () => {
  const scene = new Scene()
  scene.known.set('k', { method: 'Read', payloadHash: new Uint8Array(), atMs: 0, revision: 1, final: undefined })
  scene.put('a', 'Write', 'k')
  scene.turn()
  assert.equal(scene.answers, ['a: idempotency_conflict'])
})

Line('hand.H3: a turn takes as many commands as a batch may have, and asks for another one', () => {
  const scene = new Scene()
  for (let at = 0; at <= defaultLimits.batchCommandsMax; at++) scene.put(`${at}`, 'Read')
  scene.turn()
  assert.equal([scene.answers.length, scene.asked], [defaultLimits.batchCommandsMax, true])
})

Line('a method that is not there is refused, and its neighbours are decided', () => {
  const scene = new Scene()
  scene.put('a', 'Nothing')
  scene.put('b', 'Read')
  scene.turn()
  assert.equal(scene.answers, ['a: unknown_method', 'b: reply'])
})

Line.run()

const Commit = suite('the commits of an entity')

Commit('§command-3, activation.A3: callers hear once it is on disk; what writes nothing is answered at once', () => {
  const scene = new Scene()
  scene.put('a', 'Read')
  scene.turn()
  assert.equal(scene.answers.splice(0), ['a: reply'])
  scene.put('b')
  scene.turn()
  assert.equal([scene.answers, scene.take().at(-1)], [[], 'write'])
  scene.committed()
  assert.equal([scene.answers, scene.take()], [['b: reply'], ['apply']])
})

Commit('activation.A8: that the entity changed is told once it is on disk, before anybody is answered', () => {
  const scene = new Scene()
  scene.put('a', 'Read')
  scene.turn()
  assert.equal(scene.changed, [])
  scene.put('b')
  scene.turn()
  assert.equal(scene.changed, [])
  scene.committed()
  assert.equal([scene.changed, scene.answers], [[[1, 1]], ['a: reply', 'b: reply']])
})

Commit('activation.A5, hand.H2: when the commit fails all of the turn hear so, and the activation is closed', () => {
  const scene = new Scene()
  const news: string[] = []
  scene.put('a')
  scene.put('b', 'Read')
  scene.activation.mailbox.put({
    kind: 'news',
    delta: new Uint8Array(),
    done: (error) => void news.push(error instanceof InnkeeperError ? error.code : 'well'),
  })
  scene.turn()
  scene.put('c')
  scene.take()
  scene.committed(new InnkeeperError('outcome_unknown', 'who knows'))
  assert.equal([scene.answers, news], [['a: outcome_unknown', 'b: outcome_unknown'], ['outcome_unknown']])
  assert.equal([scene.closed, scene.take(), scene.activation.mailbox.size], [true, [], 1])
})

Commit(
  'activation.A4: without room in the outbox callers hear why, and a fresh model goes on from what is on disk',
  () => {
    const scene = new Scene()
    scene.full = new InnkeeperError('overloaded', 'full')
    scene.put('a')
    scene.turn()
    assert.equal([scene.answers.splice(0), scene.take()], [['a: overloaded'], ['load', 'plan at 1000']])
    assert.not.ok(scene.closed)
    scene.full = undefined
    scene.put('b')
    scene.turn()
    scene.committed()
    assert.equal([scene.answers, scene.take()], [['b: reply'], ['load', 'plan at 1000', 'write', 'apply']])
  },
)

Commit('activation.A4: what is no command is tried again after a rest', () => {
  const scene = new Scene()
  scene.full = new InnkeeperError('overloaded', 'full')
  scene.activation.mailbox.put({ kind: 'left', subscription: 'x' })
  scene.turn()
  assert.equal([scene.activation.mailbox.size, scene.activation.runnable], [1, false])
  scene.full = undefined
  scene.later!()
  assert.ok(scene.asked)
  scene.turn()
  assert.is(scene.take().at(-1), 'write')
})

Commit('activation.A4: what only reads is read in the next turn, and delays no command', () => {
  const scene = new Scene()
  scene.full = new InnkeeperError('overloaded', 'full')
  const shown: number[] = []
  scene.put('a')
  scene.read((revision) => void shown.push(revision))
  scene.turn()
  assert.equal([scene.answers, shown, scene.activation.runnable], [['a: overloaded'], [], true])
  scene.turn()
  assert.equal([scene.answers, shown], [['a: overloaded'], [0]])
})

Commit(
  'a turn that throws is answered as failed to all that it took and all that wait, and the activation is closed',
  () => {
    const scene = new Scene()
    scene.throws = true
    scene.put('a')
    scene.put('b')
    scene.turn()
    assert.equal([scene.answers, scene.closed], [['a: internal', 'b: internal'], true])
  },
)

Commit.run()

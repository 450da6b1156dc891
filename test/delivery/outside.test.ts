// Guards effects and forwards that leave the host for a connector: when they leave, what is tried again, and what their answers become.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../host/clock.ts'
import type { Answer, Command } from '../../host/command.ts'
import type { Answered, Outside, OutwardCall } from '../../host/connectors/connector.ts'
import { laneOf } from '../../host/delivery/itself.ts'
import { backOffMs, Outbox } from '../../host/delivery/outbox.ts'
import type { Asked, EffectEntry } from '../../host/effect.ts'
import { GroupCommit } from '../../host/journal/group-commit.ts'
import { defaultLimits } from '../../host/limits.ts'
import { Outbound, outsideOf, targets } from '../../host/outbound.ts'
import type { Partitions } from '../../host/partition.ts'
import { Placement } from '../../host/placement.ts'
import type { Services } from '../../host/services.ts'
import { temporary } from '../support/host.ts'
import { keeperOf } from '../support/keeping.ts'
import { protos } from '../support/protos.ts'
import { memoryStore } from '../support/store.ts'
import { VirtualTime } from '../support/virtual.ts'

const { schema } = await protos({
  'shop.proto': `syntax = "proto3"; package shop.v1; import "innkeeper/options.proto";
    import "innkeeper/http/v1/http.proto";
    message Charge { string order = 1; }
    service Payments {
      option (innkeeper.connector) = { name: "payments", protocol: GRPC };
      rpc Take(Charge) returns (Charge);
    }`,
})

const payments = { service: 'shop.v1.Payments', method: 'Take', payload: Uint8Array.of(1), metadata: [] }
const slow = 99
const fetching = (first: number) => ({
  ...{ service: 'innkeeper.http.v1.Http', method: 'Fetch', payload: Uint8Array.of(first), metadata: [] },
})
const answer: Asked = { method: 'Taken', note: new Uint8Array(), hops: 0 }
const yes: Answered = { kind: 'reply', payload: Uint8Array.of(7) }

function no(reason: 'REFUSED' | 'NOT_SENT' | 'UNKNOWN', again: boolean, afterMs?: number): Answered {
  return { kind: 'failure', failure: { code: 14, message: 'no', details: [] }, reason, again, afterMs }
}

/** A host's delivery, with an outside world that a test plays. */
class Played {
  readonly time = new VirtualTime(() => 0)
  readonly calls: { readonly call: OutwardCall; readonly done: (answered: Answered) => void }[] = []
  /** Answers that came back to entities. */
  readonly heard: EffectEntry[] = []
  readonly parked: string[] = []
  readonly outbound: Outbound
  readonly store = memoryStore(1)
  readonly commits = new GroupCommit(this.store)
  outbox: Outbox
  /** How many calls may be under way. */
  room = Number.POSITIVE_INFINITY
  roomOf = (_service: string) => Number.POSITIVE_INFINITY
  refused: string | undefined
  held = false
  private underWay = 0
  private life = this.time.life()

  constructor() {
    const services = {
      get: (name: string) => (name.startsWith('shop.v1.Order') ? { schema } : undefined),
    } as unknown as Services
    const outside = {
      connectorOf: ({ request }) => `fetch-${request[0]}`,
      enter: ({ from, request }) => {
        if (request[0] === slow) return 1_000_000
        if (this.underWay >= Math.min(this.room, this.roomOf(from))) return 1_000
        this.underWay += 1
        return 0
      },
      refused: () => this.refused,
      call: (call, done) => {
        const ended = (answered: Answered) => {
          this.underWay -= 1
          done(answered)
        }
        this.calls.push({ call, done: ended })
      },
    } as Partial<Outside> as Outside
    let seeds = 0
    this.outbound = new Outbound({
      ...{ outside, services, clock: this.life, held: () => this.held },
      ...{ directory: '', log: pino({ level: 'silent' }) },
      chance: { seed: () => new Uint8Array(16).fill(++seeds), id: () => '' },
      outbox: () => this.outbox,
      partitions: () => this.partitions(),
    })
    this.outbox = this.makeOutbox()
  }

  private partitions(): Partitions {
    const keeper = keeperOf(this.outbox, this.commits.of(0))
    return { placement: new Placement(1), all: [{ keeper }] } as unknown as Partitions
  }

  private makeOutbox(): Outbox {
    const command = {
      deliver: (entry: EffectEntry, _: number, begins: () => boolean) => begins() && this.heard.push(entry),
      unserved: () => undefined,
    }
    return new Outbox({
      partitions: this.store.journals.map((journal, at) => ({ journal, commits: this.commits.of(at) })),
      ...{ limits: defaultLimits, log: pino({ level: 'silent' }), clock: this.life },
      ...{ target: targets(command, this.outbound.target), outward: this.outbound.outward },
      ...{ toItself: () => false, mayHaveHappened: () => false, delivered() {} },
      lane: (entry) => laneOf({ get: () => undefined } as unknown as Services, entry),
      parked: (service) => this.parked.push(service),
    })
  }

  /** As a decision of an entity sends it. */
  send(entity: string, more: Partial<EffectEntry> = {}, service = 'shop.v1.Order'): EffectEntry {
    const cause = { service, entity, revision: 1 }
    const entry: EffectEntry = {
      ...this.outbox.places(0).next(undefined),
      ...{ cause, call: payments, synchronous: false, hops: 1, attempts: 0, parked: undefined },
      ...{ from: { storage: 1, key: entity } },
      outward: this.outbound.outward(service, payments.service)!,
      ...more,
    }
    keeperOf(this.outbox, this.commits.of(0)).keep({ enqueued: [entry], arrived: [] }, nothing, nothing)
    this.commits.flush()
    this.outbox.run([entry], 0, nothing)
    return entry
  }

  ask(entity: string, more: Partial<EffectEntry> = {}, service?: string): EffectEntry {
    return this.send(entity, { answer, ...more }, service)
  }

  async passes(ms: number): Promise<void> {
    this.commits.flush()
    await this.time.run(this.time.nowMs + ms)
    this.commits.flush()
    await this.time.run(this.time.nowMs)
  }

  /** The n-th call that ever left, answered. */
  async answers(n: number, answered: Answered): Promise<void> {
    this.calls[n]!.done(answered)
    await this.passes(0)
  }

  /** What is on disk. */
  get stored(): readonly EffectEntry[] {
    return this.store.journal.outbox(0, 100)
  }

  /** The process ends and another begins. */
  async restart(): Promise<void> {
    this.commits.flush()
    this.outbox.stop()
    this.outbound.target.stop()
    this.underWay = 0
    this.outbox = this.makeOutbox()
    assert.ok(await ended(this.time, this.outbox.load()))
    await ended(this.time, this.outbox.takeUp(true))
    await this.passes(0)
  }
}

async function ended<T>(time: VirtualTime, work: Promise<T>): Promise<T> {
  let over = false
  const result = work.finally(() => (over = true))
  await time.run(time.nowMs, () => over)
  return await result
}

function nothing(): void {}

/** What an answer says of a failure: REFUSED, NOT_SENT or UNKNOWN. */
function told(entry: EffectEntry | undefined): string | undefined {
  const text = Buffer.from(entry?.call.payload ?? []).toString('latin1')
  return /REFUSED|NOT_SENT|UNKNOWN/.exec(text)?.[0]
}

const Leaving = suite('effects that leave the host')

Leaving(
  'outside.X1, §connector-5: the answer of an ask takes its place in one commit; any other effect is gone',
  async () => {
    const host = new Played()
    const asked = host.ask('a')
    await host.answers(0, yes)
    assert.equal(
      host.stored.map(({ id, call, outward }) => [id, call.method, outward]),
      [[asked.id, 'Taken', undefined]],
    )
    assert.equal(
      host.heard.map(({ id, to }) => [id, to]),
      [[asked.id, asked.from]],
    )
    host.send('b')
    await host.answers(1, yes)
    assert.is(host.stored.length, 1)
    assert.equal([host.calls.length, host.parked], [2, []])
  },
)

Leaving(
  'plan.P4, §connector-6: all tries have one key, also after a restart, and no two effects have the same',
  async () => {
    const host = new Played()
    host.ask('a')
    host.ask('b')
    await host.answers(0, no('NOT_SENT', true))
    await host.passes(backOffMs[0])
    await host.restart()
    const keys = host.calls.map(({ call }) => [call.key, call.attempt])
    const [[a], [b]] = keys as [[string], [string]]
    assert.is.not(a, b)
    assert.match(a, /^[a-z2-7]{26}$/)
    assert.equal(keys, [
      ...[
        [a, 1],
        [b, 1],
        [a, 2],
      ],
      ...[
        [a, 2],
        [b, 1],
      ],
    ])
  },
)

Leaving('outbox.O12: the grant says how often, and the provider how soon; then the failure is the answer', async () => {
  const host = new Played()
  host.ask('a')
  await host.answers(0, no('NOT_SENT', true, 5_000))
  await host.passes(4_999)
  assert.is(host.calls.length, 1)
  await host.passes(1)
  assert.is(host.calls.length, 2)
  // A refusal that the grant says to try again is none yet.
  await host.answers(1, no('REFUSED', true))
  await host.passes(backOffMs[1])
  assert.is(host.calls.length, 3)
  await host.answers(2, no('NOT_SENT', false))
  assert.equal([host.heard.map(told), host.parked], [['NOT_SENT'], []])
  // More tries than the host itself would make of a command.
  host.send('b')
  for (let tries = 3; tries < 12; tries++) {
    await host.answers(tries, no('UNKNOWN', true))
    await host.passes(60_000)
  }
  assert.is(host.calls.at(-1)!.call.attempt, 10)
  await host.answers(12, no('REFUSED', false))
  assert.equal(host.parked, ['shop.v1.Order'])
})

Leaving('outbox.O12: after a try that may have happened none says that it did not, also after a restart', async () => {
  const host = new Played()
  host.ask('a')
  host.ask('b')
  assert.equal(
    host.calls.map(({ call }) => call.unsure),
    [false, false],
  )
  await host.answers(0, no('UNKNOWN', true))
  await host.passes(backOffMs[0])
  assert.is(host.calls[2]!.call.unsure, true)
  await host.restart()
  assert.equal(
    host.calls.slice(3).map(({ call }) => [call.unsure, call.attempt]),
    [
      [true, 2],
      [true, 1],
    ],
  )
  // A host that ended took no try: ten restarts later it is still the first.
  for (let times = 0; times < 10; times++) await host.restart()
  assert.is(host.calls.at(-1)!.call.attempt, 1)
  assert.is(host.heard.length, 0)
})

Leaving(
  '§connector-7: whose time is up while it is under way may have happened; while it waits, it did not',
  async () => {
    const host = new Played()
    host.room = 1
    const untilMs = host.time.life().now() + 2_000
    host.ask('a', { untilMs })
    host.ask('b', { untilMs })
    await host.passes(2_000)
    assert.equal(host.heard.map((entry) => [entry.cause.entity, told(entry)]).sort(), [
      ['a', 'UNKNOWN'],
      ['b', 'NOT_SENT'],
    ])
    // What comes too late changes nothing, and what waited never leaves.
    await host.answers(0, yes)
    await host.passes(10_000)
    assert.equal([host.calls.length, host.heard.length], [1, 2])
  },
)

Leaving(
  '§connector-8, outside.X2, waiting-line.W1: who waits for room takes turns by service, is not tried, and can be cancelled',
  async () => {
    const host = new Played()
    host.room = 1
    const many = ['a', 'b', 'c'].map((entity) => host.ask(entity, { name: 'pay' }))
    host.ask('z', {}, 'shop.v1.Orders')
    const { outbox } = host
    assert.is(outbox.named({ storage: 1, key: 'a' }, 'pay'), undefined)
    assert.equal(outbox.named({ storage: 1, key: 'b' }, 'pay'), { where: 'outbox', id: many[1]!.id })
    outbox.drop(many[1]!.id)
    for (let n = 0; n < 3; n++) await host.answers(n, yes)
    assert.equal(
      host.heard.map(({ cause }) => cause.entity),
      ['a', 'z', 'c'],
    )
    assert.equal(host.stored.filter(({ call }) => call === payments).length, 0)
  },
)

Leaving('waiting-line.W2: where nothing ends, room is asked for again when its time has come', async () => {
  const host = new Played()
  host.room = 0
  host.ask('a')
  await host.passes(900)
  host.room = 1
  await host.passes(99)
  assert.is(host.calls.length, 0)
  await host.passes(1)
  assert.is(host.calls.length, 1)
})

Leaving('outbox.O12, lanes.L2: what an entity sends to a connector leaves one by one, in order', async () => {
  const host = new Played()
  const sent = [1, 2, 3, 4].map((n) => host.ask('a', { call: { ...payments, payload: Uint8Array.of(n) } }))
  host.ask('b')
  assert.equal(
    host.calls.map(({ call }) => [...call.request]),
    [[1], [1]],
  )
  await host.answers(0, no('NOT_SENT', true))
  assert.is(host.calls.length, 2)
  await host.passes(backOffMs[0])
  host.outbox.drop(sent[1]!.id)
  await host.answers(2, no('REFUSED', false))
  await host.answers(3, yes)
  await host.answers(4, yes)
  assert.equal(
    host.calls.slice(2).map(({ call }) => [...call.request]),
    [[1], [3], [4]],
  )
  assert.is(host.heard.length, 3)
})

Leaving('lanes.L2: three thousand that wait behind one are each looked at a few times', async () => {
  const host = new Played()
  const count = 3_000
  for (let n = 0; n < count; n++) host.ask('a')
  let looked = 0
  const { awaits } = host.outbox
  host.outbox.awaits = (entry) => {
    looked += 1
    return awaits.call(host.outbox, entry)
  }
  for (let n = 0; n < count; n++) await host.answers(n, yes)
  assert.is(host.heard.length, count)
  assert.ok(looked < 20 * count, `${looked}`)
})

Leaving(
  'outside.X3, §connector-2: what is not granted or not declared waits, and so does all of a copied directory',
  async () => {
    const host = new Played()
    host.refused = 'payments is not granted'
    host.ask('a')
    await host.passes(600_000)
    await host.restart()
    host.refused = undefined
    host.held = true
    await ended(host.time, host.outbox.served())
    assert.equal([host.calls.length, host.heard.length, host.parked], [0, 0, []])
    host.held = false
    await ended(host.time, host.outbox.served())
    assert.is(host.calls.length, 1)
  },
)

Leaving('outside.X3, §connector-2: what waits for room when its grant is taken away waits for the grant', async () => {
  const host = new Played()
  host.room = 1
  for (const entity of ['a', 'b', 'c']) host.ask(entity)
  host.refused = 'payments is not granted'
  host.outbound.look()
  await host.answers(0, yes)
  await host.passes(600_000)
  assert.equal([host.calls.length, host.heard.length, host.parked], [1, 1, []])
  host.refused = undefined
  await ended(host.time, host.outbox.served())
  await host.answers(1, yes)
  await host.answers(2, yes)
  assert.equal(
    host.heard.map(({ cause }) => cause.entity),
    ['a', 'b', 'c'],
  )
})

Leaving('waiting-line.W1: who comes new is not kept waiting by others that find no room', async () => {
  const host = new Played()
  host.roomOf = (service) => (service === 'shop.v1.Order' ? 0 : 1)
  host.ask('a')
  host.ask('b', {}, 'shop.v1.Orders')
  assert.equal(
    host.calls.map(({ call }) => call.from),
    ['shop.v1.Orders'],
  )
})

Leaving('§connector-8: a Fetch that waits for room keeps no Fetch that goes through another connector', async () => {
  const host = new Played()
  host.ask('a', { call: fetching(slow) })
  host.ask('b', { call: fetching(1) })
  host.ask('c', { call: fetching(2) }, 'shop.v1.Orders')
  assert.equal(
    host.calls.map(({ call }) => [...call.request]),
    [[1], [2]],
  )
  assert.equal(
    ['fetch-99', 'fetch-1'].map((name) => host.outbound.target.waitingAt(name)),
    [1, 0],
  )
})

Leaving('waiting-line.W3: what is gone does not wait for its turn', async () => {
  const host = new Played()
  host.room = 0
  host.ask('first')
  const waiting: number[] = []
  for (let n = 0; n < 10; n++) {
    for (let m = 0; m < 1_000; m++) host.outbox.drop(host.ask('a').id)
    waiting.push(host.outbound.target.waitingAt('payments'))
  }
  assert.ok(Math.max(...waiting) < 2_500, waiting.join())
  host.room = 1
  await host.passes(1_000)
  assert.is(host.calls.length, 1)
})

Leaving(
  'outbox.O12: what is parked after a try that may have happened is tried by hand as one that may have',
  async () => {
    const host = new Played()
    const sent = host.send('a')
    await host.answers(0, no('UNKNOWN', false))
    await host.restart()
    void host.outbox.retry(sent.id, 1_000)
    await host.passes(0)
    assert.equal(
      host.calls.map(({ call }) => call.unsure),
      [false, true],
    )
  },
)

const Forwards = suite('forwards that leave the host')

function forwarded(host: Played, more: Partial<Command> = {}): Answer[] {
  const answers: Answer[] = []
  const command: Command = {
    ...payments,
    ...{
      by: { service: 'shop.v1.Order', metadata: [] },
      idempotencyKey: undefined,
      deadlineMs: Number.POSITIVE_INFINITY,
      hops: 1,
      requestId: 'r',
    },
    effect: undefined,
    ...more,
  }
  assert.is(host.outbound.leaves(command), true)
  host.outbound.target.forwarded(command, (answer) => answers.push(answer))
  return answers
}

Forwards('outside.X4: a refusal is the answer; what may have happened is no answer that is kept', async () => {
  const host = new Played()
  const answers = [yes, no('REFUSED', false), no('NOT_SENT', true), no('UNKNOWN', true)].map((answered, n) => {
    const told = forwarded(host)
    host.calls[n]!.done(answered)
    return told
  })
  assert.equal(
    answers.map(([one, ...more]) => [one!.kind, one!.kind === 'error' ? one!.error.code : '', more.length]),
    [
      ['reply', '', 0],
      ['refusal', '', 0],
      ['error', 'unavailable', 0],
      ['error', 'outcome_unknown', 0],
    ],
  )
})

Forwards('§connector-6: the key of a caller is the key of what its forward sends', () => {
  const host = new Played()
  forwarded(host, { idempotencyKey: 'forward:1' })
  forwarded(host)
  forwarded(host)
  const [first, ...others] = host.calls.map(({ call }) => call.key)
  assert.is(first, 'forward:1')
  assert.is.not(others[0], others[1])
})

Forwards('outbound.B1: a service is a connector to whose component declares it, and to nobody else', () => {
  const host = new Played()
  const command = { ...payments, hops: 1, effect: undefined, requestId: '', idempotencyKey: undefined, deadlineMs: 0 }
  const by = (service: string) => host.outbound.leaves({ ...command, by: { service, metadata: [] } })
  assert.equal([by('shop.v1.Order'), by('other.v1.Order'), host.outbound.leaves(command)], [true, false, false])
  assert.is(host.outbound.outward('other.v1.Order', payments.service), undefined)
  assert.is(host.outbound.outward('shop.v1.Order', 'shop.v1.Order'), undefined)
})

Forwards(
  'a serving thread that follows another has the grants that are in innkeeper.json by now, if it can be read',
  () => {
    const folder = temporary()
    const file = join(folder.path, 'innkeeper.json')
    const grants = (name: string) => ({ connectors: { [name]: { url: 'https://x.example', services: ['*'] } } })
    const names = (again: boolean) =>
      outsideOf({ directory: folder.path, outside: grants('first') }, systemClock, again)
        .granted()
        .map(({ connector }) => connector)
    writeFileSync(file, JSON.stringify(grants('second')))
    assert.equal([names(false), names(true)], [['first'], ['second']])
    for (const wrong of ['{', JSON.stringify(grants('Wrong Name'))]) {
      writeFileSync(file, wrong)
      assert.equal(names(true), ['first'])
    }
    folder.remove()
  },
)

Forwards('a forward that an effect became arrives once, and its entry goes', async () => {
  const host = new Played()
  const effect = host.ask('a')
  await host.answers(0, no('UNKNOWN', true))
  const answers = forwarded(host, { effect })
  host.calls[1]!.done(yes)
  await host.passes(0)
  assert.equal(answers, [{ kind: 'reply', payload: Uint8Array.of(7), metadata: [] }])
  assert.equal(
    host.stored.map(({ call }) => call.method),
    ['Taken'],
  )
})

Forwards('no more than a thousand wait at a connector', () => {
  const host = new Played()
  host.room = 0
  const answers = Array.from({ length: 1_001 }, () => forwarded(host))
  assert.is(answers.flat().length, 1)
  const [refused] = answers.flat()
  assert.is(refused?.kind === 'error' && refused.error.code, 'overloaded')
})

Leaving.run()
Forwards.run()

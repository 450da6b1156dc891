// Guards the outbox by itself: tries are counted on disk, what was decided is not brought back, and a try by hand says what it came to.

import { pino } from 'pino'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { nextTurn, systemClock } from '../../host/clock.ts'
import type { Answer, Command, Reply } from '../../host/command.ts'
import { backOffMs, Outbox, pieceMax } from '../../host/delivery/outbox.ts'
import { commandTarget } from '../../host/delivery/targets/command.ts'
import type { EffectEntry } from '../../host/effect.ts'
import { InnkeeperError } from '../../host/errors.ts'
import { GroupCommit } from '../../host/journal/group-commit.ts'
import { defaultLimits } from '../../host/limits.ts'
import { call } from '../support/journal.ts'
import { keeperOf } from '../support/keeping.ts'
import { memoryStore } from '../support/store.ts'
import { countedInTurns } from '../support/turns.ts'

const Sending = suite('outbox')

function made() {
  const { journal } = memoryStore()
  const commits = new GroupCommit({ journals: [journal], flush() {} })
  /** Services that cannot be run. */
  const away = new Set<string>()
  const sent: { command: Command; reply: Reply; onDisk: readonly EffectEntry[] }[] = []
  const outbox = new Outbox({
    partitions: [{ journal, commits: commits.of(0) }],
    ...{ limits: defaultLimits, log: pino({ level: 'silent' }) },
    clock: { ...systemClock, now: () => 0, steady: () => 0 },
    target: commandTarget({
      clock: { now: () => 0 },
      deployed: () => true,
      unserved: (service) => (away.has(service) ? `${service} cannot be run` : undefined),
      dispatch: (command, reply) => sent.push({ command, reply, onDisk: journal.outbox(0, 100) }),
    }),
    toItself: () => false,
    outward: () => undefined,
    mayHaveHappened: () => false,
    lane: () => undefined,
    delivered() {},
    parked() {},
  })
  return { journal, commits, outbox, sent, away }
}

type Made = ReturnType<typeof made>

/** What a start does, or a store that was reopened. */
async function resume({ outbox, commits }: Made, interrupted: boolean): Promise<void> {
  assert.ok(await outbox.load())
  await outbox.takeUp(interrupted)
  commits.flush()
}

/** Put an entry on disk, as an entity's commit does, and let the outbox know. */
function caused({ commits, outbox }: Made, more: Partial<EffectEntry> = {}): EffectEntry {
  const cause = { service: 's', entity: 'e', revision: 1 }
  const place = outbox.places(0).next(more.chain)
  const entry: EffectEntry = {
    ...place,
    cause,
    call,
    synchronous: false,
    hops: 1,
    attempts: 0,
    parked: undefined,
    ...more,
  }
  commits.of(0).join(
    (batch) => outbox.write(0, batch, [entry], []),
    () => outbox.committed(0, [entry], []),
  )
  commits.flush()
  return entry
}

/** The target's commit takes the entry out. */
function arrives({ commits, outbox }: Made, { id }: EffectEntry): void {
  outbox.joined([], [id])
  commits.of(0).join(
    (batch) => outbox.write(0, batch, [], [id]),
    (error) => {
      if (error === undefined) outbox.committed(0, [], [id])
    },
  )
}

const refusal = (code: number): Answer => ({
  kind: 'refusal',
  failure: { code, message: 'no', details: [] },
  metadata: [],
})
const late: Answer = { kind: 'error', error: new InnkeeperError('deadline_exceeded', 'too late') }
const attempts = ({ journal }: Made) => journal.outbox(0, 100).map((entry) => entry.attempts)

Sending('§effect-7, outbox.O5: a try that failed is counted on disk', () => {
  const all = made()
  all.outbox.run([caused(all)], 0, () => {})
  assert.equal(attempts(all), [0])
  all.sent[0]!.reply(refusal(14))
  all.commits.flush()
  assert.equal(attempts(all), [1])
  all.outbox.stop()
})

Sending(
  '§effect-8, outbox.O6: an effect on a service that cannot be run waits, untried, over starts, and is sent once it can be',
  async () => {
    const all = made()
    all.away.add(call.service)
    const entry = caused(all)
    for (let start = 0; start <= backOffMs.length; start++) {
      await resume(all, true)
    }
    await all.outbox.served()
    assert.equal([all.sent.length, attempts(all), all.outbox.find(entry.id)?.parked], [0, [0], undefined])
    all.away.clear()
    await all.outbox.served()
    assert.is(all.sent.length, 1)
    arrives(all, entry)
    all.commits.flush()
    await all.outbox.served()
    assert.equal([all.sent.length, all.outbox.size], [1, 0])
  },
)

Sending(
  'outbox.O6: whoever waits for a synchronous one goes on once it has arrived; a try by hand says what it waits for',
  async () => {
    const all = made()
    all.away.add(call.service)
    let done = 0
    const entry = caused(all, { synchronous: true })
    all.outbox.run([entry], 60_000, () => {
      done += 1
    })
    assert.equal([all.sent.length, done], [0, 0])
    all.away.clear()
    await all.outbox.served()
    arrives(all, entry)
    all.commits.flush()
    all.sent[0]!.reply({ kind: 'reply', payload: new Uint8Array(), metadata: [] })
    assert.is(done, 1)
    all.away.add(call.service)
    const parked = caused(all, { parked: 'no' })
    const became = all.outbox.retry(parked.id, 10_000)
    all.commits.flush()
    assert.equal(await became, { became: 'waiting', reason: `${call.service} cannot be run` })
    all.outbox.stop()
  },
)

Sending(
  '§effect-7, outbox.O5: what was under way when a process ended counts before it is tried again, and is parked in the end',
  async () => {
    const all = made()
    caused(all)
    for (let start = 1; start <= backOffMs.length; start++) {
      await resume(all, true)
      assert.is(all.sent.length, start)
      assert.is(all.sent.at(-1)!.onDisk[0]!.attempts, start)
    }
    await resume(all, true)
    assert.is(all.sent.length, backOffMs.length)
    const [entry] = all.journal.outbox(0, 100)
    assert.match(entry!.parked!, /tried 6 times, and the host ended while it was under way/)
    // A store that was only reopened interrupted nothing.
    const other = made()
    caused(other)
    await resume(other, false)
    assert.equal([other.sent.length, attempts(other)], [1, [0]])
  },
)

Sending('outbox.O5: tries that failed give up no ask whose time is not up, also after a start', async () => {
  const all = made()
  const from = { storage: 1, key: 'e' }
  const answer = { method: 'Heard', note: new Uint8Array(), hops: 0 }
  const entry = caused(all, { from, answer, untilMs: Date.now() + 3_600_000 })
  all.outbox.run([entry], 0, () => {})
  for (let tries = 1; tries <= 3 * backOffMs.length; tries++) {
    all.sent.at(-1)!.reply({ kind: 'error', error: new InnkeeperError('overloaded', 'no room') })
    all.commits.flush()
    await resume(all, false)
    assert.is(all.sent.length, tries + 1)
  }
  await resume(all, true)
  assert.is(all.sent.length, 3 * backOffMs.length + 2)
  assert.is(all.outbox.find(entry.id)?.to, undefined)
  all.outbox.stop()
})

Sending('outbox.O2: a try that is too late does not bring back what its target decides in the same turn', () => {
  for (const answer of [late, refusal(9)]) {
    for (const before of [true, false]) {
      const all = made()
      const entry = caused(all)
      all.outbox.run([entry], 0, () => {})
      if (before) arrives(all, entry)
      all.sent[0]!.reply(answer)
      if (!before) arrives(all, entry)
      all.commits.flush()
      assert.equal(all.journal.outbox(0, 100), [])
      assert.not(all.outbox.awaits(entry))
      all.outbox.stop()
    }
  }
})

Sending('§effect-14: a try by hand says what it came to', async () => {
  const all = made()
  const entry = caused(all, { parked: 'no', attempts: 5, hops: defaultLimits.hopsMax + 1 })
  assert.is(all.outbox.retry(99, 10), undefined)
  const tried = async (answer: () => void) => {
    const became = all.outbox.retry(entry.id, 20)!
    all.commits.flush()
    answer()
    all.commits.flush()
    return await became
  }
  assert.equal(await tried(() => all.sent.at(-1)!.reply(refusal(5))), {
    became: 'parked',
    reason: 'refused with NOT_FOUND: no',
  })
  // It had gone too many hops: a new chain.
  assert.is(all.sent[0]!.command.hops, 0)
  assert.equal(await tried(() => {}), { became: 'under way' })
  assert.is((await all.outbox.retry(entry.id, 20)!).became, 'waiting')
  all.sent.at(-1)!.reply(refusal(5))
  all.commits.flush()
  assert.equal(await tried(() => arrives(all, entry)), { became: 'delivered' })
  assert.equal(all.outbox.list(), [])
})

/** Many, on disk. */
async function manyCaused(count: number, more: Partial<EffectEntry> = {}): Promise<Made> {
  const all = made()
  for (let at = 0; at < count; at++) caused(all, more)
  return all
}

Sending('outbox.O8: what is stored is read, taken up and tried so many a turn, all of it, in order', async () => {
  const count = 3 * pieceMax + 7
  const all = await manyCaused(count)
  const more = { ...all.journal.outbox(0, 1)[0]!, id: 1_000_000 }
  await nextTurn(systemClock)
  const rows = countedInTurns(all.journal, 'outbox', (page) => page.length)
  const loading = all.outbox.load()
  assert.is(all.outbox.admits([more]), false)
  assert.match(all.outbox.full('s').message, 'still reading the stored side effects')
  assert.ok(await loading)
  assert.is(rows.most, pieceMax)
  const before = all.sent.length
  let most = 0
  void all.outbox.takeUp(true)
  for (let seen = before; seen - before < all.outbox.size; ) {
    await nextTurn(systemClock)
    all.commits.flush()
    most = Math.max(most, all.sent.length - seen)
    seen = all.sent.length
  }
  assert.ok(most <= 2 * pieceMax, `${most} were tried in a turn`)
  const ids = all.sent.slice(before).map(({ command }) => command.effect!.id)
  assert.equal(
    ids,
    [...ids].sort((a, b) => a - b),
  )
  assert.ok(all.outbox.admits([more]))
  all.outbox.stop()
})

Sending(
  'outbox.O8: what waited for a service is tried so many a turn, and what a service caused is given up so',
  async () => {
    const all = made()
    all.away.add(call.service)
    for (let at = 0; at < 3 * pieceMax; at++) all.outbox.run([caused(all)], 0, () => {})
    all.away.clear()
    const trying = all.outbox.served()
    await nextTurn(systemClock)
    assert.ok(all.sent.length <= 2 * pieceMax, `${all.sent.length} were tried`)
    await trying
    assert.is(all.sent.length, 3 * pieceMax)
    const gone = all.outbox.purge('s')
    assert.ok(all.outbox.size >= pieceMax, `${all.outbox.size} are left`)
    assert.is(await gone, 3 * pieceMax)
    all.commits.flush()
    assert.equal([all.outbox.size, all.journal.outbox(0, 10).length], [0, 0])
    all.outbox.stop()
  },
)

Sending('outbox.O8: a load that is overtaken by another one, or by the end of the host, takes nothing up', async () => {
  const all = await manyCaused(2 * pieceMax)
  const [first, second] = [all.outbox.load(), all.outbox.load()]
  assert.equal([await first, await second, all.outbox.size], [false, true, 2 * pieceMax])
  const third = all.outbox.load()
  all.outbox.stop()
  assert.is(await third, false)
})

Sending(
  'outbox.O4, plan.P3: a forward in another partition takes the place of its entry, so a full outbox has room for it',
  async () => {
    const store = memoryStore(2)
    const commits = new GroupCommit(store)
    const outbox = new Outbox({
      partitions: store.journals.map((journal, index) => ({ journal, commits: commits.of(index) })),
      ...{ limits: { ...defaultLimits, outboxEffectsMax: 1 }, log: pino({ level: 'silent' }) },
      ...{
        clock: { ...systemClock, now: () => 0, steady: () => 0 },
        toItself: () => false,
        outward: () => undefined,
        mayHaveHappened: () => false,
        lane: () => undefined,
      },
      ...{ target: { deliver() {}, unserved: () => undefined }, delivered() {}, parked() {} },
    })
    const [here, there] = [outbox.places(0), outbox.places(1)]
    const cause = { service: 's', entity: 'e', revision: 1 }
    const more = { cause, call, synchronous: false, hops: 1, attempts: 0, parked: undefined }
    const entry: EffectEntry = { ...here.next(undefined), ...more }
    const keeper = keeperOf(outbox, commits.of(0))
    assert.is(
      keeper.keep(
        { enqueued: [entry], arrived: [] },
        () => {},
        () => {},
      ),
      undefined,
    )
    commits.flush()
    assert.is(outbox.size, 1)
    const another: EffectEntry = { ...there.next(undefined), ...more }
    assert.not(outbox.admits([another]))
    const moved: EffectEntry = { ...entry, ...there.moved(entry), was: entry.id }
    const other = keeperOf(outbox, commits.of(1), 1)
    assert.is(
      other.keep(
        { enqueued: [moved], arrived: [] },
        () => {},
        () => {},
      ),
      undefined,
    )
    await commits.drain()
    await commits.drain()
    assert.equal(outbox.list(), [{ ...more, id: moved.id, chain: entry.id, place: 1, chainEffects: 1 }])
    // Its place in the chain was given once: the next effect has the second.
    assert.is(there.next(entry.id).place, 2)
  },
)

Sending(
  'outbox.O9, §effect-1: what arrived in other partitions is not tried again, whatever its chain still has to say',
  async () => {
    const store = memoryStore(2)
    const commits = new GroupCommit(store)
    const tried: number[] = []
    const opened = () =>
      new Outbox({
        partitions: store.journals.map((journal, index) => ({ journal, commits: commits.of(index) })),
        ...{ limits: defaultLimits, log: pino({ level: 'silent' }), clock: systemClock },
        ...{
          outward: () => undefined,
          toItself: () => false,
          mayHaveHappened: () => false,
          lane: () => undefined,
          delivered() {},
          parked() {},
        },
        target: { deliver: ({ id }) => tried.push(id), unserved: () => undefined },
      })
    const before = opened()
    const more = {
      ...{ cause: { service: 's', entity: 'e', revision: 1 }, call, synchronous: false, hops: 1 },
      ...{ attempts: 0, parked: undefined },
    }
    // One chain: its first effect lies in one partition; the second, which says how many there are, in the other one.
    const first: EffectEntry = { ...before.places(0).next(undefined), ...more }
    const second: EffectEntry = { ...before.places(1).next(first.id), ...more }
    const nothing = () => {}
    for (const [partition, entry] of [first, second].entries())
      keeperOf(before, commits.of(partition), partition).keep({ enqueued: [entry], arrived: [] }, nothing, nothing)
    commits.of(0).join((batch) => batch.receive(second.id), nothing)
    commits.of(1).join((batch) => batch.receive(first.id), nothing)
    await commits.drain()
    const after = opened()
    assert.ok(await after.load())
    await after.takeUp(true)
    await commits.drain()
    await commits.drain()
    assert.equal([tried, after.size], [[], 0])
    for (const journal of store.journals) assert.equal([journal.outbox(0, 10), journal.receipts(0, 10)], [[], []])
  },
)

Sending.run()

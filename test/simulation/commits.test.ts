// Guards commits that end later (J1 to J6, G1 to G5), in every order of joining, ending, failing, purging and crashing: what was
// acknowledged is stored, what is stored was decided, and nobody hears before the disk does.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { GroupCommit } from '../../host/journal/group-commit.ts'
import { KvJournal } from '../../host/journal/kv-journal.ts'
import { http, temporary, testHost } from '../support/host.ts'
import { record, snapshot } from '../support/journal.ts'
import { replicas, ScriptClient, scripted, values } from '../support/scripted.ts'
import { SlowKv, storeOn } from '../support/slow-kv.ts'

const Commits = suite('commits that end later')

const keys = ['a', 'b', 'c'] as const
type Key = (typeof keys)[number]
const entity = (key: Key) => ({ storage: 1 + keys.indexOf(key), key })

type Act =
  | { readonly act: 'join'; readonly key: Key }
  | { readonly act: 'flush' }
  | { readonly act: 'end'; readonly how: 'stored' | 'failed' | 'doubtful' }
  | { readonly act: 'snapshot'; readonly key: Key }
  | { readonly act: 'purge'; readonly key: Key }
  | { readonly act: 'reopen' }
  | { readonly act: 'crash'; readonly reached: boolean }

const key = fc.constantFrom(...keys)
const acts: fc.Arbitrary<Act> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ act: fc.constant('join' as const), key }) },
  { weight: 4, arbitrary: fc.constant({ act: 'flush' as const }) },
  {
    weight: 6,
    arbitrary: fc.record({
      act: fc.constant('end' as const),
      how: fc.constantFrom('stored' as const, 'stored' as const, 'failed' as const, 'doubtful' as const),
    }),
  },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('snapshot' as const), key }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('purge' as const), key }) },
  { weight: 2, arbitrary: fc.constant({ act: 'reopen' as const }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('crash' as const), reached: fc.boolean() }) },
)

/** Entities as the host has them: one decision of each is under way at a time, on what was acknowledged or read. */
class Hosted {
  kv = new SlowKv()
  journal = new KvJournal({ kv: this.kv, warn: () => {} })
  commits = new GroupCommit({ journals: [this.journal], flush() {} })
  /** Of each entity: the revision that it has come to, while it is known. */
  readonly revisions = new Map<Key, number>()
  readonly deciding = new Set<Key>()
  /** Least and most that may be stored. */
  readonly acknowledged = new Map<Key, number>()
  readonly decided = new Map<Key, number>()
  heard = 0
  private era = 0

  constructor() {
    this.kv.waits = true
  }

  join(key: Key): void {
    if (this.deciding.has(key) || this.journal.failure() !== undefined) return
    const { era } = this
    const before = this.revisions.get(key) ?? this.journal.head(entity(key))?.revision ?? 0
    this.deciding.add(key)
    this.decided.set(key, before + 1)
    this.commits.of(0).join(
      (batch) => batch.append(entity(key), record(before + 1, before, [`${before + 1}`])),
      (error) => {
        if (era !== this.era) return
        this.heard += 1
        this.deciding.delete(key)
        if (error !== undefined) {
          this.revisions.delete(key)
          return
        }
        // Told of, so it is there.
        assert.is(this.journal.head(entity(key))?.revision, before + 1)
        this.revisions.set(key, before + 1)
        this.acknowledged.set(key, before + 1)
      },
    )
  }

  /** As the admin port does it: nothing of the service is decided any more. */
  async purge(key: Key): Promise<void> {
    if (this.journal.failure() !== undefined) return
    this.deciding.add(key)
    const purged = this.commits
      .alone(async () => {
        await this.journal.purge(entity(key).storage)
        this.acknowledged.delete(key)
        this.decided.delete(key)
        this.revisions.delete(key)
      })
      .catch(() => {})
    let over = false
    void purged.then(() => {
      over = true
    })
    while (!over) {
      this.kv.end()
      await turn()
    }
    this.deciding.delete(key)
    this.check()
  }

  async reopen(): Promise<void> {
    if (this.journal.failure() === undefined) return
    await this.commits.drain()
    await this.journal.reopen()
    this.revisions.clear()
    assert.is(this.deciding.size, 0, 'each heard')
    this.check()
  }

  crash(reached: boolean): void {
    this.era += 1
    this.kv = this.kv.crashed(reached)
    this.kv.waits = true
    this.journal = new KvJournal({ kv: this.kv, warn: () => {} })
    this.commits = new GroupCommit({ journals: [this.journal], flush() {} })
    this.revisions.clear()
    this.deciding.clear()
    this.check()
  }

  check(): void {
    if (this.journal.failure() !== undefined) return
    for (const key of keys) {
      const { records } = this.journal.records(entity(key), 0, 1_000, 1_000_000)
      assert.equal(
        records.map(({ revision }) => revision),
        records.map((_, index) => index + 1),
        `${key} has no gap`,
      )
      assert.ok(records.length >= (this.acknowledged.get(key) ?? 0), `${key} has all that was acknowledged`)
      assert.ok(records.length <= (this.decided.get(key) ?? 0), `${key} has nothing that was not decided`)
      const { sequence = 0 } = this.journal.snapshot(entity(key)) ?? {}
      assert.ok(sequence <= records.length, `${key} has no snapshot of what is not there`)
    }
    const numbers = this.journal.commits(0, 10_000).map(({ number }) => number)
    assert.equal(
      numbers,
      numbers.map((_, index) => index + 1),
      'commits have no gap',
    )
  }
}

const turn = () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)))

Commits('journal.J6: what is acknowledged is stored, whatever fails or crashes in between', async () => {
  let acknowledged = 0
  await fc.assert(
    fc.asyncProperty(fc.array(acts, { minLength: 5, maxLength: 60 }), async (script) => {
      const host = new Hosted()
      for (const step of script) {
        if (step.act === 'join') host.join(step.key)
        else if (step.act === 'flush') host.commits.flush()
        else if (step.act === 'end') host.kv.end(step.how)
        else if (step.act === 'snapshot') {
          const revision = host.acknowledged.get(step.key) ?? 0
          if (revision > 0) host.journal.putSnapshot(entity(step.key), snapshot(revision, revision, 'state'))
        } else if (step.act === 'purge') await host.purge(step.key)
        else if (step.act === 'reopen') await host.reopen()
        else host.crash(step.reached)
        host.check()
        await turn()
      }
      while (host.deciding.size > 0) {
        host.kv.end()
        await turn()
      }
      host.check()
      acknowledged += host.heard
    }),
    { numRuns: 300 },
  )
  assert.ok(acknowledged > 300, `only ${acknowledged} were heard of`)
})

const put = (text: string) => `return { change: { updated: '${text}' }, outcome: say('') }`
const add = "return { operations: [increment(1)], answer: say('') }"
const sum = 'return { answer: say(view.value?.counter ?? 0) }'

for (const reached of [false, true]) {
  Commits(
    `a crash ${reached ? 'after' : 'before'} the disk has it, and before anybody heard: values, replicas, effects and streams`,
    async () => {
      const data = temporary()
      const kv = new SlowKv()
      const host = await testHost(data.path, {}, { store: storeOn(kv) })
      assert.ok((await host.deployer.deploy(await scripted())).ok)
      const client = new ScriptClient(host.listen)
      const heard: string[] = []
      const tell = (name: string) => () => heard.push(name)
      await client.call(values, 'Do', 'v', put('kept'))
      await client.call(replicas, 'Do', 'r', add)
      const watch = `return { operations: [], answer: say('open'), subscribe: ${JSON.stringify({ cancelled: 'return { operations: [], answer: none() }', changed: 'return { outcome: say(view.value?.counter ?? 0) }' })} }`
      const stream = client.listen(replicas, 'Open', 'r', watch)
      await stream.until(1)
      kv.waits = true
      const effect = `return { change: { updated: 'caused' }, outcome: say('', { effects: [effect('Values', 'Do', 'target', ${JSON.stringify(put('x'))})] }) }`
      const show = async (of: ScriptClient, id: string) =>
        (await of.call(values, 'Do', id, 'return { outcome: say(value) }')).text
      const calls = [client.call(values, 'Do', 'first', put('x')).then(tell('first'))]
      await until(() => kv.busy)
      calls.push(
        client.call(values, 'Do', 'v', put('new')).then(tell('value')),
        client.call(replicas, 'Do', 'r', add).then(tell('replica')),
        client.call(values, 'Do', 'cause', effect).then(tell('cause')),
      )
      // What needs no commit is answered; those before it have been decided by then, and wait for the second commit.
      await show(client, 'other')
      assert.is((await http(host.admin, 'GET', '/readyz')).status, 200)
      assert.equal(heard, [])
      kv.end()
      await until(() => kv.busy && heard.length > 0)
      await show(client, 'other')
      assert.equal(heard, ['first'])
      assert.is(stream.texts.length, 1)

      const left = kv.crashed(reached)
      const again = await testHost(data.path, {}, { store: storeOn(left) })
      const next = new ScriptClient(again.listen)
      try {
        const count = Number((await next.call(replicas, 'Do', 'r', sum)).text)
        const found = [await show(next, 'first'), await show(next, 'v'), await show(next, 'cause'), count]
        // All of a commit, or nothing.
        assert.equal(found, reached ? ['x', 'new', 'caused', 2] : ['x', 'kept', found[2], 1])
        if (!reached) assert.is.not(found[2], 'caused')
        // An effect goes with its cause.
        if (reached) await until(async () => (await show(next, 'target')) === 'x')
        else assert.is.not(await show(next, 'target'), 'x')
      } finally {
        next.close()
        await again.stop()
        kv.waits = false
        kv.end()
        await Promise.all(calls)
        client.close()
        await host.stop()
        data.remove()
      }
    },
  )
}

Commits(
  'waiting-budget.W4: commands that wait for the disk are counted: a disk that hangs turns others away, and fills no memory',
  async () => {
    const data = temporary()
    const kv = new SlowKv()
    const host = await testHost(data.path, { 'waiting-commands-max': '20' }, { store: storeOn(kv) })
    assert.ok((await host.deployer.deploy(await scripted())).ok)
    const client = new ScriptClient(host.listen)
    const codes: number[] = []
    try {
      // The disk has shown that it is slow.
      kv.pace.measured(1_000)
      kv.waits = true
      // Of 20 a client that calls one service leaves 3 to others (shares.S3).
      const calls = Array.from({ length: 17 }, async (_, index) => {
        codes.push((await client.call(values, 'Do', `k${index}`, put('x'))).code)
      })
      // All are decided, and wait for nothing but the disk.
      await until(() => kv.busy)
      for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate)
      // RESOURCE_EXHAUSTED, at once: the disk has not answered anybody.
      const more = client.call(values, 'Do', 'more', put('x')).then(({ code }) => code)
      const patience = new Promise((resolve) => setTimeout(() => resolve('no answer'), 5_000))
      assert.is(await Promise.race([more, patience]), 8)
      assert.equal(codes, [])
      kv.waits = false
      kv.end()
      await Promise.all(calls)
      assert.equal(codes, Array(17).fill(0))
      assert.is((await client.call(values, 'Do', 'more', put('x'))).code, 0)
    } finally {
      kv.waits = false
      kv.end()
      client.close()
      await host.stop()
      data.remove()
    }
  },
)

async function until(check: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 6_000; tries++) {
    if (await check()) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  assert.unreachable('it did not come about')
}

Commits.run()

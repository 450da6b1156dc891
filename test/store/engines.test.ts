// Guards where partitions lie: each may have an engine of its own, on disk, too; one that lay in an engine with others is moved to it as it is.

import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { GroupCommit } from '../../host/journal/group-commit.ts'
import { columns } from '../../host/storage/columns.ts'
import type { Kv, Write } from '../../host/storage/kv.ts'
import { MemoryKv, memoryStore } from '../../host/store/memory.ts'
import { openEngine } from '../../host/store/rocksdb.ts'
import type { Store } from '../../host/store/store.ts'
import { temporary, testHost } from '../support/host.ts'
import { record } from '../support/journal.ts'
import { actions, ScriptClient, scripted, values } from '../support/scripted.ts'

const Engines = suite('engines')
const count = 4

/** Rows of a partition, or without one those of the catalog. */
function move(from: Kv, to: Kv, of: 'catalog' | 'partition'): void {
  const letter = Buffer.from('A')
  for (const column of columns) {
    if (of === 'catalog' && column !== 'default' && column !== 'components') continue
    const range = { from: of === 'catalog' ? letter : Buffer.alloc(0), to: Buffer.alloc(64, 255), limit: 1_000_000 }
    const rows = from.range(column, range)
    const writes: Write[] = []
    for (let at = 0; at < rows.length; at += 2) writes.push([column, rows[at]!, rows[at + 1]!])
    to.write(writes, true)
  }
}

const add = `return { change: { updated: String(Number(value ?? 0) + 1) }, outcome: say(String(Number(value ?? 0) + 1)) }`
const sendTo = (id: string) =>
  `return say('', { effects: [effect('Values', 'Do', '${id}', ${JSON.stringify(add)}, { synchronous: true })] })`

/** Each of 20 values gets one more, half of them by an effect of an action; what they are then. */
async function oneMore(client: ScriptClient): Promise<void> {
  for (let at = 0; at < 20; at++)
    if (at % 2 === 0) await client.call(values, 'Do', `v${at}`, add)
    else await client.call(actions, 'Do', '', sendTo(`v${at}`))
}

async function held(client: ScriptClient): Promise<string[]> {
  const found: string[] = []
  for (let at = 0; at < 20; at++)
    found.push((await client.call(values, 'Do', `v${at}`, 'return { outcome: say(String(value)) }')).text)
  return found
}

async function withHost<T>(
  data: string,
  store: Store,
  run: (client: ScriptClient, deploy: () => Promise<void>) => Promise<T>,
) {
  const host = await testHost(data, { partitions: String(count) }, { store })
  const client = new ScriptClient(host.listen)
  try {
    return await run(client, async () => {
      assert.ok((await host.deployer.deploy(await scripted())).ok)
    })
  } finally {
    client.close()
    await host.stop()
  }
}

Engines(
  'engines.E1: partitions that lay in one engine go on in engines of their own on disk, closed and opened again',
  async () => {
    const data = temporary()
    try {
      const one = new MemoryKv()
      const before = memoryStore(count, { kv: one })
      const were = await withHost(join(data.path, 'one'), before, async (client, deploy) => {
        await deploy()
        await oneMore(client)
        return held(client)
      })
      const open = (name: string) => openEngine(join(data.path, 'each', name), () => {})
      const openAll = async () => {
        const [kv, ...each] = await Promise.all([open('catalog'), ...before.parts.map((_, at) => open(`${at}`))])
        return { kv: kv!, each }
      }
      const engines = await openAll()
      move(before.kv, engines.kv, 'catalog')
      for (const [at, part] of before.parts.entries()) move(part, engines.each[at]!, 'partition')
      const [then, commits] = await withHost(join(data.path, 'each'), memoryStore(count, engines), async (client) => {
        assert.equal(await held(client), were)
        await oneMore(client)
        await oneMore(client)
        return [await held(client), before.journals.map((journal) => journal.lastCommit())]
      })
      const again = memoryStore(count, await openAll())
      for (const [at, journal] of again.journals.entries())
        assert.ok(journal.lastCommit() > commits[at]!, `partition ${at}`)
      await withHost(join(data.path, 'each'), again, async (client) => assert.equal(await held(client), then))
      assert.is.not(then.join(), were.join())
    } finally {
      data.remove()
    }
  },
)

/** Fails where it is told to. */
class FailingKv extends MemoryKv {
  failing = false

  override commit(writes: readonly Write[], done: (error: Error | undefined) => void): void {
    if (this.failing) done(new Error('no space left on device'))
    else super.commit(writes, done)
  }
}

Engines(
  'engines.E2: where one of their engines fails nobody is told of success, and the store works again once it is reopened',
  async () => {
    const each = Array.from({ length: count }, () => new FailingKv())
    const store = memoryStore(count, { each })
    const commits = new GroupCommit(store)
    const heard: boolean[] = []
    const join = (partition: number, key: string) =>
      commits.of(partition).join(
        (batch) => batch.append({ storage: 1, key }, record(1, 0, ['e'])),
        (error) => heard.push(error === undefined),
      )
    join(0, 'a')
    join(3, 'b')
    commits.flush()
    assert.equal(heard, [true, true])
    each[3]!.failing = true
    join(0, 'c')
    join(3, 'd')
    commits.flush()
    assert.equal(heard.slice(2), [false, false])
    assert.ok(store.failure() !== undefined)
    each[3]!.failing = false
    await store.reopen()
    assert.is(store.failure(), undefined)
    // Which of them was written is seen then, as after any failure.
    assert.is(store.journals[0]!.head({ storage: 1, key: 'c' })?.revision, 1)
    assert.is(store.journals[3]!.head({ storage: 1, key: 'd' }), undefined)
    join(3, 'e')
    commits.flush()
    assert.equal(heard.slice(4), [true])
  },
)

Engines.run()

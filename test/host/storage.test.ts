// Guards every state model against storage that fails (§storage): callers hear at once that the outcome is unknown, streams end, nothing
// is served until the store works again, and then everything that was acknowledged is there.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { InnkeeperError } from '../../host/errors.ts'
import type { Write } from '../../host/storage/kv.ts'
import { MemoryKv } from '../../host/store/memory.ts'
import { http, temporary, testHost } from '../support/host.ts'
import { actions, replicas, ScriptClient, scripted, values, watching } from '../support/scripted.ts'
import { memoryStore, openStore } from '../support/store.ts'

/** Writes fail while `failing`: before anything of them is done, or after all of it. */
class FailingKv extends MemoryKv {
  failing: 'before' | 'after' | undefined

  override write(writes: readonly Write[]): void {
    if (this.failing === 'before') throw new Error('no space left on device')
    super.write(writes)
    if (this.failing === 'after') throw new Error('input/output error')
  }

  override async reopen(): Promise<void> {
    if (this.failing !== undefined) throw new Error('still failing')
  }
}

const kv = new FailingKv()
const store = memoryStore(undefined, { kv })
const data = temporary()
const host = await testHost(data.path, {}, { store })
assert.ok((await host.deployer.deploy(await scripted(undefined, watching))).ok)
const client = new ScriptClient(host.listen)
const put = (text: string) => `return { change: { updated: '${text}' }, outcome: say('') }`
const show = async (id: string) => (await client.call(values, 'Do', id, 'return { outcome: say(value) }')).text
const increment = "return { operations: [increment(1)], answer: say('') }"
const read = 'return { answer: say(view.value?.counter ?? 0) }'
const count = async (id: string) => Number((await client.call(replicas, 'Do', id, read)).text)
const ready = async () => (await http(host.admin, 'GET', '/readyz')).status

async function until(check: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 6_000; tries++) {
    if (await check()) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  assert.unreachable('it did not come about')
}

const Storage = suite('storage that fails')

for (const when of ['before', 'after'] as const) {
  Storage(
    `§storage-1: values, replicas and actions: a commit that fails ${when} it is written is UNAVAILABLE at once`,
    async () => {
      await client.call(values, 'Do', 'v', put('kept'))
      await client.call(replicas, 'Do', 'r', increment)
      const before = await count('r')
      const effect = `return say('', { effects: [effect('Values', 'Do', 'x-${when}', ${JSON.stringify(put('x'))})] })`
      for (const call of [
        () => client.call(values, 'Do', 'v', put('lost?')),
        () => client.call(replicas, 'Do', 'r', increment),
        () => client.call(actions, 'Do', '', effect),
      ]) {
        kv.failing = when
        const { code, message } = await call()
        assert.is(code, 14)
        assert.match(message, 'the outcome of this command is unknown')
        // Nothing is served meanwhile, reads included.
        const refused = await client.call(values, 'Do', 'v', 'return { outcome: say(value) }')
        assert.is(refused.code, 14)
        // The operator hears how it failed; callers do not: such messages name files.
        assert.match(refused.message, /^storage failed; the host accepts calls again when storage works$/)
        const { status, text } = await http(host.admin, 'GET', '/readyz')
        assert.is(status, 503)
        assert.match(text, when === 'before' ? 'no space left on device' : 'input/output error')
        kv.failing = undefined
        await until(async () => (await ready()) === 200)
      }
      assert.is(await show('v'), when === 'before' ? 'kept' : 'lost?')
      assert.is(await count('r'), when === 'before' ? before : before + 1)
      if (when === 'after') await until(async () => (await show('x-after')) === 'x')
    },
  )
}

Storage(
  '§storage-2, §subscription-7, main.M2, housekeeping.H2: open streams end with UNAVAILABLE, and their entities hear that they left',
  async () => {
    const leave = 'return { operations: [add(-1)], answer: none() }'
    const open = `return { operations: [add(1)], answer: say('open'), subscribe: ${JSON.stringify({ cancelled: leave, changed: 'return { outcome: say(view.value.counter) }' })} }`
    const one = client.listen(replicas, 'Open', 's', open)
    const two = client.listen(replicas, 'Open', 's', open)
    await Promise.all([one.until(1), two.until(1)])
    assert.is(await count('s'), 2)
    kv.failing = 'before'
    const three = client.listen(replicas, 'Open', 's', open)
    assert.is(await three.ended(), 14)
    assert.equal(three.texts, [])
    assert.equal([await one.ended(), await two.ended()], [14, 14])
    kv.failing = undefined
    await until(async () => (await ready()) === 200)
    await until(async () => (await count('s')) === 0)
  },
)

Storage(
  '§storage-2, §action-10: a stream of an action whose effects cannot be stored ends with UNAVAILABLE',
  async () => {
    const code = `return { outputs: [say('a', { effects: [effect('Values', 'Do', 'as', ${JSON.stringify(put('x'))})] })], done: true }`
    kv.failing = 'before'
    const stream = client.listen(actions, 'Out', '', code)
    assert.is(await stream.ended(), 14)
    assert.equal(stream.texts, [])
    kv.failing = undefined
    await until(async () => (await ready()) === 200)
    const again = client.listen(actions, 'Out', '', code)
    assert.is(await again.ended(), 0)
  },
)

Storage('a start that cannot write leaves the directory free for the next one', async () => {
  const directory = temporary()
  const onDisk = await openStore(directory.path, { log: () => {} })
  onDisk.catalog.putStrikes = () => {
    throw new InnkeeperError('storage_unavailable', 'no space left on device')
  }
  const held = { service: 'a.Service', method: 'Do', entity: '', effect: 0 }
  const start = testHost(directory.path, {}, { store: onDisk, guilty: { held, atMs: 1 } })
  await start.then(
    () => assert.unreachable('it started'),
    (error: InnkeeperError) => assert.is(error.code, 'storage_unavailable'),
  )
  await (await testHost(directory.path)).stop()
  directory.remove()
})

Storage('§watch-7, §storage-2: watches end with UNAVAILABLE, and who comes again sees what is on disk', async () => {
  for (const when of ['before', 'after'] as const) {
    await client.call(values, 'Do', 'watched', put('kept'))
    const watched = client.listen(values, 'Watch', 'watched', 'return { outcome: say(value) }')
    const other = client.listen(replicas, 'Watch', 'watched', read)
    await Promise.all([watched.until(1), other.until(1)])
    kv.failing = when
    assert.is((await client.call(values, 'Do', 'watched', put('lost?'))).code, 14)
    kv.failing = undefined
    assert.equal([await watched.ended(), await other.ended()], [14, 14])
    assert.ok(!watched.texts.includes('lost?'))
    await until(async () => (await ready()) === 200)
    const again = client.listen(values, 'Watch', 'watched', 'return { outcome: say(value) }')
    assert.equal(await again.until(1), [when === 'before' ? 'kept' : 'lost?'])
    again.cancel()
  }
})

Storage.after(async () => {
  client.close()
  await host.stop()
  data.remove()
})

Storage.run()

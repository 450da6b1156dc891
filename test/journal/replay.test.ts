// Guards the log as the truth: a state that is made of the log's entries alone has what the host's own state has, in every column.

import { setTimeout as moment } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Entry } from '../../host/journal/log/log.ts'
import { MemoryLog } from '../../host/journal/log/memory.ts'
import { columns } from '../../host/storage/columns.ts'
import { MemoryKv } from '../../host/store/memory.ts'
import { component } from '../support/components.ts'
import { http, temporary, testHost } from '../support/host.ts'
import { actions, replicas, ScriptClient, scripted, values } from '../support/scripted.ts'
import { memoryStore } from '../support/store.ts'

const Replay = suite('replay of the log')

const json = { 'content-type': 'application/json' }
const counter = 'examples.counter.v1.Counter'
const put = (text: string) => `return { change: { updated: '${text}' }, outcome: say('') }`
const sends = (...effects: string[]) => `return say('', { effects: [${effects.join()}] })`
const effect = (id: string) => `effect('Values', 'Do', '${id}', ${JSON.stringify(put('sent'))})`

/** Rows that no entry writes: snapshots and their bytes, a cache; and whose directory it is. */
const own =
  /^(usage\/\d+\/snapshots|directory|incarnation|age|control|storage\/.*|active\/.*|deployment\/.*|strikes\/.*)$/

function all(kv: MemoryKv): Record<string, readonly string[]> {
  const found: Record<string, readonly string[]> = {}
  for (const column of columns) {
    if (column === 'snapshots' || column === 'components') continue
    const rows = kv.range(column, { from: Buffer.alloc(0), to: Buffer.alloc(64, 255), limit: 1_000_000 })
    const listed: string[] = []
    for (let at = 0; at < rows.length; at += 2) {
      if (column === 'default' && own.test(rows[at]!.toString())) continue
      listed.push(`${rows[at]!.toString('latin1')} = ${rows[at + 1]!.toString('base64')}`)
    }
    found[column] = listed
  }
  return found
}

Replay(
  '§storage-3, log.L4: values, replicas, events, keys, effects, streams, a purge and what expired are in the entries of the log',
  async () => {
    const data = temporary()
    const kv = new MemoryKv()
    const entries: Entry[] = []
    const logOf: NonNullable<Parameters<typeof memoryStore>[1]>['log'] = (state, last) => {
      const log = new MemoryLog(state, last)
      log.follow(last, (entry) => entries.push(entry))
      return log
    }
    // One partition: its state is all of the engine, so every byte can be compared.
    const store = memoryStore(1, { kv, log: logOf })
    const host = await testHost(data.path, { 'snapshot-every': '3', 'value-history': 'on' }, { store })
    const client = new ScriptClient(host.listen)
    try {
      assert.ok((await host.deployer.deploy(await scripted())).ok)
      assert.ok((await host.deployer.deploy((await component('counter/assemblyscript')).bytes)).ok)
      for (let at = 0; at < 20; at++) {
        const key = { 'idempotency-key': `key-${at}` }
        await http(host.listen, 'POST', `/counter/c${at % 3}/add`, { amount: 1 }, key)
        await client.call(values, 'Do', `v${at % 4}`, put(`${at}`), key)
        await client.call(replicas, 'Do', `r${at % 2}`, "return { operations: [increment(1)], answer: say('') }")
        await client.call(actions, 'Do', '', sends(effect(`e${at}`)))
      }
      const open = client.listen(replicas, 'Open', 'r0', "return { answer: say('open'), subscribe: {} }")
      await open.until(1)
      await client.call(actions, 'Do', '', sends("effect('Nowhere', 'Do', '', '')"))
      assert.is((await http(host.admin, 'DELETE', `/v1/services/${counter}?purge`, undefined, json)).status, 200)
      await moment(50)
      const [journal] = store.journals
      const expired = journal!.expired(Number.MAX_SAFE_INTEGER, 5)
      assert.ok(expired.keys.length >= 5)
      const batch = journal!.batch()
      batch.forget(expired)
      batch.note(journal!.census.notes(journal!.lastCommit()))
      journal!.commit(batch, (error) => assert.is(error, undefined))
      const replayed = new MemoryKv()
      for (const { writes, clears } of entries) replayed.erase(writes, clears, (error) => assert.is(error, undefined))
      const [is, was] = [all(replayed), all(kv)]
      for (const column of columns) assert.equal(is[column], was[column], column)
      for (const column of ['bases', 'subscriptions', 'outbox', 'idempotency', 'commits'] as const)
        assert.ok(is[column]!.length > 0, `nothing in ${column}`)
      assert.is(entries.at(-1)!.position, journal!.lastCommit())
      open.cancel()
    } finally {
      client.close()
      await host.stop()
      data.remove()
    }
  },
)

Replay.run()

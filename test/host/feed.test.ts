// Guards the feed through a whole host: what services did is followed in every partition, ends of services too; who follows is shown, and what
// nobody needs is trimmed.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../host/clock.ts'
import { undeployIn } from '../../host/deploy/offline.ts'
import type { FeedChange } from '../../host/feed/change.ts'
import { trimAtOnce } from '../../host/feed/trimming.ts'
import type { Host } from '../../host/main.ts'
import { component } from '../support/components.ts'
import { all, lost } from '../support/feed.ts'
import { http, temporary, testHost } from '../support/host.ts'
import { replicas, ScriptClient, scripted, values } from '../support/scripted.ts'

const Feeds = suite('feed of a host')

const json = { 'content-type': 'application/json' }
const counter = 'examples.counter.v1.Counter'
const put = (text: string) => `return { change: { updated: '${text}' }, outcome: say('') }`

/** What housekeeping does each minute, when it is told to. */
function byHand() {
  const minutely: (() => void)[] = []
  let ahead = 0
  const timer = { cancel() {}, unref: () => timer }
  const clock: typeof systemClock = {
    ...systemClock,
    steady: () => systemClock.steady() + ahead,
    every: (ms, work) => {
      if (ms !== 60_000) return systemClock.every(ms, work)
      minutely.push(work)
      return timer
    },
  }
  return {
    clock,
    minute: () => {
      for (const work of minutely) work()
    },
    hour: () => {
      ahead += 3_600_000
    },
  }
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5))
}

const changesOf = (host: Host): readonly FeedChange[] => host.feeds.flatMap(({ feed }) => all(feed, feed.start).changes)

Feeds('§feed-4: every model is followed, and a purge and an end of a service are told in each partition', async () => {
  const data = temporary()
  const host = await testHost(data.path)
  const client = new ScriptClient(host.listen)
  try {
    assert.ok((await host.deployer.deploy(await scripted())).ok)
    assert.ok((await host.deployer.deploy((await component('counter/assemblyscript')).bytes)).ok)
    const storageOf = (name: string) => {
      const service = host.services.get(name)
      assert.ok(service !== undefined && service.kind !== 'action')
      return service.storage
    }
    const [counters, valued] = [storageOf(counter), storageOf(values)]
    for (let at = 0; at < 8; at++) {
      await http(host.listen, 'POST', `/counter/c${at}/add`, { amount: 1 })
      await client.call(values, 'Do', `v${at}`, put(`${at}`))
      await client.call(replicas, 'Do', `r${at}`, "return { operations: [increment(1)], answer: say('') }")
    }
    const kinds = changesOf(host).map((change) =>
      'entity' in change ? `${change.kind} ${change.entity.key}` : change.kind,
    )
    const expected = Array.from({ length: 8 }, (_, at) => [`events c${at}`, `value v${at}`, `replica r${at}`]).flat()
    assert.equal([...kinds].sort(), expected.sort())
    const ends = host.feeds.map(({ feed }) => feed.end)
    let woken = 0
    const stop = host.feeds[0]!.feed.subscribe(() => {
      woken += 1
    })
    assert.is((await http(host.admin, 'DELETE', `/v1/services/${values}`, undefined, json)).status, 200)
    assert.is((await http(host.admin, 'DELETE', `/v1/services/${counter}?purge`, undefined, json)).status, 200)
    await until(() => woken > 0)
    stop()
    for (const [index, { feed }] of host.feeds.entries()) {
      const told = all(feed, ends[index]!).changes.map((change) =>
        'storage' in change ? `${change.kind} ${change.storage}` : '',
      )
      assert.equal(told, [`undeployed ${valued}`, `purged ${counters}`])
      assert.not.ok(all(feed, feed.start).changes.some(({ kind }) => kind === 'events'))
    }
  } finally {
    client.close()
    await host.stop()
    data.remove()
  }
})

Feeds('§feed-4: also where no host runs', async () => {
  const data = temporary()
  let host = await testHost(data.path)
  try {
    assert.ok((await host.deployer.deploy((await component('counter/assemblyscript')).bytes)).ok)
    await http(host.listen, 'POST', '/counter/c/add', { amount: 1 })
    await host.stop()
    await undeployIn(data.path, counter, false)
    host = await testHost(data.path)
    const ends = changesOf(host).filter(({ kind }) => kind === 'undeployed')
    assert.is(ends.length, host.partitions)
    await host.stop()
    await undeployIn(data.path, counter, true)
    host = await testHost(data.path)
    assert.equal(new Set(changesOf(host).map(({ kind }) => kind)), new Set(['undeployed', 'purged']))
  } finally {
    await host.stop()
    data.remove()
  }
})

Feeds(
  '§feed-1, §feed-2, §feed-3: who follows is shown, loses its place when it is too far behind, and what nobody needs is trimmed',
  async () => {
    const data = temporary()
    const { clock, minute, hour } = byHand()
    const flags = { 'feed-hours': '1', 'feed-bytes': '10000' }
    const host = await testHost(data.path, flags, { clock })
    const client = new ScriptClient(host.listen)
    const followers = async () => (await http(host.admin, 'GET', '/v1/host')).json.followers
    const metric = async (name: string) =>
      Number(
        new RegExp(`^innkeeper_feed_behind_${name}\\{consumer="view"\\} (\\d+)$`, 'm').exec(
          (await http(host.admin, 'GET', '/metrics')).text,
        )?.[1],
      )
    try {
      assert.equal(await followers(), [])
      assert.ok((await host.deployer.deploy(await scripted())).ok)
      const starts = host.feeds.map(({ feed }) => feed.start)
      for (const { feed, consumers } of host.feeds) assert.is(await consumers.register('view', feed.end), undefined)
      const load = async (calls: number) => {
        for (let at = 0; at < calls; at++)
          assert.is((await client.call(values, 'Do', `v${at % 16}`, put(`${at}`))).code, 0)
      }
      await load(40)
      const [view, ...others] = await followers()
      assert.equal([view.name, view.state, others.length], ['view', 'follows', 0])
      assert.ok(view.commits >= 40 && view.bytes > 20 * 40, JSON.stringify(view))
      assert.is(await metric('commits'), view.commits)
      assert.is(await metric('bytes'), view.bytes)
      await load(host.partitions * (trimAtOnce + 200))
      minute()
      await until(async () => (await followers())[0].state === 'rebuild')
      assert.ok(
        host.feeds.every(({ feed }) => feed.trimmed === 0),
        'within the hour',
      )
      hour()
      await until(() => {
        minute()
        return host.feeds.some(({ feed }) => feed.trimmed > 0)
      })
      for (const [index, { feed }] of host.feeds.entries())
        if (feed.trimmed > 0) assert.is(lost(feed, starts[index]!), 'trimmed')
      assert.equal((await client.call(values, 'Do', 'v1', put('after'))).code, 0)
    } finally {
      client.close()
      await host.stop()
      data.remove()
    }
  },
)

Feeds.run()

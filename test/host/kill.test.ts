// Guards what was acknowledged: the host is killed with SIGKILL under load, again and again, on one data directory.

import { randomInt } from 'node:crypto'
import { setTimeout as moment } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { component } from '../support/components.ts'
import type { HostProcess } from '../support/host.ts'
import { hostProcess, http, temporary } from '../support/host.ts'

const Kill = suite('kill -9 under load')
const kills = 10
const keys = 20
const connections = 16

Kill('§storage-3: loses no acknowledged add, repeats none, and leaves no gap, ten times over', async () => {
  const { file } = await component('counter/typescript')
  const data = temporary()
  const acknowledged = new Map<string, number>()
  const sent = new Map<string, number>()
  let host: HostProcess | undefined
  try {
    // Deployed on its own first: the load is what is to be interrupted.
    host = await hostProcess(data.path, [file])
    for (let round = 0; round < kills; round++) {
      const running = host
      const load = Array.from({ length: connections }, (_, index) => adds(running, index, acknowledged, sent))
      // In the middle of its work, however quick the machine is.
      const before = sum(acknowledged)
      const many = randomInt(50, 500)
      while (sum(acknowledged) < before + many) await moment(randomInt(1, 10))
      await host.kill()
      await Promise.all(load)
      host = await hostProcess(data.path)
      for (let key = 0; key < keys; key++) await checkEntity(host, `k${key}`, acknowledged, sent)
    }
  } finally {
    await host?.kill()
    data.remove()
  }
})

Kill('§idempotency-1: gives a retry after the crash the first answer, and decides once', async () => {
  const { file } = await component('counter/typescript')
  const data = temporary()
  let host: HostProcess | undefined
  try {
    host = await hostProcess(data.path, [file])
    const answers: (string | undefined)[] = []
    const post = (address: string, index: number) =>
      http(address, 'POST', '/counter/once/add', { amount: 1 }, { 'idempotency-key': `key-${index}` })
        .then((answer) => answer.text)
        .catch(() => undefined)
    const address = host.listen
    const load = (async () => {
      for (let index = 0; index < 2_000; index++) {
        const answer = await post(address, index)
        answers.push(answer)
        if (answer === undefined) return
      }
    })()
    while (answers.length < 50) await moment(randomInt(1, 10))
    await host.kill()
    await load
    host = await hostProcess(data.path)
    for (const [index, first] of answers.entries()) {
      const again = await post(host.listen, index)
      if (first !== undefined) assert.is(again, first)
    }
    const { json } = await http(host.listen, 'GET', '/counter/once')
    assert.is(json.value, String(answers.length))
  } finally {
    await host?.kill()
    data.remove()
  }
})

Kill.run()

function sum(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((all, count) => all + count, 0)
}

/** Adds 1 to keys in turn until the host is gone. */
async function adds(
  host: HostProcess,
  worker: number,
  acknowledged: Map<string, number>,
  sent: Map<string, number>,
): Promise<void> {
  for (let index = worker; ; index += connections) {
    const key = `k${index % keys}`
    sent.set(key, (sent.get(key) ?? 0) + 1)
    try {
      const { status } = await http(host.listen, 'POST', `/counter/${key}/add`, { amount: 1 })
      if (status === 200) acknowledged.set(key, (acknowledged.get(key) ?? 0) + 1)
    } catch {
      return
    }
  }
}

async function checkEntity(
  host: HostProcess,
  key: string,
  acknowledged: Map<string, number>,
  sent: Map<string, number>,
): Promise<void> {
  const { json } = await http(host.listen, 'GET', `/counter/${key}`)
  const value = Number(json.value)
  const least = acknowledged.get(key) ?? 0
  const most = sent.get(key) ?? 0
  assert.ok(value >= least, `${key} has ${value}, ${least} adds were acknowledged`)
  assert.ok(value <= most, `${key} has ${value}, only ${most} adds were sent`)
  let sum = 0
  let sequence = 0
  let revision = 0
  for (;;) {
    const path = `/v1/services/examples.counter.v1.Counter/entities/${key}/journal?from=${revision + 1}&limit=1000`
    const page = await http(host.admin, 'GET', path)
    if (page.status === 404) break
    for (const record of page.json.records) {
      assert.is(record.revision, ++revision)
      for (const event of record.events) {
        assert.is(event.sequence, ++sequence)
        sum += Number(event.data.amount)
      }
    }
    if (!page.json.more) break
  }
  assert.is(sum, value, `${key}: the value is the sum of its events`)
  // What came of calls in flight is now known, and counts from here.
  acknowledged.set(key, value)
  sent.set(key, value)
}

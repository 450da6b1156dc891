// Guards the host against operators that read much, slowly, or not at all: what they have not taken is not read from the store, who
// left is noticed, and every list comes in pages that together are the whole.

import net from 'node:net'
import { setTimeout as moment } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Host } from '../../host/main.ts'
import { http, temporary, testHost } from '../support/host.ts'
import { runInn } from '../support/inn.ts'
import { ScriptClient, scripted, values } from '../support/scripted.ts'
import { openStore } from '../support/store.ts'

const data = temporary()
const store = await openStore(data.path, { log: () => {} })
let read = 0
const { journal } = store
const history = journal.history.bind(journal)
journal.history = (...of) => {
  const page = history(...of)
  read += page.records.length
  return page
}
const host: Host = await testHost(data.path, { 'value-history': 'on' }, { store })
assert.ok((await host.deployer.deploy(await scripted())).ok)
const client = new ScriptClient(host.listen)
const put = async (id: string, code: string) => assert.is((await client.call(values, 'Do', id, code)).code, 0)
/** What inn prints. */
async function inn(...args: readonly string[]): Promise<string> {
  const { code, out, err } = await runInn(data.path, [...args, '--json', '--admin', host.admin])
  assert.is(code, 0, err)
  return out
}
const journalPath = (id: string) => `/v1/services/${values}/entities/${id}/journal`

/** More than the buffers between the two ends of a connection take. */
const records = 1_000
const bytes = 60_000
for (let at = 0; at < records; at += 100) {
  const one = () => put('long', `return { change: { updated: 'x'.repeat(${bytes}) }, outcome: say('') }`)
  await Promise.all(Array.from({ length: 100 }, one))
}

async function still(): Promise<number> {
  for (let before = -1; before !== read; await moment(300)) before = read
  return read
}

const Readers = suite('readers of an operator')

Readers('§admin-3, api.P3: a follower that does not read is not read for; when it leaves nothing is', async () => {
  const [name, port] = host.admin.split(':') as [string, string]
  read = 0
  const socket = net.connect(Number(port), name)
  socket.on('error', () => {})
  socket.pause()
  socket.write(`GET ${journalPath('long')}?follow HTTP/1.1\r\nhost: localhost\r\n\r\n`)
  while (read === 0) await moment(10)
  try {
    const before = await still()
    assert.ok(before < records / 2, `${before} of ${records} were read`)
    // The others are served.
    await put('other', "return { change: { updated: 'x' }, outcome: say('') }")
    assert.is((await http(host.admin, 'GET', `${journalPath('other')}`)).json.records.length, 1)
  } finally {
    socket.destroy()
  }
  const after = await still()
  assert.ok(after < records / 2, `${after} were read after it had left`)
})

Readers('a follower that reads hears everything, once and in order', async () => {
  const response = await fetch(`http://${host.admin}${journalPath('long')}?follow`)
  let expected = 1
  let rest = ''
  const decoder = new TextDecoder()
  for await (const chunk of response.body!) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop()!
    for (const line of lines) assert.is(JSON.parse(line).revision, expected++)
    if (expected > records) break
  }
  assert.is(expected, records + 1)
})

Readers('§admin-3: a page of a journal is bounded in bytes, and the pages together are the whole', async () => {
  const revisions: number[] = []
  let pages = 0
  for (let more = true; more; pages++) {
    const from = (revisions.at(-1) ?? 0) + 1
    const { text, json } = await http(host.admin, 'GET', `${journalPath('long')}?from=${from}&limit=1000`)
    assert.ok(text.length < 2_000_000, `${text.length} bytes`)
    revisions.push(...json.records.map((record: { revision: number }) => record.revision))
    more = json.more
  }
  assert.ok(pages > 10)
  assert.equal(
    revisions,
    Array.from({ length: records }, (_, index) => index + 1),
  )
  const printed = await inn('journal', values, 'long', '--limit', '300')
  assert.is(printed.trimEnd().split('\n').length, 300)
})

Readers('a long state, now or then, is not read by the loop, and is shown whole', async () => {
  const length = 70_000
  const update = (text: string) => `return { change: { updated: ${text} }, outcome: say('') }`
  await put('state', update(`JSON.stringify('x'.repeat(${length}))`))
  await put('state', update(`'[' + 'y'.repeat(${length})`))
  const { parse } = JSON
  let longest = 0
  JSON.parse = (text, reviver) => {
    longest = Math.max(longest, text.length)
    return parse(text, reviver)
  }
  const texts: string[] = []
  try {
    for (const at of ['?at=1', ''])
      texts.push(await (await fetch(`http://${host.admin}/v1/services/${values}/entities/state/state${at}`)).text())
  } finally {
    JSON.parse = parse
  }
  assert.ok(longest < length, `${longest} characters were read by the loop`)
  const [then, now] = texts.map((text) => JSON.parse(text))
  assert.equal([then.revision, now.revision, then.effects], [1, 2, []])
  assert.ok(then.state === 'x'.repeat(length))
  // Not JSON after all.
  assert.is(Buffer.from(now.state.base64, 'base64').toString(), `[${'y'.repeat(length)}`)
})

Readers(
  '§admin-3, api.P3: entities come in pages, with their prefix, and inn goes on until it has as many as were asked for',
  async () => {
    const ids = Array.from({ length: 1_250 }, (_, index) => `p${String(index).padStart(5, '0')}`)
    const code = "return { change: { updated: 'x' }, outcome: say('') }"
    await Promise.all([...ids, 'q'].map((id) => put(id, code)))
    const found: string[] = []
    let after = ''
    for (let next: string | null = ''; next !== null; ) {
      const query = `?prefix=p&limit=300${after}`
      const { json } = await http(host.admin, 'GET', `/v1/services/${values}/entities${query}`)
      assert.ok(json.entities.length <= 300)
      found.push(...json.entities.map(({ id }: { id: string }) => id))
      next = json.next
      after = `&after=${next}`
    }
    assert.equal(found, ids)
    assert.is(JSON.parse(await inn('entities', values, '--prefix', 'p')).entities.length, 100)
    const all = JSON.parse(await inn('entities', values, '--prefix', 'p', '--limit', '5000'))
    assert.equal([all.entities.length, all.next], [1_250, null])
  },
)

Readers('§admin-3: effects come in pages in the order of their ids, of all services or of one', async () => {
  const unknown = Array.from({ length: 50 }, () => "effect('no.such.Service', 'Do', '', '')").join()
  for (let at = 0; at < 25; at++)
    await put(`e${at}`, `return { change: { updated: 'x' }, outcome: say('', { effects: [${unknown}] }) }`)
  const found: number[] = []
  for (let after = 0, next: number | null = 0; next !== null; after = next ?? 0) {
    const { json } = await http(host.admin, 'GET', `/v1/effects?limit=400&after=${after}`)
    assert.ok(json.effects.length <= 400)
    found.push(...json.effects.map(({ id }: { id: number }) => id))
    next = json.next
  }
  assert.is(found.length, 1_250)
  assert.equal(
    found,
    [...found].sort((a, b) => a - b),
  )
  assert.is((await http(host.admin, 'GET', '/v1/effects')).json.effects.length, 1_000)
  const none = { effects: [], next: null, passedOver: [] }
  assert.equal((await http(host.admin, 'GET', '/v1/effects?service=other')).json, none)
  assert.is(JSON.parse(await inn('effects')).effects.length, 1_250)
})

Readers('at the end', async () => {
  client.close()
  await host.stop()
  data.remove()
})

Readers.run()

// Guards metadata in and out of every kind of service, over gRPC and HTTP (§metadata), CloudEvents attributes among it.

import { Metadata } from '@grpc/grpc-js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Host } from '../../host/main.ts'
import { fixture } from '../support/components.ts'
import { http, temporary, testHost } from '../support/host.ts'
import { actions, replicas, ScriptClient, said, script, scripted, values } from '../support/scripted.ts'

const data = temporary()
const host: Host = await testHost(data.path)
assert.ok((await host.deployer.deploy(await scripted())).ok)
assert.ok((await host.deployer.deploy((await fixture('odd')).bytes)).ok)
const client = new ScriptClient(host.listen)
const same = (bytes: Buffer) => bytes

interface Heard {
  readonly code: number
  readonly texts: readonly string[]
  readonly headers: Metadata
  readonly trailers: Metadata
}

/** One call of any shape; streams are left after their first element if `first`. */
function call(service: string, method: string, code: string, metadata: Metadata, first = false): Promise<Heard> {
  return new Promise((resolve) => {
    const texts: string[] = []
    let headers = new Metadata()
    const path = `/${service}/${method}`
    const both =
      method === 'Both' || method === 'In' ? client.client.makeBidiStreamRequest(path, same, same, metadata) : undefined
    both?.write(script('md', code))
    both?.end()
    const stream = both ?? client.client.makeServerStreamRequest(path, same, same, script('md', code), metadata)
    stream.on('metadata', (came: Metadata) => {
      headers = came
    })
    stream.on('data', (bytes: Buffer) => {
      texts.push(said(bytes))
      if (first) stream.cancel()
    })
    stream.on('error', () => {})
    stream.on('status', (status) => resolve({ code: status.code, texts, headers, trailers: status.metadata }))
  })
}

/** What says back the metadata that it was given, for each kind and shape. */
const tellers: readonly [service: string, method: string, code: (more: string) => string, first?: boolean][] = [
  [values, 'Do', (more) => `return { outcome: say(metadata, ${more}) }`],
  [replicas, 'Do', (more) => `return { answer: say(metadata, ${more}) }`],
  [replicas, 'Open', (more) => `return { answer: say(metadata, ${more}), subscribe: {} }`, true],
  [actions, 'Do', (more) => `return say(metadata, ${more})`],
  [actions, 'Out', (more) => `return { outputs: [say(memory.metadata, ${more})], done: true }`],
  [actions, 'In', (more) => `return { outputs: [say(memory.metadata, ${more})], done: true }`],
  [actions, 'Both', (more) => `return { outputs: [say(memory.metadata, ${more})], done: true }`],
]
const paths: Record<string, string> = {
  [`${values}/Do`]: '/values/md',
  [`${replicas}/Do`]: '/replicas/md',
  [`${replicas}/Open`]: '/replicas/md/open',
  [`${actions}/Do`]: '/actions',
  [`${actions}/Out`]: '/actions/out',
  [`${actions}/In`]: `/${actions}/In`,
  [`${actions}/Both`]: `/${actions}/Both`,
}

/** As JSON of a first answer, whatever its form; an open stream is left. */
async function post(
  path: string,
  code: string,
  headers: Record<string, string> | [string, string][],
): Promise<{ text: string; headers: Headers }> {
  const leaving = new AbortController()
  const response = await fetch(`http://${host.listen}${path}`, {
    method: 'POST',
    headers: [['content-type', 'application/json'], ...(Array.isArray(headers) ? headers : Object.entries(headers))],
    body: JSON.stringify({ code }),
    signal: leaving.signal,
  })
  const reader = response.body!.getReader()
  let text = ''
  while (!text.includes('}')) {
    const { value, done } = await reader.read()
    if (done) break
    text += Buffer.from(value)
  }
  leaving.abort()
  return { text: JSON.parse(text.replace(/^data: /, '')).text, headers: response.headers }
}

const In = suite('metadata to functions')

for (const [service, method, code, first] of tellers) {
  In(
    `§metadata-1, §metadata-2: over gRPC, to ${service}/${method}: lower case, in order, bytes as bytes, nothing of the transport`,
    async () => {
      const metadata = new Metadata()
      metadata.add('X-Upper', 'One')
      metadata.add('ce-id', '7')
      metadata.add('ce-type', 'test.Happened')
      metadata.add('tenant', 'acme')
      metadata.add('x-raw-bin', Buffer.from([0, 255, 44]))
      metadata.add('x-raw-bin', Buffer.from([1]))
      metadata.add('authorization', 'secret')
      metadata.add('cookie', 'a=b')
      metadata.add('proxy-authorization', 'secret')
      const { texts } = await call(service, method, code('{}'), metadata, first)
      assert.equal(JSON.parse(texts[0]!), [
        ['x-upper', 'One'],
        ['ce-id', '7'],
        ['ce-type', 'test.Happened'],
        ['tenant', 'acme'],
        ['x-raw-bin', [0, 255, 44]],
        ['x-raw-bin', [1]],
      ])
    },
  )

  In(`§metadata-2, metadata.M1: over HTTP, to ${service}/${method}: ce-* and x-* alone, duplicates kept`, async () => {
    const { text } = await post(paths[`${service}/${method}`]!, code('{}'), {
      'X-Upper': 'One',
      'ce-id': '7',
      'ce-specversion': '1.0',
      'ce-source': '/a b',
      tenant: 'acme',
      'x-raw-bin': 'AP8s',
      authorization: 'secret',
      cookie: 'a=b',
      'accept-language': 'de',
      'x-request-id': 'mine',
    })
    assert.equal(JSON.parse(text).sort(), [
      ['ce-id', '7'],
      ['ce-source', '/a b'],
      ['ce-specversion', '1.0'],
      ['x-raw-bin', [0, 255, 44]],
      ['x-upper', 'One'],
    ])
  })
}

In('§metadata-1: a function of an event-sourced entity hears the same', async () => {
  const headers = { 'ce-id': '7', 'x-a': '1', authorization: 'no' }
  const { json } = await http(host.listen, 'POST', '/odd/md/do', { what: 'metadata' }, headers)
  assert.equal(JSON.parse(json.note).sort(), [
    ['ce-id', '7'],
    ['x-a', '1'],
  ])
})

In('§metadata-3: what was kept back is not in the journal either', async () => {
  const headers = { 'x-a': '1', authorization: 'secret-1', cookie: 'secret-2', 'proxy-authorization': 'secret-3' }
  await http(host.listen, 'POST', '/odd/journal/do', { what: 'add', amount: 1 }, headers)
  const { text } = await http(host.admin, 'GET', '/v1/services/test.odd.v1.Odd/entities/journal/journal')
  assert.match(text, 'x-a')
  assert.not.match(text, 'secret')
})

const Out = suite('metadata of answers')
const more =
  "{ metadata: [['x-said', 'a'], ['x-said', 'b'], ['ce-type', 'test.Said'], ['x-raw-bin', [1, 2]], ['content-type', 'text/evil'], ['x-line', 'a\\nb'], ['X Odd!', 'e'], ['x-odd', [1]], ['x-odd-bin', 'f']] }"

for (const [service, method, code, first] of tellers) {
  Out(
    `§metadata-5: of ${service}/${method} become headers: over gRPC bytes too, over HTTP text alone; ours stay ours`,
    async () => {
      const { headers, texts } = await call(service, method, code(more), new Metadata(), first)
      assert.is(texts.length, 1)
      assert.equal(headers.get('x-said').join(', '), 'a, b')
      assert.equal(headers.get('ce-type'), ['test.Said'])
      assert.equal(headers.get('x-raw-bin'), [Buffer.from([1, 2])])
      // Entries that no transport carries are left out, and fail nothing.
      assert.equal([headers.get('x-odd'), headers.get('x-odd-bin')], [[], []])
      assert.equal([headers.get('x-line'), headers.get('content-type').includes('text/evil')], [[], false])
      const answer = await post(paths[`${service}/${method}`]!, code(more), {})
      assert.equal(
        ['x-said', 'ce-type', 'x-raw-bin', 'x-line', 'content-type'].map((header) => answer.headers.get(header)),
        ['a, b', 'test.Said', null, null, 'application/json'],
      )
    },
  )
}

Out('§metadata-6: of a stream only those of the first element', async () => {
  const code =
    "return { outputs: [say(1, { metadata: [['x-n', '1']] }), say(2, { metadata: [['x-n', '2'], ['x-late', 'yes']] })], done: true }"
  const { headers, trailers, texts } = await call(actions, 'Out', code, new Metadata())
  assert.equal([texts, headers.get('x-n'), headers.get('x-late'), trailers.get('x-late')], [['1', '2'], ['1'], [], []])
  const lines = await http(host.listen, 'POST', '/actions/out', { code })
  assert.equal([lines.headers.get('x-n'), lines.headers.get('x-late')], ['1', null])
  const events = await http(host.listen, 'POST', '/actions/out', { code }, { accept: 'text/event-stream' })
  assert.equal([events.headers.get('x-n'), events.headers.get('content-type')], ['1', 'text/event-stream'])
})

Out('§metadata-6: of an element that stands for a forward, those of its target', async () => {
  const target = "return { outcome: say('t', { metadata: [['x-said', 'target']] }) }"
  const code = `return { outputs: [forward('Values', 'Do', 'md', ${JSON.stringify(target)}, { metadata: [['x-said', 'forwarder']] })], done: true }`
  const { headers } = await call(actions, 'Out', code, new Metadata())
  assert.equal(headers.get('x-said'), ['target'])
})

Out('§metadata-6: of a stream that begins without an element, those of its first message', async () => {
  const changed = "return { outcome: say(view.value.counter, { metadata: [['x-n', view.value.counter]] }) }"
  const code = `return { answer: none(), subscribe: ${JSON.stringify({ changed })} }`
  const opening = call(replicas, 'Open', code, new Metadata(), true)
  const state = `/v1/services/${replicas}/entities/md/state`
  for (let tries = 0; tries < 6_000; tries++) {
    const { json } = await http(host.admin, 'GET', state)
    if (json.streams?.length > 0) break
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  await client.call(replicas, 'Do', 'md', "return { operations: [increment(1)], answer: say('') }")
  const { headers, texts } = await opening
  assert.equal([texts, headers.get('x-n')], [['1'], ['1']])
})

Out('§refusal-4: of a refusal they are told as well', async () => {
  for (const [service, path, code] of [
    [values, '/values/md', "return { outcome: refuse('not-found', 'no', { metadata: [['x-why', 'because']] }) }"],
    [replicas, '/replicas/md', "return { answer: refuse('not-found', 'no', { metadata: [['x-why', 'because']] }) }"],
    [actions, '/actions', "return refuse('not-found', 'no', { metadata: [['x-why', 'because']] })"],
  ] as const) {
    const { headers, code: status } = await call(service, 'Do', code, new Metadata())
    assert.equal([status, headers.get('x-why')], [5, ['because']], service)
    const answer = await http(host.listen, 'POST', path, { code })
    assert.equal([answer.status, answer.headers.get('x-why')], [404, 'because'], service)
  }
})

Out('§idempotency-1: an answer given again under its key brings its metadata again', async () => {
  const headers = { 'idempotency-key': 'md' }
  for (const [path, code] of [
    ['/values/md-key', "return { change: { updated: 'x' }, outcome: say(nowMs, { metadata: [['x-said', 'yes']] }) }"],
    [
      '/replicas/md-key',
      "return { operations: [increment(1)], answer: say(nowMs, { metadata: [['x-said', 'yes']] }) }",
    ],
  ] as const) {
    const first = await http(host.listen, 'POST', path, { code }, headers)
    const again = await http(host.listen, 'POST', path, { code }, headers)
    assert.is(first.status, 200)
    assert.equal([again.text, again.headers.get('x-said')], [first.text, 'yes'])
  }
})

Out('§call-4: a request id is the client’s own, or a fresh one, in headers of HTTP and trailers of gRPC', async () => {
  const code = "return say('')"
  const metadata = new Metadata()
  metadata.add('x-request-id', 'mine-1')
  assert.equal((await call(actions, 'Do', code, metadata)).trailers.get('x-request-id'), ['mine-1'])
  assert.ok((await call(actions, 'Do', code, new Metadata())).trailers.get('x-request-id')[0])
  for (const path of ['/actions', '/nowhere']) {
    const mine = await http(host.listen, 'POST', path, { code }, { 'x-request-id': 'mine-2' })
    assert.is(mine.headers.get('x-request-id'), 'mine-2')
    assert.ok(
      (await http(host.listen, 'POST', path, { code }, { 'x-request-id': 'not one!' })).headers.get('x-request-id') !==
        'not one!',
    )
  }
  const fault = await http(host.listen, 'POST', '/actions', { code: 'throw 1' }, { 'x-request-id': 'mine-3' })
  assert.is(fault.json.message, 'the function failed (request mine-3)')
})

Out.after(async () => {
  client.close()
  await host.stop()
  data.remove()
})

In.run()
Out.run()

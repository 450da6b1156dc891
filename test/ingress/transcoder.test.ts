// Guards that JSON, however long and however it is made up, holds the loop for no longer than what is short: what is long is another
// thread's, what is short takes few steps, and nobody overtakes on a connection.

import net from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { routesIn, type ServedRoute } from '../../host/ingress/http/routes.ts'
import { Transcoder } from '../../host/ingress/http/transcoder.ts'
import { soonBytesMax, soonStepsMax } from '../../host/transcode/soon.ts'
import { TextTooLong, toJson } from '../../host/transcode/to-json.ts'
import { toMessage } from '../../host/transcode/to-message.ts'
import { http } from '../support/host.ts'
import { eventually, fakeHost } from '../support/ingress.ts'
import { protos } from '../support/protos.ts'

const wide = Array.from({ length: 500 }, (_, at) => `string f${at} = ${at + 1};`).join(' ')
const { schema } = await protos({
  'long.proto': `syntax = "proto3"; package test.long.v1;
    import "google/api/annotations.proto";
    message Wide { ${wide} }
    message Tree { Tree tree = 1; string text = 2; }
    message Item { string text = 1; repeated int32 numbers = 2; repeated Wide wides = 3; Tree tree = 4; map<string, Tree> trees = 5; }
    service Long { rpc Echo(Item) returns (Item) { option (google.api.http) = { post: "/echo/{text}" body: "*" }; }
      rpc Watch(Item) returns (stream Item) { option (google.api.http) = { post: "/watch" body: "*" }; } }
    service Other { rpc Echo(Item) returns (Item) { option (google.api.http) = { post: "/other/{text}" body: "*" }; } }`,
})
const host = await fakeHost(schema, ['test.long.v1.Long', 'test.long.v1.Other'])
const item = schema.messages.get('test.long.v1.Item')!
const routeOf = (path: string): ServedRoute => {
  const found = routesIn(host.services.current).find('POST', path)
  if (found.kind !== 'route') throw new Error(`no route ${path}`)
  return found.route
}
const echo = routeOf('/echo/x')
const other = routeOf('/other/x')

const numbers = Array.from({ length: 50_000 }, (_, at) => at)
const long = JSON.stringify({ numbers })
assert.ok(long.length > soonBytesMax)
const said = (body: string, text = 'x') => ({
  captured: [text],
  query: '',
  body: Buffer.from(body),
  contentType: '',
})

const wanted = () => new AbortController().signal

/** The longest bytes that this thread made a text of while `work` ran: what it reads, it makes a text of before. */
async function longestRead(work: () => Promise<unknown>): Promise<number> {
  const made = Buffer.prototype.toString
  let longest = 0
  Buffer.prototype.toString = function (...encoding: []) {
    longest = Math.max(longest, this.length)
    return made.apply(this, encoding)
  }
  try {
    await work()
  } finally {
    Buffer.prototype.toString = made
  }
  return longest
}

const Long = suite('long JSON')

Long(
  'transcode-thread.D1, transcoder.T1, request-json.Q1: a long body is not read by the loop, and becomes the same bytes as one that is',
  async () => {
    let payload: Uint8Array | undefined
    const read = await longestRead(async () => {
      payload = await host.context.transcoder.request(echo, said(long))
    })
    assert.is(read, 0)
    assert.ok(Buffer.compare(payload!, toMessage(schema, item, { text: 'x', numbers })) === 0)
    assert.is(host.context.transcoder.request(echo, said('{"numbers":[1]}')) instanceof Promise, false)
  },
)

Long('a long reply is not made by the loop, and is the same text', async () => {
  const bytes = toMessage(schema, item, { numbers })
  assert.ok(bytes.length > soonBytesMax)
  const made = host.context.transcoder.reply(echo, bytes, wanted)
  assert.instance(made, Promise)
  assert.ok(Buffer.from((await made) as Uint8Array).toString() === toJson(schema, item, bytes))
})

Long('transcoder.T3: a reply that nobody wants any more goes, and those that wait behind it are made', async () => {
  const bytes = toMessage(schema, item, { numbers })
  const { transcoder } = host.context
  const ended = new AbortController()
  const ask = (unwanted: () => AbortSignal) => transcoder.reply(echo, bytes, unwanted) as Promise<Uint8Array>
  const outcome = (made: Promise<Uint8Array>) => made.then(() => 'made').catch((error: Error) => error.message)
  const outcomes = [ask(wanted), ...Array.from({ length: 50 }, () => ask(() => ended.signal)), ask(wanted)].map(outcome)
  ended.abort(new Error('nobody wants it'))
  assert.equal(await Promise.all(outcomes), ['made', ...Array(50).fill('nobody wants it'), 'made'])
})

Long('transcoder.T5: an answer that many are given is made once, short or long, for each way to show it', async () => {
  const { transcoder } = host.context
  const short = toMessage(schema, item, { text: 'a' })
  const bytes = toMessage(schema, item, { numbers })
  const made = transcoder.sharedReply(echo, bytes)
  assert.instance(made, Promise)
  assert.ok(transcoder.sharedReply(echo, bytes) === made)
  assert.is(transcoder.sharedReply(echo, short), transcoder.sharedReply(echo, short))
  assert.ok(Buffer.from((await made) as Uint8Array).toString() === toJson(schema, item, bytes))
  const other = { ...echo }
  assert.ok(transcoder.sharedReply(other, bytes) !== made)
  const broken = Buffer.alloc(100_000, 255)
  const outcome = () => (transcoder.sharedReply(echo, broken) as Promise<Uint8Array>).then(String, () => 'fails')
  assert.equal(await Promise.all([outcome(), outcome()]), ['fails', 'fails'])
})

Long('what is wrong with a long body or reply is told as of a short one', async () => {
  for (const [path, end] of [
    ['$: malformed JSON', ''],
    ['$.numbers[50000]: expected int32', ',"a"]}'],
    ['$.unknown: unknown field of test.long.v1.Item', '],"unknown":1}'],
  ]) {
    const { status, json } = await http(host.address, 'POST', '/echo/x', long.slice(0, -2) + end)
    assert.is(status, 400)
    assert.ok(json.message.startsWith(path), json.message)
  }
  host.onDispatch = (_, reply) => reply({ kind: 'reply', payload: Buffer.alloc(100_000, 255), metadata: [] })
  assert.is((await http(host.address, 'POST', '/echo/x', {})).status, 500)
})

Long(
  'transcode-thread.D2, to-json.O5: few bytes that are long text are not made by the loop, and not at all where the text has no end',
  async () => {
    const empty = (count: number) => Buffer.concat(Array.from({ length: count }, () => Buffer.from([26, 0])))
    // 500 fields in two bytes.
    const many = empty(2_000)
    assert.throws(
      () => toJson(schema, item, many, soonStepsMax),
      (error: unknown) => error instanceof TextTooLong,
    )
    const made = host.context.transcoder.reply(echo, many, wanted)
    assert.instance(made, Promise)
    assert.is(JSON.parse(Buffer.from((await made) as Uint8Array).toString()).wides.length, 2_000)
    const endless = host.context.transcoder.reply(echo, empty(1_000_000), wanted) as Promise<Uint8Array>
    assert.match(String(await endless.catch((error: Error) => error.message)), 'JSON is too long')
  },
)

Long('a message in many parts is put together once', () => {
  const { concat } = Buffer
  let copied = 0
  Buffer.concat = (list, length) => {
    const all = concat(list as Uint8Array[], length)
    copied += all.length
    return all
  }
  try {
    // tree { text: "a" }, a thousand times, in a field and in an entry of a map.
    const part = Buffer.from([34, 3, 18, 1, 97])
    const entry = Buffer.from([10, 1, 107, ...Array.from({ length: 1_000 }, () => [18, 3, 18, 1, 97]).flat()])
    const map = Buffer.from([42, 128 | (entry.length & 127), entry.length >> 7, ...entry])
    const bytes = concat([...Array.from({ length: 1_000 }, () => part), map])
    copied = 0
    const json = JSON.parse(toJson(schema, item, bytes))
    assert.is(json.tree.text, 'a')
    assert.is(json.trees.k.text, 'a')
    assert.ok(copied <= bytes.length, `${copied} bytes were copied of ${bytes.length}`)
  } finally {
    Buffer.concat = concat
  }
})

Long('what a message of many fields costs is what is given of it', () => {
  const { hasOwn } = Object
  let asked = 0
  Object.hasOwn = (object, name) => {
    asked += 1
    return hasOwn(object, name)
  }
  try {
    const wides = Array.from({ length: 1_000 }, () => ({ f499: 'z', f3: 'a' }))
    const bytes = toMessage(schema, item, { wides })
    assert.ok(asked < 20_000, `${asked} fields were looked for`)
    const [first] = JSON.parse(toJson(schema, item, bytes)).wides
    assert.is(first.f499 + first.f3, 'za')
  } finally {
    Object.hasOwn = hasOwn
  }
})

Long('call.J4: a short request does not overtake a long one of its connection', async () => {
  const heard: string[] = []
  host.onDispatch = (command, reply) => {
    heard.push(JSON.parse(toJson(schema, item, command.payload)).text)
    reply({ kind: 'reply', payload: new Uint8Array(), metadata: [] })
  }
  const [name, port] = host.address.split(':') as [string, string]
  const socket = net.connect(Number(port), name)
  let answers = 0
  socket.on('data', (chunk) => {
    answers += chunk.toString().split('HTTP/1.1 200').length - 1
  })
  const request = (text: string, body: string) =>
    `POST /echo/${text} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`
  socket.write(request('first', long) + request('second', '{}') + request('third', long) + request('fourth', '{}'))
  await eventually(() => answers === 4)
  socket.destroy()
  assert.equal(heard, ['first', 'second', 'third', 'fourth'])
})

Long('stream.W5: a long element of a stream is not overtaken by a short one, nor by the end', async () => {
  const longItem = toMessage(schema, item, { text: 'long', numbers })
  const short = toMessage(schema, item, { text: 'short' })
  host.onOpen = (call) => {
    for (const payload of [short, longItem, short, longItem]) call.next(payload)
    call.receiver.end()
  }
  const { text } = await http(host.address, 'POST', '/watch', {})
  const lines = text.trimEnd().split('\n')
  assert.equal(
    lines.map((line) => JSON.parse(line).text),
    ['short', 'long', 'short', 'long'],
  )
})

Long('stream.W5: a stream asks for no more while an element is made', async () => {
  const longItem = toMessage(schema, item, { numbers })
  let given = 0
  host.onOpen = (call) => {
    given = call.flood(longItem, 100)
    call.receiver.end()
  }
  const { text } = await http(host.address, 'POST', '/watch', {})
  assert.is(given, 1)
  assert.is(text.trimEnd().split('\n').length, 1)
})

Long('transcoder.T2: services take turns at the thread', async () => {
  const transcoder = new Transcoder(100_000_000)
  const done: string[] = []
  const ask = async (name: string, route: ServedRoute) => {
    await transcoder.request(route, said(long))
    done.push(name)
  }
  await Promise.all([ask('a1', echo), ask('a2', echo), ask('a3', echo), ask('b1', other)])
  assert.equal(done, ['a1', 'a2', 'b1', 'a3'])
  transcoder.close()
})

Long('what waits for the thread is bounded, and room comes back', async () => {
  const transcoder = new Transcoder(2 * long.length)
  const first = transcoder.request(echo, said(long))
  const second = transcoder.request(echo, said(long))
  assert.throws(() => transcoder.request(echo, said(long)), /wait to be read; try again later/)
  await Promise.all([first, second])
  await transcoder.request(echo, said(long))
  transcoder.close()
})

Long('transcoder.T4: a thread that ends fails the job in hand, and the next one has another thread', async () => {
  const transcoder = new Transcoder(100_000_000)
  await transcoder.request(echo, said(long))
  const lost = transcoder.request(echo, said(long)) as Promise<Uint8Array>
  // biome-ignore lint/suspicious/noExplicitAny: nobody but a lack of memory ends it
  void (transcoder as any).thread.worker.terminate()
  assert.match(String(await lost.catch((error: Error) => error.message)), 'has ended')
  assert.instance(await transcoder.request(echo, said(long)), Uint8Array)
  transcoder.close()
})

Long('transcoder.T4: after services changed a thread knows the new schemas only', async () => {
  const transcoder = new Transcoder(100_000_000)
  await transcoder.request(echo, said(long))
  // biome-ignore lint/suspicious/noExplicitAny: a look at what is kept
  const known = () => (transcoder as any).thread?.known.size ?? 0
  assert.is(known(), 1)
  transcoder.switched()
  assert.is(known(), 0)
  assert.instance(await transcoder.request(echo, said(long)), Uint8Array)
  transcoder.close()
})

Long.after(async () => {
  host.context.transcoder.close()
  await host.ingress.close(100)
})

Long.run()

// Guards streams over HTTP/JSON: their three forms, failures before and after the headers, and clients that read slowly or leave.

import net from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { InnkeeperError } from '../../host/errors.ts'
import type { Metadata } from '../../host/metadata.ts'
import type { Service } from '../../host/services.ts'
import { toMessage } from '../../host/transcode/to-message.ts'
import { http } from '../support/host.ts'
import { eventually, fakeHost, fakeService, metric, streamsProto } from '../support/ingress.ts'
import { protos } from '../support/protos.ts'

const name = 'test.streams.v1.Streams'
const { schema } = await protos({ 'streams.proto': streamsProto })
const host = await fakeHost(schema, [name], {
  limits: { streamsMax: 20 },
  context: { pace: { headersAfterMs: 50, heartbeatMs: 30 } },
})
const itemType = schema.messages.get('test.streams.v1.Item')!
const item = (text: string) => toMessage(schema, itemType, { text })
const body = (contentType: string, text: string) =>
  toMessage(schema, schema.messages.get('google.api.HttpBody')!, { contentType, data: btoa(text) })
const openStreams = () => metric(host.metrics, `innkeeper_streams_open{service="${name}"}`)
const url = (path: string) => `http://${host.address}${path}`

/** Every call of the next request is answered with these elements, then all is well. */
function answers(elements: readonly Uint8Array[], metadata: readonly Metadata[] = []): void {
  host.onOpen = (call) => {
    for (const [index, element] of elements.entries()) call.next(element, metadata[index])
    call.receiver.end()
  }
}

/** A client on a bare socket that reads only when told to. */
function raw(text: string): { socket: net.Socket; text: () => string; closed: Promise<string> } {
  const [address, port] = host.address.split(':')
  const socket = net.connect(Number(port), address)
  socket.on('error', () => {})
  let received = ''
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1')
  })
  socket.write(text)
  return {
    socket,
    text: () => received,
    closed: new Promise((resolve) => socket.once('close', () => resolve(received))),
  }
}

const lastEvent = 'event: end\nid: end\ndata: {}\n\n'

const HttpStream = suite('http streams')

HttpStream.before.each(() => {
  host.onOpen = () => {}
})

HttpStream(
  '§answer-4, §metadata-6: a streamed answer is a JSON object a line, chunked, with the metadata of the first as headers',
  async () => {
    answers(
      [item('a\n'), item('b')],
      [
        [
          ['x-first', '1'],
          ['x-first', '2'],
          ['raw-bin', new Uint8Array([1])],
          ['content-type', 'text/evil'],
        ],
        [['x-later', '1']],
      ],
    )
    const { status, headers, text } = await http(host.address, 'GET', '/watch/a', undefined, { 'x-request-id': 'mine' })
    assert.is(status, 200)
    assert.is(headers.get('content-type'), 'application/json')
    assert.is(headers.get('transfer-encoding'), 'chunked')
    assert.is(headers.get('x-first'), '1, 2')
    assert.is(headers.get('raw-bin'), null)
    assert.is(headers.get('x-later'), null)
    assert.is(headers.get('x-request-id'), 'mine')
    assert.is(text, '{"text":"a\\n","number":"0","tags":[]}\n{"text":"b","number":"0","tags":[]}\n')
    const { command } = await host.call()
    assert.equal(command.payload, item('a'))
    assert.is(command.deadlineMs, Number.POSITIVE_INFINITY)
  },
)

HttpStream('§answer-4, stream.W1: who accepts text/event-stream has an event for each element', async () => {
  answers([item('a'), item('b')])
  const { headers, text } = await http(host.address, 'GET', '/watch/a', undefined, {
    accept: 'text/event-stream, application/json',
  })
  assert.is(headers.get('content-type'), 'text/event-stream')
  assert.is(headers.get('cache-control'), 'no-cache')
  const element = (name: string, at: number) => `id: ${at + 1}\ndata: {"text":"${name}","number":"0","tags":[]}\n\n`
  assert.is(text, `${['a', 'b'].map(element).join('')}${lastEvent}`)
  await host.call()
})

HttpStream(
  '§answer-9, http/stream.W6: an EventSource that comes again runs no action again unasked, and nothing after the end',
  async () => {
    const serve = (kind: string, headers: readonly string[]) =>
      host.services.change([{ ...fakeService(schema, 'test.streams.v1.Streams', headers), kind } as unknown as Service])
    const again = (id: string, accept = 'text/event-stream') =>
      http(host.address, 'GET', '/watch/a', undefined, { accept, 'last-event-id': id })
    const before = host.opened.length
    for (const [kind, id] of [
      ['replicated', 'end'],
      ['action', 'end'],
      ['action', '7'],
    ] as const) {
      serve(kind, [])
      const { status, text } = await again(id)
      assert.equal([status, text], [204, ''], `${kind} ${id}`)
    }
    assert.is(host.opened.length, before)
    answers([item('a')])
    for (const [kind, headers, id, first] of [
      ['replicated', [], '7', 8],
      ['action', ['last-event-id'], '7', 8],
      ['action', [], 'of another server', 1],
    ] as const) {
      serve(kind, headers)
      const { status, text } = await again(id)
      assert.equal([status, text.startsWith(`id: ${first}\ndata: {`)], [200, true], `${kind} ${id}: ${text}`)
      const { command } = await host.call()
      assert.equal(
        command.metadata,
        headers.map((name) => [name, id]),
      )
    }
    serve('action', [])
    assert.is((await again('7', 'application/json')).status, 200)
    await host.call()
  },
)

HttpStream('§answer-4: response_body applies to each element', async () => {
  answers([toMessage(schema, itemType, { inner: { text: 'in' } }), item('without')])
  assert.is((await http(host.address, 'GET', '/inner/a')).text, '{"text":"in"}\nnull\n')
  await host.call()
})

HttpStream(
  '§answer-4, stream.W1: HttpBody elements are raw chunks; the type is that of the metadata, else of the element, else bytes',
  async () => {
    for (const [metadata, own, expected] of [
      [[['content-type', 'image/png']], 'text/plain', 'image/png'],
      [[], 'text/plain', 'text/plain'],
      [[['content-type', 'a\r\nb']], '', 'application/octet-stream'],
    ] as const) {
      answers([body(own, 'one '), body('', ''), body('text/other', 'two')], [metadata])
      const { headers, text } = await http(host.address, 'GET', '/file/a')
      assert.is(headers.get('content-type'), expected)
      assert.is(text, 'one two')
      await host.call()
    }
    answers([body('text/plain', 'x')])
    const events = await http(host.address, 'GET', '/file/a', undefined, { accept: 'text/event-stream' })
    assert.is(events.text, `id: 1\ndata: {"contentType":"text/plain","data":"eA==","extensions":[]}\n\n${lastEvent}`)
    await host.call()
  },
)

HttpStream('§answer-4: a stream without elements is 200 and empty', async () => {
  answers([])
  const { status, text, headers } = await http(host.address, 'GET', '/watch/a')
  assert.is(status, 200)
  assert.is(text, '')
  assert.is(headers.get('content-type'), 'application/json')
  await host.call()
})

HttpStream('§answer-6, stream.W3: a failure before the first element is an ordinary status and body', async () => {
  host.onOpen = (call) => call.refuse(5, 'no such thing')
  const refused = await http(host.address, 'GET', '/watch/a', undefined, { accept: 'text/event-stream' })
  assert.is(refused.status, 404)
  assert.equal(refused.json, { code: 5, message: 'no such thing', details: [] })
  host.onOpen = (call) => call.receiver.end({ kind: 'error', error: new InnkeeperError('overloaded', 'full') })
  const full = await http(host.address, 'GET', '/watch/a')
  assert.is(full.status, 429)
  assert.is(full.headers.get('retry-after'), '1')
  await host.call()
  await host.call()
})

HttpStream('§answer-6, stream.W3: a failure midway cuts the connection, after the elements before it', async () => {
  host.onOpen = (call) => {
    call.next(item('a'))
    call.refuse(9, 'no more')
  }
  const answer = await raw('GET /watch/a HTTP/1.1\r\nhost: a\r\n\r\n').closed
  assert.match(answer, /^HTTP\/1.1 200 /)
  assert.match(answer, /"text":"a"/)
  assert.not.match(answer, /no more/)
  assert.not.match(answer, /\r\n0\r\n\r\n$/)
  const cut = await http(host.address, 'GET', '/watch/a').then(
    () => 'whole',
    () => 'cut',
  )
  assert.is(cut, 'cut')
  await host.call()
  await host.call()
})

HttpStream(
  '§fault-4: an element that is not its message is a fault: 500 before the headers, a cut after, and one cancel',
  async () => {
    const garbage = new Uint8Array([0x0a, 50, 1])
    host.onOpen = (call) => call.next(garbage)
    const { status, json } = await http(host.address, 'GET', '/watch/a')
    assert.is(status, 500)
    assert.match(json.message, /^the function failed \(request test-\d+\)$/)
    const first = await host.call()
    await first.until(() => first.cancels === 1)
    host.onOpen = (call) => {
      call.next(item('a'))
      call.next(garbage)
      call.receiver.end()
    }
    assert.not.match(await raw('GET /watch/a HTTP/1.1\r\nhost: a\r\n\r\n').closed, /\r\n0\r\n\r\n$/)
    const second = await host.call()
    await second.until(() => second.cancels === 1)
  },
)

HttpStream('§answer-7: the body of a client stream is its one element, and the answer an ordinary one', async () => {
  const answer = http(host.address, 'POST', '/collect', { text: 'one' })
  const call = await host.call()
  assert.is(call.command.payload.length, 0)
  assert.equal(call.items, [item('one')])
  assert.is(call.halfClosed, 1)
  call.next(item('sum'), [['x-sum', '1']])
  call.receiver.end()
  const { status, headers, json } = await answer
  assert.is(status, 200)
  assert.is(headers.get('x-sum'), '1')
  assert.is(json.text, 'sum')
  host.onOpen = (second) => second.receiver.end()
  const none = await http(host.address, 'POST', '/collect', {})
  assert.is(none.status, 500)
  assert.match(none.json.message, /without an answer/)
  await host.call()
})

HttpStream('§answer-7, stream.W4: a bidi method takes the body as its one element and streams its answer', async () => {
  host.onOpen = (call) => {
    void call
      .until(() => call.halfClosed === 1)
      .then(() => {
        for (const text of ['a', 'b']) call.next(item(text))
        call.receiver.end()
      })
  }
  const { text } = await http(host.address, 'POST', '/chat', { text: 'one' })
  assert.is(text.split('\n').length, 3)
  assert.equal((await host.call()).items, [item('one')])
})

HttpStream(
  '§answer-5, http/stream.W2: a stream that stays silent sends its headers, and event streams a comment now and then',
  async () => {
    const response = await fetch(url('/watch/a'), { headers: { accept: 'text/event-stream' } })
    assert.is(response.status, 200)
    const call = await host.call()
    const reader = response.body!.getReader()
    assert.is(Buffer.from((await reader.read()).value!).toString(), ':\n\n')
    call.next(item('a'), [['x-late', '1']])
    let text = ''
    while (!text.includes('data: ')) text += Buffer.from((await reader.read()).value!).toString()
    await reader.cancel()
    await call.until(() => call.cancels === 1)
  },
)

HttpStream('§stream-1: a client that leaves is one cancel, whatever it was doing', async () => {
  for (const path of ['/watch/a', '/file/a']) {
    const { socket } = raw(`GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`)
    const call = await host.call()
    if (path === '/watch/a') call.next(item('a'))
    socket.resetAndDestroy()
    await call.until(() => call.cancels > 0)
    call.next(item('late'))
    call.receiver.end()
    assert.is(call.cancels, 1)
  }
  await eventually(async () => (await openStreams()) === 0)
})

HttpStream('§stream-1: streams that wait behind another on one connection are cancelled with it', async () => {
  const { socket } = raw('GET /watch/a HTTP/1.1\r\nhost: a\r\n\r\n'.repeat(15))
  const calls = []
  for (let index = 0; index < 15; index++) calls.push(await host.call())
  assert.is(await openStreams(), 15)
  socket.resetAndDestroy()
  for (const call of calls) await call.until(() => call.cancels === 1)
  await eventually(async () => (await openStreams()) === 0)
})

HttpStream('stream.T3: a slow reader stops the host within a bound, and gets everything in the end', async () => {
  const { socket, closed } = raw('GET /file/a HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n')
  socket.pause()
  const call = await host.call()
  const big = body('', 'x'.repeat(50_000))
  let given = 0
  for (let quiet = 0; quiet < 5; ) {
    const more = call.flood(big, 10_000)
    given += more
    quiet = more === 0 ? quiet + 1 : 0
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  // What the kernel's buffers take, and one element.
  assert.ok(given < 1_000, `${given} elements of 50 kB were taken from the host`)
  assert.not.ok(call.receiver.ready)
  const { resumes } = call
  socket.resume()
  await call.until(() => call.resumes > resumes)
  call.receiver.end()
  const text = await closed
  assert.is(text.match(/x{1000}/g)!.length, given * 50)
  assert.match(text, /\r\n0\r\n\r\n$/)
})

HttpStream('§stream-2: too many open streams are answered 429', async () => {
  const sockets = Array.from({ length: 17 }, () => raw('GET /watch/a HTTP/1.1\r\nhost: a\r\n\r\n').socket)
  for (let index = 0; index < 17; index++) await host.call()
  const { status, json } = await http(host.address, 'GET', '/watch/a')
  assert.is(status, 429)
  assert.match(json.message, /^too many open streams: your address has used up its share, 17 of 20;/)
  for (const socket of sockets) socket.destroy()
  await eventually(async () => (await openStreams()) === 0)
})

HttpStream('§request-6: what is wrong with the request is found before anything is opened', async () => {
  const opened = host.opened.length
  assert.is((await http(host.address, 'POST', '/watch', { no: 1 })).status, 400)
  assert.is((await http(host.address, 'POST', '/collect', '{"text"')).status, 400)
  assert.is((await http(host.address, 'DELETE', '/collect')).status, 405)
  assert.is(host.opened.length, opened)
})

HttpStream('§metadata-2: CloudEvents headers and x-* reach a streamed method, credentials do not', async () => {
  answers([])
  await http(host.address, 'GET', '/watch/a', undefined, {
    'ce-id': '1',
    'ce-type': 'b',
    'x-y': 'z',
    cookie: 'secret',
    authorization: 'secret',
    'idempotency-key': 'k',
  })
  const { command } = await host.call()
  assert.equal(command.metadata, [
    ['ce-id', '1'],
    ['ce-type', 'b'],
    ['x-y', 'z'],
  ])
  assert.is(command.idempotencyKey, 'k')
})

HttpStream('server.S3: streams still open when the host stops are cut, and the host hears one cancel', async () => {
  const other = await fakeHost(schema, [name])
  const response = fetch(`http://${other.address}/watch/a`)
  const call = await other.call()
  call.next(item('a'))
  const text = (await response).text().then(
    () => 'whole',
    () => 'cut',
  )
  await other.ingress.close(100)
  assert.is(await text, 'cut')
  assert.is(call.cancels, 1)
})

HttpStream.after(async () => {
  await host.ingress.close(100)
})

HttpStream.run()

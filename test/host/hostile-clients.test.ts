// Guards the whole host against clients that misbehave: slow ones, ones that vanish, that never end, that send too much, or that
// open and cancel without end. What they hold is bounded, and everybody else is served.

import http2 from 'node:http2'
import net from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Host } from '../../host/main.ts'
import { http, temporary, testHost } from '../support/host.ts'
import { heldBytes } from '../support/memory.ts'
import { actions, replicas, ScriptClient, script, scripted, values } from '../support/scripted.ts'

const data = temporary()
const host: Host = await testHost(data.path, { 'message-bytes-max': '1000000' })
assert.ok((await host.deployer.deploy(await scripted())).ok)
const client = new ScriptClient(host.listen)
const [name, portText] = host.listen.split(':') as [string, string]
const port = Number(portText)

async function until(check: () => Promise<boolean> | boolean): Promise<void> {
  for (let tries = 0; tries < 6_000; tries++) {
    if (await check()) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  assert.unreachable('it did not come about')
}
const moment = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const metric = async (line: string): Promise<number> => {
  const { text } = await http(host.admin, 'GET', '/metrics')
  const found = text.split('\n').find((each) => each.startsWith(`${line} `))
  return found === undefined ? 0 : Number(found.slice(line.length + 1))
}
const streamsOpen = async () =>
  (await metric(`innkeeper_streams_open{service="${actions}"}`)) +
  (await metric(`innkeeper_streams_open{service="${replicas}"}`))
/** Nothing is left of any client, and the host serves. */
async function quiet(): Promise<void> {
  await until(async () => (await streamsOpen()) === 0)
  await until(async () => (await metric('innkeeper_subscriptions_open')) === 0)
  await until(async () => (await metric('innkeeper_waiting_commands')) === 0)
  assert.is((await client.call(actions, 'Do', '', "return say('on')")).text, 'on')
  assert.is(
    (await client.call(values, 'Do', 'quiet', "return { change: { updated: 'x' }, outcome: say('on') }")).text,
    'on',
  )
  assert.is(
    (await client.call(replicas, 'Do', 'quiet', "return { operations: [increment(1)], answer: say('on') }")).text,
    'on',
  )
}

/** The frame of one gRPC message. */
function frame(payload: Uint8Array): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(5), payload])
  bytes.writeUInt32BE(payload.length, 1)
  return bytes
}
const grpcHeaders = (service: string, method: string) => ({
  ':method': 'POST',
  ':path': `/${service}/${method}`,
  'content-type': 'application/grpc',
  te: 'trailers',
})
function connection(settings: http2.Settings = {}): http2.ClientHttp2Session {
  const session = http2.connect(`http://${host.listen}`, { settings })
  session.on('error', () => {})
  return session
}
function request(session: http2.ClientHttp2Session, service: string, method: string): http2.ClientHttp2Stream {
  const stream = session.request(grpcHeaders(service, method))
  stream.on('error', () => {})
  return stream
}
const leave = 'return { operations: [add(-1)], answer: none() }'
const joining = (changed = 'return { outcome: say(view.value.counter) }') =>
  `return { operations: [add(1)], answer: say('open'), subscribe: ${JSON.stringify({ changed, cancelled: leave })} }`
const read = 'return { answer: say(view.value?.counter ?? 0) }'
const counter = async (id: string) => Number((await client.call(replicas, 'Do', id, read)).text)

const Slow = suite('clients that do not read')

Slow(
  '§action-8: of an endless action stream: over HTTP/2 and HTTP/1.1 the function stands still, and memory with it',
  async () => {
    const endless = "return { outputs: [say('x'.repeat(10000))], more: true }"
    const session = connection()
    const requests = Array.from({ length: 3 }, () => {
      const stream = request(session, actions, 'Out')
      stream.end(frame(script('', endless)))
      return stream
    })
    const sockets = Array.from({ length: 3 }, () => {
      const socket = net.connect(port, name)
      socket.on('error', () => {})
      const body = JSON.stringify({ code: endless })
      socket.write(
        `POST /actions/out HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      )
      socket.pause()
      return socket
    })
    const elements = () => metric(`innkeeper_stream_elements_total{service="${actions}"}`)
    await until(async () => (await elements()) > 20)
    let before = -1
    await until(async () => {
      const now = await elements()
      if (now === before) return true
      before = now
      await moment(300)
      return false
    })
    // Six clients of at most 256 KiB, their sockets' buffers and windows: far below what an endless stream would have come to.
    assert.ok(before * 10_000 < 100 * 1024 * 1024, `${before} elements were given`)
    assert.is(await streamsOpen(), 6)
    for (const stream of requests) stream.close(http2.constants.NGHTTP2_CANCEL)
    for (const socket of sockets) socket.destroy()
    session.destroy()
    await quiet()
  },
)

Slow(
  '§subscription-9: of a replicated stream: what it did not take is bounded, then it is cut off; others hear everything',
  async () => {
    const session = connection({ initialWindowSize: 0 })
    const slow = request(session, replicas, 'Open')
    slow.end(frame(script('slow', joining("return { outcome: say('x'.repeat(50000)) }"))))
    await until(async () => (await counter('slow')) === 1)
    const fast = client.listen(replicas, 'Open', 'slow', joining())
    await fast.until(1)
    // The bound is 4 MiB: 84 elements of 50,000 bytes, and what the protocol holds.
    for (let round = 0; round < 150; round++)
      await client.call(replicas, 'Do', 'slow', "return { operations: [add(10)], answer: say('') }")
    await until(async () => (await counter('slow')) % 10 === 1)
    const last = await counter('slow')
    assert.is(last, 1_501)
    await until(() => fast.texts.at(-1) === String(last))
    // Its changes one by one, and that the slow one left.
    assert.is(fast.texts.length, 152)
    fast.cancel()
    session.destroy()
    await quiet()
  },
)

Slow('of unary answers: the host keeps what it owes until the connection goes', async () => {
  const session = connection({ initialWindowSize: 0 })
  const big = "return say('x'.repeat(100000))"
  const requests = Array.from({ length: 50 }, () => {
    const stream = request(session, actions, 'Do')
    stream.end(frame(script('', big)))
    return stream
  })
  const done = () => metric(`innkeeper_commands_completed_total{service="${actions}"}`)
  const before = await done()
  await until(async () => (await done()) >= before + 49 || (await metric('innkeeper_waiting_commands')) === 0)
  assert.is((await client.call(actions, 'Do', '', "return say('on')")).text, 'on')
  for (const stream of requests) stream.close(http2.constants.NGHTTP2_CANCEL)
  session.destroy()
  await quiet()
})

const Vanishing = suite('clients that vanish')

Vanishing('in the middle of a message, of a body, before their answer: nothing of them stays', async () => {
  const whole = frame(script('', "return { outputs: ended ? [say('a')] : [] }"))
  for (const [service, method] of [
    [values, 'Do'],
    [actions, 'Do'],
    [actions, 'Out'],
    [actions, 'In'],
    [actions, 'Both'],
    [replicas, 'Open'],
    [replicas, 'Do'],
  ] as const) {
    const session = connection()
    const stream = request(session, service, method)
    stream.write(whole.subarray(0, whole.length - 3))
    await new Promise((resolve) => session.ping(() => resolve(undefined)))
    session.destroy()
  }
  for (const path of ['/values/v', '/actions', '/actions/out', '/replicas/v', '/replicas/v/open']) {
    const socket = net.connect(port, name)
    socket.on('error', () => {})
    await new Promise((resolve) =>
      socket.write(
        `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"code":`,
        resolve,
      ),
    )
    socket.resetAndDestroy()
  }
  await quiet()
})

Vanishing('with 200 streams of one connection: each is heard of, once', async () => {
  const session = connection()
  const streams = Array.from({ length: 200 }, () => {
    const stream = request(session, replicas, 'Open')
    stream.end(frame(script('many', joining('return { skip: true }'))))
    stream.resume()
    return stream
  })
  await Promise.all(streams.map((stream) => new Promise((resolve) => stream.once('response', resolve))))
  assert.is(await counter('many'), 200)
  session.destroy()
  await until(async () => (await counter('many')) === 0)
  await quiet()
  assert.is(await counter('many'), 0)
})

const Endless = suite('clients that never end')

Endless('their request: it counts as a stream, holds nobody up, and goes with its deadline or connection', async () => {
  const session = connection()
  const sum = 'memory.n = (memory.n ?? 0) + items.length; return ended ? { outputs: [say(memory.n)], done: true } : {}'
  const streams = (
    [
      [actions, 'In'],
      [actions, 'Both'],
      [actions, 'Out'],
      [replicas, 'Open'],
    ] as const
  ).map(([service, method]) => {
    const stream = request(session, service, method)
    stream.write(frame(script('endless', sum)))
    return stream
  })
  await until(async () => (await streamsOpen()) === 4)
  assert.is((await client.call(actions, 'Do', '', "return say('on')")).text, 'on')
  const timed = session.request({ ...grpcHeaders(actions, 'In'), 'grpc-timeout': '200m' })
  timed.write(frame(script('', sum)))
  timed.resume()
  const status = await new Promise((resolve) => {
    timed.once('trailers', (trailers) => resolve(trailers['grpc-status']))
    timed.once('response', (headers) => {
      if (headers['grpc-status'] !== undefined) resolve(headers['grpc-status'])
    })
  })
  assert.is(String(status), '4')
  assert.is(await streamsOpen(), 4)
  for (const stream of streams) stream.close(http2.constants.NGHTTP2_CANCEL)
  session.destroy()
  await quiet()
})

Endless('sending: the function slows them, and nobody else', async () => {
  const session = connection()
  const stream = request(session, actions, 'Both')
  const slow = 'for (let x = 0, i = 0; i < 20000; i++) x += i; return {}'
  stream.write(frame(script('', slow)))
  const item = frame(script('', 'y'.repeat(50_000)))
  let given = 0
  let sending = true
  const flood = (async () => {
    while (sending) {
      given += 1
      if (!stream.write(item))
        await Promise.race([new Promise((resolve) => stream.once('drain', resolve)), moment(100)])
    }
  })()
  for (let at = 0; at < 50; at++) assert.is((await client.call(actions, 'Do', '', "return say('on')")).text, 'on')
  sending = false
  await flood
  assert.ok(given > 10)
  session.destroy()
  await quiet()
})

const Huge = suite('messages that are too large')

Huge('are refused by their size alone, over each protocol and shape', async () => {
  for (const [service, method] of [
    [values, 'Do'],
    [actions, 'Do'],
    [actions, 'Out'],
    [actions, 'In'],
    [actions, 'Both'],
    [replicas, 'Open'],
  ] as const) {
    const session = connection()
    const stream = request(session, service, method)
    stream.resume()
    const status = new Promise((resolve) => {
      stream.once('trailers', (trailers) => resolve(trailers['grpc-status']))
      stream.once('response', (headers) => {
        if (headers['grpc-status'] !== undefined) resolve(headers['grpc-status'])
      })
    })
    // 2 GiB are announced; a little of it comes.
    stream.write(Buffer.from([0, 0x7f, 0xff, 0xff, 0xff]))
    stream.write(Buffer.alloc(100_000))
    assert.is(String(await status), '8', `${service}/${method}`)
    session.destroy()
  }
  for (const path of ['/values/v', '/actions', '/actions/out', '/replicas/v/open']) {
    const answer = await new Promise<string>((resolve) => {
      const socket = net.connect(port, name)
      socket.on('error', () => {})
      socket.write(
        `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2000000000\r\n\r\n{"code":`,
      )
      socket.once('data', (chunk: Buffer) => {
        resolve(chunk.toString())
        socket.destroy()
      })
    })
    assert.match(answer, /^HTTP\/1\.1 413 /)
  }
  await quiet()
})

const Flood = suite('floods')
const openings = 20_000

Flood('of streams opened and cancelled, of an entity and of an action, leave nothing behind', async () => {
  const kinds = [
    [replicas, 'Open', frame(script('flood', joining('return { skip: true }')))],
    [actions, 'Out', frame(script('', "return { outputs: ended ? [say('a')] : [] }"))],
  ] as const
  const received = async () =>
    (await metric(`innkeeper_commands_received_total{service="${actions}"}`)) +
    (await metric(`innkeeper_commands_received_total{service="${replicas}"}`))
  let at = 0
  const worker = async (count: number) => {
    let session = connection()
    while (at < count) {
      // Node ends a connection whose client resets streams too fast (1,000 at once, then 33 a second).
      if (session.closed || session.destroyed) session = connection()
      const [service, method, message] = kinds[at % 2]!
      const early = at % 5 === 0
      at += 1
      const stream = request(session, service, method)
      const closed = new Promise((resolve) => stream.once('close', resolve))
      stream.resume()
      stream.end(message)
      // Some leave before their stream is open, or while it opens.
      if (!early) await Promise.race([closed, new Promise((resolve) => stream.once('response', resolve))])
      stream.close(http2.constants.NGHTTP2_CANCEL)
      await closed
    }
    session.destroy()
  }
  const opened = async (count: number) => {
    const before = await received()
    const already = at
    await Promise.all(Array.from({ length: 20 }, () => worker(count)))
    await quiet()
    const reached = (await received()) - before
    assert.ok(reached > (count - already) * 0.7, `${reached} of ${count - already} streams reached their service`)
    return heldBytes()
  }
  const first = await opened(openings / 4)
  const last = await opened(openings)
  assert.is(await counter('flood'), 0)
  assert.equal((await http(host.admin, 'GET', `/v1/services/${replicas}/entities/flood/state`)).json.streams, [])
  // 15,000 streams more: at a kilobyte each it would be 15 MB.
  assert.ok(last - first < 15_000_000, `the heap grew by ${last - first} bytes`)
})

Flood('of connections that say nothing, or garbage, keep nobody waiting', async () => {
  const sockets = Array.from({ length: 300 }, (_, n) => {
    const socket = net.connect(port, name)
    socket.on('error', () => {})
    if (n % 3 === 1) socket.write('\x16\x03\x01garbage')
    if (n % 3 === 2) socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nnonsense after the preface')
    return socket
  })
  for (let call = 0; call < 20; call++) assert.is((await client.call(actions, 'Do', '', "return say('on')")).text, 'on')
  for (const socket of sockets) socket.destroy()
  await quiet()
})

Flood.after(async () => {
  client.close()
  await host.stop()
  data.remove()
})

for (const each of [Slow, Vanishing, Endless, Huge, Flood]) each.run()

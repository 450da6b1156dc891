// Guards the port: one for HTTP/1.1 and gRPC, and whatever strangers send, the host goes on.

import type { Socket } from 'node:net'
import net from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fixture } from '../support/components.ts'
import { grpcClient, http, schemaOf, temporary, testHost } from '../support/host.ts'

const odd = 'test.odd.v1.Odd'
const data = temporary()
const host = await testHost(data.path, { 'message-bytes-max': '100000' })
assert.ok((await host.deployer.deploy((await fixture('odd')).bytes)).ok)
const open: Socket[] = []

function connect(): { socket: Socket; received: () => string; closed: Promise<string> } {
  const [name, port] = host.listen.split(':')
  const socket = net.connect(Number(port), name)
  open.push(socket)
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1')
  })
  socket.on('error', () => {})
  return { socket, received: () => text, closed: new Promise((resolve) => socket.once('close', () => resolve(text))) }
}

/** What the host sends until it closes the connection. */
function exchange(text: string): Promise<string> {
  const { socket, closed } = connect()
  socket.write(text, 'latin1')
  return closed
}

const goesOn = async () => assert.is((await http(host.listen, 'GET', '/odd/alive/read')).status, 200)
const request = (body: string, headers = '') =>
  `POST /odd/raw/do HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n${headers}\r\n${body}`
const turn = () => new Promise((resolve) => setImmediate(resolve))

const Server = suite('the service port')

Server('server.S1: a POST and a PUT that come byte by byte are HTTP', async () => {
  for (const [method, status] of [
    ['POST', 200],
    ['PUT', 405],
  ] as const) {
    const body = '{"what":"read"}'
    const text = `${method} /odd/slow/do HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n${body}`
    const { socket, closed } = connect()
    for (const char of text) {
      await new Promise((resolve) => socket.write(char, resolve))
      await turn()
    }
    assert.match(await closed, new RegExp(`^HTTP/1.1 ${status} `))
  }
})

Server('server.S1: a connection that has said only "P" or "PR" costs nothing while it is waited for', async () => {
  for (const beginning of ['P', 'PR']) {
    const { socket } = connect()
    await new Promise((resolve) => socket.write(beginning, resolve))
  }
  await goesOn()
})

Server('§call-1, server.S1: HTTP and gRPC are served on one port', async () => {
  const client = grpcClient(host.listen, schemaOf(host, odd))
  assert.is((await client.call(`${odd}/Add`, { id: 'one port', amount: 2 })).code, 0)
  client.close()
  await goesOn()
})

Server(
  '§call-3, call.J1: garbage is refused with 400, and garbage after an HTTP/2 preface ends only its connection',
  async () => {
    assert.match(await exchange('\0\x01\xffgarbage\r\n\r\n'), /^HTTP\/1.1 400 /)
    await exchange('PRIVATE\r\n\r\n')
    await exchange(`PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${'\xff'.repeat(200)}`)
    await goesOn()
  },
)

Server('§call-1: a silent connection keeps nobody waiting', async () => {
  connect()
  await goesOn()
})

Server('§limit-1, http/call.J2: a chunked body over the limit is answered 413', async () => {
  const chunk = `8000\r\n${'x'.repeat(0x8000)}\r\n`
  const answer = await exchange(request(chunk.repeat(4), 'transfer-encoding: chunked\r\n'))
  assert.match(answer, /^HTTP\/1.1 413 /)
  assert.match(answer, /"code":8/)
  await goesOn()
})

Server('§limit-1, http/call.J2: an announced length over the limit is refused before the body comes', async () => {
  assert.match(await exchange(request('', 'content-length: 100001\r\n')), /^HTTP\/1.1 413 /)
})

Server('a body longer than announced is not read as part of the request', async () => {
  const answer = await exchange(request('{"what":"read"}garbage\r\n\r\n', 'content-length: 15\r\n'))
  // What follows is a request of its own, and none: Node closes the connection at that, answered or not.
  assert.match(answer, /HTTP\/1.1 400 /)
  assert.match(await exchange(request('{}', 'content-length: 2\r\ntransfer-encoding: chunked\r\n')), /^HTTP\/1.1 400 /)
})

Server('§limit-2: headers over the limit are answered 431', async () => {
  assert.match(await exchange(request('', `x-long: ${'x'.repeat(40_000)}\r\n`)), /^HTTP\/1.1 431 /)
  const forGuest = await http(host.listen, 'GET', '/odd/a/read', undefined, { 'x-long': 'x'.repeat(17_000) })
  assert.is(forGuest.status, 431)
  assert.is(forGuest.json.code, 8)
})

Server('pipelined requests are answered in order', async () => {
  const get = (id: string, more = '') => `GET /odd/${id}/add?amount=1 HTTP/1.1\r\nhost: a\r\n${more}\r\n`
  const answer = await exchange(get('piped') + get('piped') + get('piped', 'connection: close\r\n'))
  assert.equal(
    [...answer.matchAll(/"total":"(\d+)"/g)].map((match) => match[1]),
    ['1', '2', '3'],
  )
})

Server('a client that vanishes mid-body leaves nothing behind', async () => {
  for (let index = 0; index < 20; index++) {
    const { socket, closed } = connect()
    await new Promise((resolve) => socket.write(request('{"what":', 'content-length: 1000\r\n'), resolve))
    socket.resetAndDestroy()
    await closed
  }
  await goesOn()
})

Server('§call-7: a client that vanishes before its answer still has its command done', async () => {
  const { socket } = connect()
  const text = request('{"what":"add","amount":1}', 'content-length: 25\r\n').replace('/odd/raw/', '/odd/gone/')
  await new Promise((resolve) => socket.end(text, () => resolve(undefined)))
  for (let tries = 0; tries < 6_000; tries++) {
    if ((await http(host.listen, 'GET', '/odd/gone/read')).json.total === '1') return
    await turn()
  }
  assert.unreachable('the command was not done')
})

Server('§answer-8, §call-2: the Knative probe is answered where no method has the path', async () => {
  const probe = (value: string) => http(host.listen, 'GET', '/', undefined, { 'k-network-probe': value })
  assert.is((await probe('queue')).text, 'queue')
  assert.is((await probe('other')).status, 400)
  assert.is((await http(host.listen, 'GET', '/')).status, 404)
})

Server('server.S3: stopping does not wait for connections that are open without a call', async () => {
  const { closed } = connect()
  const half = connect()
  half.socket.write('P')
  await goesOn()
  await host.stop()
  await closed
  await half.closed
})

Server.after(async () => {
  for (const socket of open) socket.destroy()
  await host.stop()
  data.remove()
})

Server.run()

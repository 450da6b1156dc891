// Guards the port against connections that say nothing, and against peers that vanish without a word.

import { readFileSync } from 'node:fs'
import http2 from 'node:http2'
import net from 'node:net'
import { mock } from 'node:test'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fakeHost, streamsProto } from '../support/ingress.ts'
import { protos } from '../support/protos.ts'
import { skip } from '../support/skip.ts'

const { schema } = await protos({ 'streams.proto': streamsProto })
const accepting: (() => void)[] = []
const host = await fakeHost(schema, ['test.streams.v1.Streams'], {
  context: { accepted: () => accepting.shift()?.() },
})
const [address, port] = host.address.split(':') as [string, string]
const open: net.Socket[] = []

/** One that the host has accepted. */
async function connect(): Promise<net.Socket> {
  const accepted = new Promise<void>((resolve) => accepting.push(resolve))
  const socket = net.connect(Number(port), address)
  socket.on('error', () => {})
  open.push(socket)
  await accepted
  return socket
}

/** The first line of the answer to a request that leaves its connection open. */
function ask(socket: net.Socket): Promise<string> {
  const answer = new Promise<string>((resolve) => {
    socket.once('data', (chunk) => resolve(String(chunk).split('\r\n')[0]!))
    socket.once('close', () => resolve('closed'))
    if (socket.closed) resolve('closed')
  })
  socket.write('GET /nothing HTTP/1.1\r\nhost: localhost\r\n\r\n')
  return answer
}

const Silence = suite('silent connections')

Silence('server.S2: a connection that does not say what it speaks is closed in time, and no other', async () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  try {
    const spoke = await connect()
    assert.match(await ask(spoke), /^HTTP\/1.1 404/)
    const [silent, begun] = [await connect(), await connect()]
    await new Promise((resolve) => begun.write('PR', resolve))
    mock.timers.tick(9_999)
    const [late, lateBegun] = [await connect(), await connect()]
    mock.timers.tick(1)
    // They hear of it before a third has had so many answers.
    for (let asked = 0; asked < 200 && !(silent.closed && begun.closed); asked++) await ask(spoke)
    assert.equal([silent.closed, begun.closed], [true, true])
    // Those that came since have their own time.
    for (const socket of [late, lateBegun, spoke]) assert.match(await ask(socket), /^HTTP\/1.1 404/)
    mock.timers.tick(9_999)
    for (const socket of [late, lateBegun, spoke]) assert.match(await ask(socket), /^HTTP\/1.1 404/)
  } finally {
    mock.timers.reset()
  }
})

/** Which timer the kernel has for the host's end of a connection, once all that was sent has been acknowledged: 2 is for probes, 0 none. */
async function timer(socket: net.Socket): Promise<number> {
  const hex = (of: number) => `:${of.toString(16).toUpperCase().padStart(4, '0')}`
  for (;;) {
    const row = readFileSync('/proc/net/tcp', 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .find(([, local, remote]) => local?.endsWith(hex(Number(port))) && remote?.endsWith(hex(socket.localPort!)))
    const found = Number(row?.[5]?.slice(0, 2) ?? 1)
    if (found === 0 || found === 2) return found
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

if (process.platform !== 'linux')
  skip(Silence, 'server.S4: a peer that vanished is noticed', 'only Linux tells the timers of its sockets')
else
  Silence('server.S4: TCP probes the peer of every connection, whatever it speaks', async () => {
    const silent = await connect()
    assert.is(await timer(silent), 2)
    const web = await connect()
    await ask(web)
    assert.is(await timer(web), 2)
    const grpc = await connect()
    const session = http2.connect(`http://${host.address}`, { createConnection: () => grpc })
    session.on('error', () => {})
    await new Promise((resolve) => session.ping(resolve))
    assert.is(await timer(grpc), 2)
    session.destroy()
  })

Silence.after(async () => {
  for (const socket of open) socket.destroy()
  await host.ingress.close(0)
})

Silence.run()

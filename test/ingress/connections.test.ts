// Guards the host against clients that only connect: connections have a bound and shares, and the process keeps files for its store.

import net from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { InFlight } from '../../host/in-flight.ts'
import { Connections } from '../../host/ingress/connections.ts'
import { fakeHost, streamsProto } from '../support/ingress.ts'
import { protos } from '../support/protos.ts'

const Open = suite('connections')

/** One that the host has accepted, or closed; undefined then. */
async function connect(address: string, from: string): Promise<net.Socket | undefined> {
  const [host, port] = address.split(':')
  const socket = net.connect({ host: host!, port: Number(port), localAddress: from })
  const closed = new Promise<undefined>((resolve) => {
    socket.on('close', () => resolve(undefined))
    socket.on('error', () => resolve(undefined))
  })
  const answered = new Promise<net.Socket>((resolve) => socket.once('data', () => resolve(socket)))
  socket.write('GET /nothing HTTP/1.1\r\nhost: localhost\r\n\r\n')
  return await Promise.race([answered, closed])
}

Open('§limit-13, connections.C2: one address leaves an eighth to others, and what is closed makes room', async () => {
  const { schema } = await protos({ 'streams.proto': streamsProto })
  const host = await fakeHost(schema, ['test.streams.v1.Streams'], { limits: { connectionsMax: 16 } })
  try {
    const open: net.Socket[] = []
    for (let at = 0; at < 20; at++) {
      const socket = await connect(host.address, '127.0.0.1')
      if (socket !== undefined) open.push(socket)
    }
    assert.is(open.length, 14)
    assert.ok(await connect(host.address, '127.0.0.2'), 'another address has room')
    assert.match(await host.metrics.text(), /^innkeeper_connections_refused_total 6$/m)
    for (const socket of open.slice(0, 2)) socket.destroy()
    let again: net.Socket | undefined
    // The host hears of it in a moment.
    for (let tries = 0; again === undefined && tries < 6_000; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 10))
      again = await connect(host.address, '127.0.0.1')
    }
    assert.ok(again, 'there is room again')
  } finally {
    await host.ingress.close(0)
  }
})

Open('connections.C1: a process that may open few files takes fewer connections', () => {
  const inFlight = new InFlight({ max: 1_000, connectionMax: 1_000, setting: 'in-flight-bytes-max' })
  const connections = new Connections(inFlight, 1_000, 8)
  const taken = Array.from({ length: 10 }, (_, at) => {
    const socket = new net.Socket()
    Object.defineProperty(socket, 'remoteAddress', { value: `10.0.0.${at}` })
    return connections.enter(socket)
  })
  assert.equal(taken.filter(Boolean).length, 6)
  assert.is(connections.refused, 4)
})

Open.run()

// Guards the way through the proxy that a grant names, and through no other.

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { certificate } from '../support/certificate.ts'
import { answer, Misbehaving, type Step } from '../support/misbehaving.ts'
import { asked, call, closedPort, connectors, failed, httpRule, methodOf, replyOf, secret, service } from './support.ts'

const Tunnel = suite('proxies')

/** A proxy that leads to `port`, whatever it is asked for, and keeps what passes. */
async function leading(port: number) {
  const seen: string[] = []
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    socket.once('data', (head: Buffer) => {
      seen.push(head.toString('latin1'))
      const other = connect(port, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 Connection established\r\nx: y\r\n\r\n')
        socket.on('data', (piece: Buffer) => seen.push(piece.toString('latin1')))
        socket.pipe(other).pipe(socket)
      })
      sockets.push(other)
      other.on('error', () => {})
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const stop = () => {
    for (const socket of sockets) socket.destroy()
    server.close()
  }
  return { seen, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, stop }
}

const twice: Step[] = ['request', answer(200, '{"id":"a"}'), 'request', answer(200, '{"id":"a"}')]

Tunnel('tunnel.T1: a request goes through the proxy, which resolves the name', async () => {
  const server = await Misbehaving.start(twice)
  const proxy = await leading(server.port)
  // No resolver of ours knows the name.
  const made = connectors({ url: 'http://pay.example', grant: { proxy: proxy.url, private: false } })
  for (let time = 0; time < 2; time++) assert.equal((replyOf(await call(made, asked())) as { id: string }).id, 'a')
  assert.match(proxy.seen[0]!, /^CONNECT pay\.example:80 HTTP\/1\.1\r\nhost: pay\.example:80\r\n\r\n$/)
  // One tunnel for both.
  assert.is(proxy.seen.filter((text) => text.startsWith('CONNECT')).length, 1)
  assert.match(server.requests[1]!.head, /\r\nhost: pay\.example/i)
  made.close()
  proxy.stop()
  await server.stop()
})

Tunnel('http.H3: the proxy sees nothing of a request over TLS, and TLS is verified beyond it', async () => {
  const tls = certificate(['pay.example'])
  const server = await Misbehaving.start(twice, { tls })
  const proxy = await leading(server.port)
  const files = { '/ca.pem': tls.cert }
  const grant = { proxy: proxy.url, private: false }
  const made = connectors({ url: 'https://pay.example', grant: { ...grant, ca: '/ca.pem' }, files })
  assert.equal((replyOf(await call(made, asked())) as { id: string }).id, 'a')
  assert.match(proxy.seen[0]!, /^CONNECT pay\.example:443 /)
  assert.not.ok(proxy.seen.join().includes(secret) || proxy.seen.join().includes('/v1/charges'))
  made.close()
  for (const [url, more] of [
    ['https://pay.example', {}],
    ['https://other.example', { ca: '/ca.pem' }],
  ] as const) {
    const wrong = connectors({ url, grant: { ...grant, ...more }, files })
    assert.is(failed(await call(wrong, asked())).reason, 'NOT_SENT')
    wrong.close()
  }
  assert.is(server.requests.length, 1)
  proxy.stop()
  await server.stop()
})

Tunnel('a literal of a private address is refused, proxy or not', () => {
  const grant = { proxy: 'http://127.0.0.1:1', private: false }
  assert.throws(() => connectors({ url: 'http://169.254.169.254', grant }), /link-local/)
})

Tunnel('tunnel.T2: a proxy that misbehaves: NOT_SENT', async () => {
  for (const [script, words] of [
    [['request', 'reset'], /cannot be reached|closed/],
    [['request', 'end'], /closed the connection/],
    [['request', answer(407)], /answered 407/],
    [['request', answer(502)], /answered 502/],
    [['request', { send: 'SSH-2.0\r\n\r\n' }], /does not speak HTTP/],
    [['request', { send: 'HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n' }], /says more/],
    [['request', { endless: `HTTP/1.1 200 OK\r\nx: ${'x'.repeat(1_000)}\r\n` }], /answers without end/],
  ] satisfies [Step[], RegExp][]) {
    const proxy = await Misbehaving.start(script)
    const made = connectors({ url: 'http://pay.example', grant: { proxy: `http://127.0.0.1:${proxy.port}` } })
    const { code, reason, message } = failed(await call(made, asked()))
    assert.equal([code, reason], [14, 'NOT_SENT'])
    assert.match(message, words)
    assert.ok(proxy.endlessBytes < 16 * 1024 * 1024)
    made.close()
    await proxy.stop()
  }
  const hanging = await Misbehaving.start(['request', 'hang'])
  const made = connectors({
    url: 'http://pay.example',
    grant: { proxy: `http://127.0.0.1:${hanging.port}`, timeoutMs: 300 },
  })
  const { code, reason } = failed(await call(made, asked()))
  assert.equal([code, reason], [4, 'NOT_SENT'])
  made.close()
  await hanging.stop()
  const nobody = connectors({ url: 'http://pay.example', grant: { proxy: `http://127.0.0.1:${await closedPort()}` } })
  assert.match(failed(await call(nobody, asked())).message, /cannot be reached/)
  nobody.close()
})

Tunnel('gRPC is not sent through a proxy, and says so when it is deployed', async () => {
  const made = connectors({ url: 'http://pay.example', grant: { proxy: 'http://127.0.0.1:1' } })
  const rule = { ...httpRule, protocol: 'grpc' as const }
  const { code, reason } = failed(await call(made, asked({ rule })))
  assert.equal([code, reason], [9, 'NOT_SENT'])
  const need = { rule, service, methods: [methodOf('Charge')], from: ['shop.v1.Order'] }
  assert.match(made.missing([need]).join(), /remove "proxy" of connectors\.payments/)
  made.close()
})

Tunnel.run()

// Guards what crosses between a client's headers and a guest's metadata (§metadata): no credentials in, no framing out.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { metadataFromGrpc } from '../../host/ingress/grpc/headers.ts'
import { metadataFromHttp, replyHeaders } from '../../host/ingress/http/headers.ts'

const Headers = suite('headers')

const secret = ['Authorization', 'Cookie', 'Proxy-Authorization', 'Proxy-Anything', 'Set-Cookie']
const transport = ['Connection', 'Content-Length', 'Host', 'TE', 'Transfer-Encoding', 'Upgrade', 'Keep-Alive', 'Expect']

Headers('§metadata-3, headers.H1: credentials and transport headers never pass, whatever a service lists', () => {
  for (const name of [...secret, ...transport]) {
    assert.equal(metadataFromHttp([name, 'v'], [name.toLowerCase()]), [], name)
    assert.equal(metadataFromGrpc([[name.toLowerCase(), 'v']]), [], name)
  }
  for (const name of ['grpc-timeout', 'grpc-encoding', ':path', 'idempotency-key', 'x-request-id']) {
    assert.equal(metadataFromGrpc([[name, 'v']]), [], name)
  }
})

Headers('§metadata-2, headers.H1: over HTTP only ce-*, x-* and listed names pass', () => {
  const raw = ['X-One', '1', 'Ce-Id', '2', 'Accept', '3', 'Tenant', '4', 'Xylophone', '5']
  assert.equal(metadataFromHttp(raw, ['tenant']), [
    ['x-one', '1'],
    ['ce-id', '2'],
    ['tenant', '4'],
  ])
})

Headers('§metadata-1, headers.H2: names become lower case, order and duplicates stay', () => {
  assert.equal(metadataFromHttp(['X-B', '1', 'x-a', '2', 'X-b', '3'], []), [
    ['x-b', '1'],
    ['x-a', '2'],
    ['x-b', '3'],
  ])
})

Headers('§metadata-1, headers.H2, metadata.M2: -bin values are bytes, and what is no base64 is left out', () => {
  assert.equal(metadataFromHttp(['X-Raw-Bin', 'AP8=', 'x-bad-bin', 'not base64!'], []), [
    ['x-raw-bin', Buffer.from([0, 255])],
  ])
})

Headers('headers.H2: header bytes that are UTF-8 reach the guest as its text', () => {
  assert.equal(metadataFromHttp(['x-name', Buffer.from('Jürgen').toString('latin1')], []), [['x-name', 'Jürgen']])
})

Headers('§metadata-5, headers.H3: a reply cannot bring headers that are ours, or that break a response', () => {
  const entries = [
    ['content-length', '1'],
    ['transfer-encoding', 'chunked'],
    ['x-request-id', 'forged'],
    ['x-split', 'a\r\nset-cookie: b'],
    ['x split', 'a'],
    ['X-Upper', 'a'],
    ['', 'a'],
    ['x-bytes-bin', Buffer.from([1])],
    ['x-fine', 'a b'],
  ] as const
  assert.equal([...replyHeaders(entries)], [['x-fine', 'a b']])
})

Headers('§metadata-5, headers.H3: whatever passes is a legal header', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (name, value) => {
      for (const [key, text] of replyHeaders([[name, value]])) new globalThis.Headers().append(key, text)
    }),
    { numRuns: 2_000 },
  )
})

Headers.run()

// Guards calls against servers that answer with anything: each call ends once, and nothing is thrown that nobody catches.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Answered } from '../../host/connectors/connector.ts'
import { Misbehaving, type Step } from '../support/misbehaving.ts'
import { asked, call, connectors, httpRule } from './support.ts'

const Noise = suite('noise')

/** Pieces of HTTP, in any order, with bytes of no meaning between them. */
const pieces = fc.array(
  fc.oneof(
    fc.constantFrom(
      ...['HTTP/1.1 200 OK\r\n', 'HTTP/1.1 204 No\r\n', 'HTTP/1.1 404 No\r\n', 'HTTP/1.1 100 Continue\r\n\r\n', '\r\n'],
      ...[
        'HTTP/1.0 200 OK\r\n',
        'HTTP/2 200\r\n',
        'content-length: 5\r\n',
        'content-length: -1\r\n',
        'content-length: 5, 6\r\n',
      ],
      ...[
        'transfer-encoding: chunked\r\n',
        'transfer-encoding: gzip\r\n',
        'connection: close\r\n',
        'retry-after: 1\r\n',
      ],
      ...[
        '5\r\n{"id"\r\n',
        '0\r\n\r\n',
        'ffffffffffffffff\r\n',
        ': x\r\n',
        'x\r\n',
        'x: \u0000\r\n',
        '{"id":"a"}',
        '[]',
        '\n',
        '{"',
      ],
    ),
    fc.string({ unit: 'binary', maxLength: 30 }),
  ),
  { maxLength: 12 },
)
const end = fc.constantFrom<Step>('end', 'reset', 'hang')

Noise('http.H2: whatever an HTTP server sends, the call ends, and nothing is left of it', async () => {
  await fc.assert(
    fc.asyncProperty(pieces, end, async (texts, last) => {
      const server = await Misbehaving.start(['request', ...texts.map((send) => ({ send })), last])
      const made = connectors({ url: `http://127.0.0.1:${server.port}`, grant: { timeoutMs: 100 } })
      let ended = 0
      try {
        assert.is(made.enter(asked()), 0)
        const answered = await new Promise<Answered>((resolve) => {
          made.call(asked(), (one) => {
            ended += 1
            resolve(one)
          })
        })
        if (answered.kind === 'failure') assert.is.not(answered.reason, 'NOT_SENT')
        assert.is(made.figures()[0]!.underWay, 0)
      } finally {
        made.close()
        await server.stop()
      }
      assert.is(ended, 1)
    }),
    { numRuns: 150 },
  )
})

/** A frame of HTTP/2, of any type and on any stream, its length right or wrong. */
const frames = fc.array(
  fc
    .tuple(
      fc.integer({ min: 0, max: 12 }),
      fc.integer({ min: 0, max: 255 }),
      fc.constantFrom(0, 1, 2, 3),
      fc.uint8Array({ maxLength: 20 }),
      fc.constantFrom(0, 0, 0, 1, -1),
    )
    .map(([type, flags, stream, payload, lie]) =>
      Uint8Array.from([0, 0, Math.max(0, payload.length + lie), type, flags, 0, 0, 0, stream, ...payload]),
    ),
  { maxLength: 8 },
)

Noise('grpc.G2: whatever an HTTP/2 server sends, the call ends, and nothing is left of it', async () => {
  const settings = Uint8Array.from([0, 0, 0, 4, 0, 0, 0, 0, 0])
  await fc.assert(
    fc.asyncProperty(frames, end, fc.boolean(), async (all, last, polite) => {
      const steps = [...(polite ? [settings] : []), ...all].map((send) => ({ send }))
      const server = await Misbehaving.start(['byte', ...steps, last])
      const made = connectors({ url: `http://127.0.0.1:${server.port}`, grant: { timeoutMs: 100 } })
      try {
        await call(made, asked({ rule: { ...httpRule, protocol: 'grpc' } }))
        assert.is(made.figures()[0]!.underWay, 0)
      } finally {
        made.close()
        await server.stop()
      }
    }),
    { numRuns: 150 },
  )
})

Noise('whatever is said before TLS is agreed on, nothing was sent', async () => {
  const records = fc.array(
    fc
      .tuple(fc.constantFrom(20, 21, 22, 23, 0x16, 0x80), fc.uint8Array({ maxLength: 40 }))
      .map(([type, payload]) => Uint8Array.from([type, 3, 3, 0, payload.length, ...payload])),
    { maxLength: 4 },
  )
  await fc.assert(
    fc.asyncProperty(
      records,
      end,
      fc.boolean(),
      fc.constantFrom('http', 'grpc'),
      async (all, last, waits, protocol) => {
        const steps: Step[] = all.map((send) => ({ send }))
        const server = await Misbehaving.start([...(waits ? (['byte'] as const) : []), ...steps, last])
        const made = connectors({ url: `https://127.0.0.1:${server.port}`, grant: { timeoutMs: 100 } })
        const answered = await call(made, asked({ rule: { ...httpRule, protocol } }))
        assert.is(answered.kind === 'failure' && answered.reason, 'NOT_SENT')
        assert.is(made.figures()[0]!.underWay, 0)
        made.close()
        await server.stop()
      },
    ),
    { numRuns: 150 },
  )
})

Noise.run()

// Guards what becomes of a call when the provider misbehaves: each way to fail ends in the right class, in time, and in bounded memory.

import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { meaningOfHttp } from '../../host/connectors/statuses.ts'
import { certificate } from '../support/certificate.ts'
import { heldBytes } from '../support/memory.ts'
import { answer, Misbehaving, type Step } from '../support/misbehaving.ts'
import { asked, call, closedPort, connectors, failed, replyOf, type Setting } from './support.ts'

const Failures = suite('failures of providers')

const json = { order: 'o-1', amount: 500 }
/** Where a test waits for a limit. */
const shortMs = 300

async function against(
  script: readonly Step[] | ((connection: number) => readonly Step[]),
  test: (server: Misbehaving, url: string) => Promise<void>,
  options: Parameters<typeof Misbehaving.start>[1] = {},
): Promise<void> {
  const server = await Misbehaving.start(script, options)
  try {
    await test(server, `http://127.0.0.1:${server.port}`)
  } finally {
    await server.stop()
  }
}

async function ends(script: readonly Step[], grant: object = {}) {
  let result: ReturnType<typeof failed> | undefined
  await against(script, async (_, url) => {
    const made = connectors({ url, grant: { timeoutMs: 5_000, ...grant } })
    result = failed(await call(made, asked({ json })))
    assert.is(made.figures()[0]!.underWay, 0)
    made.close()
  })
  return result!
}

const [invalid, deadline, notFound, denied, exhausted, precondition, aborted, unimplemented, internal, unavailable] = [
  ...[3, 4, 5, 7, 8, 9, 10, 12, 13, 14],
]

Failures('connectors.C1: a call that goes well is a reply', async () => {
  await against(['request', answer(200, '{"id":"ch_1","amount":500}')], async (server, url) => {
    const made = connectors({ url })
    assert.equal(replyOf(await call(made, asked({ json }))), {
      ...{ id: 'ch_1', amount: '500', kind: 'KIND_UNSPECIFIED', kinds: [], items: [], byName: {}, statusText: '' },
    })
    const { head, body } = server.requests[0]!
    assert.match(head, /^POST \/v1\/charges HTTP\/1\.1\r\n/)
    assert.match(head, /\r\nauthorization: Bearer sk_test/)
    assert.match(head, /\r\nidempotency-key: key-of-the-effect\r\n/)
    assert.match(head, /\r\naccept-encoding: identity\r\n/)
    assert.equal(JSON.parse(body.toString()), { order: 'o-1', amount: 500 })
    made.close()
  })
})

Failures('a refused connection is NOT_SENT, and worth another try', async () => {
  const made = connectors({ url: `http://127.0.0.1:${await closedPort()}` })
  const { code, reason, again, message } = failed(await call(made, asked({ json })))
  assert.equal([code, reason, again], [unavailable, 'NOT_SENT', true])
  assert.match(message, /ECONNREFUSED/)
  made.close()
})

Failures('a name without an address is NOT_SENT', async () => {
  const made = connectors({ url: 'http://nowhere.example' })
  const { code, reason } = failed(await call(made, asked({ json })))
  assert.equal([code, reason], [unavailable, 'NOT_SENT'])
  made.close()
})

Failures('http.H1: a resolver that hangs ends by the time limit, NOT_SENT', async () => {
  const made = connectors({ url: 'http://hangs.example', grant: { timeoutMs: shortMs }, resolve: () => {} })
  const { code, reason } = failed(await call(made, asked({ json })))
  assert.equal([code, reason], [deadline, 'NOT_SENT'])
  made.close()
})

Failures('http.H1: a connection that hangs in TLS ends by the time limit, NOT_SENT', async () => {
  await against(['byte', 'hang'], async (server, _) => {
    const made = connectors({ url: `https://127.0.0.1:${server.port}`, grant: { timeoutMs: shortMs } })
    const { code, reason } = failed(await call(made, asked({ json })))
    assert.equal([code, reason], [deadline, 'NOT_SENT'])
    made.close()
  })
})

for (const [where, script] of [
  ['after the request', ['request', 'hang']],
  ['within the status line', ['request', { send: 'HTTP/1.1 20' }, 'hang']],
  ['within the headers', ['request', { send: 'HTTP/1.1 200 OK\r\ncontent-type: app' }, 'hang']],
  ['within the body', ['request', { send: 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"id"' }, 'hang']],
] satisfies [string, Step[]][]) {
  Failures(`http.H1: a server that hangs ${where} ends by the time limit, UNKNOWN`, async () => {
    const { code, reason, again } = await ends(script, { timeoutMs: shortMs })
    assert.equal([code, reason, again], [deadline, 'UNKNOWN', false])
  })
}

Failures('the deadline of a call ends it before the limit of its grant', async () => {
  await against(['request', 'hang'], async (_, url) => {
    const made = connectors({ url, grant: { timeoutMs: 600_000 } })
    const { code, reason } = failed(await call(made, asked({ json, deadlineMs: Date.now() + shortMs })))
    assert.equal([code, reason], [deadline, 'UNKNOWN'])
    made.close()
  })
})

Failures('a call whose time is up is NOT_SENT', async () => {
  await against(['request', answer(200)], async (server, url) => {
    const made = connectors({ url })
    const { code, reason } = failed(await call(made, asked({ json, deadlineMs: Date.now() - 1 })))
    assert.equal([code, reason], [deadline, 'NOT_SENT'])
    assert.is(server.connections, 0)
    made.close()
  })
})

Failures('http.H1: an answer that drips ends by the time limit', async () => {
  const drip: Step[] = ['request', { send: 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n' }]
  const { code, reason } = await ends([...drip, { endless: '1\r\n \r\n' }], {
    timeoutMs: shortMs,
    bodyBytes: 16_777_216,
  })
  // Whatever comes first: the limit of time or that of bytes.
  assert.ok(code === deadline || code === internal)
  assert.is(reason, 'UNKNOWN')
})

for (const [what, script] of [
  ['a connection that is reset after the request', ['request', 'reset']],
  ['a connection that is closed after the request', ['request', 'end']],
  ['a connection that is reset within the request', ['byte', 'reset']],
  ['half a head', ['request', { send: 'HTTP/1.1 200 OK\r\ncont' }, 'end']],
  ['half a body', ['request', { send: 'HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{"id"' }, 'end']],
  ['half a chunk', ['request', { send: 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\n{' }, 'reset']],
  ['what is no HTTP', ['request', { send: 'SSH-2.0-OpenSSH_9.6\r\n' }, 'hang']],
] satisfies [string, Step[]][]) {
  Failures(`${what}: UNKNOWN`, async () => {
    const { code, reason, again } = await ends(script)
    assert.equal([code, reason, again], [unavailable, 'UNKNOWN', true])
  })
}

Failures('§connector-15, http.H2: endless headers end the connection', async () => {
  await against(
    ['request', { send: 'HTTP/1.1 200 OK\r\n' }, { endless: `x-more: ${'x'.repeat(990)}\r\n` }],
    async (server, url) => {
      const made = connectors({ url })
      assert.equal(failed(await call(made, asked({ json }))).reason, 'UNKNOWN')
      assert.ok(server.endlessBytes < 32 * 1024 * 1024, `${server.endlessBytes} bytes were taken`)
      made.close()
    },
  )
})

Failures('http.H2: endless informational answers end the connection', async () => {
  await against(['request', { endless: 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(40) }], async (server, url) => {
    const made = connectors({ url })
    const { code, reason } = failed(await call(made, asked({ json })))
    assert.equal([code, reason], [internal, 'UNKNOWN'])
    assert.ok(server.endlessBytes < 32 * 1024 * 1024, `${server.endlessBytes} bytes were taken`)
    made.close()
  })
})

for (const [what, head] of [
  ['of 10 GB', 'HTTP/1.1 200 OK\r\ncontent-length: 10000000000\r\n\r\n'],
  ['without an end', 'HTTP/1.1 200 OK\r\n\r\n'],
  ['of 10 GB, of a failure', 'HTTP/1.1 500 No\r\ncontent-length: 10000000000\r\n\r\n'],
] as const) {
  Failures(`http.H2: a body ${what} costs no more than its bound`, async () => {
    await against(['request', { send: head }, { endless: Buffer.alloc(65_536, 'x') }], async (server, url) => {
      const made = connectors({ url })
      const before = heldBytes()
      const answered = failed(await call(made, asked({ json })))
      assert.is(answered.reason, 'UNKNOWN')
      assert.ok(heldBytes() - before < 8 * 1024 * 1024, 'memory is held')
      assert.ok(server.endlessBytes < 64 * 1024 * 1024, `${server.endlessBytes} bytes were taken`)
      made.close()
    })
  })
}

Failures('http.H2: a body of one byte in each chunk costs no more than its bound', async () => {
  const head = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n'
  await against(['request', { send: head }, { endless: '1\r\n \r\n'.repeat(10_000) }], async (_, url) => {
    const made = connectors({ url, grant: { timeoutMs: 60_000 } })
    const before = heldBytes()
    const { code, message } = failed(await call(made, asked({ json })))
    assert.is(code, internal)
    assert.match(message, /more than 1048576 bytes/)
    assert.ok(heldBytes() - before < 8 * 1024 * 1024, 'memory is held')
    made.close()
  })
})

Failures('http.H4: a compressed body is refused', async () => {
  const { code, reason, message } = await ends(['request', answer(200, '????', { 'content-encoding': 'gzip' }), 'hang'])
  assert.equal([code, reason], [internal, 'UNKNOWN'])
  assert.match(message, /compressed/)
})

Failures('another protocol that nobody asked for is refused', async () => {
  const upgrade = 'HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n'
  assert.equal((await ends(['request', { send: upgrade }, 'hang'])).reason, 'UNKNOWN')
})

Failures('§connector-15, http.H4: redirects are not followed, and the failure says so', async () => {
  for (const [status, reason] of [
    [301, 'REFUSED'],
    [302, 'UNKNOWN'],
    [303, 'UNKNOWN'],
    [307, 'REFUSED'],
    [308, 'REFUSED'],
  ] as const) {
    const location = { location: 'http://169.254.169.254/latest/meta-data' }
    const result = await ends(['request', answer(status, '', location), 'hang'])
    assert.equal([result.code, result.reason, result.again], [precondition, reason, false])
    assert.match(result.message, /redirects are not followed/)
  }
})

Failures('§connector-3, statuses.S1, statuses.S2: each status has its code and its reason', async () => {
  for (const [status, code, reason, again] of [
    [400, invalid, 'REFUSED', false],
    [402, precondition, 'REFUSED', false],
    [403, denied, 'REFUSED', false],
    [404, notFound, 'REFUSED', false],
    [405, unimplemented, 'REFUSED', false],
    [408, deadline, 'UNKNOWN', false],
    [409, aborted, 'REFUSED', false],
    [425, unavailable, 'REFUSED', true],
    [429, exhausted, 'REFUSED', true],
    [500, internal, 'UNKNOWN', false],
    [502, unavailable, 'UNKNOWN', true],
    [503, unavailable, 'UNKNOWN', true],
    [504, deadline, 'UNKNOWN', false],
    [599, internal, 'UNKNOWN', false],
  ] as const) {
    const result = await ends(['request', answer(status, '{"error":"no"}'), 'hang'])
    assert.equal([result.code, result.reason, result.again], [code, reason, again], String(status))
  }
})

Failures('§connector-4, retry-after.R1: Retry-After is honoured in both forms, and bounded', async () => {
  for (const status of [429, 503]) {
    for (const [value, least, most] of [
      ['7', 7_000, 7_000],
      [new Date(Date.now() + 3_600_000).toUTCString(), 3_500_000, 3_600_000],
      [new Date(Date.now() - 3_600_000).toUTCString(), 0, 0],
      ['99999999999', 86_400_000, 86_400_000],
      ['soon', undefined, undefined],
    ] as const) {
      await against(['request', answer(status, '', { 'retry-after': value })], async (_, url) => {
        const made = connectors({ url })
        const answered = await call(made, asked({ json }))
        assert.ok(answered.kind === 'failure' && answered.again)
        if (least === undefined) assert.is(answered.afterMs, undefined)
        else assert.ok(answered.afterMs! >= least && answered.afterMs! <= most, `${value}: ${answered.afterMs}`)
        made.close()
      })
    }
  }
})

Failures(
  '§connector-3, connectors.C3, connector.W2: after a try that may have happened no failure says that it did not',
  async () => {
    await against(['request', answer(404)], async (_, url) => {
      const made = connectors({ url })
      assert.is(failed(await call(made, asked({ json, attempt: 2, unsure: true }))).reason, 'UNKNOWN')
      made.close()
    })
    const made = connectors({ url: `http://127.0.0.1:${await closedPort()}` })
    assert.is(failed(await call(made, asked({ json, attempt: 2, unsure: true }))).reason, 'UNKNOWN')
    made.close()
  },
)

Failures('§connector-4: the grant says what is tried again, and how often', async () => {
  await against(['request', answer(500), 'request', answer(500), 'request', answer(500)], async (_, url) => {
    const made = connectors({ url, grant: { retry: { max: 3, on: [500] } } })
    for (const [attempt, again] of [
      [1, true],
      [2, true],
      [3, false],
    ] as const)
      assert.is(failed(await call(made, asked({ json, attempt }))).again, again)
    made.close()
  })
})

Failures('an answer that is no JSON, or none of the method, is UNKNOWN, with the beginning of its text', async () => {
  for (const [body, words] of [
    ['<html>Bad gateway</html>', /is no JSON/],
    ['{"amount":"many"}', /\$\.amount: expected int64/],
    ['[{"id":"a"}]', /response_body/],
    ['"text"', /expected an object/],
  ] as const) {
    await against(['request', answer(200, body)], async (_, url) => {
      const made = connectors({ url })
      const answered = await call(made, asked({ json }))
      const { code, reason, again, message } = failed(answered)
      assert.equal([code, reason, again], [internal, 'UNKNOWN', false])
      assert.match(message, words)
      assert.ok(answered.kind === 'failure')
      const { typeName, data } = answered.failure.details[0]!
      assert.is(typeName, 'innkeeper.http.v1.FetchReply')
      assert.ok(Buffer.from(data).includes(body))
      made.close()
    })
  }
})

Failures('connectors/answers.A2: a failure tells at most 4 KiB of what the provider said', async () => {
  await against(['request', answer(422, 'x'.repeat(100_000))], async (_, url) => {
    const made = connectors({ url })
    const answered = await call(made, asked({ json }))
    assert.ok(answered.kind === 'failure')
    const [detail] = answered.failure.details
    const text = Buffer.from(detail!.data).toString('latin1')
    assert.is(/x+$/.exec(text)![0].length, 4_096)
    made.close()
  })
})

Failures(
  'http.H5: a kept connection that the server closed meanwhile is UNKNOWN, if it was closed as the request came',
  async () => {
    await against(['request', answer(200, '{}'), 'byte', 'reset'], async (server, url) => {
      const made = connectors({ url })
      replyOf(await call(made, asked({ json })))
      const { code, reason } = failed(await call(made, asked({ json })))
      assert.equal([code, reason, server.connections], [unavailable, 'UNKNOWN', 1])
      made.close()
    })
  },
)

Failures('http.H5: connections are kept, and no more than the grant allows', async () => {
  const many: Step[] = Array.from({ length: 10 }, (): Step[] => ['request', answer(200, '{}')]).flat()
  await against(
    () => many,
    async (server, url) => {
      const made = connectors({ url, grant: { concurrency: 2 } })
      for (let time = 0; time < 5; time++) await Promise.all([1, 2].map(() => call(made, asked({ json }))))
      assert.is(server.requests.length, 10)
      assert.is(server.connections, 2)
      made.close()
    },
  )
})

Failures('a server that answers without reading the request keeps no connection', async () => {
  await against(
    (connection) => (connection === 0 ? ['byte', 'deaf', answer(413), 'hang'] : ['request', answer(200, '{"id":"a"}')]),
    async (server, url) => {
      const made = connectors({ url, grant: { concurrency: 1 } })
      const blob = Buffer.alloc(12 * 1024 * 1024).toString('base64')
      assert.equal(failed(await call(made, asked({ json: { blob } }))).code, invalid)
      assert.equal((replyOf(await call(made, asked({ json }))) as { id: string }).id, 'a')
      assert.is(server.connections, 2)
      made.close()
    },
  )
})

Failures('the table of the reference says what the host does, for each status', () => {
  const text = readFileSync(new URL('../../docs/reference/connectors.md', import.meta.url), 'utf8')
  const told = new Map<number, string>()
  const wide = new Map<number, string>()
  for (const [, statuses, code, reason] of text.matchAll(/^\| ([\dx, a-z]+) \| `([A-Z_]+)` \| `([A-Z_]+)` \|$/gm)) {
    const other = /^other (\d)xx$/.exec(statuses!)
    if (other !== null) wide.set(Number(other[1]), `${code} ${reason}`)
    else for (const status of statuses!.split(', ')) told.set(Number(status), `${code} ${reason}`)
  }
  assert.ok(told.size > 20)
  for (let status = 300; status < 600; status++) {
    const { code, reason } = meaningOfHttp(status)
    assert.is(`${code} ${reason}`, told.get(status) ?? wide.get(Math.floor(status / 100)), String(status))
  }
})

const good = certificate(['localhost', '127.0.0.1'])
const otherName = certificate(['other.example'])
const old = certificate(['localhost', '127.0.0.1'], Date.now() - 3_600_000)

for (const [what, tls, grant] of [
  ['nobody trusts', good, {}],
  ['is for another name', otherName, { ca: '/ca.pem' }],
  ['has expired', old, { ca: '/ca.pem' }],
] as const) {
  Failures(`http.H3: a certificate that ${what} is NOT_SENT, and the request never leaves`, async () => {
    const script: Step[] = ['request', answer(200, '{}')]
    await against(
      script,
      async (server) => {
        const setting: Setting = { url: `https://127.0.0.1:${server.port}`, grant, files: { '/ca.pem': tls.cert } }
        const made = connectors(setting)
        const { code, reason } = failed(await call(made, asked({ json })))
        assert.equal([code, reason, server.requests.length], [unavailable, 'NOT_SENT', 0])
        made.close()
      },
      { tls },
    )
  })
}

Failures('http.H3: a certificate of an authority that the grant names is trusted', async () => {
  await against(
    ['request', answer(200, '{"id":"a"}')],
    async (server) => {
      const setting = { grant: { ca: '/ca.pem' }, files: { '/ca.pem': good.cert } }
      const made = connectors({ url: `https://127.0.0.1:${server.port}`, ...setting })
      assert.equal((replyOf(await call(made, asked({ json }))) as { id: string }).id, 'a')
      made.close()
    },
    { tls: good },
  )
})

Failures('http.H3: NODE_TLS_REJECT_UNAUTHORIZED changes nothing', async () => {
  await against(
    ['request', answer(200, '{}')],
    async (server) => {
      const made = connectors({ url: `https://127.0.0.1:${server.port}` })
      process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
      try {
        assert.is(failed(await call(made, asked({ json }))).reason, 'NOT_SENT')
      } finally {
        delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
      }
      made.close()
    },
    { tls: good },
  )
})

Failures.run()

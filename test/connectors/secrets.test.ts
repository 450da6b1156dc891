// Guards secrets: how they are read, and that nothing that comes from a provider, or goes to anybody, has one in it.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Answered } from '../../host/connectors/connector.ts'
import { Redactor } from '../../host/connectors/redactor.ts'
import { readSecrets } from '../../host/connectors/secrets.ts'
import { answer, Misbehaving } from '../support/misbehaving.ts'
import { asked, call, connectors, failed, replyOf, secret } from './support.ts'

const Secrets = suite('secrets')

const sources = (env: Readonly<Record<string, string>>, files: Readonly<Record<string, string>> = {}) => ({
  env: (name: string) => env[name],
  file: (path: string) => {
    if (files[path] === undefined) throw new Error('ENOENT')
    return files[path]
  },
})

Secrets('secrets.S2: a secret is what a variable or a file says, without the end of its line', () => {
  const places = { a: { env: 'A' }, b: { file: '/b' }, c: { file: '/c' } }
  const { secrets, problems } = readSecrets(
    places,
    sources({ A: 'one secret' }, { '/b': 'secret two\n', '/c': 'secret three\r\n' }),
  )
  assert.equal(problems, [])
  assert.equal(
    [...secrets],
    [
      ['a', 'one secret'],
      ['b', 'secret two'],
      ['c', 'secret three'],
    ],
  )
})

Secrets('secrets.S1, secrets.S2, secrets.S3: what is wrong is told, without the secret', () => {
  for (const [value, words] of [
    ['', /is empty/],
    ['short12', /fewer than 8 characters/],
    ['hunter2hunter2\nhunter2', /line break/],
    ['hunter2hunter2\r', /line break/],
    ['hunter2\u0000hunter2', /visible ASCII/],
    ['hunter2hüntér2', /visible ASCII/],
    [' hunter2hunter2', /begins or ends with a space/],
    ['hunter2'.repeat(1_000), /more than 4096/],
  ] as const) {
    const { problems } = readSecrets({ key: { env: 'KEY' } }, sources({ KEY: value }))
    assert.is(problems.length, 1)
    assert.match(problems[0]!, words)
    assert.match(problems[0]!, /^secrets\.key: the environment variable KEY /)
    assert.not.match(problems[0]!, /hunter|short12/)
  }
  for (const [places, words] of [
    [{ key: { env: 'GONE' } }, /the environment variable GONE is not set/],
    [{ key: { file: '/gone' } }, /the file \/gone cannot be read/],
    [{ key: { env: 'hunter2hunter2' } }, /^secrets\.key: the environment variable of this name is not set/],
    [{ key: { file: 'hunter2/hunter2' } }, /^secrets\.key: the file of this name cannot be read/],
    [{ key: 'hunter2hunter2' }, /a secret itself does not belong into innkeeper\.json/],
    [{ key: { enf: 'X' } }, /unknown; did you mean env\?/],
    [{ key: { env: 'A', file: '/b' } }, /expected \{ "env"/],
    [{ key: { env: 7 } }, /expected \{ "env"/],
    [{ key: {} }, /expected \{ "env"/],
    [{ '-': { env: 'A' } }, /a name of a secret is/],
    ['hunter2hunter2', /expected an object/],
    [['hunter2hunter2'], /expected an object/],
  ] as const) {
    const { problems } = readSecrets(places, sources({ A: 'long enough' }))
    assert.match(problems[0] ?? '', words)
    assert.not.match(problems.join(), /hunter/)
  }
})

const upper = (text: string) => [...text].map((sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`).join('')
const lower = (text: string) => [...text].map((sign) => `%${sign.charCodeAt(0).toString(16)}`).join('')
const unicode = (text: string) =>
  [...text].map((sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')
const base64 = (text: string) => Buffer.from(text, 'latin1').toString('base64')

/** The ways in which a provider may echo a secret. */
const echoes: Readonly<Record<string, (text: string) => string>> = {
  plain: (text) => text,
  'in JSON': (text) => JSON.stringify(text),
  'in JSON with escaped slashes': (text) => JSON.stringify(text).replaceAll('/', '\\/'),
  'in JSON twice': (text) => JSON.stringify(JSON.stringify(text)),
  'as \\u escapes': unicode,
  'URL-encoded': encodeURIComponent,
  'URL-encoded in lower case': (text) => encodeURIComponent(text).replace(/%../g, (code) => code.toLowerCase()),
  'URL-encoded wholly': upper,
  'URL-encoded wholly in lower case': lower,
  'URL-encoded twice': (text) => encodeURIComponent(upper(text)),
  'as a form': (text) => encodeURIComponent(text).replaceAll('%20', '+'),
  'URL-encoded in \\u escapes': (text) => upper(text).replaceAll('%', '\\u0025'),
  base64,
  'base64 without padding': (text) => base64(text).replaceAll('=', ''),
  'base64 behind one byte': (text) => base64(`x${text}`),
  'base64 behind two bytes': (text) => base64(`:;${text}:y`),
  'base64 behind many bytes': (text) => base64(`user@example:${text}\n`),
  base64url: (text) => Buffer.from(text, 'latin1').toString('base64url'),
  'base64url behind one byte': (text) => Buffer.from(`x${text}z`, 'latin1').toString('base64url'),
  'base64 in JSON': (text) => JSON.stringify(base64(text)).replaceAll('/', '\\/'),
  'base64 URL-encoded': (text) => encodeURIComponent(base64(text)),
  'in hex': (text) => Buffer.from(text).toString('hex'),
  'in hex of upper case': (text) => Buffer.from(text).toString('hex').toUpperCase(),
}

const character = fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code))
const anySecret = fc
  .string({ unit: character, minLength: 8, maxLength: 40 })
  .filter((text) => text.trim() === text && !/^(.)\1*$/.test(text))

Secrets('redactor.R1, redactor.R3: a secret is found and taken out, however it is echoed', () => {
  for (const [name, echo] of Object.entries(echoes)) {
    fc.assert(
      fc.property(
        anySecret,
        fc.constantFrom('', 'before ', '{"error":"'),
        fc.constantFrom('', ' after', '"}'),
        (text, before, after) => {
          const redactor = new Redactor([text])
          const bytes = Buffer.from(before + echo(text) + after)
          assert.ok(redactor.finds(bytes), `${name}: ${text}`)
          const clean = Buffer.from(redactor.redacted(bytes))
          assert.not.ok(redactor.finds(clean), `${name}: ${clean}`)
          assert.ok(clean.includes('[secret]'), name)
          assert.ok(clean.toString().startsWith(before) && clean.toString().endsWith(after), `${name}: ${clean}`)
        },
      ),
      { numRuns: 60 },
    )
  }
})

Secrets('redactor.R1: of secrets that begin alike each is found, and the longest is taken out', () => {
  const secrets = [
    'alike-01',
    'alike-01-and-more',
    'alike-01-and-more-of-it',
    'alike-02',
    'alike-01-and',
    'alike-0122222222',
  ]
  const redactor = new Redactor(secrets)
  for (const one of secrets) {
    assert.is(redactor.redactedText(`<${one}>`), '<[secret]>')
    assert.is(redactor.redactedText(`alike-0${one}alike-`), 'alike-0[secret]alike-')
  }
  assert.is(redactor.redactedText('alike-01-and-more-of-nothing'), '[secret]-of-nothing')
  for (const text of ['alike-0', 'alike-00', 'alike-03', 'alike-0', 'alike-'])
    assert.is(redactor.redactedText(text), text)
  const long = `${'x'.repeat(100)}1`
  assert.is(new Redactor([long]).redactedText(`x${long}1${long.slice(0, -1)}2`), `x[secret]1${'x'.repeat(100)}2`)
})

Secrets('redactor.R1: what is no secret stays as it was', () => {
  const redactor = new Redactor([secret])
  for (const text of ['', 'sk_test', '{"error":"no such charge: ch_1"}', '100% \\u0041 %zz \\', 'x'.repeat(100_000)]) {
    const bytes = Buffer.from(text)
    assert.not.ok(redactor.finds(bytes))
    assert.is(redactor.redacted(bytes), bytes)
    assert.is(redactor.redactedText(text), text)
  }
  assert.not.ok(new Redactor([]).finds(Buffer.from(secret)))
})

Secrets('redactor.R1: of a user and a password in base64 the password is found, too', () => {
  const redactor = new Redactor([Buffer.from('user:correct horse').toString('base64')])
  for (const text of [
    'correct horse',
    'user:correct horse',
    encodeURIComponent('correct horse'),
    'dXNlcjpjb3JyZWN0IGhvcnNl',
  ])
    assert.ok(redactor.finds(Buffer.from(`x ${text} y`)), text)
  assert.not.ok(redactor.finds(Buffer.from('user: correct')))
})

Secrets('redactor.R4: what looks like escapes without end is looked through all the same', () => {
  const redactor = new Redactor([secret])
  for (const sign of ['%25', '\\\\', '\\u0025', '%5c']) assert.not.ok(redactor.finds(Buffer.from(sign.repeat(200_000))))
})

Secrets(
  'connectors/answers.A1, redactor.R2: a reply with a secret in it is refused, however it is cut into pieces',
  async () => {
    for (const [name, echo] of Object.entries(echoes)) {
      const body = `{"id":"a","more":"${echo(secret).replaceAll('"', '')}"}`
      if (!new Redactor([secret]).finds(Buffer.from(body))) continue
      const head = `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n`
      const pieces = [...body].map((sign) => ({ send: sign }))
      const server = await Misbehaving.start(['request', { send: head }, ...pieces])
      const made = connectors({ url: `http://127.0.0.1:${server.port}` })
      const answered = await call(made, asked())
      const { code, reason, again } = failed(answered)
      assert.equal([code, reason, again], [13, 'UNKNOWN', false], name)
      made.close()
      await server.stop()
    }
  },
)

/** All text in a value, however deep, bytes too. */
function allOf(value: unknown): string {
  const seen: string[] = []
  const visit = (one: unknown): void => {
    if (one instanceof Uint8Array) seen.push(Buffer.from(one).toString('latin1'))
    else if (one instanceof Error) seen.push(one.message, one.stack ?? '', JSON.stringify(one))
    else if (typeof one === 'object' && one !== null) for (const entry of Object.entries(one)) entry.forEach(visit)
    else seen.push(String(one))
  }
  visit(value)
  return seen.join('\n')
}

Secrets(
  '§connector-16, connector.W3: a provider that echoes the secret in every place gives it to nobody',
  async () => {
    const redactor = new Redactor([secret])
    const told: unknown[] = []
    for (const [name, echo] of Object.entries(echoes)) {
      const header = echo(secret).replace(/[\r\n]/g, '')
      for (const status of [200, 302, 400, 401, 429, 500, 503]) {
        const headers = {
          'x-echo': header,
          'content-type': `text/${header.replaceAll(' ', '')}`,
          'retry-after': header,
        }
        const body = `${'.'.repeat(4_085)}${echo(secret)} ${echo(secret)}`
        const server = await Misbehaving.start(['request', answer(status, body, headers)])
        const made = connectors({ url: `http://127.0.0.1:${server.port}`, grant: { responseHeaders: ['x-echo'] } })
        const answered: Answered = await call(made, asked())
        assert.is(answered.kind, 'failure', `${name} ${status}`)
        told.push(answered, made.figures(), made.granted(), made.missing([]))
        assert.match(server.requests[0]!.head, /sk_test/)
        made.close()
        await server.stop()
      }
    }
    const text = Buffer.from(allOf(told))
    assert.ok(text.length > 100_000)
    assert.not.ok(redactor.finds(text), 'a secret is told')
    // The end of what is told hides none either.
    assert.not.ok(text.includes(secret.slice(0, 8)), 'the beginning of a secret is told')
  },
)

Secrets('a secret that is not there is told when it is read, and again at a reload', async () => {
  const made = connectors({ url: 'http://127.0.0.1:1' })
  const problems = made.reload({
    connectors: { payments: { url: 'http://127.0.0.1:1', services: ['*'], headers: { a: '{secret:gone}' } } },
    secrets: { gone: { env: 'GONE' } },
  })
  assert.match(problems.join(), /secrets\.gone: the environment variable GONE is not set/)
  // All stays as it was.
  assert.equal(made.granted()[0]!.services, ['shop.*'])
  made.close()
})

Secrets(
  'connectors.C1: a secret that was changed meanwhile is found in the answer of a call that was sent with it',
  async () => {
    let change = () => {}
    const server = await Misbehaving.start([
      'request',
      { run: () => change() },
      answer(200, `{"id":${JSON.stringify(secret)}}`),
    ])
    const url = `http://127.0.0.1:${server.port}`
    const made = connectors({ url })
    change = () => assert.equal(made.reload({ connectors: { payments: { url, services: ['*'], private: true } } }), [])
    assert.is(failed(await call(made, asked())).reason, 'UNKNOWN')
    made.close()
    await server.stop()
  },
)

Secrets(
  'connectors.C1: a secret of before is found in a later answer, and one of later in the answer to an earlier call',
  async () => {
    let change = () => {}
    const says = (text: string) => ['request' as const, answer(200, JSON.stringify({ id: text }))]
    const later = ['request' as const, { run: () => change() }, answer(200, '{"id":"a new secret"}')]
    // Another grant has another connection.
    const server = await Misbehaving.start((connection) =>
      connection === 0 ? says('nothing') : [...says(secret), ...later, ...says('nothing')],
    )
    const url = `http://127.0.0.1:${server.port}`
    const files: { [path: string]: string } = { '/new': 'a first secret' }
    const made = connectors({ url, files })
    const reload = () =>
      assert.equal(
        made.reload({
          connectors: { payments: { url, services: ['*'], private: true } },
          secrets: { stripe: { file: '/new' } },
        }),
        [],
      )
    change = () => {
      files['/new'] = 'a new secret'
      reload()
    }
    replyOf(await call(made, asked()))
    reload()
    for (let n = 0; n < 2; n++) assert.match(failed(await call(made, asked())).message, /has a secret of innkeeper/)
    replyOf(await call(made, asked()))
    made.close()
    await server.stop()
  },
)

Secrets('connectors/requests.R2: the secret is in the request, and in no answer that does not have it', async () => {
  const server = await Misbehaving.start(['request', answer(200, '{"id":"a"}')])
  const made = connectors({ url: `http://127.0.0.1:${server.port}` })
  assert.equal((replyOf(await call(made, asked())) as { id: string }).id, 'a')
  assert.ok(server.requests[0]!.head.includes(`authorization: Bearer ${secret}`))
  made.close()
  await server.stop()
})

Secrets.run()

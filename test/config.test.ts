// Guards the door for settings: where each comes from, and that everything wrong is said at once.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { ConfigSources, LoadedConfig } from '../host/config.ts'
import { loadConfig } from '../host/config.ts'
import { ConfigError } from '../host/config-file.ts'
import { defaultLimits } from '../host/limits.ts'
import { parseAddress } from '../host/setting-forms.ts'
import { settingsPage, settingsPageNow } from '../host/tools/settings.ts'
import { temporary } from './support/host.ts'

const Config = suite('config')

function load(sources: Partial<ConfigSources> & { file?: unknown } = {}): LoadedConfig {
  const folder = temporary()
  try {
    const { file, ...given } = sources
    if (file !== undefined) {
      writeFileSync(join(folder.path, 'innkeeper.json'), typeof file === 'string' ? file : JSON.stringify(file))
    }
    return loadConfig({ flags: {}, env: {}, directory: folder.path, ...given })
  } finally {
    folder.remove()
  }
}

function problems(sources: Parameters<typeof load>[0]): readonly string[] {
  try {
    load(sources)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  assert.unreachable('nothing was refused')
  return []
}

Config('docs/reference/settings.md lists every setting as it is; `node host/tools/settings.ts` writes it', () => {
  assert.is(settingsPageNow(), settingsPage())
})

Config('config.C1: without anything given, every setting has its default', () => {
  const { config } = load()
  assert.equal(config.limits, defaultLimits)
  assert.equal(config.listen, { host: '127.0.0.1', port: 8080 })
  assert.is(config.token, undefined)
})

Config('config.C2: bytes in flight have room for those of the admin port and two messages', () => {
  const flags = { 'in-flight-bytes-max': '100', 'upload-bytes-max': '60', 'message-bytes-max': '20' }
  assert.is(load({ flags }).config.limits.inFlightBytesMax, 100)
  const refused = problems({ flags: { ...flags, 'upload-bytes-max': '61' } })
  assert.is(refused.length, 1)
  assert.match(
    refused[0]!,
    /^in-flight-bytes-max \(100\) must have room for upload-bytes-max \(61\) and two messages of message-bytes-max \(20\): raise/,
  )
})

Config('§limit-9: flags win over variables, variables over the file, the file over defaults', () => {
  const file = { snapshotEvery: 1, deadlineMs: 1, stopWaitMs: 1, hopsMax: 3 }
  const env = { INNKEEPER_SNAPSHOT_EVERY: '2', INNKEEPER_DEADLINE_MS: '2' }
  const { config, print } = load({ flags: { 'snapshot-every': '3' }, env, file })
  assert.equal([config.snapshotEvery, config.deadlineMs, config.stopWaitMs, config.idempotencyHours], [3, 2, 1, 24])
  assert.is(config.limits.hopsMax, 3)
  assert.match(print, /^snapshot-every +3 {2}# --snapshot-every$/m)
  assert.match(print, /^deadline-ms +2 {2}# INNKEEPER_DEADLINE_MS$/m)
  assert.match(print, /^stop-wait-ms +1 {2}# innkeeper.json$/m)
  assert.match(print, /^idempotency-hours +24 {2}# default$/m)
})

Config(
  '§limit-9, config.C2: unknown names and values out of range are refused, all at once, each naming its source',
  () => {
    const found = problems({
      flags: { 'deadline-ms': '0' },
      env: { INNKEEPER_NOTHING: '1', INNKEEPER_LISTEN: 'nowhere', OTHER: 'not ours' },
      file: { snapshot_every: 1, hopsMax: 1.5, logLevel: 'loud' },
    })
    assert.equal(
      [...found].sort(),
      [
        '--deadline-ms: expected a whole number from 1 to 2000000000, got "0"',
        'INNKEEPER_LISTEN: expected HOST:PORT, got "nowhere"',
        'INNKEEPER_NOTHING: unknown setting',
        `innkeeper.json: hopsMax: expected a whole number from 1 to ${Number.MAX_SAFE_INTEGER}, got "1.5"`,
        'innkeeper.json: logLevel: expected one of silent, fatal, error, warn, info, debug, trace, got "loud"',
        'innkeeper.json: unknown setting snapshot_every; did you mean snapshotEvery?',
      ].sort(),
    )
  },
)

Config('config.C2: ranges include their ends and nothing beyond', () => {
  assert.is(load({ flags: { 'snapshot-every': '-1' } }).config.snapshotEvery, -1)
  assert.is(load({ flags: { 'stop-wait-ms': '600000' } }).config.stopWaitMs, 600_000)
  for (const flags of [
    { 'snapshot-every': '-2' },
    { 'stop-wait-ms': '600001' },
    { 'stop-wait-ms': '' },
    { 'stop-wait-ms': '1e3' },
    { 'stop-wait-ms': ' 5' },
    { 'message-bytes-max': '0' },
    { data: '' },
  ]) {
    assert.is(problems({ flags }).length, 1, JSON.stringify(flags))
  }
})

Config('a file that is no JSON object, or holds what is neither text nor number, is refused', () => {
  assert.match(problems({ file: '{' })[0]!, /^innkeeper.json: /)
  assert.match(problems({ file: '[]' })[0]!, /expected an object/)
  for (const value of [null, true, {}, ['x']]) {
    assert.match(problems({ file: { data: value } })[0]!, /^innkeeper.json: data: expected text or a number/)
  }
})

Config('fields.F1: what is no JSON is told with its place, and without what stands there', () => {
  for (const file of [
    '{"secrets": {"stripe": sk_live_4eC39}}',
    '{"a": "Bearer sk_live_4eC39',
    '{"a": "sk_live_4eC39\\x"}',
  ]) {
    const [problem] = problems({ file })
    assert.match(problem!, /^innkeeper.json: .*at character \d+/)
    assert.not.match(problem!, /sk_live|live|4eC39/)
  }
})

Config('variables that name compilers are no settings, and disturb no host', () => {
  assert.is(load({ env: { INNKEEPER_TOOLCHAINS: '/somewhere', INNKEEPER_GO: '/go' } }).config.token, undefined)
  assert.equal(problems({ env: { INNKEEPER_GONE: 'x' } }), ['INNKEEPER_GONE: unknown setting'])
})

Config('config.C3: the token is used and never shown', () => {
  const { config, print } = load({ env: { INNKEEPER_TOKEN: 'hush' } })
  assert.is(config.token, 'hush')
  assert.not.match(print, /hush/)
  assert.match(print, /^token +\(set\) {2}# INNKEEPER_TOKEN$/m)
})

Config('header-names.N2: headers that are never stored are names in lower case, and an empty text means none', () => {
  const { config, print } = load()
  assert.equal([...config.neverStoredHeaders], ['x-token', 'x-api-key'])
  assert.match(print, /^never-stored-headers +x-token, x-api-key {2}# default$/m)
  const given = (text: string) => [...load({ flags: { 'never-stored-headers': text } }).config.neverStoredHeaders]
  assert.equal(given('x-a,ce-subject , x-b-bin,x-a'), ['x-a', 'ce-subject', 'x-b-bin'])
  assert.equal(given(''), [])
  for (const [text, said] of [
    ['X-Token', /"X-Token" is not a header in lower case, got "X-Token"$/],
    ['x-a,,x-b', /"" is not a header in lower case/],
    ['x token', /"x token" is not a header/],
    ['x-a, authorization', /the header authorization never reaches a function/],
    ['proxy-authorization', /the header proxy-authorization never reaches a function/],
    ['grpc-timeout', /the header grpc-timeout never reaches a function, since it belongs to the transport/],
  ] as const) {
    const [problem, ...more] = problems({ flags: { 'never-stored-headers': text } })
    assert.match(problem!, /^--never-stored-headers: expected names of headers in lower case/)
    assert.match(problem!, said)
    assert.equal(more, [])
  }
})

Config('§admin-2: an admin port away from loopback needs a token', () => {
  for (const admin of ['0.0.0.0:1', '[::]:1', '10.0.0.1:1', 'example.com:1']) {
    assert.match(problems({ flags: { admin } })[0]!, /set a token/, admin)
    load({ flags: { admin, token: 't' } })
  }
  for (const admin of ['127.0.0.1:1', '[::1]:1', 'localhost:1', '127.9.9.9:1', ':1']) load({ flags: { admin } })
})

Config('addresses are HOST:PORT; without a host they mean loopback', () => {
  assert.equal(parseAddress('[::1]:80'), { host: '::1', port: 80 })
  assert.equal(parseAddress('localhost:0'), { host: 'localhost', port: 0 })
  assert.equal(parseAddress(':80'), { host: '127.0.0.1', port: 80 })
  for (const text of ['', '80', 'a:b', 'a:65536', 'a:-1', '::1:80', 'a b:1', 'a:1/x']) {
    assert.throws(() => parseAddress(text), /HOST:PORT/, text)
  }
})

Config.run()

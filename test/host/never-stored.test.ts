// Guards headers that are never stored: a function sees them, and after kill -9 no byte of the data directory has them, in the log or
// in tables. The header beside them, which may be stored, is found there: so the search finds what there is.

import { randomBytes } from 'node:crypto'
import { globSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { built } from '../support/components.ts'
import type { HostProcess } from '../support/host.ts'
import { hostProcess, http, temporary } from '../support/host.ts'
import { replicas, ScriptClient, scripted, values } from '../support/scripted.ts'

const events = '/innkeeper.conformance.v1.Events/Do'

interface Secret {
  readonly token: string
  readonly key: string
  /** May be stored. */
  readonly trace: string
}

/** What is sent, in whichever case a client writes it. */
const headersOf = ({ token, key, trace }: Secret) => ({ 'X-Token': token, 'x-API-key': key, 'x-trace': trace })

/** What a function says of its metadata, so that it is not that what is found on disk: an answer is stored, too. */
const saw = "[...metadata].reverse().join('')"
const read = (said: string) => [...said].reverse().join('')

/** Calls that make the metadata of their caller durable in every way that there is. Each answers what the function saw. */
const calls: Readonly<Record<string, (host: HostProcess, secret: Secret) => Promise<string>>> = {
  'a record of an event-sourced entity': async (host, secret) => {
    const [asked, noted] = [[{ ask: 'METADATA' }], [{ note: 'noted' }]].map((acts) =>
      http(host.listen, 'POST', events, { id: 'e', acts }, headersOf(secret)),
    )
    text(await noted!)
    // It writes nothing, and so is recorded nowhere.
    return text(await asked!)
  },
  'a record of a value': async (host, secret) => {
    const code = `return { change: { updated: 'v' }, outcome: say(${saw}) }`
    return read(text(await http(host.listen, 'POST', '/values/v', { code }, headersOf(secret))))
  },
  'a delta of a replica': async (host, secret) => {
    const code = `return { operations: [increment(1)], answer: say(${saw}) }`
    return read(text(await http(host.listen, 'POST', '/replicas/r', { code }, headersOf(secret))))
  },
  'a command over gRPC': async (host, secret) => {
    const client = new ScriptClient(host.listen)
    const code = `return { change: { updated: 'g' }, outcome: say(${saw}) }`
    const answer = await client.call(values, 'Do', 'g', code, headersOf(secret))
    client.close()
    return read(answer.text)
  },
  'a stream that is open on a replica': async (host, secret) => {
    const client = new ScriptClient(host.listen)
    const code = `return { operations: [increment(1)], answer: say(${saw}), subscribe: {} }`
    const [first] = await client.listen(replicas, 'Open', 'open', code, headersOf(secret)).until(1)
    client.close()
    return read(first!)
  },
  'an answer that is kept under an idempotency key, and says it all again': async (host, secret) => {
    const code = `return { change: { updated: 'k' }, outcome: say(${saw}, { metadata: JSON.parse(metadata) }) }`
    const headers = { ...headersOf(secret), 'idempotency-key': 'k1' }
    const answer = await http(host.listen, 'POST', '/values/k', { code }, headers)
    assert.is(answer.headers.get('x-token'), secret.token)
    return read(text(answer))
  },
  'a refusal of the target of a forward, kept under a key': async (host, secret) => {
    const target = `return { outcome: refuse('aborted', ${saw}, { metadata: JSON.parse(metadata) }) }`
    const code = `return { outcome: { ...none(), answer: { tag: 'ok', val: { tag: 'forward', val: to('Values', 'Do', 'f', ${JSON.stringify(target)}, JSON.parse(metadata)) } } } }`
    const headers = { ...headersOf(secret), 'idempotency-key': 'f1' }
    const answer = await http(host.listen, 'POST', '/values/forwards', { code }, headers)
    assert.is(answer.status, 409, answer.text)
    return read(answer.json.message)
  },
  'an effect that arrives': async (host, secret) => {
    const target =
      "return { change: { updated: metadata.replace(/[0-9a-f]{32}/g, (token) => 'saw ' + token.slice(0, 8)) }, outcome: say('') }"
    const call = `{ call: to('Values', 'Do', 'target', ${JSON.stringify(target)}, JSON.parse(metadata)), synchronous: true }`
    const code = `return { operations: [increment(1)], answer: say(${saw}, { effects: [${call}] }) }`
    const answer = await http(host.listen, 'POST', '/replicas/causes', { code }, headersOf(secret))
    const seen = await http(host.listen, 'POST', '/values/target', { code: 'return { outcome: say(value) }' })
    for (const part of [secret.token, secret.key, secret.trace]) assert.match(seen.text, `saw ${part.slice(0, 8)}`)
    return read(text(answer))
  },
  'an effect that is parked': async (host, secret) => {
    const call = "{ call: to('Nowhere', 'Do', 'x', '', JSON.parse(metadata)), synchronous: true }"
    const code = `return say(${saw}, { effects: [${call}] })`
    return read(text(await http(host.listen, 'POST', '/actions', { code }, headersOf(secret))))
  },
}

const Never = suite('headers that are never stored')

Never(
  '§metadata-7: reach functions of every model, and are on no disk, in no log and in no table, after kill -9',
  async () => {
    await withHost([], async (restart, folder) => {
      const secrets = await callAll(await restart())
      await (await restart()).kill()
      assert.equal(found(folder, secrets), onlyTraces(secrets))
      // What was in the log is in tables now.
      assert.ok(files(folder).some((file) => file.endsWith('.sst')))
    })
  },
)

Never('are stored where the setting is empty: so it is the setting that keeps them off the disk', async () => {
  await withHost(['--never-stored-headers', ''], async (restart, folder) => {
    const secrets = await callAll(await restart())
    await (await restart()).kill()
    const places = Object.keys(secrets)
    assert.equal(found(folder, secrets), Object.fromEntries(places.map((place) => [place, ['token', 'key', 'trace']])))
  })
})

Never('a name of the setting is left out, and the defaults are stored once they are not in it', async () => {
  await withHost(['--never-stored-headers', 'x-trace'], async (restart, folder) => {
    const secrets = await callAll(await restart())
    await (await restart()).kill()
    const places = Object.keys(secrets)
    assert.equal(found(folder, secrets), Object.fromEntries(places.map((place) => [place, ['token', 'key']])))
  })
})

Never(
  '§metadata-7: an answer that is given again comes without them, and the journal shows the command without them',
  async () => {
    await withHost([], async (restart) => {
      const secrets = await callAll(await restart())
      const host = await restart()
      const { trace } = secrets['an answer that is kept under an idempotency key, and says it all again']!
      const code = `return { change: { updated: 'k' }, outcome: say(${saw}, { metadata: JSON.parse(metadata) }) }`
      const again = await http(host.listen, 'POST', '/values/k', { code }, { 'idempotency-key': 'k1' })
      assert.equal([again.status, again.headers.get('x-trace'), again.headers.get('x-token')], [200, trace, null])
      const { records } = (await http(host.admin, 'GET', `/v1/services/${values}/entities/v/journal`)).json
      const names = records[0].metadata.map(([name]: [string]) => name)
      assert.equal(names, ['x-trace'])
    })
  },
)

Never(
  '§metadata-7: an effect carries them on as long as the process lives, and goes without them after a restart',
  async () => {
    await withHost([], async (restart) => {
      const first = await restart()
      const target = `return metadata.includes('x-token')
      ? { outcome: refuse('failed-precondition', 'came with a token') }
      : { change: { updated: metadata }, outcome: say('') }`
      const call = `{ call: to('Values', 'Do', 'after', ${JSON.stringify(target)}, JSON.parse(metadata)), synchronous: true }`
      const code = `return say('', { effects: [${call}] })`
      await http(first.listen, 'POST', '/actions', { code }, { 'x-token': 't', 'x-trace': 'kept' })
      const [parked] = (await http(first.admin, 'GET', '/v1/effects')).json.effects
      assert.match(parked.parked, 'came with a token')
      const host = await restart()
      const retried = await http(host.admin, 'POST', `/v1/effects/${parked.id}/retry`, {})
      assert.is(retried.json.became, 'delivered', retried.text)
      const seen = await http(host.listen, 'POST', '/values/after', { code: 'return { outcome: say(value) }' })
      assert.is(text(seen), '[["x-trace","kept"]]')
    })
  },
)

Never('§metadata-3: authorization reaches no function and no disk, with the setting or without', async () => {
  for (const flags of [[], ['--never-stored-headers', '']]) {
    await withHost(flags, async (restart, folder) => {
      const host = await restart()
      const token = randomBytes(16).toString('hex')
      const trace = randomBytes(16).toString('hex')
      const headers = { Authorization: `Bearer ${token}`, 'x-trace': trace }
      const acts = [{ note: 'noted' }, { ask: 'METADATA' }]
      const code = "return { change: { updated: 'v' }, outcome: say(metadata) }"
      const seen = [
        text(await http(host.listen, 'POST', events, { id: 'a', acts }, headers)),
        text(await http(host.listen, 'POST', '/values/a', { code }, headers)),
        text(
          await http(
            host.listen,
            'POST',
            '/replicas/a',
            { code: 'return { operations: [increment(1)], answer: say(metadata) }' },
            headers,
          ),
        ),
        text(await http(host.listen, 'POST', '/actions', { code: 'return say(metadata)' }, headers)),
      ]
      for (const one of seen) {
        assert.match(one, trace)
        assert.not.match(one, token)
      }
      await (await restart()).kill()
      const bytes = Buffer.concat(files(folder).map((file) => readFileSync(file)))
      assert.equal([bytes.includes(trace), bytes.includes(token)], [true, false])
    })
  }
})

Never.run()

/** A host in a process of its own, with all models. `restart` kills the one that runs. */
async function withHost(
  flags: readonly string[],
  use: (restart: () => Promise<HostProcess>, folder: string) => Promise<void>,
): Promise<void> {
  const data = temporary()
  const file = join(data.path, 'scripted.wasm')
  writeFileSync(file, await scripted())
  const conformance = (await built('test/conformance/typescript', 'conformance-typescript')).file
  const folder = join(data.path, 'data')
  let host: HostProcess | undefined
  try {
    await use(async () => {
      const first = host === undefined
      await host?.kill()
      host = await hostProcess(folder, ['--value-history', 'on', ...flags, ...(first ? [file, conformance] : [])])
      return host
    }, folder)
  } finally {
    await host?.kill()
    data.remove()
  }
}

/** Makes every call, with a secret of its own each, by which it is found. */
async function callAll(host: HostProcess): Promise<Record<string, Secret>> {
  const secrets: Record<string, Secret> = {}
  for (const [place, call] of Object.entries(calls)) {
    const [token, key, trace] = [1, 2, 3].map(() => randomBytes(16).toString('hex')) as [string, string, string]
    const secret = { token, key, trace }
    secrets[place] = secret
    const seen = await call(host, secret)
    for (const part of [token, key, trace]) assert.match(seen, part, place)
  }
  return secrets
}

function files(folder: string): readonly string[] {
  return globSync('**/*', { cwd: folder })
    .map((name) => join(folder, name))
    .filter((file) => statSync(file).isFile())
}

/** Which parts of each secret are somewhere in the folder's bytes. */
function found(folder: string, secrets: Record<string, Secret>): Record<string, readonly string[]> {
  const bytes = Buffer.concat(files(folder).map((file) => readFileSync(file)))
  return Object.fromEntries(
    Object.entries(secrets).map(([place, secret]) => [
      place,
      Object.entries(secret).flatMap(([part, value]) => (bytes.includes(value) ? [part] : [])),
    ]),
  )
}

function onlyTraces(secrets: Record<string, Secret>): Record<string, readonly string[]> {
  return Object.fromEntries(Object.keys(secrets).map((place) => [place, ['trace']]))
}

function text(answer: {
  readonly status: number
  readonly text: string
  readonly json: { readonly text: string }
}): string {
  assert.is(answer.status, 200, answer.text)
  return answer.json.text
}

// Figures of holds: for how long the worst that is allowed of each kind of work holds the loop at a time.
//
// The host is a thread of this process on a data directory of its own, with a meter in it (meter.ts); what calls it is this thread.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import http from 'node:http'
import http2 from 'node:http2'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { systemClock } from '../host/clock.ts'
import type { EffectEntry } from '../host/effect.ts'
import { expire } from '../host/journal/expiry.ts'
import { GroupCommit } from '../host/journal/group-commit.ts'
import type { IdempotencyEntry, JournalRecord } from '../host/journal/journal.ts'
import { noMetadata } from '../host/metadata.ts'
import { ruled } from '../test/support/ruled.ts'
import { script, scripted } from '../test/support/scripted.ts'
import type { TestStore as Store } from '../test/support/store.ts'
import { openStore } from '../test/support/store.ts'
import type { HoldsHost } from './holds-host.ts'
import type { Figure } from './inside.ts'
import { type Hold, Meter } from './meter.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const MiB = 1024 * 1024
const bodyBytes = 4 * MiB - 1_024
const goalMs = 50
/** Only kinds whose name has this in it. */
const only = process.env['KIND'] ?? ''

const guest = (name: string) => readFileSync(join(root, `guests/build/${name}.wasm`))
const counter = 'examples.counter.v1.Counter'
const echo = '/innkeeper.conformance.v1.Actions/Echo'

interface Running {
  readonly listen: string
  readonly admin: string
  /** Of the start. */
  readonly starting: Hold
  hold(work: () => Promise<unknown>): Promise<Hold>
  stop(): Promise<void>
}

export async function holdFigures(): Promise<readonly Figure[]> {
  console.log(`  ${cpus().length} cores, shared with the client; load before ${load()}; goal ${goalMs} ms`)
  const figures: Figure[] = []
  for (const [name, run] of Object.entries(kinds)) {
    if (!name.includes(only)) continue
    const data = mkdtempSync(join(tmpdir(), 'innkeeper-holds-'))
    try {
      for (const [part, { wallMs, workedMs }] of await run(data)) {
        figures.push({
          name: `${name}${part}: worked`,
          value: workedMs,
          unit: workedMs > goalMs ? `ms, of ${goalMs}` : 'ms',
        })
        figures.push({ name: `${name}${part}: by the clock`, value: wallMs, unit: 'ms' })
      }
    } finally {
      rmSync(data, { recursive: true, force: true })
    }
  }
  console.log(`  load after ${load()}`)
  return figures
}

type Parts = readonly (readonly [part: string, hold: Hold])[]
type Kind = (data: string) => Promise<Parts>

const kinds: Readonly<Record<string, Kind>> = {
  'JSON of 4 MiB': async (data) => {
    const host = await start(data)
    await deploy(host, guest('conformance-assemblyscript'))
    const post = (path: string, body: string) => host.hold(() => call(host.listen, 'POST', path, body))
    // What follows the known fields is unknown, so that no function has a part in it.
    const refused = (fields: string) => post(echo, `{${fields},"unknown":1}`)
    const parts: Parts = [
      [' in, empty messages', await refused(`"rTree":[${'{},'.repeat(bodyBytes / 3 - 20)}{}]`)],
      [' in, small numbers', await refused(`"rInt32":[${'7,'.repeat(bodyBytes / 2 - 20)}7]`)],
      [' in, short texts', await refused(`"rString":[${'"a",'.repeat(bodyBytes / 4 - 20)}"a"]`)],
      [' in, keys of a map', await refused(`"strings":{${keys(bodyBytes)}}`)],
      [' in, one text', await refused(`"fString":"${'x'.repeat(bodyBytes - 100)}"`)],
      [' in, no JSON', await post(echo, '['.repeat(bodyBytes))],
      [' in and out with its function, numbers', await post(echo, `{"rInt32":[${'7,'.repeat(bodyBytes / 2 - 10)}7]}`)],
      [' in and out with its function, reals', await post(echo, `{"rFloat":[${'1.1,'.repeat(bodyBytes / 4 - 10)}7]}`)],
    ]
    await host.stop()
    return parts
  },

  'a component of 30 MiB': async (data) => {
    const host = await start(data)
    const component = padded(guest('counter-assemblyscript'), 30 * MiB)
    const upload = await host.hold(() => deploy(host, component))
    const again = await host.hold(() => deploy(host, component))
    const wide = await host.hold(async () => deploy(host, await manyFunctions(20 * MiB)))
    await host.stop()
    const back = await start(data)
    await back.stop()
    return [
      [', its upload', upload],
      [', the same again', again],
      [', 20 MiB of code', wide],
      [', a start with both', back.starting],
    ]
  },

  'an entity of 45,000 events': async (data) => {
    await seeded(data, guest('counter-assemblyscript'), ({ journal }) => {
      for (let revision = 1; revision <= 45_000; ) {
        const batch = journal.batch()
        for (let of = 0; of < 1_000; of++, revision++) batch.append({ storage: 1, key: 'long' }, added(revision))
        journal.commit(batch, thrown)
      }
    })
    const host = await start(data, { 'snapshot-every': '-1' })
    const parts: Parts = [
      [', replay', await host.hold(() => call(host.listen, 'GET', '/counter/long'))],
      [', state then', await host.hold(() => call(host.admin, 'GET', entity('long', '/state?at=44000')))],
      [', journal', await host.hold(() => call(host.admin, 'GET', entity('long', '/journal?limit=1000')))],
      [', follow', await host.hold(() => followed(host.admin, entity('long', '/journal?follow'), 45_000))],
    ]
    await host.stop()
    return parts
  },

  '100,000 entities': async (data) => {
    await seeded(data, guest('counter-assemblyscript'), ({ journal }) => {
      for (let at = 0; at < 100_000; ) {
        const batch = journal.batch()
        for (let of = 0; of < 1_000; of++, at++) batch.append({ storage: 1, key: `e${at}` }, added(1))
        journal.commit(batch, thrown)
      }
    })
    const host = await start(data, { 'passivate-after-ms': '4000' })
    const activate = await host.hold(() => many(host.listen, 100_000, (at) => `/counter/e${at}`))
    const upgrade = await host.hold(() => deploy(host, padded(guest('counter-assemblyscript'), 1_000)))
    const passivate = await host.hold(() => moment(9_000))
    const list = await host.hold(() => call(host.admin, 'GET', `/v1/services/${counter}/entities?limit=1000`))
    await many(host.listen, 100_000, (at) => `/counter/e${at}`)
    const purge = await host.hold(() => call(host.admin, 'DELETE', `/v1/services/${counter}?purge=true`))
    await host.stop()
    return [
      [', activating', activate],
      [', upgrade', upgrade],
      [', passivation of all', passivate],
      [', list', list],
      [', purge', purge],
    ]
  },

  '100,000 effects': async (data) => {
    await seeded(data, guest('counter-assemblyscript'), ({ journal }) => {
      for (let id = 1; id <= 100_000; ) {
        const batch = journal.batch()
        for (let of = 0; of < 1_000; of++, id++) batch.enqueue(effect(id))
        journal.commit(batch, thrown)
      }
    })
    const host = await start(data)
    const tried = await host.hold(() => moment(6_000))
    const list = await host.hold(() => call(host.admin, 'GET', '/v1/effects?after=90000'))
    const purge = await host.hold(() => call(host.admin, 'DELETE', `/v1/services/${counter}?purge=true`))
    await host.stop()
    return [
      [', start', host.starting],
      [', taken up', tried],
      [', list', list],
      [', purge', purge],
    ]
  },

  'idempotency keys that expire': async (data) => {
    const { journal } = await openStore(data, { log: () => {} })
    for (let at = 0; at < 20_000; ) {
      const batch = journal.batch()
      for (let of = 0; of < 1_000; of++, at++) batch.remember({ storage: 1, key: `e${at % 7}` }, `k${at}`, once)
      journal.commit(batch, thrown)
    }
    const meter = new Meter()
    meter.begin()
    await moment(5)
    const commits = new GroupCommit({ journals: [journal], flush() {} }, systemClock, thrown).of(0)
    await expire(journal, commits, 10, () => false, systemClock)
    await moment(5)
    const hold = meter.end()
    await journal.close()
    return [['', hold]]
  },

  '1,000 services': async (data) => {
    const host = await start(data)
    const names = Array.from({ length: 1_000 }, (_, at) => `S${at}`)
    const components = Array.from({ length: 20 }, (_, at) =>
      ruled(Object.fromEntries(names.slice(at * 50, at * 50 + 50).map((name) => [name, { Do: [] }]))),
    )
    const deployed = await host.hold(async () => {
      for (const component of components) await deploy(host, await component)
    })
    await Promise.all(names.map((name) => call(host.listen, 'POST', `/ruled.v1.${name}/Do`, '{"id":"a"}')))
    const metrics = await host.hold(() => call(host.admin, 'GET', '/metrics'))
    const list = await host.hold(() => call(host.admin, 'GET', '/v1/services'))
    const document = await host.hold(() => call(host.listen, 'GET', '/openapi.json'))
    await host.stop()
    return [
      [', their deployment', deployed],
      [', metrics', metrics],
      [', list', list],
      [', openapi.json', document],
    ]
  },

  '10,000 subscribers of one entity': async (data) => {
    const host = await start(data, { 'streams-max': '60000' })
    await deploy(host, await scripted())
    const listeners = new Listeners(host.listen)
    const open = "return { subscribe: { changed: 'return { outcome: say(1) }' }, answer: say(1) }"
    const opening = await host.hold(async () => {
      for (let at = 0; at < 10_000; at += 100)
        await Promise.all(Array.from({ length: 100 }, () => listeners.open(script('all', open))))
    })
    listeners.heard = 0
    const code = "return { operations: [create('gCounter'), increment(1)], answer: say(1) }"
    const told = await host.hold(async () => {
      await call(host.listen, 'POST', '/replicas/all', JSON.stringify({ code }))
      for (let before = -1; listeners.heard < 10_000 && before !== listeners.heard; await moment(2_000))
        before = listeners.heard
    })
    if (listeners.heard < 10_000) throw new Error(`${listeners.heard} of 10,000 subscribers heard of the change`)
    const upgrade = await host.hold(async () => {
      await deploy(host, await scripted((text) => `${text}\n//`))
      await moment(2_000)
    })
    for (let at = 0; at < 10_000; at += 100)
      await Promise.all(Array.from({ length: 100 }, () => listeners.open(script('others', open))))
    const leaving = await host.hold(async () => {
      listeners.close()
      await moment(5_000)
    })
    await host.stop()
    return [
      [', opening', opening],
      [', telling', told],
      [', upgrade', upgrade],
      [', all leave at once', leaving],
    ]
  },
}

/** Streams over gRPC, on ten connections. */
class Listeners {
  heard = 0
  private readonly sessions: http2.ClientHttp2Session[]
  private next = 0

  constructor(address: string) {
    this.sessions = Array.from({ length: 10 }, () => http2.connect(`http://${address}`))
    for (const session of this.sessions) session.on('error', () => {})
  }

  /** Resolves with the first answer. */
  open(payload: Uint8Array): Promise<void> {
    const session = this.sessions[this.next++ % this.sessions.length]!
    const stream = session.request({
      ':method': 'POST',
      ':path': '/test.script.v1.Replicas/Open',
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    const head = Buffer.alloc(5)
    head.writeUInt32BE(payload.length, 1)
    stream.end(Buffer.concat([head, payload]))
    return new Promise((resolve, reject) => {
      stream.on('error', () => {})
      stream.on('close', () => reject(new Error('a stream has ended')))
      stream.on('data', () => {
        this.heard += 1
        resolve()
      })
    })
  }

  close(): void {
    for (const session of this.sessions) session.destroy()
  }
}

function load(): string {
  return loadavg()
    .map((value) => value.toFixed(1))
    .join(' ')
}

async function start(data: string, flags: Readonly<Record<string, string>> = {}): Promise<Running> {
  const worker = new Worker(new URL('./holds-host.ts', import.meta.url), {
    workerData: { data, flags } satisfies HoldsHost,
    execArgv: ['--disable-warning=ExperimentalWarning'],
  })
  const answer = <T>(word: string) =>
    new Promise<T>((resolve, reject) => {
      worker.once('error', reject)
      const hear = (said: { word: string; answer: T }) => {
        if (said.word !== word) return
        worker.off('message', hear)
        worker.off('error', reject)
        resolve(said.answer)
      }
      worker.on('message', hear)
    })
  const say = <T>(word: string): Promise<T> => {
    const said = answer<T>(word)
    worker.postMessage(word)
    return said
  }
  const { listen, admin } = await answer<{ listen: string; admin: string }>('started')
  const starting = await say<Hold>('end')
  return {
    listen,
    admin,
    starting,
    async hold(work) {
      await say('begin')
      await work()
      await moment(50)
      return await say<Hold>('end')
    },
    async stop() {
      await say('stop')
      await worker.terminate()
    },
  }
}

/** A directory with a component, and with what `seed` writes. */
async function seeded(data: string, component: Uint8Array, seed: (store: Store) => void): Promise<void> {
  const host = await start(data)
  await deploy(host, component)
  await host.stop()
  const store = await openStore(data, { log: () => {} })
  seed(store)
  await store.journal.close()
}

async function deploy(host: Running, component: Uint8Array): Promise<void> {
  const { status, text } = await call(host.admin, 'POST', '/v1/components?force=true', component, 'application/wasm')
  if (status !== 200) throw new Error(`not deployed: ${text.slice(0, 1_000)}`)
}

const agent = new http.Agent({ keepAlive: true, maxSockets: 64 })

function call(
  address: string,
  method: string,
  path: string,
  body?: string | Uint8Array,
  type = 'application/json',
): Promise<{ status: number; text: string }> {
  const [host, port] = address.split(':') as [string, string]
  const headers =
    body === undefined ? { 'content-type': type } : { 'content-type': type, 'content-length': Buffer.byteLength(body) }
  return new Promise((resolve, reject) => {
    const request = http.request({ host, port, method, path, headers, agent }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }))
    })
    request.on('error', reject)
    request.end(body)
  })
}

async function many(address: string, count: number, pathOf: (at: number) => string): Promise<void> {
  let at = 0
  const one = async () => {
    while (at < count) await call(address, 'GET', pathOf(at++))
  }
  await Promise.all(Array.from({ length: 64 }, one))
}

function followed(address: string, path: string, lines: number): Promise<void> {
  const [host, port] = address.split(':') as [string, string]
  return new Promise((resolve, reject) => {
    let left = lines
    const request = http.get({ host, port, path }, (response) => {
      response.on('data', (chunk: Buffer) => {
        for (const byte of chunk) if (byte === 10) left -= 1
        if (left > 0) return
        request.destroy()
        resolve()
      })
    })
    request.on('error', reject)
  })
}

const moment = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

function thrown(error: unknown): void {
  if (error !== undefined) throw error
}

function entity(id: string, rest: string): string {
  return `/v1/services/${counter}/entities/${id}${rest}`
}

function added(revision: number): JournalRecord {
  const of = { payload: new Uint8Array(0), metadata: noMetadata, seed: new Uint8Array(16), idempotencyKey: undefined }
  return {
    revision,
    sequence: revision,
    deployment: 1,
    origin: 'command',
    command: { method: 'Add', nowMs: 1, ...of },
    events: [{ typeName: 'examples.counter.v1.Added', data: Uint8Array.of(8, 1) }],
    change: undefined,
    effects: [],
    answer: { kind: 'none' },
    answerMetadata: noMetadata,
  }
}

/** To a method that there is not, so that it stays. */
function effect(id: number): EffectEntry {
  return {
    id,
    cause: { service: counter, entity: 'e', revision: 1 },
    call: { service: counter, method: 'Missing', payload: new Uint8Array(40), metadata: noMetadata },
    synchronous: false,
    hops: 1,
    attempts: 0,
    parked: undefined,
    chain: id,
    place: 1,
    chainEffects: 1,
  }
}

const once: IdempotencyEntry = { method: 'M', payloadHash: new Uint8Array(32), atMs: 1, revision: 1, final: undefined }

function keys(bytes: number): string {
  const parts: string[] = []
  for (let size = 0, at = 0; size < bytes - 40; at++) {
    const part = `"${at.toString(36)}":1`
    parts.push(part)
    size += part.length + 1
  }
  return parts.join()
}

/** The component, with a custom section that nobody reads. */
function padded(component: Uint8Array, bytes: number): Uint8Array {
  return Buffer.concat([component, section(0, Buffer.concat([Buffer.from([1, 120]), Buffer.alloc(bytes)]))])
}

function section(id: number, body: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from([id, ...leb(body.length)]), body])
}

function leb(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128)
  return [...bytes, rest]
}

/** The counter with a second core module of so many bytes of functions. */
async function manyFunctions(bytes: number): Promise<Uint8Array> {
  const body = Buffer.concat([
    Buffer.from([0]),
    ...Array.from({ length: 2_000 }, (_, at) => Buffer.from([0x41, at & 63, 0x1a])),
    Buffer.from([0x0b]),
  ])
  const code = Buffer.concat([Buffer.from(leb(body.length)), body])
  const count = Math.floor(bytes / code.length)
  const module = Buffer.concat([
    Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]),
    section(1, Buffer.from([1, 0x60, 0, 0])),
    section(3, Buffer.concat([Buffer.from(leb(count)), Buffer.alloc(count)])),
    section(10, Buffer.concat([Buffer.from(leb(count)), ...Array.from({ length: count }, () => code)])),
  ])
  // A core module, and an instance of it.
  const extra = [
    section(1, module),
    section(2, Buffer.from([1, 0, ...leb(modulesOf(guest('counter-assemblyscript'))), 0])),
  ]
  return Buffer.concat([guest('counter-assemblyscript'), ...extra])
}

function modulesOf(component: Uint8Array): number {
  let count = 0
  for (let at = 8; at < component.length; ) {
    const id = component[at++]
    let length = 0
    for (let shift = 0; ; shift += 7) {
      const byte = component[at++]!
      length |= (byte & 127) << shift
      if (byte < 128) break
    }
    if (id === 1) count += 1
    at += length
  }
  return count
}

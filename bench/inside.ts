// Figures from inside: the guest alone, replay, and how long a start takes.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { FoldedState } from '../host/entity/folded-state.ts'
import { ReadingCost } from '../host/entity/reading-cost.ts'
import { EventSourced } from '../host/guest/event-sourced.ts'
import type { Basis, EventSourcedGuest, GuestCommand } from '../host/guest/guest.ts'
import { compile } from '../host/guest/instance.ts'
import { defaultLimits } from '../host/limits.ts'
import { link } from '../host/link/link.ts'
import { loadSchema } from '../host/schema/load.ts'
import type { Json } from '../host/transcode/json.ts'
import { toMessage } from '../host/transcode/to-message.ts'
import { openStore } from '../test/support/store.ts'

export interface Figure {
  readonly name: string
  readonly value: number
  readonly unit: string
}

const root = fileURLToPath(new URL('..', import.meta.url))
const counter = 'examples.counter.v1.Counter'
const cart = 'examples.cart.v1.ShoppingCart'

export interface Loaded {
  readonly guest: EventSourcedGuest
  readonly memoryBytes: () => number
  readonly command: (service: string, method: string, json: Json) => GuestCommand
}

/** The component of `guests/build/<name>.wasm`, if it was built. */
export async function open(name: string): Promise<Loaded | undefined> {
  const file = join(root, `guests/build/${name}.wasm`)
  return existsSync(file) ? await loaded(readFileSync(file)) : undefined
}

export async function loaded(component: Uint8Array): Promise<Loaded> {
  const linked = await link(component, defaultLimits)
  if (!linked.ok) throw new Error(linked.reasons.join('; '))
  const schema = loadSchema(linked.artefact.description.descriptors)
  const guest = new EventSourced(compile(linked.artefact), defaultLimits)
  return {
    guest,
    memoryBytes: () => guest.memoryBytes,
    command: (service, method, json) => ({
      method,
      payload: toMessage(schema, schema.services.get(service)!.methods.get(method)!.input, json),
      metadata: [],
      nowMs: 1_700_000_000_000,
      seed: new Uint8Array(16),
    }),
  }
}

/** Those that there is a counter in. */
export function languages(): readonly string[] {
  return readdirSync(join(root, 'guests/counter'))
}

/** Microseconds a command, alone and in a batch of 64: the counter, and a cart of ten items among 1,000 carts that are held. */
export async function guestFigures(): Promise<readonly Figure[]> {
  const figures: Figure[] = []
  for (const language of languages()) {
    const loaded = await open(`counter-${language}`)
    if (loaded === undefined) continue
    const add = loaded.command(counter, 'Add', { id: 'a', amount: 1 })
    figures.push(...perCommand(`counter ${language}`, loaded.guest, counter, ['a'], () => add))
  }
  const loaded = await open('cart-typescript')
  if (loaded !== undefined) {
    const items = Array.from({ length: 10 }, (_, index) => {
      return loaded.command(cart, 'AddItem', {
        userId: 'u',
        productId: `product-${index}`,
        name: `Thing number ${index}`,
        quantity: 1,
      })
    })
    const ids = Array.from({ length: 1_000 }, (_, index) => `user-${index}`)
    figures.push(
      ...perCommand(
        'cart typescript, 10 items, 1,000 held',
        loaded.guest,
        cart,
        ids,
        (index) => items[index % 10]!,
        items,
      ),
    )
  }
  return figures
}

export function perCommand(
  name: string,
  guest: EventSourcedGuest,
  service: string,
  ids: readonly string[],
  commandOf: (index: number) => GuestCommand,
  first: readonly GuestCommand[] = [],
): Figure[] {
  const bases = new Map<string, Basis>(ids.map((id) => [id, { kind: 'initial' }]))
  const decide = (id: string, commands: readonly GuestCommand[]) => {
    const decided = guest.decide(service, id, bases.get(id)!, commands, false)
    if (decided.kind === 'unknown') throw new Error(`${name}: the guest no longer holds ${id}`)
    const { next } = decided
    if (next.kind === 'state') bases.set(id, { kind: 'state', bytes: next.bytes })
    else if (next.kind === 'held') bases.set(id, { kind: 'held', token: next.token })
  }
  if (first.length > 0) for (const id of ids) decide(id, first)
  return [1, 64].map((size) => {
    const rounds = size === 1 ? 20_000 : 1_000
    const times: number[] = []
    for (let run = 0; run < 5; run++) {
      const started = performance.now()
      for (let round = 0; round < rounds; round++) {
        const commands = size === 1 ? [commandOf(round)] : Array.from({ length: size }, (_, index) => commandOf(index))
        decide(ids[round % ids.length]!, commands)
      }
      times.push(((performance.now() - started) * 1000) / (rounds * size))
    }
    times.sort((a, b) => a - b)
    return { name: `${name}, ${size === 1 ? 'alone' : 'in a batch of 64'}`, value: times[2]!, unit: 'us a command' }
  })
}

/** 100,000 events of one entity without a snapshot, and the activation of small entities, from RocksDB on disk. */
export async function replayFigures(): Promise<readonly Figure[]> {
  const figures: Figure[] = []
  for (const language of languages()) {
    const loaded = await open(`counter-${language}`)
    if (loaded !== undefined) figures.push(...(await replay(language, loaded)))
  }
  return figures
}

/** Of a counter in this language. */
export async function replay(language: string, loaded: Loaded): Promise<readonly Figure[]> {
  const figures: Figure[] = []
  const directory = mkdtempSync(join(tmpdir(), 'innkeeper-replay-'))
  const { journal } = await openStore(directory, { log: () => {} })
  const add = loaded.command(counter, 'Add', { id: 'a', amount: 1 })
  const events = loaded.guest.decide(counter, 'a', { kind: 'initial' }, [add], true)
  if (events.kind === 'unknown') throw new Error('unknown')
  const answer = events.decisions[0]!.outcome.answer as { kind: 'message'; payload: Uint8Array }
  const append = (key: string, count: number) => {
    for (let done = 0; done < count; ) {
      const batch = journal.batch()
      for (let index = 0; index < 1_000 && done < count; index++) {
        done += 1
        batch.append(
          { storage: 1, key },
          {
            revision: done,
            sequence: done,
            deployment: 1,
            command: { ...add, idempotencyKey: undefined },
            origin: 'command',
            events: events.decisions[0]!.events,
            change: undefined,
            effects: [],
            answer,
            answerMetadata: [],
          },
        )
      }
      journal.commit(batch, (error) => {
        if (error !== undefined) throw error
      })
    }
  }
  append('long', 100_000)
  for (let index = 0; index < 500; index++) append(`small-${index}`, 5)
  const activate = (key: string) => {
    const state = new FoldedState(
      {
        guest: loaded.guest,
        journal,
        limits: defaultLimits,
        service: counter,
        cost: new ReadingCost(defaultLimits),
        stateVersion: 'bench',
        replayed: () => {},
        snapshotLoaded: () => {},
      },
      { id: key, entity: { storage: 1, key } },
    )
    while (!state.ready) state.step()
  }
  activate('small-0')
  const started = performance.now()
  activate('long')
  figures.push({
    name: `replay of 100,000 events, counter ${language}`,
    value: performance.now() - started,
    unit: 'ms',
  })
  const times: number[] = []
  for (let index = 1; index < 500; index++) {
    const begun = performance.now()
    activate(`small-${index}`)
    times.push(performance.now() - begun)
  }
  times.sort((a, b) => a - b)
  figures.push({ name: `cold activation of 5 events, counter ${language}, median`, value: times[250]!, unit: 'ms' })
  await journal.close()
  rmSync(directory, { recursive: true, force: true })
  return figures
}

/** From starting `inn up` on a data directory with the TypeScript counter to the first answered call, ended while idle and under load. Median of
 *  five. */
export async function coldStart(): Promise<readonly Figure[]> {
  const component = join(root, 'guests/build/counter-typescript.wasm')
  if (!existsSync(component)) return []
  return [
    { name: 'inn up with the TypeScript counter, to the first answer', value: await starts(component, 0), unit: 'ms' },
    {
      name: 'the same, after it was killed under the load of `http`',
      value: await starts(component, killedAfterMs),
      unit: 'ms',
    },
    { name: 'of it, Node and an empty script', value: emptyNode(), unit: 'ms' },
  ]
}

const killedAfterMs = 5_000

/** `loadMs`: so long it is under load before it is killed. */
async function starts(component: string, loadMs: number): Promise<number> {
  const data = mkdtempSync(join(tmpdir(), 'innkeeper-start-'))
  const times: number[] = []
  for (let run = 0; run < 6; run++) {
    const started = performance.now()
    const port = 20_000 + Math.floor(Math.random() * 20_000)
    const args = [
      'host/bin/inn.mjs',
      'up',
      '--data',
      data,
      '--listen',
      `127.0.0.1:${port}`,
      '--admin',
      '127.0.0.1:0',
      '--log-level',
      'warn',
    ]
    const child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', ...args, ...(run === 0 ? [component] : [])],
      { cwd: root, stdio: 'ignore' },
    )
    while (!(await added(port))) await new Promise((resolve) => setTimeout(resolve, 5))
    // The first run deploys; the others start with what is there.
    if (run > 0) times.push(performance.now() - started)
    const load = loadMs > 0 ? underLoad(port, loadMs) : undefined
    if (load !== undefined) await new Promise((resolve) => setTimeout(resolve, loadMs))
    child.kill('SIGKILL')
    await new Promise((resolve) => child.on('exit', resolve))
    load?.kill('SIGKILL')
  }
  rmSync(data, { recursive: true, force: true })
  times.sort((a, b) => a - b)
  return times[2]!
}

async function added(port: number): Promise<boolean> {
  const answered = await fetch(`http://127.0.0.1:${port}/counter/a/add`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"amount":1}',
  }).catch(() => undefined)
  await answered?.arrayBuffer()
  return answered?.ok === true
}

/** As `http` does it; longer than it is needed. */
function underLoad(port: number, ms: number): ChildProcess {
  const options = {
    kind: 'http',
    port,
    connections: 64,
    keys: 1_000,
    path: '/counter/KEY/add',
    warmupMs: 0,
    ms: 2 * ms,
  }
  return spawn(process.execPath, ['--disable-warning=ExperimentalWarning', 'bench/load.ts', JSON.stringify(options)], {
    cwd: root,
    stdio: 'ignore',
  })
}

function emptyNode(): number {
  const started = performance.now()
  execFileSync(process.execPath, ['-e', '0'])
  return performance.now() - started
}

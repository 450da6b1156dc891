// Figures of views: how far one is behind, how fast it is built anew, what it leaves to commands, and how many point queries it answers. Host, view
// and clients are processes of their own, and share the machine.
//
// N events for a build (100,000), SECONDS of each load (5).

import { mkdtempSync, rmSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildProject } from '../sdk/build/build.ts'
import { endlessFigures } from './endless.ts'
import type { Figure } from './inside.ts'
import type { AddOptions, AddSeen } from './projected-client.ts'
import { ScaleHost } from './scale-host.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const events = Number(process.env['N'] ?? 100_000)
const seconds = Number(process.env['SECONDS'] ?? 5)
const users = 5_000
const load = { connections: 8, inFlight: 16, users }
const client = 'bench/projected-client.ts'
const view = 'examples.sales.v1.CartItems'

export async function projectedFigures(): Promise<readonly Figure[]> {
  const directory = mkdtempSync(join(tmpdir(), 'innkeeper-projected-'))
  const cart = await guest('cart/rust')
  try {
    const figures: Figure[] = []
    for (const language of ['rust', 'typescript']) {
      const sales = await guest(`sales/${language}`)
      const host = await ScaleHost.start(join(directory, language), [cart, sales])
      try {
        figures.push(...(await lag(host, language)), ...(await rebuild(host, language)))
        if (language === 'rust') figures.push(await queries(host), ...(await endlessFigures(host)))
      } finally {
        await host.end('SIGKILL')
      }
    }
    figures.push(...(await beside(directory, cart, await guest('sales/rust'))))
    return figures
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

async function guest(name: string): Promise<string> {
  const out = join(root, 'guests/build', `${name.replace('/', '-')}.wasm`)
  // Always: one of an earlier contract is refused.
  await buildProject(join(root, 'guests', name), { out })
  return out
}

const adds = (host: ScaleHost, more: Partial<AddOptions>) => host.client<AddSeen>(client, { ...load, ...more })

/** From the reply of a command until a query shows what it did, while others add at a pace. */
async function lag(host: ScaleHost, language: string): Promise<readonly Figure[]> {
  const perSecond = 5_000
  await caughtUp(host)
  const others = adds(host, { perSecond })
  const late: number[] = []
  await sleep(1_000)
  const endMs = performance.now() + seconds * 1_000
  for (let at = 0; performance.now() < endMs; at++) {
    await ask(host, 'POST', `/cart/lag-${at}/items/add`, { product_id: 'p', name: 'P', quantity: 1 })
    const startedMs = performance.now()
    while ((await ask(host, 'GET', `/sales/users/lag-${at}/items?limit=1`)) === '') {}
    late.push(performance.now() - startedMs)
    await sleep(10)
  }
  others.stop()
  const seen = await others.seen
  late.sort((a, b) => a - b)
  const of = `${language}: at ${Math.round(seen.perSecond)} events a second`
  return [
    { name: `${of}: until a query shows a change, median`, value: quantile(late, 0.5), unit: 'ms' },
    { name: `${of}: the same, 99 of 100`, value: quantile(late, 0.99), unit: 'ms; goal below 50' },
  ]
}

async function rebuild(host: ScaleHost, language: string): Promise<readonly Figure[]> {
  await adds(host, { commands: events }).seen
  await caughtUp(host)
  const total = await host.metric('innkeeper_events_persisted_total')
  const startedMs = performance.now()
  await host.admin('POST', `/v1/views/${view}/rebuild`)
  await caughtUp(host)
  const perSecond = (total * 1_000) / (performance.now() - startedMs)
  const goal = language === 'typescript' ? 40_000 : 100_000
  return [
    {
      name: `${language}: built anew of ${total} events`,
      value: perSecond,
      unit: `events a second; goal at least ${goal}`,
    },
  ]
}

async function queries(host: ScaleHost): Promise<Figure> {
  const endMs = performance.now() + seconds * 1_000
  let count = 0
  const one = async (lane: number) => {
    for (let at = lane; performance.now() < endMs; at += 7) {
      await ask(host, 'GET', `/sales/users/u${at % users}/items?limit=1`)
      count += 1
    }
  }
  await Promise.all(Array.from({ length: 32 }, (_, lane) => one(lane)))
  return { name: 'point queries over HTTP, 32 at once', value: count / seconds, unit: 'a second; goal at least 5000' }
}

/** Commands with a view that follows them, and without one, in turns. */
async function beside(directory: string, cart: string, sales: string): Promise<readonly Figure[]> {
  const rates: Record<'alone' | 'followed', number[]> = { alone: [], followed: [] }
  for (const [round, side] of (['alone', 'followed', 'followed', 'alone', 'alone', 'followed'] as const).entries()) {
    const host = await ScaleHost.start(join(directory, `beside-${round}`), side === 'alone' ? [cart] : [cart, sales])
    try {
      const going = adds(host, {})
      await sleep(seconds * 1_000)
      going.stop()
      const { perSecond } = await going.seen
      // The first of each warms up the machine.
      if (round > 1) rates[side].push(perSecond)
    } finally {
      await host.end('SIGKILL')
    }
  }
  const [alone, followed] = [mean(rates.alone), mean(rates.followed)]
  return [
    { name: 'commands without a view', value: alone, unit: 'a second' },
    { name: 'commands while a view follows', value: followed, unit: 'a second' },
    {
      name: 'commands while a view follows, to without',
      value: followed / alone,
      unit: 'of the rate; goal at least 0.85',
    },
  ]
}

async function caughtUp(host: ScaleHost): Promise<void> {
  for (;;) {
    const { views } = JSON.parse(await host.admin('GET', '/v1/views')) as {
      views: { state: string; lag?: { commits: number }; rebuild?: object }[]
    }
    const [one] = views
    if (one?.state === 'following' && one.lag?.commits === 0 && one.rebuild === undefined) return
    await sleep(20)
  }
}

const agent = new http.Agent({ keepAlive: true, maxSockets: 64 })

function ask(host: ScaleHost, method: string, path: string, body?: object): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' }
    const request = http.request({ agent, port: host.port, host: '127.0.0.1', method, path, headers }, (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => (text += chunk))
      response.on('end', () => (response.statusCode === 200 ? resolve(text.trim()) : reject(new Error(text))))
    })
    request.on('error', reject)
    request.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]!
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

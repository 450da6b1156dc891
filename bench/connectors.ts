// Figures of connectors: how many calls of a local provider a host makes and journals, and what a provider that hangs does to other services.
//
// Host, client and provider are processes of their own, and share the machine.

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { component, fixture } from '../test/support/components.ts'
import type { Figure } from './inside.ts'
import { ScaleHost } from './scale-host.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
/** Asks of each round. */
const asks = Number(process.env['N'] ?? 20_000)
const rounds = Number(process.env['ROUNDS'] ?? 3)
const ms = Number(process.env['MS'] ?? 5_000)
const concurrency = Number(process.env['IN_FLIGHT'] ?? 64)
const lookMs = 20

export async function connectorFigures(): Promise<readonly Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'innkeeper-connectors-'))
  const provider = spawn(process.execPath, ['bench/provider.ts'], { cwd: root, stdio: ['pipe', 'pipe', 'inherit'] })
  const [port] = (await once(provider.stdout, 'data')) as [Buffer]
  const url = `http://127.0.0.1:${String(port).trim()}`
  console.log(`\n${asks} asks in each of ${rounds} rounds, ${concurrency} in flight`)
  console.log(`${cpus().length} cores, shared by host, client and provider; load before ${loadavg()[0]!.toFixed(1)}`)
  const grants = (payments: object) => {
    const risk = { url, services: ['outside.v1.Order'], private: true }
    writeFileSync(join(folder, 'innkeeper.json'), JSON.stringify({ connectors: { risk, ...payments } }))
  }
  const granted = (path: string, timeoutMs: number) =>
    grants({ payments: { url: `${url}${path}`, services: ['outside.v1.*'], private: true, concurrency, timeoutMs } })
  granted('', 10_000)
  const files = [(await fixture('outside')).file, (await component('counter/typescript')).file]
  const host = await ScaleHost.start(join(folder, 'data'), files, ['--batch-ms', '60000'], folder)
  try {
    return [...(await callFigures(host, grants, granted)), ...(await hangFigures(host, granted))]
  } finally {
    await host.end('SIGKILL')
    provider.kill()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** All are there before the first leaves: what is not granted waits. */
async function callFigures(
  host: ScaleHost,
  grants: (payments: object) => void,
  granted: (path: string, timeoutMs: number) => void,
): Promise<readonly Figure[]> {
  const rates: number[] = []
  const busy: number[] = []
  for (let round = 0; round <= rounds; round++) {
    grants({})
    await reload(host)
    const before = await host.metric('innkeeper_effects_delivered_total')
    await fill(host, asks)
    granted('', 10_000)
    const [startedMs, cpu] = [performance.now(), host.cpuSeconds]
    await reload(host)
    while ((await host.metric('innkeeper_effects_delivered_total')) < before + asks) await sleep(lookMs)
    const seconds = (performance.now() - startedMs) / 1_000
    if (round === 0) continue
    rates.push(asks / seconds)
    busy.push(((host.cpuSeconds - cpu) * 1e6) / asks)
  }
  return [
    { name: 'calls with their answers journaled', value: median(rates), unit: 'a second; goal at least 2000' },
    { name: 'processor time of the host for one', value: median(busy), unit: 'us' },
  ]
}

/** p99 of another service, before, and while calls of a connector hang, more wait in line, and all of them time out now and then. */
async function hangFigures(
  host: ScaleHost,
  granted: (path: string, timeoutMs: number) => void,
): Promise<readonly Figure[]> {
  const alone: number[] = []
  const beside: number[] = []
  for (let round = 0; round <= rounds; round++) {
    granted('', 10_000)
    await reload(host)
    const before = await p99(host)
    granted('/hang', 1_000)
    await reload(host)
    await fill(host, asks / 10)
    const meanwhile = await p99(host)
    if (round === 0) continue
    alone.push(before)
    beside.push(meanwhile)
  }
  return [
    { name: 'p99 of another service', value: median(alone), unit: 'ms' },
    { name: 'the same while a provider hangs', value: median(beside), unit: 'ms' },
    {
      name: 'p99 while a provider hangs to before',
      value: median(beside.map((value, at) => value / alone[at]!)),
      unit: 'times; goal at most 1.5',
    },
  ]
}

let orders = 0

/** So many orders ask. */
async function fill(host: ScaleHost, count: number): Promise<void> {
  const lanes = Array.from({ length: 64 }, async (_, lane) => {
    for (let at = lane; at < count; at += 64) {
      const answer = await fetch(`http://127.0.0.1:${host.port}/orders/o${orders++}`, { method: 'POST' })
      if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`)
      await answer.arrayBuffer()
    }
  })
  await Promise.all(lanes)
}

async function p99(host: ScaleHost): Promise<number> {
  const options = {
    ...{ kind: 'http', port: host.port, connections: 4, keys: 1_000, path: '/counter/KEY/add', warmupMs: 500, ms },
  }
  const { stdout } = await promisify(execFile)(process.execPath, ['bench/load.ts', JSON.stringify(options)], {
    cwd: root,
  })
  return (JSON.parse(stdout) as { p99Ms: number }).p99Ms
}

async function reload(host: ScaleHost): Promise<void> {
  await host.admin('POST', '/v1/connectors/reload')
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!
}

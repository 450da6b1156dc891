// Figures of a slow disk: what 256 connections that write without a pause get while each sync takes longer by 0, 2, 20 and 200 ms, and what
// calls that need no disk wait for meanwhile: /healthz, a read of a warm entity, a refusal.
//
// `one batch a sync` is what 256 connections would get if each sync, of the time that it took in this run, answered all of them.

import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SlowDisk, slowSync } from '../test/support/slow-disk.ts'
import type { Figure } from './inside.ts'
import type { SlowDiskOptions, SlowDiskSeen } from './slow-disk-client.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const ms = Number(process.env['MS'] ?? 5_000)
const writers = 256
const delays = [0, 2, 20, 200]

export async function slowDiskFigures(): Promise<readonly Figure[]> {
  const shim = slowSync()
  if ('missing' in shim) {
    console.log(`  skipped: ${shim.missing}`)
    return []
  }
  const disk = new SlowDisk(shim.library)
  const figures: Figure[] = []
  const load = loadavg().map((value) => value.toFixed(1))
  console.log(`  ${cpus().length} cores, shared by host and client; load before ${load.join(' ')}`)
  const data = mkdtempSync(join(tmpdir(), 'innkeeper-slow-disk-'))
  const { port, adminPort, stop } = await start(data, disk.env)
  try {
    for (const delay of delays) {
      disk.take(delay)
      figures.push(...(await figuresAt(delay, port, adminPort)))
    }
  } finally {
    stop()
    rmSync(data, { recursive: true, force: true })
  }
  return figures
}

async function figuresAt(delay: number, port: number, adminPort: number): Promise<readonly Figure[]> {
  const before = await syncs(adminPort)
  const options: SlowDiskOptions = { port, adminPort, writers, warmupMs: 2_000, ms }
  const { stdout } = await run(['bench/slow-disk-client.ts', JSON.stringify(options)])
  const seen = JSON.parse(stdout) as SlowDiskSeen
  const after = await syncs(adminPort)
  const syncMs = (1_000 * (after.seconds - before.seconds)) / Math.max(1, after.count - before.count)
  const perSecond = seen.writes.calls / (ms / 1_000)
  const possible = writers / (syncMs / 1_000)
  const name = `+ ${delay} ms a sync`
  const both = (what: string, { p50Ms, p99Ms }: { p50Ms: number; p99Ms: number }): Figure[] => [
    { name: `${name}: ${what}, p50`, value: p50Ms, unit: 'ms' },
    { name: `${name}: ${what}, p99`, value: p99Ms, unit: 'ms' },
  ]
  return [
    { name: `${name}: commands, 256 connections`, value: perSecond, unit: 'a second' },
    { name: `${name}: of one batch a sync (${syncMs.toFixed(1)} ms)`, value: perSecond / possible, unit: '' },
    { name: `${name}: commits`, value: (after.count - before.count) / ((ms + 2_000) / 1_000), unit: 'a second' },
    {
      name: `${name}: of these aside`,
      value: (after.aside - before.aside) / Math.max(1, after.count - before.count),
      unit: '',
    },
    ...both('a write', seen.writes),
    ...both('/healthz', seen.healthz),
    ...both('a warm read', seen.read),
    ...both('a refusal', seen.refusal),
    { name: `${name}: wrong answers`, value: seen.errors, unit: '' },
  ]
}

async function syncs(adminPort: number): Promise<{ count: number; seconds: number; aside: number }> {
  const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text()
  const of = (name: string) => Number(new RegExp(`^innkeeper_${name} (\\S+)$`, 'm').exec(text)?.[1])
  return { count: of('syncs_total'), seconds: of('sync_seconds_total'), aside: of('commits_aside_total') }
}

function run(args: readonly string[]): Promise<{ stdout: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let stdout = ''
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk
    })
    child.once('close', (code) =>
      code === 0 ? resolve({ stdout }) : reject(new Error(`the client ended with ${code}`)),
    )
  })
}

function start(
  data: string,
  env: Readonly<Record<string, string>>,
): Promise<{ port: number; adminPort: number; stop: () => void }> {
  const ports = ['--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0']
  const args = ['up', '--data', join(data, 'data'), ...ports, '--log-level', 'silent', '--json']
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', 'host/bin/inn.mjs', ...args, 'guests/build/counter-assemblyscript.wasm'],
    { cwd: root, stdio: ['ignore', 'pipe', 'ignore'], env: { ...process.env, ...env } },
  )
  return new Promise((resolve, reject) => {
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk
      if (!output.trimEnd().endsWith('}')) return
      const { listen, admin } = JSON.parse(output) as { listen: string; admin: string }
      const portOf = (address: string) => Number(address.split(':')[1])
      resolve({ port: portOf(listen), adminPort: portOf(admin), stop: () => child.kill('SIGKILL') })
    })
    child.once('exit', (code) => reject(new Error(`inn up ended with ${code}: ${output}`)))
  })
}

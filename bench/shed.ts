// Figures of shedding: a host with room for 64 waiting commands, ten times as many connections that ask, and what the host's own clock says of its
// refusals: from the last byte read to the first byte written.

import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Figure } from './inside.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const ms = Number(process.env['MS'] ?? 4_000)
const component = 'guests/build/counter-assemblyscript.wasm'
const room = 64

export async function shedFigures(): Promise<readonly Figure[]> {
  const figures: Figure[] = []
  for (const kind of ['http', 'grpc']) figures.push(...(await figuresOf(kind)))
  return figures
}

async function figuresOf(kind: string): Promise<readonly Figure[]> {
  const data = mkdtempSync(join(tmpdir(), 'innkeeper-shed-'))
  const flags = {
    data,
    listen: '127.0.0.1:0',
    admin: '127.0.0.1:0',
    'log-level': 'silent',
    'waiting-commands-max': room,
  }
  const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)])
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', 'host/bin/inn.mjs', 'up', ...args, '--json', component],
    { cwd: root, stdio: ['ignore', 'pipe', 'ignore'] },
  )
  try {
    const { listen, admin } = await new Promise<{ listen: string; admin: string }>((resolve) => {
      let output = ''
      child.stdout.on('data', (chunk: Buffer) => {
        output += chunk
        if (output.trimEnd().endsWith('}')) resolve(JSON.parse(output))
      })
    })
    const port = Number(listen.split(':')[1])
    const load = { kind, port, connections: 10 * room, keys: 1_000, path: '/counter/KEY/add', warmupMs: 500, ms }
    const seen = JSON.parse(
      execFileSync(process.execPath, ['bench/load.ts', JSON.stringify(load)], { cwd: root }).toString(),
    )
    const text = await (await fetch(`http://${admin}/metrics`)).text()
    const buckets = [...text.matchAll(/^innkeeper_refusal_seconds_bucket\{(.*)\} (\d+)$/gm)].map(
      ([, labels, count]) =>
        [Number(/le="([^"]*)"/.exec(labels!)![1]!.replace('+Inf', 'Infinity')), Number(count)] as const,
    )
    const all = buckets.at(-1)?.[1] ?? 0
    const [within] = buckets.find(([, count]) => count >= 0.99 * all) ?? [Number.NaN]
    return [
      { name: `${kind}: answered`, value: seen.perSecond, unit: 'calls a second' },
      { name: `${kind}: refused, in all`, value: all, unit: 'calls' },
      { name: `${kind}: p99 of a refusal is at most`, value: within * 1_000, unit: 'ms, of 100' },
    ]
  } finally {
    child.kill('SIGKILL')
    rmSync(data, { recursive: true, force: true })
  }
}

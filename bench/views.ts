// Figures of the read side: many clients that watch one entity. The host and the clients are processes of their own, and share the machine.

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Figure } from './inside.ts'
import type { WatchOptions, WatchSeen } from './watch-client.ts'

const watchers = Number(process.env['WATCHERS'] ?? 10_000)
const changes = Number(process.env['CHANGES'] ?? 10)
const client = fileURLToPath(new URL('./watch-client.ts', import.meta.url))

/** `start` a host of the cart with these settings. */
export async function watchFigures(
  start: (settings: readonly string[]) => Promise<{ port: number; stop: () => void }>,
): Promise<readonly Figure[]> {
  const figures: Figure[] = []
  for (const form of ['grpc', 'events'] as const) {
    const { port, stop } = await start(['--streams-max', String(watchers * 2)])
    try {
      const options: WatchOptions = { port, watchers, connections: 20, changes, form }
      const { stdout } = await promisify(execFile)(process.execPath, [client, JSON.stringify(options)])
      const { lastMs, answerMs } = JSON.parse(stdout) as WatchSeen
      const of = `${watchers} watchers of one entity, ${form}`
      // The first change warms up.
      figures.push({ name: `${of}: a change until its answer, median`, value: median(answerMs.slice(1)), unit: 'ms' })
      figures.push({ name: `${of}: from there to the last byte, median`, value: median(lastMs.slice(1)), unit: 'ms' })
      figures.push({ name: `${of}: the same, longest`, value: Math.max(...lastMs.slice(1)), unit: 'ms' })
    } finally {
      stop()
    }
  }
  return figures
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!
}

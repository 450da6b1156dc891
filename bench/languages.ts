// One table of the counter in every language: bytes, build, deployment, memory, microseconds a command, replay.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pino from 'pino'
import { loadConfig } from '../host/config.ts'
import { startHost } from '../host/main.ts'
import { buildProject } from '../sdk/build/build.ts'
import { readProject } from '../sdk/build/read-project.ts'
import { MissingTool, objectsFolder } from '../sdk/build/toolchain.ts'
import type { Figure } from './inside.ts'
import { languages, loaded, perCommand, replay } from './inside.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const counter = 'examples.counter.v1.Counter'
const runs = 3

/** Caches of the languages' own tools: a clean build has empty ones. */
const caches = ['CARGO_TARGET_DIR', 'GOCACHE'] as const

export async function languageFigures(): Promise<readonly Figure[]> {
  const figures: Figure[] = []
  for (const language of languages()) {
    const say = (name: string, value: number, unit: string) =>
      figures.push({ name: `${language}: ${name}`, value, unit })
    const work = mkdtempSync(join(tmpdir(), 'innkeeper-languages-'))
    try {
      const { component, cleanMs, againMs } = await built(language, work)
      say('component', component.length, 'bytes')
      say('build, clean', cleanMs, 'ms')
      say('build, again', againMs, 'ms')
      say('deployment', await deployMs(component), 'ms')
      const guest = await loaded(component)
      const add = guest.command(counter, 'Add', { id: 'a', amount: 1 })
      for (const figure of perCommand('', guest.guest, counter, ['a'], () => add))
        say(figure.name.replace(/^, /, ''), figure.value, figure.unit)
      say('memory of an instance', guest.memoryBytes(), 'bytes')
      const [long] = await replay(language, guest)
      say('replay', 100_000 / (long!.value / 1000), 'events/s')
    } catch (error) {
      if (!(error instanceof MissingTool)) throw error
      console.log(`  skipped: ${language}: ${error.message}`)
    } finally {
      rmSync(work, { recursive: true, force: true })
    }
  }
  return figures
}

/** A row for each measure, a column for each language. */
export function tableOf(figures: readonly Figure[]): string {
  const cells = figures.map(({ name, value, unit }) => {
    const [language, what] = name.split(': ') as [string, string]
    return { language, what: `${what}, ${unit}`, value: value < 100 ? value.toFixed(2) : value.toFixed(0) }
  })
  const columns = [...new Set(cells.map(({ language }) => language))]
  const rows = [...new Set(cells.map(({ what }) => what))].map((what) => [
    what,
    ...columns.map((language) => cells.find((cell) => cell.language === language && cell.what === what)?.value ?? '-'),
  ])
  const lines = [['', ...columns], ...rows]
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)))
  return lines
    .map((line) =>
      line.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))),
    )
    .map((line) => `  ${line.join('  ')}`)
    .join('\n')
}

/** Built with empty caches, then again; the again is a median. */
async function built(
  language: string,
  work: string,
): Promise<{ component: Uint8Array; cleanMs: number; againMs: number }> {
  const project = join(root, 'guests/counter', language)
  const out = join(work, 'counter.wasm')
  const before = caches.map((name) => process.env[name])
  for (const name of caches) process.env[name] = join(work, name)
  rmSync(readProject(project).gen, { recursive: true, force: true })
  // What inn build has kept of C and Swift.
  rmSync(objectsFolder(), { recursive: true, force: true })
  try {
    const cleanMs = await timed(() => buildProject(project, { out }))
    const again: number[] = []
    for (let run = 0; run < runs; run++) again.push(await timed(() => buildProject(project, { out })))
    return { component: readFileSync(out), cleanMs, againMs: again.sort((a, b) => a - b)[1]! }
  } finally {
    for (const [index, name] of caches.entries()) {
      if (before[index] === undefined) delete process.env[name]
      else process.env[name] = before[index]
    }
  }
}

/** To a running host, with all its checks; median. */
async function deployMs(component: Uint8Array): Promise<number> {
  const times: number[] = []
  for (let run = 0; run < runs; run++) {
    const data = mkdtempSync(join(tmpdir(), 'innkeeper-languages-'))
    const flags = { data, listen: '127.0.0.1:0', admin: '127.0.0.1:0', 'stop-wait-ms': '0' }
    const { config } = loadConfig({ flags, env: {}, directory: data })
    const host = await startHost(config, { log: pino({ level: 'silent' }) })
    times.push(
      await timed(async () => {
        const { ok } = await host.deployer.deploy(component)
        if (!ok) throw new Error('the counter is refused')
      }),
    )
    await host.stop()
    rmSync(data, { recursive: true, force: true })
  }
  return times.sort((a, b) => a - b)[1]!
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return performance.now() - started
}

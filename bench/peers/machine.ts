// Machine: what a run was made on, and beside what, in words for its report.

import { execFileSync } from 'node:child_process'
import { readFileSync, statfsSync } from 'node:fs'
import { cpus, loadavg, release, tmpdir, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import { Refusal } from './refusal.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const tmpfs = 0x01021994
/** A quiet machine's load is below it. */
const quietLoad = 0.5

/** Refuses if peers cannot be measured here. */
export function demandMachine(): void {
  if (process.platform !== 'linux')
    throw new Refusal(`peers: processor time and bytes come from /proc, which ${process.platform} does not have`)
  if (statfsSync(tmpdir()).type === tmpfs)
    throw new Refusal(`peers: ${tmpdir()} is in memory, where a sync costs nothing; set TMPDIR to a folder on a disk`)
}

/** Of the last minute, by others as well as by the run itself. */
export const load = (): number => loadavg()[0]!

export function linesOfMachine(loads: readonly number[]): readonly string[] {
  const git = (...args: readonly string[]) => execFileSync('git', args, { cwd: root }).toString().trim()
  const changed = git('status', '--porcelain', '--', ':!docs', ':!bench/results.jsonl') === '' ? '' : ' with changes'
  const [first = 0, ...later] = loads
  const beside = first > quietLoad ? ': **other work ran beside it, so its figures are not to be relied on**' : ''
  return [
    `- Commit: ${git('rev-parse', '--short', 'HEAD')}${changed}, ${new Date().toISOString().slice(0, 10)}`,
    `- Machine: ${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, a file system of type ${typeOf(tmpdir())}`,
    `- Cores: peer, client and disk share all ${cpus().length}; no process is bound to one`,
    `- Load average before the run: ${first.toFixed(1)}${beside}; before each turn: ${later.map((one) => one.toFixed(1)).join(' ')}`,
  ]
}

/** Of the mount that the folder is in. */
function typeOf(folder: string): string {
  const mounts = readFileSync('/proc/self/mounts', 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, at]) => at === '/' || folder === at || folder.startsWith(`${at}/`))
    .sort(([, a], [, b]) => b!.length - a!.length)
  return mounts[0]?.[2] ?? 'unknown'
}

// Runs every test file in a process of its own, a few at a time, and adds up what they say.
//
// A file that fails to load, runs no test, or dies counts as a failure: uvu itself would let a file without `.run()` pass.
// Lines that begin with `# |` are tables for the end of the run.
// `npm test -- NAME...` runs the files whose path contains one of the names.
//
// Those that took longest the last time begin first; without a last time, those that compile. More run at once than there are cores: most of
// them wait now and then.

import { spawn } from 'node:child_process'
import { globSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const cache = `${root}node_modules/.cache/innkeeper`
const names = process.argv.slice(2)
const atOnce = 1 + availableParallelism()
// Of one file: on a new machine it may compile a language's whole standard library first.
const timeLimitMs = 1_800_000

interface Result {
  readonly file: string
  readonly passed: number
  readonly failed: number
  readonly skipped: readonly string[]
  readonly output: string
}

const files = [
  ...globSync(['test/**/*.test.ts', 'guests/*/*/test/**/*.test.ts', 'guests/*/*/*.test.ts'], { cwd: root }),
]
  .filter((file) => !file.includes('node_modules') && !file.includes('fixtures'))
  .filter((file) => names.length === 0 || names.some((name) => file.includes(name)))
  .sort()

/** Seconds that each file took when it ran last, here. */
const took = readTook()
/** Of files that never ran: those that compile begin first. */
const secondsUnknown = (file: string) => (/^test\/(build|conformance)\//.test(file) ? 60 : 10)
const secondsOf = (file: string) => took[file] ?? secondsUnknown(file)

/** Run once more, on directories with so many partitions (support/store.ts). */
const partitioned = { count: '4', files: /^test\/(host|journal|storage|store|entity)\// }

interface Run {
  readonly file: string
  readonly partitions?: string
}

const queue: Run[] = files
  .flatMap((file) => [{ file }, ...(partitioned.files.test(file) ? [{ file, partitions: partitioned.count }] : [])])
  .sort((a, b) => secondsOf(nameOf(b)) - secondsOf(nameOf(a)))
const results: Result[] = []
await Promise.all(Array.from({ length: atOnce }, worker))
writeTook()

const passed = sum(results.map((result) => result.passed))
const failed = sum(results.map((result) => result.failed))
const skipped = results.flatMap((result) => result.skipped)
for (const { output } of results) for (const [, row] of output.matchAll(/^# (\|.*)$/gm)) console.log(row)
for (const reason of skipped) console.log(`skipped: ${reason}`)
for (const { file, failed } of results) if (failed > 0) console.log(`FAILED: ${file}`)
if (files.length === 0) console.log(`no test file matches ${names.map((name) => JSON.stringify(name)).join(', ')}`)
console.log(`${passed} passed, ${failed} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ''}`)
process.exit(failed > 0 || passed === 0 ? 1 : 0)

async function worker(): Promise<void> {
  for (let run = queue.shift(); run !== undefined; run = queue.shift()) {
    const file = nameOf(run)
    const began = Date.now()
    const result = await runFile(run)
    const lasted = (Date.now() - began) / 1000
    took[file] = lasted
    const seconds = lasted.toFixed(1)
    results.push(result)
    const mark = result.failed > 0 ? 'FAIL' : 'ok  '
    console.log(`${mark} ${file} (${result.passed}, ${seconds} s)`)
    if (result.failed > 0) console.log(result.output)
  }
}

function nameOf({ file, partitions }: Run): string {
  return partitions === undefined ? file : `${file}, ${partitions} partitions`
}

function runFile(run: Run): Promise<Result> {
  return new Promise((resolve) => {
    const file = nameOf(run)
    let output = ''
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', run.file], {
      cwd: root,
      // Types are stripped and code is compiled once for all of them.
      env: {
        ...process.env,
        NO_COLOR: '1',
        FORCE_COLOR: '0',
        NODE_COMPILE_CACHE: `${cache}/compiled`,
        ...(run.partitions === undefined ? {} : { TEST_PARTITIONS: run.partitions }),
      },
    })
    const timer = setTimeout(() => {
      output += `\n(ended after ${timeLimitMs / 1000} s)`
      child.kill('SIGKILL')
    }, timeLimitMs)
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk
    })
    child.stderr.on('data', (chunk: Buffer) => {
      output += chunk
    })
    child.on('close', (code) => {
      clearTimeout(timer)
      // uvu's closing lines: "Total: 3", "Passed: 3", "Skipped: 0".
      const total = sum([...output.matchAll(/^\s*Total:\s+(\d+)/gm)].map((match) => Number(match[1])))
      const passed = sum([...output.matchAll(/^\s*Passed:\s+(\d+)/gm)].map((match) => Number(match[1])))
      const skips = [...output.matchAll(/^# skipped: (.*)$/gm)].map((match) => `${file}: ${match[1]}`)
      const broken = code !== 0 || (total === 0 && skips.length === 0)
      resolve({ file, passed, failed: Math.max(total - passed, broken ? 1 : 0), skipped: skips, output })
    })
  })
}

function readTook(): Record<string, number> {
  try {
    return JSON.parse(readFileSync(`${cache}/took.json`, 'utf8')) as Record<string, number>
  } catch {
    return {}
  }
}

function writeTook(): void {
  mkdirSync(cache, { recursive: true })
  writeFileSync(`${cache}/took.json.${process.pid}`, JSON.stringify(took))
  renameSync(`${cache}/took.json.${process.pid}`, `${cache}/took.json`)
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0)
}

// Runs every test file in a process of its own, a few at a time, and adds up what they say.
//
// A file that fails to load, runs no test, or dies counts as a failure: uvu itself would let a file without `.run()` pass.
// Lines that begin with `# |` are tables for the end of the run.
// `npm test -- PATTERN` runs the files whose path contains PATTERN.

import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const pattern = process.argv[2] ?? ''
// Of one file: on a new machine it may compile a language's whole standard library first.
const timeLimitMs = 600_000

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
  .filter((file) => !file.includes('node_modules') && !file.includes('fixtures') && file.includes(pattern))
  .sort()

/** Run once more, on directories with so many partitions (support/store.ts). */
const partitioned = { count: '4', files: /^test\/(host|journal|entity)\// }

interface Run {
  readonly file: string
  readonly partitions?: string
}

const queue: Run[] = files.flatMap((file) => [
  { file },
  ...(partitioned.files.test(file) ? [{ file, partitions: partitioned.count }] : []),
])
const results: Result[] = []
await Promise.all(Array.from({ length: Math.max(1, availableParallelism()) }, worker))

const passed = sum(results.map((result) => result.passed))
const failed = sum(results.map((result) => result.failed))
const skipped = results.flatMap((result) => result.skipped)
for (const { output } of results) for (const [, row] of output.matchAll(/^# (\|.*)$/gm)) console.log(row)
for (const reason of skipped) console.log(`skipped: ${reason}`)
for (const { file, failed } of results) if (failed > 0) console.log(`FAILED: ${file}`)
if (files.length === 0) console.log(`no test file matches ${JSON.stringify(pattern)}`)
console.log(`${passed} passed, ${failed} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ''}`)
process.exit(failed > 0 || passed === 0 ? 1 : 0)

async function worker(): Promise<void> {
  for (let run = queue.shift(); run !== undefined; run = queue.shift()) {
    const file = nameOf(run)
    const began = Date.now()
    const result = await runFile(run)
    const seconds = ((Date.now() - began) / 1000).toFixed(1)
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
      env: {
        ...process.env,
        NO_COLOR: '1',
        FORCE_COLOR: '0',
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

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0)
}

// inn test: a project's tests, in the tool of its language.
//
// T1. No tests are no success: a run without one fails and says so.
// T2. Under a Node that cannot run TypeScript the tests run under that of `inn`, and a line says so; a project's own one is refused by its version.
//
// Leaves to others: what each language's tool is, and the tests that the build runs itself (languages/ in sdk/build).

import { spawn } from 'node:child_process'
import { delimiter } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildProject } from '../../sdk/build/build.ts'
import type { TestCommand } from '../../sdk/build/languages/language.ts'
import type { LanguageName } from '../../sdk/build/languages/languages.ts'
import { languages } from '../../sdk/build/languages/languages.ts'
import { BuildError } from '../../sdk/build/problem.ts'
import type { Project } from '../../sdk/build/project.ts'
import { readProject } from '../../sdk/build/read-project.ts'
import { testsRan } from '../../sdk/build/tests-ran.ts'
import type { Tool } from '../../sdk/build/toolchain.ts'
import { MissingTool, runTool } from '../../sdk/build/toolchain.ts'
import type { Args, Subcommand } from './command.ts'
import { CommandFailure } from './command.ts'
import { print, printJson, progress } from './print.ts'

export const testCommand: Subcommand = {
  flags: {},
  words: [0, 1],
  run,
}

async function run(args: Args): Promise<number> {
  const directory = args.words[0] ?? '.'
  try {
    const project = readProject(directory)
    const language = project.language as LanguageName
    const { tests } = languages[language]
    if ('command' in tests) {
      const { tool, ...command } = await tests.command(project)
      // Before a build that may take a while.
      if (tool instanceof MissingTool) throw tool
      await buildProject(directory)
      return await inTool(tool, command, project, language)
    }
    const tested = await tests.all(project)
    const failed = tested.filter(({ failure }) => failure !== undefined)
    if (args.is('json')) printJson(tested)
    else {
      for (const { name, failure, logs = [] } of tested) {
        const below = failure === undefined ? logs : [...logs, failure]
        print([`${failure === undefined ? 'ok  ' : 'FAIL'} ${name}`, ...below].join('\n     '))
      }
      print(`${tested.length - failed.length} passed, ${failed.length} failed`)
    }
    if (tested.length === 0) throw noTests(language)
    return failed.length > 0 ? 1 : 0
  } catch (error) {
    if (!(error instanceof BuildError)) throw error
    process.stderr.write(`${error.message}\n`)
    return 1
  }
}

async function inTool(
  tool: Tool,
  { args, folders = [], first }: Omit<TestCommand, 'tool'>,
  { directory }: Project,
  language: LanguageName,
): Promise<number> {
  const sdk = fileURLToPath(new URL(`../../sdk/${language}`, import.meta.url))
  if (first !== undefined) progress(first.why)
  const { code, output } = await (tool.root === undefined
    ? passedOn(tool.path, args, directory, first?.folder)
    : insideRoot(tool, args, directory, [sdk, ...folders]))
  if (code === 0 && !testsRan(language, output)) throw noTests(language)
  return code
}

function noTests(language: LanguageName): CommandFailure {
  return new CommandFailure(
    `no test ran; write one (sdk/${language}/README.md shows how), or check where the project's test tool looks for tests`,
  )
}

interface Shown {
  readonly code: number
  readonly output: string
}

async function insideRoot(
  tool: Tool,
  args: readonly string[],
  cwd: string,
  folders: readonly string[],
): Promise<Shown> {
  const { ok, stdout, stderr } = await runTool(tool, args, { cwd, folders })
  process.stderr.write(stderr)
  process.stdout.write(stdout)
  return { code: ok ? 0 : 1, output: stdout }
}

/** What it prints is shown as it comes. */
function passedOn(path: string, args: readonly string[], cwd: string, first: string | undefined): Promise<Shown> {
  // It writes to a pipe now, and would leave its colours out.
  const colours = process.stdout.isTTY && process.env['NO_COLOR'] === undefined ? { FORCE_COLOR: '1' } : {}
  const folders = first === undefined ? {} : { PATH: [first, process.env['PATH'] ?? ''].join(delimiter) }
  const env = { ...process.env, ...colours, ...folders }
  return new Promise((resolve, reject) => {
    const child = spawn(path, args, { cwd, stdio: ['inherit', 'pipe', 'inherit'], env })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text
      process.stdout.write(text)
    })
    child.once('error', (error) => reject(new CommandFailure(`${path} cannot be started: ${error.message}`)))
    child.once('close', (code) => resolve({ code: code ?? 1, output }))
  })
}

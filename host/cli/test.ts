// inn test: a project's tests, in the tool of its language.
//
// T1. No tests are no success: a run without one fails and says so.
// T2. A Node that cannot run TypeScript is refused by its version, before npm starts it.

import { spawn, spawnSync } from 'node:child_process'
import { delimiter, dirname, join, resolve as resolvePath } from 'node:path'
import { fileURLToPath } from 'node:url'
import { testAssemblyScript } from '../build/assemblyscript-test.ts'
import { buildProject } from '../build/build.ts'
import { findGo } from '../build/go.ts'
import { BuildError } from '../build/problem.ts'
import type { Language, Project } from '../build/project.ts'
import { readProject } from '../build/project.ts'
import { cargoHome, findRust } from '../build/rust.ts'
import { testSwift } from '../build/swift-test.ts'
import type { Tool } from '../build/toolchain.ts'
import { findTool, MissingTool, runTool } from '../build/toolchain.ts'
import packageFile from '../package.json' with { type: 'json' }
import type { Args, Subcommand } from './command.ts'
import { CommandFailure } from './command.ts'
import { print, printJson } from './print.ts'
import { testsRan } from './tests-ran.ts'

export const testCommand: Subcommand = {
  flags: {},
  words: [0, 1],
  run,
}

interface Command {
  readonly tool: Tool | MissingTool
  readonly args: readonly string[]
}

/** What a person would type in the project, once its code was generated. */
const commands: Readonly<
  Record<Exclude<Language, 'assemblyscript' | 'swift'>, (project: Project) => Command | Promise<Command>>
> = {
  typescript: ({ directory }) => {
    checkNode(directory)
    return { tool: onPath('npm'), args: ['test'] }
  },
  rust: async () => ({ tool: await findRust(), args: ['test'] }),
  go: () => ({ tool: findGo(), args: ['test', './...'] }),
  c: () => ({ tool: onPath('make'), args: ['test'] }),
}

function onPath(name: string): Tool | MissingTool {
  return findTool({ names: [name] }) ?? new MissingTool('inn test', name, `Install ${name}.`)
}

async function run(args: Args): Promise<number> {
  const directory = args.words[0] ?? '.'
  try {
    const project = readProject(directory)
    if (project.language !== 'assemblyscript' && project.language !== 'swift') {
      const command = await commands[project.language](project)
      await buildProject(directory)
      return await inTool(command, project, project.language)
    }
    const tested = await (project.language === 'swift' ? testSwift(project) : testAssemblyScript(project))
    const failed = tested.filter(({ failure }) => failure !== undefined)
    if (args.is('json')) printJson(tested)
    else {
      for (const { name, failure, logs = [] } of tested) {
        const below = failure === undefined ? logs : [...logs, failure]
        print([`${failure === undefined ? 'ok  ' : 'FAIL'} ${name}`, ...below].join('\n     '))
      }
      print(`${tested.length - failed.length} passed, ${failed.length} failed`)
    }
    if (tested.length === 0) throw noTests(project.language)
    return failed.length > 0 ? 1 : 0
  } catch (error) {
    if (!(error instanceof BuildError)) throw error
    process.stderr.write(`${error.message}\n`)
    return 1
  }
}

async function inTool(
  { tool, args }: Command,
  { directory }: Project,
  language: Parameters<typeof testsRan>[0],
): Promise<number> {
  if (tool instanceof MissingTool) throw tool
  const { code, output } = await (tool.root === undefined
    ? passedOn(tool.path, args, directory)
    : insideRoot(tool, args, directory, language))
  if (code === 0 && !testsRan(language, output)) throw noTests(language)
  return code
}

function noTests(language: Language): CommandFailure {
  return new CommandFailure(
    `no test ran; write one (sdk/${language}/README.md shows how), or mend where the project's tool looks for tests`,
  )
}

interface Shown {
  readonly code: number
  readonly output: string
}

async function insideRoot(tool: Tool, args: readonly string[], cwd: string, language: Language): Promise<Shown> {
  const folders = [fileURLToPath(new URL(`../../sdk/${language}`, import.meta.url)), cargoHome()]
  const { ok, stdout, stderr } = await runTool(tool, args, { cwd, folders })
  process.stderr.write(stderr)
  process.stdout.write(stdout)
  return { code: ok ? 0 : 1, output: stdout }
}

/** What it prints is shown as it comes. */
function passedOn(path: string, args: readonly string[], cwd: string): Promise<Shown> {
  // It writes to a pipe now, and would leave its colours out.
  const colours = process.stdout.isTTY && process.env['NO_COLOR'] === undefined ? { FORCE_COLOR: '1' } : {}
  return new Promise((resolve, reject) => {
    const child = spawn(path, args, { cwd, stdio: ['inherit', 'pipe', 'inherit'], env: { ...process.env, ...colours } })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text
      process.stdout.write(text)
    })
    child.once('error', (error) => reject(new CommandFailure(`${path} cannot be started: ${error.message}`)))
    child.once('close', (code) => resolve({ code: code ?? 1, output }))
  })
}

/** The oldest Node that runs TypeScript: `engines` of this package. */
const [neededMajor, neededMinor] = /(\d+)\.(\d+)/.exec(packageFile.engines.node)!.slice(1).map(Number) as [
  number,
  number,
]

/** @throws CommandFailure if the Node that npm would start is too old. */
function checkNode(directory: string): void {
  const path = [...binFolders(directory), process.env['PATH'] ?? ''].join(delimiter)
  const node = findTool({ names: ['node'] }, { PATH: path })
  const version = node === undefined ? '' : spawnSync(node.path, ['--version'], { encoding: 'utf8' }).stdout.trim()
  const [, major, minor] = /^v(\d+)\.(\d+)\./.exec(version) ?? []
  if (Number(major) > neededMajor || (Number(major) === neededMajor && Number(minor) >= neededMinor)) return
  const found = version === '' ? 'there is no Node on the PATH' : `the Node on the PATH is ${version}`
  throw new CommandFailure(
    `the tests need Node ${neededMajor}.${neededMinor} or newer, and ${found}. Install a newer one, or in the project: npm install --save-dev node@24`,
  )
}

/** Where npm looks for commands before the PATH. */
function binFolders(directory: string): readonly string[] {
  const folders: string[] = []
  for (let folder = resolvePath(directory); ; folder = dirname(folder)) {
    folders.push(join(folder, 'node_modules/.bin'))
    if (dirname(folder) === folder) return folders
  }
}

// inn test: a project's tests, in the tool of its language.

import { spawn } from 'node:child_process'
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
import type { Args, Subcommand } from './command.ts'
import { CommandFailure } from './command.ts'
import { print, printJson } from './print.ts'

export const testCommand: Subcommand = {
  name: 'test',
  usage: '[DIR]',
  summary: "run a project's tests in the tool of its language",
  flags: {},
  words: [0, 1],
  run,
}

interface Command {
  readonly tool: Tool | MissingTool
  readonly args: readonly string[]
}

/** What a person would type in the project, once its code was generated. */
const commands: Readonly<Record<Exclude<Language, 'assemblyscript' | 'swift'>, () => Command | Promise<Command>>> = {
  typescript: () => ({ tool: onPath('npm'), args: ['test'] }),
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
      await buildProject(directory)
      return await inTool(await commands[project.language](), project)
    }
    const tested = await (project.language === 'swift' ? testSwift(project) : testAssemblyScript(project))
    const failed = tested.filter(({ failure }) => failure !== undefined)
    if (args.is('json')) printJson(tested)
    else {
      for (const { name, logs = [], failure } of tested) {
        const more = failure === undefined ? logs : [...logs, failure]
        print([`${failure === undefined ? 'ok  ' : 'FAIL'} ${name}`, ...more].join('\n     '))
      }
      print(`${tested.length - failed.length} passed, ${failed.length} failed`)
    }
    return failed.length > 0 ? 1 : 0
  } catch (error) {
    if (!(error instanceof BuildError)) throw error
    process.stderr.write(`${error.message}\n`)
    return 1
  }
}

async function inTool({ tool, args }: Command, { directory, language }: Project): Promise<number> {
  if (tool instanceof MissingTool) throw tool
  if (tool.root === undefined) return await inherit(tool.path, args, directory)
  const folders = [fileURLToPath(new URL(`../../sdk/${language}`, import.meta.url)), cargoHome()]
  const { ok, stdout, stderr } = await runTool(tool, args, { cwd: directory, folders })
  process.stderr.write(stderr)
  process.stdout.write(stdout)
  return ok ? 0 : 1
}

/** With this command's own input and output. */
function inherit(path: string, args: readonly string[], cwd: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(path, args, { cwd, stdio: 'inherit' })
    child.once('error', (error) => reject(new CommandFailure(`${path} cannot be started: ${error.message}`)))
    child.once('exit', (code) => resolve(code ?? 1))
  })
}

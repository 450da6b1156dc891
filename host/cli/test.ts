// inn test: a project's tests, in the tool of its language.

import { spawn } from 'node:child_process'
import { testAssemblyScript } from '../build/assemblyscript-test.ts'
import { buildProject } from '../build/build.ts'
import { BuildError } from '../build/problem.ts'
import type { Language } from '../build/project.ts'
import { readProject } from '../build/project.ts'
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

/** What a person would type in the project, once its code was generated. */
const tools: Readonly<Record<Exclude<Language, 'assemblyscript'>, readonly [string, ...string[]]>> = {
  typescript: ['npm', 'test'],
  rust: ['cargo', 'test'],
  go: ['go', 'test', './...'],
  c: ['make', 'test'],
  swift: ['make', 'test'],
}

async function run(args: Args): Promise<number> {
  const directory = args.words[0] ?? '.'
  try {
    const project = readProject(directory)
    if (project.language !== 'assemblyscript') {
      await buildProject(directory)
      return await inTool(tools[project.language], project.directory)
    }
    const tested = await testAssemblyScript(project)
    const failed = tested.filter(({ failure }) => failure !== undefined)
    if (args.is('json')) printJson(tested)
    else {
      for (const { name, failure } of tested)
        print(`${failure === undefined ? 'ok  ' : 'FAIL'} ${name}${failure === undefined ? '' : `\n     ${failure}`}`)
      print(`${tested.length - failed.length} passed, ${failed.length} failed`)
    }
    return failed.length > 0 ? 1 : 0
  } catch (error) {
    if (!(error instanceof BuildError)) throw error
    process.stderr.write(`${error.message}\n`)
    return 1
  }
}

function inTool([command, ...args]: readonly [string, ...string[]], cwd: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, stdio: 'inherit' })
    child.once('error', (error) => reject(new CommandFailure(`${command} cannot be started: ${error.message}`)))
    child.once('exit', (code) => resolve(code ?? 1))
  })
}

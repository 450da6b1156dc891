// inn: the command line. One file for each subcommand; this one finds it, and turns failures into exit codes.

import { Refused } from './client.ts'
import type { Subcommand } from './command.ts'
import { CommandFailure, help, readArgs, UsageError } from './command.ts'
import { print, table } from './print.ts'
import { endWithReader } from './reader.ts'

/** Loaded only when used: `inn call` should not wait for a compiler to load. */
const subcommands: Readonly<Record<string, () => Promise<Subcommand>>> = {
  new: async () => (await import('./new.ts')).newCommand,
  build: async () => (await import('./build.ts')).buildCommand,
  test: async () => (await import('./test.ts')).testCommand,
  check: async () => (await import('./check.ts')).checkCommand,
  up: async () => (await import('./up.ts')).upCommand,
  deploy: async () => (await import('./deploy.ts')).deployCommand,
  rollback: async () => (await import('./deploy.ts')).rollbackCommand,
  undeploy: async () => (await import('./services.ts')).undeployCommand,
  services: async () => (await import('./services.ts')).servicesCommand,
  call: async () => (await import('./call.ts')).callCommand,
  entities: async () => (await import('./entities.ts')).entitiesCommand,
  state: async () => (await import('./entities.ts')).stateCommand,
  journal: async () => (await import('./entities.ts')).journalCommand,
  effects: async () => (await import('./effects.ts')).effectsCommand,
  doctor: async () => (await import('./doctor.ts')).doctorCommand,
}

export async function main(argv: readonly string[]): Promise<void> {
  endWithReader()
  process.exitCode = await run(argv)
}

async function run(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    print(await overview())
    return name === undefined ? 2 : 0
  }
  const load = Object.hasOwn(subcommands, name) ? subcommands[name] : undefined
  if (load === undefined) return fail(`inn: no command ${JSON.stringify(name)}; \`inn --help\` lists them`, 2)
  const command = await load()
  try {
    const args = readArgs(command, rest)
    if (args.is('help')) {
      print(help(command))
      return 0
    }
    return await command.run(args)
  } catch (error) {
    if (error instanceof UsageError) return fail(`inn ${name}: ${error.message}`, 2)
    if (error instanceof Refused && error.reasons.length > 0) {
      for (const reason of error.reasons) process.stderr.write(`refused: ${reason}\n`)
      return 1
    }
    if (error instanceof CommandFailure) return fail(`inn ${name}: ${error.message}`, 1)
    throw error
  }
}

function fail(message: string, code: number): number {
  process.stderr.write(`${message}\n`)
  return code
}

async function overview(): Promise<string> {
  const rows: string[][] = []
  for (const load of Object.values(subcommands)) {
    const { name, usage, summary } = await load()
    rows.push([`  inn ${name} ${usage}`, summary])
  }
  return `Stateful services from pure functions: one process, one data directory.\n\n${table(rows)}\n\n\`inn COMMAND --help\` explains a command.`
}

// inn: the command line. One file for each subcommand; this one finds it, and turns failures into exit codes.

import { forAuthors } from './authors.ts'
import { Refused } from './client.ts'
import type { Subcommand, Usage } from './command.ts'
import { CommandFailure, help, readArgs, UsageError } from './command.ts'
import { print, table } from './print.ts'
import { endWithReader } from './reader.ts'

interface Listed extends Usage {
  /** Only when it is used: help should not wait for compilers to load. */
  readonly load: (words: readonly string[]) => Promise<Subcommand>
}

const subcommands: readonly Listed[] = [
  {
    name: 'new',
    usage: 'NAME [--lang LANGUAGE] [--kind KIND]',
    summary: 'make a project that builds and passes its own test',
    load: () => forAuthors(async () => (await import('./new.ts')).newCommand),
  },
  {
    name: 'build',
    usage: '[DIR] [-o FILE.wasm]',
    summary: 'build a project: .proto and source to a component',
    load: () => forAuthors(async () => (await import('./build.ts')).buildCommand),
  },
  {
    name: 'test',
    usage: '[DIR]',
    summary: "run a project's tests in the tool of its language",
    load: () => forAuthors(async () => (await import('./test.ts')).testCommand),
  },
  {
    name: 'check',
    usage: 'FILE.wasm [--data DIR] [--seed N]',
    summary: 'check a component as a deployment would, and the laws on random input',
    load: async () => (await import('./check.ts')).checkCommand,
  },
  {
    name: 'up',
    usage: '[--data DIR] [--listen HOST:PORT] [--admin HOST:PORT] [--dev] [FILE.wasm ...]',
    summary: 'start a host, and deploy the given components',
    load: async (words) => {
      if (!words.some((word) => word === '--help' || word === '-h' || word === '--print-config'))
        (await import('../supervisor/early.ts')).beginEarly()
      return (await import('./up.ts')).upCommand
    },
  },
  {
    name: 'deploy',
    usage: 'FILE.wasm [--dry-run] [--force]',
    summary: 'upload a component; every reason at once if it is refused',
    load: async () => (await import('./deploy.ts')).deployCommand,
  },
  {
    name: 'rollback',
    usage: 'SERVICE [DEPLOYMENT] [--dry-run] [--force]',
    summary:
      'deploy again the version that was served before this one, or the one of a DEPLOYMENT (`inn services SERVICE` lists them)',
    load: async () => (await import('./deploy.ts')).rollbackCommand,
  },
  {
    name: 'undeploy',
    usage: 'SERVICE [--purge] [--data DIR]',
    summary: 'stop serving a service; its data stays unless purged',
    load: async () => (await import('./services.ts')).undeployCommand,
  },
  {
    name: 'services',
    usage: '[SERVICE [--release]]',
    summary: 'list services, or show one with methods, routes and versions',
    load: async () => (await import('./services.ts')).servicesCommand,
  },
  {
    name: 'call',
    usage: 'SERVICE/METHOD [JSON | @FILE | -]',
    summary: 'call a method, JSON in and out; streams take and print a JSON value a line',
    load: async () => (await import('./call.ts')).callCommand,
  },
  {
    name: 'entities',
    usage: 'SERVICE [--prefix P] [--stuck | --rescue ID --fuel N]',
    summary: 'list entities: id, events, last change; or those that cannot go on, and why; or free one',
    load: async () => (await import('./entities.ts')).entitiesCommand,
  },
  {
    name: 'state',
    usage: 'SERVICE ENTITY [--at SEQUENCE]',
    summary: "show an entity's state, now or at an event",
    load: async () => (await import('./entities.ts')).stateCommand,
  },
  {
    name: 'journal',
    usage: 'SERVICE ENTITY [--from N] [--follow]',
    summary: "show an entity's commands and events",
    load: async () => (await import('./entities.ts')).journalCommand,
  },
  {
    name: 'effects',
    usage: '[SERVICE] [--retry ID | --retry-all | --drop ID]',
    summary: 'list side effects that wait or are parked; try parked ones again, or give one up',
    load: async () => (await import('./effects.ts')).effectsCommand,
  },
  {
    name: 'doctor',
    usage: '[--data DIR]',
    summary:
      'check every block, frame, component and artefact of a data directory, while no host uses it; without --data, show what a ' +
      'running host has found (inn up --scrub)',
    load: async () => (await import('./doctor.ts')).doctorCommand,
  },
]

export async function main(argv: readonly string[]): Promise<void> {
  endWithReader()
  process.exitCode = await run(argv)
}

async function run(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    print(overview())
    return name === undefined ? 2 : 0
  }
  const listed = subcommands.find((one) => one.name === name)
  if (listed === undefined) return fail(`inn: no command ${JSON.stringify(name)}; \`inn --help\` lists them`, 2)
  try {
    const command = await listed.load(rest)
    const args = readArgs(listed, command, rest)
    if (args.is('help')) {
      print(help(listed, command))
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

function overview(): string {
  const rows = subcommands.map(({ name, usage, summary }) => [`  inn ${name} ${usage}`, summary])
  return `Stateful services from pure functions: one process, one data directory.\n\n${table(rows)}\n\n\`inn COMMAND --help\` explains a command.`
}

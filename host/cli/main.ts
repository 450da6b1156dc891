// inn: the command line. One file for each subcommand; this one finds it, and turns failures into exit codes.

import { didYouMean } from '../nearest.ts'
import { forAuthors } from './authors.ts'
import { Refused } from './client.ts'
import type { Subcommand, Usage } from './command.ts'
import { CommandFailure, help, readArgs, UsageError } from './command.ts'
import { print } from './print.ts'
import { endWithReader } from './reader.ts'

interface Listed extends Usage {
  /** Only when it is used: help should not wait for compilers to load. */
  readonly load: (words: readonly string[]) => Promise<Subcommand>
}

const subcommands: readonly Listed[] = [
  {
    name: 'new',
    usage: 'NAME [--lang LANGUAGE] [--kind KIND]',
    summary: 'make a new project, which builds and passes its own test',
    load: () => forAuthors(async () => (await import('./new.ts')).newCommand),
  },
  {
    name: 'build',
    usage: '[DIR] [-o FILE.wasm]',
    summary: 'build a project (.proto and source files) into a component',
    load: () => forAuthors(async () => (await import('./build.ts')).buildCommand),
  },
  {
    name: 'test',
    usage: '[DIR]',
    summary: "run a project's tests with the test tool of its language",
    load: () => forAuthors(async () => (await import('./test.ts')).testCommand),
  },
  {
    name: 'check',
    usage: 'FILE.wasm [--data DIR] [--seed N]',
    summary: 'run the checks of a deployment on a component, and try the laws of the contract on random input',
    load: async () => (await import('./check.ts')).checkCommand,
  },
  {
    name: 'up',
    usage: '[--data DIR] [--listen HOST:PORT] [--admin HOST:PORT] [--dev] [FILE.wasm | DIR ...]',
    summary:
      'start a host and deploy the given components; --dev builds and deploys the projects in the given folders (default: the ' +
      'current one), and again after every change',
    load: async (words) => {
      if (!words.some((word) => word === '--help' || word === '-h' || word === '--print-config'))
        (await import('../supervisor/early.ts')).beginEarly()
      return (await import('./up.ts')).upCommand
    },
  },
  {
    name: 'deploy',
    usage: 'FILE.wasm [--dry-run] [--force]',
    summary: 'upload a component to a running host; if it is refused, all reasons are printed',
    load: async () => (await import('./deploy.ts')).deployCommand,
  },
  {
    name: 'rollback',
    usage: 'SERVICE [DEPLOYMENT] [--dry-run] [--force]',
    summary:
      'deploy the previous version of a service again, or that of DEPLOYMENT (`inn services SERVICE` lists the numbers)',
    load: async () => (await import('./deploy.ts')).rollbackCommand,
  },
  {
    name: 'undeploy',
    usage: 'SERVICE [--purge] [--data DIR]',
    summary: 'stop serving a service; its data is kept unless --purge is given',
    load: async () => (await import('./services.ts')).undeployCommand,
  },
  {
    name: 'services',
    usage: '[SERVICE [--release]]',
    summary: 'list all services, or show the methods, routes and versions of one',
    load: async () => (await import('./services.ts')).servicesCommand,
  },
  {
    name: 'call',
    usage: 'SERVICE/METHOD [JSON | @FILE | -] | [SERVICE] --batch FILE',
    summary:
      'call a method with JSON and print the reply as JSON; streams read and print one JSON value per line; --batch makes many calls at once',
    load: async () => (await import('./call.ts')).callCommand,
  },
  {
    name: 'client',
    usage: '--lang ts [SERVICE ...] [--out DIR] [--force]',
    summary:
      'write a typed client of the deployed services for browsers and Node, with React hooks; of all, or of those named',
    load: () => forAuthors(async () => (await import('./typed-client.ts')).typedClientCommand),
  },
  {
    name: 'entities',
    usage: 'SERVICE [--prefix P] [--stuck | --rescue ID --fuel N]',
    summary:
      'list entities with their number of events and last change; --stuck lists those that cannot be loaded, --rescue repairs one',
    load: async () => (await import('./entities.ts')).entitiesCommand,
  },
  {
    name: 'state',
    usage: 'SERVICE ENTITY [--at SEQUENCE]',
    summary: "show an entity's current state, or its state as of an earlier event",
    load: async () => (await import('./entities.ts')).stateCommand,
  },
  {
    name: 'journal',
    usage: 'SERVICE ENTITY [--from N] [--follow]',
    summary: 'show the recorded commands and events of an entity',
    load: async () => (await import('./entities.ts')).journalCommand,
  },
  {
    name: 'effects',
    usage: '[SERVICE] [--retry ID | --retry-all | --drop ID] | resume',
    summary:
      'list side effects that are waiting or parked; retry parked ones, or drop one; in a directory that was copied or restored, ' +
      'resume what is due later',
    load: async () => (await import('./effects.ts')).effectsCommand,
  },
  {
    name: 'schedules',
    usage: '[SERVICE [--run NAME]]',
    summary: 'list the calls that the host makes by the clock, and when the next of each is due; run one now',
    load: async () => (await import('./schedules.ts')).schedulesCommand,
  },
  {
    name: 'timers',
    usage: 'SERVICE [ENTITY] | --fire TIMER | --drop TIMER',
    summary: 'list the effects of a service that are due later; make one due now, or drop it',
    load: async () => (await import('./timers.ts')).timersCommand,
  },
  {
    name: 'tickets',
    usage: 'SERVICE',
    summary: 'list the replies that a service has deferred, and who waits for them',
    load: async () => (await import('./timers.ts')).ticketsCommand,
  },
  {
    name: 'views',
    usage: '[rebuild SERVICE]',
    summary:
      'list the views with their rows, how far they are behind, and where one is stuck; build the table of one anew',
    load: async () => (await import('./views.ts')).viewsCommand,
  },
  {
    name: 'sql',
    usage: 'STATEMENT',
    summary: 'run one SELECT over the tables of all views, and print the rows',
    load: async () => (await import('./views.ts')).sqlCommand,
  },
  {
    name: 'connectors',
    usage: '[reload]',
    summary:
      'list what innkeeper.json grants of the outside world, with figures; reload it, and the secrets, while the host runs',
    load: async () => (await import('./connectors.ts')).connectorsCommand,
  },
  {
    name: 'clock',
    usage: '[accept]',
    summary: 'show the clock that schedules and timers go by; accept one that jumped ahead',
    load: async () => (await import('./schedules.ts')).clockCommand,
  },
  {
    name: 'doctor',
    usage: '[--data DIR]',
    summary:
      'with --data, check a data directory for damage while no host uses it; without --data, show the damage that a running host ' +
      'has found (inn up --scrub)',
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
  if (listed === undefined) {
    const names = subcommands.map((one) => one.name)
    return fail(`inn: no command ${JSON.stringify(name)}${didYouMean(name, names, '; `inn --help` lists them')}`, 2)
  }
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
    if (error instanceof CommandFailure || isOfSystem(error)) return fail(`inn ${name}: ${error.message}`, 1)
    throw error
  }
}

/** A file or a folder that cannot be had; the message names it. */
function isOfSystem(error: unknown): error is Error {
  return error instanceof Error && 'syscall' in error
}

function fail(message: string, code: number): number {
  process.stderr.write(`${message}\n`)
  return code
}

function overview(): string {
  const rows = subcommands.map(({ name, usage, summary }) => `  inn ${name} ${usage}\n      ${summary}`)
  return `Stateful services from pure functions: one process, one data directory.\n\n${rows.join('\n')}\n\nSERVICE is the name of a service, or its end where only one ends so: Counter for examples.counter.v1.Counter.\n\`inn COMMAND --help\` explains a command and its flags.`
}

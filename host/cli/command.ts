// Command: what every subcommand of `inn` is, how its words are read, and how it fails.
//
// C1. Exit code 0 fine, or the reader went (reader.ts), 1 refused or failed, 2 wrong usage; errors are one line on standard error that
//     says what to do.
//
// Flags of all commands: --admin, --token, --json, --help.

import { parseArgs } from 'node:util'
import { InnkeeperError, operatorMessage } from '../errors.ts'
import { didYouMean } from '../nearest.ts'
import { table } from './print.ts'

/** What `inn --help` lists, without loading it. */
export interface Usage {
  readonly name: string
  /** Words after the name, as in `SERVICE [ENTITY]`. */
  readonly usage: string
  readonly summary: string
}

export interface Subcommand {
  readonly flags: Readonly<Record<string, Flag>>
  /** Flags that it does not have, as users of other programs know them, and which one it has instead: `port` to `--listen HOST:PORT`. */
  readonly otherwise?: Readonly<Record<string, string>>
  /** Fewest and most words. */
  readonly words: readonly [min: number, max: number]
  /** Answers the exit code. */
  readonly run: (args: Args) => Promise<number>
}

export interface Flag {
  readonly type: 'string' | 'boolean'
  readonly help: string
  readonly short?: string
  readonly multiple?: boolean
}

export interface Args {
  readonly words: readonly string[]
  readonly text: (name: string) => string | undefined
  readonly texts: (name: string) => readonly string[]
  readonly is: (name: string) => boolean
}

/** Wrong usage: exit code 2. */
export class UsageError extends Error {}

/** Refused or failed: exit code 1. */
export class CommandFailure extends Error {}

/** What a data directory or a port may throw, as a sentence; a bug of ours as it is. */
export function asFailure(error: unknown): unknown {
  if (error instanceof InnkeeperError) return new CommandFailure(operatorMessage(error))
  const { syscall, message } = error as NodeJS.ErrnoException
  return syscall === undefined ? error : new CommandFailure(message)
}

const commonFlags: Readonly<Record<string, Flag>> = {
  admin: {
    type: 'string',
    help: "HOST:PORT of the host's admin port (default: the variable INNKEEPER_ADMIN, or 127.0.0.1:8081)",
  },
  token: { type: 'string', help: 'token of the admin port (default: the variable INNKEEPER_TOKEN)' },
  json: { type: 'boolean', help: 'print the result as JSON' },
  help: { type: 'boolean', help: 'show this help', short: 'h' },
}

/** @throws UsageError */
export function readArgs({ name, usage }: Usage, command: Subcommand, argv: readonly string[]): Args {
  const options = Object.fromEntries(
    Object.entries({ ...commonFlags, ...command.flags }).map(([name, { type, short, multiple }]) => [
      name,
      { type, ...(short === undefined ? {} : { short }), ...(multiple ? { multiple } : {}) },
    ]),
  )
  let parsed: ReturnType<typeof parseArgs>
  try {
    parsed = parseArgs({ args: [...argv], options, allowPositionals: true, strict: true })
  } catch (error) {
    throw new UsageError(flagProblem(error as NodeJS.ErrnoException, name, Object.keys(options), command.otherwise))
  }
  const { values, positionals } = parsed
  const [min, max] = command.words
  if (values['help'] !== true && (positionals.length < min || positionals.length > max)) {
    throw new UsageError(`usage: inn ${name} ${usage}`)
  }
  return {
    words: positionals,
    text: (name) => values[name] as string | undefined,
    texts: (name) => (values[name] as string[] | undefined) ?? [],
    is: (name) => values[name] === true,
  }
}

/** Of what `parseArgs` says a line, in our words. */
function flagProblem(
  { code, message }: NodeJS.ErrnoException,
  command: string,
  known: readonly string[],
  otherwise: Subcommand['otherwise'] = {},
): string {
  const [, flag = '', dashless = ''] = /'(?:-\w, )?(--?([^' ]+))/.exec(message) ?? []
  if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') {
    const other = new Map(Object.entries(otherwise)).get(dashless)
    if (other !== undefined) return `there is no flag ${flag}; it is ${other}`
    const hint = didYouMean(dashless, known, `; \`inn ${command} --help\` lists the flags`, '--')
    return `there is no flag ${flag}${hint}`
  }
  if (code !== 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE') return message
  if (message.includes('does not take')) return `${flag} takes no value`
  return message.includes('ambiguous')
    ? `${flag} needs a value; write ${flag}=VALUE for one that starts with a dash`
    : `${flag} needs a value`
}

export function help({ name, usage, summary }: Usage, command: Subcommand): string {
  const flags = Object.entries({ ...command.flags, ...commonFlags }).map(([name, flag]) => {
    const dashes = flag.short === undefined ? `--${name}` : `-${flag.short}, --${name}`
    return [`  ${dashes}${flag.type === 'string' ? ' VALUE' : ''}`, flag.help]
  })
  return `inn ${name} ${usage}\n\n${summary}\n\n${table(flags)}`
}

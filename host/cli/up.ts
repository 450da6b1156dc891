// inn up: starts a host and deploys the given files.

import { watch } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import type { Config, ConfigSources } from '../config.ts'
import { bareSettings, ConfigError, loadConfig, settingHelps, settingNames } from '../config.ts'
import { unservedSentence } from '../deploy/unrestored.ts'
import { InnkeeperError, operatorMessage } from '../errors.ts'
import type { Served } from '../supervisor/serving.ts'
import type { SupervisedHost as Host } from '../supervisor/supervisor.ts'
import { supervise } from '../supervisor/supervisor.ts'
import { Refused } from './client.ts'
import type { Args, Flag, Subcommand } from './command.ts'
import { asFailure, CommandFailure, UsageError } from './command.ts'
import { readNamed } from './files.ts'
import { print, printJson, progress, seconds, table } from './print.ts'

const flags: Record<string, Flag> = Object.fromEntries(
  settingHelps.map(({ name, help, default: byDefault }): [string, Flag] =>
    bareSettings.has(name)
      ? [name, { type: 'boolean', help }]
      : [name, { type: 'string', help: `${help} (default ${byDefault})` }],
  ),
)

export const upCommand: Subcommand = {
  flags: {
    ...flags,
    'print-config': { type: 'boolean', help: 'print every setting with its value and its source, and exit' },
    dev: { type: 'boolean', help: 'deploy a given file again each time it changes' },
  },
  words: [0, 100],
  run,
}

async function run(args: Args): Promise<number> {
  const sources: ConfigSources = { flags: given(args), env: process.env, directory: process.cwd() }
  const { config, print: shown } = settings(sources)
  if (args.is('print-config')) {
    print(shown)
    return 0
  }
  const started = performance.now()
  const files = await read(args.words)
  const host = await start(config, files.length > 0)
  try {
    await deployAll(host, files)
  } catch (error) {
    await host.stop()
    throw error
  }
  await host.ready()
  const served = await host.served()
  if (args.is('dev')) for (const { name } of files) redeploy(host, name)
  if (args.is('json')) {
    printJson({
      listen: host.listen,
      admin: host.admin,
      data: config.data,
      services: served.services,
      unrestored: served.unrestored,
    })
  } else {
    announce(host, served, performance.now() - started)
  }
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
  })
  await host.stop()
  return 0
}

function given(args: Args): Record<string, string> {
  const result: Record<string, string> = {}
  for (const name of settingNames) {
    const value = bareSettings.has(name) ? (args.is(name) ? bareSettings.get(name) : undefined) : args.text(name)
    if (value !== undefined) result[name] = value
  }
  return result
}

function settings(sources: ConfigSources): ReturnType<typeof loadConfig> {
  try {
    return loadConfig(sources)
  } catch (error) {
    if (error instanceof ConfigError) throw new UsageError(error.problems.join('; '))
    throw error
  }
}

/** `waits`: files are to be deployed before it takes calls. */
async function start(config: Config, waits: boolean): Promise<Host> {
  try {
    return await supervise(config, { waits })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'EADDRINUSE') {
      const address = / ([^ ]+:\d+)$/.exec(message)?.[1] ?? 'a port'
      throw new CommandFailure(
        `${address} is in use, perhaps by another host; choose another address with --listen (clients) or --admin`,
      )
    }
    throw asFailure(error)
  }
}

interface ComponentFile {
  readonly name: string
  readonly bytes: Uint8Array
}

/** Before the host starts: a name that is mistyped changes nothing. @throws CommandFailure naming all that cannot be read */
async function read(names: readonly string[]): Promise<readonly ComponentFile[]> {
  const failures: string[] = []
  const files = await Promise.all(
    names.map(async (name) => ({
      name,
      bytes: await readNamed(name).catch((error: Error) => {
        failures.push(error.message)
        return new Uint8Array()
      }),
    })),
  )
  if (failures.length > 0) throw new CommandFailure(failures.join('; '))
  return files
}

/** They are linked side by side. @throws Refused with all reasons against all of them */
async function deployAll(host: Host, files: readonly ComponentFile[]): Promise<void> {
  const reasons = await Promise.all(files.map((file) => deploy(host, file)))
  if (reasons.flat().length > 0) throw new Refused('some files cannot be served', reasons.flat())
}

/** Why a file is refused, a reason a line, each with its name; nothing if it is served. */
async function deploy(host: Host, { name, bytes }: ComponentFile): Promise<readonly string[]> {
  progress(`deploying ${name}`)
  try {
    const result = await host.deploy(bytes, (step) => progress(`${name}: ${step}`))
    if (!result.ok) return result.reasons.map((reason) => `${name}: ${reason}`)
    for (const warning of result.warnings) progress(`warning: ${name}: ${warning}`)
    return []
  } catch (error) {
    if (error instanceof InnkeeperError) return [`${name}: ${operatorMessage(error)}`]
    throw error
  }
}

/** Builders write in several steps: wait until a file has been quiet for a moment. A refused version leaves the old one serving. */
const quietMs = 200

function redeploy(host: Host, file: string): void {
  let timer: NodeJS.Timeout | undefined
  watch(dirname(resolve(file)), (_event, name) => {
    if (name !== basename(file)) return
    clearTimeout(timer)
    timer = setTimeout(() => {
      again(host, file).catch((error: Error) => process.stderr.write(`${error.message}\n`))
    }, quietMs)
  }).unref()
}

async function again(host: Host, file: string): Promise<void> {
  const [component] = await read([file])
  const reasons = await deploy(host, component!)
  if (reasons.length === 0) print(`${file} is served again.`)
  for (const reason of reasons) process.stderr.write(`refused: ${reason}\n`)
}

function announce(host: Host, { routes, unrestored }: Served, ms: number): void {
  print(
    `Innkeeper serves on http://${host.listen} (HTTP/JSON, gRPC, gRPC-Web), admin on http://${host.admin}, data in ${host.config.data}; ready after ${seconds(ms)}.`,
  )
  const rows = routes.map(({ method, httpMethod, path }) => [`  ${method}`, httpMethod, path])
  if (rows.length > 0) print(table(rows))
  else if (unrestored.length === 0) print('Nothing is deployed yet. Deploy a component with `inn deploy FILE.wasm`.')
  for (const left of unrestored) print(unservedSentence(left))
}

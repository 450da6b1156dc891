// inn up: starts a host and deploys the given files.

import { watch } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import type { ConfigSources } from '../config.ts'
import { bareSettings, ConfigError, loadConfig, settingNames } from '../config.ts'
import { InnkeeperError } from '../errors.ts'
import { routesOf } from '../ingress/http-rule.ts'
import type { Host } from '../main.ts'
import { startHost } from '../main.ts'
import type { Args, Flag, Subcommand } from './command.ts'
import { CommandFailure, UsageError } from './command.ts'
import { print, printJson, progress, seconds, table } from './print.ts'

const helps: Readonly<Record<string, string>> = {
  data: 'data directory (default ./.innkeeper)',
  listen: 'HOST:PORT for clients (default 127.0.0.1:8080; port 0 takes a free one)',
  admin: 'HOST:PORT of the admin port (default 127.0.0.1:8081)',
  token: 'token that the admin port asks for',
  scrub: 'read the whole store again and again, 1 MB/s, to find damage early',
}

const flags: Record<string, Flag> = Object.fromEntries(
  settingNames.map((name): [string, Flag] => [
    name,
    { type: bareSettings.has(name) ? 'boolean' : 'string', help: helps[name] ?? 'see `inn up --print-config`' },
  ]),
)

export const upCommand: Subcommand = {
  name: 'up',
  usage: '[--data DIR] [--listen HOST:PORT] [--admin HOST:PORT] [--dev] [FILE.wasm ...]',
  summary: 'start a host, and deploy the given components',
  flags: {
    ...flags,
    'print-config': { type: 'boolean', help: 'show the settings in force and where they come from' },
    dev: { type: 'boolean', help: 'deploy the given files again whenever they change' },
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
  const host = await start(config)
  for (const file of args.words) {
    try {
      await deploy(host, file)
    } catch (error) {
      await host.stop()
      throw error
    }
  }
  if (args.is('dev')) for (const file of args.words) redeploy(host, file)
  if (args.is('json')) {
    printJson({
      listen: host.listen,
      admin: host.admin,
      data: config.data,
      services: [...host.services.current.services.keys()],
    })
  } else {
    announce(host, performance.now() - started)
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

async function start(config: Parameters<typeof startHost>[0]): Promise<Host> {
  try {
    return await startHost(config)
  } catch (error) {
    const { code } = error as { code?: string }
    if (error instanceof InnkeeperError) throw new CommandFailure(sentence(error))
    if (code === 'EADDRINUSE')
      throw new CommandFailure(
        `a port is in use (${(error as Error).message}); choose others with --listen and --admin`,
      )
    if (code === 'EACCES' || code === 'ENOTDIR' || code === 'EEXIST' || code === 'EADDRNOTAVAIL')
      throw new CommandFailure((error as Error).message)
    throw error
  }
}

function sentence({ code, message, cause }: InnkeeperError): string {
  return code === 'data_damaged' && cause instanceof Error ? `${message} (${cause.message})` : message
}

async function deploy(host: Host, file: string): Promise<void> {
  progress(`deploying ${file}`)
  const component = await readFile(file).catch((error: Error) => {
    throw new CommandFailure(`${file}: ${error.message}`)
  })
  const result = await host.deployer.deploy(component, { onProgress: progress })
  if (result.ok) {
    for (const warning of result.warnings) progress(`warning: ${warning}`)
    return
  }
  throw new CommandFailure(`${file} is refused: ${result.reasons.join('; ')}`)
}

/** Builders write in several steps: wait until a file has been quiet for a moment. A refused version leaves the old one serving. */
const quietMs = 200

function redeploy(host: Host, file: string): void {
  let timer: NodeJS.Timeout | undefined
  watch(dirname(resolve(file)), (_event, name) => {
    if (name !== basename(file)) return
    clearTimeout(timer)
    timer = setTimeout(() => {
      deploy(host, file)
        .then(() => print(`${file} is served again.`))
        .catch((error: Error) => process.stderr.write(`${error.message}\n`))
    }, quietMs)
  }).unref()
}

function announce(host: Host, ms: number): void {
  print(
    `Innkeeper serves on http://${host.listen} (HTTP/JSON, gRPC, gRPC-Web), admin on http://${host.admin}, data in ${host.config.data}; ready after ${seconds(ms)}.`,
  )
  const rows: string[][] = []
  for (const service of host.services.current.services.values()) {
    for (const method of service.type.methods.values()) {
      for (const route of routesOf(service.name, method).routes)
        rows.push([`  ${service.name}/${method.name}`, route.httpMethod, route.path])
    }
  }
  print(rows.length === 0 ? 'Nothing is deployed yet: inn deploy FILE.wasm' : table(rows))
}

// inn up: starts a host and deploys the given files.

import { once } from 'node:events'
import { statSync, watch } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import type { Config, ConfigSources } from '../config.ts'
import { bareSettings, loadConfig, settingHelps, settingNames } from '../config.ts'
import { ConfigError } from '../config-file.ts'
import { unservedSentence } from '../deploy/unrestored.ts'
import type { Served } from '../supervisor/serving.ts'
import type { SupervisedHost as Host } from '../supervisor/supervisor.ts'
import { supervise } from '../supervisor/supervisor.ts'
import { forAuthors } from './authors.ts'
import { Refused } from './client.ts'
import type { Args, Flag, Subcommand } from './command.ts'
import { asFailure, CommandFailure, UsageError } from './command.ts'
import type { ComponentFile } from './deploying.ts'
import { deploy } from './deploying.ts'
import { readNamed } from './files.ts'
import { print, printJson, progress, seconds, table } from './print.ts'
import { goOnWithoutReader } from './reader.ts'
import { quietMs } from './sources.ts'

const flags: Record<string, Flag> = Object.fromEntries(
  settingHelps.map(({ name, help, default: byDefault }): [string, Flag] =>
    bareSettings.has(name)
      ? [name, { type: 'boolean', help }]
      : [name, { type: 'string', help: `${help} (default ${byDefault})` }],
  ),
)

const listen = '--listen HOST:PORT, for example --listen 127.0.0.1:8080'
const admin = '--admin HOST:PORT, for example --admin 127.0.0.1:8081'
const data = '--data DIR'

export const upCommand: Subcommand = {
  otherwise: {
    ...{ port: listen, p: listen, P: listen, host: listen, H: listen, hostname: listen, address: listen, addr: listen },
    ...{ bind: listen, http: listen, 'http-port': listen, 'grpc-port': listen, url: listen, l: listen },
    ...{ 'admin-port': admin, 'admin-host': admin, a: admin },
    ...{ 'data-dir': data, dir: data, directory: data, d: data, watch: '--dev', w: '--dev' },
  },
  flags: {
    ...flags,
    'print-config': { type: 'boolean', help: 'print every setting with its value and its source, and exit' },
    dev: {
      type: 'boolean',
      help: 'build and deploy the projects in the given folders (default: the current one) at each change of their sources; deploy a given file at each change',
    },
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
  goOnWithoutReader()
  const started = performance.now()
  const isDev = args.is('dev')
  // A build may take long: it can be ended before all is served as well.
  const early = isDev ? stopped() : undefined
  const projects = early ? await projectsOf(args.words, resolve(config.data), early.signal) : []
  const files = await read(isDev ? args.words.filter((word) => !isFolder(word)) : args.words)
  const host = await start(config, files.length + projects.length > 0)
  try {
    await deployAll(host, files)
    for (const project of projects) await project.round(host)
  } catch (error) {
    await host.stop()
    throw error
  }
  if (early?.signal.aborted) {
    await host.stop()
    return 0
  }
  await host.ready()
  // Before it says that it serves: who reads that may ask for the end at once.
  const ending = early ?? stopped()
  const served = await host.served()
  if (isDev) for (const { name } of files) redeploy(host, name)
  // Where the host has ended nobody is left to be told.
  if (!isAttended()) process.on('SIGHUP', () => void host.reread().catch(() => {}))
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
  try {
    await Promise.all([aborted(ending.signal), ...projects.map((project) => project.follow(host))])
  } finally {
    ending.abort()
    await host.stop()
  }
  return 0
}

/** By Ctrl-C and the like; told more than once, as by a terminal and by npm, it is told once. */
function stopped(): AbortController {
  const controller = new AbortController()
  const ends = ['SIGINT', 'SIGTERM', ...(isAttended() ? ['SIGHUP'] : [])]
  for (const signal of ends) process.on(signal, () => controller.abort())
  return controller
}

/** Somebody sits at a terminal: SIGHUP says that it was closed. Else it asks to read grants and secrets again. */
function isAttended(): boolean {
  return process.stdin.isTTY === true
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort')
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
  const reasons = await Promise.all(files.map((file) => deployFile(host, file)))
  if (reasons.flat().length > 0) throw new Refused('some files cannot be served', reasons.flat())
}

/** Why a file is refused, a reason a line, each with its name; nothing if it is served. */
async function deployFile(host: Host, file: ComponentFile): Promise<readonly string[]> {
  progress(`deploying ${file.name}`)
  const result = await deploy(host, file, (step) => progress(`${file.name}: ${step}`))
  return result.ok ? [] : result.reasons
}

/** Builders write in several steps: it has been quiet for a moment. A refused version leaves the old one serving. */
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
  const reasons = await deployFile(host, component!)
  if (reasons.length === 0) print(`${file} is served again.`)
  for (const reason of reasons) process.stderr.write(`refused: ${reason}\n`)
}

/** Of the words that name folders, for `--dev`; where nothing is named that of the current one. */
async function projectsOf(words: readonly string[], except: string, signal: AbortSignal) {
  const folders = words.length === 0 ? ['.'] : words.filter(isFolder)
  if (folders.length === 0) return []
  const DevProject = await forAuthors(async () => (await import('./dev-project.ts')).DevProject)
  return folders.map((folder) => new DevProject(folder, { except: [except], signal }))
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
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

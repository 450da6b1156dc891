// Config: the host's settings, checked once at this door: flags, then INNKEEPER_* variables, then innkeeper.json.
//
// C1. Every setting has a default, a type and a range here; nothing else reads the environment.
// C2. What is unknown or out of range is refused, all of it at once, naming where it came from.
// C3. `print` shows what is in force and where it came from, without the token.

import { ConfigError, fileName, outsideProblems, readConfigFile } from './config-file.ts'
import type { OutsideFile } from './connectors/connector.ts'
import { defaultLimits, type Limits, limitHelps } from './limits.ts'
import { didYouMean } from './nearest.ts'
import {
  type Address,
  folder,
  headers,
  names,
  nonEmpty,
  oneOf,
  onOff,
  origins,
  parseAddress,
  whole,
  wholeOrNone,
} from './setting-forms.ts'
import { partitionsMax } from './storage/partitioned.ts'

export interface Config {
  /** Data directory. */
  readonly data: string
  /** HOST:PORT for clients; port 0 takes a free one. */
  readonly listen: Address
  readonly admin: Address
  /** Asked of every admin request, if set. */
  readonly token: string | undefined
  readonly snapshotEvery: number
  readonly passivateAfterMs: number
  /** Keep a record of every change of a value, not only the last. */
  readonly valueHistory: boolean
  /** How long a call waits for its answer where the client names no deadline. */
  readonly deadlineMs: number
  readonly idempotencyHours: number
  /** What a new directory is made with, or what one that is there must have; undefined: 1, or what it has. */
  readonly partitions: number | undefined
  /** Bytes that one service may have on disk; infinite: its share of the disk (disk.ts). */
  readonly serviceDiskBytesMax: number
  /** Running calls may take this long when the host stops. */
  readonly stopWaitMs: number
  /** A turn of the loop that takes longer is ended from outside, and its service refused for a while. In milliseconds. */
  readonly turnMsMax: number
  /** Services that are not served, whatever is deployed. */
  readonly without: readonly string[]
  readonly logLevel: string
  /** Read the whole store again and again, slowly, to find damage. */
  readonly scrub: boolean
  /** Deploy nothing where the process that links components cannot be sealed (link/sandbox.ts). */
  readonly requireSandbox: boolean
  /** Origins of web pages that may call the services; `*` alone: any. */
  readonly corsOrigins: readonly string[]
  /** A folder with files of web pages, which are served where no method has the path. */
  readonly static: string | undefined
  /** Headers that reach functions and are never on disk. Lower case. */
  readonly neverStoredHeaders: ReadonlySet<string>
  /** Where innkeeper.json is. */
  readonly directory: string
  /** What that says of the outside world (host/connectors). */
  readonly outside: OutsideFile
  readonly limits: Limits
}

const envPrefix = 'INNKEEPER_'
/** Variables that name compilers (build/toolchain.ts), and are no settings of a host. */
const ofBuilds: ReadonlySet<string> = new Set(['INNKEEPER_TOOLCHAINS', 'INNKEEPER_GO'])

interface Setting {
  readonly name: string
  readonly default: string | number | undefined
  readonly parse: (text: string) => unknown
  readonly secret?: boolean
  /** What the flag alone means. */
  readonly bare?: string
  /** A sentence for `inn up --help`; numbers name their unit. */
  readonly help: string
}

const settings: readonly Setting[] = [
  { name: 'data', help: 'the data directory', default: './.innkeeper', parse: nonEmpty },
  {
    name: 'listen',
    help: 'HOST:PORT of the service port, for clients; port 0 picks a free port',
    default: '127.0.0.1:8080',
    parse: parseAddress,
  },
  { name: 'admin', help: 'HOST:PORT of the admin port', default: '127.0.0.1:8081', parse: parseAddress },
  {
    name: 'token',
    help: 'token that requests to the admin port must carry',
    default: undefined,
    parse: nonEmpty,
    secret: true,
  },
  {
    name: 'snapshot-every',
    help: 'number of events between two snapshots of an entity; -1 disables snapshots',
    default: 100,
    parse: whole(-1, 1_000_000_000),
  },
  {
    name: 'passivate-after-ms',
    help: 'milliseconds after which an idle entity is removed from memory',
    default: 30_000,
    parse: whole(10, 2_000_000_000),
  },
  {
    name: 'value-history',
    help: '"on" keeps every change of a value, not only the last, so that `inn state --at` can show earlier ones',
    default: 'off',
    parse: onOff,
  },
  {
    name: 'deadline-ms',
    help: 'milliseconds that a call may take if the client sets no deadline',
    default: 60_000,
    parse: whole(1, 2_000_000_000),
  },
  {
    name: 'idempotency-hours',
    help: 'number of hours for which idempotency keys are kept',
    default: 24,
    parse: whole(1, 24 * 365),
  },
  {
    name: 'partitions',
    help: 'number of partitions of a new data directory (1 if not set), fixed when it is created; each has its own order of commits',
    default: undefined,
    parse: whole(1, partitionsMax),
  },
  {
    name: 'service-disk-bytes-max',
    help: 'maximum number of bytes that one service may store on disk',
    default: 'none',
    parse: wholeOrNone(1),
  },
  {
    name: 'stop-wait-ms',
    help: 'milliseconds that running calls have to finish when the host stops',
    default: 10_000,
    parse: whole(0, 600_000),
  },
  {
    name: 'turn-ms-max',
    help: 'milliseconds after which a function that blocks the event loop is stopped',
    default: 1_000,
    parse: whole(100, 600_000),
  },
  {
    name: 'without',
    help: 'services that are not served even if they are deployed, separated by commas; the end of a name is enough',
    default: '',
    parse: names,
  },
  {
    name: 'log-level',
    help: 'silent, fatal, error, warn, info, debug or trace; debug includes the lines that functions log',
    default: 'info',
    parse: oneOf(['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace']),
  },
  {
    name: 'scrub',
    help: 'read the whole store continuously at 1 MB/s, to find damage early',
    default: 'off',
    parse: onOff,
    bare: 'on',
  },
  {
    name: 'require-sandbox',
    help: 'refuse to deploy if the process that links components cannot be sandboxed on this machine',
    default: 'off',
    parse: onOff,
    bare: 'on',
  },
  {
    name: 'cors-origins',
    help: 'origins of web pages that may call the services, separated by commas; * allows all',
    default: '',
    parse: origins,
  },
  {
    name: 'static',
    help: 'a folder with files of web pages, which are served where no method has the path; / is its index.html',
    default: undefined,
    parse: folder,
  },
  {
    name: 'never-stored-headers',
    help: 'headers that functions receive but that are never written to disk, separated by commas',
    default: 'x-token, x-api-key',
    parse: headers,
  },
  ...Object.entries(defaultLimits).map(([name, value]) => ({
    name: kebab(name),
    help: limitHelps[name]!,
    default: value as number,
    parse: whole(1, Number.MAX_SAFE_INTEGER),
  })),
]

export interface ConfigSources {
  /** Flags without dashes: `snapshot-every` to `100`. */
  readonly flags: Readonly<Record<string, string>>
  readonly env: Readonly<Record<string, string | undefined>>
  /** The folder in which innkeeper.json is looked for. */
  readonly directory: string
}

export interface LoadedConfig {
  readonly config: Config
  /** One line for each setting: name, value, where it came from. */
  readonly print: string
}

/** What each setting is for, and its default. */
export const settingHelps: readonly { readonly name: string; readonly help: string; readonly default: string }[] =
  settings.map(({ name, help, default: byDefault }) => ({ name, help, default: String(byDefault ?? 'none') || 'none' }))

/** Flags of `inn up` that are settings. */
export const settingNames: readonly string[] = settings.map((setting) => setting.name)

/** Settings whose flag takes no value, and what it means then. */
export const bareSettings: ReadonlyMap<string, string> = new Map(
  settings.flatMap(({ name, bare }) => (bare === undefined ? [] : [[name, bare] as const])),
)

/** @throws ConfigError with everything that is wrong. */
export function loadConfig(sources: ConfigSources): LoadedConfig {
  const problems: string[] = []
  const { connectors, secrets, ...file } = readConfigFile(sources.directory, problems)
  const outside = { connectors, secrets }
  const inFile = [...settingNames.map(camel), ...Object.keys(outside)]
  for (const name of Object.keys(file).filter((name) => !inFile.includes(name)))
    problems.push(`innkeeper.json: unknown setting ${name}${didYouMean(name, inFile)}`)
  const inEnv = settingNames.map((name) => envName(name).slice(envPrefix.length))
  for (const name of Object.keys(sources.env)) {
    if (!name.startsWith(envPrefix) || sources.env[name] === undefined || ofBuilds.has(name)) continue
    if (!inEnv.includes(name.slice(envPrefix.length)))
      problems.push(`${name}: unknown setting${didYouMean(name.slice(envPrefix.length), inEnv, '', envPrefix)}`)
  }
  const values: Record<string, unknown> = {}
  const lines: string[] = []
  for (const setting of settings) {
    const [text, from] = find(setting, sources, file)
    lines.push(
      `${setting.name.padEnd(32)} ${setting.secret && text !== undefined ? '(set)' : (text ?? '(none)')}  # ${from}`,
    )
    if (text === undefined) continue
    const given = from === fileName ? file[camel(setting.name)] : text
    if (typeof given !== 'string' && typeof given !== 'number') {
      problems.push(`${from}: ${camel(setting.name)}: expected text or a number, got ${text.slice(0, 100)}`)
      continue
    }
    try {
      values[camel(setting.name)] = setting.parse(text)
    } catch (error) {
      const place = from === fileName ? `${fileName}: ${camel(setting.name)}` : from
      problems.push(`${place}: ${(error as Error).message}, got ${JSON.stringify(text)}`)
    }
  }
  problems.push(...outsideProblems(outside, sources.env).map((problem) => `${fileName}: ${problem}`))
  checkAdmin(values, problems)
  checkInFlight(values, problems)
  if (problems.length > 0) throw new ConfigError(problems)
  const limits = Object.fromEntries(Object.keys(defaultLimits).map((name) => [name, values[name]])) as unknown as Limits
  const { directory } = sources
  return {
    config: { ...values, token: values['token'], directory, outside, limits } as unknown as Config,
    print: lines.join('\n'),
  }
}

/** The admin port can do everything, so away from loopback it needs a token. */
function checkAdmin(values: Record<string, unknown>, problems: string[]): void {
  const admin = values['admin'] as Address | undefined
  if (admin === undefined || isLoopback(admin.host) || values['token'] !== undefined) return
  problems.push(
    `admin ${admin.host} is not a loopback address: set a token (--token or INNKEEPER_TOKEN) or bind it to 127.0.0.1`,
  )
}

/** Both ports share it, and each has room for what is largest there. */
function checkInFlight(values: Record<string, unknown>, problems: string[]): void {
  const [all, uploads, message] = ['inFlightBytesMax', 'uploadBytesMax', 'messageBytesMax'].map((name) => values[name])
  if (typeof all !== 'number' || typeof uploads !== 'number' || typeof message !== 'number') return
  if (all >= uploads + 2 * message) return
  problems.push(
    `in-flight-bytes-max (${all}) must have room for upload-bytes-max (${uploads}) and two messages of message-bytes-max (${message}): raise in-flight-bytes-max, or lower one of the others`,
  )
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)
}

function find(setting: Setting, sources: ConfigSources, file: Record<string, unknown>): [string | undefined, string] {
  const flag = sources.flags[setting.name]
  if (flag !== undefined) return [flag, `--${setting.name}`]
  const env = sources.env[envName(setting.name)]
  if (env !== undefined) return [env, envName(setting.name)]
  const value = file[camel(setting.name)]
  if (value !== undefined) return [typeof value === 'string' ? value : JSON.stringify(value), fileName]
  return [setting.default === undefined ? undefined : String(setting.default), 'default']
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (upper) => `-${upper.toLowerCase()}`)
}

function camel(name: string): string {
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

function envName(name: string): string {
  return `${envPrefix}${name.replaceAll('-', '_').toUpperCase()}`
}

// inn deploy, inn rollback: a component is served by a running host, or an earlier one again.

import type { Tried } from '../deploy/stored/stored.ts'
import { adminClient } from './client.ts'
import type { Args, Subcommand } from './command.ts'
import { UsageError } from './command.ts'
import { readNamed } from './files.ts'
import { everNamed } from './named.ts'
import { print, printJson, progress, seconds, table } from './print.ts'

export const deployCommand: Subcommand = {
  flags: {
    'dry-run': {
      type: 'boolean',
      help: 'check everything and print the result with the routes that would be served, but change nothing',
    },
    force: {
      type: 'boolean',
      help: 'deploy even if the upgrade checks refuse it; each overridden check is printed as a warning',
    },
  },
  words: [1, 1],
  run,
}

export const rollbackCommand: Subcommand = {
  flags: deployCommand.flags,
  words: [1, 2],
  run: rollback,
}

async function run(args: Args): Promise<number> {
  const file = args.words[0]!
  return await change(args, '/v1/components?', await readNamed(file), file)
}

async function rollback(args: Args): Promise<number> {
  const [service, to] = args.words
  if (to !== undefined && !/^\d+$/.test(to))
    throw new UsageError(`DEPLOYMENT: expected the number of a deployment, got ${JSON.stringify(to)}`)
  const { name } = await everNamed(adminClient(args), service!)
  const path = `/v1/services/${encodeURIComponent(name)}/rollback?${to === undefined ? '' : `to=${to}&`}`
  return await change(args, path, undefined, name)
}

async function change(args: Args, path: string, body: Uint8Array | undefined, what: string): Promise<number> {
  const query = [args.is('dry-run') ? 'dry-run' : '', args.is('force') ? 'force' : '']
    .filter((part) => part !== '')
    .join('&')
  const started = performance.now()
  const result = await adminClient(args).change('POST', `${path}${query}`, body, (line) => {
    if (line.progress !== undefined) progress(line.progress)
  })
  if (args.is('json')) {
    printJson(result)
    return 0
  }
  const took = seconds(performance.now() - started)
  const became = args.is('dry-run') ? 'would be deployed' : result.unchanged ? 'was already deployed' : 'deployed'
  print(`${what} ${became} as number ${result.deployment} in ${took}.`)
  for (const line of outcome(result)) print(line)
  return 0
}

export interface Deployed {
  readonly services: readonly {
    readonly name: string
    readonly methods: readonly { name: string; routes: string[] }[]
  }[]
  readonly warnings: readonly string[]
  readonly tried: readonly Tried[]
}

/** What a deployment found, and what it serves. */
export function outcome({ services, ...result }: Deployed): readonly string[] {
  const rows = services.flatMap(({ name, methods }) =>
    methods.flatMap((method) => method.routes.map((route) => ({ rpc: `${name}/${method.name}`, route }))),
  )
  return [...found(result), routeTable(rows)]
}

/** A line for each route: rpc, HTTP method and path. `route`: as `GET /cart/{user_id}`. */
export function routeTable(rows: readonly { readonly rpc: string; readonly route: string }[]): string {
  return table(
    rows.map(({ rpc, route }) => {
      const at = route.indexOf(' ')
      return [`  ${rpc}`, route.slice(0, at), route.slice(at + 1)]
    }),
  )
}

export function found({ warnings, tried }: Pick<Deployed, 'warnings' | 'tried'>): readonly string[] {
  return [...tried.map(triedLine), ...warnings.map((warning) => `warning: ${warning}`)]
}

function triedLine({ service, tried, of, entities, voidSnapshots, atLeast }: Tried): string {
  const number = (value: number) => value.toLocaleString('en-US')
  const all = `${number(entities)} ${entities === 1 ? 'entity is' : 'entities are'} stored`
  const cut = tried < of ? `, and the time was over before the other ${number(of - tried)}` : ''
  const voided =
    voidSnapshots === 0
      ? ''
      : ` ${atLeast ? 'At least ' : ''}${number(voidSnapshots)} ${voidSnapshots === 1 ? 'snapshot becomes' : 'snapshots become'} void: those entities replay their events once.`
  return `${service}: ${all}; ${number(tried)} of ${number(of)} that were chosen can be read by it${cut}.${voided}`
}

// inn services, inn undeploy: what is served.

import { existsSync } from 'node:fs'
import { undeployIn } from '../deploy/offline.ts'
import type { Unrestored } from '../deploy/unrestored.ts'
import { unservedSentence } from '../deploy/unrestored.ts'
import { adminClient, type Json } from './client.ts'
import type { Args, Subcommand } from './command.ts'
import { asFailure, CommandFailure, UsageError } from './command.ts'
import { serviceNamed } from './named.ts'
import { print, printJson, table } from './print.ts'

export const servicesCommand: Subcommand = {
  flags: {
    release: { type: 'boolean', help: 'end the quarantine of a service that held the host, and serve it again' },
  },
  words: [0, 1],
  run: async (args) => {
    const [name] = args.words
    if (args.is('release')) return await release(args, name)
    return await (name === undefined ? list(args) : show(args, name))
  },
}

export const undeployCommand: Subcommand = {
  flags: {
    purge: { type: 'boolean', help: 'permanently delete all data of the service' },
    data: { type: 'string', help: 'change this data directory directly; no host may be using it' },
  },
  words: [1, 1],
  run: undeploy,
}

interface Service {
  name: string
  kind: string
  deployment: number
  diskBytes: number
  warnings: string[]
  methods: { name: string; input: string; output: string; routes: string[]; internal?: boolean }[]
}

async function list(args: Args): Promise<number> {
  const { services, unrestored } = (await adminClient(args).get('/v1/services')) as {
    services: Service[]
    unrestored: Unrestored[]
  }
  if (args.is('json')) {
    printJson({ services, unrestored })
    return 0
  }
  if (services.length === 0 && unrestored.length === 0)
    print('Nothing is deployed. Deploy a component with `inn deploy FILE.wasm`.')
  else if (services.length > 0)
    print(
      table(
        services.map(({ name, kind, deployment, diskBytes, methods }) => [
          name,
          kind,
          `deployment ${deployment}`,
          `${diskBytes.toLocaleString('en-US')} bytes`,
          methods.map((m) => m.name).join(' '),
        ]),
      ),
    )
  for (const { name, warnings } of services) for (const warning of warnings) print(`warning: ${name}: ${warning}`)
  for (const left of unrestored) print(unservedSentence(left))
  return 0
}

async function release(args: Args, name: string | undefined): Promise<number> {
  if (name === undefined) throw new UsageError('--release needs a SERVICE')
  const client = adminClient(args)
  const service = await serviceNamed(client, name)
  const result = await client.change('POST', `/v1/services/${encodeURIComponent(service)}/release`)
  if (args.is('json')) printJson(result)
  else print(result.released ? `${service} is served again.` : `${service} was not in quarantine.`)
  return 0
}

async function show(args: Args, given: string): Promise<number> {
  const client = adminClient(args)
  const name = await serviceNamed(client, given)
  const service = await client.get(`/v1/services/${encodeURIComponent(name)}`)
  if (args.is('json')) {
    printJson(service)
    return 0
  }
  for (const warning of service.warnings) print(`warning: ${warning}`)
  print(`${service.name}  ${service.kind}  persistence id ${service.persistenceId}`)
  print(
    table(
      service.methods.map((m: Service['methods'][number]) => [
        `  ${m.name}`,
        `${m.input} -> ${m.output}`,
        m.internal === true ? 'internal' : m.routes.join(', '),
      ]),
    ),
  )
  print('versions')
  print(
    table(
      service.history.map((version: Version) => [
        `  ${version.deployment}`,
        version.at,
        version.hash.slice(0, 12),
        remarks(version, service.history).join(', '),
      ]),
    ),
  )
  return 0
}

interface Version {
  readonly deployment: number
  readonly at: string
  readonly hash: string
  readonly active: boolean
  readonly forced: boolean
}

/** Where a rollback goes is seen by which deployments had the same component. */
function remarks({ deployment, hash, active, forced }: Version, history: readonly Version[]): readonly string[] {
  const first = Math.min(...history.filter((one) => one.hash === hash).map((one) => one.deployment))
  return [
    ...(active ? ['active'] : []),
    ...(forced ? ['forced'] : []),
    ...(first < deployment ? [`the component of deployment ${first}`] : []),
  ]
}

async function undeploy(args: Args): Promise<number> {
  const name = args.words[0]!
  const purge = args.is('purge')
  const directory = args.text('data')
  const result =
    directory === undefined ? await undeployRunning(args, name, purge) : await undeployOffline(directory, name, purge)
  if (args.is('json')) printJson(result)
  else print(`${result.service} is no longer served${fateOf(result)}.`)
  return 0
}

async function undeployRunning(args: Args, given: string, purge: boolean): Promise<Json> {
  const client = adminClient(args)
  const name = await serviceNamed(client, given)
  return await client.change('DELETE', `/v1/services/${encodeURIComponent(name)}${purge ? '?purge' : ''}`)
}

/** For a service whose functions do not even let a host start. */
async function undeployOffline(
  directory: string,
  name: string,
  purge: boolean,
): Promise<{ service: string; purged: boolean }> {
  if (!existsSync(directory)) throw new CommandFailure(`${directory}: no such directory`)
  try {
    return { service: await undeployIn(directory, name, purge), purged: purge }
  } catch (error) {
    throw asFailure(error)
  }
}

/** What became of what it kept. */
function fateOf({ kind, purged }: { kind?: string; purged: boolean }): string {
  if (kind === 'view') return ', and its table was deleted'
  if (purged) return ', and its data was deleted'
  return '; its data is kept'
}

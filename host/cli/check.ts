// inn check: everything that a deployment would check, plus the laws on random input, without a host; with a data directory, what is
// stored there, too.

import { randomInt } from 'node:crypto'
import { existsSync } from 'node:fs'
import { streamsOf } from '../deploy/methods.ts'
import { dryRunOn } from '../deploy/offline.ts'
import { validateDescription } from '../deploy/validate.ts'
import { queryProblems } from '../deploy/views.ts'
import { load } from '../guest/load.ts'
import { checkLaws, checkViewLaws } from '../laws/laws.ts'
import { defaultLimits } from '../limits.ts'
import { link } from '../link/link.ts'
import { createLog } from '../observe/log.ts'
import { routesOf, shown } from '../schema/http-rule.ts'
import { loadSchema, SchemaError } from '../schema/load.ts'
import type { Schema } from '../schema/schema.ts'
import { Refused } from './client.ts'
import type { Args, Subcommand } from './command.ts'
import { asFailure, CommandFailure, UsageError } from './command.ts'
import { type Deployed, found, routeTable } from './deploy.ts'
import { readNamed } from './files.ts'
import { bytes, print, printJson, progress } from './print.ts'

export const checkCommand: Subcommand = {
  flags: {
    data: {
      type: 'string',
      help: 'also try the component on the data stored in this directory; no host may be using it',
    },
    seed: { type: 'string', help: 'seed of an earlier run, to repeat its random input' },
  },
  words: [1, 1],
  run,
}

async function run(args: Args): Promise<number> {
  const file = args.words[0]!
  const seed = args.text('seed') === undefined ? randomInt(2 ** 31) : Number(args.text('seed'))
  if (!Number.isSafeInteger(seed)) throw new UsageError('--seed: expected a whole number')
  const component = await readNamed(file)
  const linked = await link(component, defaultLimits, progress)
  if (!linked.ok) throw new Refused(`${file} would be refused`, linked.reasons)
  const { artefact } = linked
  const { description } = artefact
  const schema = schemaOf(description.descriptors)
  const problems = validateDescription(description, schema, defaultLimits)
  if (problems.length > 0)
    throw new Refused(
      `${file} would be refused`,
      problems.map(({ message }) => message),
    )
  const queries = await queryProblems(artefact, schema, defaultLimits)
  if (queries.length > 0) throw new Refused(`${file} would be refused`, queries)
  progress(`trying the laws on random commands (seed ${seed})`)
  const fresh = () => load(artefact, defaultLimits, streamsOf(schema), true)
  const reports = [
    ...description.services.map((service) => checkLaws(service, schema, fresh, seed)),
    ...description.viewServices.map((view) => checkViewLaws(view, schema, fresh, seed)),
  ]
  const broken = reports.flatMap((report) => report.broken)
  const warnings = reports.flatMap((report) => report.warnings)
  const directory = args.text('data')
  const stored = directory === undefined ? undefined : await onStored(directory, component, file)
  const routes = description.services.flatMap(({ name }) => routesIn(schema, name))
  if (args.is('json')) {
    const { hash } = artefact
    printJson({ hash, bytes: component.length, seed, services: reports, routes, ...(stored && { stored }) })
  }
  if (broken.length > 0) throw new Refused(`${file} breaks the laws`, broken)
  if (!args.is('json')) {
    const tried = reports.map(
      ({ service, kind, commands }) => `${service} (${kind}, ${commands} ${kind === 'view' ? 'changes' : 'commands'})`,
    )
    print(`${file} is fine: ${bytes(component.length)}, ${tried.join(', ')}; the laws hold (seed ${seed}).`)
    for (const warning of warnings) print(`Warning: ${warning}.`)
    for (const line of stored === undefined ? [] : found(stored)) print(line)
    print(routeTable(routes))
  }
  return 0
}

function routesIn(schema: Schema, service: string): readonly { rpc: string; route: string }[] {
  const methods = [...schema.services.get(service)!.methods.values()]
  return methods.flatMap((method) =>
    routesOf(service, method).routes.map((route) => ({ rpc: `${service}/${method.name}`, route: shown(route) })),
  )
}

/** @throws Refused with every reason for which the directory's host would refuse it */
async function onStored(
  directory: string,
  component: Uint8Array,
  file: string,
): Promise<Pick<Deployed, 'warnings' | 'tried'>> {
  if (!existsSync(directory)) throw new CommandFailure(`${directory}: no such directory`)
  const log = createLog('warn')
  const result = await dryRunOn(directory, component, defaultLimits, log, { onProgress: progress }).catch(
    (error: unknown) => {
      throw asFailure(error)
    },
  )
  if (!result.ok) throw new Refused(`${file} would be refused on ${directory}`, result.reasons)
  const { warnings, tried } = result
  return { warnings, tried }
}

function schemaOf(descriptors: Uint8Array): ReturnType<typeof loadSchema> {
  try {
    return loadSchema(descriptors)
  } catch (error) {
    if (error instanceof SchemaError) throw new Refused('the descriptors are refused', error.problems)
    throw error
  }
}

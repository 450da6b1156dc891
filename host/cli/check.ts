// inn check: everything that a deployment would check, plus the laws on random input, without a host.

import { randomInt } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { checkLaws } from '../deploy/laws/laws.ts'
import { link } from '../deploy/link.ts'
import { streamsOf } from '../deploy/methods.ts'
import { validateDescription } from '../deploy/validate.ts'
import { load } from '../guest/load.ts'
import { defaultLimits } from '../limits.ts'
import { loadSchema, SchemaError } from '../schema/load.ts'
import { Refused } from './client.ts'
import type { Args, Subcommand } from './command.ts'
import { CommandFailure, UsageError } from './command.ts'
import { bytes, print, printJson, progress } from './print.ts'

export const checkCommand: Subcommand = {
  name: 'check',
  usage: 'FILE.wasm [--seed N]',
  summary: 'check a component as a deployment would, and the laws on random input',
  flags: { seed: { type: 'string', help: 'repeat the random input of an earlier run' } },
  words: [1, 1],
  run,
}

async function run(args: Args): Promise<number> {
  const file = args.words[0]!
  const seed = args.text('seed') === undefined ? randomInt(2 ** 31) : Number(args.text('seed'))
  if (!Number.isSafeInteger(seed)) throw new UsageError('--seed: expected a whole number')
  const component = await readFile(file).catch((error: Error) => {
    throw new CommandFailure(`${file}: ${error.message}`)
  })
  const linked = await link(component, defaultLimits, progress)
  if (!linked.ok) throw new Refused(`${file} would be refused`, linked.reasons)
  const { artefact } = linked
  const { description } = artefact
  const schema = schemaOf(description.descriptors)
  const problems = validateDescription(description, schema, defaultLimits)
  if (problems.length > 0) throw new Refused(`${file} would be refused`, problems)
  progress(`trying the laws on random commands (seed ${seed})`)
  const fresh = () => load(artefact, defaultLimits, streamsOf(schema), true)
  const reports = description.services.map((service) => checkLaws(service, schema, fresh, seed))
  const broken = reports.flatMap((report) => report.broken)
  if (args.is('json')) printJson({ hash: artefact.hash, bytes: component.length, seed, services: reports })
  if (broken.length > 0) throw new Refused(`${file} breaks the laws`, broken)
  if (!args.is('json')) {
    const tried = reports.map(({ service, kind, commands }) => `${service} (${kind}, ${commands} commands)`)
    print(`${file} is fine: ${bytes(component.length)}, ${tried.join(', ')}; the laws held, seed ${seed}.`)
  }
  return 0
}

function schemaOf(descriptors: Uint8Array): ReturnType<typeof loadSchema> {
  try {
    return loadSchema(descriptors)
  } catch (error) {
    if (error instanceof SchemaError) throw new Refused('the descriptors are refused', error.problems)
    throw error
  }
}

// Config file: innkeeper.json: its fields, and what it says of the outside world, which is read again while a host runs.
//
// Leaves to others: settings (config.ts), the form of grants and secrets (host/connectors).

import { existsSync, readFileSync } from 'node:fs'
import type { OutsideFile } from './connectors/connector.ts'
import { readGrants } from './connectors/grants.ts'
import { readSecrets, type SecretSources, secretNames } from './connectors/secrets.ts'
import { JsonError, parseJson } from './transcode/json.ts'

export const fileName = 'innkeeper.json'

type Env = Readonly<Record<string, string | undefined>>

export class ConfigError extends Error {
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.name = 'ConfigError'
    this.problems = problems
  }
}

/** Its fields; what is wrong with it is a problem. */
export function readConfigFile(directory: string, problems: string[]): Record<string, unknown> {
  const path = `${directory}/${fileName}`
  if (!existsSync(path)) return {}
  try {
    const text = readFileSync(path, 'utf8')
    const json = parsed(text)
    if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as Record<string, unknown>
    problems.push(`${fileName}: expected an object`)
  } catch (error) {
    problems.push(`${fileName}: ${(error as Error).message}`)
  }
  return {}
}

/** @throws JsonError, with a place and not with the words that are there: somebody may have written a secret into the file */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    parseJson(text)
    throw new JsonError('is no JSON')
  }
}

/** Where "secrets" of innkeeper.json are. */
export function secretSources(env: Env): SecretSources {
  return { env: (name) => env[name], file: (path) => readFileSync(path, 'utf8') }
}

/** What is wrong with it, without a look at files of certificates. */
export function outsideProblems({ connectors, secrets }: OutsideFile, env: Env): readonly string[] {
  return [
    ...readSecrets(secrets, secretSources(env)).problems,
    ...readGrants(connectors, secretNames(secrets)).problems,
  ]
}

/** Of innkeeper.json as it is now. @throws ConfigError */
export function readOutside(directory: string): OutsideFile {
  const problems: string[] = []
  const { connectors, secrets } = readConfigFile(directory, problems)
  if (problems.length > 0) throw new ConfigError(problems)
  return { connectors, secrets }
}

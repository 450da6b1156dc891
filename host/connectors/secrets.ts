// Secrets: "secrets" of innkeeper.json: where each is, and what it is now.
//
// S1. No problem, and nothing else that this module says, has a secret in it, or a part of one.
// S2. A secret is visible ASCII, spaces within included: so it fits into a header, and cannot end one.
// S3. One of fewer than `lengthMin` characters is refused: it would be found in replies where it is not, and a reply with a secret is refused.
//
// Owns: reading them.   redactor.ts owns: finding them.   grants.ts owns: where they are put in.

import { didYouMean } from '../nearest.ts'

/** By name. */
export type Secrets = ReadonlyMap<string, string>

/** Where secrets are. Both throw, or answer undefined, where there is none. */
export interface SecretSources {
  env(name: string): string | undefined
  file(path: string): string
}

const lengthMin = 8
/** A failure's text is cut far behind its first 4 KiB (http.ts): this long a secret cannot hide across the cut, however it is encoded. */
const lengthMax = 4_096
const countMax = 1_000

const fieldNames = ['env', 'file']

export const secretName = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/

/** Those that "secrets" declares, whatever is wrong with them. */
export function secretNames(json: unknown): readonly string[] {
  return typeof json === 'object' && json !== null ? Object.keys(json) : []
}

/** All problems at once; the secrets are of use only if there are none. */
export function readSecrets(json: unknown, sources: SecretSources): { secrets: Secrets; problems: readonly string[] } {
  const problems: string[] = []
  const secrets = new Map<string, string>()
  if (json === undefined) return { secrets, problems }
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    return { secrets, problems: ['secrets: expected an object, as in { "stripe": { "env": "STRIPE_KEY" } }'] }
  const entries = Object.entries(json)
  if (entries.length > countMax) return { secrets, problems: [`secrets: more than ${countMax}`] }
  for (const [name, place] of entries) {
    const said = readSecret(name, place, sources)
    if (typeof said === 'string') secrets.set(name, said)
    else problems.push(said.problem)
  }
  return { secrets, problems }
}

type Said = string | { readonly problem: string }

function readSecret(name: string, place: unknown, sources: SecretSources): Said {
  const at = `secrets.${name.slice(0, 100)}`
  if (!secretName.test(name))
    return { problem: `${at}: a name of a secret is letters, digits, "_" and "-", and begins with a letter` }
  const example = 'expected { "env": "VARIABLE" } or { "file": "/path" }'
  // A secret in place of its place is not repeated.
  if (typeof place !== 'object' || place === null || Array.isArray(place))
    return { problem: `${at}: ${example}; a secret itself does not belong into innkeeper.json` }
  const fields = Object.keys(place)
  const unknown = fields.find((field) => !fieldNames.includes(field))
  if (unknown !== undefined)
    return { problem: `${at}.${unknown.slice(0, 100)}: unknown${didYouMean(unknown, fieldNames)}; ${example}` }
  const { env, file } = place as { env?: unknown; file?: unknown }
  const [kind, where] = env === undefined ? (['file', file] as const) : (['env', env] as const)
  if (fields.length !== 1 || typeof where !== 'string' || where === '') return { problem: `${at}: ${example}` }
  const told = toldOf(kind, where)
  const secret = kind === 'env' ? sources.env(where) : fromFile(where, sources)
  if (secret === undefined) return { problem: `${at}: ${told} ${kind === 'env' ? 'is not set' : 'cannot be read'}` }
  const problem = secretProblem(secret)
  return problem === undefined ? secret : { problem: `${at}: ${told} ${problem}` }
}

/** A place that does not look like one may be the secret itself. */
function toldOf(kind: 'env' | 'file', where: string): string {
  if (kind === 'env') return `the environment variable ${/^[A-Z][A-Z0-9_]{0,63}$/.test(where) ? where : 'of this name'}`
  return /^(\.{0,2}\/|[A-Z]:)/.test(where) ? `the file ${where}` : 'the file of this name'
}

/** One line end at its end is the file's. */
function fromFile(path: string, sources: SecretSources): string | undefined {
  try {
    return sources.file(path).replace(/\r?\n$/, '')
  } catch {
    return undefined
  }
}

function secretProblem(secret: string): string | undefined {
  if (secret === '') return 'is empty'
  if (/[\r\n]/.test(secret)) return 'has a line break; a secret is one line'
  if (!/^[\x20-\x7e]*$/.test(secret)) return 'has a character that a header cannot carry; a secret is visible ASCII'
  if (/^ | $/.test(secret)) return 'begins or ends with a space'
  if (secret.length < lengthMin)
    return `has fewer than ${lengthMin} characters: so short a secret cannot be found safely in what a provider sends`
  return secret.length > lengthMax ? `has more than ${lengthMax} characters` : undefined
}

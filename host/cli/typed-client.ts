// inn client: a typed client of the deployed services, as a folder that a project imports.

import { basename, join, relative, resolve } from 'node:path'
import type { Deployed } from '../../sdk/build/client/client-code.ts'
import { clientCode } from '../../sdk/build/client/client-code.ts'
import { writeClient } from '../../sdk/build/client/client-folder.ts'
import { BuildError } from '../../sdk/build/problem.ts'
import { didYouMean } from '../nearest.ts'
import type { AdminClient } from './client.ts'
import { adminClient } from './client.ts'
import type { Args, Subcommand } from './command.ts'
import { CommandFailure, UsageError } from './command.ts'
import { serviceNamed } from './named.ts'
import { counted, print, printJson, progress, table } from './print.ts'

const languages = ['ts']
const usualFolder = 'client'

export const typedClientCommand: Subcommand = {
  flags: {
    lang: { type: 'string', help: `language: ${languages.join(', ')}` },
    out: { type: 'string', short: 'o', help: `folder to write it to (default ${usualFolder})` },
    force: { type: 'boolean', help: 'write into a folder that has other files, too' },
  },
  words: [0, Number.POSITIVE_INFINITY],
  run,
}

async function run(args: Args): Promise<number> {
  const lang = args.text('lang')
  if (lang === undefined) throw new UsageError(`--lang LANGUAGE is missing; there is ${languages.join(', ')}`)
  if (!languages.includes(lang))
    throw new UsageError(
      `--lang ${lang} does not exist${didYouMean(lang, languages, `; there is ${languages.join(', ')}`)}`,
    )
  const folder = resolve(args.text('out') ?? usualFolder)
  const services = await deployed(adminClient(args), args.words)
  const { files, names, left } = await said(async () => {
    const code = clientCode(packageName(folder), services)
    await writeClient(folder, code.files, args.is('force'))
    return code
  })
  for (const sentence of left) progress(`left out: ${sentence}`)
  if (args.is('json')) printJson({ folder, services: Object.fromEntries(names), files: [...files.keys()], left })
  else {
    const path = relative(process.cwd(), folder) || '.'
    print(`${path}: a client of ${counted(names.size, 'service')}`)
    print(table([...names].map(([service, name]) => [`  client.${name}`, service])))
    print(`Next: npm install ${installed(path)}; ${join(path, 'README.md')} shows how to use it.`)
  }
  return 0
}

/** @throws CommandFailure for what its caller can mend. */
async function said<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw error instanceof BuildError ? new CommandFailure(error.message) : error
  }
}

/** Those that are named, or all. @throws CommandFailure */
async function deployed(client: AdminClient, given: readonly string[]): Promise<readonly Deployed[]> {
  const names = new Set<string>()
  for (const one of given) names.add(await serviceNamed(client, one))
  const { services } = (await client.get('/v1/services')) as { services: { name: string; kind: string }[] }
  const wanted = services.filter(({ name }) => given.length === 0 || names.has(name))
  if (services.length === 0)
    throw new CommandFailure('nothing is deployed; deploy a component with `inn deploy FILE.wasm` first')
  const unserved = [...names].filter((name) => !wanted.some((one) => one.name === name))
  if (unserved.length > 0)
    throw new CommandFailure(`${unserved[0]} is deployed but not served; \`inn services\` says why`)
  return await Promise.all(
    wanted.map(async ({ name, kind }) => {
      const { descriptors } = await client.get(`/v1/services/${encodeURIComponent(name)}/descriptors`)
      return { name, kind, descriptors: Buffer.from(descriptors as string, 'base64') }
    }),
  )
}

/** As npm allows it. */
function packageName(folder: string): string {
  const name = basename(folder)
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[._-]+|-+$/g, '')
  return name === '' || name === 'node_modules' ? usualFolder : name
}

/** As npm takes it for a folder, and a shell for one word. */
function installed(path: string): string {
  const folder = /^[./]/.test(path) ? path : `./${path}`
  return /^[\w./-]+$/.test(folder) ? folder : JSON.stringify(folder)
}

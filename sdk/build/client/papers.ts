// Papers: package.json and README.md of a client.

import { readFileSync } from 'node:fs'
import type { Kind } from '../../client/types.ts'
import type { ServedService } from './entry.ts'
import { runtimeManifest } from './runtime.ts'

const template = new URL('README.md.template', import.meta.url)

export function manifest(name: string): ReadonlyMap<string, string> {
  const { dependencies, peerDependencies, peerDependenciesMeta } = runtimeManifest()
  const entry = (path: string) => ({ types: `${path}.d.ts`, default: `${path}.js` })
  const text = {
    name,
    version: '0.0.0',
    private: true,
    type: 'module',
    sideEffects: false,
    exports: { '.': entry('./index'), './react': entry('./react'), './gen/*': entry('./gen/*') },
    dependencies,
    peerDependencies,
    peerDependenciesMeta,
  }
  return new Map([['package.json', `${JSON.stringify(text, null, 2)}\n`]])
}

const words: Readonly<Record<Kind, string>> = {
  command: 'command',
  read: 'read',
  action: 'action',
  query: 'query, one row',
  rows: 'query, a stream of rows',
  live: 'live query',
  watch: 'watch',
  stream: 'stream',
}

export function readme(
  name: string,
  services: readonly ServedService[],
  names: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const rows = services.flatMap(({ fullName, methods }) =>
    methods.map(({ localName, kind }) => `| \`client.${names.get(fullName)}.${localName}\` | ${words[kind]} |\n`),
  )
  const text = readFileSync(template, 'utf8').replaceAll('{{name}}', name).replace('{{methods}}\n', rows.join(''))
  return new Map([['README.md', text]])
}

// Authors: the commands of authors, `inn new`, `inn build`, `inn test` and `inn up --dev` of a project, are loaded where their tools are installed. A server has none.

import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { CommandFailure } from './command.ts'

const tools = new URL('../../sdk/build/package.json', import.meta.url)

/** `manifest`: what the tools depend on. @throws CommandFailure that says what to install. */
export async function forAuthors<T>(load: () => Promise<T>, manifest = tools): Promise<T> {
  const missing = missingFor(manifest)
  if (missing.length === 0) return await load()
  throw new CommandFailure(
    `this installation has no build tools, as on a server (missing: ${missing.join(', ')}); ` +
      'install them with `npm ci` in a checkout of Innkeeper',
  )
}

function missingFor(manifest: URL): readonly string[] {
  if (!existsSync(manifest)) return ['sdk/build']
  const { dependencies } = JSON.parse(readFileSync(manifest, 'utf8')) as { dependencies: Record<string, string> }
  const folders = createRequire(manifest).resolve.paths('innkeeper') ?? []
  return Object.keys(dependencies).filter((name) => !folders.some((folder) => existsSync(join(folder, name))))
}

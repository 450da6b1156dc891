// Install: the packages of the peers, in pinned versions, in a folder outside of the tree: they are no dependencies of this repository.
//
// The folder is `PEERS_FOLDER`, or innkeeper/peers in the user's cache. Their own install scripts do not run.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'

export const versions = {
  '@restatedev/restate-server': '1.7.12',
  '@restatedev/restate-sdk': '1.17.2',
  workerd: '1.20261117.1',
} as const

export interface Installed {
  readonly folder: string
  /** Paths of binaries. */
  readonly restateServer: string
  readonly workerd: string
}

export function peersFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const cache = environment['XDG_CACHE_HOME'] || join(homedir(), '.cache')
  return environment['PEERS_FOLDER'] || join(cache, 'innkeeper/peers')
}

/** Takes what is there, or gets it; else says why it cannot be had. */
export function install(
  folder: string,
  say: (line: string) => void,
  environment: NodeJS.ProcessEnv = process.env,
): Installed | { readonly missing: string } {
  const there = found(folder)
  if (there !== undefined) return there
  say(`installing the peers to ${folder} (about 400 MB) ...`)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies: versions }, null, 2))
  const flags = ['--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error']
  const npm = spawnSync('npm', ['install', ...flags], { cwd: folder, env: environment, encoding: 'utf8' })
  const said = npm.error?.message ?? npm.stderr.trim().split('\n')[0]
  if (npm.status !== 0) return { missing: `npm could not install it to ${folder}: ${said}` }
  return (
    found(folder) ?? { missing: `its packages have no binary for ${process.platform} on ${process.arch} (${folder})` }
  )
}

function found(folder: string): Installed | undefined {
  const require = createRequire(join(folder, 'package.json'))
  try {
    for (const [name, version] of Object.entries(versions)) {
      const { version: has } = require(join(folder, 'node_modules', name, 'package.json')) as { version: string }
      if (has !== version) return undefined
    }
    const restateServer = require.resolve(
      `@restatedev/restate-server-${process.platform}-${process.arch}/bin/restate-server`,
    )
    const workerd = (require('workerd') as { default: string }).default
    return existsSync(workerd) ? { folder, restateServer, workerd } : undefined
  } catch {
    return undefined
  }
}

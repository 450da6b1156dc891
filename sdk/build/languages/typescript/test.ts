// Tests of TypeScript services: `npm test`, on a Node that runs TypeScript.

import { spawnSync } from 'node:child_process'
import { delimiter, dirname, join, resolve } from 'node:path'
import hostPackage from '../../../../host/package.json' with { type: 'json' }
import { counts } from '../../counted.ts'
import { BuildError } from '../../problem.ts'
import { findTool, onPath } from '../../toolchain.ts'
import type { ToolTests } from '../language.ts'

export const tests: ToolTests = {
  command: async ({ directory }) => {
    checkNode(directory)
    return { tool: onPath('npm'), args: ['test'] }
  },
  // node --test.
  ran: counts(/^(?:#|ℹ) tests (\d+)$/gm),
}

/** The oldest Node that runs TypeScript: `engines` of the host. */
const [neededMajor, neededMinor] = /(\d+)\.(\d+)/.exec(hostPackage.engines.node)!.slice(1).map(Number) as [
  number,
  number,
]

/** @throws BuildError if the Node that npm would start is too old. */
function checkNode(directory: string): void {
  const path = [...binFolders(directory), process.env['PATH'] ?? ''].join(delimiter)
  const node = findTool({ names: ['node'] }, { PATH: path })
  const version = node === undefined ? '' : spawnSync(node.path, ['--version'], { encoding: 'utf8' }).stdout.trim()
  const [, major, minor] = /^v(\d+)\.(\d+)\./.exec(version) ?? []
  if (Number(major) > neededMajor || (Number(major) === neededMajor && Number(minor) >= neededMinor)) return
  const found = version === '' ? 'there is no Node on the PATH' : `the Node on the PATH is ${version}`
  const message = `the tests need Node ${neededMajor}.${neededMinor} or newer, and ${found}. Install a newer one, or in the project: npm install --save-dev node@24`
  throw new BuildError([{ file: 'inn test', message }], '/')
}

/** Where npm looks for commands before the PATH. */
function binFolders(directory: string): readonly string[] {
  const folders: string[] = []
  for (let folder = resolve(directory); ; folder = dirname(folder)) {
    folders.push(join(folder, 'node_modules/.bin'))
    if (dirname(folder) === folder) return folders
  }
}

// Tests of TypeScript services: `node --test` under the Node that runs `inn` (bin/inn.mjs has chosen it); `npm test` where the project has a
// script of its own. That needs a Node which runs TypeScript: where the one on the PATH is too old, it is that of `inn` as well.

import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { delimiter, dirname, join, resolve } from 'node:path'
import { BuildError } from '../../problem.ts'
import { findTool, onPath } from '../../toolchain.ts'
import type { TestCommand, ToolTests } from '../language.ts'

export const tests: ToolTests = {
  command: async ({ directory }) => {
    if (!hasOwnScript(directory))
      return { tool: { path: process.execPath }, args: ['--disable-warning=ExperimentalWarning', '--test'] }
    const first = nodeFor(directory)
    return { tool: onPath('npm'), args: ['test'], ...(first === undefined ? {} : { first }) }
  },
  ran,
}

/** What `node --test` says at the end of a run. */
const summary = /^(?:#|ℹ) tests (\d+)$(?:\n^(?:#|ℹ) .*$)*?\n^(?:#|ℹ) skipped (\d+)$/gm
/** What mocha, uvu, and jest and vitest with `--passWithNoTests` say of a run without a test. */
const none = /^ *0 passing\b|^ *Total: +0$|^No test(?: file)?s found\b/m

/** A test that is skipped does not run. */
function ran(output: string): boolean {
  const runs = [...output.matchAll(summary)]
  return runs.length === 0 ? !none.test(output) : runs.some(([, tests, skipped]) => Number(tests) > Number(skipped))
}

/** Another one than that of the template, which is `inn test` itself. */
function hasOwnScript(directory: string): boolean {
  const file = join(directory, 'package.json')
  const manifest = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}
  const script: unknown = manifest.scripts?.test
  return typeof script === 'string' && !/\binn test\b/.test(script)
}

/** The oldest Node that runs TypeScript. */
const [neededMajor, neededMinor] = [22, 18]

/** What goes before the PATH, if the Node that npm would start is too old.
 *  @throws BuildError where a Node of the project's own is too old: npm puts that before everything */
function nodeFor(directory: string): TestCommand['first'] {
  const own = findTool({ names: ['node'] }, { PATH: binFolders(directory).join(delimiter) })
  const node = own ?? findTool({ names: ['node'] })
  const version = node === undefined ? '' : spawnSync(node.path, ['--version'], { encoding: 'utf8' }).stdout.trim()
  const [, major, minor] = /^v(\d+)\.(\d+)\./.exec(version) ?? []
  if (Number(major) > neededMajor || (Number(major) === neededMajor && Number(minor) >= neededMinor)) return undefined
  const needed = `the tests need Node ${neededMajor}.${neededMinor} or newer`
  if (own !== undefined) {
    const message = `${needed}, and the project's own is ${version} (${own.path}). In the project: npm install --save-dev node@24`
    throw new BuildError([{ file: 'inn test', message }], '/')
  }
  const found = node === undefined ? 'there is no Node on the PATH' : `the Node on the PATH is ${version}`
  return {
    folder: dirname(process.execPath),
    why: `${needed}, and ${found}; they run under ${process.version}, which runs inn`,
  }
}

/** Where npm looks for commands before the PATH. */
function binFolders(directory: string): readonly string[] {
  const folders: string[] = []
  for (let folder = resolve(directory); ; folder = dirname(folder)) {
    folders.push(join(folder, 'node_modules/.bin'))
    if (dirname(folder) === folder) return folders
  }
}

// Toolchain: the compilers that a machine has for the guests' languages, and what to install where one is missing.
//
// C1. Found in this order: the variable that names it, PATH, the Debian root that .ci/toolchains makes. Nothing is downloaded.
// C2. A tool of the root runs inside it (its libraries are newer than the machine's), in a mount namespace of its own where the
//     given folders have the paths that they have outside: what it says about files is true here too.
// C3. What is missing is one sentence with what to install. It is no failure of the project: tests of that language are skipped.
//
// Leaves to others: what a language does with its tools (languages/).

import { spawnSync } from 'node:child_process'
import { accessSync, constants, mkdirSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, isAbsolute, join } from 'node:path'
import { BuildError } from './problem.ts'
import type { Ran } from './run.ts'
import { run } from './run.ts'

export interface Tool {
  /** Absolute; inside `root` if there is one. */
  readonly path: string
  /** Folder of a Debian root that it runs in. */
  readonly root?: string
}

/** A compiler is not on this machine. */
export class MissingTool extends BuildError {
  /** `language` as a person writes it; `install`: what to do, in one sentence. */
  constructor(language: string, what: string, install: string) {
    super([{ file: language, message: `${what} was not found. ${install}` }], '/')
    this.name = 'MissingTool'
  }
}

interface Search {
  /** Environment variable that names the tool, if it is set. */
  readonly variable?: string
  /** Names on PATH, the best first. */
  readonly names: readonly string[]
  /** Paths inside the Debian root, if it may come from there. */
  readonly inRoot?: readonly string[]
}

/** Folder of .ci/toolchains. */
function toolchainsFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const cache = environment['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')
  return environment['INNKEEPER_TOOLCHAINS'] ?? join(cache, 'innkeeper/toolchains')
}

/** What builds keep of SDKs that they have compiled, for all projects of this machine. */
export function objectsFolder(): string {
  return join(toolchainsFolder(), '../objects')
}

export function findTool(
  { variable, names, inRoot = [] }: Search,
  environment: NodeJS.ProcessEnv = process.env,
): Tool | undefined {
  // Set to nothing, a variable names nothing.
  const named = (variable === undefined ? undefined : environment[variable]) || undefined
  const folders = (environment['PATH'] ?? '').split(delimiter).filter(isAbsolute)
  const paths = (named === undefined ? names : [named]).flatMap((name) =>
    isAbsolute(name) ? [name] : folders.map((folder) => join(folder, name)),
  )
  const path = paths.find(isExecutable)
  if (path !== undefined || named !== undefined) return path === undefined ? undefined : { path }
  const root = join(toolchainsFolder(environment), 'sid')
  const inside = inRoot.find((candidate) => isExecutable(join(root, candidate)))
  return inside === undefined || !canEnter() ? undefined : { path: inside, root }
}

/** A tool that `inn test` starts. */
export function onPath(name: string): Tool | MissingTool {
  return findTool({ names: [name] }) ?? new MissingTool('inn test', name, `Install ${name}.`)
}

let mayMount: boolean | undefined

/** Entering the chroot needs permission to mount; root may lack it inside a container. */
function canEnter(): boolean {
  mayMount ??= process.getuid?.() === 0 && spawnSync('unshare', ['--mount', 'true']).status === 0
  return mayMount
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

interface ToolOptions {
  readonly cwd: string
  /** Folders that a tool of the root must reach, besides `cwd`. */
  readonly folders?: readonly string[]
  /** Added to the environment. */
  readonly environment?: Readonly<Record<string, string>>
}

// `$1` is the root, then the working directory, then the number of folders, the folders, and the command.
const enter = `set -e
root=$1 cwd=$2 left=$3; shift 3
mount -t proc proc "$root/proc"
while [ "$left" -gt 0 ]; do mount --bind "$1" "$root$1"; shift; left=$((left - 1)); done
exec chroot "$root" /bin/sh -c 'cd "$1" && shift && exec "$@"' sh "$cwd" "$@"`

/** Resolves for any exit code. @throws Error if it cannot be started. */
export async function runTool(
  { path, root }: Tool,
  args: readonly string[],
  { cwd, folders = [], environment = {} }: ToolOptions,
): Promise<Ran> {
  if (root === undefined) return await run(path, args, cwd, environment)
  const reached = [...new Set([cwd, ...folders])]
  for (const folder of reached) mkdirSync(join(root, folder), { recursive: true })
  const command = ['--mount', '--fork', '/bin/sh', '-c', enter, 'sh', root, cwd, String(reached.length)]
  return await run('unshare', [...command, ...reached, path, ...args], cwd, environment)
}

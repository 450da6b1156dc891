// Sandbox: a process that is sealed as if its code were hostile, because one day it may be.
//
// B1. Walls, each where the machine gives it (`sandbox` asks once): a bound for memory, an end with its parent, no network, no other
//     processes, no files but those that it needs. The kernel holds them, so native code in the process does not pass either.
// B2. Node's permission model stands behind them, everywhere: reads of the same files only, no writing, no child processes, no addons, and
//     no threads, which it would not hold.
// B3. It inherits three pipes and no environment. What comes out of them is a stranger's: the caller bounds and checks it.
//
//   this host ─ sh limit ─ setpriv (dies with the host) ─ unshare (user, network, processes, mounts) ─ sh wall ─ setpriv (no rights) ─ node
//
// Leaves to others: the time that it may take (link.ts), what it is for (link-process.ts).

import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { InnkeeperError } from '../errors.ts'

const walls = ['memory', 'parent', 'network', 'processes', 'files'] as const
export type Wall = (typeof walls)[number]

export interface Sandbox {
  readonly walls: ReadonlySet<Wall>
  /** What is not sealed: a clause each. */
  readonly missing: readonly string[]
  /** What would seal it. */
  readonly advice: string
}

export type SealedProcess = ChildProcessByStdio<Writable, Readable, Readable>

const heapMegabytes = 1_024
/** All that it can write to: the heap, buffers, memories of WebAssembly, stacks. */
const memoryKiB = 1_536 * 1_024
const probeMs = 10_000

const shell = '/bin/sh'
const steps = fileURLToPath(new URL('./sandbox.sh', import.meta.url))
/** Where the tools of util-linux are: not PATH, whose first folder may be anybody's. */
const toolFolders = ['/usr/bin', '/bin', '/usr/sbin', '/sbin']
const libraries = ['/lib', '/lib64', '/usr/lib', '/usr/lib64']
/** One of them becomes the root of the process, in its own view only. */
const roots = ['/mnt', '/media', '/srv', '/tmp']

const without: Record<Wall, string> = {
  memory: 'nothing but its heap is bounded',
  parent: 'it may outlive a host that is killed',
  network: 'it can reach the network',
  processes: 'it can see and signal processes of this user',
  files: "only Node's permission model keeps it from other files",
}

let known: Promise<Sandbox> | undefined

/** What this machine gives; asked once. Never rejects. */
export function sandbox(): Promise<Sandbox> {
  known ??= probe()
  return known
}

/** What is open, in a sentence; undefined where nothing is. */
export function unsealed({ missing, advice }: Sandbox): string | undefined {
  if (missing.length === 0) return undefined
  return `the process that links components is not sealed on this machine: ${missing.join('; ')}. To seal it, ${advice}`
}

/** Start a script, which can read these folders (absolute) and nothing else. What it is to do is sent to `stdin`, which stays open as long as
 *  the host lives. @throws InnkeeperError `overloaded` where the host has no handles left */
export function launch(script: string, folders: readonly string[], { walls }: Sandbox): SealedProcess {
  const node = [
    process.execPath,
    `--max-old-space-size=${heapMegabytes}`,
    '--no-warnings',
    '--permission',
    ...folders.map((folder) => `--allow-fs-read=${folder}`),
    script,
  ]
  return start([...walled(walls, folders), ...node])
}

function start([command, ...parameters]: string[]): SealedProcess {
  // The folder exists outside and inside.
  const child = spawn(command!, parameters, { env: {}, cwd: '/', stdio: ['pipe', 'pipe', 'pipe'] })
  if ((child.stdout as Readable | undefined) !== undefined) return child
  // No handle for a pipe is left.
  child.on('error', () => {})
  throw new InnkeeperError('overloaded', 'the host has too many files open to start another process; raise `ulimit -n`')
}

/** What stands before a command line, so that it runs behind walls. */
export function walled(walls: ReadonlySet<Wall>, folders: readonly string[]): string[] {
  const line: string[] = []
  if (walls.has('memory')) line.push(shell, steps, 'limit', String(memoryKiB))
  if (walls.has('parent')) line.push(tool('setpriv')!, '--pdeathsig', 'KILL')
  const spaces = [
    ...(walls.has('network') ? ['--net'] : []),
    // Its first process dies with unshare, and with it all others.
    ...(walls.has('processes') ? ['--pid', '--fork', '--kill-child=KILL'] : []),
    ...(walls.has('files') ? ['--mount'] : []),
  ]
  if (spaces.length === 0) return line
  line.push(tool('unshare')!, '--user', '--map-root-user', ...spaces)
  const setpriv = tool('setpriv')!
  if (walls.has('files')) {
    const visible = outermost([...libraries, setpriv, process.execPath, ...folders].filter(existsSync))
    const root = roots.find((one) => existsSync(one) && !visible.some((path) => within(path, one)))
    line.push(shell, steps, 'wall', root ?? roots[0]!, ...visible, '--')
  }
  // Root of a namespace has every right in it, until here.
  line.push(setpriv, '--no-new-privs', '--bounding-set=-all', '--inh-caps=-all', '--pdeathsig', 'KILL')
  return line
}

async function probe(): Promise<Sandbox> {
  if (process.platform !== 'linux') return described(new Set(), 'run it on Linux')
  const all = new Set<Wall>(walls)
  if (await holds(all)) return described(all, '')
  const found = new Set<Wall>()
  for (const wall of walls) {
    const more = new Set([...found, wall])
    if (await holds(more)) found.add(wall)
  }
  const advice =
    tool('unshare') === undefined || tool('setpriv') === undefined
      ? 'install util-linux (unshare, setpriv, mount)'
      : 'allow user namespaces to this user (sysctl user.max_user_namespaces, kernel.apparmor_restrict_unprivileged_userns; in a container its seccomp profile)'
  return described(found, advice)
}

function described(found: ReadonlySet<Wall>, advice: string): Sandbox {
  return { walls: found, missing: walls.filter((wall) => !found.has(wall)).map((wall) => without[wall]), advice }
}

/** Does a process start behind these walls? */
function holds(walls: ReadonlySet<Wall>): Promise<boolean> {
  if (walls.has('parent') && tool('setpriv') === undefined) return Promise.resolve(false)
  const spaces = walls.has('network') || walls.has('processes') || walls.has('files')
  if (spaces && (tool('unshare') === undefined || tool('setpriv') === undefined)) return Promise.resolve(false)
  return new Promise((resolve) => {
    let child: SealedProcess
    try {
      child = start([...walled(walls, []), process.execPath, '--version'])
    } catch {
      resolve(false)
      return
    }
    const timer = setTimeout(() => child.kill('SIGKILL'), probeMs)
    child.stdin.on('error', () => {})
    child.stdin.end()
    child.stdout.resume()
    child.stderr.resume()
    const end = (held: boolean): void => {
      clearTimeout(timer)
      resolve(held)
    }
    child.on('error', () => end(false))
    child.on('close', (code) => end(code === 0))
  })
}

function tool(name: string): string | undefined {
  return toolFolders.map((folder) => `${folder}/${name}`).find((path) => existsSync(path))
}

/** Paths that lie in no other of them: a folder that is bound already cannot be written to for the next. */
function outermost(paths: readonly string[]): string[] {
  return paths.filter(
    (path, at) => !paths.some((other, i) => i !== at && within(path, other) && (path !== other || i < at)),
  )
}

function within(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`)
}

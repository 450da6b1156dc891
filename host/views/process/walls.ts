// Walls: what stands before the command line of a process of views: no network, no rights, and an end with the host's.
//
// U1. Walls that this machine does not give, or behind which the folder of tables cannot be written, are left out: views serve without them, since
//     SQL is sealed by SQLite itself (connection.ts, allowed.ts), and these stand behind it.
//
// Owns: which walls.   link/sandbox.ts owns: how they are made.

import { spawn } from 'node:child_process'
import { sandbox, type Wall, walled } from '../../link/sandbox.ts'

/** Not those of files, behind which nothing can be written, nor that of processes, which hides the number by which one is killed. */
const wanted: readonly Wall[] = ['parent', 'network']

/** @param readable folders, absolute */
export async function wallsFor(readable: string, writable: string): Promise<readonly string[]> {
  const { walls } = await sandbox()
  const given = wanted.filter((wall) => walls.has(wall))
  const line = walled(new Set(given), [])
  if (given.length === wanted.length && (await holds(line, readable, writable))) return line
  return walls.has('parent') ? walled(new Set(['parent']), []) : []
}

/** The user behind the walls has no rights but those of an owner. */
function holds([command, ...parameters]: readonly string[], readable: string, writable: string): Promise<boolean> {
  const test = ['/bin/sh', '-c', 'test -r "$0" && test -w "$1"', readable, writable]
  return new Promise((resolve) => {
    const child = spawn(command!, [...parameters, ...test], { env: {}, cwd: '/', stdio: 'ignore' })
    child.on('error', () => resolve(false))
    child.on('exit', (code) => resolve(code === 0))
  })
}

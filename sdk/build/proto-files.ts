// Proto files: which files lie below a project's proto folder, where links lead.
//
// T1. Links to files and to folders are followed. A link to a folder that it lies in is passed over, and so is one that leads nowhere.
// T2. node_modules and .git are not looked into.
//
// Leaves to others: compiling them (descriptors.ts).

import type { Dirent } from 'node:fs'
import { readdirSync, realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Paths relative to `folder`, with `/`, in order. */
export function filesBelow(folder: string): readonly string[] {
  return [...walk(folder, '', new Set())].sort()
}

/** `around`: the real paths of the folders that `folder` lies in. */
function* walk(folder: string, start: string, around: ReadonlySet<string>): Iterable<string> {
  const real = realpathSync(folder)
  if (around.has(real)) return
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name === 'node_modules' || entry.name === '.git') continue
    const path = join(folder, entry.name)
    const kind = kindOf(entry, path)
    if (kind === 'folder') yield* walk(path, `${start}${entry.name}/`, new Set([...around, real]))
    else if (kind === 'file') yield `${start}${entry.name}`
  }
}

function kindOf(entry: Dirent, path: string): 'file' | 'folder' | undefined {
  const found = entry.isSymbolicLink() ? statSync(path, { throwIfNoEntry: false }) : entry
  if (found?.isDirectory()) return 'folder'
  return found?.isFile() ? 'file' : undefined
}

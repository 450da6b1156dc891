// Folder: where a client is written.
//
// F1. A folder with anything in it is written into only if it is a client of ours, or by force. What is not ours in it stays.
// F2. A file whose text is the same is not touched: tools that watch the folder see what changed. One that is no longer generated is removed.

import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { BuildError } from '../problem.ts'

/** Which files are ours. */
const list = '.innkeeper-client'

export async function writeClient(folder: string, files: ReadonlyMap<string, string>, force: boolean): Promise<void> {
  const before = await listed(folder)
  if (before === undefined && !force && (await entries(folder)).length > 0)
    throw refused(
      folder,
      'is not empty, and no client that inn wrote; name another with --out, or write into it with --force',
    )
  const all = new Map([...files, [list, `${[...files.keys()].sort().join('\n')}\n`]])
  for (const path of before ?? []) if (!all.has(path)) await rm(join(folder, path), { force: true })
  for (const [path, text] of all) {
    const file = join(folder, path)
    if ((await readFile(file, 'utf8').catch(() => undefined)) === text) continue
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, text)
  }
}

async function entries(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return []
    if (code === 'ENOTDIR') throw refused(folder, 'is no folder; name another with --out')
    throw error
  }
}

/** Only paths that we write: the list is a file like others, and what it names is removed. */
async function listed(folder: string): Promise<readonly string[] | undefined> {
  const text = await readFile(join(folder, list), 'utf8').catch(() => undefined)
  return text
    ?.split('\n')
    .filter((path) => /^(?:(?:gen|runtime)\/[\w.$/]+|[\w.-]+)$/.test(path) && !path.includes('..'))
}

function refused(folder: string, message: string): BuildError {
  return new BuildError([{ file: folder, message }], process.cwd())
}

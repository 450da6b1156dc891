// Files: reads what the words of a command name, and says in a sentence why one cannot be read.

import { readFile } from 'node:fs/promises'
import { CommandFailure } from './command.ts'

const causes: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file; a part of its path is a file',
  EISDIR: 'this is a folder; name a file in it (a project is served by `inn up --dev DIR`)',
  EACCES: 'you have no permission to read it',
}

/** @throws CommandFailure */
export async function readNamed(path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (error) {
    throw unread(path, error)
  }
}

/** Why a file cannot be read. */
export function unread(path: string, error: unknown): CommandFailure {
  const { code, message } = error as NodeJS.ErrnoException
  return new CommandFailure(`${path}: ${causes[code ?? ''] ?? message}`)
}

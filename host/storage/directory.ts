// Directory: makes the data directory, or says in a sentence why it cannot be made.
//
// Leaves to others: the store inside it (rocksdb.ts).

import { mkdirSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { InnkeeperError } from '../errors.ts'

const causes: Readonly<Record<string, string>> = {
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'the file system is read-only',
  ENOENT: 'nothing can be made there',
  ENOSPC: 'the disk is full',
  ENAMETOOLONG: 'the name is too long',
  ELOOP: 'its links lead round in a circle',
}

/** With its parents. Not by Node's `recursive`, which tries for ever where the system says that a folder which is there is not (`/proc`).
 *  @throws InnkeeperError `storage_unavailable` */
export function makeDirectory(path: string): void {
  const missing: string[] = []
  let at = resolve(path)
  for (let is = kind(at); is !== 'folder'; is = kind(at)) {
    if (is === 'other') throw refusal(path, `${at} is a file`)
    missing.push(at)
    at = dirname(at)
  }
  for (const folder of missing.reverse()) {
    try {
      mkdirSync(folder)
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      // Another program was quicker.
      if (code === 'EEXIST' && kind(folder) === 'folder') continue
      throw refusal(path, causes[code ?? ''] ?? message)
    }
  }
}

function kind(path: string): 'folder' | 'other' | undefined {
  try {
    return statSync(path).isDirectory() ? 'folder' : 'other'
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw refusal(path, causes[code ?? ''] ?? message)
  }
}

function refusal(path: string, reason: string): InnkeeperError {
  return new InnkeeperError(
    'storage_unavailable',
    `the data directory ${path} cannot be made: ${reason}; choose another with --data`,
  )
}

// Marker: the small file `replica` beside the journal. It tells a copied directory from the original, and how far the last host had
// come: what the journal lacks of that was lost.
//
//   344 MANIFEST-000019 2184          last commit, RocksDB's manifest and its length
//
// M1. It is written in place, unsynced, at most a second after what it tells: a rename would make it another file. What a crash
//     tears off it is read as less, or as nothing; that refuses nothing.
// M2. The length of the manifest is that of the note before, or of the start: RocksDB has synced it since, so no crash shortens it.
// M3. RocksDB takes a manifest that was cut for one that ends there, and deletes every table that it does not name. So it is
//     looked at before RocksDB opens it. A copy that was made while its host ran may have such a manifest, too: it lacks tables.
//
// Owns: the file.   incarnation.ts owns: what follows from it.

import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { InnkeeperError } from '../errors.ts'

export interface Noted {
  /** 0 where it says nothing. */
  readonly commit: number
  readonly manifest: Manifest | undefined
}

export interface Manifest {
  readonly name: string
  readonly bytes: number
}

export function markerOf(directory: string): string {
  return join(directory, 'replica')
}

/** @throws InnkeeperError `storage_unavailable` where there is something else than a file */
export function readMarker(directory: string): Noted {
  const [, commit, name, bytes] =
    /^(\d{1,15})(?: (MANIFEST-\d+) (\d{1,15}))?\n?$/.exec(textOf(markerOf(directory))) ?? []
  const manifest = name === undefined ? undefined : { name, bytes: Number(bytes) }
  return { commit: Number(commit ?? 0), manifest }
}

function textOf(file: string): string {
  try {
    return existsSync(file) ? readFileSync(file, 'utf8') : ''
  } catch (error) {
    const message = `${file} cannot be read (${(error as Error).message}); remove it and start again: the directory is a new replica then`
    throw new InnkeeperError('storage_unavailable', message, error)
  }
}

export function writeMarker(directory: string, { commit, manifest }: Noted): void {
  const parts = manifest === undefined ? [commit] : [commit, manifest.name, manifest.bytes]
  writeFileSync(markerOf(directory), `${parts.join(' ')}\n`)
}

/** RocksDB's manifest as it is now; undefined where there is none. */
export function manifestOf(journal: string): Manifest | undefined {
  const current = join(journal, 'CURRENT')
  const name = existsSync(current) ? readFileSync(current, 'utf8').trim() : ''
  const file = join(journal, name)
  return /^MANIFEST-\d+$/.test(name) && existsSync(file) ? { name, bytes: statSync(file).size } : undefined
}

/** @throws InnkeeperError `storage_unavailable` where the manifest is shorter than it was (M3) */
export function checkManifest(directory: string, journal: string): void {
  const { manifest: was } = readMarker(directory)
  const is = manifestOf(journal)
  if (was === undefined || is?.name !== was.name || is.bytes >= was.bytes) return
  throw new InnkeeperError(
    'storage_unavailable',
    `journal/${is.name} was cut: it has ${is.bytes} bytes, and had ${was.bytes}. Opening it would delete tables that it no longer ` +
      'names. Restore the whole directory from a backup, one that was made while no host ran; or, to go on with what is left, keep ' +
      `a copy of the directory, delete ${markerOf(directory)} and start again: the directory is a new replica then`,
  )
}

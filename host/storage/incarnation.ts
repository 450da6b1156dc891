// Incarnation: which replica this data directory is, when it must become another one (§replica-7), and whether its log lost its end.
//
// N1. A replica never makes the same dot twice. A directory that was copied or restored could: its state is older than what its
//     replica has already told others. So such a directory takes a new id before its first write.
// N2. The marker file `replica` beside the journal tells: a copy is another file (inode, and time of birth where the file system
//     keeps one). Without a marker the directory is a new replica.
// N3. The marker holds the number of the last commit (marker.ts). A journal that ends before it lacks acknowledged commits: its log
//     was cut or lost, or an older journal was put in its place. The directory is refused then; an operator who did restore it
//     deletes the marker. A copy that ends before it was made of a running host: it opens, and says so.
//
// N4. A directory that was copied or restored does nothing by the clock, until an operator says so: the one that it was copied from may do the same, and
//     has done it since.
//
// Owns: the id.   marker.ts owns: the file.   host/crdt owns: what dots are.   FORMAT.md says what this cannot tell.

import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { InnkeeperError } from '../errors.ts'
import type { Warn } from './health.ts'
import type { Manifest, Noted } from './marker.ts'
import { manifestOf, markerOf, readMarker, writeMarker } from './marker.ts'

export interface StoredIncarnation {
  readonly replica: string
  /** Of the marker file, when the id was taken. */
  readonly place: string
  /** It was copied or restored, and nobody has said yet that it is to act by the clock (N4). */
  readonly held?: boolean
}

/** Where the id is kept: in the journal's own store, so that it is copied and restored with it. */
export interface IncarnationStore {
  readonly directoryId: string
  incarnation(): StoredIncarnation | undefined
  putIncarnation(incarnation: StoredIncarnation): void
}

export class Incarnation {
  readonly replica: string
  held: boolean
  private readonly store: IncarnationStore
  private readonly directory: string
  private readonly lastCommit: () => number
  private noted: Noted | undefined
  /** As it was at the last note. */
  private manifest: Manifest | undefined

  /** @throws InnkeeperError `storage_unavailable` where acknowledged commits are missing (N3) */
  constructor(directory: string, store: IncarnationStore, lastCommit: () => number, warn: Warn) {
    this.directory = directory
    this.lastCommit = lastCommit
    const file = markerOf(directory)
    if (!existsSync(file)) writeMarker(directory, { commit: 0, manifest: undefined })
    const noted = readMarker(directory).commit
    const missing = noted > lastCommit() ? noted - lastCommit() : 0
    const known = store.incarnation()
    const same = known !== undefined && isPlace(known.place, file)
    this.store = store
    this.held = known?.held === true || (known !== undefined && !same)
    if ((same || known === undefined) && missing > 0) throw cut(directory, lastCommit(), noted)
    this.manifest = this.manifestNow
    this.note()
    if (same) {
      this.replica = known.replica
      return
    }
    this.replica = newReplica(store.directoryId)
    if (known !== undefined)
      warn('the data directory was copied or restored: it is a new replica now', {
        was: known.replica,
        is: this.replica,
        ...(missing > 0 ? { missing, note: `the copy lacks ${missing} commits: it was made of a running host` } : {}),
      })
    this.keep(placeOf(file))
  }

  /** It acts by the clock from now on (N4). */
  release(): void {
    if (!this.held) return
    this.held = false
    this.keep(this.store.incarnation()!.place)
  }

  private keep(place: string): void {
    const { replica, held } = this
    this.store.putIncarnation({ replica, place, ...(held && { held }) })
  }

  /** Remember how far this replica has come, if that has changed. */
  note(): void {
    const { manifest, noted } = this
    const commit = this.lastCommit()
    this.manifest = this.manifestNow
    if (commit === noted?.commit && isDeepStrictEqual(manifest, noted.manifest)) return
    this.noted = { commit, manifest }
    writeMarker(this.directory, { commit, manifest })
  }

  private get manifestNow(): Manifest | undefined {
    return manifestOf(join(this.directory, 'journal'))
  }
}

export function newReplica(directoryId: string): string {
  return `${directoryId.slice(0, 12)}-${randomBytes(5).toString('hex')}`
}

function cut(directory: string, last: number, noted: number): InnkeeperError {
  const [commits, are] =
    noted - last === 1 ? ['1 acknowledged commit', 'is'] : [`${noted - last} acknowledged commits`, 'are']
  return new InnkeeperError(
    'storage_unavailable',
    `${commits} ${are} missing: the journal ends at commit ${last}, and commit ${noted} was written. Its write-ahead log was cut or ` +
      `lost, or an older journal was put in its place. Restore the whole directory from a backup; or, to go on without them, ` +
      `delete ${markerOf(directory)} and start again: the directory is a new replica then`,
  )
}

/** Inode and time of birth. Where the file system keeps no birth, Node tells the last change in its place: another one after each
 *  write. So a birth counts once a later write has left it as it was; clocks of files tick every 4 ms and more. */
function placeOf(file: string): string {
  for (let tries = 0; tries < 3; tries++) {
    const { ino, birthtimeNs, ctimeNs } = statSync(file, { bigint: true })
    if (birthtimeNs !== ctimeNs) return `${ino}:${Math.round(Number(birthtimeNs) / 1e6)}`
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10)
    writeFileSync(file, readFileSync(file))
  }
  return `${statSync(file, { bigint: true }).ino}`
}

function isPlace(place: string, file: string): boolean {
  const { ino, birthtimeMs } = statSync(file)
  const [inode, birth] = place.split(':')
  return inode === `${ino}` && (birth === undefined || Math.abs(Number(birth) - birthtimeMs) <= 1)
}

// Incarnation: which replica this data directory is, and when it must become another one (A12).
//
// N1. A replica never makes the same dot twice. A directory that was copied or restored could: its state is older than what its
//     replica has already told others. So such a directory takes a new id before its first write.
// N2. Told by a marker file beside the journal: a copy is another file (inode, time of birth), and a restored journal lies
//     behind the commit number that the marker knows, which is noted at each start, each end, and every minute between.
//     A restore in place of a backup that is younger than that is not noticed, nor one that writes over the marker file
//     itself instead of putting another in its place.
//
// Owns: the id and the marker.   host/crdt owns: what dots are.

import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Warn } from './kv-journal.ts'

export interface StoredIncarnation {
  readonly replica: string
  /** Of the marker file, when the id was taken. */
  readonly place: string
}

/** Where the id is kept: in the journal's own store, so that it is copied and restored with it. */
export interface IncarnationStore {
  readonly directoryId: string
  incarnation(): StoredIncarnation | undefined
  putIncarnation(incarnation: StoredIncarnation): void
}

export class Incarnation {
  readonly replica: string
  private readonly file: string
  private readonly lastCommit: () => number

  constructor(directory: string, store: IncarnationStore, lastCommit: () => number, warn: Warn) {
    this.file = join(directory, 'replica')
    this.lastCommit = lastCommit
    if (!existsSync(this.file)) writeFileSync(this.file, '0\n')
    const place = placeOf(this.file)
    const known = store.incarnation()
    const noted = Number(readFileSync(this.file, 'utf8').trim())
    if (known !== undefined && known.place === place && !(noted > lastCommit())) {
      this.replica = known.replica
    } else {
      this.replica = newReplica(store.directoryId)
      if (known !== undefined)
        warn('the data directory was copied or restored: it is a new replica now', {
          was: known.replica,
          is: this.replica,
        })
      store.putIncarnation({ replica: this.replica, place })
    }
    this.note()
  }

  /** Remember how far this replica has come. */
  note(): void {
    // In place: a rename would make it another file. What a crash tears is read as no number, which is never larger.
    writeFileSync(this.file, `${this.lastCommit()}\n`)
  }
}

export function newReplica(directoryId: string): string {
  return `${directoryId.slice(0, 12)}-${randomBytes(5).toString('hex')}`
}

function placeOf(file: string): string {
  const { ino, birthtimeMs } = statSync(file)
  return `${ino}:${Math.round(birthtimeMs)}`
}

// Sources: the files that an author writes, below some folders, and when they change.
//
// U1. What builds, editors, package managers and hosts write is no source: `node_modules`, folders and files that start with a dot, what
//     compilers make, lock files, backups, and the folders that are named besides.
// U2. No change is missed: folders are watched before they are read, and what is new among them is watched as well.

import type { FSWatcher } from 'node:fs'
import { readdirSync, statSync, watch } from 'node:fs'
import { join } from 'node:path'

const foldersMade: ReadonlySet<string> = new Set(['node_modules', 'build', 'target', 'dist', 'gen'])
const filesMade = /^[.#]|~$|\.(?:lock|sum|swp|tmp|part)$/

/** Editors and tools write in several steps: a change counts when it has been quiet for so long. */
export const quietMs = 100

interface Watched {
  readonly watcher: FSWatcher
  /** A folder that is made again under the same name has another. */
  readonly inode: number
}

export class Sources {
  private readonly folders: readonly string[]
  private readonly except: ReadonlySet<string>
  private readonly watched = new Map<string, Watched>()
  private timer: NodeJS.Timeout | undefined
  private wake = () => {}
  private closed = false

  /** All absolute; `except`: folders that are none. */
  constructor(folders: readonly string[], except: readonly string[]) {
    this.folders = folders
    this.except = new Set(except)
  }

  /** What there is now: another text after any change. */
  state(): string {
    const found: string[] = []
    const seen = new Set<string>()
    for (const folder of this.folders) this.read(folder, seen, found)
    for (const folder of [...this.watched.keys()]) if (!seen.has(folder)) this.forget(folder)
    return found.sort().join('\n')
  }

  /** Resolves once it is another than `state` and quiet, or when this is closed. */
  async changedSince(state: string): Promise<void> {
    while (!this.closed && (this.timer !== undefined || this.state() === state)) {
      await new Promise<void>((resolve) => {
        this.wake = resolve
      })
    }
  }

  close(): void {
    this.closed = true
    clearTimeout(this.timer)
    for (const folder of [...this.watched.keys()]) this.forget(folder)
    this.wake()
  }

  private read(folder: string, seen: Set<string>, found: string[]): void {
    if (seen.has(folder) || this.except.has(folder)) return
    if (!this.watch(folder)) return
    seen.add(folder)
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) {
        if (!entry.name.startsWith('.') && !foldersMade.has(entry.name)) this.read(path, seen, found)
      } else if (!filesMade.test(entry.name)) {
        const about = statSync(path, { throwIfNoEntry: false })
        if (about?.isFile()) found.push(`${path} ${about.size} ${about.mtimeMs} ${about.ino}`)
      }
    }
  }

  /** Whether it is there. */
  private watch(folder: string): boolean {
    const about = statSync(folder, { throwIfNoEntry: false })
    if (this.closed || !about?.isDirectory()) return false
    if (this.watched.get(folder)?.inode === about.ino) return true
    this.forget(folder)
    const watcher = watch(folder, () => this.touched())
    // It is gone: the folder above tells of it.
    watcher.on('error', () => this.forget(folder))
    this.watched.set(folder, { watcher, inode: about.ino })
    return true
  }

  private forget(folder: string): void {
    this.watched.get(folder)?.watcher.close()
    this.watched.delete(folder)
  }

  private touched(): void {
    clearTimeout(this.timer)
    this.timer = setTimeout(() => {
      this.timer = undefined
      this.wake()
    }, quietMs)
  }
}

// Slow disk: a library over fsync and its like (c/slow-sync.c), compiled here, for processes whose disk is to be slow for a while.

import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { folder } from './journal.ts'

const source = fileURLToPath(new URL('c/slow-sync.c', import.meta.url))
const compilers = ['cc', 'gcc', 'clang', 'clang-19']

export class SlowDisk {
  /** Of a process whose syncs are to be slow. */
  readonly env: Readonly<Record<string, string>>
  private readonly delay: string
  private readonly began: string

  constructor(library: string) {
    const path = folder()
    this.delay = join(path, 'delay')
    this.began = join(path, 'began')
    this.env = { LD_PRELOAD: library, SLOW_SYNC_FILE: this.delay, SLOW_SYNC_BEGAN: this.began }
    writeFileSync(this.began, '')
    this.take(0)
  }

  /** Every sync that begins from now on takes so much longer. */
  take(ms: number): void {
    writeFileSync(this.delay, `${ms}`)
  }

  /** Syncs that have begun. */
  get syncs(): number {
    return readFileSync(this.began).length
  }

  /** Resolves when a sync has begun since `before`. */
  async begins(before: number): Promise<void> {
    for (let tries = 0; tries < 6_000; tries++) {
      if (this.syncs > before) return
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    throw new Error('no sync began')
  }
}

/** The library, or why there is none. */
export function slowSync(): { readonly library: string } | { readonly missing: string } {
  if (process.platform !== 'linux') return { missing: 'LD_PRELOAD is of Linux' }
  const library = join(folder(), 'slow-sync.so')
  for (const compiler of compilers) {
    try {
      execFileSync(compiler, ['-shared', '-fPIC', '-O2', source, '-o', library, '-ldl'], { stdio: 'pipe' })
      return { library }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
  return { missing: `no C compiler is installed (${compilers.join(', ')})` }
}

// Scratch: folders of a run, gone when it ends, however it ends.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const there = new Set<string>()
process.on('exit', () => {
  for (const path of there) rmSync(path, { recursive: true, force: true, maxRetries: 3 })
})

export async function inScratch<T>(work: (path: string) => Promise<T>): Promise<T> {
  const path = mkdtempSync(join(tmpdir(), 'innkeeper-peers-'))
  there.add(path)
  try {
    return await work(path)
  } finally {
    rmSync(path, { recursive: true, force: true, maxRetries: 3 })
    there.delete(path)
  }
}

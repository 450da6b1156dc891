// Write: generated modules into a project's folder for them.
//
// W1. What did not change is not written, so that editors and watchers stay quiet; what did appears whole, by a rename, so
//     that whoever reads meanwhile sees the old text or the new.
// W2. What the .proto files no longer have is taken away: only ever files that an earlier call wrote here.

import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join, normalize } from 'node:path'
import type { GeneratedFile } from './generate.ts'

const index = '.files.json'

export async function writeGenerated(folder: string, files: readonly GeneratedFile[]): Promise<void> {
  const before = await readIndex(folder)
  const paths = files.map(({ path }) => path)
  for (const { path, text } of files) await writeIfChanged(join(folder, path), text)
  for (const path of before) {
    if (!paths.includes(path) && !normalize(path).startsWith('..')) await rm(join(folder, path), { force: true })
  }
  await writeIfChanged(join(folder, index), `${JSON.stringify(paths)}\n`)
}

async function readIndex(folder: string): Promise<readonly string[]> {
  if (!existsSync(join(folder, index))) return []
  const paths: unknown = JSON.parse(await readFile(join(folder, index), 'utf8'))
  return Array.isArray(paths) ? paths.filter((path) => typeof path === 'string') : []
}

async function writeIfChanged(file: string, text: string): Promise<void> {
  if (existsSync(file) && (await readFile(file, 'utf8')) === text) return
  await mkdir(dirname(file), { recursive: true })
  const unfinished = `${file}.${process.pid}.part`
  await writeFile(unfinished, text)
  await rename(unfinished, file)
}

// Breaking: would a new version of the descriptors misread what an old one wrote? Asked of `buf breaking`.
//
// Only the wire counts (category WIRE): names may change, field numbers and types may not.

import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bufPath } from './buf.ts'

const timeLimitMs = 30_000
const rules = JSON.stringify({ version: 'v2', breaking: { use: ['WIRE'] } })

/** Sentences of what breaks; empty if nothing does. Descriptor sets as bytes. */
export async function wireBreaks(before: Uint8Array, after: Uint8Array): Promise<readonly string[]> {
  const directory = await mkdtemp(join(tmpdir(), 'innkeeper-breaking-'))
  try {
    const [old, fresh] = [join(directory, 'before.binpb'), join(directory, 'after.binpb')]
    await writeFile(old, before)
    await writeFile(fresh, after)
    const output = await run(['breaking', fresh, '--against', old, '--config', rules, '--error-format', 'json'])
    return output
      .split('\n')
      .filter((line) => line !== '')
      .map(sentence)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

function run(args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [bufPath(), ...args], { timeout: timeLimitMs }, (error, stdout, stderr) => {
      // 100 is buf's "there are findings".
      if (error === null || error.code === 100) resolve(stdout)
      else reject(new Error(`buf breaking failed: ${stderr.trim() || error.message}`))
    })
  })
}

function sentence(line: string): string {
  try {
    const { path, message } = JSON.parse(line) as { path?: string; message?: string }
    return `${path ?? 'descriptors'}: ${message ?? line} (it breaks the wire; --force overrides)`
  } catch {
    return line
  }
}

// Guards the names in a damaged block: the doctor knows them also of commits that are trimmed.

import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { examine } from '../../host/doctor/doctor.ts'
import { feedOf } from '../support/feed.ts'
import { append, folder } from '../support/journal.ts'
import { openStore } from '../support/store.ts'

const Named = suite('names of trimmed commits')

const keys = Array.from({ length: 60 }, (_, n) => `k${String(n).padStart(2, '0')}`)
const rounds = 5
const log = () => {}

/** Several tables: each start writes one of what the log holds. */
async function trimmed(): Promise<string> {
  const directory = folder()
  for (let round = 0; round < rounds; round++) {
    const store = await openStore(directory, { log })
    for (const key of keys) await append(store.journal, { storage: 1, key }, ['x'.repeat(300)])
    await store.close()
  }
  const store = await openStore(directory, { log })
  const { feed, note, trim } = feedOf(store)
  await note()
  await trim()
  assert.is(feed.trimmed, 250)
  await store.close()
  await (await openStore(directory, { log })).close()
  return directory
}

/** Entities of which records cannot be read. */
async function unreadable(directory: string): Promise<readonly string[]> {
  const { journal, close } = await openStore(directory, { log })
  try {
    return keys.filter((key) => {
      try {
        return journal.records({ storage: 1, key }, 0, 100, 1e9).records.length < rounds
      } catch {
        return true
      }
    })
  } finally {
    await close()
  }
}

Named(
  'doctor.C2, trimming.T3: whoever has records in an unreadable block is named, though its commits are trimmed',
  async () => {
    const original = await trimmed()
    assert.equal((await examine(original, () => {})).findings, [])
    let gaps = 0
    for (const table of readdirSync(join(original, 'journal')).filter((file) => file.endsWith('.sst'))) {
      for (const part of [0.2, 0.5]) {
        const directory = folder()
        cpSync(original, directory, { recursive: true })
        const file = join(directory, 'journal', table)
        const bytes = readFileSync(file)
        bytes[Math.floor(bytes.length * part)]! ^= 0x10
        writeFileSync(file, bytes)
        const { findings } = await examine(directory, () => {}).catch(() => ({ findings: [] }))
        const named = findings.filter(({ column, entity }) => column === 'journal' && entity !== null)
        if (!findings.some(({ column, what }) => column === 'journal' && what.startsWith('everything between')))
          continue
        gaps += 1
        for (const { what } of named)
          assert.match(
            what,
            /^(record \d+|records \d+ to \d+|all its records|records from \d+ on, if it had any|everything between .*)$/,
          )
        for (const key of await unreadable(directory))
          assert.ok(
            named.some(({ entity }) => entity === key),
            `${key} is not named: ${JSON.stringify(findings.map(({ reason: _, ...rest }) => rest))}`,
          )
      }
    }
    assert.ok(gaps > 0, 'no block of records was damaged: this test shows nothing')
  },
)

Named.run()

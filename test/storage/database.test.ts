// Guards what RocksDB is told (decision 0038), as it says itself in its file of options: how long its log may get, how large its tables are, and that
// no dictionary is made.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { columns } from '../../host/storage/columns.ts'
import { Database } from '../../host/storage/database.ts'
import { temporary } from '../support/host.ts'

const Told = suite('what RocksDB is told')
const MiB = 1024 * 1024

type Options = Readonly<Record<string, string>>

/** Of each column, with those of its tables. */
async function options(): Promise<ReadonlyMap<string, Options>> {
  const { path, remove } = temporary()
  try {
    const database = await Database.open(path, () => {})
    await database.close()
    const name = readdirSync(path)
      .filter((file) => file.startsWith('OPTIONS-'))
      .sort()
      .at(-1)!
    const found = new Map<string, Record<string, string>>()
    let section: Record<string, string> = {}
    for (const line of readFileSync(join(path, name), 'utf8').split('\n')) {
      const column = /^\[(?:CFOptions|TableOptions\/BlockBasedTable) "(.+)"\]$/.exec(line)?.[1]
      if (column !== undefined) {
        section = found.get(column) ?? {}
        found.set(column, section)
      } else if (line.startsWith('[')) section = {}
      const [, key, value] = /^ {2}(\w+)=(.*)$/.exec(line) ?? []
      if (key !== undefined) section[key] = value!
    }
    return found
  } finally {
    remove()
  }
}

const told = await options()
const of = (column: string, name: string) => Number(told.get(column)![name])

Told('the log is at most 137 MiB long, which a start reads', () => {
  // db/db_impl: four times what all memtables may have.
  const logBytes = columns.map((column) => 4 * of(column, 'write_buffer_size') * of(column, 'max_write_buffer_number'))
  assert.is(logBytes.reduce((sum, bytes) => sum + bytes) / MiB, 136.5)
})

Told('tables of records have 2 MiB, so that ten gigabytes are some thousands of files', () => {
  assert.is(of('journal', 'target_file_size_base'), 2 * MiB)
  assert.is(of('journal', 'max_bytes_for_level_base'), 16 * MiB)
})

Told('only levels that stay are compressed, and without a dictionary', () => {
  for (const column of columns) {
    const { compression_per_level: levels, compression_opts: how } = told.get(column)!
    assert.match(levels!, /^kNoCompression:kNoCompression:kZSTD:kZSTD/)
    assert.match(how!, /max_dict_bytes=0;/)
  }
})

Told('every table has a filter for its keys, so that a read of a key touches no other', () => {
  for (const column of columns) assert.match(told.get(column)!['filter_policy']!, /bloomfilter:10/)
})

Told('blocks of records are 8 KiB, all others 4', () => {
  for (const column of columns) assert.is(of(column, 'block_size'), column === 'journal' ? 8192 : 4096)
})

Told.run()

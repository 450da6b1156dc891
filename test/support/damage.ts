// Damage, made by hand: a data directory with something of everything in it, and ways to spoil it while no host runs.

import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import type { Column } from '../../host/storage/columns.ts'
import { columns } from '../../host/storage/columns.ts'
import { Database } from '../../host/storage/database.ts'
import { component } from './components.ts'
import type { HostProcess } from './host.ts'
import { hostProcess, http, temporary } from './host.ts'
import { actions, replicas, ScriptClient, scripted, values } from './scripted.ts'
import { openStore, partitions } from './store.ts'

export const counter = 'examples.counter.v1.Counter'
/** Entities of each state model, and what they hold. */
export const keys = Array.from({ length: 30 }, (_, at) => `k${String(at).padStart(2, '0')}`)
export const adds = 7
export const textOf = (key: string) => `${key} ${'x'.repeat(400)}`
export const amountOf = (key: string) => Number(key.slice(1)) + 1
/** Entities of Replicas that a stream was open on. */
export const listened = Array.from({ length: 20 }, (_, at) => `s${String(at).padStart(2, '0')}`)
/** Values that effects wait for, parked since no such service is deployed. */
export const effects = 12

const put = (text: string) => `return { change: { updated: ${JSON.stringify(text)} }, outcome: say('put') }`
export const readValue = "return { outcome: say(value ?? '-') }"
export const readReplica = 'return { answer: say(view.value?.counter ?? 0) }'
const cancelled = 'return { operations: [add(100)], answer: none() }'
const open = `return { operations: [add(1)], answer: say('open'), subscribe: ${JSON.stringify({ cancelled, changed: 'return {}' })} }`

/** Written by a host, which has ended: counters with snapshots, values, replicas, open streams, keys, effects. */
export async function filled(directory: string): Promise<void> {
  const folder = temporary()
  const file = join(folder.path, 'scripted.wasm')
  writeFileSync(file, await scripted())
  const host = await hostProcess(directory, [
    '--snapshot-every',
    '3',
    (await component('counter/assemblyscript')).file,
    file,
  ])
  const client = new ScriptClient(host.listen)
  const done = async (service: string, id: string, code: string, headers = {}) =>
    assert.is((await client.call(service, 'Do', id, code, headers)).code, 0)
  try {
    for (const key of keys) {
      for (let n = 1; n <= adds; n++) await add(host, key, n, n === 1 ? { 'idempotency-key': `once ${key}` } : {})
      await done(values, key, put(textOf(key)), { 'idempotency-key': `once ${key}` })
      await done(replicas, key, `return { operations: [increment(${amountOf(key)})], answer: say('') }`)
      await done(replicas, key, "return { operations: [increment(1)], answer: say('') }")
    }
    for (const id of listened) await client.listen(replicas, 'Open', id, open).until(1)
    for (let n = 0; n < effects; n++)
      await done(actions, '', `return say('', { effects: [effect('no.such.Service', 'Do', 'e${n}', '')] })`)
    for (;;) {
      const { effects: list } = (await http(host.admin, 'GET', '/v1/effects')).json
      if (list.filter(({ parked }: { parked: string | null }) => parked !== null).length === effects) break
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  } finally {
    client.close()
    await host.kill()
    folder.remove()
  }
  // Out of the log, into tables.
  const { journal } = await openStore(directory, { log() {} })
  await journal.close()
}

export async function add(host: HostProcess, key: string, amount: number, headers: Record<string, string> = {}) {
  return await http(host.listen, 'POST', `/counter/${key}/add`, { amount }, headers)
}

/** The directory, somewhere else. */
export function copied(directory: string): { path: string; remove: () => void } {
  const copy = temporary()
  cpSync(directory, copy.path, { recursive: true })
  return copy
}

/** Another value in the place of what is stored, or none; of all rows of a column that are chosen. */
export async function spoil(
  directory: string,
  column: Column,
  chosen: (key: Buffer) => boolean,
  change: (value: Buffer) => Buffer = flipped,
): Promise<void> {
  const database = await Database.open(join(directory, 'journal'), () => {})
  try {
    const rows = database.range(column, { from: Buffer.alloc(1), to: Buffer.of(255, 255), limit: 100_000 })
    let spoiled = 0
    for (let at = 0; at < rows.length; at += 2) {
      if (!chosen(ofPartition(column, rows[at]!))) continue
      database.write([[column, rows[at]!, change(rows[at + 1]!)]], true)
      spoiled += 1
    }
    assert.ok(spoiled > 0, `nothing of ${column} is chosen`)
  } finally {
    await database.close()
  }
}

/** A key without its partition (storage/partitioned.ts). */
function ofPartition(column: Column, key: Buffer): Buffer {
  const hosts = column === 'components' || (column === 'default' && key[0]! >= 0x41)
  return partitions === 1 || hosts ? key : key.subarray(2)
}

/** With one wrong bit, in its last byte. */
function flipped(value: Buffer): Buffer {
  const copy = Buffer.from(value)
  copy[copy.length - 1]! ^= 0x10
  return copy
}

/** Table files with the column that they belong to, as their properties say. */
export function tables(directory: string): readonly { readonly file: string; readonly column: Column }[] {
  const folder = join(directory, 'journal')
  return readdirSync(folder)
    .filter((name) => name.endsWith('.sst'))
    .map((name) => {
      const text = readFileSync(join(folder, name)).toString('latin1')
      const column = columns.find((one) => new RegExp(`column\\.family\\.id[\\s\\S]{0,16}name${one}`).test(text))
      assert.ok(column !== undefined, `${name} belongs to no column`)
      return { file: join(folder, name), column: column! }
    })
}

/** One wrong bit, at a part of the file's length. */
export function flip(file: string, part: number): void {
  const bytes = readFileSync(file)
  bytes[Math.floor(bytes.length * part)]! ^= 0x10
  writeFileSync(file, bytes)
}

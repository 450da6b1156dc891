// Guards what was acknowledged against `kill -9`, ten times over on the same directory: all of it is there, once, in order;
// of what was on its way, at most that.
//
// The seed decides loads and moments; `SEED=n` runs the same ones again (the moment within a write stays chance).
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Journal } from '../../host/journal/journal.ts'
import { folder } from '../support/journal.ts'
import { openStore } from '../support/store.ts'
import { entities, inFlight } from './crash-load.ts'

const rounds = 10
const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
console.log(`seed=${seed}`)

const Crash = suite('journal crash')

Crash(
  '§storage-3: acknowledged commits survive kill -9, once and in order, and at most those in flight are extra',
  async () => {
    const directory = folder()
    const acknowledged = new Map<string, number>()
    let random = seed
    for (let round = 1; round <= rounds; round++) {
      random = (Math.imul(random, 1_103_515_245) + 12_345) >>> 0
      const before = total(acknowledged)
      await killedAfter(directory, random, 1 + ((random >>> 8) % 400), acknowledged)
      const heard = total(acknowledged)
      assert.ok(heard > before, `round ${round}: nothing was acknowledged`)
      const { journal } = await openStore(directory, { log: () => {} })
      const stored = check(journal, acknowledged)
      await journal.close()
      // What was on its way and got to the disk is there from now on.
      for (const [key, revision] of stored) acknowledged.set(key, revision)
      const extra = total(acknowledged) - heard
      assert.ok(extra <= inFlight, `round ${round}: ${extra} extra`)
    }
  },
)

Crash.run()

/** Run the committer until it acknowledged `count` commits, then kill it and take in what it still had said. */
async function killedAfter(directory: string, loadSeed: number, count: number, heard: Map<string, number>) {
  const committer = fileURLToPath(new URL('committer.ts', import.meta.url))
  const child = spawn(process.execPath, [committer, directory, String(loadSeed)], { stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = new Promise<string | null>((resolve) => child.on('exit', (_, signal) => resolve(signal)))
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk
  })
  let lines = 0
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === 'open') continue
    const [key, revision] = line.split(' ') as [string, string]
    assert.is(Number(revision), (heard.get(key) ?? 0) + 1, `an acknowledgement out of order: ${line}`)
    heard.set(key, Number(revision))
    lines += 1
    if (lines === count) child.kill('SIGKILL')
  }
  assert.is(await ended, 'SIGKILL', `the committer ended by itself: ${said}`)
  assert.is(said, '', 'kill -9 tears no write: the log must need no cut')
}

/** Every entity has all that was acknowledged, without gaps; answers how many records each has. */
function check(journal: Journal, acknowledged: ReadonlyMap<string, number>): Map<string, number> {
  const stored = new Map<string, number>()
  for (const key of entities) {
    const entity = { storage: 1, key }
    const head = journal.head(entity)
    assert.ok((head?.revision ?? 0) >= (acknowledged.get(key) ?? 0), `${key}: an acknowledged commit is gone`)
    if (head === undefined) continue
    const { records, more } = journal.records(entity, 0, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)
    assert.not.ok(more)
    assert.is(records.length, head.revision)
    let sequence = 0
    for (const [index, { revision, events, sequence: after }] of records.entries()) {
      assert.is(revision, index + 1)
      for (const { data } of events) {
        sequence += 1
        assert.ok(Buffer.from(data).toString().startsWith(`${key} ${sequence} `), `${key}: event ${sequence}`)
      }
      assert.is(after, sequence)
    }
    stored.set(key, head.revision)
  }
  checkOrder(journal, stored)
  return stored
}

/** The order of commits is without gaps and names each record once, in its entity's order. */
function checkOrder(journal: Journal, stored: ReadonlyMap<string, number>): void {
  const seen = new Map<string, number>()
  let number = 0
  for (const commit of journal.commits(0, Number.MAX_SAFE_INTEGER)) {
    number += 1
    assert.is(commit.number, number)
    for (const { entity, revision } of commit.wrote) {
      assert.is(revision, (seen.get(entity.key) ?? 0) + 1)
      seen.set(entity.key, revision)
    }
  }
  assert.is(journal.lastCommit(), number)
  assert.equal([...seen].sort(), [...stored].sort())
}

function total(revisions: ReadonlyMap<string, number>): number {
  let sum = 0
  for (const revision of revisions.values()) sum += revision
  return sum
}

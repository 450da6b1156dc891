// Guards a follower against `kill -9`, of it and of the host together, again and again: with the offset that it keeps beside what it made it has every
// event once and in order, and what was trimmed behind it was not needed.

import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Offset } from '../../host/feed/offset.ts'
import { entities } from '../store/crash-load.ts'
import { all, feedOf } from '../support/feed.ts'
import { folder } from '../support/journal.ts'
import { openStore } from '../support/store.ts'

/** A line of the follower's file: entity, last sequence and number of events. */
export interface Applied {
  readonly events: readonly (readonly [entity: string, sequence: number, count: number])[]
  readonly next: Offset
}

const rounds = 5
const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
console.log(`seed=${seed}`)

const Crash = suite('feed crash')

Crash(
  'feed.F1, consumers.U2: a follower that is killed with its host goes on where it was, without a gap or a repeat',
  async () => {
    const directory = folder()
    const file = join(folder(), 'applied')
    let reached = 0
    for (let round = 1; round <= rounds; round++) {
      const until = reached + 300 + ((seed >>> round) % 200)
      reached = await killedAt(directory, file, seed + round, until)
    }
    const store = await openStore(directory, { log: () => {} })
    const { feed, consumers } = feedOf(store)
    const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1)
    const applied = lines.map((line) => JSON.parse(line) as Applied)
    const seen = new Map<string, number>()
    const see = (entity: string, sequence: number, count: number) => {
      assert.is(sequence - count, seen.get(entity) ?? 0, `${entity}: a gap or a repeat`)
      seen.set(entity, sequence)
    }
    for (const { events } of applied) for (const one of events) see(...one)
    const { next } = applied.at(-1)!
    for (const change of all(feed, next).changes) {
      assert.ok(change.kind === 'events')
      see(change.entity.key, change.sequence, change.events.length)
    }
    for (const key of entities) assert.is(seen.get(key), store.journal.head({ storage: 1, key })?.sequence)
    const [view] = consumers.list()
    assert.ok(feed.trimmed > 0, 'something was trimmed')
    assert.ok(feed.trimmed <= view!.offset.commit && view!.offset.commit <= next.commit)
    await store.close()
  },
)

Crash.run()

/** Runs the follower until it has read so far, and kills it; answers how far it came. */
async function killedAt(directory: string, file: string, loadSeed: number, until: number): Promise<number> {
  const follower = fileURLToPath(new URL('follower.ts', import.meta.url))
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', follower, directory, file, `${loadSeed}`],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, TEST_PARTITIONS: '1' },
    },
  )
  const ended = new Promise<string | null>((resolve) => child.on('exit', (_, signal) => resolve(signal)))
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk
  })
  let reached = 0
  for await (const line of createInterface({ input: child.stdout })) {
    reached = Number(line)
    if (reached >= until) child.kill('SIGKILL')
  }
  assert.is(await ended, 'SIGKILL', `the follower ended by itself: ${said}`)
  assert.not.match(said, /cut|damaged|Error/)
  return reached
}

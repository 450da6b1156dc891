// What crash.test.ts kills: a process that commits without end, follows its own feed, and writes what it read and how far that is into a file, as a
// view would; the feed is trimmed behind it.
//
// One line a page on standard output: the last commit read. Started with the directory, the file and a seed.

import { appendFileSync, existsSync, readFileSync, truncateSync, writeSync } from 'node:fs'
import { committed, GroupCommit } from '../../host/journal/group-commit.ts'
import { entities, inFlight, text } from '../store/crash-load.ts'
import { feedOf, page } from '../support/feed.ts'
import { record } from '../support/journal.ts'
import { openStore } from '../support/store.ts'
import type { Applied } from './crash.test.ts'

const [directory, file, seed] = process.argv.slice(2) as [string, string, string]
const store = await openStore(directory, { log: (message) => writeSync(2, `${message}\n`) })
const { journal } = store
const commits = new GroupCommit({ journals: [journal], flush() {} })
const { feed, consumers, trimming, age } = feedOf(store, { commits: commits.of(0) })
let random = Number(seed)

const whole = existsSync(file) ? readFileSync(file, 'utf8').lastIndexOf('\n') + 1 : 0
if (whole > 0) truncateSync(file, whole)
const last = whole === 0 ? undefined : readFileSync(file, 'utf8').trimEnd().split('\n').at(-1)!
let at = last === undefined ? feed.start : (JSON.parse(last) as Applied).next
if (!consumers.list().some(({ name }) => name === 'view')) await consumers.register('view', at)

function follow(): void {
  for (;;) {
    const { changes, next, more } = page(feed, at, { changesMax: 1 + (random % 40) })
    const events = changes.map((change) => {
      if (change.kind !== 'events') throw new Error(change.kind)
      return [change.entity.key, change.sequence, change.events.length] as const
    })
    appendFileSync(file, `${JSON.stringify({ events, next } satisfies Applied)}\n`)
    at = next
    consumers.advance('view', next)
    writeSync(1, `${next.commit}\n`)
    if (!more) return
  }
}

feed.subscribe(follow)
follow()

/** What housekeeping does each minute. */
async function keepHouse(): Promise<void> {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 5))
    const { writes, written } = trimming.notes()
    await committed(commits.of(0), (batch) => {
      batch.note(journal.census.notes(journal.lastCommit()))
      batch.note(writes)
    })
    written()
    age.ms += 1
    await trimming.trim(() => false)
  }
}

/** One entity's chain of commits: the next joins when the last was acknowledged. */
function chain(index: number): void {
  const entity = { storage: 1, key: entities[index]! }
  let { revision, sequence } = journal.head(entity) ?? { revision: 0, sequence: 0 }
  const next = () => {
    random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0
    const texts = Array.from({ length: random % 4 }, (_, at) => text(entity.key, sequence + 1 + at, random % 200))
    const written = record(revision + 1, sequence, texts)
    commits.of(0).join(
      (batch) => batch.append(entity, written),
      (error) => {
        if (error !== undefined) throw error
        revision = written.revision
        sequence = written.sequence
        next()
      },
    )
  }
  next()
}

await journal.census.complete()
for (let index = 0; index < inFlight; index++) chain(index)
await keepHouse()

// What crash.test.ts kills: a process that commits without end and says what was acknowledged.
//
// One line per acknowledgement on standard output: entity and revision. Started with the directory and a seed.
import { writeSync } from 'node:fs'
import { GroupCommit } from '../../host/journal/group-commit.ts'
import { record } from '../support/journal.ts'
import { openStore } from '../support/store.ts'
import { entities, inFlight, text } from './crash-load.ts'

const [directory, seed] = process.argv.slice(2) as [string, string]
const { journal } = await openStore(directory, { log: (message) => writeSync(2, `${message}\n`) })
const commits = new GroupCommit({ journals: [journal], flush() {} })
let random = Number(seed)

/** One entity's chain of commits: the next joins when the last was acknowledged, as a mailbox would do it. */
function chain(index: number): void {
  const entity = { storage: 1, key: entities[index]! }
  let { revision, sequence } = journal.head(entity) ?? { revision: 0, sequence: 0 }
  const next = () => {
    random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0
    const texts = Array.from({ length: random % 4 }, (_, at) => text(entity.key, sequence + 1 + at, random))
    const written = record(revision + 1, sequence, texts)
    commits.of(0).join(
      (batch) => batch.append(entity, written),
      (error) => {
        if (error !== undefined) throw error
        revision = written.revision
        sequence = written.sequence
        writeSync(1, `${entity.key} ${revision}\n`)
        next()
      },
    )
  }
  next()
}

writeSync(1, 'open\n')
for (let index = 0; index < inFlight; index++) chain(index)

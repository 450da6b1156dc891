// Guards a full disk: who was waiting hears that the outcome is unknown, nothing is served from a store in doubt, and once
// there is space again it goes on with everything that was acknowledged.
//
// Needs a disk of its own that can be filled: a small tmpfs, mounted as root, else it is skipped.
import { execFileSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { InnkeeperError } from '../../host/errors.ts'
import { refuses, rejects } from '../support/assert.ts'
import { append, commit, event, folder, plain, record } from '../support/journal.ts'
import { skip } from '../support/skip.ts'
import { openStore } from '../support/store.ts'

const mebibytes = 24
const entity = { storage: 1, key: 'a' }

const FullDisk = suite('full disk')
const sentence = 'a full disk loses nothing acknowledged, and the journal goes on once there is space'
const disk = mounted()

if (typeof disk === 'string') skip(FullDisk, sentence, disk)
else {
  FullDisk(sentence, async () => {
    const { path } = disk
    const ballast = join(path, 'ballast')
    // Room for some commits only.
    writeFileSync(ballast, Buffer.alloc((mebibytes - 6) * 1024 * 1024))
    const { journal } = await openStore(join(path, 'data'), { log: () => {} })
    const acknowledged: string[] = []
    let failure: InnkeeperError | undefined
    for (let number = 1; failure === undefined && number < 1_000; number++) {
      const text = `${number} `.padEnd(50_000, 'x')
      await append(journal, entity, [text]).then(
        () => acknowledged.push(text),
        (error: InnkeeperError) => {
          failure = error
        },
      )
    }
    assert.ok(acknowledged.length > 10, `${acknowledged.length} commits fitted`)
    assert.is(failure?.code, 'outcome_unknown', failure?.message)
    assert.is((journal.failure() as InnkeeperError).code, 'storage_unavailable')
    refuses(() => journal.head(entity), 'storage_unavailable')
    refuses(() => journal.events(entity, 0, 1, 1), 'storage_unavailable')
    await rejects(() => commit(journal, (batch) => batch.dequeue(1)), 'storage_unavailable')

    // Still full: whether it opens is the engine's affair, but a commit that cannot be stored is not acknowledged.
    await journal.reopen().catch(() => {})
    if (journal.failure() === undefined) {
      const { revision, sequence } = journal.head(entity)!
      const large = record(revision + 1, sequence, ['y'.repeat(8 * 1024 * 1024)])
      await rejects(() => commit(journal, (batch) => batch.append(entity, large)), 'outcome_unknown')
    }

    rmSync(ballast)
    await journal.reopen()
    assert.is(journal.failure(), undefined)
    const { revision } = journal.head(entity)!
    assert.ok(revision === acknowledged.length || revision === acknowledged.length + 1, `${revision} records`)
    const { events } = journal.events(entity, 0, 1_000, 64 * 1024 * 1024)
    assert.equal(plain(events.slice(0, acknowledged.length)), plain(acknowledged.map(event)))
    assert.is(events.length, revision)
    assert.is(journal.lastCommit(), revision)
    await append(journal, entity, ['and on'])
    await journal.close()
    const again = await openStore(join(path, 'data'), { log: () => {} })
    assert.is(again.journal.head(entity)?.revision, revision + 1)
    await again.journal.close()
  })
}

FullDisk.after(() => {
  if (typeof disk !== 'string') disk.unmount()
})

FullDisk.run()

/** A small disk, or why there is none. It is unmounted at the end of the process, come what may. */
function mounted(): { path: string; unmount: () => void } | string {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'only root on Linux can mount a small tmpfs'
  const path = folder()
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'innkeeper-full-disk', path], { stdio: 'pipe' })
  } catch (error) {
    return `no tmpfs can be mounted: ${(error as Error).message.split('\n').at(-2) ?? ''}`
  }
  let there = true
  const unmount = () => {
    if (there) execFileSync('umount', ['--lazy', path])
    there = false
  }
  process.prependListener('exit', unmount)
  return { path, unmount }
}

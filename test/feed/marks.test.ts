// Guards what is known of the age and weight of commits: never more than was, never less than nothing, and the same after a start.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Marks } from '../../host/feed/marks.ts'
import { commitKey } from '../../host/journal/keys.ts'
import { MemoryKv } from '../../host/store/memory.ts'

const Marking = suite('marks')

class Weighed {
  readonly rows = new MemoryKv()
  commitBytes = 0
  private last = 0

  readonly lastCommit = () => this.last

  commit(valueBytes: number): void {
    this.last += 1
    const key = commitKey(this.last)
    this.rows.write([['commits', key, Buffer.alloc(valueBytes)]])
    this.commitBytes += key.length + valueBytes
  }

  /** A process that begins has counted nothing. */
  restarted(): this {
    this.commitBytes = 0
    return this
  }
}

Marking('marks.M1, marks.M2: behind each commit lie the bytes of those after it, where all weigh the same', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.nat({ max: 30 }), fc.constant('mark' as const), fc.constant('restart' as const)), {
        maxLength: 400,
      }),
      fc.nat(),
      (steps, pick) => {
        const journal = new Weighed()
        let marks = new Marks(journal, 0)
        let ageMs = 0
        const at: [commit: number, ageMs: number][] = []
        for (const step of steps) {
          if (step === 'restart') marks = new Marks(journal.restarted(), 0)
          else if (step === 'mark') {
            ageMs += 10
            journal.rows.write([marks.set(ageMs, 0)])
            at.push([journal.lastCommit(), ageMs])
          } else for (let count = 0; count < step; count++) journal.commit(40)
        }
        const last = journal.lastCommit()
        assert.is(marks.bytes, 50 * last)
        const commit = last === 0 ? 0 : pick % (last + 1)
        assert.is(marks.bytesBehind(commit), 50 * (last - commit))
        // Of old marks some are gone: what is said then is older than it need be, and never younger.
        for (const [marked, markedMs] of at) {
          assert.ok(marks.lastAt(markedMs) <= marked)
          assert.ok(marks.lastAt(markedMs - 1) <= marked)
        }
        if (at.length > 0) assert.is(marks.lastAt(ageMs), at.at(-1)![0])
        assert.is(marks.lastAt(0), 0)
      },
    ),
    { numRuns: 200 },
  )
})

Marking('marks.M2: the row stays small, and says what is asked, however many marks were set', () => {
  for (const [spacingMs, trimmed, off] of [
    [100, 0, 200],
    [0, 4_900, 1],
  ] as const) {
    const journal = new Weighed()
    const marks = new Marks(journal, spacingMs)
    for (let ms = 1; ms <= 5_000; ms++) {
      journal.commit(ms % 90)
      journal.rows.write([marks.set(ms, Math.min(ms - 1, trimmed))])
      assert.is(marks.lastAt(ms), ms)
    }
    const [, row] = journal.rows.range('default', { from: Buffer.from('feed'), to: Buffer.from('feee'), limit: 1 })
    assert.ok(row!.length < 129 * 30, `${row!.length} bytes`)
    for (const ms of [4_910, 4_950, 4_990]) {
      const commit = marks.lastAt(ms)
      assert.ok(commit <= ms && commit >= ms - off, `${commit} at ${ms}`)
    }
    const behind = [4_900, 4_950, 4_999, 5_000].map((commit) => marks.bytesBehind(commit))
    assert.equal(
      behind,
      [...behind].sort((a, b) => b - a),
    )
    assert.is(behind.at(-1), 0)
  }
})

Marking('marks.M2: what is far behind is still weighed, when marks are thinned', () => {
  const journal = new Weighed()
  const marks = new Marks(journal, 0)
  for (let ms = 1; ms <= 2_000; ms++) {
    journal.commit(90)
    journal.rows.write([marks.set(ms, 0)])
  }
  const [, row] = journal.rows.range('default', { from: Buffer.from('feed'), to: Buffer.from('feee'), limit: 1 })
  assert.ok(row!.length < 129 * 30, `${row!.length} bytes`)
  for (const commit of [0, 1, 500, 1_500, 1_999]) assert.is(marks.bytesBehind(commit), 100 * (2_000 - commit))
})

Marking('marks that say of commits which are not there are forgotten', () => {
  const journal = new Weighed()
  const marks = new Marks(journal, 0)
  journal.commit(40)
  journal.rows.write([marks.set(1, 0)])
  for (let count = 0; count < 9; count++) journal.commit(40)
  const row = marks.set(2, 0)
  const restored = new Weighed()
  restored.commit(40)
  restored.rows.write([row])
  const again = new Marks(restored.restarted(), 0)
  assert.equal([again.bytes, again.lastAt(2)], [50, 1])
})

Marking.run()

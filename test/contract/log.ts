// The rules of a commit log (journal/log/log.ts), for every implementation.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { CommitLog, Entry } from '../../host/journal/log/log.ts'
import { LogError } from '../../host/journal/log/log.ts'
import type { Kv } from '../../host/storage/kv.ts'
import { MemoryKv } from '../../host/store/memory.ts'

/** An entry that puts one row; or one that puts a row elsewhere and takes all others of `journal` away. */
export function entry(position: number, text = `v${position}`, clear = false): Entry {
  const column = 'journal' as const
  return {
    position,
    writes: [[column, Buffer.from(`${clear ? 'a' : 'k'}${position}`), Buffer.from(text)]],
    clears: clear ? [{ column, from: Buffer.from('k'), to: Buffer.from('l') }] : [],
  }
}

export function append(log: CommitLog, expected: number, of: Entry): Promise<Error | undefined> {
  return new Promise((resolve) => log.append(expected, of, resolve))
}

export function rows(kv: Pick<Kv, 'range'>): readonly string[] {
  const all = kv.range('journal', { from: Buffer.from('a'), to: Buffer.from('l'), limit: 100 })
  return all.map((bytes) => bytes.toString())
}

export function logContract(name: string, make: (state: MemoryKv, last: number) => CommitLog): void {
  const Log = suite(`contract of a commit log: ${name}`)

  Log('log.L1, log.L3: entries are in the state in their order, positions without gaps', async () => {
    const state = new MemoryKv()
    const log = make(state, 0)
    for (const position of [1, 2, 3]) assert.is(await append(log, position - 1, entry(position)), undefined)
    assert.is(log.last, 3)
    assert.equal(rows(state), ['k1', 'v1', 'k2', 'v2', 'k3', 'v3'])
    assert.is(await append(log, 3, entry(4, 'v4', true)), undefined)
    assert.equal(rows(state), ['a4', 'v4'])
  })

  Log('log.L2: whoever does not append behind the last entry is fenced, and nothing of it is there', async () => {
    const state = new MemoryKv()
    const log = make(state, 7)
    assert.is(await append(log, 7, entry(8)), undefined)
    for (const [expected, position] of [
      [7, 8],
      [6, 7],
      [9, 10],
      [8, 10],
    ] as const) {
      const error = await append(log, expected, entry(position, 'other'))
      assert.instance(error, LogError)
      assert.is((error as LogError).failure, 'fenced')
    }
    assert.is(log.last, 8)
    assert.equal(rows(state), ['k8', 'v8'])
    assert.is(await append(log, 8, entry(9)), undefined)
  })

  Log(
    'log.L4: a follower gets each entry behind its place once and in order, what came while it followed too',
    async () => {
      const log = make(new MemoryKv(), 0)
      const seen: number[] = []
      const following = log.follow(0, ({ position, writes }) => {
        seen.push(position)
        assert.is(writes[0]![2]!.toString(), `v${position}`)
      })
      for (const position of [1, 2]) await append(log, position - 1, entry(position))
      const late: number[] = []
      const other = log.follow(1, ({ position }) => late.push(position))
      await append(log, 2, entry(3))
      following.stop()
      await append(log, 3, entry(4))
      other.stop()
      await append(log, 4, entry(5))
      assert.equal(
        [seen, late],
        [
          [1, 2, 3],
          [2, 3, 4],
        ],
      )
    },
  )

  Log('log.L5: what is gone is refused, and so is what is not there yet', async () => {
    const log = make(new MemoryKv(), 3)
    const first = log.follow(3, () => {})
    for (const position of [4, 5, 6]) await append(log, position - 1, entry(position))
    log.trim(6)
    for (const after of [0, 3, 4, 7])
      assert.throws(
        () => log.follow(after, () => {}),
        (error: LogError) => error.failure === 'gone',
      )
    const seen: number[] = []
    log.follow(5, ({ position }) => seen.push(position)).stop()
    assert.equal(seen, [6])
    first.stop()
  })

  Log.run()
}

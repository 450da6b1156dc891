// Guards the ways to write to a client that may not read: who writes learns when it was taken, and what is not taken is counted.

import { Writable } from 'node:stream'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Flow } from '../host/in-flight.ts'
import { Writer, written } from '../host/written.ts'

const Writing = suite('written')

/** A client that takes what it is told to take, and the count of what it has not. */
function client() {
  const takes: (() => void)[] = []
  const to = new Writable({
    highWaterMark: 1,
    write: (_chunk, _encoding, done) => {
      takes.push(done)
    },
  })
  const owed = { bytes: 0 }
  const flow = {
    owes: (bytes: number) => {
      owed.bytes += bytes
    },
  } as Flow
  return { to, flow, owed, take: () => takes.shift()?.() }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

Writing('written.W1, written.W3: a chunk is written once it is taken, and counts until then', async () => {
  const { to, flow, owed, take } = client()
  let taken: boolean | undefined
  const first = written(to, 'four', flow).then((is) => {
    taken = is
  })
  await turn()
  assert.equal([taken, owed.bytes], [undefined, 4])
  take()
  await first
  assert.equal([taken, owed.bytes], [true, 0])
  const second = written(to, 'four', flow)
  to.destroy()
  assert.equal([await second, owed.bytes, await written(to, 'four', flow)], [false, 0, false])
})

Writing('written.W2, written.W3: a writer is ready until much is not taken, and says when it is again', async () => {
  for (const [chunk, count] of [
    ['x'.repeat(64 * 1024), 4],
    ['x', 64],
  ] as const) {
    const { to, flow, owed, take } = client()
    let again = 0
    const writer = new Writer(to, flow, () => {
      again++
    })
    for (let at = 0; at < count; at++) {
      assert.ok(writer.ready)
      writer.write(chunk)
    }
    assert.equal([writer.ready, owed.bytes], [false, count * chunk.length])
    for (let at = 0; at < count; at++) {
      assert.is(again, at < count / 2 ? 0 : 1)
      take()
      await turn()
    }
    assert.equal([writer.ready, again, owed.bytes], [true, 1, 0])
  }
})

Writing.run()

// Guards that what is kept of a larger buffer keeps nothing else.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { keepable } from '../host/keepable.ts'

const Kept = suite('bytes that are kept')

Kept('keepable.B1: a small part is copied to memory of its own, and most of a buffer is not copied', () => {
  const read = Buffer.alloc(65_536, 7)
  for (const size of [0, 1, 100, 4_000, 32_767]) {
    const kept = keepable(read.subarray(10, 10 + size))
    assert.equal([kept.length, kept.buffer.byteLength], [size, size])
    assert.ok(kept.every((byte) => byte === 7))
  }
  const most = read.subarray(0, 32_768)
  assert.is(keepable(most), most)
})

Kept.run()

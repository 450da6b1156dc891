// Guards what bytes that arrive in pieces take of memory.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Growing } from '../host/growing.ts'

const Pieces = suite('growing')

Pieces('growing.G1: pieces of any sizes are in one buffer, which is at most twice as long as all of them', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 50 }), { minLength: 2, maxLength: 100 }),
      (pieces) => {
        const growing = new Growing()
        for (const piece of pieces) growing.push(Buffer.from(piece))
        const { bytes } = growing
        assert.equal(bytes, Buffer.concat(pieces))
        assert.ok(bytes.buffer.byteLength <= 2 * bytes.length, `${bytes.buffer.byteLength} for ${bytes.length}`)
      },
    ),
  )
})

Pieces('growing.G2: what came in one piece is that piece', () => {
  const piece = Buffer.from('one')
  const growing = new Growing()
  growing.push(piece)
  assert.is(growing.bytes, piece)
})

Pieces.run()

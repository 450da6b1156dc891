// Guards the cursor that all of the host reads protobuf with: strangers' bytes are read within their end, or refused with a place.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { WireCursor, WireError } from '../../host/schema/wire.ts'

const Wire = suite('wire')

const reads = {
  tag: (cursor: WireCursor) => cursor.tag(),
  varint32: (cursor: WireCursor) => cursor.varint32(),
  varint64: (cursor: WireCursor) => cursor.varint64(),
  varintSafe: (cursor: WireCursor) => cursor.varintSafe(),
  fixed32: (cursor: WireCursor) => cursor.fixed32(),
  fixed64: (cursor: WireCursor) => cursor.fixed64(),
  view: (cursor: WireCursor) => cursor.view(),
  string: (cursor: WireCursor) => cursor.string(),
  skip: (cursor: WireCursor) => cursor.skip(cursor.tag() & 7),
}

Wire('wire.W1: whatever is read of any bytes ends within them, or is a WireError with a place', () => {
  const read = fc.constantFrom(...Object.values(reads))
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 30 }), fc.nat(30), fc.array(read), (bytes, end, all) => {
      const cursor = new WireCursor(bytes, 0, Math.min(end, bytes.length))
      try {
        for (const each of all) {
          each(cursor)
          assert.ok(cursor.at <= cursor.end, `at ${cursor.at} of ${cursor.end}`)
        }
      } catch (error) {
        assert.instance(error, WireError, (error as Error).message)
        assert.ok((error as WireError).offset <= cursor.end)
      }
    }),
    { numRuns: 2_000 },
  )
  for (const bad of [[0x80], Array(11).fill(0x80), [0x0a, 2, 0], [0x0f], [0x0d, 1, 2, 3]])
    assert.throws(() => reads.skip(new WireCursor(Uint8Array.from(bad))), / at byte \d+$/)
})

Wire('wire.W2: a string is UTF-8, or refused: overlong, a surrogate, cut', () => {
  const of = (...bytes: number[]) => new WireCursor(Uint8Array.of(bytes.length, ...bytes)).string()
  assert.is(of(0xef, 0xbb, 0xbf, 0xc3, 0xbc), '\ufeffü')
  for (const bad of [[0xc0, 0x80], [0xed, 0xa0, 0x80], [0xc3], [0xff]])
    assert.throws(() => of(...bad), /a string that is not UTF-8 at byte 0/)
})

Wire('wire.W3: the bytes of a field are a view', () => {
  const bytes = Uint8Array.of(2, 7, 8)
  const view = new WireCursor(bytes).view()
  bytes[1] = 9
  assert.equal([...view], [9, 8])
})

Wire.run()

// Guards the binary format's reader: what it reads is what was written, and nothing else is read.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { BinaryError, ByteReader, ByteWriter } from '../../host/wasm/bytes.ts'

const Bytes = suite('bytes')

function fails(read: (reader: ByteReader) => void, ...bytes: readonly number[]): void {
  assert.throws(
    () => read(new ByteReader(Uint8Array.from(bytes))),
    (error: unknown) => error instanceof BinaryError,
  )
}

Bytes('integers and names come back as they were written', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(0xffffffff)), fc.string({ unit: 'binary' }), (numbers, text) => {
      const writer = new ByteWriter(1)
      for (const number of numbers) writer.u32(number)
      writer.name(text.toWellFormed())
      const reader = new ByteReader(writer.finish())
      for (const number of numbers) assert.is(reader.u32(), number)
      assert.is(reader.name(), text.toWellFormed())
      assert.ok(reader.done)
    }),
  )
})

Bytes('signed integers are what WebAssembly reads', () => {
  fc.assert(
    fc.property(fc.integer(), (number) => {
      const writer = new ByteWriter()
      writer.raw(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0))
      const value = new ByteWriter()
      value.s32(number)
      // One exported global: (global (export "g") i32 (i32.const number))
      writer.raw(Uint8Array.of(6, value.length + 5, 1, 0x7f, 0, 0x41, ...value.finish(), 0x0b))
      writer.raw(Uint8Array.of(7, 5, 1, 1, 0x67, 3, 0))
      assert.is(new ByteReader(value.finish()).s32(), number)
      const { exports } = new WebAssembly.Instance(new WebAssembly.Module(writer.finish()))
      assert.is((exports['g'] as WebAssembly.Global).value, number)
    }),
    { numRuns: 200 },
  )
})

Bytes('bytes.B1: ends, overlong integers and bad names are errors', () => {
  fails((reader) => reader.byte())
  fails((reader) => reader.u32(), 0x80)
  fails((reader) => reader.u32(), 0xff, 0xff, 0xff, 0xff, 0x1f)
  fails((reader) => reader.u32(), 0x80, 0x80, 0x80, 0x80, 0x80, 0)
  fails((reader) => reader.s32(), 0xff, 0xff, 0xff, 0xff, 0x0f)
  fails((reader) => reader.s32(), 0x80, 0x80, 0x80, 0x80, 0x68)
  fails((reader) => reader.s32(), 0x80, 0x80, 0x80, 0x80, 0x80, 0)
  fails((reader) => reader.name(), 2, 0xc0, 0x80)
  fails((reader) => reader.skipLeb(32), 0x80, 0x80, 0x80, 0x80, 0x80, 0)
})

Bytes('bytes.B2: a claimed length allocates nothing', () => {
  fails((reader) => reader.take(reader.u32()), 0xff, 0xff, 0xff, 0xff, 0x0f, 1)
})

Bytes.run()

// Guards the count of locals that may have to be moved: where no ways meet there are none, and where it cannot be found out it is not too few.

import { parse } from '@bytecodealliance/jco'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ByteReader } from '../../host/wasm/bytes.ts'
import { movesOf } from '../../host/wasm/moves.ts'
import { bodyOf, readModule, sectionId } from '../../host/wasm/sections.ts'

const Moves = suite('moves')

/** Of each block of a function with so many locals, in their order. */
async function moves(locals: number, code: string): Promise<number[]> {
  const wat = `(module (func (local ${'i32 '.repeat(locals)}) ${code}))`
  const body = new ByteReader(bodyOf(readModule(await parse(wat)), sectionId.code)!)
  // One function, its size, one group of locals.
  for (let number = 0; number < 4; number++) body.u32()
  body.byte()
  return [...movesOf(body, locals)]
}

const set = (local: number) => `(local.set ${local} (i32.const 1))`
const get = (local: number) => `(drop (local.get ${local}))`

Moves('moves.V2: a place that one way leads to moves nothing', async () => {
  const meets = `(block (br_if 0 (i32.const 0)) ${set(0)}) ${get(0)}`
  assert.equal(await moves(1, meets), [1])
  assert.equal(await moves(1, `(block ${set(0)}) ${get(0)}`), [0])
  assert.equal(await moves(1, `(block ${set(0)} (br 0)) ${get(0)}`), [0])
})

Moves(
  'moves.V3: what a later turn of a loop reads counts, and where that is slow to settle every local does',
  async () => {
    // Loops within loops, each of which may go back to the one around it: a pass finds one more in which local 0 is read later.
    const nested = (depth: number): string =>
      Array.from({ length: depth }, (_, at) => `(loop ${at === 0 ? get(0) : '(br_if 1 (i32.const 0))'}`).join(' ') +
      `${set(0)} ${set(1)} ${')'.repeat(depth)}`
    assert.equal(await moves(2, nested(3)), [1, 1, 0])
    assert.equal(await moves(2, nested(40)), [...Array(39).fill(2), 0])
  },
)

Moves('moves.V4: a body with very many locals and blocks is counted by its sets, read or not', async () => {
  const block = `(block (br_if 0 (i32.const 0)) ${set(0)} ${set(0)} ${set(1)})`
  assert.equal(await moves(2, block), [0])
  const many = await moves(40_000, block.repeat(2_000))
  assert.equal([many.length, ...new Set(many)], [2_000, 3])
})

Moves.run()

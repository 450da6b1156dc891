// Guards the framing of core modules: what is written has the sections that were read, and what is not known is refused.

import { parse } from '@bytecodealliance/jco'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { defaultLimits } from '../../host/limits.ts'
import { ByteReader } from '../../host/wasm/bytes.ts'
import { prepareCores } from '../../host/wasm/cores.ts'
import { eachImport, readModule, skipElementType, writeModule } from '../../host/wasm/sections.ts'

const Sections = suite('sections')

Sections(
  'sections.S1: a written module has the sections of the read one in their order, but the custom ones',
  async () => {
    const named = await parse(
      '(module (func $called (export "f")) (memory 1) (data (i32.const 0) "x") (global $g i32 (i32.const 1)))',
    )
    const sections = readModule(named)
    const written = writeModule(sections)
    assert.equal(readModule(written), sections)
    assert.equal(
      [named, written].map((bytes) => Buffer.from(bytes).includes('called')),
      [true, false],
    )
    assert.equal(
      sections.map(({ id }) => id),
      [1, 3, 5, 6, 7, 10, 11],
    )
  },
)

Sections('sections.S2: what a reader does not know is refused', () => {
  assert.throws(() => readModule(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 14, 0)), /unknown section 14/)
  assert.throws(() => eachImport(Uint8Array.of(1, 1, 97, 1, 98, 5), () => {}), /unknown kind of import 5/)
  assert.throws(() => skipElementType(new ByteReader(Uint8Array.of(8)), () => {}), /unknown element segment/)
})

Sections('cores.C2: all that is wrong with any module is told', async () => {
  const prepared = prepareCores(
    [Uint8Array.of(1), await parse('(module)'), await parse('(module (memory i64 1))')],
    defaultLimits,
  )
  assert.not.ok(prepared.ok)
  if (prepared.ok) return
  const reasons = prepared.reasons.join('\n')
  assert.match(reasons, /0.* is not valid WebAssembly/)
  assert.match(reasons, /2.*64-bit memory/)
})

Sections.run()

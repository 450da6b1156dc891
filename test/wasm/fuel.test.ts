// Guards that fuel buys a known time: among programs made at random, none has a tick that lasts much longer than that of the others.
//
// Ratios within this run are asserted, with three times the bounds, not milliseconds. A program that is too dear is named by its seed:
// `SEED=n node bench/fuel/replay.ts` measures it alone, and prints it. `npm run bench -- fuel` searches on.

import { parse } from '@bytecodealliance/jco'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { everyForm, programOf } from '../../bench/fuel/program.ts'
import { bounds, lineOf, search } from '../../bench/fuel/search.ts'
import { BinaryError, ByteReader } from '../../host/wasm/bytes.ts'
import { InstructionReader, op } from '../../host/wasm/instructions.ts'
import { bodyOf, readModule, sectionId, skipValueType } from '../../host/wasm/sections.ts'

const Fuel = suite('fuel')

const spare = 3

Fuel(
  'weights.W1: no tick lasts much longer than that of the median program, whatever is run and whichever compiler made it',
  async () => {
    const from = Number(process.env['SEED'] ?? 1_000)
    const { steady, stalls } = await search(from, 120)
    for (const found of steady) assert.ok(found.ratio <= bounds.steady * spare, lineOf(found))
    for (const found of stalls) assert.ok(found.ratio <= bounds.stalls * spare, lineOf(found))
  },
)

Fuel('the same seed makes the same program', () => {
  for (let seed = 0; seed < 50; seed++) assert.equal(programOf(seed), programOf(seed))
})

/** Opcode, and what stands behind a prefix. */
const nameOf = (code: number, sub: number) =>
  sub === 0 ? code.toString(16) : `${code.toString(16)} ${sub.toString(16)}`

/** Numbers that no instruction has: a module with one is not valid. */
const unassigned = new Set(
  '9a a2 a5 a6 af b0 b2 b3 b4 bb c2 c5 c6 cf d0 d2 d3 d4 e2 ee'.split(' ').map((sub) => `fd ${sub}`),
)

/** What the decoder lets pass. */
function accepted(): Set<string> {
  const names = new Set<string>()
  const attempt = (...bytes: number[]) => {
    const instruction = new InstructionReader()
    try {
      instruction.next(new ByteReader(Uint8Array.from([...bytes, ...new Array<number>(32).fill(0)])))
      names.add(nameOf(instruction.op, instruction.sub))
    } catch (thrown) {
      if (!(thrown instanceof BinaryError)) throw thrown
    }
  }
  for (let code = 0; code < 256; code++) if (code !== op.prefixBulk && code !== op.prefixSimd) attempt(code)
  for (let sub = 0; sub < 256; sub++) {
    const bytes = sub < 128 ? [sub] : [(sub & 127) | 128, 1]
    attempt(op.prefixBulk, ...bytes)
    attempt(op.prefixSimd, ...bytes)
  }
  return names
}

async function used(text: string, names: Set<string>): Promise<void> {
  const reader = new ByteReader(bodyOf(readModule(await parse(text)), sectionId.code)!)
  const instruction = new InstructionReader()
  for (let left = reader.u32(); left > 0; left--) {
    const length = reader.u32()
    const end = reader.at + length
    for (let groups = reader.u32(); groups > 0; groups--) {
      reader.u32()
      skipValueType(reader)
    }
    while (reader.at < end) {
      instruction.next(reader)
      names.add(nameOf(instruction.op, instruction.sub))
    }
  }
}

Fuel('instructions.I1: programs are made of every instruction that metering accepts', async () => {
  const names = new Set<string>()
  await used(everyForm(), names)
  for (let seed = 0; seed < 60; seed++) await used(programOf(seed).text, names)
  const missing = [...accepted()].filter((name) => !names.has(name) && !unassigned.has(name))
  assert.equal(missing, [])
})

Fuel.run()

// Guards fuel against functions that spend it slowly, and deployment against components whose instances are dear to make.
//
// Time is asserted as a ratio within this run only, with three times the bound: `npm run bench -- fuel` has the exact ones.

import { parse } from '@bytecodealliance/jco'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { knownAttacks } from '../../bench/fuel/known.ts'
import { assemble, type Compiler, compilers, measure } from '../../bench/fuel/measure.ts'
import { bounds, search } from '../../bench/fuel/search.ts'
import { GuestFault } from '../../host/guest/guest.ts'
import { load } from '../../host/guest/load.ts'
import { defaultLimits } from '../../host/limits.ts'
import { link } from '../../host/link/link.ts'
import { readModule } from '../../host/wasm/sections.ts'
import { startingOf, unitsOf } from '../../host/wasm/starting.ts'
import { guestComponent } from '../support/hostile.ts'

const Fuel = suite('fuel')

const spare = 3
const { medianNanoseconds } = await search(1, 60)

for (const { name, text, waits } of knownAttacks) {
  const most = waits === 'chain' ? Number.POSITIVE_INFINITY : bounds[waits === 'no' ? 'steady' : 'stalls'] * spare
  Fuel(
    `${name}: runs out${most < Number.POSITIVE_INFINITY ? `, and a tick is no dearer than ${most} others` : ''}`,
    async () => {
      const bytes = await assemble(text)
      for (const compiler of Object.keys(compilers) as Compiler[]) {
        // Throws what the function throws but for lack of fuel.
        const ratio = measure(bytes, compiler) / medianNanoseconds
        assert.ok(ratio <= most, `a tick is as dear as ${ratio.toFixed(1)} of the median, ${compiler} compiler`)
      }
    },
  )
}

const many = (count: number, text: string | ((at: number) => string)): string =>
  Array.from({ length: count }, (_, at) => (typeof text === 'string' ? text : text(at))).join(' ')
const memory = '(memory (export "memory") 1)'

Fuel('a command that loops over 900 values runs out, and the next one is answered by a fresh instance', async () => {
  const values = many(900, '(i64.const 1)')
  const result = await link(
    await guestComponent({
      fields: `(type $wide (func (param ${many(900, 'i64')})))`,
      // The first byte of the entity's key says what to do.
      decide: `(if (i32.eq (i32.load8_u (local.get 2)) (i32.const 113)) (then ${values} (loop $l (type $wide) (i64.const 1) (br $l)) unreachable)) (i32.const 4096)`,
    }),
    defaultLimits,
  )
  if (!result.ok) throw new Error(result.reasons.join('; '))
  const guest = load(result.artefact, { ...defaultLimits, fuelPerCommand: 1_000_000 }).eventSourced!
  const command = { method: 'M', payload: new Uint8Array(), metadata: [], nowMs: 0, seed: new Uint8Array(16) }
  const decide = (key: string) => guest.decide('t.Svc', key, { kind: 'initial' }, [command], false).kind
  for (let round = 0; round < 2; round++) {
    try {
      decide('q')
      assert.unreachable('it ended')
    } catch (thrown) {
      assert.instance(thrown, GuestFault)
      assert.is((thrown as GuestFault).reason, 'fuel')
    }
    assert.is(decide('a'), 'decided')
  }
})

/** Fields of a module that is dear to make, and the part that the refusal names. */
const dear: Readonly<Record<string, readonly [fields: string, part: RegExp]>> = {
  '900,000 globals': [many(900_000, '(global i32 (i32.const 1))'), /900,000 globals of module/],
  'globals with long expressions': [
    many(90, `(global i64 ${'(i64.add (i64.const 1) '.repeat(4_000)} (i64.const 1) ${')'.repeat(4_000)})`),
    /720,\d{3} instructions in constants of module/,
  ],
  'ten element segments of 90,000': [
    `(table 90000 funcref) (func $f) ${many(10, `(elem (i32.const 0) func ${many(90_000, '$f')})`)}`,
    /900,000 elements in segments of module/,
  ],
  'element segments of expressions': [
    `(table 90000 funcref) (func $f) ${many(10, `(elem (i32.const 0) funcref ${many(90_000, '(ref.func $f)')})`)}`,
    /elements in segments|instructions in constants/,
  ],
  'a hundred thousand data segments': [
    many(95_000, '(data (i32.const 60000) "xxxxxxxx")'),
    /data segments|instructions in constants/,
  ],
}

for (const [name, [fields, part]] of Object.entries(dear)) {
  Fuel(
    `starting.S1, starting.S2: an instance with ${name} is refused at deployment, and the part is named`,
    async () => {
      const result = await link(await guestComponent({ memory, fields }), { ...defaultLimits, fuelAtStart: 20_000_000 })
      assert.not.ok(result.ok)
      if (result.ok) return
      assert.match(
        result.reasons.join('; '),
        /a fresh instance takes [\d,]+ units of fuel before any of its functions runs, 20,000,000 are allowed \(--fuel-at-start\)/,
      )
      assert.match(result.reasons.join('; '), part)
    },
  )
}

Fuel('§limit-7: 90,000 exports cost more than a fresh instance may', async () => {
  const exports = many(90_000, (at) => `(export "e${at}" (func $f))`)
  const parts = startingOf(readModule(await parse(`(module (func $f) ${exports})`)))
  assert.is(parts[0]!.what, 'exports')
  assert.ok(unitsOf(parts) > defaultLimits.fuelAtStart)
})

Fuel('start.R2, instance.I2: what a start function spends counts with the rest', async () => {
  const start = (turns: number) => `(func $s (local i32) (local.set 0 (i32.const ${turns}))
    (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))) (start $s)`
  const limits = { ...defaultLimits, fuelAtStart: 2_000_000 }
  assert.ok((await link(await guestComponent({ memory, fields: start(1_000) }), limits)).ok)
  const result = await link(await guestComponent({ memory, fields: start(100_000_000) }), limits)
  assert.not.ok(result.ok)
  if (!result.ok) assert.match(result.reasons.join('; '), /start functions ran out of fuel/)
})

Fuel.run()

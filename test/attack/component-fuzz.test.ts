// Guards the reading of components against damaged and twisted ones: whatever the bytes, there is a plan or a reason, and where jco takes
// the component too, the plan is jco's.
//
// Random but the same in each run. Core modules stay whole where jco is asked: it runs their start functions without fuel.

import { parse } from '@bytecodealliance/jco'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { LinkPlan } from '../../host/guest/artefact.ts'
import { interfaces } from '../../host/guest/layout.ts'
import { defaultLimits } from '../../host/limits.ts'
import { componentPreamble, componentSectionId, type ReadComponent, readComponent } from '../../host/link/component.ts'
import { pipeline } from '../../host/link/pipeline.ts'
import { PlanError, planOf } from '../../host/link/plan.ts'
import { BinaryError, ByteReader, ByteWriter } from '../../host/wasm/bytes.ts'
import { prepareCores } from '../../host/wasm/cores.ts'
import { assemblyScriptCounter } from '../support/guests.ts'
import { guestComponent } from '../support/hostile.ts'
import { canonical, oracleOf } from '../support/oracle.ts'

const Fuzz = suite('component fuzz')
const limits = { ...defaultLimits, fuelAtStart: 100_000, fuelPerCommand: 100_000 }

/** All that toolchains compose of: nested components, calls between them, shared memories and tables, aliases outwards, resources. */
const composed = await parse(`(component
  (core module $library
    (memory (export "memory") 1) (table (export "table") 4 funcref)
    (global (export "global") (mut i32) (i32.const 7))
    (func (export "${interfaces.about}#describe") (result i32) (i32.const 0))
    (func (export "f")) (func (export "g") (param i32) (result i32) (local.get 0)))
  (core module $shim
    (import "env" "memory" (memory 1)) (import "env" "t" (table 1 funcref)) (import "env" "g" (global (mut i32)))
    (import "env" "f" (func)) (import "env" "drop" (func (param i32)))
    (export "again" (memory 0)) (export "f2" (func 0)) (func (export "h")))
  (core module $user
    (import "shim" "again" (memory 1)) (import "shim" "f2" (func)) (import "other" "h" (func)) (import "other" "call" (func)))
  (type $r (resource (rep i32)))
  (core func $drop (canon resource.drop $r))
  (core instance $l (instantiate $library))
  (alias core export $l "global" (core global $global))
  (core instance $env
    (export "memory" (memory $l "memory")) (export "t" (table $l "table")) (export "g" (global $global))
    (export "f" (func $l "f")) (export "drop" (func $drop)))
  (core instance $s (instantiate $shim (with "env" (instance $env))))
  (component $callee
    (core module $m (func (export "x")))
    (core instance $i (instantiate $m))
    (func (export "call") (canon lift (core func $i "x"))))
  (instance $c (instantiate $callee))
  (alias export $c "call" (func $call))
  (core func $lowered (canon lower (func $call)))
  (core instance $other (export "h" (func $s "h")) (export "call" (func $lowered)))
  (core instance $u (instantiate $user (with "shim" (instance $s)) (with "other" (instance $other))))
  (component $outer
    (core module $again (import "a" "a" (func)))
    (alias outer 1 $callee (component $from))
    (import "given" (instance $given (export "call" (func))))
    (instance $made (instantiate $from))
    (core func $l (canon lower (func $made "call")))
    (core func $g (canon lower (func $given "call")))
    (core instance $a (export "a" (func $l)))
    (core instance $b (export "a" (func $g)))
    (core instance (instantiate $again (with "a" (instance $a))))
    (core instance (instantiate $again (with "a" (instance $b))))
    (export "call" (func $made "call")))
  (instance $o (instantiate $outer (with "given" (instance $c))))
  (alias core export $l "memory" (core memory $mem))
  (func $describe (result string) (canon lift (core func $l "${interfaces.about}#describe") (memory $mem)))
  (instance $about (export "describe" (func $describe)))
  (export "${interfaces.about}" (instance $about)))`)

/** An LCG: small, and the same everywhere. */
class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed
  }

  below(bound: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0
    return Math.floor((this.#state / 2 ** 32) * bound)
  }

  of<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)]!
  }
}

interface Section {
  readonly id: number
  readonly body: Uint8Array
}

function sectionsOf(component: Uint8Array): Section[] {
  const reader = new ByteReader(component, componentPreamble.length)
  const sections: Section[] = []
  while (!reader.done) sections.push({ id: reader.byte(), body: reader.take(reader.u32()) })
  return sections
}

function componentOf(sections: readonly Section[]): Uint8Array {
  const writer = new ByteWriter()
  writer.raw(componentPreamble)
  for (const { id, body } of sections) {
    writer.byte(id)
    writer.u32(body.length)
    writer.raw(body)
  }
  return writer.finish()
}

/** Sections moved, doubled, dropped, made something else; bytes flipped, and numbers made others that are as small. */
function twisted(component: Uint8Array, random: Random): Uint8Array {
  const sections = sectionsOf(component)
  for (let left = random.of([1, 1, 1, 2, 3]); left > 0; left--) {
    const at = random.below(sections.length)
    const { id, body } = sections[at]!
    const how = random.below(10)
    if (how === 0) sections.splice(at, 0, sections[at]!)
    else if (how === 1) sections.splice(at, 1)
    else if (how === 2) sections.splice(random.below(sections.length), 0, ...sections.splice(at, 1))
    else if (how === 3) sections[at] = { id: random.below(14), body }
    else sections[at] = { id, body: twistedBody(id, body, random) }
    if (sections.length === 0) break
  }
  return componentOf(sections)
}

function twistedBody(id: number, body: Uint8Array, random: Random): Uint8Array {
  if (id === componentSectionId.coreModule || body.length === 0) return body
  // Another section may have been made this one.
  if (id === componentSectionId.component && isComponent(body)) return twisted(body, random)
  const changed = body.slice()
  const at = random.below(changed.length)
  if (random.below(3) === 0) changed[at]! ^= 1 << random.below(8)
  else changed[at] = random.below(12)
  return changed
}

function isComponent(body: Uint8Array): boolean {
  return Buffer.compare(body.subarray(0, componentPreamble.length), componentPreamble) === 0
}

/** The plan, or why there is none. @throws what is no reason. */
function planned(component: Uint8Array): { read: ReadComponent; plan: LinkPlan } | string {
  try {
    const read = readComponent(component)
    const prepared = prepareCores(read.modules, limits)
    return prepared.ok ? { read, plan: planOf(read, prepared.cores) } : prepared.reasons.join('; ')
  } catch (thrown) {
    if (thrown instanceof BinaryError || thrown instanceof PlanError) return thrown.message
    throw thrown
  }
}

const seeds = [await guestComponent({}), await assemblyScriptCounter(), composed]

Fuzz('has a plan for what is not damaged', () => {
  for (const seed of seeds) assert.type(planned(seed), 'object')
})

Fuzz('a twisted component has a plan or a reason on one line', () => {
  const random = new Random(1)
  let [plans, reasons] = [0, new Set<string>()]
  for (let i = 0; i < 6_000; i++) {
    const outcome = planned(twisted(seeds[i % seeds.length]!, random))
    if (typeof outcome === 'object') plans++
    else {
      assert.match(outcome, /^[\x20-\x7e]{1,600}$/)
      reasons.add(outcome.replace(/\d+|".*"|#\S+/g, '_'))
    }
  }
  // Else the twists would find nothing.
  assert.ok(plans > 100, `${plans} plans`)
  assert.ok(reasons.size > 30, `${reasons.size} reasons`)
})

Fuzz('a component that is cut anywhere, or has any byte flipped, is linked or refused with reasons', async () => {
  const random = new Random(2)
  for (let i = 0; i < 600; i++) {
    const seed = seeds[i % seeds.length]!
    const damaged = i % 2 === 0 ? seed.slice(0, componentPreamble.length + random.below(seed.length)) : seed.slice()
    if (i % 2 === 1) damaged[random.below(damaged.length)]! ^= 1 << random.below(8)
    const result = await pipeline(damaged, limits, 1, () => {})
    if (!result.ok) assert.ok(result.reasons.length > 0 && result.reasons.every((reason) => reason.length < 600))
  }
})

Fuzz('where jco takes a twisted component too, the plan is the same', async () => {
  const random = new Random(3)
  const compared = seeds.map(() => 0)
  for (let i = 0; i < 1_200; i++) {
    const component = twisted(seeds[i % seeds.length]!, random)
    const outcome = planned(component)
    if (typeof outcome === 'string') continue
    const theirs = await oracleOf(component, outcome.read).catch(() => undefined)
    if (theirs === undefined) continue
    compared[i % seeds.length]!++
    const ours = canonical(outcome.read, outcome.plan)
    assert.equal(ours.instances, canonical(outcome.read, theirs).instances)
    // jco is asked for core exports by their names: a component may leave an interface out.
    for (const [name, instance] of Object.entries(ours.exports)) assert.is(theirs.exports[name], instance)
    assert.is(ours.memory, theirs.memory)
  }
  assert.ok(
    compared.every((count) => count > 20),
    `${compared} compared`,
  )
})

Fuzz.run()

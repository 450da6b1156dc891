// Guards the link plans that are read from a component's own sections: they are those that jco has for it.
//
// jco is the oracle, in tests only (test/support/oracle.ts).

import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse } from '@bytecodealliance/jco'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { defaultLimits } from '../../host/limits.ts'
import { componentPreamble, componentSectionId, readComponent } from '../../host/link/component.ts'
import { planOf } from '../../host/link/plan.ts'
import { ByteWriter } from '../../host/wasm/bytes.ts'
import { prepareCores } from '../../host/wasm/cores.ts'
import { conformance, written } from '../conformance/languages.ts'
import { assemblyScriptCounter, quickJsCounter } from '../support/guests.ts'
import { guestComponent } from '../support/hostile.ts'
import { canonical, oracleOf } from '../support/oracle.ts'
import { skip } from '../support/skip.ts'
import { Written } from '../support/written.ts'

const Plan = suite('plan')

async function plannedAsByJco(component: Uint8Array): Promise<void> {
  const read = readComponent(component)
  const prepared = prepareCores(read.modules, defaultLimits)
  if (!prepared.ok) throw new Error(prepared.reasons.join('; '))
  const plan = planOf(read, prepared.cores)
  assert.equal(canonical(read, plan), canonical(read, await oracleOf(component, read)))
}

Plan('has the same instances, imports and exports as jco for a guest of constants', async () => {
  await plannedAsByJco(await guestComponent({}))
})

Plan('... for AssemblyScript and for QuickJS', async () => {
  await plannedAsByJco(await assemblyScriptCounter())
  await plannedAsByJco(await quickJsCounter())
})

for (const language of written) {
  const component = await conformance(language)
  if ('missing' in component) skip(Plan, `... for ${language}`, component.missing)
  else if ('problem' in component) throw component.problem
  else Plan(`... for ${language}, in which all kinds are`, () => plannedAsByJco(component))
}

// What tests and benchmarks have built on this machine.
const built = fileURLToPath(new URL('../../guests/build/', import.meta.url))
for (const file of globSync('*.wasm', { cwd: built }).filter((name) => !name.startsWith('conformance-'))) {
  Plan(`... for ${file}`, async () => {
    await plannedAsByJco(new Uint8Array(readFileSync(join(built, file))))
  })
}

/** Component 0 takes a component and instantiates it with itself as the argument. */
function selfGiven(): Uint8Array {
  const { component, type, instance, import: imports } = componentSectionId
  const self = [4, ...Buffer.from('self')]
  const instantiate = (index: number) => [instance, 11, 1, 0, index, 1, ...self, 4, index]
  const head = [...componentPreamble]
  const inner = [...head, type, 3, 1, 0x41, 0, imports, 9, 1, 0, ...self, 4, 0, ...instantiate(0)]
  return Uint8Array.from([
    ...head,
    ...[componentSectionId.coreModule, emptyCore.length, ...emptyCore],
    ...[component, inner.length, ...inner],
    ...instantiate(0),
  ])
}

function refused(component: Uint8Array, reason: RegExp): void {
  assert.throws(() => {
    const read = readComponent(component)
    const prepared = prepareCores(read.modules, defaultLimits)
    if (!prepared.ok) throw new Error(prepared.reasons.join('; '))
    planOf(read, prepared.cores)
  }, reason)
}

const emptyCore = await parse('(module)')

/** A component around what is put into it. */
function around(put: (component: Written) => void): Uint8Array {
  const component = new Written()
  put(component)
  return component.finish()
}

Plan('components are nested eight deep and no deeper', () => {
  let nested = around(() => {})
  for (let depth = 0; depth < 8; depth++) nested = around((outer) => outer.component(nested))
  refused(nested, /component has no code/)
  refused(
    around((outer) => outer.component(nested)),
    /nests components more than 8 deep/,
  )
})

Plan(
  'plan.L3: a small file that multiplies itself is refused: component instances, core instances, steps',
  async () => {
    let nested = around((component) => component.coreModule(emptyCore))
    for (let depth = 0; depth < 8; depth++) {
      nested = around((outer) => {
        outer.component(nested)
        for (let i = 0; i < 4; i++) outer.instantiate(0, [])
      })
    }
    refused(nested, /makes more than 256 component instances/)
    refused(
      around((component) => {
        component.coreModule(emptyCore)
        for (let i = 0; i < 257; i++) component.coreInstantiate(0)
      }),
      /makes more than 256 core instances/,
    )
    const many = Array.from({ length: 1_000 }, (_, i) => [`i${i}`, 'instance', 0] as const)
    const wide = around((component) => {
      component.instance([])
      component.instance(many)
    })
    refused(
      around((component) => {
        component.coreModule(emptyCore)
        component.component(wide)
        for (let i = 0; i < 101; i++) component.instantiate(0, [])
      }),
      /takes more than 100000 steps/,
    )
  },
)

Plan('plan.L3: a long name that is looked up again and again is refused', async () => {
  const name = 'n'.repeat(100_000)
  const provider = await parse(`(module (global (export "${name}") i32 (i32.const 1)))`)
  const user = await parse(`(module (import "p" "${name}" (global i32)))`)
  refused(
    around((component) => {
      component.coreModule(provider)
      component.coreModule(user)
      component.coreInstantiate(0)
      for (let i = 0; i < 50; i++) component.coreInstantiate(1, [['p', 0]])
    }),
    /takes names of more than 4194304 characters/,
  )
})

Plan('scope.X2: more definitions than any that is built are refused before they are carried out', () => {
  // Each is two bytes: an instance without exports.
  const instances = new Uint8Array(3 + 2 * 100_001)
  instances.set([0xa1, 0x8d, 0x06])
  for (let at = 3; at < instances.length; at += 2) instances[at] = 1
  const section = new ByteWriter()
  section.raw(componentPreamble)
  section.byte(componentSectionId.instance)
  section.u32(instances.length)
  section.raw(instances)
  refused(section.finish(), /has more than 100000 definitions/)
  const claims = new ByteWriter()
  claims.raw(componentPreamble)
  claims.raw(Uint8Array.of(componentSectionId.instance, 5, 0xff, 0xff, 0xff, 0xff, 0x0f))
  refused(claims.finish(), /unexpected end of bytes/)
})

Plan('plan.L3: a component that is given to itself comes to an end', () => {
  // The types of the component model forbid it; they are not read here.
  refused(selfGiven(), /makes more than 256 component instances/)
})

Plan('definitions.D1, scope.X1: an index that points to what comes later, or to nothing, is refused', () => {
  for (const [put, reason] of [
    [(component: Written) => component.coreInstantiate(0), /there is no core module 0/],
    [(component: Written) => component.instantiate(0, []), /there is no component 0/],
    [(component: Written) => component.coreAlias('func', 0, 'f'), /there is no core instance 0/],
    [(component: Written) => component.alias('func', 0, 'f'), /there is no instance 0/],
    [(component: Written) => component.lift(0, 0, 0), /there is no core func 0/],
    [(component: Written) => component.lower(0), /there is no func 0/],
    [(component: Written) => component.importInstance('a', 0), /there is no type 0/],
    [(component: Written) => component.exportInstance('a', 0), /there is no instance 0/],
    [(component: Written) => component.coreInstance([['a', 'memory', 0]]), /there is no core memory 0/],
    [(component: Written) => component.instance([['a', 'func', 0]]), /there is no func 0/],
  ] as const) {
    refused(around(put), reason)
    // What stands in an outer component is not its own.
    refused(
      around((outer) => {
        outer.coreInstantiate(outer.coreModule(emptyCore))
        outer.instance([])
        outer.component(around(put))
      }),
      reason,
    )
  }
})

Plan(
  'definitions.D3: what the component model has and no toolchain of ours uses is refused in words for an author',
  async () => {
    for (const [text, reason] of [
      ['(core func (canon task.return))', /uses the built-in 0x9 of the component model/],
      ['(core func (canon backpressure.inc))', /uses the built-in 0x24 of the component model/],
      [
        '(core module $m (func (export "f") (result i32) unreachable)) (core instance $i (instantiate $m)) (alias core export $i "f" (core func $f)) (func async (canon lift (core func $f) async))',
        /option 6/,
      ],
    ] as const) {
      refused(await parse(`(component ${text})`), reason)
    }
    const section = (id: number, ...body: readonly number[]) => {
      const writer = new ByteWriter()
      writer.raw(componentPreamble)
      writer.raw(Uint8Array.of(id, body.length, ...body))
      return writer.finish()
    }
    refused(section(componentSectionId.start, 0, 0, 0), /has a start function of the component model/)
    refused(section(componentSectionId.value, 0), /passes values when it is instantiated/)
    refused(section(13, 0), /unknown section 13/)
  },
)

Plan.run()

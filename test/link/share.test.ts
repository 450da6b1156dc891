// Guards what the memories of a component may grow to: what is there for all goes to those that grow, and all stay within the limit.

import { parse } from '@bytecodealliance/jco'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { LinkPlan } from '../../host/guest/artefact.ts'
import { defaultLimits } from '../../host/limits.ts'
import { share } from '../../host/link/share.ts'
import { start } from '../../host/link/start.ts'
import { pageBytes, sizesOf } from '../../host/wasm/cap.ts'
import { prepareCores } from '../../host/wasm/cores.ts'
import { readModule } from '../../host/wasm/sections.ts'

const Share = suite('share')

const pages = 100
const limits = { ...defaultLimits, guestMemoryBytesMax: pages * pageBytes }
const grow = '(func (drop (memory.grow (i32.const 1))))'

type Imports = LinkPlan['instances'][number]['imports']

async function coresOf(modules: readonly string[]) {
  const prepared = prepareCores(await Promise.all(modules.map((fields) => parse(`(module ${fields})`))), limits)
  if (!prepared.ok) throw new Error(prepared.reasons.join('; '))
  return prepared.cores
}

const planOf = (instances: readonly { readonly module: number; readonly imports?: Imports }[]): LinkPlan => ({
  instances: instances.map(({ module, imports = [] }) => ({ module, imports })),
  exports: {},
  memory: 0,
})

/** How far one instance of each module may grow, in pages. */
async function shared(modules: readonly string[], plan: LinkPlan): Promise<readonly number[]> {
  const cores = share(await coresOf(modules), plan, limits)
  return cores.map(({ bytes }) => sizesOf(readModule(bytes)).memories.reduce((sum, { max }) => sum + max!, 0))
}

Share('share.S1: a memory that no code grows stays as it is, and the others have what it leaves', async () => {
  const modules = [`(memory 10) ${grow}`, '(memory (export "m") 20)']
  assert.equal(await shared(modules, planOf([{ module: 0 }, { module: 1 }])), [80, 20])
})

Share('share.S1: a memory that an instance of another module imports and grows is one that grows', async () => {
  const modules = [`(memory 10) ${grow}`, '(memory (export "m") 20)', `(import "b" "m" (memory 20)) ${grow}`]
  const imports: Imports = [{ module: 'b', name: 'm', source: { from: 'instance', instance: 1, name: 'm' } }]
  assert.equal(await shared(modules, planOf([{ module: 0 }, { module: 1 }, { module: 2, imports }])), [45, 55, 0])
})

Share('share.S2: all instances of any modules together stay within the limit', async () => {
  const memory = fc.record({ min: fc.nat(20), more: fc.option(fc.nat(60)), grows: fc.boolean() })
  const chosen = fc.array(fc.nat(2), { minLength: 1, maxLength: 5 })
  await fc.assert(
    fc.asyncProperty(fc.array(memory, { minLength: 3, maxLength: 3 }), chosen, async (memories, instances) => {
      fc.pre(instances.reduce((sum, at) => sum + memories[at]!.min, 0) <= pages)
      const modules = memories.map(
        ({ min, more, grows }) => `(memory ${min} ${more === null ? '' : min + more}) ${grows ? grow : ''}`,
      )
      const most = await shared(modules, planOf(instances.map((module) => ({ module }))))
      const sum = instances.reduce((sum, module) => sum + most[module]!, 0)
      assert.ok(sum <= pages, `${sum} pages`)
    }),
    { numRuns: 100 },
  )
})

Share('cap.C3: a module counts as often as it is instantiated, also where one of it would fit', async () => {
  const cores = await coresOf(['(memory (export "memory") 60)'])
  start(planOf([{ module: 0 }]), cores, limits)
  assert.throws(
    () => start(planOf([{ module: 0 }, { module: 0 }]), cores, limits),
    new RegExp(`its memories may grow to \\d+ bytes, ${pages * pageBytes} are allowed`),
  )
})

Share.run()

// Guards the link plans that are read from a component's own sections: they are those that jco has for it.
//
// jco is the oracle, in tests only (test/support/oracle.ts).

import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readComponent } from '../../host/deploy/component.ts'
import { prepareCores } from '../../host/deploy/cores.ts'
import { planOf } from '../../host/deploy/plan.ts'
import { defaultLimits } from '../../host/limits.ts'
import { conformance, written } from '../conformance/languages.ts'
import { assemblyScriptCounter, quickJsCounter } from '../support/guests.ts'
import { guestComponent } from '../support/hostile.ts'
import { canonical, oracleOf } from '../support/oracle.ts'
import { skip } from '../support/skip.ts'

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
  else Plan(`... for ${language}, in which all kinds are`, () => plannedAsByJco(component))
}

// What tests and benchmarks have built on this machine.
const built = fileURLToPath(new URL('../../guests/build/', import.meta.url))
for (const file of globSync('*.wasm', { cwd: built }).filter((name) => !name.startsWith('conformance-'))) {
  Plan(`... for ${file}`, async () => {
    await plannedAsByJco(new Uint8Array(readFileSync(join(built, file))))
  })
}

Plan.run()

// Guards what a component may say of the contract's functions: they are those that the host calls, of one core instance and on one memory.

import { parse } from '@bytecodealliance/jco'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { interfaces } from '../../host/guest/layout.ts'
import { defaultLimits } from '../../host/limits.ts'
import { readComponent } from '../../host/link/component.ts'
import { planOf } from '../../host/link/plan.ts'
import { prepareCores } from '../../host/wasm/cores.ts'

const Contract = suite('contract')

const { about } = interfaces

/** Two instances of one core module, of which each could answer; and what of them the component lifts and exports. */
async function planned(lifted: string) {
  const component = await parse(`(component
    (core module $m
      (memory (export "memory") 1) (memory (export "second") 1)
      (func (export "${about}#describe") (result i32) (i32.const 0))
      (func (export "${about}#again") (result i32) (i32.const 0))
      (func (export "${about}#other") (result i32) (i32.const 0)))
    (core instance $i (instantiate $m)) (core instance $j (instantiate $m))
    (alias core export $i "memory" (core memory $memory)) (alias core export $j "memory" (core memory $another))
    (alias core export $i "second" (core memory $second))
    ${lifted}
    (export "${about}" (instance $about)))`)
  const read = readComponent(component)
  const prepared = prepareCores(read.modules, defaultLimits)
  if (!prepared.ok) throw new Error(prepared.reasons.join('; '))
  return planOf(read, prepared.cores)
}

const lift = (name: string, of: string, options = '(memory $memory)') =>
  `(func $${name} (result string) (canon lift (core func $${of} "${about}#${name}") ${options}))`
const describe = (options?: string) =>
  `${lift('describe', 'i', options)} (instance $about (export "describe" (func $describe)))`
const pair = (again: string) =>
  `${lift('describe', 'i')} ${again} (instance $about (export "describe" (func $describe)) (export "again" (func $again)))`

async function refused(lifted: string, reason: RegExp): Promise<void> {
  const why = await planned(lifted).then(
    () => 'it was taken',
    (error: Error) => error.message,
  )
  assert.match(why, reason)
}

Contract(
  'contract.N1: a function of the contract is the core function of its own name, or the component is refused',
  async () => {
    assert.equal((await planned(describe())).exports, { [about]: 0 })
    const renamed = lift('other', 'i').replace('$other', '$describe')
    await refused(
      `${renamed} (instance $about (export "describe" (func $describe)))`,
      /^exports "innkeeper:guest\/about@0\.2\.0#describe" by a core function of another name/,
    )
  },
)

Contract('contract.N2: functions of an interface are of one core instance', async () => {
  assert.equal((await planned(pair(lift('again', 'i')))).exports, { [about]: 0 })
  await refused(
    pair(lift('again', 'j')),
    /^the functions of innkeeper:guest\/about@0\.2\.0 are not of one core instance/,
  )
})

Contract('contract.N2: a component has one memory, exported as "memory", and its text is UTF-8', async () => {
  assert.is((await planned(describe())).memory, 0)
  await refused(pair(lift('again', 'i', '(memory $another)')), /^its functions have several memories/)
  await refused(describe('(memory $second)'), /#describe uses a memory that is not exported as "memory"/)
  await refused(describe('(memory $memory) string-encoding=utf16'), /#describe has strings that are not UTF-8/)
})

Contract.run()

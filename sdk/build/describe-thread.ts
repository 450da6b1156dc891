// Describe thread: runs a core just far enough to say what it is. Started and ended by describe-core.ts.

import { parentPort, workerData } from 'node:worker_threads'
import { describe } from '../../host/guest/describe.ts'
import { faultGlobal, faultText } from '../../host/guest/fault-text.ts'
import { GuestFault } from '../../host/guest/guest.ts'
import { interfaces } from '../../host/guest/layout.ts'
import { GuestMemory } from '../../host/guest/memory.ts'
import { defaultLimits } from '../../host/limits.ts'
import type { CoreToDescribe, Described } from './describe-core.ts'

type Run = (...parameters: number[]) => number | undefined

parentPort!.postMessage(described(workerData as CoreToDescribe))

function described({ core, wasi }: CoreToDescribe): Described {
  const module = new WebAssembly.Module(core)
  // The stub needs the core's memory, and the core the stub's functions: they are looked up when they are called.
  let stub: WebAssembly.Instance | undefined
  const imports: Record<string, Record<string, Run>> = {}
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    const group = (imports[from] ??= {})
    group[name] = (...parameters) => (stub!.exports[name] as Run)(...parameters)
  }
  const instance = new WebAssembly.Instance(module, imports)
  const exported = instance.exports['memory'] as WebAssembly.Memory
  if (wasi !== undefined) stub = new WebAssembly.Instance(new WebAssembly.Module(wasi), { env: { memory: exported } })
  const memory = new GuestMemory(exported)
  const call = (run: Run, ...parameters: number[]): number => {
    const answer = run(...parameters)
    memory.refresh()
    return typeof answer === 'number' ? answer >>> 0 : 0
  }
  try {
    const start = instance.exports['_initialize']
    if (start !== undefined) call(start as Run)
    const name = `${interfaces.about}#describe`
    const run = instance.exports[name] as Run
    const after = instance.exports[`cabi_post_${name}`] as Run | undefined
    return { description: describe({ memory, call, function: () => ({ run, after }) }, defaultLimits) }
  } catch (thrown) {
    const address = instance.exports[faultGlobal]
    const words =
      address instanceof WebAssembly.Global ? faultText(memory, Number(address.value), undefined) : undefined
    const message = thrown instanceof GuestFault ? thrown.told : (thrown as Error).message
    return { failed: words === undefined ? message : `${message}: ${words}` }
  }
}

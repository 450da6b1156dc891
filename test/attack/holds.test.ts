// Guards that what is uploaded is not worked on by the loop that serves: no module is compiled there, nor is a component read at once with others.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { component } from '../support/components.ts'
import { temporary, testHost } from '../support/host.ts'
import { scripted } from '../support/scripted.ts'
import { openStore } from '../support/store.ts'
import { countedInTurns } from '../support/turns.ts'

/** Modules that this thread compiles while `work` runs. */
async function compiledBy(work: () => Promise<unknown>): Promise<number> {
  const { Module } = WebAssembly
  let count = 0
  WebAssembly.Module = new Proxy(Module, {
    construct(target, parameters) {
      count += 1
      return Reflect.construct(target, parameters) as object
    },
  })
  try {
    await work()
  } finally {
    WebAssembly.Module = Module
  }
  return count
}

const Uploads = suite('uploads beside the loop')

Uploads(
  '§limit-12: deploying, deploying again and starting compile nothing on the loop, and read one artefact a turn',
  async () => {
    const data = temporary()
    const { bytes: counter } = await component('counter/typescript')
    const other = await scripted()
    const host = await testHost(data.path)
    const deploying = await compiledBy(async () => {
      assert.ok((await host.deployer.deploy(counter)).ok)
      assert.ok((await host.deployer.deploy(other)).ok)
      assert.ok((await host.deployer.rollback('examples.counter.v1.Counter', 1)).ok)
    })
    assert.is(deploying, 0)
    await host.stop()
    const store = await openStore(data.path, { log: () => {} })
    const read = countedInTurns(store.catalog, 'artefact', () => 1)
    const starting = await compiledBy(async () => {
      const again = await testHost(data.path, {}, { store })
      assert.is(again.services.current.services.size, 4)
      await again.stop()
    })
    assert.equal([starting, read.most, read.all], [0, 1, 2])
    data.remove()
  },
)

Uploads.run()

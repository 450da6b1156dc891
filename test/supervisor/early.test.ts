// Guards the thread that is begun before anybody has asked for it: it is taken by one, and waits for nobody.

import { spawnSync } from 'node:child_process'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { beginEarly, takeEarly } from '../../host/supervisor/early.ts'

const Early = suite('early')

Early('early.E1: one is begun, however often that is asked for, and one takes it', async () => {
  assert.is(takeEarly(), undefined)
  let begun = 0
  process.on('worker', () => {
    begun += 1
  })
  beginEarly()
  beginEarly()
  const [taken, again] = [takeEarly(), takeEarly()]
  // The thread would hold this process otherwise.
  await taken?.terminate()
  assert.ok(taken !== undefined)
  assert.equal([again, begun], [undefined, 1])
})

Early('early.E1: a process ends though nobody takes what it began', () => {
  const module = new URL('../../host/supervisor/early.ts', import.meta.url).href
  const script = `(await import('${module}')).beginEarly(); console.log('begun')`
  const ended = spawnSync(process.execPath, ['--no-warnings', '--input-type=module', '-e', script], {
    encoding: 'utf8',
    // It ends by itself or never. The number only keeps a failure from waiting for ever.
    timeout: 60_000,
  })
  assert.equal([ended.status, ended.stdout], [0, 'begun\n'])
})

Early.run()

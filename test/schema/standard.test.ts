// Guards that descriptors which a component leaves out come back as they were.
import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { loadSchema } from '../../host/schema/load.ts'
import { splitSet, withoutStandard, withStandard } from '../../host/schema/standard.ts'
import { compileStandard } from '../../sdk/build/standard.ts'
import { protos } from '../support/protos.ts'

const Standard = suite('standard files')
const text = readFileSync(new URL('../../guests/proto/counter.proto', import.meta.url), 'utf8')

Standard('wit/standard.binpb is what the tool writes', async () => {
  const stored = readFileSync(new URL('../../wit/standard.binpb', import.meta.url))
  assert.is(Buffer.compare(stored, await compileStandard()), 0, 'run host/tools/standard.ts')
})

Standard('standard.S1: a set without them comes back with those that it imports, and loads', async () => {
  const { bytes: whole } = await protos({ 'counter.proto': text })
  const own = withoutStandard(whole)
  assert.equal(
    splitSet(own).map(({ name }) => name),
    ['counter.proto'],
  )
  assert.throws(() => loadSchema(own))
  const again = withStandard(own)
  const names = splitSet(again).map(({ name }) => name)
  assert.equal([...names].sort(), [...splitSet(whole).map(({ name }) => name)].sort())
  assert.is(names.at(-1), 'counter.proto', 'imports come first')
  assert.is(loadSchema(again).services.size, 1)
})

Standard('standard.S1: a file that is not the same stays in the set, and is not replaced', async () => {
  const { bytes: whole } = await protos({ 'counter.proto': text })
  const files = splitSet(whole)
  const changed = Buffer.concat(
    files.map(({ name, bytes }) => {
      // An unknown field at the end: another file of that name.
      const body = name === 'innkeeper/options.proto' ? Buffer.concat([bytes, Buffer.from([0xf8, 0x3e, 1])]) : bytes
      const length = body.length > 127 ? [(body.length & 127) | 128, body.length >>> 7] : [body.length]
      return Buffer.concat([Buffer.from([10, ...length]), body])
    }),
  )
  const own = withoutStandard(changed)
  assert.ok(splitSet(own).some(({ name }) => name === 'innkeeper/options.proto'))
  assert.is(splitSet(withStandard(own)).filter(({ name }) => name === 'innkeeper/options.proto').length, 1)
})

Standard('bytes that are no set are left for loading to refuse', () => {
  const junk = Uint8Array.of(0xff, 0xff, 0xff)
  assert.equal(withStandard(junk), junk)
})

Standard.run()

// Guards the places in what a guest says of its fault: they are the author's where there is a map, and the bundle's where there is none.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Places } from '../../host/guest/fault-text.ts'

/** The bundle's first line is line 2 of the author's file, its second line 7 of a package's, its third line 1 of the author's again. */
const map = { file: 'service.js', sources: ['src/service.ts', 'node_modules/odd/index.ts'], mappings: 'AACA;ACKA;ADNA' }
const said = 'Error: no\n    at f (service.js:2:1)\n    at g (service.js:1:5)\n    at h (other.js:1:1)'

const Faults = suite('words of a fault')

Faults('fault-text.X2: places of the bundle are places of the sources, the author’s own first', () => {
  assert.is(
    new Places(map).placed(said),
    'src/service.ts:2: Error: no\n    at f (node_modules/odd/index.ts:7)\n    at g (src/service.ts:2)\n    at h (other.js:1:1)',
  )
})

Faults('fault-text.X2: with a map that cannot be read, or that knows no such place, the words stay as they are', () => {
  const bad = [
    { ...map, mappings: '' },
    // The thirteenth source before the first one, and a line before the first.
    { ...map, mappings: 'AZZZ' },
    { ...map, mappings: 'AADA' },
    { ...map, sources: [] },
    { ...map, sources: undefined as unknown as string[] },
  ]
  for (const one of bad) assert.is(new Places(one).placed(said), said, JSON.stringify(one))
})

Faults.run()

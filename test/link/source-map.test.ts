// Guards the section in which a component brings places of its sources: a stranger's, and no reason to refuse the component.

import { deflateSync, gzipSync } from 'node:zlib'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { sourceMapBytesMax, sourceMapOf, withSourceMap } from '../../host/link/source-map.ts'
import { ByteWriter } from '../../host/wasm/bytes.ts'
import { guestComponent } from '../support/hostile.ts'

const SourceMaps = suite('source map')

const component = await guestComponent({})
const map = { file: 'bundle.js', sources: ['a.ts', 'b.ts'], mappings: 'AAAA;AACA' }

/** With a section of our name that holds these bytes. */
function bringing(content: Uint8Array): Uint8Array {
  const section = new ByteWriter()
  section.name('innkeeper:source-map')
  section.raw(content)
  const body = section.finish()
  const head = new ByteWriter()
  head.byte(0)
  head.u32(body.length)
  return new Uint8Array(Buffer.concat([component, head.finish(), body]))
}

const zipped = (json: unknown) => bringing(gzipSync(JSON.stringify(json)))

SourceMaps('a map comes back as it was put in', () => {
  assert.equal(sourceMapOf(withSourceMap(component, map)), map)
  assert.equal(sourceMapOf(zipped({ version: 3, ...map, evil: 1 })), map)
})

SourceMaps('source-map.M2: what is no map, or more than one may be, is none', () => {
  const long = 'A'.repeat(sourceMapBytesMax)
  assert.is(withSourceMap(component, { ...map, mappings: long }), component)
  for (const [what, bytes] of Object.entries({
    'a map that is long when it is unzipped': zipped({ ...map, mappings: long }),
    nothing: bringing(new Uint8Array()),
    'what is not zipped': bringing(Buffer.from(JSON.stringify(map))),
    'what is zipped otherwise': bringing(deflateSync(JSON.stringify(map))),
    'what is no JSON': bringing(gzipSync('{')),
    'no record': zipped(null),
    'a list': zipped([map]),
    'a path for the file': zipped({ ...map, file: '../../etc/passwd' }),
    'a name without end': zipped({ ...map, file: 'a'.repeat(65) }),
    'sources that are no texts': zipped({ ...map, sources: ['a.ts', 7] }),
    'too many sources': zipped({ ...map, sources: new Array(10_001).fill('') }),
    'no mappings': zipped({ ...map, mappings: undefined }),
  }))
    assert.is(sourceMapOf(bytes), undefined, what)
})

SourceMaps.run()

// Guards how .proto files become descriptors: what every project can import, and that nothing but the notes of places is taken out.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { splitSet } from '../../host/schema/standard.ts'
import { bufPath } from '../../sdk/build/buf.ts'
import { withoutPlaces } from '../../sdk/build/places.ts'
import { run } from '../../sdk/build/run.ts'
import { protos } from '../support/protos.ts'

const Described = suite('descriptors')

Described('descriptors.D1: what every project can import need not be in it', async () => {
  const imports = ['innkeeper/options', 'google/api/annotations', 'cloudstate/eventing']
  const { bytes } = await protos({
    'a.proto': `syntax = "proto3"; package a; ${imports.map((name) => `import "${name}.proto";`).join(' ')}
      message M { string id = 1 [(innkeeper.entity_key) = true]; }
      service S { rpc Do(M) returns (M) {
        option (google.api.http) = { get: "/m/{id}" };
        option (cloudstate.eventing).out.topic = "t";
      } }`,
  })
  const names = splitSet(bytes).map(({ name }) => name)
  for (const name of imports) assert.ok(names.includes(`${name}.proto`), name)
})

Described("descriptors.D1: a project's own file of such a name wins", async () => {
  const { schema } = await protos({
    'google/api/httpbody.proto': 'syntax = "proto3"; package google.api; message Own {}',
    'a.proto': `syntax = "proto3"; package a; import "google/api/httpbody.proto"; message M { google.api.Own own = 1; }`,
  })
  assert.ok(schema.messages.has('google.api.Own'))
})

Described(
  'build/places.P2: descriptors without places are what buf makes where it is told to leave them out',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'innkeeper-places-'))
    try {
      writeFileSync(
        join(folder, 'a.proto'),
        `syntax = "proto3"; package a;
      import "google/protobuf/timestamp.proto";
      // A comment.
      message M { /* Another. */ google.protobuf.Timestamp at = 1; oneof choice { string text = 2; } reserved 7, 9; }
      enum E { NONE = 0; }
      service S { rpc Do(M) returns (stream M); }`,
      )
      const made = async (...options: readonly string[]) => {
        const out = join(folder, 'out.binpb')
        const args = [bufPath(), 'build', '--as-file-descriptor-set', '-o', out, ...options]
        const { ok, stderr } = await run(process.execPath, args, folder)
        assert.ok(ok, stderr)
        return new Uint8Array(readFileSync(out))
      }
      const [noted, plain] = [await made(), await made('--exclude-source-info')]
      assert.ok(noted.length > plain.length)
      assert.equal(withoutPlaces(noted), plain)
    } finally {
      rmSync(folder, { recursive: true })
    }
  },
)

Described.run()

// Guards what sdk/typescript/README.md says of long texts: up to the limit of a message with the default memory, and up to the limit of a state
// with more.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Host } from '../../host/main.ts'
import { http, temporary, testHost } from '../support/host.ts'
import { componentWith } from '../support/project.ts'

const proto = `syntax = "proto3"; package texts.v1; import "google/api/annotations.proto"; import "innkeeper/options.proto";
message Put { string id = 1 [(innkeeper.entity_key) = true]; string text = 2; }
message Get { string id = 1 [(innkeeper.entity_key) = true]; }
message Written { string text = 1; }
message Added { string text = 1; }
message Doc { string text = 1; repeated string more = 2; }
message Size { int32 size = 1; }
service Texts { rpc Write(Put) returns (Doc) { option (google.api.http) = { post: "/w/{id}" body: "*" }; }
 rpc Add(Put) returns (Size) { option (google.api.http) = { post: "/a/{id}" body: "*" }; }
 rpc Read(Get) returns (Doc) { option (google.api.http) = { get: "/r/{id}" }; } }`
const source = `import { eventSourced, accept } from '@innkeeper/sdk'
import { Texts, Doc, Written, Added } from './gen/tally.ts'
export default eventSourced(Texts, {
  state: Doc,
  decide: {
    write: (state, request) => accept(Written({ text: request.text })).reply((after) => after),
    add: (state, request) => accept(Added({ text: request.text })).reply({ size: state.more.length + 1 }),
    read: (state) => accept().reply(state),
  },
  evolve: {
    Written: (state, event) => ({ ...state, text: event.text }),
    Added: (state, event) => ({ ...state, more: [...state.more, event.text] }),
  },
})
`
const component = await componentWith({
  'proto/tally.proto': proto,
  'src/service.ts': source,
  'test/rules.test.ts': '',
})

const Texts = suite('long texts')

async function withHost(flags: Record<string, string>, use: (host: Host) => Promise<void>): Promise<void> {
  const data = temporary()
  const host = await testHost(data.path, flags)
  try {
    assert.ok((await host.deployer.deploy(component)).ok)
    await use(host)
  } finally {
    await host.stop()
    data.remove()
  }
}

for (const letter of ['x', 'ü', '漢'])
  Texts(`a text of 4,000 KiB of ${letter} is a request, an event, a state and a reply`, async () => {
    const text = letter.repeat((4_000 * 1024) / Buffer.byteLength(letter))
    await withHost({}, async (host) => {
      const written = await http(host.listen, 'POST', '/w/a', { text })
      assert.is(written.status, 200, written.text.slice(0, 200))
      assert.ok(written.json.text === text)
      assert.ok((await http(host.listen, 'GET', '/r/a')).json.text === text)
    })
  })

Texts('a state of texts grows up to its limit in an instance with 256 MiB', async () => {
  const text = 'y'.repeat(512 * 1024)
  await withHost({ 'guest-memory-bytes-max': String(256 * 1024 * 1024) }, async (host) => {
    for (let count = 1; count < 32; count++) {
      const added = await http(host.listen, 'POST', '/a/a', { text })
      assert.equal([added.status, added.json.size], [200, count])
    }
    const [last] = [await http(host.listen, 'POST', '/a/a', { text })]
    assert.match(last.json.message, /^the state would have 16777\d{3} bytes, 16777216 are allowed/)
  })
})

Texts.run()

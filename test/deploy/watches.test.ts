// Guards what a deployment checks of watches (§watch-2): that there is a method that can be watched, and that it fits.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { validateDescription } from '../../host/deploy/validate.ts'
import type { Description, ServiceKind } from '../../host/guest/about.ts'
import { defaultLimits } from '../../host/limits.ts'
import { askedMethods } from '../../host/schema/schema.ts'
import { protos } from '../support/protos.ts'

const Watches = suite('watches at deployment')

const get = 'rpc Get(Key) returns (Cart);'
const watch = (what = 'Get') => `option (innkeeper.method) = { watch: "${what}" };`

async function problems(methods: string, kind: ServiceKind = 'value'): Promise<readonly string[]> {
  const { schema } = await protos({
    'cart.proto': `syntax = "proto3"; package w.v1;
      import "innkeeper/options.proto";
      import "google/rpc/status.proto";
      service Carts { ${get} ${methods} }
      message Key { string id = 1 [(innkeeper.entity_key) = true]; }
      message Other { string id = 1 [(innkeeper.entity_key) = true]; }
      message Cart { string text = 1; }
      message Heard { oneof outcome { Cart reply = 1; google.rpc.Status failure = 2; } }`,
  })
  const service = { ...base, kind }
  const description = { services: [service], viewServices: [] } as unknown as Description
  return validateDescription(description, schema, defaultLimits).map(({ message }) => message)
}
const base = {
  ...{ name: 'w.v1.Carts', persistenceId: undefined, stateType: undefined, stateVersion: undefined },
  ...{ snapshotEvery: 0, passivateAfterMs: 0, headers: [], views: [], events: [] },
}

Watches('§watch-2: one that fits is served, for every kind of entity, also of an internal method', async () => {
  const fits = `rpc Watch(Key) returns (stream Cart) { ${watch()} }`
  for (const kind of ['value', 'event-sourced', 'replicated'] as const) assert.equal(await problems(fits, kind), [])
  const internal = `rpc Hidden(Key) returns (Cart) { option (innkeeper.method) = { internal: true }; }
    rpc Watch(Key) returns (stream Cart) { ${watch('Hidden')} }`
  assert.equal(await problems(internal), [])
})

Watches('§watch-2: what does not fit is refused, with the reason', async () => {
  const cases: readonly (readonly [methods: string, problem: string])[] = [
    [
      `rpc Watch(Key) returns (stream Cart) { ${watch('Nope')} }`,
      '`watch` is "Nope"; it is the name of a method of w.v1.Carts: "GetCart"',
    ],
    [
      `rpc Watch(Key) returns (stream Cart) { ${watch('w.v1.Carts/Get')} }`,
      '`watch` is "w.v1.Carts/Get"; it is the name of a method of w.v1.Carts: "GetCart"',
    ],
    [
      `rpc Watch(Key) returns (Cart) { ${watch()} }`,
      'it watches Get, and so takes one message and answers with a stream of them',
    ],
    [
      `rpc Watch(stream Key) returns (stream Cart) { ${watch()} }`,
      'it watches Get, and so takes one message and answers with a stream of them',
    ],
    [
      `rpc Watch(Key) returns (stream Cart) { ${watch('Watch')} }`,
      'it watches Watch, which is a watch itself; name a method that answers once',
    ],
    [
      `rpc Watch(Other) returns (stream Cart) { ${watch()} }`,
      'it takes w.v1.Other, but Get, which it watches, takes w.v1.Key',
    ],
    [
      `rpc Watch(Key) returns (stream Key) { ${watch()} }`,
      'it answers w.v1.Key, but Get, which it watches, answers w.v1.Cart',
    ],
    [
      `rpc Hear(Heard) returns (Cart) { option (innkeeper.method) = { answers: "w.v1.Carts/Get" }; }
       rpc Watch(Key) returns (stream Cart) { ${watch('Hear')} }`,
      'it watches Hear, which hears answers; only methods that somebody may call can be watched',
    ],
  ]
  for (const [methods, problem] of cases) {
    const found = await problems(methods)
    assert.ok(found.includes(`w.v1.Carts.Watch: ${problem}`), found.join('\n'))
  }
  const streams = `rpc Open(Key) returns (stream Cart); rpc Watch(Key) returns (stream Cart) { ${watch('Open')} }`
  assert.equal(await problems(streams, 'replicated'), [
    'w.v1.Carts.Watch: it watches Open, which streams; only methods that answer once can be watched',
  ])
  assert.equal(await problems(`rpc Watch(Key) returns (stream Cart) { ${watch()} }`, 'action'), [
    'w.v1.Carts.Watch: an action keeps nothing that could be watched; remove `watch`, or watch an entity',
  ])
  const both = `rpc Watch(Heard) returns (stream Cart) {
    option (innkeeper.method) = { watch: "Get", answers: "w.v1.Carts/Get" };
  }`
  assert.ok((await problems(both)).some((problem) => /remove `watch` or `answers`/.test(problem)))
})

Watches('§watch-1: a component has no function for it', async () => {
  const { schema } = await protos({
    'cart.proto': `syntax = "proto3"; package w.v1; import "innkeeper/options.proto";
      service Carts { ${get} rpc Watch(Key) returns (stream Cart) { ${watch()} } }
      message Key { string id = 1 [(innkeeper.entity_key) = true]; }
      message Cart {}`,
  })
  const asked = askedMethods(schema.services.get('w.v1.Carts')!).map(({ name }) => name)
  assert.equal(asked, ['Get'])
})

Watches.run()

// Guards what the laws are tried on: requests that a host would hand to the function, of one entity, and few enough that they meet.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { mulberry, randomCommand } from '../../host/laws/random.ts'
import { keyReader } from '../../host/schema/entity-key.ts'
import type { MethodType } from '../../host/schema/schema.ts'
import { toJson } from '../../host/transcode/to-json.ts'
import { protos } from '../support/protos.ts'

const scalars = [
  ...['double', 'float', 'int32', 'int64', 'uint32', 'uint64', 'sint32', 'sint64', 'fixed32', 'fixed64'],
  ...['sfixed32', 'sfixed64', 'bool', 'string', 'bytes'],
]
const wellKnown = [
  ...['Any', 'Duration', 'Empty', 'FieldMask', 'ListValue', 'Struct', 'Timestamp', 'Value', 'BoolValue', 'BytesValue'],
  ...['DoubleValue', 'FloatValue', 'Int32Value', 'Int64Value', 'StringValue', 'UInt32Value', 'UInt64Value'],
]
const keys = ['int64', 'fixed32', 'bool', 'string', 'bytes', 'Colour']
const files = ['any', 'duration', 'empty', 'field_mask', 'struct', 'timestamp', 'wrappers']
const { schema } = await protos({
  'laws.proto': `syntax = "proto3"; package laws.v1; import "innkeeper/options.proto";
    ${files.map((file) => `import "google/protobuf/${file}.proto";`).join('\n')}
    enum Colour { NONE = 0; RED = 3; BLUE = -2; }
    message All {
      string id = 1 [(innkeeper.entity_key) = true];
      ${scalars.map((type, at) => `${type} a_${type} = ${at + 10}; repeated ${type} all_${type} = ${at + 30};`).join('\n')}
      ${wellKnown.map((type, at) => `google.protobuf.${type} k${at} = ${at + 50};`).join('\n')}
      oneof one { string text = 2; All inner = 3; Colour colour = 4; }
      repeated All more = 5;
      map<string, All> by_name = 6;
      optional Colour maybe = 7;
    }
    ${keys.map((type, at) => `message Key${at} { ${type} id = 1 [(innkeeper.entity_key) = true]; string text = 2; }`).join('\n')}
    message Small { string id = 1 [(innkeeper.entity_key) = true]; string name = 2; sint64 amount = 3; bool sure = 4; }
    service Laws {
      rpc DoAll(All) returns (Small);
      rpc DoSmall(Small) returns (Small);
      rpc DoEmpty(google.protobuf.Empty) returns (Small);
      ${keys.map((_, at) => `rpc DoKey${at}(Key${at}) returns (Small);`).join('\n')}
    }`,
})
const { methods } = schema.services.get('laws.v1.Laws')!
const method = (name: string): MethodType => methods.get(name)!

/** So many commands of a method, one with each seed. */
const commands = (of: MethodType, count: number) =>
  Array.from({ length: count }, (_, seed) => randomCommand([of], { schema, random: mulberry(seed) }, seed))

/** Every number and text in it. */
function leaves(json: unknown): readonly unknown[] {
  return typeof json === 'object' && json !== null ? Object.values(json).flatMap(leaves) : [json]
}

const Random = suite('random commands')

Random('random.R1: each is a message of its method, whatever that has, with small values', () => {
  const seen = new Set<string>()
  for (const { name, input } of methods.values())
    for (const { method: of, payload } of commands(method(name), 200)) {
      assert.is(of, name)
      const json = JSON.parse(toJson(schema, input, payload))
      for (const field of Object.keys(json)) seen.add(`${name}.${field}`)
      for (const value of leaves(json)) {
        if (typeof value === 'number') assert.ok(Math.abs(value) < 10, `${value}`)
        // Text, 64-bit numbers, bytes, names of enums and moments.
        if (typeof value === 'string') assert.ok(value.length <= 20, value)
      }
    }
  const possible = method('DoAll').input.fields.filter(({ type }) => type.kind !== 'map')
  assert.equal(
    possible.filter(({ jsonName }) => !seen.has(`DoAll.${jsonName}`)).map(({ name }) => name),
    [],
  )
})

Random('random.R1: all that are tried together are for one entity, and name it, as a host asks of a request', () => {
  for (const of of methods.values()) {
    if (of.name === 'DoEmpty') continue
    const keyOf = keyReader(of.input, of.name, 100)
    assert.is(new Set(commands(of, 100).map(({ payload }) => keyOf(payload))).size, 1, of.name)
  }
})

Random('random.R1: commands meet: of many few are different, and another seed makes others', () => {
  const made = commands(method('DoSmall'), 1_000).map(({ payload }) => Buffer.from(payload).toString('hex'))
  const different = new Set(made).size
  assert.ok(different > 50 && different < 250, `${different} of 1,000 are different`)
  assert.equal(
    commands(method('DoSmall'), 1_000).map(({ payload }) => Buffer.from(payload).toString('hex')),
    made,
  )
})

Random.run()

// Guards what callers rely on: the same request always reaches the same entity, and never another one.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { entityId, joinKey, splitKey } from '../../host/key.ts'
import { keyReader } from '../../host/schema/entity-key.ts'
import type { Field, MessageType, ScalarType } from '../../host/schema/schema.ts'
import { refuses } from '../support/assert.ts'

const Key = suite('entity key')

function message(...types: readonly ScalarType[]): MessageType {
  return messageOf(types, [])
}

/** `empty`: places of the fields that allow an empty key. */
function messageOf(types: readonly ScalarType[], empty: readonly number[]): MessageType {
  const fields = types.map(
    (scalar, index): Field => ({
      name: `f${index + 1}`,
      jsonName: `f${index + 1}`,
      number: index + 1,
      type: { kind: 'scalar', scalar },
      repeated: false,
      packed: false,
      presence: false,
      oneof: undefined,
      entityKey: true,
      allowEmptyKey: empty.includes(index),
      column: undefined,
    }),
  )
  return { fullName: 'test.Request', fields, byNumber: new Map(), byName: new Map() }
}

const text = (number: number, value: string): Buffer => {
  const bytes = Buffer.from(value)
  assert.ok(bytes.length < 128)
  return Buffer.concat([Buffer.from([number * 8 + 2, bytes.length]), bytes])
}

/** Type, bytes of field 1, the key that they mean. */
const scalars: readonly (readonly [ScalarType, readonly number[], string])[] = [
  ['string', [0x0a, 3, 0x61, 0x2d, 0x62], 'a-b'],
  ['bytes', [0x0a, 2, 0xff, 0x00], '/wA='],
  ['bool', [0x08, 1], 'true'],
  ['int32', [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], '-1'],
  ['int64', [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], '-1'],
  ['uint32', [0x08, 0xff, 0xff, 0xff, 0xff, 0x0f], '4294967295'],
  ['uint64', [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], '18446744073709551615'],
  ['sint32', [0x08, 0xff, 0xff, 0xff, 0xff, 0x0f], '-2147483648'],
  ['sint64', [0x08, 0x03], '-2'],
  ['fixed32', [0x0d, 0xff, 0xff, 0xff, 0xff], '4294967295'],
  ['sfixed32', [0x0d, 0xff, 0xff, 0xff, 0xff], '-1'],
  ['fixed64', [0x09, 1, 0, 0, 0, 0, 0, 0x20, 0], '9007199254740993'],
  ['sfixed64', [0x09, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], '-1'],
  ['float', [0x0d, 0, 0, 0xc0, 0x3f], '1.5'],
  ['double', [0x09, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f], '1.5'],
]

Key(
  '§key-2, entity-key.K1: every scalar type has its text: numbers exact in decimal, bool as words, bytes in base64',
  () => {
    for (const [type, bytes, key] of scalars) {
      assert.is(keyReader(message(type), 'test.Service/Do', 1_024)(Uint8Array.from(bytes)), key, type)
    }
  },
)

Key('§key-2, entity-key.K2: an unset number is 0 and an unset bool false, and both are keys', () => {
  for (const [type] of scalars.filter(([name]) => name !== 'string' && name !== 'bytes')) {
    const key = keyReader(message(type), 'test.Service/Do', 1_024)(new Uint8Array())
    assert.is(key, type === 'bool' ? 'false' : '0', type)
  }
})

Key('§key-4, entity-key.K2: a request whose key is empty or not there is refused, naming method and field', () => {
  const said = 'test.Service/Do: the field f1 names the entity and is empty; set it in the request'
  for (const type of ['string', 'bytes'] as const) {
    const read = keyReader(message(type), 'test.Service/Do', 1_024)
    for (const request of [new Uint8Array(), text(1, ''), text(2, 'other'), Buffer.concat([text(1, 'a'), text(1, '')])])
      assert.is(refuses(() => read(request), 'bad_request').message, said)
    assert.is(read(Buffer.concat([text(1, ''), text(1, 'YQ')])), type === 'string' ? 'YQ' : 'WVE=')
  }
})

Key('§key-4, entity-key.K2: of several fields each must have a text, and the first that has none is named', () => {
  const read = keyReader(message('string', 'int32', 'string'), 'test.Service/Do', 1_024)
  assert.is(entityId(read(Buffer.concat([text(1, 'a'), text(3, 'c')])), 3), 'a-0-c')
  assert.match(refuses(() => read(text(3, 'c')), 'bad_request').message, 'the field f1 ')
  assert.match(refuses(() => read(text(1, 'a')), 'bad_request').message, 'the field f3 ')
  assert.match(refuses(() => read(new Uint8Array()), 'bad_request').message, 'the field f1 ')
})

Key('§key-5, entity-key.K2: a field that allows it may be empty, and only that one', () => {
  assert.is(keyReader(messageOf(['string'], [0]), 'test.Service/Do', 1_024)(new Uint8Array()), '')
  assert.is(keyReader(messageOf(['bytes'], [0]), 'test.Service/Do', 1_024)(new Uint8Array()), '')
  const read = keyReader(messageOf(['string', 'string'], [1]), 'test.Service/Do', 1_024)
  assert.equal(splitKey(read(text(1, 'a')), 2), ['a', ''])
  assert.match(refuses(() => read(text(2, 'b')), 'bad_request').message, 'the field f1 ')
})

Key('§key-6, entity-key.K3: the last of repeated occurrences wins', () => {
  assert.is(
    keyReader(message('string'), 'test.Service/Do', 1_024)(Buffer.concat([text(1, 'first'), text(1, 'last')])),
    'last',
  )
})

Key('§key-3, key.K2: a-b with c never meets a with b-c inside, and both are a-b-c outside', () => {
  const read = keyReader(message('string', 'string'), 'test.Service/Do', 1_024)
  const left = read(Buffer.concat([text(1, 'a-b'), text(2, 'c')]))
  const right = read(Buffer.concat([text(2, 'b-c'), text(1, 'a')]))
  assert.is.not(left, right)
  assert.is(entityId(left, 2), 'a-b-c')
  assert.is(entityId(right, 2), 'a-b-c')
})

Key('§key-8, key.K1: no two lists of fields have the same key, NUL included', () => {
  const field = fc.string({ unit: fc.constantFrom('\0', '\u0001', '-', 'a'), maxLength: 6 })
  const fields = fc
    .integer({ min: 1, max: 4 })
    .chain((count) => fc.tuple(...Array.from({ length: count }, () => field)))
  fc.assert(
    fc.property(fields, (values) => assert.equal(splitKey(joinKey(values), values.length), values)),
    { numRuns: 2_000 },
  )
})

Key('§key-6: the key does not depend on other fields, known or not', () => {
  const read = keyReader(message('string'), 'test.Service/Do', 1_024)
  const noise = Buffer.from([0x10, 5, 0x1d, 1, 2, 3, 4, 0x21, 1, 2, 3, 4, 5, 6, 7, 8, 0x2b, 0x08, 1, 0x2c])
  assert.is(read(Buffer.concat([noise, text(1, 'id'), text(7, 'other')])), 'id')
})

Key('a key field of the wrong wire type is skipped, as protobuf does', () => {
  const read = keyReader(message('string'), 'test.Service/Do', 1_024)
  assert.is(read(Buffer.concat([text(1, 'id'), Buffer.from([0x08, 5])])), 'id')
  assert.match(refuses(() => read(Uint8Array.from([0x08, 5])), 'bad_request').message, 'is empty')
})

Key('hostile bytes are a bad request, and nothing else', () => {
  const read = keyReader(message('string', 'sint64', 'fixed32', 'double'), 'test.Service/Do', 1_024)
  for (const bytes of [
    [0x0a],
    [0x0a, 5, 0x61],
    [0x0a, 1, 0xff],
    [0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f],
    [0x00, 1],
    [0x0b, 0x0b],
    [0x0c],
    [0x0e, 0],
    [0x10, ...Array.from({ length: 11 }, () => 0xff)],
    Array.from({ length: 1_000 }, () => 0x0b),
  ]) {
    assert.match(
      refuses(() => read(Uint8Array.from(bytes)), 'bad_request').message,
      /^the request is not a test.Request/,
    )
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      try {
        assert.type(read(bytes), 'string')
      } catch (error) {
        assert.is((error as { code?: string }).code, 'bad_request', String(error))
      }
    }),
    { numRuns: 2_000 },
  )
})

Key('§key-7: a key is bounded in bytes, not in characters', () => {
  const read = keyReader(message('string'), 'test.Service/Do', 12)
  assert.is(read(text(1, 'a'.repeat(12))), 'a'.repeat(12))
  assert.is(read(text(1, 'äöüäöü')), 'äöüäöü')
  refuses(() => read(text(1, 'a'.repeat(13))), 'bad_request')
  refuses(() => read(text(1, 'äöüäöüä')), 'bad_request')
})

Key.run()

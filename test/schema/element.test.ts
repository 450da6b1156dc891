// Guards which element of a replicated value a request is about: the bytes that the SDKs write for the same value.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { elementReader } from '../../host/schema/element.ts'
import type { Json } from '../../host/transcode/json.ts'
import { toMessage } from '../../host/transcode/to-message.ts'
import { refuses } from '../support/assert.ts'
import { protos } from '../support/protos.ts'

const { schema } = await protos({
  'e.proto': `syntax = "proto3"; package e;
    message Request { string text = 3; bytes raw = 4; int64 number = 5; sint32 zigzag = 6; bool flag = 7; double real = 8; Inner inner = 9; Shade shade = 10; string other = 1; }
    message Inner { string a = 1; int32 b = 2; }
    message One { string value = 1; } message Raw { bytes value = 1; } message Number { int64 value = 1; } message Zigzag { sint32 value = 1; }
    message Flag { bool value = 1; } message Real { double value = 1; } message Shaded { Shade value = 1; }
    enum Shade { NONE = 0; DARK = 7; }`,
})
const request = schema.messages.get('e.Request')!
const bytes = (type: string, json: Json) => Buffer.from(toMessage(schema, schema.messages.get(`e.${type}`)!, json))
const read = (field: string, payload: Uint8Array) =>
  Buffer.from(elementReader(request, request.byName.get(field)!)(payload))

const Element = suite('element of a request')

Element(
  '§element-1, element.E1: a scalar is the message that has it as field 1, a message is itself, a default is empty',
  () => {
    const cases: readonly [string, string, Json, Json][] = [
      ['text', 'One', 'grüß', ''],
      ['raw', 'Raw', 'AAEC', ''],
      ['number', 'Number', '-9007199254740993', '0'],
      ['zigzag', 'Zigzag', -5, 0],
      ['flag', 'Flag', true, false],
      ['real', 'Real', 1.5, 0],
      ['shade', 'Shaded', 'DARK', 'NONE'],
    ]
    for (const [field, type, value, otherwise] of cases) {
      assert.equal(read(field, bytes('Request', { other: 'x', [field]: value })), bytes(type, { value }), field)
      assert.equal(read(field, bytes('Request', { other: 'x', [field]: otherwise })), Buffer.alloc(0), field)
      assert.equal(read(field, bytes('Request', { other: 'x' })), Buffer.alloc(0), field)
    }
    assert.equal(read('inner', bytes('Request', { inner: { a: 'x', b: 2 } })), bytes('Inner', { a: 'x', b: 2 }))
  },
)

Element('a text of zeros is not the empty one', () => {
  assert.equal(read('text', bytes('Request', { text: '\0' })), bytes('One', { value: '\0' }))
})

Element('element.E2: the last of repeated occurrences wins, and one of another wire type is passed over', () => {
  const twice = Buffer.concat([
    bytes('Request', { text: 'a' }),
    bytes('Request', { text: 'b' }),
    Buffer.from([3 * 8, 5]),
  ])
  assert.equal(read('text', twice), bytes('One', { value: 'b' }))
})

Element('what is not the message is refused', () => {
  refuses(() => read('text', Buffer.from([0x1a, 50, 1])), 'bad_request')
})

Element.run()

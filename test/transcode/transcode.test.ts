// Guards JSON to protobuf and back, against protobufjs as the reference for what the bytes mean.

import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { WireError } from '../../host/schema/wire.ts'
import type { Json } from '../../host/transcode/json.ts'
import { toJson } from '../../host/transcode/to-json.ts'
import { TranscodeError, toMessage } from '../../host/transcode/to-message.ts'
import { compileProtos } from '../../sdk/build/descriptors.ts'
import { readProject } from '../../sdk/build/read-project.ts'
import { reference } from '../support/every.ts'

const project = readProject(fileURLToPath(new URL('../fixtures/guests/every-type', import.meta.url)))
const known = await compileProtos({
  ...project,
  proto: fileURLToPath(new URL('../fixtures/transcode', import.meta.url)),
  files: ['known.proto'],
})
const { schema } = await compileProtos(project)
const every = schema.messages.get('test.every.v1.Every')!

const Transcode = suite('transcode')

const int = (min: number, max: number) => fc.integer({ min, max })
const long = (min: bigint, max: bigint) => fc.bigInt({ min, max }).map(String)
const int32 = int(-0x8000_0000, 0x7fff_ffff)
const text = fc.string({ unit: 'grapheme', maxLength: 60 })
const base64 = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('base64'))
const double = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (Object.is(value, -0) ? 0 : value))
const colour = fc.constantFrom('COLOUR_UNSPECIFIED', 'RED', 'BLUE', 77)
const inner = fc.record({ name: text }, { requiredKeys: [] })
const list = <T>(item: fc.Arbitrary<T>) => fc.array(item, { maxLength: 5 })

/** Canonical JSON of the message of all types. */
const json = fc
  .record(
    {
      aDouble: double,
      anInt32: int32,
      anInt64: long(-(2n ** 63n), 2n ** 63n - 1n),
      aUint32: int(0, 0xffff_ffff),
      aUint64: long(0n, 2n ** 64n - 1n),
      aSint32: int32,
      aSint64: long(-(2n ** 63n), 2n ** 63n - 1n),
      aFixed32: int(0, 0xffff_ffff),
      aFixed64: long(0n, 2n ** 64n - 1n),
      aSfixed32: int32,
      aSfixed64: long(-(2n ** 63n), 2n ** 63n - 1n),
      aBool: fc.boolean(),
      aString: text,
      someBytes: base64,
      colour,
      inner,
      maybeInt32: int32,
      maybeInt64: long(-(2n ** 63n), 2n ** 63n - 1n),
      maybeString: text,
      maybeBytes: base64,
      doubles: list(double),
      int32s: list(int32),
      int64s: list(long(-(2n ** 63n), 2n ** 63n - 1n)),
      bools: list(fc.boolean()),
      strings: list(text),
      bytess: list(base64),
      colours: list(colour),
      inners: list(inner),
      loose: list(int(0, 0xffff_ffff)),
      names: fc.dictionary(text, text, { maxKeys: 4 }),
      byBool: fc.record({ true: double, false: double }, { requiredKeys: [] }),
      text,
      constructor: text,
      last: text,
    },
    { requiredKeys: [] },
  )
  .map((value) => value as unknown as { [name: string]: Json })

Transcode(
  '§request-5, §answer-1, to-message.J1, to-json.O1: canonical JSON comes back as it was, with defaults filled in',
  () => {
    fc.assert(
      fc.property(json, (value) => {
        const back = JSON.parse(toJson(schema, every, toMessage(schema, every, value)))
        for (const [name, given] of Object.entries(value)) {
          if (name === 'inner' || name === 'inners') continue
          assert.equal(sorted(back[name]), sorted(given), name)
        }
        for (const name of ['anInt64', 'strings', 'names', 'aBool']) assert.ok(name in back, `${name} is left out`)
        for (const name of ['maybeInt32', 'inner'])
          if (!(name in value)) assert.not.ok(name in back, `${name} is there`)
      }),
      { numRuns: 300 },
    )
  },
)

Transcode('the bytes mean to protobufjs what the JSON says', () => {
  fc.assert(
    fc.property(json, (value) => {
      const ours = toMessage(schema, every, value)
      const theirs = reference.toObject(reference.decode(ours), {
        longs: String,
        bytes: String,
        defaults: false,
      }) as Record<string, unknown>
      assert.is(theirs['aString'] ?? '', value['aString'] ?? '')
      assert.is(String(theirs['anInt64'] ?? '0'), String(value['anInt64'] ?? '0'))
      assert.is(String(theirs['aUint64'] ?? '0'), String(value['aUint64'] ?? '0'))
      assert.is(String(theirs['aSint64'] ?? '0'), String(value['aSint64'] ?? '0'))
      assert.is(String(theirs['aSfixed64'] ?? '0'), String(value['aSfixed64'] ?? '0'))
      assert.equal(((theirs['int64s'] as unknown[]) ?? []).map(String), value['int64s'] ?? [])
      assert.is(theirs['aDouble'] ?? 0, value['aDouble'] ?? 0)
      assert.is(theirs['someBytes'] ?? '', value['someBytes'] ?? '')
      // And the other way: what they write, we read.
      assert.is(toJson(schema, every, reference.encode(reference.decode(ours)).finish()), toJson(schema, every, ours))
    }),
    { numRuns: 300 },
  )
})

Transcode(
  '§request-7, to-message.J3: equal requests are equal bytes, whatever the order and spelling of the JSON',
  () => {
    const one = toMessage(schema, every, { anInt64: 5, aString: 'x', names: { b: '1', a: '2' }, colour: 'RED' })
    const two = toMessage(schema, every, { colour: 1, names: { a: '2', b: '1' }, a_string: 'x', an_int64: '5' })
    assert.equal(one, two)
  },
)

Transcode('§request-6, to-message.J2: what does not fit is refused with its place', () => {
  const cases: [Json, string][] = [
    [{ inners: [{}, { name: 5 }] }, '$.inners[1].name: expected string'],
    [{ anInt32: 1.5 }, '$.anInt32: expected int32'],
    [{ anInt32: 2147483648 }, '$.anInt32: out of range for int32'],
    [{ aUint32: -1 }, '$.aUint32: out of range for uint32'],
    [{ anInt64: '9223372036854775808' }, '$.anInt64: out of range for int64'],
    [{ aBool: 'true' }, '$.aBool: expected bool'],
    [{ someBytes: '!' }, '$.someBytes: expected bytes in base64'],
    [{ aString: '\ud800' }, '$.aString: half of a surrogate pair in a string'],
    [{ colour: 'GREEN' }, '$.colour: expected a name of test.every.v1.Colour'],
    [{ strings: 'a' }, '$.strings: expected an array'],
    [{ strings: [null] }, '$.strings[0]: null in an array'],
    [{ names: [] }, '$.names: expected an object'],
    [{ byBool: { yes: 1 } }, '$.byBool.yes: expected true or false as key'],
    [{ inner: { nothing: 1 } }, '$.inner.nothing: unknown field of test.every.v1.Inner'],
    [{ text: 'a', number: 1 }, '$.number: only one of text and number may be given'],
    [{ aString: 'a', a_string: 'b' }, '$.a_string: given twice'],
    [[], '$: expected an object for test.every.v1.Every'],
    [{ ['__proto__']: 1 } as Json, '$.__proto__: unknown field of test.every.v1.Every'],
  ]
  for (const [value, message] of cases) {
    try {
      toMessage(schema, every, value)
      assert.unreachable(`${JSON.stringify(value)} was taken`)
    } catch (error) {
      if (!(error instanceof TranscodeError)) throw error
      assert.is(error.placed, message)
    }
  }
})

Transcode('§request-5: null means not given', () => {
  assert.is(toMessage(schema, every, { aString: null, inner: null, strings: null, maybeInt32: null }).length, 0)
})

Transcode('floats are shown as the shortest text that reads back', () => {
  const back = JSON.parse(
    toJson(schema, every, toMessage(schema, every, { aFloat: 0.1, floats: [3.4e38, 'NaN', '-Infinity', 1e-45] })),
  )
  assert.is(back.aFloat, 0.1)
  assert.equal(back.floats, [3.4e38, 'NaN', '-Infinity', 1e-45])
})

Transcode('§request-5: the well-known types have their own forms', () => {
  const type = known.schema.messages.get('test.known.v1.Known')!
  const value: Json = {
    at: '2030-01-31T08:00:00.500Z',
    took: '-1.000000001s',
    mask: 'user.displayName,photo',
    anything: { a: [1, 'x', null, true], b: {} },
    list: [1, [2]],
    value: null,
    big: '9007199254740993',
    flag: false,
    packed: { '@type': 'type.googleapis.com/test.known.v1.Known', flag: true },
    nothing: {},
  }
  const back = JSON.parse(toJson(known.schema, type, toMessage(known.schema, type, value)))
  assert.equal(back, value)
})

Transcode('to-json.O3: bytes that are not the message are an error, never wrong data or a crash', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        JSON.parse(toJson(schema, every, bytes))
      } catch (error) {
        assert.instance(error, WireError)
      }
    }),
    { numRuns: 2_000 },
  )
})

Transcode('to-json.O2: names of a stranger are text, and no properties of anything', () => {
  const names = JSON.parse('{"__proto__": "a", "constructor": "b", "toString": "c"}') as { [name: string]: Json }
  const text = toJson(schema, every, toMessage(schema, every, { names, constructor: 'd' }))
  assert.match(text, '"names":{"__proto__":"a","constructor":"b","toString":"c"}')
  assert.match(text, '"constructor":"d"')
  // Where nothing was given nothing is found either.
  assert.match(toJson(schema, every, new Uint8Array()), '"names":{}')
})

Transcode('to-json.O4: of a scalar the last counts, messages merge, and lists are read packed or not', () => {
  const number = (name: string) => reference.fields[name]!.id
  const tag = (name: string, wire: number) => varint((number(name) << 3) | wire)
  const sized = (name: string, ...parts: readonly Uint8Array[]) => {
    const content = Buffer.concat(parts)
    return Buffer.concat([tag(name, 2), varint(content.length), content])
  }
  const whole = (name: string, value: number) => Buffer.concat([tag(name, 0), varint(value)])
  const part = (message: object) => Buffer.from(reference.lookupType('Inner').encode(message).finish())
  const bytes = Buffer.concat([
    ...[whole('anInt32', 1), whole('anInt32', 2)],
    ...[sized('inner', part({ name: 'first', tags: ['a'] })), sized('inner', part({ name: 'last', tags: ['b'] }))],
    // One is packed by its declaration, the other is not; both come in both ways.
    ...['int32s', 'loose'].flatMap((name) => [whole(name, 3), sized(name, varint(4), varint(5)), whole(name, 6)]),
    ...[sized('text', Buffer.from('left')), whole('number', 7)],
  ])
  // A field that nobody knows, and one that is known, of another wire type.
  const odd = Buffer.concat([varint((1_000 << 3) | 5), Buffer.alloc(4), sized('aBool', Buffer.from('true'))])
  const told = JSON.parse(toJson(schema, every, Buffer.concat([odd, bytes])))
  assert.equal(
    [told.anInt32, told.inner.name, told.inner.tags, told.int32s, told.loose, told.aBool, told.text, told.number],
    [2, 'last', ['a', 'b'], [3, 4, 5, 6], [3, 4, 5, 6], false, undefined, '7'],
  )
  const theirs = reference.toObject(reference.decode(bytes), { longs: String }) as Record<string, unknown>
  assert.equal(
    [theirs['anInt32'], theirs['int32s'], theirs['loose'], theirs['text'], theirs['number']],
    [2, [3, 4, 5, 6], [3, 4, 5, 6], undefined, '7'],
  )
})

Transcode('§request-6, to-message.J4: nesting is bounded both ways', () => {
  const type = known.schema.messages.get('google.protobuf.Value')!
  let deep: Json = 1
  for (let level = 0; level < 500; level++) deep = [deep]
  assert.throws(() => toMessage(known.schema, type, deep), /nested more than/)
  let bytes: Uint8Array = new Uint8Array()
  for (let level = 0; level < 5_000; level++) bytes = Buffer.concat([Buffer.from([10]), varint(bytes.length), bytes])
  assert.throws(() => toJson(known.schema, known.schema.messages.get('test.known.v1.Nest')!, bytes), /nested more than/)
})

Transcode.run()

function varint(value: number): Buffer {
  const out: number[] = []
  let rest = value
  while (rest > 127) {
    out.push((rest & 127) | 128)
    rest >>>= 7
  }
  return Buffer.from([...out, rest])
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}

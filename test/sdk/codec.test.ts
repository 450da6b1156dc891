// Guards what is on the wire: generated codecs speak proto3 as every other implementation does, and never guess.
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { compileProtos } from '../../sdk/build/descriptors.ts'
import { propertyNames } from '../../sdk/build/languages/typescript/names.ts'
import { readProject } from '../../sdk/build/read-project.ts'
import type { MessageType } from '../../sdk/typescript/codec/message.ts'
import { every, everyTypeFolder, plain, plainReference, reference } from '../support/every.ts'
import { generated } from '../support/generated.ts'

type Fields = Record<string, unknown>
const { Every } = await generated<{ Every: MessageType<Fields> }>(everyTypeFolder, 'every.ts')

const Codec = suite('generated codec')
const bytes = (...items: (number | string)[]): Uint8Array =>
  Uint8Array.from(items.flatMap((item) => (typeof item === 'number' ? [item] : [...item].map((c) => c.charCodeAt(0)))))
const rejects = (name: string, input: Uint8Array, message: RegExp): void => {
  Codec(`refuses ${name}`, () => {
    assert.throws(
      () => Every.decode(input),
      (error: Error) => error.name === 'MalformedError' && message.test(error.message),
    )
  })
}

Codec('message.G2: protobufjs reads what it writes, and writes the same bytes', () => {
  fc.assert(
    fc.property(every, (value) => {
      const written = Every.encode(Every(value))
      assert.equal(plainReference(written), plain(Every(value)))
      // protobufjs keeps maps in objects, which sort keys that look like numbers.
      const ordered = Object.values(Every(value)).every((item) => !(item instanceof Map) || item.size < 2)
      if (ordered) assert.equal(Uint8Array.from(reference.encode(reference.decode(written)).finish()), written)
    }),
    { numRuns: 500 },
  )
})

Codec('reads what protobufjs writes', () => {
  fc.assert(
    fc.property(every, (value) => {
      const written = reference.encode(reference.decode(Every.encode(Every(value)))).finish()
      assert.equal(plain(Every.decode(written)), plainReference(written))
    }),
    { numRuns: 300 },
  )
})

Codec('message.M2: a made message equals the same message read back, order of maps included', () => {
  fc.assert(
    fc.property(every, (value) => {
      const made = Every(value)
      const read = Every.decode(Every.encode(made))
      assert.equal({ ...read }, Object.fromEntries(Object.entries(made)))
      assert.equal(
        [...(read['names'] as Map<string, string>).keys()],
        [...(made['names'] as Map<string, string>).keys()],
      )
    }),
    { numRuns: 300 },
  )
})

Codec('sizeMax bounds the encoded size', () => {
  fc.assert(fc.property(every, (value) => assert.ok(Every.sizeMax(Every(value)) >= Every.encode(Every(value)).length)))
})

Codec('reader.R1: any bytes are a message or a MalformedError, as protobufjs sees it where it accepts them', () => {
  const fuzzed = fc
    .tuple(every, fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 3 }), fc.nat())
    .map(([value, flips, cut]) => {
      const written = Every.encode(Every(value))
      for (const [at, byte] of flips) if (written.length > 0) written[at % written.length] = byte
      return cut % 4 === 0 ? written.subarray(0, cut % (written.length + 1)) : written
    })
  fc.assert(
    fc.property(fc.oneof(fuzzed, fc.uint8Array({ maxLength: 60 })), (input) => {
      try {
        Every.decode(input)
      } catch (error) {
        assert.is((error as Error).name, 'MalformedError')
      }
    }),
    { numRuns: 2000 },
  )
})

Codec('message.G1: the last of a singular field wins, and embedded messages merge', () => {
  const first = Every.encode(
    Every({ anInt32: 1, inner: { name: 'a', count: 1, tags: ['x'] }, names: new Map([['k', '1']]) }),
  )
  const second = Every.encode(
    Every({ anInt32: 2, inner: { name: 'b', count: 0, tags: ['y'] }, names: new Map([['k', '2']]) }),
  )
  const merged = Every.decode(Uint8Array.from([...first, ...second]))
  assert.is(merged['anInt32'], 2)
  assert.equal(merged['inner'], { name: 'b', count: 1, next: undefined, tags: ['x', 'y'] })
  assert.equal([...(merged['names'] as Map<string, string>)], [['k', '2']])
})

Codec('the last member of a oneof wins, and merges with the same message only', () => {
  const chosen = (name: string, count: number) =>
    Every.encode(Every({ choice: { case: 'chosen', value: { name, count, tags: [] } } }))
  const text = Every.encode(Every({ choice: { case: 'text', value: '' } }))
  const both = Every.decode(Uint8Array.from([...chosen('a', 0), ...chosen('', 7)]))
  assert.equal(both['choice'], { case: 'chosen', value: { name: 'a', count: 7, next: undefined, tags: [] } })
  assert.equal(Every.decode(Uint8Array.from([...chosen('a', 1), ...text]))['choice'], { case: 'text', value: '' })
  const after = Every.decode(Uint8Array.from([...chosen('a', 1), ...text, ...chosen('', 2)]))
  assert.equal(after['choice'], { case: 'chosen', value: { name: '', count: 2, next: undefined, tags: [] } })
})

Codec('message.G1: packed and unpacked lists are both read, also mixed', () => {
  // int32s = 33: unpacked tag 0x88 0x02, packed tag 0x8a 0x02. loose = 42 is written unpacked.
  assert.equal(Every.decode(bytes(0x88, 2, 1, 0x8a, 2, 2, 2, 3, 0x88, 2, 4))['int32s'], [1, 2, 3, 4])
  assert.equal(Every.decode(bytes(0xd2, 2, 2, 5, 6, 0xd0, 2, 7))['loose'], [5, 6, 7])
  assert.equal(Every.encode(Every({ loose: [1, 2] })), bytes(0xd0, 2, 1, 0xd0, 2, 2))
})

Codec(
  'message.G3: objects have their properties in the order of declaration, whatever order they came in',
  async () => {
    const { schema } = await compileProtos(readProject(everyTypeFolder))
    const type = schema.messages.get('test.every.v1.Every')!
    const order = [...propertyNames(type).values()]
    const numbers = type.fields.map(({ number }) => number)
    assert.not.equal(
      [...numbers].sort((a, b) => a - b),
      numbers,
      'its numbers have another order',
    )
    const inner = { tags: [], next: { name: 'b', count: 0, tags: [] }, count: 1, name: 'a' }
    const given: Fields = {
      ...{ last: 'l', choice: { value: inner, case: 'chosen' }, inners: [inner], inner, aString: 's', anInt32: 1 },
      innersByNumber: new Map([[7, inner]]),
    }
    const made = Every(given)
    const written = Every.encode(made)
    // Each field alone, the last first, and all of it once more: fields out of order, and messages that merge.
    const alone = Object.keys(given).map((name) => Every.encode(Every({ [name]: given[name] })))
    const objects = [Every({}), made, Every.decode(new Uint8Array(0)), Every.decode(written)]
    objects.push(Every.decode(Uint8Array.from([...alone.flatMap((each) => [...each]), ...written])))
    for (const object of objects) {
      assert.equal(Object.keys(object), order)
      const {
        inner: one,
        inners,
        innersByNumber,
        choice,
      } = object as unknown as Record<'inner', object | undefined> & {
        readonly inners: readonly object[]
        readonly innersByNumber: ReadonlyMap<number, { readonly next: object }>
        readonly choice: { readonly value: object } | undefined
      }
      if (one === undefined) continue
      assert.equal(Object.keys(choice!), ['case', 'value'])
      const all = [one, ...inners, innersByNumber.get(7)!, innersByNumber.get(7)!.next, choice!.value]
      for (const each of all) assert.equal(Object.keys(each), ['name', 'count', 'next', 'tags'])
    }
  },
)

Codec('negative int32 and enums take ten bytes; wider varints are cut to the field', () => {
  const minusOne = [255, 255, 255, 255, 255, 255, 255, 255, 255, 1]
  assert.equal(Every.encode(Every({ anInt32: -1 })), bytes(24, ...minusOne))
  assert.is(Every.decode(bytes(24, ...minusOne))['anInt32'], -1)
  assert.is(Every.decode(bytes(24, 255, 255, 255, 255, 15))['anInt32'], -1)
  assert.is(Every.decode(bytes(40, ...minusOne))['aUint32'], 2 ** 32 - 1)
  assert.is(Every.decode(bytes(104, 128, 128, 128, 128, 128, 32))['aBool'], true)
})

Codec('writer.W2: NaN has one form, and -0 is not left out', () => {
  const nan = new Float64Array(Uint8Array.from([1, 0, 0, 0, 0, 0, 248, 255]).buffer)[0]!
  assert.equal(Every.encode(Every({ aDouble: nan })), bytes(9, 0, 0, 0, 0, 0, 0, 248, 127))
  assert.equal(Every.encode(Every({ aDouble: -0 })), bytes(9, 0, 0, 0, 0, 0, 0, 0, 128))
  assert.is(Every.encode(Every({ anInt32: -0 })).length, 0)
})

Codec('message.G1: unknown fields and known ones with another wire type are passed over', () => {
  const unknown = bytes(0xa0, 6, 1, 0xa1, 6, 1, 2, 3, 4, 5, 6, 7, 8, 0xa2, 6, 2, 9, 9, 0xa5, 6, 1, 2, 3, 4)
  const wrong = bytes(26, 1, 65, 112, 7)
  assert.equal(Every.decode(Uint8Array.from([...unknown, ...wrong, 24, 5])), Every.decode(bytes(24, 5)))
})

Codec('writer.W1: a value that its field cannot hold throws, and says which message', () => {
  const wrong: Fields[] = [
    { anInt32: 1.5 },
    { anInt32: 2 ** 31 },
    { aUint32: -1 },
    { anInt64: 2n ** 63n },
    { anInt64: 1 },
    { aUint64: -1n },
    { aString: 5 },
    { aString: 'half \ud800' },
    { int32s: [Number.NaN] },
    { inner: { name: 7 } },
  ]
  for (const value of wrong) {
    assert.throws(
      () => Every.encode(Every(value)),
      (error: Error) => /test\.every\.v1\.Every: .*/.test(error.message),
    )
  }
})

Codec('long strings and messages are exact, whatever the size of the chunks', () => {
  for (const unit of ['a', 'ä', '€', '😀']) {
    for (const length of [31, 32, 2730, 2731, 4096, 8191, 8192, 8193, 100_000]) {
      const value = `x${unit.repeat(length)}`
      assert.is(Every.decode(Every.encode(Every({ aString: value })))['aString'], value)
    }
  }
  const names = new Map(Array.from({ length: 20_000 }, (_, index) => [`key ${index}`, 'v'.repeat(100)]))
  assert.is((Every.decode(Every.encode(Every({ names })))['names'] as Map<string, string>).size, 20_000)
})

rejects('a field number 0', bytes(0, 0), /number 0/)
rejects('a tag without its value', bytes(24), /cut off/)
rejects('a string that is longer than the message', bytes(114, 5, 'abc'), /cut off/)
rejects('a length of 2^32 or more', bytes(114, 0x83, 128, 128, 128, 16, 'abc'), /cut off/)
rejects('a varint of eleven bytes', bytes(24, ...new globalThis.Array(10).fill(255), 1), /ten bytes/)
rejects('groups', bytes(27, 28), /groups/)
rejects('wire types 6 and 7', bytes(30), /wire type 6/)
rejects('a packed list that ends within a number', bytes(0x8a, 2, 1, 128), /cut off/)
rejects('an embedded message that reaches beyond its parent', bytes(0x8a, 1, 2, 10, 9, 65), /cut off/)
for (const [name, ...malformed] of [
  ['overlong', 0xc0, 0x80],
  ['a surrogate', 0xed, 0xa0, 0x80],
  ['beyond Unicode', 0xf4, 0x90, 0x80, 0x80],
  ['cut', 0xe2, 0x82],
  ['a continuation alone', 0x80],
] as [string, ...number[]][]) {
  rejects(`UTF-8 that is ${name}`, bytes(114, malformed.length, ...malformed), /UTF-8/)
}
Codec('reader.R2: nesting is bounded', () => {
  const nested = (depth: number): Uint8Array => {
    let inner: number[] = []
    for (let level = 0; level < depth; level++) {
      const length = inner.length < 128 ? [inner.length] : [(inner.length & 127) | 128, inner.length >> 7]
      inner = [26, ...length, ...inner]
    }
    const length = [(inner.length & 127) | 128, inner.length >> 7]
    return bytes(0x8a, 1, ...length, ...inner)
  }
  Every.decode(nested(99))
  assert.throws(() => Every.decode(nested(101)), /nested more than 100 deep/)
})

Codec.run()

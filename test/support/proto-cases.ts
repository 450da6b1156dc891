// Protobuf cases: what protobuf's own conformance suite asks of a binary proto3 codec, under its names, over the message
// Everything of conformance.proto. For codecs that are ours: C's, and any other that is generated here.
//
// P1. Each case is bytes and what a codec makes of them: the canonical bytes, or a refusal. Names are those of
//     Required.Proto3.ProtobufInput.<name>; where a case asks of output too, of Recommended.Proto3.ProtobufInput.<name>.
// P2. Two answers of the suite are others here: unknown fields are dropped (its UnknownVarint wants them back), and groups are
//     refused, matched or not. The last cases are ours: -0, NaN, depth, UTF-8.
//
// Leaves to others: running a codec (test/build/c.test.ts).

export interface ProtoCase {
  readonly name: string
  readonly input: Uint8Array
  /** Bytes that must be written again; `refused`: no message of this type. */
  readonly output: Uint8Array | 'refused'
}

type Bytes = readonly number[]

function varint(value: bigint | number, padding = 0): Bytes {
  const bytes: number[] = []
  let left = BigInt.asUintN(64, BigInt(value))
  for (; left > 127n; left >>= 7n) bytes.push(Number(left & 127n) | 128)
  bytes.push(Number(left))
  for (let more = 0; more < padding; more++) bytes.push((bytes.pop() ?? 0) | 128, 0)
  return bytes
}

const zigzag = (value: bigint | number): Bytes => {
  const wide = BigInt(value)
  return varint((wide << 1n) ^ (wide >> 63n))
}
const sized = (...parts: readonly Bytes[]): Bytes => [...varint(parts.flat().length), ...parts.flat()]
const tag = (number: number, wireType: number): Bytes => varint((number << 3) | wireType)
const utf8 = (text: string): Bytes => [...Buffer.from(text)]

function real(value: number, bits: 32 | 64): Bytes {
  const view = new DataView(new ArrayBuffer(bits / 8))
  if (bits === 32) view.setFloat32(0, value, true)
  else view.setFloat64(0, value, true)
  return [...new Uint8Array(view.buffer)]
}

function fixed(value: bigint | number, bits: 32 | 64): Bytes {
  const view = new DataView(new ArrayBuffer(8))
  view.setBigUint64(0, BigInt.asUintN(64, BigInt(value)), true)
  return [...new Uint8Array(view.buffer)].slice(0, bits / 8)
}

interface Type {
  readonly name: string
  readonly wireType: 0 | 1 | 2 | 5
  readonly field: number
  readonly repeated: number
  /** As they may come, and as they are written. The first is the default. */
  readonly values: readonly (readonly [from: Bytes, to: Bytes])[]
}

const same = (...values: readonly Bytes[]): readonly (readonly [Bytes, Bytes])[] =>
  values.map((value) => [value, value])

const int64Max = 2n ** 63n - 1n
const int64Min = -(2n ** 63n)
const int32Max = 2 ** 31 - 1
const int32Min = -(2 ** 31)
const uint32Max = 2 ** 32 - 1
const uint64Max = 2n ** 64n - 1n

const types: readonly Type[] = [
  {
    name: 'DOUBLE',
    wireType: 1,
    field: 1,
    repeated: 21,
    values: same(...[0, 0.1, 1.7976931348623157e308, 2.2250738585072014e-308].map((value) => real(value, 64))),
  },
  {
    name: 'FLOAT',
    wireType: 5,
    field: 2,
    repeated: 22,
    values: same(...[0, 0.1, 1.00000075e-36, 3.402823e38, 1.17549435e-38].map((value) => real(value, 32))),
  },
  {
    name: 'INT64',
    wireType: 0,
    field: 4,
    repeated: 24,
    values: same(...[0n, 12345n, int64Max, int64Min].map((value) => varint(value))),
  },
  {
    name: 'UINT64',
    wireType: 0,
    field: 6,
    repeated: 26,
    values: same(...[0n, 12345n, uint64Max].map((value) => varint(value))),
  },
  {
    name: 'INT32',
    wireType: 0,
    field: 3,
    repeated: 23,
    values: [
      [varint(0), varint(0)],
      [varint(12345), varint(12345)],
      [varint(12345, 2), varint(12345)],
      [varint(12345, 7), varint(12345)],
      [varint(int32Max), varint(int32Max)],
      [varint(int32Min), varint(int32Min)],
      [varint(1n << 33n), varint(0)],
      [varint((1n << 33n) - 1n), varint(-1)],
      [varint(int64Max), varint(-1)],
      [varint(int64Min + 1n), varint(1)],
    ],
  },
  {
    name: 'UINT32',
    wireType: 0,
    field: 5,
    repeated: 25,
    values: [
      [varint(0), varint(0)],
      [varint(12345), varint(12345)],
      [varint(12345, 2), varint(12345)],
      [varint(12345, 7), varint(12345)],
      [varint(uint32Max), varint(uint32Max)],
      [varint(1n << 33n), varint(0)],
      [varint((1n << 33n) + 1n), varint(1)],
      [varint((1n << 33n) - 1n), varint(uint32Max)],
      [varint(int64Max), varint(uint32Max)],
      [varint(int64Min + 1n), varint(1)],
    ],
  },
  {
    name: 'FIXED64',
    wireType: 1,
    field: 10,
    repeated: 30,
    values: same(...[0n, 12345n, uint64Max].map((value) => fixed(value, 64))),
  },
  {
    name: 'FIXED32',
    wireType: 5,
    field: 9,
    repeated: 29,
    values: same(...[0, 12345, uint32Max].map((value) => fixed(value, 32))),
  },
  {
    name: 'SFIXED64',
    wireType: 1,
    field: 12,
    repeated: 32,
    values: same(...[0n, 12345n, int64Max, int64Min].map((value) => fixed(value, 64))),
  },
  {
    name: 'SFIXED32',
    wireType: 5,
    field: 11,
    repeated: 31,
    values: same(...[0, 12345, int32Max, int32Min].map((value) => fixed(value, 32))),
  },
  {
    name: 'BOOL',
    wireType: 0,
    field: 13,
    repeated: 33,
    values: [
      [varint(0), varint(0)],
      ...[1, -1, 12345678, 1n << 33n, int64Max, int64Min].map((value) => [varint(value), varint(1)] as const),
    ],
  },
  {
    name: 'SINT32',
    wireType: 0,
    field: 7,
    repeated: 27,
    values: [...same(...[0, 12345, int32Max, int32Min].map(zigzag)), [zigzag(BigInt(int32Max) + 2n), zigzag(1)]],
  },
  {
    name: 'SINT64',
    wireType: 0,
    field: 8,
    repeated: 28,
    values: same(...[0n, 12345n, int64Max, int64Min].map(zigzag)),
  },
  {
    name: 'STRING',
    wireType: 2,
    field: 14,
    repeated: 34,
    values: same(...['', 'Hello world!', '\'"?\\\u0007\b\f\n\r\t\v', '谷歌', '😁'].map((text) => sized(utf8(text)))),
  },
  {
    name: 'BYTES',
    wireType: 2,
    field: 15,
    repeated: 35,
    values: same(...[[], utf8('Hello world!'), [1, 2], [0xfb]].map((bytes) => sized(bytes))),
  },
  {
    name: 'ENUM',
    wireType: 0,
    field: 16,
    repeated: 36,
    values: [
      ...same(...[0, 1, 2, -1, -2].map((value) => varint(value))),
      [varint(int64Max), varint(-1)],
      [varint(int64Min + 1n), varint(1)],
    ],
  },
]

const message: Type = {
  name: 'MESSAGE',
  wireType: 2,
  field: 17,
  repeated: 37,
  values: same(sized(), sized(tag(1, 2), sized(utf8('n')))),
}

interface Choice {
  readonly name: string
  readonly wireType: number
  readonly field: number
  readonly default: Bytes
  readonly other: Bytes
}

const choices: readonly Choice[] = [
  { name: 'STRING', wireType: 2, field: 61, default: sized(), other: sized(utf8('a')) },
  { name: 'INT64', wireType: 0, field: 62, default: varint(0), other: varint(1) },
  { name: 'BYTES', wireType: 2, field: 63, default: sized(), other: sized([97]) },
  { name: 'MESSAGE', wireType: 2, field: 64, default: sized(), other: sized(tag(1, 2), sized(utf8('n'))) },
  { name: 'ENUM', wireType: 0, field: 65, default: varint(0), other: varint(1) },
  { name: 'BOOL', wireType: 0, field: 66, default: varint(0), other: varint(1) },
]

interface Entries {
  readonly name: string
  readonly field: number
  readonly key: readonly [tag: Bytes, zero: Bytes, other: Bytes]
  readonly value: readonly [tag: Bytes, zero: Bytes, other: Bytes]
}

const maps: readonly Entries[] = [
  {
    name: 'STRING.INT32',
    field: 51,
    key: [tag(1, 2), sized(), sized(utf8('a'))],
    value: [tag(2, 0), varint(0), varint(1)],
  },
  {
    name: 'INT64.STRING',
    field: 52,
    key: [tag(1, 0), varint(0), varint(1)],
    value: [tag(2, 2), sized(), sized(utf8('a'))],
  },
  {
    name: 'BOOL.MESSAGE',
    field: 53,
    key: [tag(1, 0), varint(0), varint(1)],
    value: [tag(2, 2), sized(), sized(tag(1, 2), sized(utf8('n')))],
  },
  {
    name: 'UINT32.BYTES',
    field: 54,
    key: [tag(1, 0), varint(0), varint(1)],
    value: [tag(2, 2), sized(), sized([97])],
  },
  {
    name: 'SINT32.DOUBLE',
    field: 55,
    key: [tag(1, 0), zigzag(0), zigzag(1)],
    value: [tag(2, 1), real(0, 64), real(1, 64)],
  },
]

const cases: ProtoCase[] = []

function valid(name: string, input: Bytes, output: Bytes = input): void {
  cases.push({ name, input: Uint8Array.from(input), output: Uint8Array.from(output) })
}

function invalid(name: string, input: Bytes): void {
  cases.push({ name, input: Uint8Array.from(input), output: 'refused' })
}

const unknownField = 666
/** Incomplete values, by wire type. */
const incomplete: Readonly<Record<number, Bytes>> = {
  0: [0x80],
  1: utf8('abcdefg'),
  2: [0x80],
  5: utf8('abc'),
}

for (const { name, wireType, field, repeated } of [...types, message]) {
  const half = incomplete[wireType]!
  for (const [where, number] of [
    ['KnownNonRepeatedValue', field],
    ['KnownRepeatedValue', repeated],
    ['UnknownValue', unknownField],
  ] as const) {
    invalid(`PrematureEofBefore${where}.${name}`, tag(number, wireType))
    invalid(`PrematureEofInside${where}.${name}`, [...tag(number, wireType), ...half])
    if (wireType === 2) invalid(`PrematureEofInDelimitedDataFor${where}.${name}`, [...tag(number, 2), ...varint(1)])
  }
  if (wireType !== 2) {
    invalid(`PrematureEofInPackedFieldValue.${name}`, [...tag(repeated, 2), ...sized(half)])
    invalid(`PrematureEofInPackedField.${name}`, [...tag(repeated, 2), ...varint(1)])
  }
}
invalid('PrematureEofInSubmessageValue.MESSAGE', [...tag(17, 2), ...sized(tag(1, 2), [0x80])])

for (const [index, bytes] of [
  [1, ...utf8('DEADBEEF')],
  [2, 1, 1],
  [3, 4],
  [5, ...utf8('DEAD')],
].entries()) {
  invalid(`IllegalZeroFieldNum_Case_${index}`, bytes)
}
invalid('BadTag_FieldNumberTooHigh', [0x80, 0x80, 0x80, 0x80, 0x10, 0])
invalid('BadTag_FieldNumberSlightlyTooHigh', [0x80, 0x80, 0x80, 0x80, 0x10])
invalid('BadTag_OverlongVarint', [0x88, 0x80, 0x80, 0x80, 0x80, 0, 0])
invalid('BadTag_VarintMoreThanTenBytes', [...Array.from({ length: 10 }, () => 0x88), 0, 0])
invalid('UnknownWireType6', [...tag(1, 6), 0])
invalid('UnknownWireType7', [...tag(1, 7), 0])
invalid('UnmatchedEndGroup', tag(201, 4))
invalid('UnmatchedEndGroupUnknown', tag(1234, 4))
invalid('UnmatchedEndGroupWithData', [...tag(201, 4), ...tag(3, 0), 1])
invalid('ours: a group, though it is matched', [...tag(201, 3), ...tag(201, 4)])

for (const { name, wireType, field, repeated, values } of [...types, message]) {
  const isDefault = (value: Bytes): boolean => name !== 'MESSAGE' && String(value) === String(values[0]![1])
  for (const [index, [from, to]] of values.entries()) {
    const output = isDefault(to) ? [] : [...tag(field, wireType), ...to]
    valid(`ValidDataScalar.${name}[${index}]`, [...tag(field, wireType), ...from], output)
  }
  if (name !== 'MESSAGE') {
    const last = values.at(-1)![1]
    const all = values.flatMap(([from]) => [...tag(field, wireType), ...from])
    valid(`RepeatedScalarSelectsLast.${name}`, all, isDefault(last) ? [] : [...tag(field, wireType), ...last])
  }
  const separate = values.flatMap(([from]) => [...tag(repeated, wireType), ...from])
  if (wireType === 2) {
    valid(
      `ValidDataRepeated.${name}`,
      separate,
      values.flatMap(([, to]) => [...tag(repeated, 2), ...to]),
    )
    continue
  }
  const packed = [...tag(repeated, 2), ...sized(values.flatMap(([, to]) => to))]
  valid(`ValidDataRepeated.${name}.UnpackedInput.PackedOutput`, separate, packed)
  valid(
    `ValidDataRepeated.${name}.PackedInput.PackedOutput`,
    [...tag(repeated, 2), ...sized(values.flatMap(([from]) => from))],
    packed,
  )
  valid(`ValidDataRepeated.${name}.PackedInput, empty`, [...tag(repeated, 2), 0], [])
}

const int32s = types.find(({ name }) => name === 'INT32')!.values
const unpackedOutput = int32s.flatMap(([, to]) => [...tag(71, 0), ...to])
valid(
  'ValidDataRepeated.INT32.UnpackedInput.UnpackedOutput',
  int32s.flatMap(([from]) => [...tag(71, 0), ...from]),
  unpackedOutput,
)
valid(
  'ValidDataRepeated.INT32.PackedInput.UnpackedOutput',
  [...tag(71, 2), ...sized(int32s.flatMap(([from]) => from))],
  unpackedOutput,
)

const leaf = (name: string): Bytes => [...tag(2, 2), ...sized(tag(1, 2), sized(utf8(name)))]
valid(
  'RepeatedScalarMessageMerge',
  [
    ...tag(17, 2),
    ...sized(tag(1, 2), sized(utf8('a')), leaf('x')),
    ...tag(17, 2),
    ...sized(tag(1, 2), sized(utf8('b')), leaf('y')),
  ],
  [...tag(17, 2), ...sized(tag(1, 2), sized(utf8('b')), leaf('x'), leaf('y'))],
)

for (const { name, field, key, value } of maps) {
  const [keyTag, key1, key2] = key
  const [valueTag, value1, value2] = value
  const entry = (...parts: readonly Bytes[]): Bytes => [...tag(field, 2), ...sized(...parts)]
  const full = entry(keyTag, key2, valueTag, value2)
  const title = `ValidDataMap.${name}`
  valid(`${title}.Default`, entry(keyTag, key1, valueTag, value1))
  valid(`${title}.MissingDefault`, entry(), entry(keyTag, key1, valueTag, value1))
  valid(`${title}.NonDefault`, full)
  valid(`${title}.Unordered`, entry(valueTag, value2, keyTag, key2), full)
  valid(`${title}.DuplicateKey`, [...entry(keyTag, key2, valueTag, value1), ...full], full)
  valid(`${title}.DuplicateKeyInMapEntry`, entry(keyTag, key1, keyTag, key2, valueTag, value2), full)
  valid(`${title}.DuplicateValueInMapEntry`, entry(keyTag, key2, valueTag, value1, valueTag, value2), full)
  valid(
    `${title}, in the order of keys`,
    [...full, ...entry(keyTag, key1, valueTag, value2)],
    [...entry(keyTag, key1, valueTag, value2), ...full],
  )
  valid(`${title}, an unknown field in an entry`, entry(keyTag, key2, tag(3, 0), [1], valueTag, value2), full)
}
// An entry's value is not merged with that of an earlier entry, but occurrences within an entry are.
const treeEntry = (...trees: readonly Bytes[]): Bytes => [
  ...tag(53, 2),
  ...sized(tag(1, 0), [1], ...trees.map((tree) => [...tag(2, 2), ...sized(tree)])),
]
valid(
  'ValidDataMap.STRING.MESSAGE.MergeValue',
  [...treeEntry(leaf('x')), ...treeEntry(leaf('y'))],
  treeEntry(leaf('y')),
)
valid(
  'ours: a value that comes twice in one entry',
  treeEntry(leaf('x'), leaf('y')),
  treeEntry([...leaf('x'), ...leaf('y')]),
)

for (const [index, choice] of choices.entries()) {
  const title = `ValidDataOneof.${choice.name}`
  const other = choices[(index + 1) % choices.length]!
  const start = tag(choice.field, choice.wireType)
  const nonDefault = [...start, ...choice.other]
  valid(`${title}.DefaultValue`, [...start, ...choice.default])
  valid(`${title}.NonDefaultValue`, nonDefault)
  valid(`${title}.MultipleValuesForSameField`, [...start, ...choice.default, ...nonDefault], nonDefault)
  valid(
    `${title}.MultipleValuesForDifferentField`,
    [...tag(other.field, other.wireType), ...other.default, ...nonDefault],
    nonDefault,
  )
}
valid(
  'ValidDataOneof.MESSAGE.Merge',
  [...tag(64, 2), ...sized(leaf('x')), ...tag(64, 2), ...sized(leaf('y'))],
  [...tag(64, 2), ...sized(leaf('x'), leaf('y'))],
)
valid(
  'ours: a message of a oneof after another case begins anew',
  [...tag(64, 2), ...sized(leaf('x')), ...tag(62, 0), 1, ...tag(64, 2), ...sized(leaf('y'))],
  [...tag(64, 2), ...sized(leaf('y'))],
)

const optionals: readonly (readonly [number: number, wireType: number, value: Bytes])[] = [
  [41, 0, varint(0)],
  [42, 0, varint(0)],
  [43, 1, real(0, 64)],
  [44, 0, varint(0)],
  [45, 2, sized()],
  [46, 2, sized()],
  [47, 0, varint(0)],
]
for (const [number, wireType, value] of optionals) {
  valid(`ours: optional field ${number}, present with its default`, [...tag(number, wireType), ...value])
}

valid('UnknownVarint', [0xa8, 0x1f, 1], [])
valid(
  'ours: an unknown field of every wire type',
  [
    ...tag(500, 0),
    1,
    ...tag(501, 1),
    ...fixed(1, 64),
    ...tag(502, 2),
    ...sized([1, 2]),
    ...tag(503, 5),
    ...fixed(1, 32),
  ],
  [],
)
valid(
  'ours: a known field with another wire type is an unknown one',
  [...tag(3, 5), ...fixed(1, 32), ...tag(14, 0), 1],
  [],
)
valid('ours: a field number of 29 bits', [...varint(536870911n << 3n), 1], [])

valid('ours: minus zero', [...tag(1, 1), ...real(-0, 64), ...tag(2, 5), ...real(-0, 32)])
const nan64 = [1, 0, 0, 0, 0, 0, 0xf4, 0xff]
const nan32 = [1, 0, 0xa0, 0xff]
valid(
  'ours: every NaN is written as one',
  [...tag(1, 1), ...nan64, ...tag(2, 5), ...nan32, ...tag(21, 2), ...sized(nan64)],
  [
    ...tag(1, 1),
    ...[0, 0, 0, 0, 0, 0, 0xf8, 0x7f],
    ...tag(2, 5),
    ...[0, 0, 0xc0, 0x7f],
    ...tag(21, 2),
    ...sized([0, 0, 0, 0, 0, 0, 0xf8, 0x7f]),
  ],
)

/** Field 17 with so many trees in each other. */
function trees(levels: number): Bytes {
  let inner: Bytes = []
  for (let level = 1; level < levels; level++) inner = [...tag(2, 2), ...sized(inner)]
  return [...tag(17, 2), ...sized(inner)]
}
valid('ours: 100 messages in each other', trees(100))
invalid('ours: 101 messages in each other', trees(101))
invalid('ours: 10,000 messages in each other', trees(10_000))

const malformed: Readonly<Record<string, Bytes>> = {
  'a byte alone': [0x80],
  'a lead without its rest': [0xc3],
  'an overlong form of two bytes': [0xc0, 0x80],
  'an overlong form of three bytes': [0xe0, 0x80, 0x80],
  'an overlong form of four bytes': [0xf0, 0x80, 0x80, 0x80],
  'a surrogate': [0xed, 0xa0, 0x80],
  'more than U+10FFFF': [0xf4, 0x90, 0x80, 0x80],
  'a lead that there is not': [0xf8, 0x88, 0x80, 0x80, 0x80],
}
for (const [what, bytes] of Object.entries(malformed)) {
  invalid(`RejectInvalidUtf8.String.Singular, ${what}`, [...tag(14, 2), ...sized(bytes)])
  invalid(`RejectInvalidUtf8.String.Repeated, ${what}`, [...tag(34, 2), ...sized(bytes)])
  invalid(`RejectInvalidUtf8.String.Map, ${what}`, [...tag(51, 2), ...sized(tag(1, 2), sized(bytes))])
}
for (const text of [
  '\u0000',
  '\u007f',
  '\u0080',
  '\u07ff',
  '\u0800',
  '\ud7ff',
  '\ue000',
  '\uffff',
  '\u{10000}',
  '\u{10ffff}',
]) {
  valid(`ours: the text U+${text.codePointAt(0)!.toString(16)}`, [...tag(14, 2), ...sized(utf8(text))])
}
invalid('ours: a length of four GiB', [...tag(14, 2), ...varint(uint32Max)])
invalid('ours: a length of 64 bits', [...tag(15, 2), ...varint(uint64Max)])
invalid('ours: a packed list of two GiB', [...tag(21, 2), ...varint(2n ** 31n)])
invalid('ours: a varint of eleven bytes', [...tag(3, 0), ...Array.from({ length: 10 }, () => 0x80), 1])

export const protoCases: readonly ProtoCase[] = cases

// Scalars in C: what generated code says for each scalar type and for enums, which are int32 on the wire and open.

import type { ScalarType } from '../../../../host/schema/schema.ts'

export interface CScalar {
  readonly type: string
  /** The array of it is `<array>_array`. */
  readonly array: string
  readonly wireType: 0 | 1 | 2 | 5
  /** An expression that reads one. */
  readonly read: string
  /** A call that writes one, without its tag. */
  readonly put: (value: string) => string
  /** Statements that write one and its tag. */
  readonly putField: (value: string, tag: string) => readonly string[]
  /** True if the value must be written where zero is left out. */
  readonly isSet: (value: string) => string
  /** The order of keys of a map. */
  readonly order: string
}

const varint = (
  type: string,
  array: string,
  read: string,
  wide: (value: string) => string,
  order: string,
): CScalar => ({
  type,
  array,
  wireType: 0,
  read,
  put: (value) => `ik_put_varint(writer, ${wide(value)})`,
  putField: (value, tag) => [`ik_put_number(writer, ${tag}, ${wide(value)});`],
  isSet: (value) => (type === 'bool' ? value : `${value} != 0`),
  order: `ik_order_${order}`,
})

const fixed = (type: string, array: string, bits: 32 | 64, read: string, call: string, order: string): CScalar => {
  const isReal = type === 'float' || type === 'double'
  const put = (value: string): string => `${call}(writer, ${isReal ? value : `(uint${bits}_t)${value}`})`
  return {
    type,
    array,
    wireType: bits === 32 ? 5 : 1,
    read: `${type.startsWith('int') ? `(${type})` : ''}${read}(reader)`,
    put,
    putField: (value, tag) => [`${put(value)};`, `ik_put_varint(writer, ${tag});`],
    isSet: (value) => (isReal ? `ik_${type}_is_set(${value})` : `${value} != 0`),
    order: `ik_order_${order}`,
  }
}

const counted = (type: 'ik_text' | 'ik_bytes', name: 'text' | 'bytes'): CScalar => ({
  type,
  array: type,
  wireType: 2,
  read: `ik_read_${name}(reader)`,
  put: (value) => `ik_put_${name}(writer, ${value})`,
  putField: (value, tag) => [`${name === 'text' ? 'ik_put_text_field' : 'ik_put_field'}(writer, ${tag}, ${value});`],
  isSet: (value) => `${value}.length != 0`,
  order: 'ik_order_text',
})

// A negative int32 is sign-extended: ten bytes on the wire.
const int32 = varint(
  'int32_t',
  'ik_int32',
  '(int32_t)ik_read_varint(reader)',
  (value) => `(uint64_t)(int64_t)${value}`,
  'int32',
)

const scalars: Readonly<Record<ScalarType | 'enum', CScalar>> = {
  int32,
  enum: int32,
  int64: varint('int64_t', 'ik_int64', '(int64_t)ik_read_varint(reader)', (value) => `(uint64_t)${value}`, 'int64'),
  uint32: varint('uint32_t', 'ik_uint32', '(uint32_t)ik_read_varint(reader)', (value) => value, 'uint32'),
  uint64: varint('uint64_t', 'ik_uint64', 'ik_read_varint(reader)', (value) => value, 'uint64'),
  sint32: varint('int32_t', 'ik_int32', 'ik_read_sint32(reader)', (value) => `ik_zigzag32(${value})`, 'int32'),
  sint64: varint('int64_t', 'ik_int64', 'ik_read_sint64(reader)', (value) => `ik_zigzag64(${value})`, 'int64'),
  bool: varint('bool', 'ik_bool', 'ik_read_varint(reader) != 0', (value) => value, 'bool'),
  fixed32: fixed('uint32_t', 'ik_uint32', 32, 'ik_read_fixed32', 'ik_put_fixed32', 'uint32'),
  fixed64: fixed('uint64_t', 'ik_uint64', 64, 'ik_read_fixed64', 'ik_put_fixed64', 'uint64'),
  sfixed32: fixed('int32_t', 'ik_int32', 32, 'ik_read_fixed32', 'ik_put_fixed32', 'int32'),
  sfixed64: fixed('int64_t', 'ik_int64', 64, 'ik_read_fixed64', 'ik_put_fixed64', 'int64'),
  float: fixed('float', 'ik_float', 32, 'ik_read_float', 'ik_put_float', ''),
  double: fixed('double', 'ik_double', 64, 'ik_read_double', 'ik_put_double', ''),
  string: counted('ik_text', 'text'),
  bytes: counted('ik_bytes', 'bytes'),
}

export function cScalarOf(scalar: ScalarType | 'enum'): CScalar {
  return scalars[scalar]
}

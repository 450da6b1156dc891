// Scalars: what generated code says for each scalar type and for enums, which are int32 on the wire and open.

import type { FieldType, ScalarType } from '../../../host/schema/schema.ts'

interface ScalarCode {
  readonly type: string
  readonly zero: string
  /** Method of Reader and of Writer. */
  readonly method: string
  readonly wireType: 0 | 1 | 2 | 5
  /** Bytes at most; strings and bytes add their length. */
  readonly bytesMax: number
  /** An expression that is true if the value must be written where zero is left out. */
  readonly isSet: (value: string) => string
  /** An expression for the value as decoding gives it back. */
  readonly normal: (value: string) => string
}

const same = (value: string): string => value
const number = (method: string, wireType: 0 | 5 | 1, bytesMax: number): ScalarCode => ({
  type: 'number',
  zero: '0',
  method,
  wireType,
  bytesMax,
  isSet: (value) => `${value} !== 0`,
  // -0 is written as 0.
  normal: (value) => `${value} + 0`,
})
const bigint = (method: string, wireType: 0 | 1, bytesMax: number): ScalarCode => ({
  type: 'bigint',
  zero: '0n',
  method,
  wireType,
  bytesMax,
  isSet: (value) => `${value} !== 0n`,
  normal: same,
})
const real = (method: string, wireType: 1 | 5, bytesMax: number, normal: ScalarCode['normal']): ScalarCode => ({
  type: 'number',
  zero: '0',
  method,
  wireType,
  bytesMax,
  isSet: (value) => `${value} !== 0 || $.isNegativeZero(${value})`,
  normal,
})

const scalars: Readonly<Record<ScalarType, ScalarCode>> = {
  double: real('double', 1, 8, same),
  float: real('float', 5, 4, (value) => `$.fround(${value})`),
  int32: number('int32', 0, 10),
  uint32: number('uint32', 0, 5),
  sint32: number('sint32', 0, 5),
  fixed32: number('fixed32', 5, 4),
  sfixed32: number('sfixed32', 5, 4),
  int64: bigint('int64', 0, 10),
  uint64: bigint('uint64', 0, 10),
  sint64: bigint('sint64', 0, 10),
  fixed64: bigint('fixed64', 1, 8),
  sfixed64: bigint('sfixed64', 1, 8),
  bool: {
    type: 'boolean',
    zero: 'false',
    method: 'bool',
    wireType: 0,
    bytesMax: 1,
    isSet: (value) => `${value} !== false`,
    normal: same,
  },
  string: {
    type: 'string',
    zero: "''",
    method: 'string',
    wireType: 2,
    bytesMax: 5,
    isSet: (value) => `${value} !== ''`,
    normal: same,
  },
  bytes: {
    type: '$.Bytes',
    zero: '$.noBytes',
    method: 'raw',
    wireType: 2,
    bytesMax: 5,
    isSet: (value) => `${value}.length !== 0`,
    normal: (value) => `$.copyBytes(${value})`,
  },
}

/** For scalars and enums. */
export function scalarCode(type: ScalarType | 'enum'): ScalarCode {
  return scalars[type === 'enum' ? 'int32' : type]
}

export function scalarOf(type: FieldType): ScalarType | 'enum' | undefined {
  if (type.kind === 'scalar') return type.scalar
  return type.kind === 'enum' ? 'enum' : undefined
}

/** An expression for the bytes that a value takes at most, without its tag. */
export function sizeExpression(type: ScalarType | 'enum', value: string): string {
  // A UTF-16 unit takes at most three bytes in UTF-8.
  if (type === 'string') return `5 + 3 * ${value}.length`
  if (type === 'bytes') return `5 + ${value}.length`
  return String(scalarCode(type).bytesMax)
}

// Wrappers: google.protobuf's messages of one value, which in JSON are that value.

const values = ['Double', 'Float', 'Int64', 'UInt64', 'Int32', 'UInt32', 'Bool', 'String', 'Bytes']

export const wrappers: readonly string[] = values.map((name) => `google.protobuf.${name}Value`)

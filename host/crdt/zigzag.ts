// Zigzag: signed 64-bit numbers as unsigned ones, small for small ones of either sign, as protobuf's sint64 has them.

export function zigzag(value: bigint): bigint {
  return value < 0n ? -value * 2n - 1n : value * 2n
}

export function unzigzag(value: bigint): bigint {
  return value & 1n ? -(value >> 1n) - 1n : value >> 1n
}

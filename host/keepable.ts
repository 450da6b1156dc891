// Keepable: bytes that may be kept for long without keeping more than they are.
//
// B1. What is a small part of a larger buffer is copied, and not into Node's pool: a slab of that lives as long as any byte in it, so one byte
//     could keep the 64 KiB that others have filled and left.

export function keepable(bytes: Buffer): Buffer {
  if (2 * bytes.length >= bytes.buffer.byteLength) return bytes
  const copy = Buffer.allocUnsafeSlow(bytes.length)
  bytes.copy(copy)
  return copy
}

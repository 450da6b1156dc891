// Text: bytes of elements, keys and values as strings of one character a byte. They hash, compare and sort as the bytes do,
// cost less memory than byte arrays, and do not hold on to the buffer that they came in.

/** Below this a loop over characters beats the call into Node. */
const shortMax = 24

let scratch = Buffer.allocUnsafe(4096)

export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}

/** The bytes of such a string, good until the next call. */
export function bytesOf(text: string): Uint8Array {
  const { length } = text
  if (length > scratch.length) scratch = Buffer.allocUnsafe(length * 2)
  if (length > shortMax) scratch.write(text, 0, 'latin1')
  else for (let at = 0; at < length; at++) scratch[at] = text.charCodeAt(at)
  return scratch.subarray(0, length)
}

// Protobuf bytes written down field by field, by hand: what the languages' codecs are compared with owes nothing to any of them.

/** A field of a varint: its bytes in hexadecimal. */
export const varint = (number: number, hex: string): string => tag(number, 0) + plain(hex)
/** Eight bytes, the lowest first. */
export const fixed64 = (number: number, hex: string): string => tag(number, 1) + plain(hex)
export const fixed32 = (number: number, hex: string): string => tag(number, 5) + plain(hex)
/** Anything with a length: text, bytes, a message, a packed list. */
export const sized = (number: number, hex: string): string => {
  const body = plain(hex)
  return tag(number, 2) + encoded(body.length / 2) + body
}
export const text = (number: number, words: string): string => sized(number, Buffer.from(words).toString('hex'))

export const hex = (...fields: readonly string[]): Uint8Array => new Uint8Array(Buffer.from(fields.join(''), 'hex'))

function tag(number: number, wireType: number): string {
  return encoded(number * 8 + wireType)
}

function encoded(value: number): string {
  const bytes: number[] = []
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) + 128)
  return Buffer.from([...bytes, value]).toString('hex')
}

function plain(hex: string): string {
  return hex.replaceAll(' ', '')
}

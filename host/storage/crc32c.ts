// CRC-32C (Castagnoli), the checksum of RocksDB's log; node:zlib has only the other one. Sixteen tables, sixteen bytes a step: a start
// reads the whole log with it.

const tables: readonly Int32Array[] = makeTables()
const none = new Int32Array(0)

export function crc32c(bytes: Uint8Array, from: number, to: number): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7, t8, t9, ta, tb, tc, td, te, tf] = tables as Tables
  let crc = -1
  let at = from
  for (; at < to && (bytes.byteOffset + at) % 4 !== 0; at++) crc = t0[(crc ^ bytes[at]!) & 255]! ^ (crc >>> 8)
  // Little-endian, as every machine is that RocksDB is built for here.
  const words = to - at < 16 ? none : new Int32Array(bytes.buffer, bytes.byteOffset + at, (to - at) >> 2)
  let word = 0
  for (; word + 4 <= words.length; word += 4) {
    const a = words[word]! ^ crc
    const b = words[word + 1]!
    const c = words[word + 2]!
    const d = words[word + 3]!
    crc =
      tf[a & 255]! ^
      te[(a >>> 8) & 255]! ^
      td[(a >>> 16) & 255]! ^
      tc[a >>> 24]! ^
      tb[b & 255]! ^
      ta[(b >>> 8) & 255]! ^
      t9[(b >>> 16) & 255]! ^
      t8[b >>> 24]! ^
      t7[c & 255]! ^
      t6[(c >>> 8) & 255]! ^
      t5[(c >>> 16) & 255]! ^
      t4[c >>> 24]! ^
      t3[d & 255]! ^
      t2[(d >>> 8) & 255]! ^
      t1[(d >>> 16) & 255]! ^
      t0[d >>> 24]!
  }
  for (at += 4 * word; at < to; at++) crc = t0[(crc ^ bytes[at]!) & 255]! ^ (crc >>> 8)
  return ~crc >>> 0
}

type Sixteen<T> = [T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T]
type Tables = Sixteen<Int32Array>

function makeTables(): Int32Array[] {
  const first = new Int32Array(256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f6_3b78 : crc >>> 1
    first[byte] = crc
  }
  const all = [first]
  for (let step = 1; step < 16; step++) {
    const before = all[step - 1]!
    all.push(before.map((crc) => first[crc & 255]! ^ (crc >>> 8)))
  }
  return all
}

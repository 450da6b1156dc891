// CRC-32C (Castagnoli), the checksum of RocksDB's log; node:zlib has only the other one. Four tables, four bytes a step.

const tables: readonly Uint32Array[] = makeTables()

export function crc32c(bytes: Uint8Array, from: number, to: number): number {
  const [t0, t1, t2, t3] = tables as [Uint32Array, Uint32Array, Uint32Array, Uint32Array]
  let crc = 0xffff_ffff
  let at = from
  for (; at + 4 <= to; at += 4) {
    crc ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    crc = t3[crc & 255]! ^ t2[(crc >>> 8) & 255]! ^ t1[(crc >>> 16) & 255]! ^ t0[crc >>> 24]!
  }
  for (; at < to; at++) crc = t0[(crc ^ bytes[at]!) & 255]! ^ (crc >>> 8)
  return (crc ^ 0xffff_ffff) >>> 0
}

function makeTables(): Uint32Array[] {
  const first = new Uint32Array(256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f6_3b78 : crc >>> 1
    first[byte] = crc
  }
  const all = [first]
  for (let step = 1; step < 4; step++) {
    const before = all[step - 1]!
    all.push(before.map((crc) => first[crc & 255]! ^ (crc >>> 8)))
  }
  return all
}

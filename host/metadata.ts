// Metadata: ordered names and values that travel beside a payload (gRPC metadata, HTTP headers, CloudEvents attributes).
//
// M1. Names are lower case; order and duplicates are kept.
// M2. A name that ends in "-bin" has bytes, every other has text.

export type MetadataEntry = readonly [name: string, value: string | Uint8Array]
export type Metadata = readonly MetadataEntry[]

/** Shared, so that the usual case allocates nothing. */
export const noMetadata: Metadata = Object.freeze([])

/** Bytes that count against `limits.metadataBytesMax`: names and values, without framing. */
export function metadataBytes(metadata: Metadata): number {
  let bytes = 0
  for (const [name, value] of metadata) bytes += name.length + value.length
  return bytes
}

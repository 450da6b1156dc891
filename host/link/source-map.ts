// Source map: the section in which a component brings the places of its bundle in the author's sources.
//
//   custom section `innkeeper:source-map` of the component:  gzip of a source map (JSON, version 3)
//
// M2. It is a stranger's data, and only for the log: bounded, looked through, and what does not fit is no map.
//
// Written by `inn build` for languages that are bundled; read in the linking process, and kept with the artefact.
//
// Owns: the section.   guest/fault-text.ts owns: what it is good for.

import { gunzipSync, gzipSync } from 'node:zlib'
import type { StoredSourceMap } from '../guest/fault-text.ts'
import { BinaryError, ByteReader, ByteWriter } from '../wasm/bytes.ts'

const sectionName = 'innkeeper:source-map'
const customSection = 0
const headBytes = 8

/** Bytes of the JSON. A map is read on the host's loop at the first fault: 1 MiB takes some 20 ms. */
export const sourceMapBytesMax = 1024 * 1024
const sourcesMax = 10_000

/** The component with its map, or as it is where the map is too large. */
export function withSourceMap(component: Uint8Array, map: StoredSourceMap): Uint8Array {
  const json = Buffer.from(JSON.stringify({ version: 3, ...map }))
  if (json.length > sourceMapBytesMax) return component
  const section = new ByteWriter()
  section.name(sectionName)
  section.raw(gzipSync(json, { level: 9 }))
  const body = section.finish()
  const head = new ByteWriter()
  head.byte(customSection)
  head.u32(body.length)
  return new Uint8Array(Buffer.concat([component, head.finish(), body]))
}

/** The map that a component brings. */
export function sourceMapOf(component: Uint8Array): StoredSourceMap | undefined {
  const reader = new ByteReader(component)
  reader.take(headBytes)
  while (!reader.done) {
    const id = reader.byte()
    const body = reader.take(reader.u32())
    if (id !== customSection) continue
    const zipped = contentOf(body)
    if (zipped !== undefined) return parse(zipped)
  }
  return undefined
}

/** What a custom section of our name holds. One whose name cannot be read is not ours. */
function contentOf(body: Uint8Array): Uint8Array | undefined {
  const name = Buffer.from(sectionName)
  const section = new ByteReader(body)
  try {
    if (!name.equals(section.take(section.u32()))) return undefined
  } catch (thrown) {
    if (thrown instanceof BinaryError) return undefined
    throw thrown
  }
  return section.take(body.length - section.at)
}

function parse(zipped: Uint8Array): StoredSourceMap | undefined {
  try {
    const json: unknown = JSON.parse(gunzipSync(zipped, { maxOutputLength: sourceMapBytesMax }).toString('utf8'))
    return isSourceMap(json) ? { file: json.file, sources: json.sources, mappings: json.mappings } : undefined
  } catch {
    return undefined
  }
}

/** Is it one that is kept? */
export function isSourceMap(json: unknown): json is StoredSourceMap {
  const { file, sources, mappings } = (json ?? {}) as Partial<Record<keyof StoredSourceMap, unknown>>
  return (
    typeof file === 'string' &&
    /^[\w.-]{1,64}$/.test(file) &&
    typeof mappings === 'string' &&
    Array.isArray(sources) &&
    sources.length <= sourcesMax &&
    sources.every((source) => typeof source === 'string')
  )
}

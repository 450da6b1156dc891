// Standard files: the .proto files that every host has (google/protobuf, google/api, innkeeper, cloudstate), so that components
// need not bring them: of a counter's 15 KB of descriptors they are 14.
//
// S1. A component leaves out a file only if it is the same, byte by byte; the host puts it back as soon as it has the set.
// S2. The files here never change their meaning: a stored component of any age is completed with them.
//
// Leaves to others: what a descriptor says (raw.ts, load.ts). wit/standard.binpb is written by host/tools/standard.ts.

import { readFileSync } from 'node:fs'
import { WireCursor, WireError } from './wire.ts'

interface DescriptorFile {
  readonly name: string
  readonly imports: readonly string[]
  /** A google.protobuf.FileDescriptorProto. */
  readonly bytes: Uint8Array
}

let files: ReadonlyMap<string, DescriptorFile> | undefined

/** By name; what a file imports comes before it. */
function standardFiles(): ReadonlyMap<string, DescriptorFile> {
  files ??= new Map(
    splitSet(new Uint8Array(readFileSync(new URL('../../wit/standard.binpb', import.meta.url)))).map((file) => [
      file.name,
      file,
    ]),
  )
  return files
}

/** The set without the files that every host has. */
export function withoutStandard(descriptorSet: Uint8Array): Uint8Array {
  const standard = standardFiles()
  return joinSet(
    splitSet(descriptorSet).filter(({ name, bytes }) => {
      const ours = standard.get(name)
      return ours === undefined || Buffer.compare(ours.bytes, bytes) !== 0
    }),
  )
}

/** The set with those of them that its files import. Bytes that are no set come back as they are: loading says what is wrong. */
export function withStandard(descriptorSet: Uint8Array): Uint8Array {
  let brought: readonly DescriptorFile[]
  try {
    brought = splitSet(descriptorSet)
  } catch (error) {
    if (error instanceof WireError) return descriptorSet
    throw error
  }
  const standard = standardFiles()
  const names = new Set(brought.map(({ name }) => name))
  const missing = new Set<string>()
  const visit = (imports: readonly string[]): void => {
    for (const name of imports) {
      const file = standard.get(name)
      if (file === undefined || names.has(name) || missing.has(name)) continue
      missing.add(name)
      visit(file.imports)
    }
  }
  for (const { imports } of brought) visit(imports)
  if (missing.size === 0) return descriptorSet
  return joinSet([...[...standard.values()].filter(({ name }) => missing.has(name)), ...brought])
}

/** @throws WireError */
export function splitSet(descriptorSet: Uint8Array): readonly DescriptorFile[] {
  const cursor = new WireCursor(descriptorSet)
  const found: DescriptorFile[] = []
  while (!cursor.done) {
    const tag = cursor.tag()
    if (tag === 10) found.push(fileOf(cursor.view()))
    else cursor.skip(tag & 7)
  }
  return found
}

function fileOf(bytes: Uint8Array): DescriptorFile {
  const cursor = new WireCursor(bytes)
  let name = ''
  const imports: string[] = []
  while (!cursor.done) {
    const tag = cursor.tag()
    if (tag === 10) name = cursor.string()
    else if (tag === 26) imports.push(cursor.string())
    else cursor.skip(tag & 7)
  }
  return { name, imports, bytes }
}

/** A set of these files. */
export function joinSet(list: readonly DescriptorFile[]): Uint8Array {
  const parts: Uint8Array[] = []
  for (const { bytes } of list) {
    const head = [10]
    let length = bytes.length
    for (; length > 127; length >>>= 7) head.push((length & 127) | 128)
    head.push(length)
    parts.push(Uint8Array.from(head), bytes)
  }
  return new Uint8Array(Buffer.concat(parts))
}

// Standard files: the .proto files that every host has (google/protobuf, google/api, google/rpc, innkeeper, cloudstate), so that components
// need not bring them: of a counter's 15 KB of descriptors they are 14.
//
// S1. A component leaves out a file only if it is the same, byte by byte; the host puts it back as soon as it has the set.
//
// The files here may get more in them, and never change their meaning: a stored component of any age is completed with them.
//
// Leaves to others: what a descriptor says (raw.ts, load.ts). wit/standard.binpb is written by host/tools/standard.ts.

import { readFileSync } from 'node:fs'
import { sized, WireCursor, WireError } from './wire.ts'

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
  const names = new Set(brought.map(({ name }) => name))
  const missing = withImports(
    brought.flatMap(({ imports }) => imports),
    names,
  )
  return missing.length === 0 ? descriptorSet : joinSet([...missing, ...brought])
}

/** A set of one of them and what it imports. */
export function standardSet(name: string): Uint8Array {
  return joinSet(withImports([name], new Set()))
}

/** Those among `names`, and what they import, without those that are `there`. */
function withImports(names: readonly string[], there: ReadonlySet<string>): readonly DescriptorFile[] {
  const standard = standardFiles()
  const found = new Set<string>()
  const visit = (imports: readonly string[]): void => {
    for (const name of imports) {
      const file = standard.get(name)
      if (file === undefined || there.has(name) || found.has(name)) continue
      found.add(name)
      visit(file.imports)
    }
  }
  visit(names)
  return [...standard.values()].filter(({ name }) => found.has(name))
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
  return new Uint8Array(Buffer.concat(list.flatMap(({ bytes }) => sized(10, bytes))))
}

// Places: where the elements of .proto files are declared, as buf noted it in the descriptors; and the descriptors without the notes.
//
// P1. Elements are named as protobuf names them: `pkg.Service`, `pkg.Service.Method`, `pkg.Message.field`; an option of a method is
//     `pkg.Service.Method#51081`.
// P2. Without the notes a set is what buf makes of the same files when it is told to leave them out.
//
// Leaves to others: what the descriptors say (host/schema/load.ts).

import type { RawFile, RawMessage } from '../../host/schema/raw.ts'
import { readDescriptorSet } from '../../host/schema/raw.ts'
import { joinSet, splitSet } from '../../host/schema/standard.ts'
import { edited, WireCursor } from '../../host/schema/wire.ts'

export interface Place {
  /** As imports name it. */
  readonly file: string
  /** From 1. */
  readonly line: number
  /** From 1. */
  readonly column: number
}

/** The place of an element; of an option that of its method where nothing better is known. */
export type PlaceOf = (element: string) => Place | undefined

/** Fields of google.protobuf.FileDescriptorProto and of what is in it, as paths name them. */
const messageType = 4
const service = 6
const field = 2
const nestedType = 3
const method = 2
const options = 4
const sourceCodeInfo = 9

export function placesOf(descriptorSet: Uint8Array): PlaceOf {
  const places = new Map<string, Place>()
  for (const file of readDescriptorSet(descriptorSet)) {
    for (const { path, span } of locations(file.bytes)) {
      const name = nameOf(file, path)
      const [line = 0, column = 0] = span
      if (name !== undefined && !places.has(name))
        places.set(name, { file: file.name, line: line + 1, column: column + 1 })
    }
  }
  return (element) => places.get(element) ?? places.get(element.replace(/#\d+$/, ''))
}

export function withoutPlaces(descriptorSet: Uint8Array): Uint8Array {
  return joinSet(
    splitSet(descriptorSet).map((file) => ({
      ...file,
      bytes: edited(file.bytes, (field) => (field === sourceCodeInfo ? null : undefined)),
    })),
  )
}

interface Location {
  readonly path: readonly number[]
  /** Line and column, from 0, then the end. */
  readonly span: readonly number[]
}

function locations(file: Uint8Array): readonly Location[] {
  const found: Location[] = []
  eachField(file, sourceCodeInfo, (notes) =>
    eachField(notes, 1, (location) => {
      let [path, span]: (readonly number[])[] = [[], []]
      eachField(location, 1, (packed) => {
        path = numbers(packed)
      })
      eachField(location, 2, (packed) => {
        span = numbers(packed)
      })
      found.push({ path: path!, span: span! })
    }),
  )
  return found
}

function eachField(bytes: Uint8Array, number: number, on: (part: Uint8Array) => void): void {
  const cursor = new WireCursor(bytes)
  while (!cursor.done) {
    const tag = cursor.tag()
    if (tag === (number << 3) + 2) on(cursor.view())
    else cursor.skip(tag & 7)
  }
}

function numbers(packed: Uint8Array): readonly number[] {
  const cursor = new WireCursor(packed)
  const found: number[] = []
  while (!cursor.done) found.push(cursor.varint32())
  return found
}

/** The element that a path leads to; undefined for what no problem is told of. */
function nameOf(file: RawFile, [kind, index = -1, ...rest]: readonly number[]): string | undefined {
  const start = file.package === '' ? '' : `${file.package}.`
  if (kind === messageType) return messageName(file.messages[index], start, rest)
  const found = kind === service ? file.services[index] : undefined
  if (found === undefined) return undefined
  const name = `${start}${found.name}`
  if (rest.length === 0) return name
  const called = rest[0] === method ? found.methods[rest[1]!] : undefined
  if (called === undefined) return undefined
  if (rest.length === 2) return `${name}.${called.name}`
  return rest.length === 4 && rest[2] === options ? `${name}.${called.name}#${rest[3]}` : undefined
}

function messageName(message: RawMessage | undefined, start: string, rest: readonly number[]): string | undefined {
  if (message === undefined) return undefined
  const name = `${start}${message.name}`
  const [kind, index = -1, ...deeper] = rest
  if (kind === undefined) return name
  if (kind === nestedType) return messageName(message.nested[index], `${name}.`, deeper)
  const found = kind === field && deeper.length === 0 ? message.fields[index] : undefined
  return found && `${name}.${found.name}`
}

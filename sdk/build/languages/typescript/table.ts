// Table: the messages of a bundle as the engine takes them, and what stands for the generated modules while bundling.
//
// B1. What an author imports from a generated module is there under the same name; only messages are the engine's.
// B2. Same schema, same text.
//
// Read by sdk/typescript/engine/src/types.c: the numbers are those of its enums.

import type { Field, FieldType, FileType, MessageType, Schema } from '../../../../host/schema/schema.ts'
import { declared, importedMessages, reachedFiles } from '../../codegen/generate.ts'
import { lowerFirst } from '../../codegen/names.ts'
import { shapeOf } from './code.ts'
import type { Names } from './names.ts'
import { caseName, modulePath, namesOf, propertyNames } from './names.ts'

export interface Table {
  /** A module that exports `types`, the list of all message types. */
  readonly table: string
  /** By their paths in the folder of generated code. */
  readonly modules: ReadonlyMap<string, string>
}

/** What the modules import the list from. */
export const tableId = 'innkeeper:table'

const numbers = {
  double: 1,
  float: 2,
  int64: 3,
  uint64: 4,
  int32: 5,
  fixed64: 6,
  fixed32: 7,
  bool: 8,
  string: 9,
  message: 11,
  bytes: 12,
  uint32: 13,
  enum: 14,
  sfixed32: 15,
  sfixed64: 16,
  sint32: 17,
  sint64: 18,
} as const
const flags = { repeated: 1, presence: 2, map: 4, oneof: 8, packed: 16 } as const
const kinds = { zero: 0, undefined: 1, list: 2, map: 3 } as const

type Property = readonly [name: string, kind: number]
type Row = readonly [
  number: number,
  type: number,
  flags: number,
  property: number,
  oneofCase: string,
  message: number,
  key: number,
]

/** For the files in `roots` (names in the descriptor set) and whatever their messages and methods refer to. */
export function tableOf(schema: Schema, roots: readonly string[]): Table {
  const names = namesOf(schema)
  const files = [...reachedFiles(schema, roots)]
  const messages = files.flatMap((file) => declared(schema, file).messages)
  const index = new Map(messages.map(({ fullName }, at) => [fullName, at]))
  const rows = messages.map((message) => [message.fullName, ...rowsOf(message, index)])
  const modules = new Map(files.map((file) => [modulePath(file), moduleOf(schema, names, index, file)]))
  return { table: `export const types = globalThis.__innkeeper.messages(${JSON.stringify(rows)})`, modules }
}

function rowsOf(message: MessageType, index: ReadonlyMap<string, number>): [Property[], Row[]] {
  const names = propertyNames(message)
  const properties: Property[] = []
  const places = new Map<string, number>()
  const rows = message.fields.map((field): Row => {
    const name = names.get(field.oneof ?? field.name)!
    let place = places.get(name)
    if (place === undefined) {
      place = properties.length
      places.set(name, place)
      properties.push([name, kindOf(field)])
    }
    const { type } = field
    const item = type.kind === 'map' ? type.value : type
    return [
      field.number,
      numberOf(item),
      flagsOf(field),
      place,
      field.oneof === undefined ? '' : caseName(field),
      item.kind === 'message' ? index.get(item.message.fullName)! : -1,
      type.kind === 'map' ? numbers[type.key] : 0,
    ]
  })
  return [properties, rows.sort(([a], [b]) => a - b)]
}

function kindOf({ type, repeated, presence, oneof }: Field): number {
  if (oneof !== undefined) return kinds.undefined
  if (type.kind === 'map') return kinds.map
  return repeated ? kinds.list : presence ? kinds.undefined : kinds.zero
}

function numberOf(type: FieldType): number {
  return type.kind === 'scalar' ? numbers[type.scalar] : numbers[type.kind as 'message' | 'enum']
}

function flagsOf({ type, repeated, presence, packed, oneof }: Field): number {
  if (oneof !== undefined) return flags.oneof
  if (type.kind === 'map') return flags.map
  if (repeated) return flags.repeated | (packed ? flags.packed : 0)
  return presence ? flags.presence : 0
}

function moduleOf(schema: Schema, names: Names, index: ReadonlyMap<string, number>, file: FileType): string {
  const refer = (fullName: string): string => `types[${index.get(fullName)}]`
  const { messages, enums, services } = declared(schema, file)
  const lines = [`import { types } from '${tableId}'`]
  const declare = (fullName: string, value: string): void => {
    lines.push(`export const ${names.nameOf(fullName)} = ${value}`)
  }
  for (const { fullName, byName } of enums) declare(fullName, JSON.stringify(Object.fromEntries(byName)))
  for (const { fullName } of messages) declare(fullName, refer(fullName))
  for (const service of services) {
    const methods = [...service.methods.values()].map((method) => {
      const { name, input, output } = method
      const parts = `name: '${name}', request: ${refer(input.fullName)}, reply: ${refer(output.fullName)}`
      return `${lowerFirst(name)}: { ${parts}, shape: '${shapeOf(method)}' }`
    })
    const known = new Map(messages.map(({ fullName }) => [names.nameOf(fullName), fullName]))
    for (const { fullName } of importedMessages(schema, names.fileOf, service)) {
      const name = names.nameOf(fullName)
      if (!known.has(name)) known.set(name, fullName)
    }
    const entries = [...known].map(([name, fullName]) => `${name}: ${refer(fullName)}`)
    const value = `{ typeName: '${service.fullName}', methods: { ${methods.join(', ')} }, messages: { ${entries.join(', ')} } }`
    declare(service.fullName, value)
  }
  return lines.join('\n')
}

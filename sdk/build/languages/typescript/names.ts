// Names: how protobuf names read in generated TypeScript, and in AssemblyScript, which is one of its dialects.
//
// N1. Every name is a legal identifier and unique in its file: what collides gets a `$`, which protobuf names cannot have.
// N2. A file's module is its path with `.ts`: `orders/v1/orders.proto` is `gen/orders/v1/orders.ts`.

import { defaultJsonName } from '../../../../host/schema/load.ts'
import type { Field, FileType, MessageType, Schema } from '../../../../host/schema/schema.ts'
import type { FileOf } from '../../codegen/names.ts'
import { declaringFiles, found, lowerFirst } from '../../codegen/names.ts'

export const reserved: ReadonlySet<string> = new Set(
  (
    'any arguments as async await bigint boolean break case catch class const continue debugger declare default delete do ' +
    'else enum eval export extends false finally for from function get if implements import in infer instanceof interface ' +
    'is keyof let module namespace never new null number object of package private protected public readonly require return ' +
    'set static string super switch symbol this throw true try type typeof undefined unique unknown var void while with yield ' +
    'Infinity NaN globalThis'
  ).split(' '),
)

export interface Names {
  readonly fileOf: FileOf
  /** Its name in generated code. */
  nameOf(fullName: string): string
}

/** `others`: what no message, enum or service may be called besides. */
export function namesOf(schema: Schema, others: ReadonlySet<string> = new Set()): Names {
  const names = new Map<string, string>()
  for (const file of schema.files.values()) {
    const taken = new Set<string>()
    for (const symbol of file.symbols) {
      if (!schema.messages.has(symbol) && !schema.enums.has(symbol) && !schema.services.has(symbol)) continue
      const local = file.package === '' ? symbol : symbol.slice(file.package.length + 1)
      let name = local.replaceAll('.', '_')
      while (taken.has(name) || reserved.has(name) || others.has(name)) name += '$'
      taken.add(name)
      names.set(symbol, name)
    }
  }
  return {
    fileOf: declaringFiles(schema),
    nameOf: (fullName) => found(names, fullName),
  }
}

/** `counter/v1/counter.proto` to `counter/v1/counter.ts`. */
export function modulePath(file: FileType): string {
  return `${file.name.replace(/\.proto$/, '')}.ts`
}

export function relativeModule(from: FileType, to: FileType): string {
  const up = from.name.split('/').length - 1
  return `${up === 0 ? './' : '../'.repeat(up)}${modulePath(to)}`
}

/** The property of a field, and of a oneof: lower camel case, whatever its JSON name. */
export function propertyNames(message: MessageType): ReadonlyMap<string, string> {
  const names = new Map<string, string>()
  const taken = new Set<string>()
  for (const field of message.fields) {
    for (const name of field.oneof === undefined ? [field.name] : [field.oneof]) {
      if (names.has(name)) continue
      let property = lowerFirst(defaultJsonName(name)) || name
      // `constructor` and its like are on every object: a message that leaves the field out would seem to have it.
      while (taken.has(property) || property in Object.prototype) property += '$'
      taken.add(property)
      names.set(name, property)
    }
  }
  return names
}

/** The `case` of a member of a oneof. */
export function caseName(field: Field): string {
  return lowerFirst(defaultJsonName(field.name))
}

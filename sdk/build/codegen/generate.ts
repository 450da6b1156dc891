// Generate: what code is generated, in every language.
//
// F1. Only files that are reached from `roots` are generated: by a field, by a method, or since a service's file imports them, so that their
//     messages may be its events. Options and descriptors of Google's and ours are not.
// F2. Same schema, same text.
// F3. Methods that the host answers (`watch`) are in no language: nobody writes a function for them.
//
// Leaves to others: the text (code.ts of each language), writing it (write.ts).

import type { EnumType, FieldType, FileType, MessageType, Schema, ServiceType } from '../../../host/schema/schema.ts'
import { askedMethods } from '../../../host/schema/schema.ts'
import type { FileOf } from './names.ts'
import { declaringFiles } from './names.ts'

export interface GeneratedFile {
  /** Relative to the folder of generated code, with `/`. */
  readonly path: string
  readonly text: string
}

export function declared(
  schema: Schema,
  file: FileType,
): { messages: MessageType[]; enums: EnumType[]; services: ServiceType[] } {
  const pick = <T>(map: ReadonlyMap<string, T>): T[] =>
    file.symbols.map((symbol) => map.get(symbol)).filter((item) => item !== undefined)
  const services = pick(schema.services).map((service) => ({
    ...service,
    methods: new Map(askedMethods(service).map((method) => [method.name, method])),
  }))
  return { messages: pick(schema.messages), enums: pick(schema.enums), services }
}

export function reachedFiles(schema: Schema, roots: readonly string[]): ReadonlySet<FileType> {
  const fileOf = declaringFiles(schema)
  const reached = new Set<FileType>()
  const visit = (file: FileType): void => {
    if (reached.has(file)) return
    reached.add(file)
    const { messages, services } = declared(schema, file)
    for (const message of messages) for (const field of message.fields) visitType(field.type)
    for (const service of services) {
      for (const method of service.methods.values()) {
        visit(fileOf(method.input.fullName))
        visit(fileOf(method.output.fullName))
      }
      for (const message of importedMessages(schema, fileOf, service)) visit(fileOf(message.fullName))
    }
  }
  const visitType = (type: FieldType): void => {
    if (type.kind === 'message') visit(fileOf(type.message.fullName))
    else if (type.kind === 'enum') visit(fileOf(type.enum.fullName))
    else if (type.kind === 'map') visitType(type.value)
  }
  for (const root of roots) {
    const file = schema.files.get(root)
    if (file !== undefined) visit(file)
  }
  return reached
}

/** Events may come from files that the service's file imports; Google's own files have none. */
export function importedMessages(schema: Schema, fileOf: FileOf, service: ServiceType): readonly MessageType[] {
  const file = fileOf(service.fullName)
  const messages: MessageType[] = []
  for (const dependency of file.dependencies) {
    const imported = schema.files.get(dependency)
    if (imported === undefined || /^(google|innkeeper|cloudstate)\//.test(dependency)) continue
    messages.push(...declared(schema, imported).messages)
  }
  return messages
}

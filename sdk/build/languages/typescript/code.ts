// TypeScript code: a checked schema becomes modules for authors, one for each .proto that their services reach.
//
// Leaves to others: which files are reached (codegen/generate.ts), identifiers (names.ts), messages (message.ts).

import { keyFields } from '../../../../host/schema/entity-key.ts'
import type {
  EnumType,
  FileType,
  MessageType,
  MethodType,
  Schema,
  ServiceType,
} from '../../../../host/schema/schema.ts'
import type { GeneratedFile } from '../../codegen/generate.ts'
import { declared, importedMessages, reachedFiles } from '../../codegen/generate.ts'
import { lowerFirst } from '../../codegen/names.ts'
import type { References } from './message.ts'
import { messageCode } from './message.ts'
import type { Names } from './names.ts'
import { modulePath, namesOf, propertyNames, relativeModule } from './names.ts'

/** Modules for the files in `roots` (names in the descriptor set) and whatever their messages and methods refer to. */
export function generate(schema: Schema, roots: readonly string[]): readonly GeneratedFile[] {
  const names = namesOf(schema)
  const merging = mergingMessages(schema)
  return [...reachedFiles(schema, roots)].map((file) => ({
    path: modulePath(file),
    text: fileCode(schema, names, merging, file),
  }))
}

/** Messages that are a singular field, a member of a oneof or a map's value somewhere. */
function mergingMessages(schema: Schema): ReadonlySet<string> {
  const merging = new Set<string>()
  for (const message of schema.messages.values()) {
    for (const { type, repeated } of message.fields) {
      if (type.kind === 'message' && !repeated) merging.add(type.message.fullName)
      if (type.kind === 'map' && type.value.kind === 'message') merging.add(type.value.message.fullName)
    }
  }
  return merging
}

class Imports implements References {
  private readonly names: Names
  private readonly file: FileType
  private readonly types = new Map<FileType, Set<string>>()
  private readonly values = new Map<FileType, Set<string>>()
  private readonly aliases = new Map<string, string>()

  constructor(names: Names, file: FileType) {
    this.names = names
    this.file = file
  }

  type(fullName: string): string {
    return this.refer(this.types, fullName, '')
  }

  value(fullName: string): string {
    return this.refer(this.values, fullName, '')
  }

  part(part: 'create' | 'write' | 'read' | 'size', fullName: string): string {
    return this.refer(this.values, fullName, `${part}$`)
  }

  /** Import lines, sorted. */
  code(): string {
    const lines: string[] = []
    // What is used as a value is a type by the same import.
    for (const [file, names] of this.values) for (const name of names) this.types.get(file)?.delete(name)
    for (const [keyword, from] of [['import type', this.types] as const, ['import', this.values] as const]) {
      for (const [file, names] of from) {
        if (names.size === 0) continue
        lines.push(`${keyword} { ${[...names].sort().join(', ')} } from '${relativeModule(this.file, file)}'`)
      }
    }
    return lines.sort().join('\n')
  }

  private refer(from: Map<FileType, Set<string>>, fullName: string, prefix: string): string {
    const file = this.names.fileOf(fullName)
    const name = this.names.nameOf(fullName)
    if (file === this.file) return `${prefix}${name}`
    const alias = `${prefix}${this.aliasOf(fullName, name)}`
    const imported = from.get(file) ?? new Set<string>()
    from.set(file, imported)
    imported.add(`${prefix}${name} as ${alias}`)
    return alias
  }

  /** Two imported files may use one name, and this one too. */
  private aliasOf(fullName: string, name: string): string {
    const alias = this.aliases.get(fullName) ?? `${name}$${this.aliases.size}`
    this.aliases.set(fullName, alias)
    return alias
  }
}

function fileCode(schema: Schema, names: Names, merging: ReadonlySet<string>, file: FileType): string {
  const { messages, enums, services } = declared(schema, file)
  const imports = new Imports(names, file)
  const blocks = [
    ...enums.map((item) => enumCode(item, names.nameOf(item.fullName))),
    ...messages.map((message) =>
      messageCode(message, names.nameOf(message.fullName), imports, merging.has(message.fullName)),
    ),
    ...services.map((service) => serviceCode(schema, service, messages, names, imports)),
  ]
  const head = [
    `// Generated from ${file.name} by inn build. Do not edit: the next build overwrites it.`,
    '/* eslint-disable */',
    "import * as $ from '@innkeeper/sdk/codec'",
    imports.code(),
  ]
  return `${[head.filter((line) => line !== '').join('\n'), ...blocks].join('\n\n')}\n`
}

function enumCode({ fullName, byName }: EnumType, name: string): string {
  const values = [...byName].map(([value, number]) => `  ${value}: ${number},`)
  return [
    `/** ${fullName}. Open: a newer sender may use a number that is not here. */`,
    `export type ${name} = number`,
    `export const ${name} = {\n${values.join('\n')}\n} as const`,
  ].join('\n')
}

function serviceCode(
  schema: Schema,
  service: ServiceType,
  own: readonly MessageType[],
  names: Names,
  imports: Imports,
): string {
  const methods = [...service.methods.values()].map((method) => {
    const types = `${imports.value(method.input.fullName)}, ${imports.value(method.output.fullName)}`
    return `  ${lowerFirst(method.name)}: $.method('${method.name}', ${types}${moreArguments(method)}),`
  })
  const messages = new Map<string, string>()
  for (const message of own) messages.set(names.nameOf(message.fullName), names.nameOf(message.fullName))
  for (const message of importedMessages(schema, names.fileOf, service)) {
    const name = names.nameOf(message.fullName)
    if (!messages.has(name)) messages.set(name, imports.value(message.fullName))
  }
  const entries = [...messages].map(([name, value]) => (name === value ? name : `${name}: ${value}`))
  return [
    `/** ${service.fullName} */`,
    `export const ${names.nameOf(service.fullName)} = $.service('${service.fullName}', {`,
    ...methods,
    `}, { ${entries.join(', ')} })`,
  ].join('\n')
}

/** Unary methods are what a reader expects, and say nothing. A key is that of an entity's methods, which take one request. */
function moreArguments(method: MethodType): string {
  const shape = shapeOf(method)
  const properties = propertyNames(method.input)
  const fields = method.clientStreaming ? [] : keyFields(method.input).filter(({ oneof }) => oneof === undefined)
  const key = fields.map(({ name }) => `'${properties.get(name)!}'`)
  if (method.answers !== undefined) return `, '${shape}', [${key.join(', ')}], '${method.answers}'`
  if (key.length > 0) return `, '${shape}', [${key.join(', ')}]`
  return shape === 'unary' ? '' : `, '${shape}'`
}

/** As the SDK names it (codec/message.ts). */
export function shapeOf({ clientStreaming, serverStreaming }: MethodType): string {
  if (clientStreaming) return serverStreaming ? 'bidi' : 'clientStream'
  return serverStreaming ? 'serverStream' : 'unary'
}

// AssemblyScript code: a checked schema becomes AssemblyScript modules, one for each .proto that the services reach: a class
// for each message, and for each service an abstract class that an author's class completes.
//
// A1. A missing handler, or one with another request or reply, is a compile error (the class is abstract).
// A2. Reading and writing follow proto3 as the TypeScript code does (message.ts, G1 and G2): the same bytes from both.
// A3. What has no form here yet (maps, oneofs, `optional` scalars, streams) is refused with its name, never left out.
//
// Leaves to others: which files and in which names (generate.ts, names.ts).

import type {
  EnumType,
  Field,
  FieldType,
  FileType,
  MessageType,
  ScalarType,
  Schema,
  ServiceType,
} from '../../schema/schema.ts'
import { isStreamed } from '../../schema/schema.ts'
import type { GeneratedFile } from './generate.ts'
import { declared, importedMessages, reachedFiles, relativeModule } from './generate.ts'
import type { Names } from './names.ts'
import { lowerFirst, modulePath, namesOf, propertyNames, reserved } from './names.ts'
import { scalarCode, scalarOf } from './scalars.ts'

/** What a .proto asks for and AssemblyScript code cannot say yet. */
export interface Unsupported {
  /** The .proto, as the descriptor set names it. */
  readonly file: string
  readonly message: string
}

export interface Generated {
  readonly files: readonly GeneratedFile[]
  readonly unsupported: readonly Unsupported[]
}

/** Modules for the files in `roots` and whatever their messages and methods refer to. */
export function generateAssemblyScript(schema: Schema, roots: readonly string[]): Generated {
  const names = namesOf(schema)
  const reached = [...reachedFiles(schema, names, roots)]
  return {
    files: reached.map((file) => ({ path: modulePath(file), text: fileCode(schema, names, file) })),
    unsupported: reached.flatMap((file) => {
      const { messages, services } = declared(schema, file)
      return [
        ...messages.flatMap((message) => unsupportedIn(file, message)),
        ...services.flatMap((service) => streamsIn(file, service)),
      ]
    }),
  }
}

/** Its services are event-sourced, and such methods have one request and one reply. */
function streamsIn(file: FileType, { fullName, methods }: ServiceType): readonly Unsupported[] {
  return [...methods.values()].filter(isStreamed).map(({ name }) => ({
    file: file.name,
    message: `${fullName}/${name}: the AssemblyScript SDK has event-sourced services only, whose methods do not stream`,
  }))
}

function unsupportedIn(file: FileType, message: MessageType): readonly Unsupported[] {
  const refuse = (field: Field, what: string): Unsupported => ({
    file: file.name,
    message: `${message.fullName}.${field.name}: the AssemblyScript SDK has no ${what} yet`,
  })
  return message.fields.flatMap((field) => {
    if (field.oneof !== undefined) return [refuse(field, 'oneof')]
    if (field.type.kind === 'map') return [refuse(field, 'maps')]
    if (field.presence && field.type.kind !== 'message') return [refuse(field, 'optional scalars')]
    return []
  })
}

/** Names of messages as one file says them; those of other files become imports. */
class References {
  private readonly names: Names
  private readonly file: FileType
  private readonly imports = new Map<FileType, Map<string, string>>()

  constructor(names: Names, file: FileType) {
    this.names = names
    this.file = file
  }

  of(fullName: string): string {
    const file = this.names.fileOf(fullName)
    const name = this.names.nameOf(fullName)
    if (file === this.file) return name
    const imported = this.imports.get(file) ?? new Map<string, string>()
    this.imports.set(file, imported)
    // Two imported files may use one name, and this one too.
    const alias = imported.get(name) ?? `${name}$${[...this.imports.keys()].indexOf(file)}`
    imported.set(name, alias)
    return alias
  }

  code(): readonly string[] {
    return [...this.imports].map(([file, names]) => {
      const list = [...names].map(([name, alias]) => `${name} as ${alias}`).sort()
      return `import { ${list.join(', ')} } from '${relativeModule(this.file, file).replace(/\.ts$/, '')}'`
    })
  }
}

function fileCode(schema: Schema, names: Names, file: FileType): string {
  const { messages, enums, services } = declared(schema, file)
  const references = new References(names, file)
  const taken = new Set([...messages, ...enums, ...services].map(({ fullName }) => names.nameOf(fullName)))
  const blocks = [
    ...enums.map((item) => enumCode(item, names.nameOf(item.fullName))),
    ...messages.map((message) => messageCode(message, names.nameOf(message.fullName), references)),
    ...services.map((service) => {
      const name = unique(`${names.nameOf(service.fullName)}Service`, taken, reserved)
      return serviceCode(schema, names, service, messages, name, references)
    }),
  ]
  const head = [
    `// Generated from ${file.name} by inn build. Do not edit: the next build overwrites it.`,
    "import * as $ from '@innkeeper/sdk-assemblyscript/assembly'",
    ...references.code(),
  ]
  return `${[head.join('\n'), ...blocks].join('\n\n')}\n`
}

/** Words that AssemblyScript reads as modifiers where a member's name is due; all others are names there. */
const modifiers: ReadonlySet<string> = new Set(
  'abstract constructor declare override private protected public readonly static'.split(' '),
)

/** The name, with a `$` for as long as it is taken. Protobuf names have none. */
function unique(name: string, taken: Set<string>, words: ReadonlySet<string>): string {
  let free = name
  while (taken.has(free) || words.has(free)) free += '$'
  taken.add(free)
  return free
}

function enumCode({ fullName, byName }: EnumType, name: string): string {
  const values = [...byName].map(([value, number]) => `  ${reserved.has(value) ? `${value}$` : value} = ${number},`)
  return [
    `/** ${fullName}. Fields of it are i32, since a newer sender may use a number that is not here. */`,
    `export enum ${name} {`,
    ...values,
    '}',
  ].join('\n')
}

interface Member {
  readonly field: Field
  readonly property: string
}

function messageCode(message: MessageType, name: string, references: References): string {
  const properties = propertyNames(message)
  const taken = new Set<string>()
  const members = message.fields
    .filter((field) => field.oneof === undefined && field.type.kind !== 'map')
    .map((field) => ({ field, property: unique(properties.get(field.name)!, taken, modifiers) }))
  const ordered = [...members].sort((a, b) => a.field.number - b.field.number)
  return [
    `/** ${message.fullName} */`,
    '@final',
    `export class ${name} extends $.Message {`,
    ...members.map(({ field, property }) => `  ${property}: ${fieldType(field, references)} = ${initial(field)}`),
    ...ofCode(name, members, references),
    '',
    '  __typeName(): string {',
    `    return '${message.fullName}'`,
    '  }',
    '',
    '  __write(out: $.Writer): void {',
    ...ordered.flatMap(writeCode),
    '  }',
    '',
    '  __read(reader: $.Reader): void {',
    '    while (reader.more()) {',
    '      const tag = reader.tag()',
    '      switch (tag) {',
    ...ordered.flatMap((member) => readCode(member, references)),
    '        default:',
    '          reader.skip(tag)',
    '      }',
    '    }',
    '  }',
    '}',
  ].join('\n')
}

const types: Readonly<Record<ScalarType | 'enum', string>> = {
  double: 'f64',
  float: 'f32',
  int32: 'i32',
  sint32: 'i32',
  sfixed32: 'i32',
  enum: 'i32',
  uint32: 'u32',
  fixed32: 'u32',
  int64: 'i64',
  sint64: 'i64',
  sfixed64: 'i64',
  uint64: 'u64',
  fixed64: 'u64',
  bool: 'bool',
  string: 'string',
  bytes: '$.Bytes',
}

function singleType(type: FieldType, references: References): string {
  return type.kind === 'message' ? references.of(type.message.fullName) : types[scalarOf(type)!]
}

function fieldType({ type, repeated }: Field, references: References): string {
  const single = singleType(type, references)
  if (repeated) return `${single}[]`
  return type.kind === 'message' ? `${single} | null` : single
}

function initial({ type, repeated }: Field): string {
  if (repeated) return '[]'
  return type.kind === 'message' ? 'null' : zero(scalarOf(type)!)
}

/** No parameter has a default: a field that is added to the .proto is then told wherever its message is made. */
function ofCode(name: string, members: readonly Member[], references: References): readonly string[] {
  if (members.length === 0) return []
  const taken = new Set<string>()
  const parameters = members.map(({ field, property }) => ({
    field,
    property,
    parameter: unique(property, taken, reserved),
  }))
  const list = parameters.map(({ field, parameter }) => `${parameter}: ${fieldType(field, references)}`)
  return [
    '',
    '  /** All fields, in the order of the .proto. */',
    `  static of(${list.join(', ')}): ${name} {`,
    `    const made$ = new ${name}()`,
    ...parameters.map(({ property, parameter }) => `    made$.${property} = ${parameter}`),
    '    return made$',
    '  }',
  ]
}

function zero(scalar: ScalarType | 'enum'): string {
  if (scalar === 'bool') return 'false'
  if (scalar === 'string') return "''"
  return scalar === 'bytes' ? '$.Bytes.empty()' : '0'
}

/** An expression that is true if the value must be written. -0 is not zero. */
function isSet(scalar: ScalarType | 'enum', value: string): string {
  if (scalar === 'bool') return value
  if (scalar === 'string' || scalar === 'bytes') return `${value}.length != 0`
  return scalar === 'double' || scalar === 'float' ? `!$.isPlusZero(${value})` : `${value} != 0`
}

function tagOf({ number }: Field, wireType: number): number {
  return ((number << 3) | wireType) >>> 0
}

function wireTypeOf(type: FieldType): number {
  return type.kind === 'message' ? 2 : scalarCode(scalarOf(type)!).wireType
}

function writeSingle(field: Field, value: string): readonly string[] {
  const { type } = field
  if (type.kind === 'message') {
    return [`const start = out.open(${tagOf(field, 2)})`, `${value}.__write(out)`, 'out.close(start)']
  }
  return [`out.uint32(${tagOf(field, wireTypeOf(type))})`, `out.${scalarCode(scalarOf(type)!).method}(${value})`]
}

function writeCode({ field, property }: Member): readonly string[] {
  const value = `this.${property}`
  const { type, repeated, packed } = field
  if (!repeated && type.kind === 'message') {
    return block(
      4,
      `const m${field.number} = ${value}`,
      `if (m${field.number} !== null) {`,
      writeSingle(field, `m${field.number}`),
    )
  }
  if (!repeated) return block(4, '', `if (${isSet(scalarOf(type)!, value)}) {`, writeSingle(field, value))
  const list = `l${field.number}`
  const each = `for (let i = 0; i < ${list}.length; i++)`
  if (!packed) return block(4, `const ${list} = ${value}`, `${each} {`, writeSingle(field, `${list}[i]`))
  return block(4, `const ${list} = ${value}`, `if (${list}.length != 0) {`, [
    `const start = out.open(${tagOf(field, 2)})`,
    `${each} out.${scalarCode(scalarOf(type)!).method}(${list}[i])`,
    'out.close(start)',
  ])
}

/** A statement before, if any, and a block of statements. */
function block(indent: number, before: string, open: string, inner: readonly string[]): readonly string[] {
  const lines = [...(before === '' ? [] : [before]), open, ...inner.map((line) => `  ${line}`), '}']
  return lines.map((line) => ' '.repeat(indent) + line)
}

function readCode({ field, property }: Member, references: References): readonly string[] {
  const value = `this.${property}`
  const { type, repeated } = field
  if (type.kind === 'message') {
    const make = `new ${singleType(type, references)}()`
    const target = repeated
      ? [`const item = ${make}`, `${value}.push(item)`]
      : // A second occurrence merges into the first.
        [`let item = ${value}`, `if (item === null) ${value} = item = ${make}`]
    const inner = ['const outer = reader.enter()', ...target, 'item.__read(reader)', 'reader.leave(outer)', 'break']
    return block(8, '', `case ${tagOf(field, 2)}: {`, inner)
  }
  const read = `reader.${scalarCode(scalarOf(type)!).method}()`
  const wireType = wireTypeOf(type)
  const one = `        case ${tagOf(field, wireType)}:`
  if (!repeated) return [one, `          ${value} = ${read}`, '          break']
  const unpacked = [one, `          ${value}.push(${read})`, '          break']
  if (wireType === 2) return unpacked
  const packed = [
    'const outer = reader.enter()',
    `while (reader.more()) ${value}.push(${read})`,
    'reader.leave(outer)',
    'break',
  ]
  return [...unpacked, ...block(8, '', `case ${tagOf(field, 2)}: {`, packed)]
}

function serviceCode(
  schema: Schema,
  names: Names,
  service: ServiceType,
  own: readonly MessageType[],
  name: string,
  references: References,
): string {
  const taken = new Set(['state'])
  const methods = [...service.methods.values()].map((method) => ({
    ...method,
    handler: unique(lowerFirst(method.name), taken, modifiers),
    request: references.of(method.input.fullName),
    reply: references.of(method.output.fullName),
  }))
  // A request is no event: leaving them out saves their readers where nothing else needs them.
  const requests = new Set(methods.map(({ input }) => input))
  const events = [...own, ...importedMessages(schema, names, service)]
    .filter((message) => !requests.has(message))
    .map(({ fullName }) => ({
      fullName,
      type: references.of(fullName),
      fold: unique(`on${names.nameOf(fullName)}`, taken, modifiers),
    }))
  return [
    `/** ${service.fullName}. Write a class that extends this one, with the message that is its state:`,
    ' *  a handler for each method, and for each event that it emits the `on...` that folds it. */',
    `export abstract class ${name}<S extends $.Message> extends $.EventSourced<S> {`,
    ...methods.map(
      ({ handler, request, reply }) =>
        `  abstract ${handler}(request: ${request}, context: $.Context): ${reply} | null`,
    ),
    '',
    ...events.flatMap(({ fold, type }) => [
      `  ${fold}(event: ${type}): void {`,
      `    throw new Error('there is no ${fold}')`,
      '  }',
      '',
    ]),
    '  __name(): string {',
    `    return '${service.fullName}'`,
    '  }',
    '',
    '  __decide(method: $.Bytes, context: $.Context): void {',
    ...methods.flatMap(({ name: method, handler, request }) => [
      `    if (method.is('${method}')) {`,
      `      const request = new ${request}()`,
      `      if (context.__reads(request)) context.__answer(this.${handler}(request, context))`,
      '      return',
      '    }',
    ]),
    '    context.__unimplemented(this.__name())',
    '  }',
    '',
    '  __apply(event: $.Message): void {',
    ...events.map(({ fold, type }) => `    if (event instanceof ${type}) return this.${fold}(event as ${type})`),
    "    throw new Error('the event is no message that this service folds')",
    '  }',
    '',
    '  __replay(typeName: $.Bytes, data: $.Bytes): void {',
    ...events.map(
      ({ fold, fullName, type }) =>
        `    if (typeName.is('${fullName}')) return this.${fold}($.decodeEvent<${type}>(data))`,
    ),
    "    throw new Error('the event is of no type that this service folds')",
    '  }',
    '}',
  ].join('\n')
}

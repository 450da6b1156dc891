// AssemblyScript code: a checked schema becomes AssemblyScript modules, one for each .proto that the services reach: a class
// for each message, and for each service an abstract class that an author's class completes.
//
// A1. A missing handler, or one with another request or reply, is a compile error (the class is abstract).
// A2. Reading and writing follow proto3 as the TypeScript code does (message.G1 and G2): the same bytes from both.
//
// Leaves to others: which files and in which names (codegen/generate.ts, languages/typescript/names.ts).

import { keyFields } from '../../../../host/schema/entity-key.ts'
import { defaultJsonName } from '../../../../host/schema/load.ts'
import type {
  EnumType,
  Field,
  FieldType,
  FileType,
  MessageType,
  MethodType,
  ScalarType,
  Schema,
  ServiceType,
} from '../../../../host/schema/schema.ts'
import { isStreamed } from '../../../../host/schema/schema.ts'
import type { GeneratedFile } from '../../codegen/generate.ts'
import { declared, importedMessages, reachedFiles } from '../../codegen/generate.ts'
import { lowerFirst } from '../../codegen/names.ts'
import { scalarCode, scalarOf } from '../../codegen/scalars.ts'
import type { Names } from '../typescript/names.ts'
import { caseName, modulePath, namesOf, propertyNames, relativeModule, reserved } from '../typescript/names.ts'

/** A generated class whose `on...` methods fold events. */
export interface FoldingClass {
  /** Full name of its service. */
  readonly service: string
  readonly name: string
  /** By the full name of the event. */
  readonly folds: readonly { readonly method: string; readonly event: string }[]
}

interface AssemblyScriptFile extends GeneratedFile {
  readonly folding: readonly FoldingClass[]
}

/** Modules for the files in `roots` and whatever their messages and methods refer to. */
export function generateAssemblyScript(schema: Schema, roots: readonly string[]): readonly AssemblyScriptFile[] {
  const names = namesOf(schema, new Set([...modifiers, ...builtIns]))
  return [...reachedFiles(schema, roots)].map((file) => {
    const folding: FoldingClass[] = []
    return { path: modulePath(file), text: fileCode(schema, names, file, folding), folding }
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

function fileCode(schema: Schema, names: Names, file: FileType, folding: FoldingClass[]): string {
  const { messages, enums, services } = declared(schema, file)
  const references = new References(names, file)
  const taken = new Set([...messages, ...enums, ...services].map(({ fullName }) => names.nameOf(fullName)))
  const blocks = [
    ...enums.map((item) => enumCode(item, names.nameOf(item.fullName))),
    ...messages.map((message) => messageCode(message, names.nameOf(message.fullName), references)),
    ...services.flatMap((service) => serviceCodes(schema, names, service, messages, taken, references, folding)),
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
  'abstract as constructor declare in override private protected public readonly static'.split(' '),
)

/** Of the compiler, as generated code says them. */
const builtIns: readonly string[] =
  'Array Map Set String StaticArray Uint8Array ArrayBuffer bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 isize usize changetype unchecked'.split(
    ' ',
  )

/** The name, with a `$` for as long as it is taken. Protobuf names have none. */
function unique(name: string, taken: Set<string>, words: ReadonlySet<string>): string {
  let free = name
  while (taken.has(free) || words.has(free)) free += '$'
  taken.add(free)
  return free
}

function enumCode({ fullName, byName }: EnumType, name: string): string {
  const values = [...byName].map(
    ([value, number]) => `  ${reserved.has(value) || modifiers.has(value) ? `${value}$` : value} = ${number},`,
  )
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
  const members = message.fields.map((field) => {
    const property = field.oneof === undefined ? properties.get(field.name)! : caseName(field)
    return { field, property: unique(property, taken, modifiers) }
  })
  const ordered = [...members].sort((a, b) => a.field.number - b.field.number)
  return [
    `/** ${message.fullName} */`,
    '@final',
    `export class ${name} extends $.Message {`,
    ...members.map(
      ({ field, property }) => `  ${property}: ${fieldType(field, references)} = ${initial(field, references)}`,
    ),
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
    ...oneofsOf(message).flatMap((oneof) => clearCode(oneof, members)),
    '}',
  ].join('\n')
}

function oneofsOf({ fields }: MessageType): readonly string[] {
  return [...new Set(fields.flatMap(({ oneof }) => (oneof === undefined ? [] : [oneof])))]
}

/** Two members of a oneof are never both set by a reader; an author who sets another one says this first. */
function clearCode(oneof: string, members: readonly Member[]): readonly string[] {
  return [
    '',
    `  ${clearName(oneof)}(): void {`,
    ...members.filter(({ field }) => field.oneof === oneof).map(({ property }) => `    this.${property} = null`),
    '  }',
  ]
}

function clearName(oneof: string): string {
  const name = defaultJsonName(oneof)
  return `clear${name.charAt(0).toUpperCase()}${name.slice(1)}`
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

function fieldType({ type, repeated, presence }: Field, references: References): string {
  if (type.kind === 'map') return `Map<${types[type.key]}, ${singleType(type.value, references)}>`
  const single = singleType(type, references)
  if (repeated) return `${single}[]`
  if (type.kind === 'message') return `${single} | null`
  if (!presence) return single
  return boxed(scalarOf(type)!) ? `$.Box<${single}> | null` : `${single} | null`
}

/** Numbers have no null. */
function boxed(scalar: ScalarType | 'enum'): boolean {
  return scalar !== 'string' && scalar !== 'bytes'
}

function initial(field: Field, references: References): string {
  const { type, repeated, presence } = field
  if (type.kind === 'map') return `new ${fieldType(field, references)}()`
  if (repeated) return '[]'
  return type.kind === 'message' || presence ? 'null' : zero(scalarOf(type)!)
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
  return writeTagged(tagOf(field, wireTypeOf(field.type)), field.type, value)
}

function writeTagged(tag: number, type: FieldType, value: string): readonly string[] {
  if (type.kind === 'message') return [`const start = out.open(${tag})`, `${value}.__write(out)`, 'out.close(start)']
  return [`out.uint32(${tag})`, `out.${scalarCode(scalarOf(type)!).method}(${value})`]
}

function writeCode({ field, property }: Member): readonly string[] {
  const value = `this.${property}`
  const { type, repeated, packed, presence } = field
  if (type.kind === 'map') {
    const keys = `k${field.number}`
    return block(4, `const ${keys} = $.sortedKeys(${value})`, `for (let i = 0; i < ${keys}.length; i++) {`, [
      `const entry = out.open(${tagOf(field, 2)})`,
      `const key = ${keys}[i]`,
      `const item = ${value}.get(key)`,
      `out.uint32(${(1 << 3) | scalarCode(type.key).wireType})`,
      `out.${scalarCode(type.key).method}(key)`,
      ...writeTagged((2 << 3) | wireTypeOf(type.value), type.value, 'item'),
      'out.close(entry)',
    ])
  }
  if (!repeated && presence && type.kind !== 'message') {
    const inner = boxed(scalarOf(type)!) ? `p${field.number}.value` : `p${field.number}`
    return block(4, `const p${field.number} = ${value}`, `if (p${field.number} !== null) {`, writeSingle(field, inner))
  }
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
  const { type, repeated, presence } = field
  if (type.kind === 'map') return readEntry(field, value, type, references)
  if (type.kind === 'message') {
    const make = `new ${singleType(type, references)}()`
    const target = repeated
      ? [`const item = ${make}`, `${value}.push(item)`]
      : // A second occurrence merges into the first.
        [
          `let item = ${value}`,
          'if (item === null) {',
          ...(field.oneof === undefined ? [] : [`  this.${clearName(field.oneof)}()`]),
          `  item = ${make}`,
          `  ${value} = item`,
          '}',
        ]
    const inner = ['const outer = reader.enter()', ...target, 'item.__read(reader)', 'reader.leave(outer)', 'break']
    return block(8, '', `case ${tagOf(field, 2)}: {`, inner)
  }
  const read = `reader.${scalarCode(scalarOf(type)!).method}()`
  const wireType = wireTypeOf(type)
  const one = `        case ${tagOf(field, wireType)}:`
  if (!repeated && presence) {
    const item = boxed(scalarOf(type)!) ? `new $.Box<${singleType(type, references)}>(${read})` : read
    const clear = field.oneof === undefined ? [] : [`          this.${clearName(field.oneof)}()`]
    return [one, ...clear, `          ${value} = ${item}`, '          break']
  }
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

function readEntry(
  field: Field,
  value: string,
  type: FieldType & { kind: 'map' },
  references: References,
): readonly string[] {
  const item = singleType(type.value, references)
  const made = type.value.kind === 'message' ? `new ${item}()` : zero(scalarOf(type.value)!)
  const read =
    type.value.kind === 'message'
      ? ['const within = reader.enter()', 'item.__read(reader)', 'reader.leave(within)']
      : [`item = reader.${scalarCode(scalarOf(type.value)!).method}()`]
  return block(8, '', `case ${tagOf(field, 2)}: {`, [
    'const outer = reader.enter()',
    `let key: ${types[type.key]} = ${zero(type.key)}`,
    `let item: ${item} = ${made}`,
    'while (reader.more()) {',
    '  const inner = reader.tag()',
    `  if (inner == ${(1 << 3) | scalarCode(type.key).wireType}) key = reader.${scalarCode(type.key).method}()`,
    `  else if (inner == ${(2 << 3) | wireTypeOf(type.value)}) {`,
    ...read.map((line) => `    ${line}`),
    '  } else reader.skip(inner)',
    '}',
    'reader.leave(outer)',
    `${value}.set(key, item)`,
    'break',
  ])
}

interface Handler {
  readonly method: MethodType
  /** Name of the author's function. */
  readonly handler: string
  readonly request: string
  readonly reply: string
}

/** A service's classes, one for each kind that its methods allow. An author completes one of them. */
function serviceCodes(
  schema: Schema,
  names: Names,
  service: ServiceType,
  own: readonly MessageType[],
  taken: Set<string>,
  references: References,
  folding: FoldingClass[],
): readonly string[] {
  const methods = [...service.methods.values()]
  const of = (members: readonly string[]): readonly Handler[] => {
    const used = new Set(members)
    return methods.map((method) => ({
      method,
      handler: unique(lowerFirst(method.name), used, modifiers),
      request: references.of(method.input.fullName),
      reply: references.of(method.output.fullName),
    }))
  }
  const name = (kind: string): string => unique(`${names.nameOf(service.fullName)}${kind}`, taken, reserved)
  const codes: string[] = []
  if (!methods.some(isStreamed)) {
    const handlers = of(['state', 'emit'])
    codes.push(eventSourcedCode(schema, names, service, own, name('EventSourced'), handlers, references, folding))
    codes.push(valueCode(service, name('Value'), of(['value', 'update', 'remove'])))
  }
  if (!methods.some(({ clientStreaming }) => clientStreaming))
    codes.push(replicatedCode(service, name('Replicated'), of(['view', 'remove'])))
  codes.push(actionCode(service, name('Action'), of([])))
  const called = of([]).filter(({ method }) => !method.clientStreaming)
  if (called.length > 0) codes.push(callsCode(service, name('Calls'), called))
  const unary = called.filter(({ method }) => !isStreamed(method))
  if (unary.length > 0) codes.push(ticketsCode(service, name('Tickets'), unary))
  const hearing = unary.filter(({ method }) => method.answers !== undefined)
  if (hearing.length > 0) codes.push(hearsCode(service, name('Hears'), hearing, references))
  const constant = name('Name')
  codes.push(
    `/** The name of a service, for views of it and for a view. */\nexport const ${constant} = '${service.fullName}'`,
  )
  return codes
}

function callsCode({ fullName }: ServiceType, name: string, called: readonly Handler[]): string {
  return [
    `/** Calls of ${fullName}, for effects, asks, timers and forwards. */`,
    `export class ${name} {`,
    ...called.flatMap(({ method, handler, request }) => [
      `  static ${handler}(request: ${request}): $.Call {`,
      `    return new $.Call('${fullName}', '${method.name}', request)`,
      '  }',
    ]),
    '}',
  ].join('\n')
}

function ticketsCode({ fullName }: ServiceType, name: string, unary: readonly Handler[]): string {
  return [
    `/** Tickets that commands of ${fullName} gave, to resolve them. */`,
    `export class ${name} {`,
    ...unary.flatMap(({ method, handler, reply }) => [
      `  static ${handler}(ticket: string): $.Ticket<${reply}> {`,
      `    return new $.Ticket<${reply}>('${fullName}', '${method.name}', ticket)`,
      '  }',
    ]),
    '}',
  ].join('\n')
}

/** Of the field of an answer's request that has the note (innkeeper/options.proto). */
const noteNumber = 3

function hearsCode(
  { fullName }: ServiceType,
  name: string,
  hearing: readonly Handler[],
  references: References,
): string {
  return [
    `/** The methods of ${fullName} that hear what a call was answered, for \`context.ask\`. */`,
    `export class ${name} {`,
    ...hearing.flatMap(({ method, handler }) => {
      const note = method.input.fields.find(({ number }) => number === noteNumber)?.type
      const type = note?.kind === 'message' ? references.of(note.message.fullName) : undefined
      return [
        `  static ${handler}(${type === undefined ? '' : `note: ${type} | null`}): $.Hearing {`,
        `    return $.Hearing.of('${fullName}', '${method.name}', '${method.answers}', ${type === undefined ? 'null' : 'note'})`,
        '  }',
      ]
    }),
    '}',
  ].join('\n')
}

function abstractHandlers(handlers: readonly Handler[]): readonly string[] {
  return handlers.map(
    ({ handler, request, reply }) => `  abstract ${handler}(request: ${request}, context: $.Context): ${reply} | null`,
  )
}

function nameCode({ fullName, methods }: ServiceType): readonly string[] {
  return [
    '  __name(): string {',
    `    return '${fullName}'`,
    '  }',
    '',
    '  __methods(): $.Method[] {',
    '    return [',
    ...[...methods.values()].map((method) => `      ${methodOf(method)},`),
    '    ]',
    '  }',
    '',
  ]
}

/** What test kits look at. A key is that of an entity's methods, which take one request. */
function methodOf(method: MethodType): string {
  const key = (method.clientStreaming ? [] : keyFields(method.input)).map(({ name, number, type, allowEmptyKey }) => {
    const scalar = type.kind === 'scalar' ? type.scalar : 'int32'
    return `new $.KeyField('${name}', ${number}, '${scalar}', ${allowEmptyKey})`
  })
  return `new $.Method('${method.name}', ${isStreamed(method)}, [${key.join(', ')}])`
}

function decideCode(handlers: readonly Handler[]): readonly string[] {
  return [
    '  __decide(method: $.Bytes, payload: $.Bytes, context: $.Context): void {',
    ...handlers.flatMap(({ method, handler, request }) => [
      `    if (method.is('${method.name}')) {`,
      `      const request = new ${request}()`,
      `      if (context.__reads(request, payload)) context.__answer(this.${handler}(request, context))`,
      '      return',
      '    }',
    ]),
    '    context.__unimplemented(this.__name(), method)',
    '  }',
  ]
}

function eventSourcedCode(
  schema: Schema,
  names: Names,
  service: ServiceType,
  own: readonly MessageType[],
  name: string,
  handlers: readonly Handler[],
  references: References,
  folding: FoldingClass[],
): string {
  const taken = new Set(handlers.map(({ handler }) => handler))
  // A request is no event: leaving them out saves their readers where nothing else needs them.
  const requests = new Set(handlers.map(({ method }) => method.input))
  const events = [...own, ...importedMessages(schema, names.fileOf, service)]
    .filter((message) => !requests.has(message))
    .map(({ fullName }) => ({
      fullName,
      type: references.of(fullName),
      fold: unique(`on${names.nameOf(fullName)}`, taken, modifiers),
    }))
  const folds = events.map(({ fullName, fold }) => ({ method: fold, event: fullName }))
  folding.push({ service: service.fullName, name, folds })
  return [
    `/** ${service.fullName}, event-sourced. Write a class that extends this one, with the message that is its state:`,
    ' *  a handler for each method, and for each event that it emits the `on...` that folds it. */',
    `export abstract class ${name}<S extends $.Message> extends $.EventSourced<S> {`,
    ...abstractHandlers(handlers),
    '',
    ...events.flatMap(({ fold, fullName, type }) => [
      `  ${fold}(event: ${type}): void {`,
      `    throw new Error('there is no ${fold} for the event ${fullName}')`,
      '  }',
      '',
    ]),
    ...nameCode(service),
    ...decideCode(handlers),
    '',
    '  __apply(event: $.Message): void {',
    ...events.map(({ fold, type }) => `    if (event instanceof ${type}) return this.${fold}(event as ${type})`),
    "    throw new Error('this service folds no ' + event.__typeName())",
    '  }',
    '',
    '  __replay(typeName: $.Bytes, data: $.Bytes): void {',
    ...events.map(
      ({ fold, fullName, type }) =>
        `    if (typeName.is('${fullName}')) return this.${fold}($.decodeEvent<${type}>(data))`,
    ),
    "    throw new Error('this service folds no ' + typeName.toString())",
    '  }',
    '}',
  ].join('\n')
}

function valueCode(service: ServiceType, name: string, handlers: readonly Handler[]): string {
  return [
    `/** ${service.fullName}, whose entities keep one value. Write a class that extends this one, with the message that is the`,
    ' *  value, and a handler for each method. */',
    `export abstract class ${name}<V extends $.Message> extends $.Value<V> {`,
    ...abstractHandlers(handlers),
    '',
    ...nameCode(service),
    ...decideCode(handlers),
    '}',
  ].join('\n')
}

function replicatedCode(service: ServiceType, name: string, handlers: readonly Handler[]): string {
  const streamed = handlers.filter(({ method }) => method.serverStreaming)
  return [
    `/** ${service.fullName}, replicated. Write a class that extends this one, with the kind of its value, and a handler for each`,
    ' *  method; for a streamed one also what its subscribers are told. */',
    `export abstract class ${name}<V extends $.View> extends $.Replicated<V> {`,
    ...abstractHandlers(handlers),
    ...streamed.flatMap(({ handler, request, reply }) => [
      '',
      '  /** After every change: what a subscriber is told, or null for nothing. `request` opened the stream. */',
      `  abstract ${handler}Changed(request: ${request}, context: $.Context): ${reply} | null`,
      '',
      '  /** The client has left: operations and effects count. */',
      `  ${handler}Cancelled(request: ${request}, context: $.Context): void {}`,
    ]),
    ...handlers.flatMap(({ handler, request }) => [
      '',
      '  /** Elements or keys to see, if the view of this method is dynamic. */',
      `  ${handler}Reads(request: ${request}): $.Bytes[] {`,
      '    return []',
      '  }',
    ]),
    '',
    ...nameCode(service),
    ...decideCode(handlers),
    '',
    '  __changed(method: $.Bytes, request: $.Bytes, context: $.Context): void {',
    ...streamed.flatMap(({ method, handler, request }) => [
      `    if (method.is('${method.name}'))`,
      `      return context.__tell(this.${handler}Changed($.decodeEvent<${request}>(request), context))`,
    ]),
    "    throw new Error('no such stream was opened')",
    '  }',
    '',
    '  __cancelled(method: $.Bytes, request: $.Bytes, context: $.Context): void {',
    ...streamed.flatMap(({ method, handler, request }) => [
      `    if (method.is('${method.name}'))`,
      `      return this.${handler}Cancelled($.decodeEvent<${request}>(request), context)`,
    ]),
    "    throw new Error('no such stream was opened')",
    '  }',
    '',
    '  __reads(method: $.Bytes, request: $.Bytes): $.Bytes[] {',
    // A request that cannot be read is refused by the decision that follows.
    ...handlers.flatMap(({ method, handler, request }) => [
      `    if (method.is('${method.name}')) {`,
      `      const decoded = new ${request}()`,
      `      return $.decode(decoded, request) === null ? this.${handler}Reads(decoded) : []`,
      '    }',
    ]),
    '    return []',
    '  }',
    '}',
  ].join('\n')
}

function actionCode(service: ServiceType, name: string, handlers: readonly Handler[]): string {
  const unary = handlers.filter(({ method }) => !isStreamed(method))
  const streamed = handlers.filter(({ method }) => isStreamed(method))
  const shape = ({ clientStreaming, serverStreaming }: MethodType): string =>
    clientStreaming ? (serverStreaming ? 'BidiStream' : 'ClientStream') : 'ServerStream'
  return [
    `/** ${service.fullName}, without state. Write a class that extends this one, and a handler for each method; that of a`,
    ' *  streamed one makes a new stream. */',
    `export abstract class ${name} extends $.Action {`,
    ...abstractHandlers(unary),
    ...streamed.flatMap(({ method, handler, request, reply }) => [
      `  /** A new $.${shape(method)}<${request}, ${reply}, ...>. */`,
      `  abstract ${handler}(): $.${shape(method)}Of<${request}, ${reply}>`,
    ]),
    '',
    ...nameCode(service),
    ...decideCode(unary),
    '',
    '  __stream(method: $.Bytes): $.Stream | null {',
    ...streamed.map(({ method, handler }) => `    if (method.is('${method.name}')) return this.${handler}()`),
    '    return null',
    '  }',
    '}',
  ].join('\n')
}

// C code: a checked schema becomes a header and a source for each .proto that the services reach, and component.c, which names
// the services and has the descriptors.
//
// C1. A message is a struct; reading and writing are straight-line code over the SDK's reader and writer. They follow proto3:
//     fields in the order of their numbers, packed, maps in ascending order of keys, unknown fields dropped.
// C2. What an author defines has a fixed name and type: the macro of the service's kind declares it. One that is missing is an
//     error of the linker with that name, one of another type an error of the compiler.
// C3. An identifier is `package_message`, with the last part of the package that is no version; the whole package where two
//     packages would share that. What is taken, or a word of C or C++, gets a `_`.
//
// Leaves to others: which files are reached (generate.ts), what runs (sdk/c).

import type {
  EnumType,
  Field,
  FieldType,
  FileType,
  MessageType,
  MethodType,
  Schema,
  ServiceType,
} from '../../schema/schema.ts'
import { isStreamed } from '../../schema/schema.ts'
import type { CScalar } from './c-scalars.ts'
import { cScalarOf } from './c-scalars.ts'
import type { GeneratedFile } from './generate.ts'
import { declared, importedMessages, reachedFiles } from './generate.ts'
import { namesOf } from './names.ts'

/** What ends a build with its name: a service that C code cannot say. */
export function generateC(schema: Schema, roots: readonly string[], descriptors: Uint8Array): readonly GeneratedFile[] {
  const names = namesOf(schema)
  const files = [...reachedFiles(schema, names, roots)]
  const c = new CNames(schema, files)
  return [
    ...files.flatMap((file) => [
      { path: headerPath(file), text: headerCode(schema, c, file) },
      { path: `${headerPath(file).slice(0, -1)}c`, text: sourceCode(schema, c, file) },
    ]),
    { path: 'component.c', text: componentCode(schema, c, files, roots, descriptors) },
  ]
}

function headerPath(file: FileType): string {
  return `${file.name.replace(/\.proto$/, '')}.h`
}

const keywords: ReadonlySet<string> = new Set(
  (
    'alignas alignof and and_eq asm auto bitand bitor bool break case catch char class compl const const_cast constexpr ' +
    'continue decltype default delete do double dynamic_cast else enum explicit export extern false float for friend goto if ' +
    'inline int long mutable namespace new noexcept not not_eq nullptr operator or or_eq private protected public register ' +
    'reinterpret_cast requires restrict return short signed sizeof static static_assert static_cast struct switch template ' +
    'this thread_local throw true try typedef typeid typename typeof union unsigned using virtual void volatile wchar_t while ' +
    'xor xor_eq NULL EOF errno stdin stdout stderr unix linux'
  ).split(' '),
)

function legal(name: string): string {
  return keywords.has(name) ? `${name}_` : name
}

/** `AddItemRequest` to `add_item_request`. */
export function snake(name: string): string {
  return name
    .replaceAll('.', '_')
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1_$2')
    .toLowerCase()
}

/** Identifiers: types of messages and enums, prefixes of services. */
class CNames {
  private readonly byFullName = new Map<string, string>()
  private readonly taken = new Set<string>()
  private readonly prefixes: ReadonlyMap<string, string>

  constructor(schema: Schema, files: readonly FileType[]) {
    this.prefixes = prefixesOf(files)
    for (const file of files) {
      const { messages, enums, services } = declared(schema, file)
      for (const { fullName } of [...messages, ...enums]) this.name(file, fullName, true)
      for (const { fullName } of services) this.byFullName.set(fullName, snake(this.local(file, fullName)))
    }
    // Two services of one name in different packages.
    const services = files.flatMap((file) => declared(schema, file).services.map((service) => ({ file, service })))
    const counts = new Map<string, number>()
    for (const { service } of services) {
      const name = this.of(service.fullName)
      counts.set(name, (counts.get(name) ?? 0) + 1)
    }
    for (const { file, service } of services) {
      const name = this.of(service.fullName)
      if (counts.get(name) !== 1) this.byFullName.set(service.fullName, `${this.prefixes.get(file.package)!}${name}`)
    }
  }

  of(fullName: string): string {
    const name = this.byFullName.get(fullName)
    if (name === undefined) throw new Error(`bug: ${fullName} has no name in C`)
    return name
  }

  /** A free identifier, for functions beside the types. */
  free(name: string): string {
    let free = name
    while (this.taken.has(free)) free += '_'
    return free
  }

  private name(file: FileType, fullName: string, take: boolean): void {
    let name = `${this.prefixes.get(file.package)!}${snake(this.local(file, fullName))}`
    while (this.taken.has(name) || keywords.has(name)) name += '_'
    if (take) this.taken.add(name)
    this.byFullName.set(fullName, name)
  }

  private local({ package: name }: FileType, fullName: string): string {
    return name === '' ? fullName : fullName.slice(name.length + 1)
  }
}

/** Of each package, with its `_`. */
function prefixesOf(files: readonly FileType[]): ReadonlyMap<string, string> {
  const packages = [...new Set(files.map((file) => file.package))]
  const short = (name: string): string => {
    const parts = name.split('.').filter((part) => !/^v\d+((alpha|beta)\d*)?$/.test(part))
    return snake(parts.at(-1) ?? name)
  }
  return new Map(
    packages.map((name) => {
      if (name === '') return [name, '']
      const isShared = packages.some((other) => other !== name && short(other) === short(name))
      return [name, `${isShared ? snake(name) : short(name)}_`]
    }),
  )
}

// Fields ---------------------------------------------------------------------------------------------------------------

/** Names of a message's members. */
interface Member {
  readonly field: Field
  readonly name: string
}

function membersOf({ fields }: MessageType): readonly Member[] {
  const taken = new Set<string>()
  return fields.map((field) => {
    let name = legal(field.name)
    while (taken.has(name)) name += '_'
    taken.add(name)
    return { field, name }
  })
}

function oneofsOf(message: MessageType): readonly string[] {
  return [...new Set(message.fields.flatMap(({ oneof }) => (oneof === undefined ? [] : [oneof])))]
}

function isOptional({ presence, oneof, type, repeated }: Field): boolean {
  return presence && oneof === undefined && type.kind !== 'message' && !repeated
}

function tagOf({ number }: Field, wireType: number): string {
  return `${((number << 3) | wireType) >>> 0}u`
}

function scalarOf(type: FieldType): CScalar | undefined {
  if (type.kind === 'scalar') return cScalarOf(type.scalar)
  return type.kind === 'enum' ? cScalarOf('enum') : undefined
}

function valueType(c: CNames, type: FieldType): string {
  if (type.kind === 'message') return c.of(type.message.fullName)
  return scalarOf(type)!.type
}

function arrayType(c: CNames, type: FieldType): string {
  return type.kind === 'message' ? `${c.of(type.message.fullName)}_array` : `${scalarOf(type)!.array}_array`
}

function constantOf(name: string): string {
  return name.toUpperCase()
}

// Header ---------------------------------------------------------------------------------------------------------------

function headerCode(schema: Schema, c: CNames, file: FileType): string {
  const { messages, enums, services } = declared(schema, file)
  const up = '../'.repeat(file.name.split('/').length - 1)
  const includes = includedFiles(schema, file).map((other) => `#include "${up}${headerPath(other)}"`)
  const blocks = [
    [
      `// Generated from ${file.name} by inn build. Do not edit: the next build overwrites it.`,
      '#pragma once',
      '#include "innkeeper.h"',
      ...includes,
    ],
    ['#ifdef __cplusplus', 'extern "C" {', '#endif'],
    ...enums.map((item) => enumCode(c, item)),
    messages.flatMap(({ fullName }) => {
      const name = c.of(fullName)
      return [
        `typedef struct ${name} ${name};`,
        `typedef struct ${name}_array {`,
        `  ${name} *items;`,
        '  size_t count, capacity;',
        `} ${name}_array;`,
      ]
    }),
    ...messages.flatMap((message) => structCode(c, message)),
    ...messages.map((message) => helpersCode(c, message)),
    ...services.map((service) => [
      `extern const ik_service ${c.of(service.fullName)}_service;`,
      ...callsCode(c, service),
    ]),
    ...services.filter((service) => hasEvents(service)).map((service) => eventsDeclared(schema, c, service)),
    ['#ifdef __cplusplus', '}', '#endif'],
    ...services.flatMap((service) => serviceMacros(schema, c, service)),
  ]
  return `${blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`
}

/** Files whose messages and enums this one's messages and methods use. */
function includedFiles(schema: Schema, file: FileType): readonly FileType[] {
  const names = namesOf(schema)
  const found = new Set<FileType>()
  const visit = (type: FieldType): void => {
    if (type.kind === 'message') found.add(names.fileOf(type.message.fullName))
    else if (type.kind === 'enum') found.add(names.fileOf(type.enum.fullName))
    else if (type.kind === 'map') visit(type.value)
  }
  const { messages, services } = declared(schema, file)
  for (const message of messages) for (const { type } of message.fields) visit(type)
  for (const service of services) {
    for (const { input, output } of service.methods.values()) {
      found.add(names.fileOf(input.fullName))
      found.add(names.fileOf(output.fullName))
    }
    for (const { fullName } of importedMessages(schema, names, service)) found.add(names.fileOf(fullName))
  }
  found.delete(file)
  return [...found]
}

function enumCode(c: CNames, { fullName, byName }: EnumType): readonly string[] {
  const name = c.of(fullName)
  const own = `${constantOf(snake(fullName.slice(fullName.lastIndexOf('.') + 1)))}_`
  // A value that says its enum already says it once.
  const prefix = constantOf(name).slice(0, constantOf(name).length - own.length + 1)
  const constants = [...byName].map(([value, number]) => {
    const constant = value.startsWith(own) ? `${prefix}${value}` : `${constantOf(name)}_${value}`
    return `  ${constant} = ${number},`
  })
  return [
    `// ${fullName}. Open: a newer sender may use a number that is not here.`,
    `typedef int32_t ${name};`,
    'enum {',
    ...constants,
    '};',
  ]
}

function structCode(c: CNames, message: MessageType): readonly (readonly string[])[] {
  const name = c.of(message.fullName)
  const members = membersOf(message)
  const blocks: (readonly string[])[] = []
  for (const { field } of members) {
    const { type } = field
    if (type.kind !== 'map') continue
    const entry = entryName(name, field)
    const value =
      type.value.kind === 'message' ? `${valueType(c, type.value)} *value` : `${valueType(c, type.value)} value`
    blocks.push([
      `typedef struct ${entry} {`,
      `  ${cScalarOf(type.key).type} key;`,
      `  ${value};`,
      `} ${entry};`,
      `typedef struct ${entry}_array {`,
      `  ${entry} *items;`,
      '  size_t count, capacity;',
      `} ${entry}_array;`,
    ])
  }
  for (const oneof of oneofsOf(message)) {
    const cases = message.fields.filter((field) => field.oneof === oneof)
    blocks.push([
      'enum {',
      `  ${constantOf(`${name}_${oneof}`)}_NONE = 0,`,
      ...cases.map((field) => `  ${caseOf(name, field)} = ${field.number},`),
      '};',
    ])
  }
  const lines = [`// ${message.fullName}`, `struct ${name} {`]
  const said = new Set<string>()
  for (const { field, name: member } of members) {
    const { type, oneof } = field
    if (oneof !== undefined) {
      if (said.has(oneof)) continue
      said.add(oneof)
      lines.push(`  int32_t ${oneof}_case;`, '  union {')
      for (const other of members.filter((one) => one.field.oneof === oneof)) {
        lines.push(`    ${single(c, other.field.type)}${other.name};`)
      }
      lines.push(`  } ${legal(oneof)};`)
    } else if (type.kind === 'map') lines.push(`  ${entryName(name, field)}_array ${member};`)
    else if (field.repeated) lines.push(`  ${arrayType(c, type)} ${member};`)
    else {
      if (isOptional(field)) lines.push(`  bool has_${field.name};`)
      lines.push(`  ${single(c, type)}${member};`)
    }
  }
  if (members.length === 0) lines.push('  uint8_t unused_;')
  lines.push('};')
  blocks.push(lines)
  return blocks
}

/** The type of a value, ready for a name to follow. */
function single(c: CNames, type: FieldType): string {
  return type.kind === 'message' ? `${valueType(c, type)} *` : `${valueType(c, type)} `
}

function entryName(message: string, field: Field): string {
  return `${message}_${field.name}_entry`
}

function caseOf(message: string, field: Field): string {
  return constantOf(`${message}_${field.name}`)
}

function helpersCode(c: CNames, message: MessageType): readonly string[] {
  const name = c.of(message.fullName)
  const lines = [
    `extern const ik_message_type ${name}_type;`,
    `void ${name}_write(ik_writer *writer, const void *message);`,
    `void ${name}_read(ik_reader *reader, void *message);`,
    `static inline ik_bytes ${name}_encode(const ${name} *message) {`,
    `  return ik_encode(&${name}_type, message);`,
    '}',
    `static inline const char *${name}_decode(ik_bytes bytes, ${name} *message) {`,
    `  return ik_decode(&${name}_type, bytes, message);`,
    '}',
    `static inline ${name} *${name}_new(void) {`,
    `  return (${name} *)ik_allocate_zeroed(sizeof(${name}));`,
    '}',
    `static inline void ${name}_detail(ik_context *context, const ${name} *message) {`,
    `  ik_detail(context, &${name}_type, message);`,
    '}',
  ]
  for (const { field, name: member } of membersOf(message)) {
    if (field.type.kind === 'map') lines.push(...mapHelpers(c, name, field, member))
    else if (field.repeated) lines.push(...arrayHelper(c, name, field, member))
  }
  return lines
}

function growth(member: string, type: string): readonly string[] {
  return [
    `  message->${member}.items = (${type} *)ik_grow(message->${member}.items, message->${member}.count,`,
    `                                     &message->${member}.capacity, sizeof(${type}));`,
  ]
}

function arrayHelper(c: CNames, name: string, field: Field, member: string): readonly string[] {
  const type = valueType(c, field.type)
  if (field.type.kind === 'message') {
    return [
      `static inline ${type} *${name}_add_${field.name}(${name} *message) {`,
      ...growth(member, type),
      `  ${type} *item = &message->${member}.items[message->${member}.count++];`,
      '  memset(item, 0, sizeof *item);',
      '  return item;',
      '}',
    ]
  }
  return [
    `static inline void ${name}_add_${field.name}(${name} *message, ${type} value) {`,
    ...growth(member, type),
    `  message->${member}.items[message->${member}.count++] = value;`,
    '}',
  ]
}

function mapHelpers(c: CNames, name: string, field: Field, member: string): readonly string[] {
  const { type } = field
  if (type.kind !== 'map') return []
  const entry = entryName(name, field)
  const key = cScalarOf(type.key)
  const isSame = key.array === 'ik_text' ? 'ik_equal(items[i].key, key)' : 'items[i].key == key'
  const value =
    type.value.kind === 'message' ? `${valueType(c, type.value)} *value` : `${valueType(c, type.value)} value`
  return [
    `static inline ${entry} *${name}_find_${field.name}(const ${name} *message, ${key.type} key) {`,
    `  ${entry} *items = message->${member}.items;`,
    `  for (size_t i = 0; i < message->${member}.count; i++)`,
    `    if (${isSame}) return &items[i];`,
    '  return NULL;',
    '}',
    `static inline void ${name}_put_${field.name}(${name} *message, ${key.type} key, ${value}) {`,
    `  ${entry} *entry = ${name}_find_${field.name}(message, key);`,
    '  if (entry == NULL) {',
    ...growth(member, entry).map((line) => `  ${line}`),
    `    entry = &message->${member}.items[message->${member}.count++];`,
    '    entry->key = key;',
    '  }',
    '  entry->value = value;',
    '}',
  ]
}

// Source ---------------------------------------------------------------------------------------------------------------

function sourceCode(schema: Schema, c: CNames, file: FileType): string {
  const { messages, services } = declared(schema, file)
  const blocks = [
    [
      `// Generated from ${file.name} by inn build. Do not edit: the next build overwrites it.`,
      `#include "${headerPath(file).split('/').at(-1)}"`,
    ],
    ...messages.flatMap((message) => [writeCode(c, message), readCode(c, message), typeCode(c, message)]),
    ...services.filter((service) => hasEvents(service)).map((service) => eventsCode(schema, c, service)),
  ]
  return `${blocks.map((lines) => lines.join('\n')).join('\n\n')}\n`
}

function typeCode(c: CNames, { fullName }: MessageType): readonly string[] {
  const name = c.of(fullName)
  return [`const ik_message_type ${name}_type = {"${fullName}", sizeof(${name}), ${name}_write, ${name}_read};`]
}

/** Statements that put a value with its tag before it. */
function put(c: CNames, type: FieldType, number: number, value: string, indent: string): readonly string[] {
  if (type.kind === 'message') {
    return [
      `${indent}size_t opened = ik_open(writer);`,
      `${indent}${valueType(c, type)}_write(writer, ${value});`,
      `${indent}ik_close(writer, ${((number << 3) | 2) >>> 0}u, opened);`,
    ]
  }
  const scalar = scalarOf(type)!
  return scalar.putField(value, `${((number << 3) | scalar.wireType) >>> 0}u`).map((line) => indent + line)
}

function writeCode(c: CNames, message: MessageType): readonly string[] {
  const name = c.of(message.fullName)
  const members = [...membersOf(message)].sort((a, b) => b.field.number - a.field.number)
  return [
    `void ${name}_write(ik_writer *writer, const void *message) {`,
    ...(members.length === 0
      ? ['  (void)writer;', '  (void)message;']
      : [`  const ${name} *m = (const ${name} *)message;`]),
    ...members.flatMap((member) => writeField(c, name, member)),
    '}',
  ]
}

function writeField(c: CNames, message: string, { field, name }: Member): readonly string[] {
  const { type, number, oneof } = field
  const value = oneof === undefined ? `m->${name}` : `m->${legal(oneof)}.${name}`
  if (type.kind === 'map') return writeMap(c, message, field, name)
  if (field.repeated) {
    const item = `${value}.items[i]`
    const loop = `for (size_t i = ${value}.count; i-- > 0;)`
    const scalar = scalarOf(type)
    if (!field.packed || scalar === undefined) {
      const target = type.kind === 'message' ? `&${item}` : item
      return [`  ${loop} {`, ...put(c, type, number, target, '    '), '  }']
    }
    return [
      `  if (${value}.count != 0) {`,
      '    size_t opened = ik_open(writer);',
      `    ${loop} ${scalar.put(item)};`,
      `    ik_close(writer, ${tagOf(field, 2)}, opened);`,
      '  }',
    ]
  }
  const isSet =
    oneof !== undefined
      ? `m->${oneof}_case == ${caseOf(message, field)}`
      : isOptional(field)
        ? `m->has_${field.name}`
        : type.kind === 'message'
          ? `${value} != NULL`
          : scalarOf(type)!.isSet(value)
  const lines = put(c, type, number, value, '    ')
  if (oneof !== undefined && type.kind === 'message') {
    // A case without a message is an empty one.
    return [
      `  if (${isSet}) {`,
      '    size_t opened = ik_open(writer);',
      `    if (${value} != NULL) ${valueType(c, type)}_write(writer, ${value});`,
      `    ik_close(writer, ${tagOf(field, 2)}, opened);`,
      '  }',
    ]
  }
  return [`  if (${isSet}) {`, ...lines, '  }']
}

function writeMap(c: CNames, message: string, field: Field, name: string): readonly string[] {
  const { type } = field
  if (type.kind !== 'map') return []
  const entry = entryName(message, field)
  const key = cScalarOf(type.key)
  const value =
    type.value.kind === 'message'
      ? [
          '      size_t inner = ik_open(writer);',
          `      if (entry->value != NULL) ${valueType(c, type.value)}_write(writer, entry->value);`,
          '      ik_close(writer, 18u, inner);',
        ]
      : put(c, type.value, 2, 'entry->value', '      ')
  return [
    `  if (m->${name}.count != 0) {`,
    `    size_t count = m->${name}.count;`,
    `    const void **sorted = ik_map_sorted(m->${name}.items, &count, sizeof(${entry}), ${key.order});`,
    '    while (count-- > 0) {',
    `      const ${entry} *entry = (const ${entry} *)sorted[count];`,
    '      size_t opened = ik_open(writer);',
    ...value,
    ...put(c, { kind: 'scalar', scalar: type.key }, 1, 'entry->key', '      '),
    `      ik_close(writer, ${tagOf(field, 2)}, opened);`,
    '    }',
    '  }',
  ]
}

function readCode(c: CNames, message: MessageType): readonly string[] {
  const name = c.of(message.fullName)
  const members = [...membersOf(message)].sort((a, b) => a.field.number - b.field.number)
  const maps = members.filter(({ field }) => field.type.kind === 'map')
  return [
    `void ${name}_read(ik_reader *reader, void *message) {`,
    members.length === 0 ? '  (void)message;' : `  ${name} *m = (${name} *)message;`,
    '  while (ik_more(reader)) {',
    '    uint32_t tag = ik_read_tag(reader);',
    '    switch (tag) {',
    ...members.flatMap((member) => readField(c, name, member)),
    '      default:',
    '        ik_skip(reader, tag);',
    '    }',
    '  }',
    ...maps.flatMap(({ field, name: member }) => {
      const entry = entryName(name, field)
      const order = field.type.kind === 'map' ? cScalarOf(field.type.key).order : ''
      return [
        `  m->${member}.items = (${entry} *)ik_map_settled(m->${member}.items, &m->${member}.count, &m->${member}.capacity,`,
        `                                     sizeof(${entry}), ${order});`,
      ]
    }),
    '}',
  ]
}

function readField(c: CNames, message: string, { field, name }: Member): readonly string[] {
  const { type, oneof } = field
  const value = oneof === undefined ? `m->${name}` : `m->${legal(oneof)}.${name}`
  const entered = (lines: readonly string[]): readonly string[] => [
    `      case ${tagOf(field, 2)}: {`,
    '        const uint8_t *outer = ik_enter(reader);',
    ...lines.map((line) => `        ${line}`),
    '        ik_leave(reader, outer);',
    '        break;',
    '      }',
  ]
  if (type.kind === 'map') return entered(readEntry(c, message, field, name))
  if (type.kind === 'message') {
    const inner = valueType(c, type)
    if (field.repeated) return entered([`${inner}_read(reader, ${message}_add_${field.name}(m));`])
    const isMissing = oneof === undefined ? `${value} == NULL` : `m->${oneof}_case != ${caseOf(message, field)}`
    // A second occurrence is merged into the first.
    return entered([
      `if (${isMissing}) ${value} = ${inner}_new();`,
      ...(oneof === undefined ? [] : [`m->${oneof}_case = ${caseOf(message, field)};`]),
      `${inner}_read(reader, ${value});`,
    ])
  }
  const scalar = scalarOf(type)!
  const one = `      case ${tagOf(field, scalar.wireType)}:`
  if (field.repeated) {
    const add = `${message}_add_${field.name}(m, ${scalar.read});`
    const unpacked = [one, `        ${add}`, '        break;']
    if (scalar.wireType === 2) return unpacked
    return [...unpacked, ...entered([`while (ik_more(reader)) ${add}`])]
  }
  return [
    one,
    `        ${value} = ${scalar.read};`,
    ...(oneof === undefined ? [] : [`        m->${oneof}_case = ${caseOf(message, field)};`]),
    ...(isOptional(field) ? [`        m->has_${field.name} = true;`] : []),
    '        break;',
  ]
}

function readEntry(c: CNames, message: string, field: Field, name: string): readonly string[] {
  const { type } = field
  if (type.kind !== 'map') return []
  const entry = entryName(message, field)
  const key = cScalarOf(type.key)
  const isMessage = type.value.kind === 'message'
  const inner = valueType(c, type.value)
  const value = isMessage
    ? [
        '  } else if (field == 18u) {',
        '    const uint8_t *around = ik_enter(reader);',
        `    ${inner}_read(reader, entry.value);`,
        '    ik_leave(reader, around);',
      ]
    : [
        `  } else if (field == ${(2 << 3) | scalarOf(type.value)!.wireType}u) {`,
        `    entry.value = ${scalarOf(type.value)!.read};`,
      ]
  return [
    `${entry} entry;`,
    'memset(&entry, 0, sizeof entry);',
    ...(isMessage ? [`entry.value = ${inner}_new();`] : []),
    'while (ik_more(reader)) {',
    '  uint32_t field = ik_read_tag(reader);',
    `  if (field == ${(1 << 3) | key.wireType}u) {`,
    `    entry.key = ${key.read};`,
    ...value,
    '  } else {',
    '    ik_skip(reader, field);',
    '  }',
    '}',
    `m->${name}.items = (${entry} *)ik_grow(m->${name}.items, m->${name}.count, &m->${name}.capacity, sizeof entry);`,
    `m->${name}.items[m->${name}.count++] = entry;`,
  ]
}

// Services -------------------------------------------------------------------------------------------------------------

function methodsOf(c: CNames, service: ServiceType) {
  const prefix = c.of(service.fullName)
  return [...service.methods.values()].map((method) => ({
    method,
    handler: c.free(`${prefix}_${snake(method.name)}`),
    request: c.of(method.input.fullName),
    reply: c.of(method.output.fullName),
  }))
}

function callsCode(c: CNames, service: ServiceType): readonly string[] {
  return methodsOf(c, service).flatMap(({ method, handler, request }) => [
    `static inline ik_call ${handler}_call(const ${request} *request) {`,
    `  return ik_call_of("${service.fullName}", "${method.name}", &${request}_type, request);`,
    '}',
  ])
}

/** Event-sourced and value services have no methods that stream. */
function hasEvents(service: ServiceType): boolean {
  return ![...service.methods.values()].some(isStreamed)
}

/** A request is no event: leaving them out saves their readers where nothing else needs them. */
function eventsOf(schema: Schema, c: CNames, service: ServiceType) {
  const names = namesOf(schema)
  const { messages } = declared(schema, names.fileOf(service.fullName))
  const requests = new Set([...service.methods.values()].map(({ input }) => input))
  const prefix = c.of(service.fullName)
  const taken = new Set<string>()
  return [...messages, ...importedMessages(schema, names, service)]
    .filter((message) => !requests.has(message))
    .map(({ fullName }) => {
      const file = names.fileOf(fullName)
      const local = snake(file.package === '' ? fullName : fullName.slice(file.package.length + 1))
      let name = local
      while (taken.has(name)) name += '_'
      taken.add(name)
      return { type: c.of(fullName), fold: c.free(`${prefix}_on_${name}`), emit: c.free(`${prefix}_emit_${name}`) }
    })
}

function eventsDeclared(schema: Schema, c: CNames, service: ServiceType): readonly string[] {
  return [
    `extern const ik_event ${c.of(service.fullName)}_events[${Math.max(1, eventsOf(schema, c, service).length)}];`,
  ]
}

/** Weak: what a service does not fold is null. */
function eventsCode(schema: Schema, c: CNames, service: ServiceType): readonly string[] {
  const events = eventsOf(schema, c, service)
  return [
    ...events.map(({ fold }) => `extern ik_fold ${fold} __attribute__((weak));`),
    `const ik_event ${c.of(service.fullName)}_events[${Math.max(1, events.length)}] = {`,
    ...events.map(({ type, fold }) => `  {&${type}_type, ${fold}},`),
    ...(events.length === 0 ? ['  {NULL, NULL},'] : []),
    '};',
  ]
}

type Method = ReturnType<typeof methodsOf>[number]

function serviceMacros(schema: Schema, c: CNames, service: ServiceType): readonly (readonly string[])[] {
  const methods = methodsOf(c, service)
  const macros: (readonly string[])[] = []
  if (hasEvents(service)) macros.push(eventSourcedMacro(schema, c, service, methods), valueMacro(c, service, methods))
  if (methods.every(({ method }) => !method.clientStreaming)) macros.push(replicatedMacro(c, service, methods))
  macros.push(actionMacro(c, service, methods))
  return macros
}

/** What an author writes, as a comment, and the macro that declares and gathers it. */
function macro(documentation: readonly string[], head: string, lines: readonly string[]): readonly string[] {
  return [
    ...documentation.map((line) => `// ${line}`),
    `#define ${head} \\`,
    ...lines.slice(0, -1).map((line) => `  ${line} \\`),
    `  ${lines.at(-1)}`,
  ]
}

/** A function that the service's table can have: the handler's own types are known here only. */
function thunk(name: string, call: string): string {
  return `static ik_answer ${name}_run(void *self, const void *request, void *reply, ik_context *context) { (void)self; (void)request; (void)reply; ${call} }`
}

interface Table {
  readonly kind: string
  readonly state: string
  readonly crdt: string
  readonly events: string
}

function table(
  service: ServiceType,
  name: string,
  rows: readonly string[],
  { kind, state, crdt, events }: Table,
): readonly string[] {
  return [`static const ik_method ${name}_methods[] = { \\`, ...rows.map((row) => `  ${row}, \\`), '};']
    .map((line) => line.replace(/ \\$/, ''))
    .concat([
      `const ik_service ${name}_service = {&ik_kind_${kind}, "${service.fullName}", ${state}, ${name}_methods, sizeof ${name}_methods / sizeof ${name}_methods[0], ${events}, ${crdt}, {.unused = 0, __VA_ARGS__}};`,
    ])
}

const noHandlers = 'NULL, NULL, NULL, NULL, NULL, NULL, NULL'

function eventSourcedMacro(
  schema: Schema,
  c: CNames,
  service: ServiceType,
  methods: readonly Method[],
): readonly string[] {
  const name = c.of(service.fullName)
  const events = eventsOf(schema, c, service)
  const prototypes = methods.map(
    ({ handler, request, reply }) =>
      `ik_answer ${handler}(const STATE *state, const ${request} *request, ${reply} *reply, ik_context *context);`,
  )
  const head = `${constantOf(name)}_EVENT_SOURCED(STATE, ...)`
  return macro(
    [
      `${service.fullName}, as an event-sourced service whose state is the message STATE. Define`,
      ...prototypes.map((line) => `  ${line}`),
      `and for each event that is emitted by \`${name}_emit_...(context, &event)\` the fold of that name, as in`,
      ...events.slice(0, 1).map(({ fold, type }) => `  void ${fold}(STATE *state, const ${type} *event);`),
    ],
    head,
    [
      ...prototypes.map((line) => `IK_EXTERN ${line}`),
      ...events.flatMap(({ fold, emit, type }) => [
        `IK_EXTERN void ${fold}(STATE *state, const ${type} *event);`,
        `static inline void ${fold}_run(void *state, const void *event) { ${fold}((STATE *)state, (const ${type} *)event); }`,
        `static inline void ${emit}(ik_context *context, const ${type} *event) { ik_emit_event(context, &${type}_type, event, ${fold}_run); }`,
      ]),
      ...methods.map(({ handler, request, reply }) =>
        thunk(
          handler,
          `return ${handler}((const STATE *)self, (const ${request} *)request, (${reply} *)reply, context);`,
        ),
      ),
      ...table(service, name, methods.map(unaryRow), {
        kind: 'event_sourced',
        state: '&STATE##_type',
        crdt: '0',
        events: `${name}_events, ${events.length}`,
      }),
    ],
  )
}

function unaryRow({ method, handler, request, reply }: Method): string {
  return `{"${method.name}", &${request}_type, &${reply}_type, IK_UNARY, ${handler}_run, ${noHandlers}}`
}

function valueMacro(c: CNames, service: ServiceType, methods: readonly Method[]): readonly string[] {
  const name = c.of(service.fullName)
  const prototypes = methods.map(
    ({ handler, request, reply }) =>
      `ik_answer ${handler}(const VALUE *value, const ${request} *request, ${reply} *reply, ik_context *context);`,
  )
  const update = c.free(`${name}_update`)
  return macro(
    [
      `${service.fullName}, as a service that keeps one value, the message VALUE; null where there is none. Define`,
      ...prototypes.map((line) => `  ${line}`),
      `They change it by \`${update}(context, &value)\` and \`ik_remove(context)\`.`,
    ],
    `${constantOf(name)}_VALUE(VALUE, ...)`,
    [
      ...prototypes.map((line) => `IK_EXTERN ${line}`),
      `static inline void ${update}(ik_context *context, const VALUE *value) { ik_update_value(context, value); }`,
      ...methods.map(({ handler, request, reply }) =>
        thunk(
          handler,
          `return ${handler}((const VALUE *)self, (const ${request} *)request, (${reply} *)reply, context);`,
        ),
      ),
      ...table(service, name, methods.map(unaryRow), {
        kind: 'value',
        state: '&VALUE##_type',
        crdt: '0',
        events: 'NULL, 0',
      }),
    ],
  )
}

/** A function that may be missing: it is then as if it said nothing. */
function optional(prototype: string): string {
  return `IK_EXTERN __attribute__((weak)) ${prototype}`
}

function replicatedMacro(c: CNames, service: ServiceType, methods: readonly Method[]): readonly string[] {
  const name = c.of(service.fullName)
  const handlers = methods.map(({ method, handler, request, reply }) => ({
    isStreamed: method.serverStreaming,
    handler,
    request,
    reply,
    decide: `ik_answer ${handler}(ik_view view, const ${request} *request, ${reply} *reply, ik_context *context);`,
    changed: `ik_answer ${handler}_changed(ik_view view, const ${request} *request, ${reply} *reply, ik_context *context);`,
    cancelled: `void ${handler}_cancelled(ik_view view, const ${request} *request, ik_context *context);`,
    reads: `void ${handler}_reads(const ${request} *request, ik_context *context);`,
  }))
  const row = ({ method, handler, request, reply }: Method): string => {
    const streams = method.serverStreaming
      ? `IK_SERVER_STREAM, ${handler}_run, ${handler}_changed_run, ${handler}_cancelled_run`
      : `IK_UNARY, ${handler}_run, NULL, NULL`
    return `{"${method.name}", &${request}_type, &${reply}_type, ${streams}, ${handler}_reads_run, NULL, NULL, NULL, NULL}`
  }
  return macro(
    [
      `${service.fullName}, as a replicated service; KIND says of what, as IK_OR_MAP does. Define`,
      ...handlers.flatMap(({ isStreamed: streams, decide, changed, cancelled }) =>
        streams ? [`  ${decide}`, `  ${changed}`, `  ${cancelled} (may be left out)`] : [`  ${decide}`],
      ),
      'and for each method whose view is declared dynamic (`views`)',
      ...handlers.slice(0, 1).map(({ reads }) => `  ${reads}`),
    ],
    `${constantOf(name)}_REPLICATED(KIND, ...)`,
    [
      ...handlers.flatMap(({ isStreamed: streams, handler, request, reply, decide, changed, cancelled, reads }) => [
        `IK_EXTERN ${decide}`,
        optional(reads),
        thunk(
          handler,
          `return ${handler}(*(const ik_view *)self, (const ${request} *)request, (${reply} *)reply, context);`,
        ),
        thunk(
          `${handler}_reads`,
          `if (${handler}_reads) ${handler}_reads((const ${request} *)request, context); return IK_SILENT;`,
        ),
        ...(streams
          ? [
              `IK_EXTERN ${changed}`,
              optional(cancelled),
              thunk(
                `${handler}_changed`,
                `return ${handler}_changed(*(const ik_view *)self, (const ${request} *)request, (${reply} *)reply, context);`,
              ),
              thunk(
                `${handler}_cancelled`,
                `if (${handler}_cancelled) ${handler}_cancelled(*(const ik_view *)self, (const ${request} *)request, context); return IK_SILENT;`,
              ),
            ]
          : []),
      ]),
      ...table(service, name, methods.map(row), { kind: 'replicated', state: 'NULL', crdt: 'KIND', events: 'NULL, 0' }),
    ],
  )
}

interface Part {
  readonly prototype: string
  readonly isOptional: boolean
  readonly thunk: string
}

/** The functions of a stream, in the order of a row: handle, start, next, end, cancelled. */
function streamParts({ method, handler, request, reply }: Method, state: string): Readonly<Record<string, Part>> {
  const part = (name: string, given: readonly string[], isOptional: boolean, otherwise = 'return IK_SILENT;'): Part => {
    const parameters = [`${state} *state`, ...given, 'ik_context *context'].join(', ')
    const passed = [
      `(${state} *)self`,
      ...given.map((one) => (one.startsWith('const') ? `(const ${request} *)request` : `(${reply} *)reply`)),
      'context',
    ].join(', ')
    const full = `${handler}_${name}`
    return {
      prototype: `ik_answer ${full}(${parameters});`,
      isOptional,
      thunk: thunk(
        full,
        isOptional ? `if (${full}) return ${full}(${passed}); ${otherwise}` : `return ${full}(${passed});`,
      ),
    }
  }
  const asked = `const ${request} *request`
  const answered = `${reply} *reply`
  const noNext = `ik_fault("${handler} asks for more, but has no ${handler}_next");`
  const cancelled = part('cancelled', [], true)
  const nothing = part('next', [], true, noNext)
  if (method.clientStreaming && method.serverStreaming) {
    return {
      start: part('start', [], true),
      item: part('item', [asked], false),
      next: nothing,
      end: part('end', [], true),
      cancelled,
    }
  }
  if (method.clientStreaming) {
    return {
      start: part('start', [], true),
      item: part('item', [asked, answered], false),
      end: part('end', [answered], false),
      cancelled,
    }
  }
  return { start: part('start', [asked], false), next: part('next', [], false), cancelled }
}

function shapeOf({ clientStreaming, serverStreaming }: MethodType): string {
  if (clientStreaming) return serverStreaming ? 'IK_BIDI' : 'IK_CLIENT_STREAM'
  return serverStreaming ? 'IK_SERVER_STREAM' : 'IK_UNARY'
}

function actionMacro(c: CNames, service: ServiceType, methods: readonly Method[]): readonly string[] {
  const name = c.of(service.fullName)
  const streamed = methods.filter(({ method }) => isStreamed(method))
  const stateOf = ({ method }: Method): string => `${constantOf(snake(method.name))}_STATE`
  const documentation: string[] = []
  const lines: string[] = []
  const rows: string[] = []
  for (const one of methods) {
    const { method, handler, request, reply } = one
    if (!isStreamed(method)) {
      const prototype = `ik_answer ${handler}(const ${request} *request, ${reply} *reply, ik_context *context);`
      documentation.push(`  ${prototype}`)
      lines.push(
        `IK_EXTERN ${prototype}`,
        thunk(handler, `return ${handler}((const ${request} *)request, (${reply} *)reply, context);`),
      )
      rows.push(unaryRow(one))
      continue
    }
    const parts = streamParts(one, stateOf(one))
    for (const { prototype, isOptional: mayBeMissing, thunk: run } of Object.values(parts)) {
      documentation.push(`  ${prototype}${mayBeMissing ? ' (may be left out)' : ''}`)
      lines.push(mayBeMissing ? optional(prototype) : `IK_EXTERN ${prototype}`, run)
    }
    if (method.serverStreaming) {
      lines.push(
        `static inline void ${handler}_emit(ik_context *context, const ${reply} *element) { ik_emit_element(context, element); }`,
      )
    }
    const run = (part: string): string => (parts[part] === undefined ? 'NULL' : `${handler}_${part}_run`)
    rows.push(
      `{"${method.name}", &${request}_type, &${reply}_type, ${shapeOf(method)}, ${run('item')}, NULL, ${run('cancelled')}, NULL, &${stateOf(one)}##_type, ${run('start')}, ${run('next')}, ${run('end')}}`,
    )
  }
  const states = streamed.map(stateOf)
  return macro(
    [
      `${service.fullName}, as a service without state.${states.length === 0 ? '' : ' ..._STATE: the message that a stream keeps, or ik_nothing.'} Define`,
      ...documentation,
    ],
    `${constantOf(name)}_ACTION(${[...states, '...'].join(', ')})`,
    [...lines, ...table(service, name, rows, { kind: 'action', state: 'NULL', crdt: '0', events: 'NULL, 0' })],
  )
}

function componentCode(
  schema: Schema,
  c: CNames,
  files: readonly FileType[],
  roots: readonly string[],
  descriptors: Uint8Array,
): string {
  const services = files
    .filter(({ name }) => roots.includes(name))
    .flatMap((file) => declared(schema, file).services.map(({ fullName }) => `${c.of(fullName)}_service`))
  const rows: string[] = []
  for (let at = 0; at < descriptors.length; at += 32) rows.push(`  ${descriptors.subarray(at, at + 32).join(',')},`)
  return [
    '// Generated by inn build. Do not edit: the next build overwrites it.',
    '// The services of the component, and a google.protobuf.FileDescriptorSet of their files.',
    '#include "innkeeper.h"',
    '',
    ...services.map((service) => `extern const ik_service ${service} __attribute__((weak));`),
    `const ik_service *const ik_services[] = {${services.length === 0 ? 'NULL' : services.map((service) => `&${service}`).join(', ')}};`,
    `const size_t ik_service_count = ${services.length};`,
    '',
    'const uint8_t ik_descriptors[] = {',
    ...rows,
    '};',
    'const size_t ik_descriptors_length = sizeof ik_descriptors;',
    '',
  ].join('\n')
}

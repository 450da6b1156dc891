// Messages in C: a struct, functions beside it, and straight-line code over the SDK's reader and writer.
//
// C1. Reading and writing follow proto3: fields in the order of their numbers, packed, maps in ascending order of keys, unknown
//     fields dropped. What is written is written from the end (ik_writer): last fields and elements first.

import type { EnumType, Field, FieldType, MessageType } from '../../../../host/schema/schema.ts'
import type { CNames } from './names.ts'
import { constantOf, legal, snake } from './names.ts'
import type { CScalar } from './scalars.ts'
import { cScalarOf } from './scalars.ts'

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

export function enumCode(c: CNames, { fullName, byName }: EnumType): readonly string[] {
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

export function structCode(c: CNames, message: MessageType): readonly (readonly string[])[] {
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

export function helpersCode(c: CNames, message: MessageType): readonly string[] {
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

export function typeCode(c: CNames, { fullName }: MessageType): readonly string[] {
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

export function writeCode(c: CNames, message: MessageType): readonly string[] {
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

export function readCode(c: CNames, message: MessageType): readonly string[] {
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

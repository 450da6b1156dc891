// Go code: a checked schema becomes one Go package, a file for each .proto that the services reach: a struct for each message,
// with methods that read and write it, and for each service what a handler of each kind must have, and calls of it.
//
// O1. A missing handler, or one with another request or reply, is a compile error: handlers are interfaces.
// O2. Reading and writing follow proto3 as the TypeScript code does (message.G1 and G2), with straight-line code and without
//     reflection; maps are written in ascending order of their keys, an entry always with key and value.
// O3. Structs, oneofs, enums and getters have the names and shapes of protoc-gen-go, so what authors know of it holds.
//
// Leaves to others: identifiers (names.ts), what is read and written with (sdk/go/wire), the kinds of services (sdk/go).

import { keyFields } from '../../../../host/schema/entity-key.ts'
import type {
  EnumType,
  Field,
  FieldType,
  FileType,
  MessageType,
  MethodType,
  ServiceType,
} from '../../../../host/schema/schema.ts'
import { isStreamed, type Schema } from '../../../../host/schema/schema.ts'
import type { GeneratedFile } from '../../codegen/generate.ts'
import { declared, reachedFiles } from '../../codegen/generate.ts'
import { scalarCode, scalarOf } from '../../codegen/scalars.ts'
import type { Names } from './names.ts'
import { camelCase, goNames } from './names.ts'

/** @param packageName of the generated package. */
export function generateGo(schema: Schema, roots: readonly string[], packageName: string): readonly GeneratedFile[] {
  const reached = [...reachedFiles(schema, roots)]
  // The author's own names come first.
  const files = [
    ...reached.filter(({ name }) => roots.includes(name)),
    ...reached.filter(({ name }) => !roots.includes(name)),
  ]
  const names = goNames(
    schema,
    files,
    kindsCode.map(({ name }) => name),
  )
  const requests = requestsOf(schema, files)
  return files.map((file) => ({
    path: fileName(file),
    text: fileCode(schema, file, names, requests, packageName),
  }))
}

/** `orders/v1/orders.proto` to `orders_v1_orders_proto.go`: no ending that Go takes for a condition. */
function fileName({ name }: FileType): string {
  return `${name
    .replace(/\.proto$/, '')
    .replace(/[^A-Za-z0-9]/g, '_')
    .replace(/^_+/, '')}_proto.go`
}

/** Messages that are asked: of them a replicated service reads the element that its view names. */
function requestsOf(schema: Schema, files: readonly FileType[]): ReadonlySet<MessageType> {
  const requests = new Set<MessageType>()
  for (const file of files) {
    for (const { methods } of declared(schema, file).services) {
      for (const { input, clientStreaming } of methods.values()) if (!clientStreaming) requests.add(input)
    }
  }
  return requests
}

function fileCode(
  schema: Schema,
  file: FileType,
  names: Names,
  requests: ReadonlySet<MessageType>,
  packageName: string,
): string {
  const { messages, enums, services } = declared(schema, file)
  const blocks = [
    ...enums.map((item) => enumCode(item, names)),
    ...messages.map((message) => messageCode(message, names, requests.has(message))),
    ...services.flatMap((service) => serviceCode(service, names)),
  ]
  const used = [
    ...(services.length === 0 ? [] : ['innkeeper']),
    ...kindsCode
      .filter((kind) => services.some((service) => fits(kind, service)))
      .map(({ package: name }) => `innkeeper/${name}`)
      .sort(),
    ...(messages.length + services.length === 0 ? [] : ['innkeeper/wire']),
  ]
  return [
    `// Code generated from ${file.name} by inn build. DO NOT EDIT: the next build overwrites it.`,
    '',
    `package ${packageName}`,
    ...(used.length === 0 ? [] : ['', 'import (', ...used.map((path) => `\t"${path}"`), ')']),
    '',
    ...blocks.flatMap((block) => [block, '']),
  ].join('\n')
}

function enumCode({ fullName, byName }: EnumType, names: Names): string {
  const name = names.get(fullName)!
  const valueName = (value: string): string => names.get(`${fullName}.${value}`)!
  const width = Math.max(0, ...[...byName.keys()].map((value) => valueName(value).length))
  const values = [...byName].map(([value, number]) => `\t${valueName(value).padEnd(width)} ${name} = ${number}`)
  return [
    `// ${name} is ${fullName}. Open: a newer sender may use a number that is not here.`,
    `type ${name} int32`,
    '',
    'const (',
    ...values,
    ')',
  ].join('\n')
}

/** A field of the struct: a field, or a oneof with its members. */
interface Slot {
  readonly name: string
  readonly fields: readonly Field[]
  /** Name of the interface type of a oneof. */
  readonly oneof: string | undefined
}

interface Shape {
  readonly message: MessageType
  readonly name: string
  readonly slots: readonly Slot[]
  readonly names: Names
  /** Name of a member's struct and of its one field. */
  readonly wrapper: (field: Field) => readonly [type: string, field: string]
}

const methodNames = ['ProtoName', 'ProtoNew', 'ProtoAppend', 'ProtoRead', 'ProtoElement']

function shapeOf(message: MessageType, names: Names): Shape {
  const name = names.get(message.fullName)!
  const taken = new Set(methodNames)
  const give = (wanted: string): string => {
    let free = camelCase(wanted)
    while (taken.has(free) || taken.has(`Get${free}`)) free += '_'
    taken.add(free)
    taken.add(`Get${free}`)
    return free
  }
  const oneofs = new Map<string, Field[]>()
  const members = new Map<Field, string>()
  const slots: Slot[] = []
  for (const field of message.fields) {
    if (field.oneof === undefined) {
      slots.push({ name: give(field.name), fields: [field], oneof: undefined })
      continue
    }
    const known = oneofs.get(field.oneof)
    if (known === undefined) {
      const fields = [field]
      oneofs.set(field.oneof, fields)
      slots.push({ name: give(field.oneof), fields, oneof: `is${name}_${camelCase(field.oneof)}` })
    } else known.push(field)
    // The getter of a member is the message's.
    members.set(field, give(field.name))
  }
  return {
    message,
    name,
    slots,
    names,
    wrapper: (field) => [names.get(`${message.fullName}.${field.name}`)!, members.get(field)!],
  }
}

function messageCode(message: MessageType, names: Names, asked: boolean): string {
  const shape = shapeOf(message, names)
  const blocks = [
    structCode(shape),
    ...shape.slots.filter(({ oneof }) => oneof !== undefined).map((slot) => oneofCode(shape, slot)),
    [
      `func (*${shape.name}) ProtoName() string { return "${message.fullName}" }`,
      '',
      `func (*${shape.name}) ProtoNew() *${shape.name} { return new(${shape.name}) }`,
    ].join('\n'),
    appendCode(shape),
    readCode(shape),
    ...(asked ? [elementCode(shape)] : []),
    ...shape.slots.flatMap((slot) => gettersCode(shape, slot)),
  ]
  return blocks.join('\n\n')
}

function structCode({ message, name, slots, names }: Shape): string {
  const width = Math.max(0, ...slots.map((slot) => slot.name.length))
  const lines = slots.map((slot) => `\t${slot.name.padEnd(width)} ${slot.oneof ?? fieldType(slot.fields[0]!, names)}`)
  const head = `// ${name} is ${message.fullName}.`
  return lines.length === 0
    ? `${head}\ntype ${name} struct{}`
    : [head, `type ${name} struct {`, ...lines, '}'].join('\n')
}

function oneofCode({ names, wrapper }: Shape, { fields, oneof }: Slot): string {
  return [
    `type ${oneof} interface{ ${oneof}() }`,
    ...fields.flatMap((field) => {
      const [type, member] = wrapper(field)
      return [
        '',
        `type ${type} struct{ ${member} ${singleType(field.type, names)} }`,
        '',
        `func (*${type}) ${oneof}() {}`,
      ]
    }),
  ].join('\n')
}

const scalarTypes = {
  double: 'float64',
  float: 'float32',
  int32: 'int32',
  sint32: 'int32',
  sfixed32: 'int32',
  uint32: 'uint32',
  fixed32: 'uint32',
  int64: 'int64',
  sint64: 'int64',
  sfixed64: 'int64',
  uint64: 'uint64',
  fixed64: 'uint64',
  bool: 'bool',
  string: 'string',
  bytes: '[]byte',
} as const

function singleType(type: FieldType, names: Names): string {
  if (type.kind === 'scalar') return scalarTypes[type.scalar]
  if (type.kind === 'enum') return names.get(type.enum.fullName)!
  if (type.kind === 'message') return `*${names.get(type.message.fullName)}`
  return `map[${scalarTypes[type.key]}]${singleType(type.value, names)}`
}

/** A pointer where a scalar may be unset; bytes are unset where they are nil. */
function fieldType(field: Field, names: Names): string {
  const single = singleType(field.type, names)
  if (field.repeated) return `[]${single}`
  return isPointer(field) ? `*${single}` : single
}

function isPointer({ type, presence, oneof }: Field): boolean {
  return presence && oneof === undefined && scalarOf(type) !== undefined && scalarOf(type) !== 'bytes'
}

function zeroOf(type: FieldType): string {
  const scalar = scalarOf(type)
  if (scalar === undefined || scalar === 'bytes') return 'nil'
  return scalar === 'bool' ? 'false' : scalar === 'string' ? '""' : '0'
}

const indent = (lines: readonly string[]): readonly string[] => lines.map((line) => (line === '' ? line : `\t${line}`))

function appendCode({ message, name, slots, wrapper }: Shape): string {
  const slotOf = new Map(slots.flatMap((slot) => slot.fields.map((field) => [field, slot] as const)))
  const ordered = [...message.fields].sort((a, b) => a.number - b.number)
  const lines = ordered.flatMap((field) => {
    const { name: property, oneof } = slotOf.get(field)!
    if (oneof === undefined) return appendField(field, `m.${property}`)
    const [type, member] = wrapper(field)
    return [`if one, is := m.${property}.(*${type}); is {`, ...indent(appendSingle(field, `one.${member}`)), '}']
  })
  const receiver = lines.length === 0 ? `*${name}` : `m *${name}`
  return [`func (${receiver}) ProtoAppend(b []byte) []byte {`, ...indent(lines), '\treturn b', '}'].join('\n')
}

function appendField(field: Field, value: string): readonly string[] {
  const { type, repeated, packed, presence } = field
  if (type.kind === 'map') {
    const sorted = type.key === 'bool' ? 'SortedBools' : 'SortedKeys'
    return [
      `for _, key := range wire.${sorted}(${value}) {`,
      ...indent(
        embedded(field.number, 'entry', [
          ...appendTyped({ kind: 'scalar', scalar: type.key }, 1, 'key'),
          ...appendTyped(type.value, 2, `${value}[key]`),
        ]),
      ),
      '}',
    ]
  }
  if (repeated && packed) {
    const each = `b = wire.Append${method(type)}(b, ${castOf(type, 'item')})`
    const list = embedded(field.number, 'start', [`for _, item := range ${value} {`, `\t${each}`, '}'])
    return [`if len(${value}) > 0 {`, ...indent(list), '}']
  }
  if (repeated) return [`for _, item := range ${value} {`, ...indent(appendSingle(field, 'item')), '}']
  const inner = appendSingle(field, isPointer(field) ? `*${value}` : value)
  return [`if ${presence ? `${value} != nil` : isSet(type, value)} {`, ...indent(inner), '}']
}

function appendSingle(field: Field, value: string): readonly string[] {
  return appendTyped(field.type, field.number, value)
}

function appendTyped(type: FieldType, number: number, value: string): readonly string[] {
  if (type.kind === 'message') {
    return embedded(number, 'start', [`b = ${value}.ProtoAppend(b)`])
  }
  const tag = tagBytes(number, scalarCode(scalarOf(type)!).wireType)
  return [`b = append(b, ${tag.join(', ')})`, `b = wire.Append${method(type)}(b, ${castOf(type, value)})`]
}

/** A length-delimited field: the 0 is room for the length. */
function embedded(number: number, start: string, inner: readonly string[]): readonly string[] {
  return [
    `b = append(b, ${tagBytes(number, 2).join(', ')}, 0)`,
    `${start} := len(b)`,
    ...inner,
    `b = wire.Close(b, ${start})`,
  ]
}

/** Of Reader, and behind Append. */
function method(type: FieldType): string {
  const scalar = scalarOf(type)!
  if (scalar === 'enum') return 'Int32'
  return scalar.charAt(0).toUpperCase() + scalar.slice(1)
}

function castOf(type: FieldType, value: string): string {
  return type.kind === 'enum' ? `int32(${value})` : value
}

/** An expression that is true if the value must be written where zero is left out. */
function isSet(type: FieldType, value: string): string {
  switch (scalarOf(type)) {
    case 'bool':
      return value
    case 'string':
      return `${value} != ""`
    case 'bytes':
      return `len(${value}) > 0`
    case 'double':
      return `!wire.IsZero64(${value})`
    case 'float':
      return `!wire.IsZero32(${value})`
    default:
      return `${value} != 0`
  }
}

function tagOf(number: number, wireType: number): number {
  return ((number << 3) | wireType) >>> 0
}

function tagBytes(number: number, wireType: number): readonly string[] {
  const bytes: string[] = []
  for (let rest = tagOf(number, wireType); ; rest >>>= 7) {
    bytes.push(`0x${(rest > 127 ? (rest & 127) | 128 : rest).toString(16).padStart(2, '0')}`)
    if (rest <= 127) return bytes
  }
}

function readCode(shape: Shape): string {
  const cases = shape.slots.flatMap((slot) => slot.fields.flatMap((field) => readCases(shape, slot, field)))
  const receiver = shape.message.fields.length === 0 ? `*${shape.name}` : `m *${shape.name}`
  const body =
    cases.length === 0
      ? ['r.Skip(r.Tag())']
      : ['switch tag := r.Tag(); tag {', ...cases, 'default:', '\tr.Skip(tag)', '}']
  return [
    `func (${receiver}) ProtoRead(r *wire.Reader) {`,
    '\tfor r.More() {',
    ...indent(indent(body)),
    '\t}',
    '}',
  ].join('\n')
}

function readCases({ names, wrapper }: Shape, slot: Slot, field: Field): readonly string[] {
  const { type, number, repeated } = field
  const target = `m.${slot.name}`
  if (type.kind === 'map') return [`case ${tagOf(number, 2)}:`, ...indent(readEntry(target, type, names))]
  if (type.kind === 'message') {
    const made = `new(${names.get(type.message.fullName)})`
    if (repeated) {
      return [
        `case ${tagOf(number, 2)}:`,
        ...indent([`item := ${made}`, ...entered('item'), `${target} = append(${target}, item)`]),
      ]
    }
    if (slot.oneof !== undefined) {
      const [wrapping, member] = wrapper(field)
      // A second occurrence merges into the first.
      return [
        `case ${tagOf(number, 2)}:`,
        ...indent([
          `one, is := ${target}.(*${wrapping})`,
          'if !is {',
          `\tone = &${wrapping}{${made}}`,
          `\t${target} = one`,
          '}',
          ...entered(`one.${member}`),
        ]),
      ]
    }
    return [
      `case ${tagOf(number, 2)}:`,
      ...indent([`if ${target} == nil {`, `\t${target} = ${made}`, '}', ...entered(target)]),
    ]
  }
  const { wireType } = scalarCode(scalarOf(type)!)
  const read = readExpression(type, names)
  const one = `case ${tagOf(number, wireType)}:`
  if (slot.oneof !== undefined) return [one, `\t${target} = &${wrapper(field)[0]}{${read}}`]
  if (isPointer(field)) return [one, `\tvalue := ${read}`, `\t${target} = &value`]
  if (!repeated) return [one, `\t${target} = ${read}`]
  const push = `${target} = append(${target}, ${read})`
  if (wireType === 2) return [one, `\t${push}`]
  return [
    one,
    `\t${push}`,
    `case ${tagOf(number, 2)}:`,
    ...indent(['outer := r.Enter()', 'for r.More() {', `\t${push}`, '}', 'r.Leave(outer)']),
  ]
}

function entered(value: string): readonly string[] {
  return ['outer := r.Enter()', `${value}.ProtoRead(r)`, 'r.Leave(outer)']
}

function readExpression(type: FieldType, names: Names): string {
  const read = `r.${method(type)}()`
  return type.kind === 'enum' ? `${names.get(type.enum.fullName)}(${read})` : read
}

function readEntry(target: string, type: Extract<FieldType, { kind: 'map' }>, names: Names): readonly string[] {
  const { key, value } = type
  const keyType: FieldType = { kind: 'scalar', scalar: key }
  const keyTag = tagOf(1, scalarCode(key).wireType)
  const valueType = singleType(value, names)
  const isMessage = value.kind === 'message'
  const made = isMessage ? `new(${names.get(value.message.fullName)})` : undefined
  const valueCase = isMessage
    ? // The outer one is the entry's.
      [`case ${tagOf(2, 2)}:`, ...indent(['inner := r.Enter()', 'content.ProtoRead(r)', 'r.Leave(inner)'])]
    : [`case ${tagOf(2, scalarCode(scalarOf(value)!).wireType)}:`, `\tcontent = ${readExpression(value, names)}`]
  return [
    `var key ${scalarTypes[key]}`,
    made === undefined ? `var content ${valueType}` : `content := ${made}`,
    'outer := r.Enter()',
    'for r.More() {',
    ...indent([
      'switch tag := r.Tag(); tag {',
      `case ${keyTag}:`,
      `\tkey = ${readExpression(keyType, names)}`,
      ...valueCase,
      'default:',
      '\tr.Skip(tag)',
      '}',
    ]),
    '}',
    'r.Leave(outer)',
    `if ${target} == nil {`,
    `\t${target} = make(map[${scalarTypes[key]}]${valueType})`,
    '}',
    `${target}[key] = content`,
  ]
}

/** The element or key of a replicated value that a field names: a scalar is the message that has it as field 1. */
function elementCode({ name, slots }: Shape): string {
  const cases = slots.flatMap(({ name: property, fields: [field], oneof }) => {
    if (oneof !== undefined || field === undefined || field.repeated || field.type.kind === 'map') return []
    const value = `m.${property}`
    const one: Field = { ...field, number: 1 }
    if (field.type.kind === 'message') {
      return [
        `case "${field.name}":`,
        `\tif ${value} != nil {`,
        `\t\tb = ${value}.ProtoAppend(b)`,
        '\t}',
        '\treturn b, true',
      ]
    }
    // A default has no bytes, be it set or not.
    const lines = isPointer(field)
      ? [`if ${value} != nil && ${isSet(field.type, `*${value}`)} {`, ...indent(appendSingle(one, `*${value}`)), '}']
      : [`if ${isSet(field.type, value)} {`, ...indent(appendSingle(one, value)), '}']
    return [`case "${field.name}":`, ...indent(lines), '\treturn b, true']
  })
  const receiver = cases.length === 0 ? `*${name}` : `m *${name}`
  const parameter = cases.length === 0 ? 'string' : 'field string'
  return [
    `func (${receiver}) ProtoElement(${parameter}) (b []byte, has bool) {`,
    ...(cases.length === 0 ? [] : ['\tswitch field {', ...indent(cases), '\t}']),
    '\treturn nil, false',
    '}',
  ].join('\n')
}

/** Reading through what is not there gives defaults. */
function gettersCode({ name, names, wrapper }: Shape, slot: Slot): readonly string[] {
  const getter = (getName: string, type: string, condition: string, value: string, otherwise: string): string =>
    [
      `func (m *${name}) Get${getName}() ${type} {`,
      `\tif ${condition} {`,
      `\t\treturn ${value}`,
      '\t}',
      `\treturn ${otherwise}`,
      '}',
    ].join('\n')
  if (slot.oneof !== undefined) {
    return [
      getter(slot.name, slot.oneof, 'm != nil', `m.${slot.name}`, 'nil'),
      ...slot.fields.map((field) => {
        const [type, member] = wrapper(field)
        const condition = `one, is := m.Get${slot.name}().(*${type}); is`
        return getter(member, singleType(field.type, names), condition, `one.${member}`, zeroOf(field.type))
      }),
    ]
  }
  const [field] = slot.fields
  const value = `m.${slot.name}`
  if (isPointer(field!)) {
    return [
      getter(
        slot.name,
        singleType(field!.type, names),
        `m != nil && ${value} != nil`,
        `*${value}`,
        zeroOf(field!.type),
      ),
    ]
  }
  const zero = field!.repeated || field!.type.kind === 'map' ? 'nil' : zeroOf(field!.type)
  return [getter(slot.name, fieldType(field!, names), 'm != nil', value, zero)]
}

interface KindCode {
  readonly name: string
  /** Of the SDK. */
  readonly package: string
  readonly what: string
  /** Name of the type parameter of a handler, and its constraint. */
  readonly state: readonly [name: string, constraint: string] | undefined
  /** It can have methods of this shape. */
  readonly has: (method: MethodType) => boolean
}

const kindsCode: readonly KindCode[] = [
  {
    name: 'EventSourced',
    package: 'eventsourced',
    what: 'event-sourced entities; S is the state, a message',
    state: ['S', 'wire.MessageOf[S]'],
    has: (one) => !isStreamed(one),
  },
  {
    name: 'Value',
    package: 'value',
    what: 'entities that keep a value; V is the value, a message',
    state: ['V', 'wire.MessageOf[V]'],
    has: (one) => !isStreamed(one),
  },
  {
    name: 'Replicated',
    package: 'replicated',
    what: 'replicated entities; V is the view of the value',
    state: ['V', 'any'],
    has: (one) => !one.clientStreaming,
  },
  { name: 'Action', package: 'action', what: 'a service without state', state: undefined, has: () => true },
]

function fits({ has }: KindCode, { methods }: ServiceType): boolean {
  return [...methods.values()].every(has)
}

function serviceCode(service: ServiceType, names: Names): readonly string[] {
  const methods = [...service.methods.values()].map((method) => ({
    ...method,
    handler: camelCase(method.name),
    request: `*${names.get(method.input.fullName)}`,
    entity: entityCode(method.input, names),
    reply: `*${names.get(method.output.fullName)}`,
  }))
  const name = names.get(service.fullName)!
  const calls = `calls${name}`
  const constant = names.get(`${service.fullName}#Name`)!
  return [
    `// ${constant} is the name of a service, for views of it and for a view.\nconst ${constant} = "${service.fullName}"`,
    [
      `type ${calls} struct{}`,
      '',
      `// ${name} makes calls of ${service.fullName}, to forward to or as effects.`,
      `var ${name} ${calls}`,
      ...methods.flatMap(({ name: method, handler, request, entity }) => [
        '',
        `func (${calls}) ${handler}(request ${request}, metadata ...innkeeper.Header) innkeeper.Call {`,
        `\treturn innkeeper.Call{Service: "${service.fullName}", Method: "${method}", Payload: wire.Encode(request), Metadata: metadata${entity}}`,
        '}',
      ]),
    ].join('\n'),
    ...ticketsCode(service, methods, names),
    ...hearsCode(service, methods, names),
    ...kindsCode.filter((kind) => fits(kind, service)).map((kind) => kindCode(service, kind, methods, names)),
  ]
}

/** Tickets of methods that answer once, which their replies may come later by. */
function ticketsCode({ fullName }: ServiceType, methods: readonly MethodCode[], names: Names): readonly string[] {
  const unary = methods.filter((method) => !isStreamed(method))
  if (unary.length === 0) return []
  const name = names.get(`${fullName}#Tickets`)!
  return [
    [
      `type tickets${name} struct{}`,
      '',
      `// ${name} names tickets that commands of ${fullName} gave, to resolve them.`,
      `var ${name} tickets${name}`,
      ...unary.flatMap(({ name: method, handler, reply }) => [
        '',
        `func (tickets${name}) ${handler}(ticket string) innkeeper.Ticket[${reply}] {`,
        `\treturn innkeeper.TicketOf[${reply}]("${fullName}", "${method}", ticket)`,
        '}',
      ]),
    ].join('\n'),
  ]
}

/** Methods that hear what a call was answered, with the note that their requests have. */
function hearsCode({ fullName }: ServiceType, methods: readonly MethodCode[], names: Names): readonly string[] {
  const hearing = methods.filter(({ answers }) => answers !== undefined)
  if (hearing.length === 0) return []
  const name = names.get(`${fullName}#Hears`)!
  return [
    [
      `type hears${name} struct{}`,
      '',
      `// ${name} has the methods of ${fullName} that hear what a call was answered, for Ask. A note may be nil.`,
      `var ${name} hears${name}`,
      ...hearing.flatMap(({ name: method, handler, answers, input }) => {
        const note = input.fields.find(({ number }) => number === noteNumber)?.type
        const known = `"${fullName}", "${method}", "${answers}"`
        return note?.kind === 'message'
          ? [
              '',
              `func (hears${name}) ${handler}(note *${names.get(note.message.fullName)}) innkeeper.Hearing {`,
              `\treturn innkeeper.HearingOf(${known}, note)`,
              '}',
            ]
          : [
              '',
              `func (hears${name}) ${handler}() innkeeper.Hearing {`,
              `\treturn innkeeper.HearingWithoutNote(${known})`,
              '}',
            ]
      }),
    ].join('\n'),
  ]
}

/** Of the field of an answer's request that has the note (innkeeper/options.proto). */
const noteNumber = 3

/** The entity that a request names, for the test kit. The getters read a request that is nil, too. */
function entityCode(message: MessageType, names: Names): string {
  const { slots } = shapeOf(message, names)
  const key = keyFields(message)
  const getters = key.map((field) => slots.find((slot) => slot.oneof === undefined && slot.fields[0] === field)?.name)
  if (getters.length === 0 || getters.includes(undefined)) return ''
  const values = getters.map((getter, index) => {
    const value = `request.Get${getter}()`
    return key[index]!.type.kind === 'enum' ? `int32(${value})` : value
  })
  const [only] = key
  const isText = key.length === 1 && only!.type.kind === 'scalar' && only!.type.scalar === 'string'
  return `, Entity: ${isText ? values[0] : `wire.Key(${values.join(', ')})`}`
}

interface MethodCode extends MethodType {
  /** Names in Go. */
  readonly handler: string
  readonly request: string
  readonly reply: string
}

function kindCode({ fullName }: ServiceType, kind: KindCode, methods: readonly MethodCode[], names: Names): string {
  const adapter = names.get(`${fullName}#${kind.name}`)!
  const handler = names.get(`${fullName}#${kind.name}Handler`)!
  const { package: from, state } = kind
  const parameters = state === undefined ? '' : `[${state[0]} ${state[1]}]`
  const argument = state === undefined ? '' : `[${state[0]}]`
  return [
    `// ${handler} is what ${fullName} has as ${kind.what}.`,
    `type ${handler}${parameters} interface {`,
    ...indent(methods.flatMap((method) => signatures(kind, method))),
    '}',
    '',
    `// ${adapter} is for ${from}.New.`,
    `func ${adapter}${parameters}(handler ${handler}${argument}) ${from}.Handlers${argument} {`,
    `\treturn ${from}.Handlers${argument}{`,
    `\t\tService: "${fullName}",`,
    `\t\tMethods: []${from}.Method${argument}{`,
    ...methods.map((method) => `\t\t\t${registration(kind, method)},`),
    '\t\t},',
    '\t}',
    '}',
  ].join('\n')
}

function signatures({ package: from, state }: KindCode, method: MethodCode): readonly string[] {
  const { handler, request, reply, clientStreaming, serverStreaming } = method
  if (state === undefined) {
    if (!isStreamed(method)) return [`${handler}(request ${request}, c *action.Command[${reply}]) action.Decision`]
    const shape = clientStreaming ? (serverStreaming ? 'Bidi' : 'ClientStream') : 'ServerStream'
    return [`${handler}() action.${shape}Handler[${request}, ${reply}]`]
  }
  const [parameter] = state
  const view = from === 'replicated' ? 'view' : from === 'value' ? 'current' : 'state'
  const command = serverStreaming ? 'StreamCommand' : 'Command'
  const one = `${handler}(${view} ${parameter}, request ${request}, c *${from}.${command}[${parameter}, ${reply}]) ${from}.Decision`
  if (!serverStreaming) return [one]
  return [
    one,
    `// ${handler}Changed says what a subscriber is told after every change.`,
    `${handler}Changed(${view} ${parameter}, request ${request}, c *replicated.Change[${reply}]) replicated.Told`,
    `// ${handler}Cancelled says what becomes of a client that left.`,
    `${handler}Cancelled(${view} ${parameter}, request ${request}, c *replicated.Leaving) replicated.Left`,
  ]
}

function registration({ package: from, state }: KindCode, method: MethodCode): string {
  const { name, handler, clientStreaming, serverStreaming } = method
  if (state === undefined && isStreamed(method)) {
    const shape = clientStreaming ? (serverStreaming ? 'Bidi' : 'ClientStream') : 'ServerStream'
    return `action.${shape}Method("${name}", handler.${handler}())`
  }
  if (serverStreaming) {
    return `replicated.Streamed("${name}", handler.${handler}, handler.${handler}Changed, handler.${handler}Cancelled)`
  }
  return `${from}.Unary("${name}", handler.${handler})`
}

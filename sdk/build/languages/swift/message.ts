// Messages in Swift: a struct with straight-line code that reads and writes it, and a struct for each enum.
//
// Leaves to others: identifiers (names.ts), the reader and the writer (sdk/swift).

import type { EnumType, Field, FieldType, MessageType, ScalarType } from '../../../../host/schema/schema.ts'
import type { SwiftNames } from './names.ts'
import { caseNames, legal, lowerCamel, oneofName, properties } from './names.ts'

interface Scalar {
  readonly type: string
  readonly zero: string
  /** Of Reader and of Writer. */
  readonly method: string
  readonly wireType: 0 | 1 | 2 | 5
  readonly isSet: (value: string) => string
}

const notZero = (value: string): string => `${value} != 0`
const real = (value: string): string => `${value}.bitPattern != 0`
const filled = (value: string): string => `!${value}.isEmpty`

const scalars: Readonly<Record<ScalarType, Scalar>> = {
  double: { type: 'Swift.Double', zero: '0', method: 'double', wireType: 1, isSet: real },
  float: { type: 'Swift.Float', zero: '0', method: 'float', wireType: 5, isSet: real },
  int32: { type: 'Swift.Int32', zero: '0', method: 'int32', wireType: 0, isSet: notZero },
  int64: { type: 'Swift.Int64', zero: '0', method: 'int64', wireType: 0, isSet: notZero },
  uint32: { type: 'Swift.UInt32', zero: '0', method: 'uint32', wireType: 0, isSet: notZero },
  uint64: { type: 'Swift.UInt64', zero: '0', method: 'uint64', wireType: 0, isSet: notZero },
  sint32: { type: 'Swift.Int32', zero: '0', method: 'sint32', wireType: 0, isSet: notZero },
  sint64: { type: 'Swift.Int64', zero: '0', method: 'sint64', wireType: 0, isSet: notZero },
  fixed32: { type: 'Swift.UInt32', zero: '0', method: 'fixed32', wireType: 5, isSet: notZero },
  fixed64: { type: 'Swift.UInt64', zero: '0', method: 'fixed64', wireType: 1, isSet: notZero },
  sfixed32: { type: 'Swift.Int32', zero: '0', method: 'sfixed32', wireType: 5, isSet: notZero },
  sfixed64: { type: 'Swift.Int64', zero: '0', method: 'sfixed64', wireType: 1, isSet: notZero },
  bool: { type: 'Swift.Bool', zero: 'false', method: 'bool', wireType: 0, isSet: (value) => value },
  string: { type: 'Swift.String', zero: '""', method: 'string', wireType: 2, isSet: filled },
  bytes: { type: '[Swift.UInt8]', zero: '[]', method: 'bytes', wireType: 2, isSet: filled },
}

/** A type of values: its name, what there is without one, and how it is read and written. */
function codeOf(names: SwiftNames, type: FieldType): Scalar {
  if (type.kind === 'scalar') return scalars[type.scalar]
  if (type.kind === 'enum') {
    const name = names.of(type.enum.fullName)
    const isSet = (value: string): string => `${value}.rawValue != 0`
    return { type: name, zero: `${name}(rawValue: 0)`, method: 'openEnum', wireType: 0, isSet }
  }
  if (type.kind === 'map') throw new Error('bug: a map is no value')
  const name = names.of(type.message.fullName)
  return { type: name, zero: `${name}()`, method: 'message', wireType: 2, isSet: () => 'true' }
}

export function enumCode(names: SwiftNames, type: EnumType): string {
  const name = names.of(type.fullName)
  const cases = [...caseNames(type)].map(([proto, swift]) => {
    return `  static var ${swift}: ${name} { ${name}(rawValue: ${type.byName.get(proto)}) }`
  })
  return [
    `/// ${type.fullName}. Open: a number without a name is kept.`,
    `struct ${name}: Innkeeper.OpenEnum {`,
    '  let rawValue: Swift.Int32',
    '  init(rawValue: Swift.Int32) { self.rawValue = rawValue }',
    ...cases,
    '}',
  ].join('\n')
}

/** Messages that a value of the message may hold without an array or a map in between. */
function directly(message: MessageType): readonly MessageType[] {
  return message.fields.flatMap(({ type, repeated }) => (type.kind === 'message' && !repeated ? [type.message] : []))
}

/** A struct cannot contain itself. */
function containsItself(field: Field, message: MessageType): boolean {
  if (field.type.kind !== 'message' || field.repeated) return false
  const seen = new Set<MessageType>()
  const visit = (inner: MessageType): boolean => {
    if (inner === message) return true
    if (seen.has(inner)) return false
    seen.add(inner)
    return directly(inner).some(visit)
  }
  return visit(field.type.message)
}

function typeOf(names: SwiftNames, field: Field): string {
  if (field.type.kind === 'map') {
    return `Innkeeper.Map<${scalars[field.type.key].type}, ${codeOf(names, field.type.value).type}>`
  }
  const { type } = codeOf(names, field.type)
  return field.repeated ? `[${type}]` : field.presence ? `${type}?` : type
}

function initialOf(names: SwiftNames, field: Field): string {
  if (field.type.kind === 'map') return `${typeOf(names, field)}()`
  if (field.repeated) return '[]'
  return field.presence ? 'nil' : codeOf(names, field.type).zero
}

export function messageCode(names: SwiftNames, message: MessageType): string {
  const name = names.of(message.fullName)
  const property = properties(message)
  const oneofs = new Map<string, Field[]>()
  for (const field of message.fields) {
    if (field.oneof !== undefined) oneofs.set(field.oneof, [...(oneofs.get(field.oneof) ?? []), field])
  }
  const lines = [`/// ${message.fullName}`, `struct ${name}: Innkeeper.Message {`]
  for (const [oneof, members] of oneofs) {
    const isIndirect = members.some((field) => containsItself(field, message))
    lines.push(`  ${isIndirect ? 'indirect ' : ''}enum ${oneofName(oneof)}: Swift.Equatable {`)
    for (const field of members) lines.push(`    case ${caseOf(field)}(${codeOf(names, field.type).type})`)
    lines.push('  }')
  }
  const declared = new Set<string>()
  for (const field of message.fields) {
    const key = field.oneof ?? field.name
    if (declared.has(key)) continue
    declared.add(key)
    if (field.oneof !== undefined) {
      lines.push(`  var ${property.get(key)}: ${oneofName(field.oneof)}? = nil`)
      continue
    }
    const boxed = containsItself(field, message) ? '@Innkeeper.Boxed ' : ''
    lines.push(`  ${boxed}var ${property.get(key)}: ${typeOf(names, field)} = ${initialOf(names, field)}`)
  }
  lines.push('', `  static var typeName: Swift.StaticString { "${message.fullName}" }`)
  lines.push('', ...readCode(names, message, property), '', ...writeCode(names, message, property))
  lines.push(...heldCode(names, message, property), '}')
  return lines.join('\n')
}

function caseOf(field: Field): string {
  return legal(lowerCamel(field.name))
}

function tagOf(field: Field, wireType: number): number {
  return field.number * 8 + wireType
}

function readCode(names: SwiftNames, message: MessageType, property: ReadonlyMap<string, string>): string[] {
  const cases: string[] = []
  const settle: string[] = []
  for (const field of message.fields) {
    const to = `self.${property.get(field.oneof ?? field.name)}`
    if (field.type.kind === 'map') {
      cases.push(...readEntry(names, field, field.type, to))
      settle.push(`    ${to}.settle()`)
      continue
    }
    const { method, wireType } = codeOf(names, field.type)
    const isMessage = field.type.kind === 'message'
    const one = `      case ${tagOf(field, wireType)}:`
    if (field.oneof !== undefined) {
      const name = caseOf(field)
      if (isMessage) {
        // Out of line, and through the heap: a message that is nested 100 times over must not lie on the stack as often.
        cases.push(
          one,
          `        var held = held${field.number}()`,
          '        reader.message(first: &held)',
          `        hold${field.number}(held)`,
        )
      } else cases.push(`${one} ${to} = .${name}(reader.${method}())`)
    } else if (field.repeated) {
      if (wireType !== 2) {
        cases.push(`${one} ${to}.append(reader.${method}())`)
        cases.push(`      case ${tagOf(field, 2)}: reader.packed(into: &${to}) { $0.${method}() }`)
      } else if (isMessage) cases.push(`${one} reader.message(appendedTo: &${to})`)
      else cases.push(`${one} ${to}.append(reader.${method}())`)
    } else if (isMessage) {
      const place = containsItself(field, message) ? boxOf(to) : to
      cases.push(`${one} reader.message(into: &${place})`)
    } else cases.push(`${one} ${to} = reader.${method}()`)
  }
  return [
    '  mutating func decode(from reader: inout Innkeeper.Reader) {',
    '    while let tag = reader.tag() {',
    ...(cases.length === 0
      ? ['      reader.skip(tag)']
      : ['      switch tag {', ...cases, '      default: reader.skip(tag)', '      }']),
    '    }',
    ...settle,
    '  }',
  ]
}

/** Of each message in a oneof: takes out what is there, and puts back what becomes of it. */
function heldCode(names: SwiftNames, message: MessageType, property: ReadonlyMap<string, string>): string[] {
  return message.fields.flatMap((field) => {
    if (field.oneof === undefined || field.type.kind !== 'message') return []
    const type = names.of(field.type.message.fullName)
    const at = `self.${property.get(field.oneof)}`
    return [
      '',
      '  @inline(never)',
      `  private mutating func held${field.number}() -> [${type}] {`,
      `    guard case .${caseOf(field)}(let value)? = ${at} else { return [] }`,
      `    ${at} = nil`,
      '    return [value]',
      '  }',
      '',
      '  @inline(never)',
      `  private mutating func hold${field.number}(_ held: [${type}]) { ${at} = .${caseOf(field)}(held[0]) }`,
    ]
  })
}

type MapType = Extract<FieldType, { kind: 'map' }>

function readEntry(names: SwiftNames, field: Field, { key, value }: MapType, to: string): string[] {
  const keyCode = scalars[key]
  const valueCode = codeOf(names, value)
  const readValue = value.kind === 'message' ? 'reader.message(&value)' : `value = reader.${valueCode.method}()`
  return [
    `      case ${tagOf(field, 2)}:`,
    `        var key: ${keyCode.type} = ${keyCode.zero}`,
    `        var value: ${valueCode.type} = ${valueCode.zero}`,
    '        let outer = reader.enter()',
    '        while let tag = reader.tag() {',
    '          switch tag {',
    `          case ${8 + keyCode.wireType}: key = reader.${keyCode.method}()`,
    `          case ${16 + valueCode.wireType}: ${readValue}`,
    '          default: reader.skip(tag)',
    '          }',
    '        }',
    '        reader.leave(outer)',
    `        if reader.problem == nil { ${to}.append(key, value) }`,
  ]
}

/** Fields last to first, each behind its tag: the writer goes backwards. */
function writeCode(names: SwiftNames, message: MessageType, property: ReadonlyMap<string, string>): string[] {
  const lines: string[] = []
  const done = new Set<string>()
  const descending = [...message.fields].sort((a, b) => b.number - a.number)
  for (const field of descending) {
    const from = `self.${property.get(field.oneof ?? field.name)}`
    if (field.oneof !== undefined) {
      // In the order of the numbers: each member has its turn.
      const { method, wireType } = codeOf(names, field.type)
      lines.push(
        `    if case .${caseOf(field)}(let value)? = ${from} {`,
        `      writer.${method}(value)`,
        `      writer.tag(${tagOf(field, wireType)})`,
        '    }',
      )
      continue
    }
    if (done.has(field.name)) continue
    done.add(field.name)
    lines.push(...writeField(names, message, field, from))
  }
  return ['  @inline(never)', '  func encode(into writer: inout Innkeeper.Writer) {', ...lines, '  }']
}

/** The wrapper behind a property. */
function boxOf(property: string): string {
  return property.replace(/^self\.`?(\w+)`?$/, 'self._$1')
}

function writeField(names: SwiftNames, message: MessageType, field: Field, from: string): string[] {
  if (field.type.kind === 'map') {
    const keyCode = scalars[field.type.key]
    const valueCode = codeOf(names, field.type.value)
    return [
      `    for index in stride(from: ${from}.count - 1, through: 0, by: -1) {`,
      `      let (key, value) = ${from}.entry(at: index)`,
      '      let opened = writer.open()',
      `      writer.${valueCode.method}(value)`,
      `      writer.tag(${16 + valueCode.wireType})`,
      `      writer.${keyCode.method}(key)`,
      `      writer.tag(${8 + keyCode.wireType})`,
      '      writer.close(opened)',
      `      writer.tag(${tagOf(field, 2)})`,
      '    }',
    ]
  }
  const { method, wireType, isSet } = codeOf(names, field.type)
  if (field.type.kind === 'message' && field.repeated) {
    return [
      `    for index in stride(from: ${from}.count - 1, through: 0, by: -1) {`,
      `      writer.message(${from}, index)`,
      `      writer.tag(${tagOf(field, wireType)})`,
      '    }',
    ]
  }
  if (containsItself(field, message)) {
    const boxed = boxOf(from)
    return [
      `    if !${boxed}.isEmpty {`,
      `      writer.message(${boxed})`,
      `      writer.tag(${tagOf(field, wireType)})`,
      '    }',
    ]
  }
  if (field.repeated) {
    if (field.packed) return [`    writer.packed(${tagOf(field, 2)}, ${from}) { $0.${method}($1) }`]
    return [
      `    for value in ${from}.reversed() {`,
      `      writer.${method}(value)`,
      `      writer.tag(${tagOf(field, wireType)})`,
      '    }',
    ]
  }
  const condition = field.presence ? `let value = ${from}` : isSet(from)
  return [
    `    if ${condition} {`,
    `      writer.${method}(${field.presence ? 'value' : from})`,
    `      writer.tag(${tagOf(field, wireType)})`,
    '    }',
  ]
}

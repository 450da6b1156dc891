// Message code: for one message its interface, and straight-line functions that make, write, read and measure it.
//
// G1. Reading follows proto3: the last of a singular field wins, embedded messages merge, packed and unpacked lists are both
//     accepted, unknown fields and known ones with another wire type are passed over.
// G2. Writing is in order of field numbers; fields without presence are left out when they are zero. -0 is not zero.
// G3. Property order is declaration order in every object made here, so that QuickJS shares one shape between them.
//
// proto2: fields have presence, defaults and `required` are not looked at, enums are open.

import type { Field, FieldType, MessageType } from '../../../../host/schema/schema.ts'
import { scalarCode, scalarOf, sizeExpression } from '../../codegen/scalars.ts'
import { caseName, propertyNames } from './names.ts'

/** How generated code refers to a message or an enum, by full name. Notes the import. */
export interface References {
  type(fullName: string): string
  part(part: 'create' | 'write' | 'read' | 'size', fullName: string): string
}

/** `merges`: the message is somewhere a singular field, so a second occurrence merges into the first. */
export function messageCode(message: MessageType, name: string, refs: References, merges: boolean): string {
  const slots = slotsOf(message)
  const blocks = [
    interfaceCode(message, name, slots, refs),
    createCode(message, name, slots, refs),
    writeCode(message, name, slots, refs),
    readCode(message, name, slots, refs, merges),
    sizeCode(message, name, slots, refs),
    `export const ${name}: $.MessageType<${name}, '${name}'> = $.message('${message.fullName}', { create: create$${name}, write: write$${name}, read: read$${name}, size: size$${name} })`,
  ]
  return blocks.join('\n')
}

/** A property of the object: a field, or a oneof with its members. */
interface Slot {
  readonly property: string
  /** Local variable in `read`. */
  readonly local: string
  readonly fields: readonly [Field, ...Field[]]
  readonly oneof: boolean
}

function slotsOf(message: MessageType): readonly Slot[] {
  const properties = propertyNames(message)
  const oneofs = new Map<string, Field[]>()
  const slots: Slot[] = []
  for (const field of message.fields) {
    const property = properties.get(field.oneof ?? field.name)!
    if (field.oneof === undefined) {
      slots.push({ property, local: `f${field.number}`, fields: [field], oneof: false })
      continue
    }
    const members = oneofs.get(field.oneof)
    if (members !== undefined) {
      members.push(field)
      continue
    }
    const fields: [Field, ...Field[]] = [field]
    oneofs.set(field.oneof, fields)
    slots.push({ property, local: `f${field.number}`, fields, oneof: true })
  }
  return slots
}

function singleType(type: FieldType, refs: References): string {
  if (type.kind === 'scalar') return scalarCode(type.scalar).type
  if (type.kind === 'enum') return refs.type(type.enum.fullName)
  if (type.kind === 'message') return refs.type(type.message.fullName)
  return `$.Dictionary<${scalarCode(type.key).type}, ${singleType(type.value, refs)}>`
}

function slotType({ fields, oneof }: Slot, refs: References): string {
  if (oneof) {
    const cases = fields.map(
      (field) => `{ readonly case: '${caseName(field)}'; readonly value: ${singleType(field.type, refs)} }`,
    )
    return cases.join(' | ')
  }
  const [field] = fields
  return field.repeated ? `readonly ${singleType(field.type, refs)}[]` : singleType(field.type, refs)
}

function optional({ fields, oneof }: Slot): boolean {
  return oneof || fields[0].presence
}

function interfaceCode(message: MessageType, name: string, slots: readonly Slot[], refs: References): string {
  const lines = slots.map((slot) => {
    const type = slotType(slot, refs)
    return optional(slot) ? `  readonly ${slot.property}?: ${type} | undefined` : `  readonly ${slot.property}: ${type}`
  })
  return `/** ${message.fullName} */\nexport interface ${name} {\n${lines.join('\n')}\n}`
}

function createCode(_: MessageType, name: string, slots: readonly Slot[], refs: References): string {
  const lines = slots.map((slot) => {
    const value = `init.${slot.property}`
    const made = slot.oneof
      ? `${value} === undefined ? undefined : ${oneofMaker(name, slot)}(${value})`
      : createExpression(slot, value, refs)
    return `    ${slot.property}: ${made},`
  })
  const makers = slots.filter(({ oneof }) => oneof).map((slot) => oneofCode(name, slot, refs))
  const parameter = slots.length === 0 ? '_' : 'init'
  return [
    ...makers,
    `export function create$${name}(${parameter}: $.Init<${name}>): ${name} {\n  return {\n${lines.join('\n')}\n  }\n}`,
  ].join('\n')
}

function oneofMaker(name: string, { local }: Slot): string {
  return `case$${name}$${local}`
}

function oneofCode(name: string, slot: Slot, refs: References): string {
  const cases = slot.fields.map((field) => {
    const inner = normalExpression(field.type, 'of.value', refs)
    return `    case '${caseName(field)}': return { case: '${caseName(field)}', value: ${inner} }`
  })
  return `function ${oneofMaker(name, slot)}(of: $.Case): ${slotType(slot, refs)} {\n  switch (of.case) {\n${cases.join('\n')}\n    default: return $.noCase(of)\n  }\n}`
}

function createExpression({ fields }: Slot, value: string, refs: References): string {
  const [field] = fields
  const { type } = field
  if (type.kind === 'map') {
    return `$.copyMap(${value}, (key) => ${scalarCode(type.key).normal('key')}, (value) => ${normalExpression(type.value, 'value', refs)})`
  }
  if (field.repeated) return `$.copyList(${value}, (item) => ${normalExpression(type, 'item', refs)})`
  if (field.presence) return `${value} === undefined ? undefined : ${normalExpression(type, value, refs)}`
  const code = scalarCode(scalarOf(type)!)
  return code.normal(code.normal('x') === 'x' ? `${value} ?? ${code.zero}` : `(${value} ?? ${code.zero})`)
}

function normalExpression(type: FieldType, value: string, refs: References): string {
  if (type.kind === 'message') return `${refs.part('create', type.message.fullName)}(${value})`
  return scalarCode(scalarOf(type)!).normal(value)
}

function tagOf(field: Field, wireType: number): number {
  return ((field.number << 3) | wireType) >>> 0
}

function wireTypeOf(type: FieldType): number {
  const scalar = scalarOf(type)
  return scalar === undefined ? 2 : scalarCode(scalar).wireType
}

function writeCode(message: MessageType, name: string, slots: readonly Slot[], refs: References): string {
  const slotOf = new Map<Field, Slot>()
  for (const slot of slots) for (const field of slot.fields) slotOf.set(field, slot)
  const ordered = [...message.fields].sort((a, b) => a.number - b.number)
  const lines = [...oneofLocals(slots), ...ordered.map((field) => writeField(slotOf.get(field)!, field, refs))].map(
    (line) => `  ${line}`,
  )
  const parameters = lines.length === 0 ? `_out: $.Writer, _m: ${name}` : `out: $.Writer, m: ${name}`
  return `export function write$${name}(${parameters}): void {\n${lines.join('\n')}\n}`
}

/** Each oneof of a message `m`, in a local variable. */
function oneofLocals(slots: readonly Slot[]): readonly string[] {
  return slots
    .filter(({ oneof }) => oneof)
    .map(({ local, property }) => `const ${local} = m.${property} as $.Case | undefined`)
}

function writeField({ property, local, oneof }: Slot, field: Field, refs: References): string {
  const value = `m.${property}`
  const { type } = field
  if (oneof) return `if (${local}?.case === '${caseName(field)}') { ${writeSingle(field, `${local}.value`, refs)} }`
  if (type.kind === 'map') {
    const key = `out.varint32(${(1 << 3) | scalarCode(type.key).wireType}); out.${scalarCode(type.key).method}(key)`
    const item = writeTagged((2 << 3) | wireTypeOf(type.value), type.value, 'value', refs)
    return `for (const [key, value] of ${value}) { const entry = out.open(${tagOf(field, 2)}); ${key}; ${item}; out.close(entry) }`
  }
  if (field.repeated && field.packed) {
    const write = `out.${scalarCode(scalarOf(type)!).method}(${value}[i]!)`
    return `if (${value}.length !== 0) { const list = out.open(${tagOf(field, 2)}); for (let i = 0; i < ${value}.length; i++) ${write}; out.close(list) }`
  }
  if (field.repeated) return `for (let i = 0; i < ${value}.length; i++) { ${writeSingle(field, `${value}[i]!`, refs)} }`
  const isSet = field.presence ? `${value} !== undefined` : scalarCode(scalarOf(type)!).isSet(value)
  return `if (${isSet}) { ${writeSingle(field, value, refs)} }`
}

function writeSingle(field: Field, value: string, refs: References): string {
  return writeTagged(tagOf(field, wireTypeOf(field.type)), field.type, value, refs)
}

function writeTagged(tag: number, type: FieldType, value: string, refs: References): string {
  if (type.kind === 'message') {
    return `const start = out.open(${tag}); ${refs.part('write', type.message.fullName)}(out, ${value}); out.close(start)`
  }
  return `out.varint32(${tag}); out.${scalarCode(scalarOf(type)!).method}(${value})`
}

function readCode(_: MessageType, name: string, slots: readonly Slot[], refs: References, merges: boolean): string {
  const locals = slots.map((slot) => `  ${readLocal(slot, refs, merges)}`)
  const cases = slots.flatMap((slot) => slot.fields.flatMap((field) => readCases(slot, field, refs)))
  const result = slots
    .map(({ property, local, oneof }) => `${property}: ${local}${oneof ? ` as ${name}['${property}']` : ''}`)
    .join(', ')
  const parameters = merges ? `r: $.Reader, ${slots.length === 0 ? '_into' : 'into'}?: ${name}` : 'r: $.Reader'
  return [
    `export function read$${name}(${parameters}): ${name} {`,
    ...locals,
    '  while (r.at < r.end) {',
    '    const tag = r.tag()',
    '    switch (tag) {',
    ...cases.map((line) => `      ${line}`),
    '      default: r.skip(tag)',
    '    }',
    '  }',
    `  return { ${result} }`,
    '}',
  ].join('\n')
}

function readLocal(slot: Slot, refs: References, merges: boolean): string {
  const [field] = slot.fields
  const from = (start: string, before: string): string => (merges ? `into === undefined ? ${start} : ${before}` : start)
  const before = `into.${slot.property}`
  if (slot.oneof) return `let ${slot.local} = ${from('undefined', before)} as $.Case | undefined`
  const { type } = field
  if (type.kind === 'map') {
    const [key, value] = [scalarCode(type.key).type, singleType(type.value, refs)]
    return `const ${slot.local} = $.newMap<${key}, ${value}>(${merges ? `into?.${slot.property}` : ''})`
  }
  if (field.repeated) return `const ${slot.local}: ${singleType(type, refs)}[] = ${from('[]', `[...${before}]`)}`
  if (optional(slot)) {
    // Of the full type from the start: what the loop assigns looks at what it assigned before, and would narrow to nothing.
    const full = `(${slotType(slot, refs)}) | undefined`
    return `let ${slot.local} = ${from('undefined', before)} as ${full}`
  }
  return `let ${slot.local}: ${singleType(type, refs)} = ${from(scalarCode(scalarOf(type)!).zero, before)}`
}

function readCases({ local, oneof }: Slot, field: Field, refs: References): readonly string[] {
  const { type } = field
  if (type.kind === 'map') return [`case ${tagOf(field, 2)}: { ${readEntry(local, type, refs)}; break }`]
  if (type.kind === 'message') {
    const read = refs.part('read', type.message.fullName)
    const enter = 'const outer = r.enter()'
    if (field.repeated)
      return [`case ${tagOf(field, 2)}: { ${enter}; ${local}.push(${read}(r)); r.leave(outer); break }`]
    if (!oneof) return [`case ${tagOf(field, 2)}: { ${enter}; ${local} = ${read}(r, ${local}); r.leave(outer); break }`]
    const same = `${local}?.case === '${caseName(field)}' ? ${local}.value : undefined`
    const value = `{ case: '${caseName(field)}', value: ${read}(r, ${same}) }`
    return [`case ${tagOf(field, 2)}: { ${enter}; ${local} = ${value}; r.leave(outer); break }`]
  }
  const { method, wireType } = scalarCode(scalarOf(type)!)
  const read = `r.${method}()`
  if (oneof) return [`case ${tagOf(field, wireType)}: ${local} = { case: '${caseName(field)}', value: ${read} }; break`]
  if (!field.repeated) return [`case ${tagOf(field, wireType)}: ${local} = ${read}; break`]
  const one = `case ${tagOf(field, wireType)}: ${local}.push(${read}); break`
  if (wireType === 2) return [one]
  return [
    one,
    `case ${tagOf(field, 2)}: { const outer = r.enter(); while (r.at < r.end) ${local}.push(${read}); r.leave(outer); break }`,
  ]
}

function readEntry(local: string, type: FieldType & { kind: 'map' }, refs: References): string {
  const key = scalarCode(type.key)
  const keyCase = `case ${(1 << 3) | key.wireType}: key = r.${key.method}(); break`
  const start = `const outer = r.enter(); let key: ${key.type} = ${key.zero}`
  const valueTag = (2 << 3) | wireTypeOf(type.value)
  const loop = (valueCase: string): string =>
    `while (r.at < r.end) { const inner = r.tag(); switch (inner) { ${keyCase}; ${valueCase}; default: r.skip(inner) } } r.leave(outer)`
  if (type.value.kind === 'message') {
    const { fullName } = type.value.message
    const read = `case ${valueTag}: { const entry = r.enter(); value = ${refs.part('read', fullName)}(r, value); r.leave(entry); break }`
    return `${start}; let value: ${refs.type(fullName)} | undefined; ${loop(read)}; ${local}.set(key, value ?? ${refs.part('create', fullName)}({}))`
  }
  const value = scalarCode(scalarOf(type.value)!)
  const read = `case ${valueTag}: value = r.${value.method}(); break`
  return `${start}; let value: ${singleType(type.value, refs)} = ${value.zero}; ${loop(read)}; ${local}.set(key, value)`
}

function sizeCode(_: MessageType, name: string, slots: readonly Slot[], refs: References): string {
  let fixed = 0
  const lines: string[] = [...oneofLocals(slots)]
  for (const slot of slots) {
    const value = `m.${slot.property}`
    for (const field of slot.fields) {
      const tagBytes =
        field.number < 16 ? 1 : field.number < 2048 ? 2 : field.number < 262_144 ? 3 : field.number < 33_554_432 ? 4 : 5
      const { type } = field
      if (slot.oneof) {
        const size = singleSize(type, `${slot.local}.value`, refs)
        lines.push(`if (${slot.local}?.case === '${caseName(field)}') n += ${tagBytes} + ${size}`)
      } else if (type.kind === 'map') {
        const [keySize, valueSize] = [sizeExpression(type.key, 'key'), singleSize(type.value, 'value', refs)]
        lines.push(mapSize(value, tagBytes + 7, keySize, valueSize))
      } else if (field.repeated && isConstant(type)) {
        lines.push(`n += ${tagBytes + 5} + ${value}.length * ${tagBytes + scalarCode(scalarOf(type)!).bytesMax}`)
      } else if (field.repeated) {
        lines.push(
          `for (let i = 0; i < ${value}.length; i++) n += ${tagBytes} + ${singleSize(type, `${value}[i]!`, refs)}`,
        )
      } else if (isConstant(type)) {
        fixed += tagBytes + scalarCode(scalarOf(type)!).bytesMax
      } else if (field.presence) {
        lines.push(`if (${value} !== undefined) n += ${tagBytes} + ${singleSize(type, value, refs)}`)
      } else {
        lines.push(`n += ${tagBytes} + ${singleSize(type, value, refs)}`)
      }
    }
  }
  const body =
    lines.length === 0
      ? `  return ${fixed}`
      : [`  let n = ${fixed}`, ...lines.map((line) => `  ${line}`), '  return n'].join('\n')
  return `export function size$${name}(${lines.length === 0 ? '_m' : 'm'}: ${name}): number {\n${body}\n}`
}

/** Looks at keys and values only where their size depends on them. */
function mapSize(map: string, each: number, key: string, value: string): string {
  if (!key.includes('key') && !value.includes('value')) return `n += ${map}.size * (${each} + ${key} + ${value})`
  const pair = `[${key.includes('key') ? 'key' : ''}, ${value.includes('value') ? 'value' : ''}]`
  return `for (const ${pair} of ${map}) n += ${each} + ${key} + ${value}`
}

function isConstant(type: FieldType): boolean {
  const scalar = scalarOf(type)
  return scalar !== undefined && scalar !== 'string' && scalar !== 'bytes'
}

function singleSize(type: FieldType, value: string, refs: References): string {
  if (type.kind === 'message') return `5 + ${refs.part('size', type.message.fullName)}(${value})`
  return sizeExpression(scalarOf(type)!, value)
}

// Load: a FileDescriptorSet that a component brought along becomes a Schema, or a list of everything that is wrong with it.
//
// L1. Every problem is reported at once, each naming file and element.
// L2. What comes out satisfies schema.S1: names are identifiers, numbers are legal and unique, references resolve.
//
// Owns: protobuf's own rules.   Deploy owns: Innkeeper's (keys, HTTP rules, streaming).

import { publicBytes } from './public.ts'
import type { RawEnum, RawFeatures, RawField, RawFile, RawMessage } from './raw.ts'
import {
  editions,
  featuresOf,
  inherit,
  labelRepeated,
  labelRequired,
  readDescriptorSet,
  scalars,
  typeEnum,
  typeGroup,
  typeMessage,
} from './raw.ts'
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
} from './schema.ts'

export class SchemaError extends Error {
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.name = 'SchemaError'
    this.problems = problems
  }
}

/** Bytes of a descriptor set; the largest we met in the wild (all of googleapis' common types) has 0.5 MiB. */
const descriptorSetBytesMax = 4 * 1024 * 1024
const problemsMax = 100

const identifier = /^[A-Za-z_][A-Za-z0-9_]{0,254}$/
const qualified = /^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$/

const mapKeys = new Set<ScalarType>([
  'int32',
  'int64',
  'uint32',
  'uint64',
  'sint32',
  'sint64',
  'fixed32',
  'fixed64',
  'sfixed32',
  'sfixed64',
  'bool',
  'string',
])

/** @throws SchemaError with all problems. */
export function loadSchema(descriptorSet: Uint8Array): Schema {
  if (descriptorSet.length > descriptorSetBytesMax) {
    throw new SchemaError([`the descriptors have ${descriptorSet.length} bytes, ${descriptorSetBytesMax} are allowed`])
  }
  let files: RawFile[]
  try {
    files = readDescriptorSet(descriptorSet)
  } catch (error) {
    throw new SchemaError([`the descriptors are not a google.protobuf.FileDescriptorSet: ${(error as Error).message}`])
  }
  const loader = new Loader()
  const schema = loader.load(files)
  if (loader.problems.length > 0) throw new SchemaError(loader.problems.slice(0, problemsMax))
  return schema
}

interface OpenMessage extends MessageType {
  readonly fields: Field[]
  readonly byNumber: Map<number, Field>
  readonly byName: Map<string, Field>
}

interface PendingMessage {
  readonly type: OpenMessage
  readonly raw: RawMessage
  readonly file: RawFile
  readonly features: Required<RawFeatures>
}

class Loader {
  readonly problems: string[] = []
  private readonly files = new Map<string, FileType>()
  private readonly messages = new Map<string, MessageType>()
  private readonly enums = new Map<string, EnumType>()
  private readonly services = new Map<string, ServiceType>()
  private readonly pending = new Map<string, PendingMessage>()
  private readonly declared = new Set<string>()

  load(raw: readonly RawFile[]): Schema {
    for (const file of raw) this.declareFile(file)
    for (const file of raw) {
      for (const name of file.dependencies) {
        if (!this.files.has(name)) this.problem(file.name, `imports ${name}, which is not in the descriptor set`)
      }
    }
    for (const [name, pending] of this.pending) if (!pending.raw.mapEntry) this.fillMessage(name, pending)
    for (const file of raw) for (const service of file.services) this.addService(file, service)
    return { files: this.files, messages: this.messages, enums: this.enums, services: this.services }
  }

  private problem(where: string, what: string): void {
    this.problems.push(`${where}: ${what}`)
  }

  private declareFile(file: RawFile): void {
    if (file.name === '' || file.name.length > 512)
      this.problem(file.name.slice(0, 64) || 'a file', 'needs a name of at most 512 characters')
    if (this.files.has(file.name)) this.problem(file.name, 'is defined twice')
    if (file.package !== '' && !qualified.test(file.package)) this.problem(file.name, 'has a package that is no name')
    const features = this.fileFeatures(file)
    const symbols: string[] = []
    const extensions: { extendee: string; number: number }[] = []
    const scope = file.package
    for (const message of file.messages) this.declareMessage(file, scope, message, features, symbols, extensions)
    for (const item of file.enums) this.declareEnum(file, scope, item, symbols)
    for (const field of file.extensions) this.declareExtension(scope, field, symbols, extensions)
    for (const service of file.services) {
      const name = this.declareName(file, scope, service.name, symbols)
      for (const method of service.methods) if (!method.internal) symbols.push(`${name}.${method.name}`)
    }
    this.files.set(file.name, {
      name: file.name,
      package: file.package,
      dependencies: file.dependencies,
      bytes: publicBytes(file),
      symbols,
      extensions,
    })
  }

  private fileFeatures(file: RawFile): Required<RawFeatures> {
    const { syntax, edition } = file
    const known = syntax === 'proto2' || syntax === 'proto3' || (syntax === 'editions' && editions.has(edition))
    if (!known) {
      this.problem(file.name, 'is written in an unknown edition of protobuf; proto2, proto3, 2023 and 2024 are known')
    }
    return featuresOf(file)
  }

  private declareName(file: RawFile, scope: string, name: string, symbols: string[]): string {
    if (!identifier.test(name)) this.problem(file.name, `${JSON.stringify(name.slice(0, 64))} is no identifier`)
    const fullName = scope === '' ? name : `${scope}.${name}`
    if (this.declared.has(fullName)) this.problem(file.name, `${fullName} is declared twice`)
    this.declared.add(fullName)
    symbols.push(fullName)
    return fullName
  }

  private declareMessage(
    file: RawFile,
    scope: string,
    raw: RawMessage,
    outer: Required<RawFeatures>,
    symbols: string[],
    extensions: { extendee: string; number: number }[],
  ): void {
    const fullName = this.declareName(file, scope, raw.name, symbols)
    const features = inherit(outer, raw.features)
    const type: OpenMessage = { fullName, fields: [], byNumber: new Map(), byName: new Map() }
    if (!raw.mapEntry) this.messages.set(fullName, type)
    this.pending.set(fullName, { type, raw, file, features })
    for (const field of raw.fields) symbols.push(`${fullName}.${field.name}`)
    for (const nested of raw.nested) this.declareMessage(file, fullName, nested, features, symbols, extensions)
    for (const item of raw.enums) this.declareEnum(file, fullName, item, symbols)
    for (const field of raw.extensions) this.declareExtension(fullName, field, symbols, extensions)
  }

  private declareExtension(
    scope: string,
    field: RawField,
    symbols: string[],
    extensions: { extendee: string; number: number }[],
  ): void {
    symbols.push(scope === '' ? field.name : `${scope}.${field.name}`)
    extensions.push({ extendee: field.extendee.replace(/^\./, ''), number: field.number })
  }

  private declareEnum(file: RawFile, scope: string, raw: RawEnum, symbols: string[]): void {
    const fullName = this.declareName(file, scope, raw.name, symbols)
    const byNumber = new Map<number, string>()
    const byName = new Map<string, number>()
    for (const value of raw.values) {
      if (!identifier.test(value.name))
        this.problem(fullName, `${JSON.stringify(value.name.slice(0, 64))} is no identifier`)
      if (byName.has(value.name)) this.problem(fullName, `has ${value.name} twice`)
      byName.set(value.name, value.number)
      // With aliases the first name is the one that is printed.
      if (!byNumber.has(value.number)) byNumber.set(value.number, value.name)
    }
    if (raw.values.length === 0) this.problem(fullName, 'has no values')
    this.enums.set(fullName, { fullName, byNumber, byName })
  }

  private fillMessage(fullName: string, { type, raw, features }: PendingMessage): void {
    const names = new Set<string>()
    for (const rawField of raw.fields) {
      const where = `${fullName}.${rawField.name.slice(0, 64)}`
      const field = this.field(where, raw, rawField, features)
      if (field === undefined) continue
      if (!identifier.test(field.name))
        this.problem(fullName, `${JSON.stringify(field.name.slice(0, 64))} is no identifier`)
      if (field.number < 1 || field.number > 536_870_911 || (field.number >= 19_000 && field.number <= 19_999)) {
        this.problem(where, `${field.number} is no legal field number`)
      }
      if (type.byNumber.has(field.number)) this.problem(where, `field number ${field.number} is used twice`)
      if (names.has(field.name)) this.problem(where, 'is defined twice')
      names.add(field.name)
      type.fields.push(field)
      type.byNumber.set(field.number, field)
    }
    // Proto names win where a JSON name of one field is the proto name of another.
    for (const field of type.fields) type.byName.set(field.jsonName, field)
    for (const field of type.fields) type.byName.set(field.name, field)
  }

  private field(where: string, message: RawMessage, raw: RawField, outer: Required<RawFeatures>): Field | undefined {
    const features = inherit(outer, raw.features)
    const repeated = raw.label === labelRepeated
    const type = this.fieldType(where, raw, repeated, features)
    if (type === undefined) return undefined
    const oneof = this.oneofOf(where, message, raw)
    const isMessage = type.kind === 'message'
    const packable =
      (type.kind === 'scalar' && type.scalar !== 'string' && type.scalar !== 'bytes') || type.kind === 'enum'
    return {
      name: raw.name,
      jsonName: raw.jsonName === '' ? defaultJsonName(raw.name) : raw.jsonName,
      number: raw.number,
      type,
      repeated: repeated && type.kind !== 'map',
      packed: repeated && packable && (raw.packed ?? features.repeated === 1),
      presence:
        !repeated &&
        (isMessage ||
          raw.proto3Optional ||
          oneof !== undefined ||
          raw.label === labelRequired ||
          features.presence !== 2),
      oneof,
      entityKey: raw.entityKey,
      allowEmptyKey: raw.allowEmptyKey,
      column: raw.column,
    }
  }

  private oneofOf(where: string, message: RawMessage, raw: RawField): string | undefined {
    if (raw.oneofIndex === undefined || raw.proto3Optional) return undefined
    const name = message.oneofs[raw.oneofIndex]
    if (name === undefined || !identifier.test(name)) this.problem(where, 'belongs to a oneof that is not there')
    return name
  }

  private fieldType(
    where: string,
    raw: RawField,
    repeated: boolean,
    features: Required<RawFeatures>,
  ): FieldType | undefined {
    const scalar = scalars[raw.type]
    if (scalar !== undefined) return { kind: 'scalar', scalar }
    const name = raw.typeName.replace(/^\./, '')
    if (raw.type === typeGroup || (raw.type === typeMessage && features.encoding === 2)) {
      this.problem(where, 'is a group; use a message field instead')
    } else if (raw.type === typeEnum) {
      const found = this.enums.get(name)
      if (found !== undefined) return { kind: 'enum', enum: found }
      this.problem(where, `refers to the enum ${name.slice(0, 200)}, which is not in the descriptor set`)
    } else if (raw.type === typeMessage) {
      const found = this.pending.get(name)
      if (found?.raw.mapEntry) return this.mapType(where, found, repeated)
      if (found !== undefined) return { kind: 'message', message: found.type }
      this.problem(where, `refers to the message ${name.slice(0, 200)}, which is not in the descriptor set`)
    } else {
      this.problem(where, `has the unknown type ${raw.type}`)
    }
    return undefined
  }

  private mapType(where: string, entry: PendingMessage, repeated: boolean): FieldType | undefined {
    const key = entry.raw.fields.find((field) => field.number === 1)
    const value = entry.raw.fields.find((field) => field.number === 2)
    const keyType = key === undefined ? undefined : scalars[key.type]
    if (
      !repeated ||
      entry.raw.fields.length !== 2 ||
      keyType === undefined ||
      value === undefined ||
      !mapKeys.has(keyType)
    ) {
      this.problem(where, 'is a map with a malformed entry')
      return undefined
    }
    if (value.label === labelRepeated || this.pending.get(value.typeName.replace(/^\./, ''))?.raw.mapEntry) {
      this.problem(where, 'is a map whose values are lists or maps')
      return undefined
    }
    const valueType = this.fieldType(where, value, false, entry.features)
    return valueType === undefined ? undefined : { kind: 'map', key: keyType, value: valueType }
  }

  private addService(file: RawFile, raw: RawFile['services'][number]): void {
    const fullName = file.package === '' ? raw.name : `${file.package}.${raw.name}`
    const methods = new Map<string, MethodType>()
    for (const method of raw.methods) {
      const where = `${fullName}.${method.name.slice(0, 64)}`
      if (!identifier.test(method.name))
        this.problem(fullName, `${JSON.stringify(method.name.slice(0, 64))} is no identifier`)
      if (methods.has(method.name)) this.problem(where, 'is defined twice')
      const input = this.messages.get(method.input.replace(/^\./, ''))
      const output = this.messages.get(method.output.replace(/^\./, ''))
      if (input === undefined)
        this.problem(where, `takes ${method.input.slice(0, 200)}, which is not in the descriptor set`)
      if (output === undefined)
        this.problem(where, `returns ${method.output.slice(0, 200)}, which is not in the descriptor set`)
      if (input === undefined || output === undefined) continue
      const { name, clientStreaming, serverStreaming, http, eventing, internal, answers, watch, schedules, query } =
        method
      const type = {
        name,
        input,
        output,
        clientStreaming,
        serverStreaming,
        http,
        eventing,
        internal,
        answers,
        watch,
        schedules,
        query,
      }
      methods.set(name, type)
    }
    this.services.set(fullName, { fullName, view: raw.view, connector: raw.connector, methods })
  }
}

/** protoc's rule: drop underscores, capitalise what follows them. */
export function defaultJsonName(name: string): string {
  return name.replace(/_+([a-zA-Z0-9]?)/g, (_, next: string) => next.toUpperCase())
}

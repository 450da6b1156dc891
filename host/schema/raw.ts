// Raw descriptors: google.protobuf.FileDescriptorSet as plain objects, with the options that Innkeeper reads.
//
// R1. Reads only what load.ts needs and skips the rest, unknown fields included.
// R2. Bounded: `itemsMax` messages, fields, values and methods in all (reading.ts); `nestingMax` deep.
//
// By hand and not by protobufjs: its Root drops custom options and generates code from names that strangers chose.
// Field numbers: google/protobuf/descriptor.proto.

import type { RawMethodOptions } from './method-options.ts'
import {
  columnOption,
  noMethodOptions,
  readColumn,
  readConnector,
  readMethodOptions,
  readView,
} from './method-options.ts'
import type { Budget } from './reading.ts'
import { eachField, flag, int, newBudget, part, readWith, spend, text } from './reading.ts'
import type { ColumnRule, ConnectorRule, ScalarType, ViewRule } from './schema.ts'
import { WireError, wireType } from './wire.ts'

export interface RawFeatures {
  /** 1 explicit, 2 implicit, 3 required. */
  presence: number | undefined
  /** 1 packed, 2 expanded. */
  repeated: number | undefined
  /** 1 length-prefixed, 2 delimited. */
  encoding: number | undefined
}

export interface RawField {
  name: string
  extendee: string
  number: number
  label: number
  type: number
  typeName: string
  oneofIndex: number | undefined
  jsonName: string
  /** As text; bytes are escaped as in C. */
  defaultValue: string | undefined
  proto3Optional: boolean
  packed: boolean | undefined
  features: RawFeatures
  entityKey: boolean
  allowEmptyKey: boolean
  column: ColumnRule | undefined
}

export interface RawEnum {
  name: string
  values: { name: string; number: number }[]
  /** Numbers, the last one included. */
  reserved: [first: number, last: number][]
}

export interface RawMessage {
  name: string
  fields: RawField[]
  nested: RawMessage[]
  enums: RawEnum[]
  extensions: RawField[]
  oneofs: string[]
  /** Numbers, the last one included. */
  reserved: [first: number, last: number][]
  mapEntry: boolean
  features: RawFeatures
}

export interface RawMethod extends RawMethodOptions {
  name: string
  input: string
  output: string
  clientStreaming: boolean
  serverStreaming: boolean
}

interface RawService {
  name: string
  view: ViewRule | undefined
  connector: ConnectorRule | undefined
  methods: RawMethod[]
}

export interface RawFile {
  name: string
  package: string
  dependencies: string[]
  messages: RawMessage[]
  enums: RawEnum[]
  services: RawService[]
  extensions: RawField[]
  syntax: string
  edition: number
  features: RawFeatures
  bytes: Uint8Array
}

const nestingMax = 32

/** Option numbers: Innkeeper's, Cloudstate's, and Cloudstate's older one (§key-1). */
const entityKeyOptions = new Set([51080, 1080, 50002])
const allowEmptyKeyOption = 51082
/** Types of fields, by number. */
export const scalars: Readonly<Record<number, ScalarType>> = {
  1: 'double',
  2: 'float',
  3: 'int64',
  4: 'uint64',
  5: 'int32',
  6: 'fixed64',
  7: 'fixed32',
  8: 'bool',
  9: 'string',
  12: 'bytes',
  13: 'uint32',
  15: 'sfixed32',
  16: 'sfixed64',
  17: 'sint32',
  18: 'sint64',
}
export const typeGroup = 10
export const typeMessage = 11
export const typeEnum = 14
export const labelRequired = 2
export const labelRepeated = 3
/** 2023 and 2024. */
export const editions: ReadonlySet<number> = new Set([1000, 1001])

/** @throws WireError where the bytes are not a descriptor set, or one too large. */
export function readDescriptorSet(bytes: Uint8Array): RawFile[] {
  const budget = newBudget()
  const files: RawFile[] = []
  eachField(bytes, (field, cursor, type) => {
    if (field === 1 && type === wireType.bytes) files.push(readFile(cursor.view(), budget))
    else cursor.skip(type)
  })
  return files
}

function readFile(bytes: Uint8Array, budget: Budget): RawFile {
  const file: RawFile = {
    name: '',
    package: '',
    dependencies: [],
    messages: [],
    enums: [],
    services: [],
    extensions: [],
    syntax: 'proto2',
    edition: 0,
    features: noFeatures(),
    bytes,
  }
  spend(budget)
  readWith(bytes, {
    1: text((v) => (file.name = v)),
    2: text((v) => (file.package = v)),
    3: text((v) => file.dependencies.push(v)),
    4: part((v) => file.messages.push(readMessage(v, budget, nestingMax))),
    5: part((v) => file.enums.push(readEnum(v, budget))),
    6: part((v) => file.services.push(readService(v, budget))),
    7: part((v) => file.extensions.push(readField(v, budget))),
    8: part((v) => readWith(v, { 50: part((f) => readFeatures(f, file.features)) })),
    12: text((v) => (file.syntax = v)),
    14: int((v) => (file.edition = v)),
  })
  return file
}

function readMessage(bytes: Uint8Array, budget: Budget, depth: number): RawMessage {
  if (depth === 0) throw new WireError(`messages nested more than ${nestingMax} deep`, 0)
  const message: RawMessage = {
    name: '',
    fields: [],
    nested: [],
    enums: [],
    extensions: [],
    oneofs: [],
    reserved: [],
    mapEntry: false,
    features: noFeatures(),
  }
  spend(budget)
  readWith(bytes, {
    1: text((v) => (message.name = v)),
    2: part((v) => message.fields.push(readField(v, budget))),
    3: part((v) => message.nested.push(readMessage(v, budget, depth - 1))),
    4: part((v) => message.enums.push(readEnum(v, budget))),
    6: part((v) => message.extensions.push(readField(v, budget))),
    7: part((v) =>
      readWith(v, { 7: flag((m) => (message.mapEntry = m)), 12: part((f) => readFeatures(f, message.features)) }),
    ),
    8: part((v) => readWith(v, { 1: text((name) => message.oneofs.push(name)) })),
    // Of messages the end is not in the range, of enums it is.
    9: part((v) => {
      const [first, end] = readRange(v, budget)
      message.reserved.push([first, end - 1])
    }),
  })
  return message
}

function readField(bytes: Uint8Array, budget: Budget): RawField {
  const field: RawField = {
    name: '',
    extendee: '',
    number: 0,
    label: 1,
    type: 0,
    typeName: '',
    oneofIndex: undefined,
    jsonName: '',
    defaultValue: undefined,
    proto3Optional: false,
    packed: undefined,
    features: noFeatures(),
    entityKey: false,
    allowEmptyKey: false,
    column: undefined,
  }
  spend(budget)
  readWith(bytes, {
    1: text((v) => (field.name = v)),
    2: text((v) => (field.extendee = v)),
    3: int((v) => (field.number = v)),
    4: int((v) => (field.label = v)),
    5: int((v) => (field.type = v)),
    6: text((v) => (field.typeName = v)),
    7: text((v) => (field.defaultValue = v)),
    8: part((v) => readFieldOptions(v, field)),
    9: int((v) => (field.oneofIndex = v)),
    10: text((v) => (field.jsonName = v)),
    17: flag((v) => (field.proto3Optional = v)),
  })
  return field
}

function readFieldOptions(bytes: Uint8Array, field: RawField): void {
  eachField(bytes, (number, cursor, type) => {
    if (number === 2 && type === wireType.varint) field.packed = cursor.varint64() !== 0n
    else if (number === 21 && type === wireType.bytes) readFeatures(cursor.view(), field.features)
    else if (entityKeyOptions.has(number) && type === wireType.varint) field.entityKey ||= cursor.varint64() !== 0n
    else if (number === allowEmptyKeyOption && type === wireType.varint) field.allowEmptyKey = cursor.varint64() !== 0n
    else if (number === columnOption && type === wireType.bytes) field.column = readColumn(cursor.view())
    else cursor.skip(type)
  })
}

function readEnum(bytes: Uint8Array, budget: Budget): RawEnum {
  const result: RawEnum = { name: '', values: [], reserved: [] }
  spend(budget)
  readWith(bytes, {
    1: text((v) => (result.name = v)),
    2: part((v) => {
      spend(budget)
      const value = { name: '', number: 0 }
      readWith(v, { 1: text((n) => (value.name = n)), 2: int((n) => (value.number = n)) })
      result.values.push(value)
    }),
    4: part((v) => result.reserved.push(readRange(v, budget))),
  })
  return result
}

function readRange(bytes: Uint8Array, budget: Budget): [start: number, end: number] {
  const range: [number, number] = [0, 0]
  spend(budget)
  readWith(bytes, { 1: int((v) => (range[0] = v)), 2: int((v) => (range[1] = v)) })
  return range
}

function readService(bytes: Uint8Array, budget: Budget): RawService {
  const service: RawService = { name: '', view: undefined, connector: undefined, methods: [] }
  spend(budget)
  readWith(bytes, {
    1: text((v) => (service.name = v)),
    2: part((v) => service.methods.push(readMethod(v, budget))),
    3: part((v) => {
      service.view = readView(v, budget) ?? service.view
      service.connector = readConnector(v) ?? service.connector
    }),
  })
  return service
}

function readMethod(bytes: Uint8Array, budget: Budget): RawMethod {
  const method: RawMethod = {
    name: '',
    input: '',
    output: '',
    clientStreaming: false,
    serverStreaming: false,
    ...noMethodOptions(),
  }
  spend(budget)
  readWith(bytes, {
    1: text((v) => (method.name = v)),
    2: text((v) => (method.input = v)),
    3: text((v) => (method.output = v)),
    4: part((v) => readMethodOptions(v, method, budget)),
    5: flag((v) => (method.clientStreaming = v)),
    6: flag((v) => (method.serverStreaming = v)),
  })
  return method
}

function noFeatures(): RawFeatures {
  return { presence: undefined, repeated: undefined, encoding: undefined }
}

function readFeatures(bytes: Uint8Array, into: RawFeatures): void {
  readWith(bytes, {
    1: int((v) => (into.presence = v)),
    3: int((v) => (into.repeated = v)),
    5: int((v) => (into.encoding = v)),
  })
}

/** What holds in a file where nothing else is said. */
export function featuresOf({ syntax, features }: RawFile): Required<RawFeatures> {
  if (syntax === 'proto3') return { presence: 2, repeated: 1, encoding: 1 }
  if (syntax === 'proto2') return { presence: 1, repeated: 2, encoding: 1 }
  // Both editions have the same defaults for these three.
  return inherit({ presence: 1, repeated: 1, encoding: 1 }, features)
}

export function inherit(outer: Required<RawFeatures>, inner: RawFeatures): Required<RawFeatures> {
  return {
    presence: inner.presence ?? outer.presence,
    repeated: inner.repeated ?? outer.repeated,
    encoding: inner.encoding ?? outer.encoding,
  }
}

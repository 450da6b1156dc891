// Schema: the messages, enums and services of a component, as tables that the ingress, the router and the tools walk.
//
// S1. Built only by load.ts from a checked FileDescriptorSet; every reference is resolved, every name is an identifier.
//
// No code is generated from it: descriptors come from strangers.

export type ScalarType =
  | 'double'
  | 'float'
  | 'int64'
  | 'uint64'
  | 'int32'
  | 'fixed64'
  | 'fixed32'
  | 'bool'
  | 'string'
  | 'bytes'
  | 'uint32'
  | 'sfixed32'
  | 'sfixed64'
  | 'sint32'
  | 'sint64'

export type FieldType =
  | { readonly kind: 'scalar'; readonly scalar: ScalarType }
  | { readonly kind: 'enum'; readonly enum: EnumType }
  | { readonly kind: 'message'; readonly message: MessageType }
  /** `message` is the synthetic entry type. */
  | { readonly kind: 'map'; readonly key: ScalarType; readonly value: FieldType }

export interface Field {
  /** As in the .proto. */
  readonly name: string
  readonly jsonName: string
  readonly number: number
  readonly type: FieldType
  /** Maps are not `repeated`. */
  readonly repeated: boolean
  readonly packed: boolean
  /** Set or unset can be told apart: messages, `optional`, members of a oneof, proto2. */
  readonly presence: boolean
  /** Name of the oneof it belongs to; synthetic ones (of `optional`) do not count. */
  readonly oneof: string | undefined
  /** Marked as entity key by any of the three options (§key-1). */
  readonly entityKey: boolean
  /** Of a key: a request in which it is empty is for the entity of that name. */
  readonly allowEmptyKey: boolean
  /** Of a field of a view's row (host/views). */
  readonly column: ColumnRule | undefined
}

/** What a .proto says of a column: its key, an index, a name of its own; `''`: that of the field. */
export interface ColumnRule {
  readonly key: boolean
  readonly index: boolean
  readonly name: string
}

export interface MessageType {
  readonly fullName: string
  /** In declaration order. */
  readonly fields: readonly Field[]
  readonly byNumber: ReadonlyMap<number, Field>
  /** By proto name and by JSON name. */
  readonly byName: ReadonlyMap<string, Field>
}

export interface EnumType {
  readonly fullName: string
  readonly byNumber: ReadonlyMap<number, string>
  readonly byName: ReadonlyMap<string, number>
}

export interface HttpRule {
  readonly selector: string
  /** `undefined`: no pattern given. `*`: any method. */
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE' | 'PATCH' | { readonly custom: string } | undefined
  readonly path: string
  readonly body: string
  readonly responseBody: string
  readonly additional: readonly HttpRule[]
}

export interface MethodType {
  readonly name: string
  readonly input: MessageType
  readonly output: MessageType
  readonly clientStreaming: boolean
  readonly serverStreaming: boolean
  /** `google.api.http`, if the method has it. */
  readonly http: HttpRule | undefined
  /** Which option says that it takes events from a topic or gives some. */
  readonly eventing: 'innkeeper' | 'cloudstate' | undefined
  /** Only forwards, effects and schedules call it. */
  readonly internal: boolean
  /** The method whose answers it hears, as SERVICE/METHOD. Such a method is internal. */
  readonly answers: string | undefined
  /** The method of the same service whose answers it follows: the host answers it, and no component is asked (host/watch). */
  readonly watch: string | undefined
  readonly schedules: readonly ScheduleRule[]
  /** What it answers, where it is a query of a view. */
  readonly query: QueryRule | undefined
}

export interface QueryRule {
  readonly sql: string
  readonly live: boolean
}

/** A table of rows, as its .proto says it: names as they are written there. */
export interface ViewRule {
  readonly row: string
  readonly from: readonly string[]
}

/** A service of the outside world, as its .proto says it. */
export interface ConnectorRule {
  /** What a grant names. */
  readonly name: string
  readonly protocol: 'http' | 'grpc'
  /** Of bodies of requests over HTTP. */
  readonly encoding: 'json' | 'form'
}

/** When the host calls a method by itself (host/schedules), as its .proto says it. */
export interface ScheduleRule {
  readonly name: string
  readonly cron: string
  readonly timeZone: string
  readonly missed: 'once' | 'skip'
  readonly json: string
}

/** Its request, its answer or both are a stream. */
export function isStreamed({ clientStreaming, serverStreaming }: MethodType): boolean {
  return clientStreaming || serverStreaming
}

/** Those that a component has functions for: all but watches, which the host answers. */
export function askedMethods({ methods }: Pick<ServiceType, 'methods'>): readonly MethodType[] {
  return [...methods.values()].filter(({ watch }) => watch === undefined)
}

export interface ServiceType {
  readonly fullName: string
  /** Where it is a view. */
  readonly view?: ViewRule | undefined
  /** Where the outside world serves it. */
  readonly connector?: ConnectorRule | undefined
  readonly methods: ReadonlyMap<string, MethodType>
}

export interface FileType {
  readonly name: string
  readonly package: string
  readonly dependencies: readonly string[]
  /** The serialized FileDescriptorProto, as reflection hands it out: without internal methods (public.ts). */
  readonly bytes: Uint8Array
  /** Full names of everything the file declares (messages, fields, enums, services, methods, extensions), internal methods aside. */
  readonly symbols: readonly string[]
  /** Extensions declared here: (extended message, field number). */
  readonly extensions: readonly { readonly extendee: string; readonly number: number }[]
}

export interface Schema {
  readonly files: ReadonlyMap<string, FileType>
  readonly messages: ReadonlyMap<string, MessageType>
  readonly enums: ReadonlyMap<string, EnumType>
  readonly services: ReadonlyMap<string, ServiceType>
}

// Own files: the descriptors of the services that the host itself has on the gRPC port, for reflection.
//
// The same as grpc/reflection/v1/reflection.proto, its v1alpha, and grpc/health/v1/health.proto (without List, which is not
// served), written down as tables: nothing compiles .proto files at run time. Pipelined commands have a .proto of ours, which lies compiled among the
// standard files.

import { loadSchema } from '../../schema/load.ts'
import type { Schema } from '../../schema/schema.ts'
import { standardSet } from '../../schema/standard.ts'
import { Sink } from '../../transcode/sink.ts'
import { commandsFile } from '../commands/text.ts'

/** `repeated`, then a scalar or a name of this file, name, number; those after `oneof NAME` belong to it. */
type Messages = Readonly<Record<string, string>>

interface OwnFile {
  readonly name: string
  readonly package: string
  readonly messages: Messages
  readonly enums?: Readonly<Record<string, readonly string[]>>
  readonly service: string
  /** Name, input, output; `stream` before what streams. */
  readonly methods: readonly string[]
}

const reflection = (version: string): OwnFile => ({
  name: `grpc/reflection/${version}/reflection.proto`,
  package: `grpc.reflection.${version}`,
  messages: {
    ServerReflectionRequest: `string host 1; oneof message_request; string file_by_filename 3; string file_containing_symbol 4;
      ExtensionRequest file_containing_extension 5; string all_extension_numbers_of_type 6; string list_services 7`,
    ExtensionRequest: 'string containing_type 1; int32 extension_number 2',
    ServerReflectionResponse: `string valid_host 1; ServerReflectionRequest original_request 2; oneof message_response;
      FileDescriptorResponse file_descriptor_response 4; ExtensionNumberResponse all_extension_numbers_response 5;
      ListServiceResponse list_services_response 6; ErrorResponse error_response 7`,
    FileDescriptorResponse: 'repeated bytes file_descriptor_proto 1',
    ExtensionNumberResponse: 'string base_type_name 1; repeated int32 extension_number 2',
    ListServiceResponse: 'repeated ServiceResponse service 1',
    ServiceResponse: 'string name 1',
    ErrorResponse: 'int32 error_code 1; string error_message 2',
  },
  service: 'ServerReflection',
  methods: ['ServerReflectionInfo stream ServerReflectionRequest stream ServerReflectionResponse'],
})

const health: OwnFile = {
  name: 'grpc/health/v1/health.proto',
  package: 'grpc.health.v1',
  messages: {
    HealthCheckRequest: 'string service 1',
    HealthCheckResponse: 'HealthCheckResponse.ServingStatus status 1',
  },
  enums: { 'HealthCheckResponse.ServingStatus': ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'] },
  service: 'Health',
  methods: ['Check HealthCheckRequest HealthCheckResponse', 'Watch HealthCheckRequest stream HealthCheckResponse'],
}

const typeNumbers: Readonly<Record<string, number>> = { int32: 5, string: 9, bytes: 12 }

/** Files, messages and symbols of the host's own services. */
export const ownSchema: Schema = loadSchema(
  Buffer.concat([descriptorSet([reflection('v1'), reflection('v1alpha'), health]), standardSet(commandsFile)]),
)

/** Field numbers in here: google/protobuf/descriptor.proto. */
function descriptorSet(files: readonly OwnFile[]): Uint8Array {
  const out = new Sink()
  for (const file of files) part(out, 1, () => writeFile(out, file))
  return out.finish()
}

function writeFile(out: Sink, file: OwnFile): void {
  text(out, 1, file.name)
  text(out, 2, file.package)
  for (const [name, fields] of Object.entries(file.messages)) part(out, 4, () => writeMessage(out, file, name, fields))
  part(out, 6, () => {
    text(out, 1, file.service)
    for (const method of file.methods) part(out, 2, () => writeMethod(out, file, method))
  })
  text(out, 12, 'proto3')
}

function writeMessage(out: Sink, file: OwnFile, name: string, fields: string): void {
  text(out, 1, name)
  let oneof: string | undefined
  for (const field of fields.split(/;\s*/)) {
    const words = field.split(' ')
    if (words[0] === 'oneof') oneof = words[1]!
    else part(out, 2, () => writeField(out, file, words, oneof !== undefined))
  }
  for (const [enumName, values] of Object.entries(file.enums ?? {})) {
    if (enumName.startsWith(`${name}.`)) part(out, 4, () => writeEnum(out, enumName.slice(name.length + 1), values))
  }
  if (oneof !== undefined) part(out, 8, () => text(out, 1, oneof!))
}

function writeField(out: Sink, file: OwnFile, words: readonly string[], inOneof: boolean): void {
  const repeated = words[0] === 'repeated'
  const [type, name, fieldNumber] = (repeated ? words.slice(1) : words) as [string, string, string]
  text(out, 1, name)
  number(out, 3, Number(fieldNumber))
  number(out, 4, repeated ? 3 : 1)
  const scalar = typeNumbers[type]
  number(out, 5, scalar ?? (file.enums?.[type] === undefined ? 11 : 14))
  if (scalar === undefined) text(out, 6, `.${file.package}.${type}`)
  if (inOneof) number(out, 9, 0)
}

function writeEnum(out: Sink, name: string, values: readonly string[]): void {
  text(out, 1, name)
  for (const [index, value] of values.entries()) {
    part(out, 2, () => {
      text(out, 1, value)
      number(out, 2, index)
    })
  }
}

function writeMethod(out: Sink, file: OwnFile, method: string): void {
  const [, name, inStream, input, outStream, output] = /^(\w+) (stream )?(\w+) (stream )?(\w+)$/.exec(method)!
  text(out, 1, name!)
  text(out, 2, `.${file.package}.${input}`)
  text(out, 3, `.${file.package}.${output}`)
  if (inStream !== undefined) number(out, 5, 1)
  if (outStream !== undefined) number(out, 6, 1)
}

function part(out: Sink, field: number, write: () => void): void {
  out.varint(field * 8 + 2)
  const start = out.open()
  write()
  out.close(start)
}

function text(out: Sink, field: number, value: string): void {
  out.varint(field * 8 + 2)
  out.string(value)
}

function number(out: Sink, field: number, value: number): void {
  out.varint(field * 8)
  out.varint(value)
}

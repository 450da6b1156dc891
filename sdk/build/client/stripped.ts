// Stripped: a file's descriptor without what a client has no use for: options of Innkeeper and of HTTP, comments, other languages' options.
//
// T1. Extensions in options are left out, so nothing that only the host reads (SQL, schedules) goes to browsers.
// T2. What changes bytes or types stays: features, packed, jstype, default values, deprecated, idempotency_level.

import type { Message } from '@bufbuild/protobuf'
import { clone, create } from '@bufbuild/protobuf'
import type {
  DescriptorProto,
  EnumDescriptorProto,
  FieldDescriptorProto,
  FileDescriptorProto,
} from '@bufbuild/protobuf/wkt'
import { FileDescriptorProtoSchema, FileOptionsSchema } from '@bufbuild/protobuf/wkt'

export function stripped(given: FileDescriptorProto): FileDescriptorProto {
  const file = clone(FileDescriptorProtoSchema, given)
  if (file.options !== undefined) {
    const { features, deprecated } = file.options
    file.options = create(FileOptionsSchema, { deprecated, ...(features && { features }) })
    bare(file.options.features)
  }
  delete file.sourceCodeInfo
  file.messageType.forEach(bareMessage)
  file.enumType.forEach(bareEnum)
  file.extension.forEach(bareField)
  for (const service of file.service) {
    bare(service.options)
    for (const method of service.method) bare(method.options)
  }
  return file
}

function bareMessage(message: DescriptorProto): void {
  bare(message.options)
  message.field.forEach(bareField)
  message.extension.forEach(bareField)
  message.nestedType.forEach(bareMessage)
  message.enumType.forEach(bareEnum)
  for (const oneof of message.oneofDecl) bare(oneof.options)
  for (const range of message.extensionRange) bare(range.options)
}

function bareField(field: FieldDescriptorProto): void {
  bare(field.options)
}

function bareEnum(type: EnumDescriptorProto): void {
  bare(type.options)
  for (const value of type.value) bare(value.options)
}

/** Extensions are fields that descriptor.proto does not know. */
function bare(options: (Message & { features?: Message | undefined }) | undefined): void {
  if (options === undefined) return
  delete options.$unknown
  if (options.features !== undefined) delete options.features.$unknown
}

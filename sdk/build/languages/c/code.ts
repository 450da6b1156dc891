// C code: a checked schema becomes a header and a source for each .proto that the services reach, and component.c, which names
// the services and has the descriptors.
//
// Leaves to others: which files are reached (codegen/generate.ts), identifiers (names.ts), messages (message.ts), services
// (service.ts), what runs (sdk/c).

import type { FieldType, FileType, Schema } from '../../../../host/schema/schema.ts'
import type { GeneratedFile } from '../../codegen/generate.ts'
import { declared, importedMessages, reachedFiles } from '../../codegen/generate.ts'
import { declaringFiles } from '../../codegen/names.ts'
import { enumCode, helpersCode, readCode, structCode, typeCode, writeCode } from './message.ts'
import { CNames, headerPath } from './names.ts'
import {
  callsCode,
  deferredCode,
  eventsCode,
  eventsDeclared,
  hasEvents,
  nameCode,
  reasonCode,
  rowOf,
  serviceMacros,
} from './service.ts'

/** For the files in `roots` (names in the descriptor set) and whatever their messages and methods refer to. */
export function generateC(schema: Schema, roots: readonly string[], descriptors: Uint8Array): readonly GeneratedFile[] {
  const files = [...reachedFiles(schema, roots)]
  const c = new CNames(schema, files)
  return [
    ...files.flatMap((file) => [
      { path: headerPath(file), text: headerCode(schema, c, file) },
      { path: `${headerPath(file).slice(0, -1)}c`, text: sourceCode(schema, c, file) },
    ]),
    { path: 'component.c', text: componentCode(schema, c, files, roots, descriptors) },
  ]
}

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
    ...messages.map((message) => [...helpersCode(c, message), ...reasonCode(c, message)]),
    ...services.map((service) => [
      `extern const ik_service ${c.of(service.fullName)}_service;`,
      ...nameCode(schema, c, service),
      ...callsCode(c, service),
      ...deferredCode(c, service),
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
  const fileOf = declaringFiles(schema)
  const found = new Set<FileType>()
  const visit = (type: FieldType): void => {
    if (type.kind === 'message') found.add(fileOf(type.message.fullName))
    else if (type.kind === 'enum') found.add(fileOf(type.enum.fullName))
    else if (type.kind === 'map') visit(type.value)
  }
  const { messages, services } = declared(schema, file)
  for (const message of messages) for (const { type } of message.fields) visit(type)
  for (const service of services) {
    for (const { input, output } of service.methods.values()) {
      found.add(fileOf(input.fullName))
      found.add(fileOf(output.fullName))
    }
    for (const { fullName } of importedMessages(schema, fileOf, service)) found.add(fileOf(fullName))
    const row = rowOf(schema, service)
    if (row !== undefined) found.add(fileOf(row.fullName))
  }
  found.delete(file)
  return [...found]
}

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

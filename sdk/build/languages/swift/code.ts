// Swift code: a checked schema becomes a file for each .proto that the services reach, and Component.swift, which answers the
// host by the author's `services` and has the descriptors.
//
// Leaves to others: which files are reached (codegen/generate.ts), identifiers (names.ts), messages (message.ts), services
// (service.ts), what runs (sdk/swift).

import type { FileType, Schema } from '../../../../host/schema/schema.ts'
import type { GeneratedFile } from '../../codegen/generate.ts'
import { declared, reachedFiles } from '../../codegen/generate.ts'
import { enumCode, messageCode } from './message.ts'
import { SwiftNames } from './names.ts'
import { serviceCode } from './service.ts'

/** For the files in `roots` (names in the descriptor set) and whatever their messages and methods refer to. */
export function generateSwift(
  schema: Schema,
  roots: readonly string[],
  descriptors: Uint8Array,
): readonly GeneratedFile[] {
  const files = [...reachedFiles(schema, roots)]
  const names = new SwiftNames(schema, files, roots)
  return [
    ...files.map((file) => ({ path: pathOf(file), text: fileCode(schema, names, file) })),
    { path: 'Component.swift', text: componentCode(descriptors) },
  ]
}

/** Files of one module cannot share a name: `google/type/date.proto` is `google_type_date.swift`. */
function pathOf(file: FileType): string {
  return `${file.name.replace(/\.proto$/, '').replaceAll('/', '_')}.swift`
}

function fileCode(schema: Schema, names: SwiftNames, file: FileType): string {
  const { messages, enums, services } = declared(schema, file)
  const blocks = [
    `// Generated from ${file.name} by inn build. Do not edit: the next build overwrites it.\nimport Innkeeper`,
    ...enums.map((type) => enumCode(names, type)),
    ...messages.map((message) => messageCode(names, message)),
    ...messages.flatMap(({ fullName }) =>
      fullName === 'google.rpc.Status' ? [`extension ${names.of(fullName)}: Innkeeper.Failure {}`] : [],
    ),
    ...services.map((service) => serviceCode(names, service)),
  ]
  return `${blocks.join('\n\n')}\n`
}

/** Functions of the contract, as innkeeper.h declares them, and what each calls. */
const functions: readonly (readonly [name: string, parameters: readonly string[], call: string])[] = [
  [
    'event_sourced_decide',
    [
      'ik_text',
      'ik_text',
      'UnsafePointer<ik_basis>',
      'UnsafePointer<ik_command_list>',
      'Swift.Bool',
      'UnsafeMutablePointer<ik_decide_answer>',
    ],
    'decideEvents(services, $0, $1, $2.pointee, $3.pointee, $4, $5)',
  ],
  [
    'event_sourced_evolve',
    [
      'ik_text',
      'ik_text',
      'UnsafePointer<ik_basis>',
      'UnsafePointer<ik_typed_list>',
      'Swift.Bool',
      'UnsafeMutablePointer<ik_evolve_answer>',
    ],
    'evolve(services, $0, $2.pointee, $3.pointee, $5)',
  ],
  [
    'value_decide',
    [
      'ik_text',
      'ik_text',
      'UnsafePointer<ik_basis>',
      'UnsafePointer<ik_command_list>',
      'UnsafeMutablePointer<ik_value_answer>',
    ],
    'decideValue(services, $0, $1, $2.pointee, $3.pointee, $4)',
  ],
  [
    'replicated_reads',
    ['ik_text', 'UnsafePointer<ik_command>', 'UnsafeMutablePointer<ik_bytes_list>'],
    'reads(services, $0, $1.pointee, $2)',
  ],
  [
    'replicated_decide',
    ['ik_text', 'ik_text', 'ik_bytes', 'UnsafePointer<ik_command>', 'UnsafeMutablePointer<ik_replicated_decision>'],
    'decideReplicated(services, $0, $1, $2, $3.pointee, $4)',
  ],
  [
    'replicated_render',
    ['ik_text', 'ik_text', 'ik_bytes', 'UnsafePointer<ik_command>', 'ik_bytes', 'UnsafeMutablePointer<ik_outcome>'],
    'render(services, $0, $1, $2, $3.pointee, $4, $5)',
  ],
  [
    'replicated_changed',
    [
      'ik_text',
      'ik_text',
      'ik_bytes',
      'UnsafePointer<ik_subscription_list>',
      'Swift.Double',
      'UnsafeMutablePointer<ik_stream_step_list>',
    ],
    'changed(services, $0, $1, $2, $3.pointee, $4, $5)',
  ],
  [
    'replicated_cancelled',
    [
      'ik_text',
      'ik_text',
      'ik_bytes',
      'UnsafePointer<ik_subscription>',
      'Swift.Double',
      'UnsafeMutablePointer<ik_replicated_decision>',
    ],
    'cancelled(services, $0, $1, $2, $3.pointee, $4, $5)',
  ],
  [
    'action_call',
    ['ik_text', 'UnsafePointer<ik_command_list>', 'UnsafeMutablePointer<ik_outcome_list>'],
    'call(services, $0, $1.pointee, $2)',
  ],
  [
    'action_stream',
    [
      'ik_text',
      'ik_text',
      'UnsafePointer<ik_bytes>?',
      'UnsafePointer<ik_input_list>',
      'Swift.Double',
      'UnsafePointer<Swift.UInt32>',
      'UnsafeMutablePointer<ik_action_step>',
    ],
    'stream(services, $0, $1, $2, $3.pointee, $4, $5, $6)',
  ],
  [
    'view_keys',
    ['ik_text', 'UnsafePointer<ik_view_change_list>', 'UnsafeMutablePointer<ik_keys_list>'],
    'viewKeys(services, $0, $1.pointee, $2)',
  ],
  [
    'view_project',
    [
      'ik_text',
      'UnsafePointer<ik_view_change_list>',
      'UnsafePointer<ik_row_list>',
      'UnsafeMutablePointer<ik_rows_list>',
    ],
    'viewProject(services, $0, $1.pointee, $2.pointee, $3)',
  ],
  ['describe', ['UnsafeMutablePointer<ik_description>'], 'describe(services, descriptors, $0)'],
]

function componentCode(descriptors: Uint8Array): string {
  return [
    '// Generated by inn build. Do not edit: the next build overwrites it.',
    '// The functions of the contract, and a google.protobuf.FileDescriptorSet of the files.',
    'import Innkeeper',
    'import InnkeeperABI',
    '',
    ...functions.flatMap(([name, parameters, call]) => {
      const list = parameters.map((type, index) => `_ a${index}: ${type}`).join(', ')
      const body = call.replace(/\$(\d)/g, 'a$1')
      return [`@_cdecl("ik_guest_${name}")`, `func ik_guest_${name}(${list}) { Innkeeper.Guest.${body} }`, '']
    }),
    // A literal of text: an array's elements would each be code, or a global that is made at run time.
    `private let descriptorText: Swift.StaticString = "${base64(descriptors)}"`,
    'private var descriptors: [Swift.UInt8] { Innkeeper.Guest.fromBase64(descriptorText) }',
    '',
  ].join('\n')
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}

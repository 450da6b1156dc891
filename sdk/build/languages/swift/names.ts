// Names in Swift: identifiers of messages, enums, services, fields and cases.
//
// C1. All generated code is one module: a type's name is unique in it. Types of the built files have theirs first; another that
//     would share one is called after its package, `GoogleProtobuf_Timestamp`. Messages within messages are `Outer_Inner`.
// C2. A word of Swift is written in backticks; the few that cannot be get a `_`.

import { defaultJsonName } from '../../../../host/schema/load.ts'
import type { EnumType, FileType, MessageType, Schema } from '../../../../host/schema/schema.ts'
import { declared } from '../../codegen/generate.ts'
import { lowerFirst } from '../../codegen/names.ts'

const keywords: ReadonlySet<string> = new Set(
  (
    'associatedtype class deinit enum extension fileprivate func import inout internal let open operator private ' +
    'precedencegroup protocol public rethrows static struct subscript typealias var break case catch continue default defer do ' +
    'else fallthrough for guard if in repeat return throw switch where while Any as await false is nil super throws true try'
  ).split(' '),
)
/** Not even in backticks, or not without confusion. */
const impossible: ReadonlySet<string> = new Set(['init', 'self', 'Self', 'Type', 'Protocol', 'encode', 'decode', '_'])
/** What generated code says without naming the module it means. */
const taken = ['Swift', 'Innkeeper', 'InnkeeperABI', 'String', 'Bool', 'Int32', 'Int64', 'UInt8', 'UInt32', 'UInt64']

export function legal(name: string): string {
  return impossible.has(name) ? `${name}_` : keywords.has(name) ? `\`${name}\`` : name
}

export function upperFirst(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1)
}

/** `add_item` and `AddItem` to `addItem`. */
export function lowerCamel(name: string): string {
  return lowerFirst(defaultJsonName(name)) || name
}

export class SwiftNames {
  private readonly names = new Map<string, string>()
  private readonly used = new Set<string>([...taken, 'Float', 'Double', 'StaticString', 'services', 'descriptors'])

  /** The first `roots` of the files are the built ones. */
  constructor(schema: Schema, files: readonly FileType[], roots: readonly string[]) {
    const ordered = [...files].sort((a, b) => Number(roots.includes(b.name)) - Number(roots.includes(a.name)))
    for (const file of ordered) {
      const { messages, enums, services } = declared(schema, file)
      for (const { fullName } of [...messages, ...enums]) this.name(file, fullName, [''])
      for (const { fullName } of services) this.name(file, fullName, serviceSuffixes)
    }
  }

  of(fullName: string): string {
    const name = this.names.get(fullName)
    if (name === undefined) throw new Error(`bug: ${fullName} has no name in Swift`)
    return name
  }

  /** `suffixes`: of the identifiers that are made of the name. */
  private name({ package: from }: FileType, fullName: string, suffixes: readonly string[]): void {
    const local = upperFirst((from === '' ? fullName : fullName.slice(from.length + 1)).replaceAll('.', '_'))
    const isFree = (name: string): boolean =>
      suffixes.every((suffix) => !this.used.has(name + suffix) && !impossible.has(name + suffix) && !keywords.has(name))
    let name = local
    if (!isFree(name)) name = `${from.split('.').map(upperFirst).join('')}_${local}`
    while (!isFree(name)) name += '_'
    for (const suffix of suffixes) this.used.add(name + suffix)
    this.names.set(fullName, name)
  }
}

const serviceSuffixes = ['EventSourced', 'Value', 'Replicated', 'Action', 'Calls', 'Answers', 'Hears'] as const

/** The property of a field, and of a oneof. */
export function properties(message: MessageType): ReadonlyMap<string, string> {
  const names = new Map<string, string>()
  const used = new Set<string>()
  for (const field of message.fields) {
    const name = field.oneof ?? field.name
    if (names.has(name)) continue
    let property = lowerCamel(name)
    while (used.has(property)) property += '_'
    used.add(property)
    names.set(name, legal(property))
  }
  return names
}

/** The enum of a oneof, within its message. */
export function oneofName(oneof: string): string {
  return `OneOf${upperFirst(lowerCamel(oneof))}`
}

/** `MOOD_CALM` of `Mood` to `calm`; of several that would be the same the later ones get a `_`. */
export function caseNames(type: EnumType): ReadonlyMap<string, string> {
  const local = type.fullName.split('.').at(-1)!
  const prefix = `${local.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase()}_`
  const names = new Map<string, string>()
  const used = new Set<string>(['rawValue'])
  for (const name of type.byName.keys()) {
    const rest = name.startsWith(prefix) && /^[A-Z]/.test(name.slice(prefix.length)) ? name.slice(prefix.length) : name
    let found = lowerCamel(rest === rest.toUpperCase() ? rest.toLowerCase() : rest)
    while (used.has(found)) found += '_'
    used.add(found)
    names.set(name, legal(found))
  }
  return names
}

// Names in C: identifiers of messages, enums and services.
//
// C3. An identifier is `package_message`, with the last part of the package that is no version; the whole package where two
//     packages would share that. What is taken, or a word of C or C++, gets a `_`; so does a message whose own functions would have names that
//     are taken, as those of a message Item beside a message ItemType.

import type { FileType, MessageType, Schema } from '../../../../host/schema/schema.ts'
import { declared } from '../../codegen/generate.ts'

export function headerPath(file: FileType): string {
  return `${file.name.replace(/\.proto$/, '')}.h`
}

const keywords: ReadonlySet<string> = new Set(
  (
    'alignas alignof and and_eq asm auto bitand bitor bool break case catch char class compl const const_cast constexpr ' +
    'continue decltype default delete do double dynamic_cast else enum explicit export extern false float for friend goto if ' +
    'inline int long mutable namespace new noexcept not not_eq nullptr operator or or_eq private protected public register ' +
    'reinterpret_cast requires restrict return short signed sizeof static static_assert static_cast struct switch template ' +
    'this thread_local throw true try typedef typeid typename typeof union unsigned using virtual void volatile wchar_t while ' +
    'xor xor_eq NULL EOF errno stdin stdout stderr unix linux'
  ).split(' '),
)

export function legal(name: string): string {
  return keywords.has(name) ? `${name}_` : name
}

/** `AddItemRequest` to `add_item_request`. */
export function snake(name: string): string {
  return name
    .replaceAll('.', '_')
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1_$2')
    .toLowerCase()
}

/** Identifiers: types of messages and enums, prefixes of services. */
export class CNames {
  private readonly byFullName = new Map<string, string>()
  private readonly taken = new Set<string>()
  private readonly prefixes: ReadonlyMap<string, string>

  constructor(schema: Schema, files: readonly FileType[]) {
    this.prefixes = prefixesOf(files)
    this.nameServices(schema, files)
    for (const file of files) {
      const { messages, enums } = declared(schema, file)
      for (const { fullName } of enums) this.name(file, fullName, () => [])
      for (const message of messages) this.name(file, message.fullName, (name) => functionsOf(name, message))
    }
  }

  private nameServices(schema: Schema, files: readonly FileType[]): void {
    for (const file of files) {
      for (const { fullName } of declared(schema, file).services)
        this.byFullName.set(fullName, snake(this.local(file, fullName)))
    }
    // Two services of one name in different packages.
    const services = files.flatMap((file) => declared(schema, file).services.map((service) => ({ file, service })))
    const counts = new Map<string, number>()
    for (const { service } of services) {
      const name = this.of(service.fullName)
      counts.set(name, (counts.get(name) ?? 0) + 1)
    }
    for (const { file, service } of services) {
      const own = this.of(service.fullName)
      let name = counts.get(own) === 1 ? own : `${this.prefixes.get(file.package)!}${own}`
      const parts = ['service', 'methods', 'events', 'run']
      while (parts.some((part) => this.taken.has(`${name}_${part}`))) name += '_'
      this.byFullName.set(service.fullName, name)
      for (const part of parts) this.taken.add(`${name}_${part}`)
    }
  }

  of(fullName: string): string {
    const name = this.byFullName.get(fullName)
    if (name === undefined) throw new Error(`bug: ${fullName} has no name in C`)
    return name
  }

  /** A free identifier, for functions beside the types. */
  free(name: string): string {
    let free = name
    while (this.taken.has(free)) free += '_'
    return free
  }

  /** `alongside`: the identifiers that come with that name. */
  private name(file: FileType, fullName: string, alongside: (name: string) => readonly string[]): void {
    let name = `${this.prefixes.get(file.package)!}${snake(this.local(file, fullName))}`
    const isTaken = () => [name, ...alongside(name)].some((one) => this.taken.has(one) || keywords.has(one))
    while (isTaken()) name += '_'
    for (const one of [name, ...alongside(name)]) this.taken.add(one)
    this.byFullName.set(fullName, name)
  }

  private local({ package: name }: FileType, fullName: string): string {
    return name === '' ? fullName : fullName.slice(name.length + 1)
  }
}

/** What message.ts makes for a message, beside its type. */
function functionsOf(name: string, { fields }: MessageType): readonly string[] {
  const own = ['type', 'write', 'read', 'encode', 'decode', 'new', 'detail', 'array'].map((part) => `${name}_${part}`)
  const ofFields = fields.flatMap((field) => {
    const parts = field.type.kind === 'map' ? ['put', 'find'] : field.repeated ? ['add'] : []
    const entry = field.type.kind === 'map' ? [`${name}_${field.name}_entry`, `${name}_${field.name}_entry_array`] : []
    return [...parts.map((part) => `${name}_${part}_${field.name}`), ...entry]
  })
  return [...own, ...ofFields]
}

/** Of each package, with its `_`. */
function prefixesOf(files: readonly FileType[]): ReadonlyMap<string, string> {
  const packages = [...new Set(files.map((file) => file.package))]
  const short = (name: string): string => {
    const parts = name.split('.').filter((part) => !/^v\d+((alpha|beta)\d*)?$/.test(part))
    return snake(parts.at(-1) ?? name)
  }
  return new Map(
    packages.map((name) => {
      if (name === '') return [name, '']
      const isShared = packages.some((other) => other !== name && short(other) === short(name))
      return [name, `${isShared ? snake(name) : short(name)}_`]
    }),
  )
}

export function constantOf(name: string): string {
  return name.toUpperCase()
}

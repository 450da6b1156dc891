// Gathered: the files of several components as one set, of which code can be generated.
//
// G1. Two components may bring files of one name that say different things, and files that say the same: the first are two files, the second
//     one. What services a file declares makes no difference.
// G2. A file is called by its package and its own name, `shop/v1/shop.proto`, so that no other component that is deployed changes its name.
//     Only where that names two files is the name of a service before it.
// G3. No name leaves the folder: packages are identifiers (load.L2), and of a file's name only letters, digits and `_` are kept.
// G4. A file imports those that declare what it uses, and no others. Files that nothing uses are left out.
//
// Leaves to others: what of a file is kept (stripped.ts), which services and methods there are (client-code.ts).

import { createHash } from 'node:crypto'
import { clone, fromBinary, toBinary } from '@bufbuild/protobuf'
import type {
  DescriptorProto,
  FieldDescriptorProto,
  FileDescriptorProto,
  ServiceDescriptorProto,
} from '@bufbuild/protobuf/wkt'
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { stripped } from './stripped.ts'

/** A component's descriptors, and which of its services are wanted. */
export interface Brought {
  readonly descriptors: Uint8Array
  readonly services: readonly string[]
}

/** Files before those that import them. */
export function gathered(all: readonly Brought[]): readonly FileDescriptorProto[] {
  const groups = new Map<string, Group>()
  for (const brought of all) new Gathering(brought, groups).gather()
  return inOrder(named([...groups.values()]))
}

/** The same file, wherever it came from. */
interface Group {
  readonly file: FileDescriptorProto
  readonly key: string
  readonly imports: Set<Group>
  /** A service of a component that brought it: the first, by its name. */
  owner: string
  name: string
}

class Gathering {
  private readonly files = new Map<string, FileDescriptorProto>()
  private readonly services: readonly string[]
  private readonly groups: Map<string, Group>
  private readonly met = new Map<string, Group>()
  /** Where each type is declared. */
  private readonly declared = new Map<string, string>()

  constructor({ descriptors, services }: Brought, groups: Map<string, Group>) {
    this.services = [...services].sort()
    this.groups = groups
    for (const file of fromBinary(FileDescriptorSetSchema, descriptors).file) {
      this.files.set(file.name, stripped(file))
      for (const name of typesOf(file)) this.declared.set(name, file.name)
    }
  }

  gather(): void {
    for (const file of this.files.values()) {
      const wanted = file.service.filter(({ name }) => this.services.includes(dotted(file.package, name)))
      if (wanted.length === 0) continue
      const group = this.groupOf(file)
      for (const service of wanted) this.add(group, service)
    }
  }

  private add(group: Group, service: ServiceDescriptorProto): void {
    group.file.service.push(service)
    group.file.service.sort((a, b) => (a.name < b.name ? -1 : 1))
    for (const { inputType, outputType } of service.method) {
      for (const type of [inputType, outputType]) {
        const used = this.groupOf(this.fileOf(type))
        if (used !== group) group.imports.add(used)
      }
    }
  }

  private groupOf(file: FileDescriptorProto): Group {
    const met = this.met.get(file.name)
    if (met !== undefined) return met
    const names = new Set(usedTypes(file).map((type) => this.fileOf(type).name))
    names.delete(file.name)
    const imports = [...names].sort().map((name) => this.groupOf(this.files.get(name)!))
    const bare = clone(FileDescriptorProtoSchema, file)
    Object.assign(bare, { service: [], dependency: [], publicDependency: [], weakDependency: [], optionDependency: [] })
    const hash = createHash('sha256').update(toBinary(FileDescriptorProtoSchema, bare))
    for (const { key } of imports) hash.update(key)
    const key = standard(file.name) ? file.name : hash.digest('hex')
    const owner = this.services[0]!
    const known = this.groups.get(key)
    if (known !== undefined && owner < known.owner) known.owner = owner
    const group = known ?? { file: bare, key, imports: new Set(imports), owner, name: '' }
    this.groups.set(key, group)
    this.met.set(file.name, group)
    return group
  }

  private fileOf(type: string): FileDescriptorProto {
    return this.files.get(this.declared.get(type.slice(1))!)!
  }
}

/** Those that @bufbuild/protobuf has. */
export function standard(file: string): boolean {
  return /^google\/protobuf\/\w+\.proto$/.test(file)
}

function named(groups: readonly Group[]): readonly Group[] {
  const alike = Map.groupBy(groups, ({ file }) => ownName(file).toLowerCase())
  for (const group of groups) {
    const name = ownName(group.file)
    group.name = alike.get(name.toLowerCase())!.length === 1 ? name : `${group.owner}/${name}`
  }
  return groups
}

function ownName(file: FileDescriptorProto): string {
  if (standard(file.name)) return file.name
  const stem = file.name
    .slice(file.name.lastIndexOf('/') + 1)
    .replace(/\.proto$/, '')
    .replace(/\W/g, '_')
  return [...file.package.split('.'), `${stem}.proto`].filter((part) => part !== '').join('/')
}

function inOrder(groups: readonly Group[]): readonly FileDescriptorProto[] {
  const done = new Set<Group>()
  const files: FileDescriptorProto[] = []
  const visit = (group: Group): void => {
    if (done.has(group)) return
    done.add(group)
    for (const used of byName(group.imports)) visit(used)
    const { file, imports, name } = group
    files.push(Object.assign(file, { name, dependency: byName(imports).map((one) => one.name) }))
  }
  byName(groups).forEach(visit)
  return files
}

function byName(groups: Iterable<Group>): readonly Group[] {
  return [...groups].sort((a, b) => (a.name < b.name ? -1 : 1))
}

function typesOf(file: FileDescriptorProto): readonly string[] {
  const within = (scope: string, { name, nestedType, enumType }: DescriptorProto): string[] => {
    const own = dotted(scope, name)
    return [own, ...nestedType.flatMap((nested) => within(own, nested)), ...enumType.map((e) => dotted(own, e.name))]
  }
  return [
    ...file.messageType.flatMap((message) => within(file.package, message)),
    ...file.enumType.map(({ name }) => dotted(file.package, name)),
  ]
}

/** With a dot before them. Of its services nothing. */
function usedTypes(file: FileDescriptorProto): readonly string[] {
  const ofField = ({ typeName, extendee }: FieldDescriptorProto): string[] =>
    [typeName, extendee].filter((name) => name !== '')
  const ofMessage = ({ field, extension, nestedType }: DescriptorProto): string[] => [
    ...[...field, ...extension].flatMap(ofField),
    ...nestedType.flatMap(ofMessage),
  ]
  return [...file.messageType.flatMap(ofMessage), ...file.extension.flatMap(ofField)]
}

function dotted(scope: string, name: string): string {
  return scope === '' ? name : `${scope}.${name}`
}

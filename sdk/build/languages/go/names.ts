// Names in Go: identifiers of messages, enums, services, values and members of oneofs, as protoc-gen-go has them.
//
// N1. All is in one package: a name that a later file has again gets the name of its protobuf package in front.

import type { FileType, Schema } from '../../../../host/schema/schema.ts'
import { declared } from '../../codegen/generate.ts'

/** Names in the package by full protobuf name; a member of a oneof and a value of an enum by theirs below it. */
export type Names = ReadonlyMap<string, string>

/** `kinds`: what the code for each kind of service is called after. */
export function goNames(schema: Schema, files: readonly FileType[], kinds: readonly string[]): Names {
  const names = new Map<string, string>()
  const taken = new Set<string>()
  const give = (key: string, wanted: string): void => {
    let name = wanted
    while (taken.has(name)) name += '_'
    taken.add(name)
    names.set(key, name)
  }
  for (const file of files) {
    const { messages, enums, services } = declared(schema, file)
    for (const { fullName } of [...messages, ...enums, ...services]) {
      const wanted = camelCase(localName(file, fullName))
      give(fullName, taken.has(wanted) ? `${camelCase(file.package.split('.').at(-1) ?? '')}${wanted}` : wanted)
    }
  }
  for (const file of files) {
    const { messages, enums, services } = declared(schema, file)
    for (const { fullName, byName } of enums) {
      // As C++ has it, values of a nested enum belong to the message around it.
      const scope = schema.messages.has(parentOf(fullName)) ? names.get(parentOf(fullName))! : names.get(fullName)!
      for (const value of byName.keys()) give(`${fullName}.${value}`, `${scope}_${value}`)
    }
    for (const { fullName, fields } of messages) {
      for (const { name, oneof } of fields) {
        if (oneof !== undefined) give(`${fullName}.${name}`, `${names.get(fullName)}_${camelCase(name)}`)
      }
    }
    for (const { fullName } of services) {
      for (const name of kinds) {
        give(`${fullName}#${name}`, `${names.get(fullName)}${name}`)
        give(`${fullName}#${name}Handler`, `${names.get(fullName)}${name}Handler`)
      }
      for (const name of ['Tickets', 'Hears', 'Name']) give(`${fullName}#${name}`, `${names.get(fullName)}${name}`)
    }
  }
  return names
}

function parentOf(fullName: string): string {
  return fullName.slice(0, Math.max(0, fullName.lastIndexOf('.')))
}

function localName(file: FileType, fullName: string): string {
  return file.package === '' ? fullName : fullName.slice(file.package.length + 1)
}

/** As protoc-gen-go does it: `user_id` to `UserId`, `Outer.Inner` to `Outer_Inner`, `_x` to `X_x` and so on. */
export function camelCase(name: string): string {
  let result = ''
  for (let index = 0; index < name.length; index++) {
    const char = name[index]!
    const next = name[index + 1] ?? ''
    const lowerNext = /[a-z]/.test(next)
    if (char === '.' && lowerNext) continue
    if (char === '.') result += '_'
    else if (char === '_' && (index === 0 || name[index - 1] === '.')) result += 'X'
    else if (char === '_' && lowerNext) continue
    else if (/[0-9]/.test(char)) result += char
    else {
      result += char.toUpperCase()
      for (; /[a-z]/.test(name[index + 1] ?? ''); index++) result += name[index + 1]
    }
  }
  return result
}

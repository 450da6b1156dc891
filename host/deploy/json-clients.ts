// JSON clients: what a new version changes that clients of HTTP/JSON see, though the wire of gRPC does not: names.
//
// Warnings, not reasons: an author who renames a field may know all callers.
//
// Owns: comparing names.   breaking.ts owns: the wire.

import { routesOf, shown } from '../schema/http-rule.ts'
import type { EnumType, Field, FieldType, MessageType, MethodType, Schema, ServiceType } from '../schema/schema.ts'

/** Methods that one sentence lists. */
const listedMax = 3

/** A sentence for each name that is gone, with the methods that are concerned. Services by name, as they are served and as they would be. */
export function jsonBreaks(names: readonly string[], before: Schema, after: Schema): readonly string[] {
  const warnings: string[] = []
  const lost: Lost = { sent: new Map(), read: new Map() }
  for (const name of names) {
    const [was, is] = [before.services.get(name), after.services.get(name)]
    if (was !== undefined && is !== undefined) compareService(was, is, lost, (warning) => warnings.push(warning))
  }
  for (const [what, methods] of lost.sent)
    warnings.push(`${what}: clients that send that name in JSON to ${listed(methods)} are refused`)
  for (const [what, methods] of lost.read)
    warnings.push(`${what}: clients that read that name in JSON from ${listed(methods)} no longer find it`)
  return warnings
}

type Warn = (warning: string) => void

/** Names that are gone, each with the methods in whose requests or answers it was. */
interface Lost {
  readonly sent: Map<string, Set<string>>
  readonly read: Map<string, Set<string>>
}

function listed(methods: ReadonlySet<string>): string {
  const names = [...methods]
  if (names.length > listedMax) return `${names.slice(0, listedMax).join(', ')} and ${names.length - listedMax} more`
  return names.length === 1 ? names[0]! : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}

function compareService(was: ServiceType, is: ServiceType, { sent, read }: Lost, warn: Warn): void {
  for (const method of was.methods.values()) {
    if (method.internal) continue
    const next = is.methods.get(method.name)
    const where = `${was.fullName}/${method.name}`
    if (next?.internal === true) {
      warn(`${where} is internal: clients that call it get PERMISSION_DENIED`)
      continue
    }
    if (next === undefined) {
      warn(`${where} is gone: clients that call it get UNIMPLEMENTED, or 404 on ${paths(was, method).join(', ')}`)
      continue
    }
    const kept = new Set(paths(is, next))
    const gone = paths(was, method).filter((path) => !kept.has(path))
    if (gone.length > 0) warn(`${where}: ${gone.join(', ')} ${gone.length === 1 ? 'is' : 'are'} gone: clients get 404`)
    compareMessages(method.input, next.input, new Set(), (what) => put(sent, what, where))
    compareMessages(method.output, next.output, new Set(), (what, kind) => {
      // Only the JSON name is written.
      if (kind !== 'proto name') put(read, what, where)
    })
  }
}

function put(names: Map<string, Set<string>>, what: string, method: string): void {
  const methods = names.get(what)
  if (methods === undefined) names.set(what, new Set([method]))
  else methods.add(method)
}

function paths({ fullName }: ServiceType, method: MethodType): readonly string[] {
  return routesOf(fullName, method).routes.map(shown)
}

/** `proto name`: the other name of a field, which is read as well, but never written. */
type WarnName = (what: string, kind: 'name' | 'proto name') => void

function compareMessages(was: MessageType, is: MessageType, seen: Set<MessageType>, warn: WarnName): void {
  if (seen.has(was)) return
  seen.add(was)
  for (const field of was.fields) {
    const next = is.byNumber.get(field.number)
    if (next === undefined) warn(`${was.fullName}: the field ${field.name} is gone`, 'name')
    else {
      if (next.jsonName !== field.jsonName)
        warn(`${was.fullName}: the field ${field.jsonName} is now ${next.jsonName}`, 'name')
      else if (next.name !== field.name)
        warn(`${was.fullName}: the field ${field.name} is now ${next.name}`, 'proto name')
      compareTypes(field, next, seen, warn)
    }
  }
}

function compareTypes(was: Pick<Field, 'type'>, is: Pick<Field, 'type'>, seen: Set<MessageType>, warn: WarnName): void {
  const [one, other] = [ofValues(was.type), ofValues(is.type)]
  if (one.kind === 'message' && other.kind === 'message') compareMessages(one.message, other.message, seen, warn)
  else if (one.kind === 'enum' && other.kind === 'enum') compareEnums(one.enum, other.enum, warn)
}

/** Of a map, the type of its values. */
function ofValues(type: FieldType): FieldType {
  return type.kind === 'map' ? type.value : type
}

function compareEnums(was: EnumType, is: EnumType, warn: WarnName): void {
  for (const [name, number] of was.byName) {
    if (is.byName.has(name)) continue
    const next = is.byNumber.get(number)
    warn(`${was.fullName}: the value ${name} is ${next === undefined ? 'gone' : `now ${next}`}`, 'name')
  }
}

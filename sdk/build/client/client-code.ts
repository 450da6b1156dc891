// Client: the typed client of deployed services, as the files of a folder. `inn client` calls this.
//
// K1. The same services give the same bytes, in whatever order a host lists them.
// K2. Nothing that a descriptor says gets into code but names that loading has checked to be identifiers (load.L2).
//
// Leaves to others: asking a host (host/cli/typed-client.ts), the folder (client-folder.ts), how calls behave (sdk/client).

import type { DescFile } from '@bufbuild/protobuf'
import { create, createFileRegistry } from '@bufbuild/protobuf'
import type { FileDescriptorProto } from '@bufbuild/protobuf/wkt'
import { FileDescriptorSetSchema, MethodOptions_IdempotencyLevel as Level } from '@bufbuild/protobuf/wkt'
import { loadSchema } from '../../../host/schema/load.ts'
import type { MethodType } from '../../../host/schema/schema.ts'
import type { ServedMethod, ServedService } from './entry.ts'
import { entry, propertyNames } from './entry.ts'
import { gathered } from './gathered.ts'
import { kindOf } from './kinds.ts'
import { messageCode } from './messages.ts'
import { manifest, readme } from './papers.ts'
import { runtimeCode } from './runtime.ts'

export interface Deployed {
  /** Its full name. */
  readonly name: string
  readonly kind: string
  /** A FileDescriptorSet. */
  readonly descriptors: Uint8Array
}

interface ClientCode {
  /** Texts by path, relative to the folder, with `/`. */
  readonly files: ReadonlyMap<string, string>
  /** What each service is called in the client, by its full name. */
  readonly names: ReadonlyMap<string, string>
  /** Sentences on what the client lacks. */
  readonly left: readonly string[]
}

/** `name`: of the package. @throws BuildError */
export function clientCode(name: string, given: readonly Deployed[]): ClientCode {
  const deployed = [...given].sort((a, b) => (a.name < b.name ? -1 : 1))
  const alike = Map.groupBy(deployed, ({ descriptors }) => Buffer.from(descriptors).toString('base64'))
  const files = gathered(
    [...alike.values()].map((services) => ({
      descriptors: services[0]!.descriptors,
      services: services.map((service) => service.name),
    })),
  )
  const left = withoutUncallable(files)
  const code = messageCode(files)
  const declared = declaredServices(files)
  const services = deployed.map((service): ServedService => {
    const { file, at } = declared.get(service.name)!
    const { path, services: descriptors } = code.exported.get(file.proto.name)!
    return {
      fullName: service.name,
      methods: methodsOf(service, file, at),
      path,
      descriptor: descriptors[at]!,
    }
  })
  const names = propertyNames(services.map(({ fullName }) => fullName))
  const all = new Map([
    ...manifest(name),
    ...readme(name, services, names),
    ...entry(services, [...code.exported.values()]),
    ...code.texts,
    ...runtimeCode(),
  ])
  return { files: all, names, left }
}

/** Takes away what has no place in a client. @returns what that was */
function withoutUncallable(files: readonly FileDescriptorProto[]): readonly string[] {
  const left: string[] = []
  for (const { package: scope, service } of files) {
    for (const one of service) {
      const full = `${scope}${scope === '' ? '' : '.'}${one.name}`
      const met = new Map<string, string>()
      one.method = one.method.filter(({ name, clientStreaming }) => {
        const local = name.charAt(0).toLowerCase() + name.slice(1)
        const other = met.get(local)
        if (clientStreaming) left.push(`${full}/${name} takes a stream, which browsers do not send; call it over gRPC`)
        else if (other !== undefined) left.push(`${full}/${name} would have the name of ${other} in TypeScript`)
        if (clientStreaming || other !== undefined) return false
        met.set(local, name)
        return true
      })
    }
  }
  return left
}

interface Place {
  readonly file: DescFile
  /** Among the services of the file. */
  readonly at: number
}

function declaredServices(files: readonly FileDescriptorProto[]): ReadonlyMap<string, Place> {
  const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: [...files] }))
  return new Map(
    [...registry.files].flatMap((file) => file.services.map(({ typeName }, at) => [typeName, { file, at }] as const)),
  )
}

function methodsOf({ name, kind, descriptors }: Deployed, file: DescFile, at: number): readonly ServedMethod[] {
  const types = loadSchema(descriptors).services.get(name)!.methods as ReadonlyMap<string, MethodType>
  return file.services[at]!.methods.map(({ name, localName, idempotency }) => ({
    name,
    localName,
    kind: kindOf(kind, types.get(name)!, idempotency === Level.NO_SIDE_EFFECTS)!,
  }))
}

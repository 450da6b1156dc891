// Messages: code for messages, enums and services, by protobuf-es, in this process.
//
// M1. What protobuf-es would make into code that no compiler takes is refused, with its name.

import { create } from '@bufbuild/protobuf'
import type { FileDescriptorProto } from '@bufbuild/protobuf/wkt'
import { CodeGeneratorRequestSchema } from '@bufbuild/protobuf/wkt'
import { protocGenEs } from '@bufbuild/protoc-gen-es/dist/cjs/src/protoc-gen-es-plugin.js'
import { BuildError } from '../problem.ts'
import { standard } from './gathered.ts'

/** What a generated file exports. */
export interface Exported {
  /** Without its ending. */
  readonly path: string
  readonly values: readonly string[]
  /** Those that are no values. */
  readonly types: readonly string[]
  /** Names of descriptors, in the order of the file's services. */
  readonly services: readonly string[]
}

interface Generated {
  /** Texts by path. */
  readonly texts: ReadonlyMap<string, string>
  /** By the name of the .proto. */
  readonly exported: ReadonlyMap<string, Exported>
}

/** Words of TypeScript that no type may be called, and that protobuf-es does not write otherwise. */
const typeWords: ReadonlySet<string> = new Set(
  'any unknown never undefined symbol infer keyof unique readonly'.split(' '),
)

/** @throws BuildError */
export function messageCode(files: readonly FileDescriptorProto[]): Generated {
  const problems = files.flatMap(({ name: file, package: scope, messageType, enumType }) =>
    [...messageType, ...enumType]
      .filter(({ name }) => typeWords.has(name))
      .map(({ name }) => ({ file, message: `${scope}.${name} has a name that no type of TypeScript can have` })),
  )
  if (problems.length > 0) throw new BuildError(problems, '.')
  const wanted = files.map(({ name }) => name).filter((name) => !standard(name))
  const { file } = protocGenEs.run(
    create(CodeGeneratorRequestSchema, {
      parameter: 'target=js+dts,import_extension=js',
      fileToGenerate: wanted,
      protoFile: [...files],
    }),
  )
  const texts = new Map(file.map(({ name, content }) => [`gen/${name}`, content]))
  const exported = wanted.map((name) => [name, exportsOf(`gen/${name.replace(/\.proto$/, '_pb')}`, texts)] as const)
  return { texts, exported: new Map(exported) }
}

function exportsOf(path: string, texts: ReadonlyMap<string, string>): Exported {
  const [code, types] = [texts.get(`${path}.js`)!, texts.get(`${path}.d.ts`)!]
  const values = [...code.matchAll(/^export const ([\w$]+)/gm)].map((match) => match[1]!)
  const all = [...types.matchAll(/^export (?:declare )?(?:const|enum|type) ([\w$]+)/gm)].map((match) => match[1]!)
  const services = [...code.matchAll(/^export const ([\w$]+) = [^;]*?\bserviceDesc\(/gm)].map((match) => match[1]!)
  return { path, values, types: [...new Set(all)].filter((name) => !values.includes(name)), services }
}

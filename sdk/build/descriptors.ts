// Descriptors: .proto files become one FileDescriptorSet with all imports, by `buf build` (offline).
//
// D1. `innkeeper/*.proto`, `google/api/*.proto` and `cloudstate/*.proto` can be imported without being copied into the
//     project; a project's own file of that name wins, unless it says something else (copies.ts): then it is refused.
// D3. What no host does is refused here, with its place; what is only ignored is a warning.
//
// Comments and positions are left out: nothing at run time reads them, and they are four fifths of the size (94 to 16 KB). The build
// keeps the positions (places.ts), to say where a mistake lies.

import { copyFile, cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { eventingProblem } from '../../host/deploy/validate.ts'
import { loadSchema, SchemaError } from '../../host/schema/load.ts'
import { eventingOptions } from '../../host/schema/method-options.ts'
import type { Schema } from '../../host/schema/schema.ts'
import { standardSet } from '../../host/schema/standard.ts'
import { bufPath } from './buf.ts'
import { copyProblem, differingCopies } from './copies.ts'
import type { PlaceOf } from './places.ts'
import { placesOf, withoutPlaces } from './places.ts'
import type { BuildProblem } from './problem.ts'
import { BuildError } from './problem.ts'
import type { Project } from './project.ts'
import { filesBelow } from './proto-files.ts'
import { run } from './run.ts'

export interface Descriptors {
  /** A google.protobuf.FileDescriptorSet. */
  readonly bytes: Uint8Array
  readonly schema: Schema
  readonly placeOf: PlaceOf
  /** What an author should know, each with its place. */
  readonly warnings: readonly BuildProblem[]
}

/** Folder of the .proto files that every project can import. */
export const includes = fileURLToPath(new URL('../../wit/proto', import.meta.url))

/** @throws BuildError with all that buf or the schema has to say. */
export async function compileProtos({ proto, files, directory }: Project): Promise<Descriptors> {
  try {
    const compiled = await compile(proto, files)
    const noted = 'set' in compiled ? compiled.set : undefined
    const copies = noted === undefined ? await blamed(proto, files) : ownOf(differingCopies(noted), proto)
    const differing = copies.map((name) => ({ file: join(proto, name), message: copyProblem(name) }))
    if (differing.length > 0) throw new BuildError(differing, directory)
    if ('problems' in compiled) throw new BuildError(compiled.problems, directory)
    const bytes = withoutPlaces(compiled.set)
    const [schema, placeOf] = [loadSchema(bytes), placesOf(compiled.set)]
    const { problems, warnings } = eventingOf(schema, proto, placeOf)
    if (problems.length > 0) throw new BuildError(problems, directory)
    return { bytes, schema, placeOf, warnings }
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error
    throw new BuildError(
      error.problems.map((message) => ({ file: proto, message })),
      directory,
    )
  }
}

type Compiled = { readonly set: Uint8Array } | { readonly problems: readonly BuildProblem[] }

/** The set with the places of its elements. `without`: files of the folder that are left out. */
async function compile(proto: string, files: readonly string[], without: readonly string[] = []): Promise<Compiled> {
  const work = await mkdtemp(join(tmpdir(), 'innkeeper-proto-'))
  try {
    // buf takes one root, and no links: ours and the author's files are laid into one.
    await cp(includes, work, { recursive: true })
    for (const file of filesBelow(proto)) {
      if (without.includes(file)) continue
      await mkdir(dirname(join(work, file)), { recursive: true })
      await copyFile(join(proto, file), join(work, file))
    }
    const out = join(work, '.descriptors.binpb')
    const paths = files.filter((file) => !without.includes(file)).flatMap((file) => ['--path', file])
    const { ok, stdout, stderr } = await run(
      process.execPath,
      [bufPath(), 'build', '--as-file-descriptor-set', '-o', out, ...paths],
      work,
    )
    return ok ? { set: new Uint8Array(await readFile(out)) } : { problems: problemsOf(`${stdout}${stderr}`, proto) }
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** The copies without which the project compiles. */
async function blamed(proto: string, files: readonly string[]): Promise<readonly string[]> {
  const copies = filesBelow(proto).filter((name) => standardSet(name).length > 0)
  if (copies.length === 0) return []
  return 'set' in (await compile(proto, files, copies)) ? copies : []
}

/** Those that the project itself has. */
function ownOf(names: readonly string[], proto: string): readonly string[] {
  const own = filesBelow(proto)
  return names.filter((name) => own.includes(name))
}

/** Methods that are to take events from topics, or to give some: no host does that. */
function eventingOf(
  { services }: Schema,
  proto: string,
  placeOf: PlaceOf,
): { readonly problems: readonly BuildProblem[]; readonly warnings: readonly BuildProblem[] } {
  const found = { problems: [] as BuildProblem[], warnings: [] as BuildProblem[] }
  for (const { fullName, methods } of services.values()) {
    for (const { name, eventing } of methods.values()) {
      if (eventing === undefined) continue
      const method = `${fullName}.${name}`
      const place = placeOf(`${method}#${eventingOptions[eventing]}`)!
      const where = { ...place, file: join(proto, place.file) }
      if (eventing === 'innkeeper') found.problems.push({ ...where, message: eventingProblem(method) })
      else
        found.warnings.push({
          ...where,
          message: `${method}: (cloudstate.eventing) is ignored: the host reads no topic and writes none; callers call the method`,
        })
    }
  }
  return found
}

/** buf says `file:line:column:message`. */
function problemsOf(output: string, proto: string): readonly BuildProblem[] {
  const problems: BuildProblem[] = []
  for (const line of output.split('\n')) {
    const [, file, row, column, message] = /^(.+?\.proto):(\d+):(\d+):(.*)$/.exec(line) ?? []
    if (file !== undefined)
      problems.push({ file: join(proto, file), line: Number(row), column: Number(column), message: message! })
    else if (line.trim() !== '') problems.push({ file: proto, message: line.trim() })
  }
  return problems
}

// Descriptors: .proto files become one FileDescriptorSet with all imports, by `buf build` (offline).
//
// D1. `innkeeper/*.proto`, `google/api/*.proto` and `cloudstate/*.proto` can be imported without being copied into the
//     project; a project's own file of that name wins.
// D2. Comments and positions are left out: nothing at run time reads them, and they are four fifths of the size (94 to 16 KB).

import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bufPath } from '../deploy/buf.ts'
import { loadSchema, SchemaError } from '../schema/load.ts'
import type { Schema } from '../schema/schema.ts'
import type { BuildProblem } from './problem.ts'
import { BuildError } from './problem.ts'
import type { Project } from './project.ts'
import { run } from './run.ts'

export interface Descriptors {
  /** A google.protobuf.FileDescriptorSet. */
  readonly bytes: Uint8Array
  readonly schema: Schema
}

/** Folder of the .proto files that every project can import. */
export const includes = fileURLToPath(new URL('../../wit/proto', import.meta.url))

const asSet = ['--as-file-descriptor-set', '--exclude-source-info']

/** @throws BuildError with all that buf or the schema has to say. */
export async function compileProtos({ proto, files, directory }: Project): Promise<Descriptors> {
  const work = await mkdtemp(join(tmpdir(), 'innkeeper-proto-'))
  try {
    // buf takes one root: ours and the author's files are laid into one.
    await cp(includes, work, { recursive: true })
    await cp(proto, work, { recursive: true, filter: (source) => !/[/\\](node_modules|\.git)$/.test(source) })
    const out = join(work, '.descriptors.binpb')
    const paths = files.flatMap((file) => ['--path', file])
    await mkdir(dirname(out), { recursive: true })
    const { ok, stdout, stderr } = await run(
      process.execPath,
      [bufPath(), 'build', ...asSet, '-o', out, ...paths],
      work,
    )
    if (!ok) throw new BuildError(problemsOf(`${stdout}${stderr}`, proto), directory)
    const bytes = new Uint8Array(await readFile(out))
    return { bytes, schema: loadSchema(bytes) }
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error
    throw new BuildError(
      error.problems.map((message) => ({ file: proto, message })),
      directory,
    )
  } finally {
    await rm(work, { recursive: true, force: true })
  }
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

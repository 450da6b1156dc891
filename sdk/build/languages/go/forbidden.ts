// Forbidden in Go: what a service has not, found among the imports of what was linked.
//
// Leaves to others: what the source uses, with its place (sdk/go/check).

import { readFileSync } from 'node:fs'
import { importsOf } from '../../component.ts'
import { BuildError } from '../../problem.ts'
import type { Project } from '../../project.ts'

/** What neither a component nor the stub has. @throws BuildError */
export function refuseImports({ entry, directory }: Project, core: Uint8Array): void {
  const { wasi, others } = importsOf(core)
  const unknown = wasi.filter((name) => !sealed.has(name))
  const problems = [
    ...others.map((name) => `imports ${name}, which a component cannot reach`),
    ...unknown.map((name) => `uses the system by ${name}; a component has no files, sockets or clocks`),
  ]
  if (problems.length === 0) return
  throw new BuildError(
    problems.map((message) => ({ file: entry, message })),
    directory,
  )
}

/** Functions of WASI that wasi-stub.wat has. */
const sealed: ReadonlySet<string> = new Set(
  Array.from(
    readFileSync(new URL('../../wasi-stub.wat', import.meta.url), 'utf8').matchAll(/\(func \(export "([^"]+)"\)/g),
    ([, name]) => name!,
  ),
)

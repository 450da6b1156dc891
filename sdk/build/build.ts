// Build: an author's project becomes a component. `inn build` and `npm run guests` call this.
//
// B1. Steps in order: proto, generate, check (types and forbidden globals together), bundle, componentize. A step that finds
//     problems ends the build with all of them. Last of all the checks of a deployment: nothing is built that a host would refuse for
//     what it says of itself (served.ts).
//
// Offline: every tool is a dependency of this package.
//
// Leaves to others: the languages (languages/), what makes a component of a core module (component.ts).

import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { withoutStandard } from '../../host/schema/standard.ts'
import { compileProtos } from './descriptors.ts'
import { languageNamed } from './languages/languages.ts'
import { formatProblem, within } from './problem.ts'
import { readProject } from './read-project.ts'
import { checkServed } from './served.ts'
import type { Progress } from './steps.ts'
import { stepsWith } from './steps.ts'

export interface BuildOptions {
  /** Where the component goes; default `build/<name>.wasm` in the project. */
  readonly out?: string
  readonly onProgress?: (progress: Progress) => void
}

export interface BuildResult {
  /** Absolute path of the component. */
  readonly file: string
  readonly bytes: number
  /** Milliseconds of each step, in order. */
  readonly steps: readonly { readonly step: string; readonly ms: number }[]
  /** What an author should know although it went well. */
  readonly warnings: readonly string[]
  /** Full names of the services and views that the component has. */
  readonly services: readonly string[]
  /** Of those in the .proto files that it has not: it may call them. */
  readonly others: readonly string[]
  /** Such services that the outside world serves. */
  readonly connectors: readonly string[]
}

/** @throws BuildError with the author's mistakes, each with its place. */
export async function buildProject(directory: string, options: BuildOptions = {}): Promise<BuildResult> {
  const project = readProject(directory)
  const steps = stepsWith(options.onProgress)
  const descriptors = await steps.run('proto', () => compileProtos(project))
  for (const warning of descriptors.warnings) steps.warn(formatProblem(within(project.directory, warning)))
  // The component brings along what a host has not.
  const own = withoutStandard(descriptors.bytes)
  const built = await languageNamed(project.language)!.build(project, { ...descriptors, bytes: own }, steps)
  checkServed(project, built.description, built.kinds, descriptors.placeOf)
  const { component } = built
  const file = resolve(options.out ?? resolve(project.directory, 'build', `${fileName(project.name)}.wasm`))
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, component)
  const { description } = built
  const services = [...description.services, ...description.viewServices].map(({ name }) => name)
  const declared = project.files.flatMap((name) => descriptors.schema.files.get(name)?.symbols ?? [])
  const left = declared.flatMap((symbol) =>
    services.includes(symbol) ? [] : (descriptors.schema.services.get(symbol) ?? []),
  )
  const names = (of: typeof left) => of.map(({ fullName }) => fullName)
  const others = names(left.filter(({ connector }) => connector === undefined))
  // One whose .proto is only imported is called all the same.
  const connectors = names([...descriptors.schema.services.values()].filter(({ connector }) => connector !== undefined))
  return { file, bytes: component.length, steps: steps.done, warnings: steps.warnings, services, others, connectors }
}

/** `@scope/name` without its scope. */
function fileName(packageName: string): string {
  return packageName.replace(/^@[^/]*\//, '').replace(/[^A-Za-z0-9._-]/g, '-') || 'service'
}

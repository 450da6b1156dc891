// Building: `buildProject` for tests that look at what comes of a build, and not at how it goes: the outcome is kept by the content of the
// project and of everything that builds it.
//
// G1. An outcome is the component, or the author's mistakes. A missing compiler, and what is ours to mend, is none.
// G2. Of an outcome that was kept there are no steps, no generated code, and nothing that a compiler left: who needs those builds.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { type BuildOptions, type BuildResult, buildProject as build } from '../../sdk/build/build.ts'
import { findC } from '../../sdk/build/languages/c/build.ts'
import { findGo } from '../../sdk/build/languages/go/build.ts'
import { findRust } from '../../sdk/build/languages/rust/build.ts'
import { findSwift } from '../../sdk/build/languages/swift/build.ts'
import { BuildError, type BuildProblem } from '../../sdk/build/problem.ts'
import { readProject } from '../../sdk/build/read-project.ts'
import { MissingTool, runTool, type Tool } from '../../sdk/build/toolchain.ts'
import { cached, contentOf } from './cached.ts'

type Kept =
  | { readonly problems: readonly BuildProblem[] }
  | {
      readonly component: string
      readonly outcome: Pick<BuildResult, 'warnings' | 'services' | 'others' | 'connectors'>
    }

/** As that of the build. @throws BuildError */
export async function buildProject(directory: string, options: BuildOptions = {}): Promise<BuildResult> {
  const { language, name, proto, files } = readProject(directory)
  const inputs = [name, contentOf(directory), contentOf(proto), files.join(), await compilerOf(language)]
  const bytes = await cached(import.meta.url, inputs, async () => Buffer.from(JSON.stringify(await outcome(directory))))
  const kept = JSON.parse(Buffer.from(bytes).toString()) as Kept
  if ('problems' in kept) throw new BuildError(kept.problems, directory)
  const component = Buffer.from(kept.component, 'base64')
  const file = options.out ?? join(resolve(directory), 'build', `${name}.wasm`)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, component)
  return { file, bytes: component.length, steps: [], ...kept.outcome }
}

async function outcome(directory: string): Promise<Kept> {
  try {
    const { file, warnings, services, others, connectors } = await build(directory)
    return { component: readFileSync(file).toString('base64'), outcome: { warnings, services, others, connectors } }
  } catch (error) {
    if (error instanceof BuildError && !(error instanceof MissingTool)) return { problems: error.problems }
    throw error
  }
}

const compilers = new Map<string, Promise<string>>()

/** As it names itself: another compiler may make something else of the same source. */
export function compilerOf(language: string): Promise<string> {
  let named = compilers.get(language)
  if (named === undefined) {
    named = nameOf(language)
    compilers.set(language, named)
  }
  return named
}

async function nameOf(language: string): Promise<string> {
  const said = async (tool: Tool | MissingTool, ...args: readonly string[]): Promise<string> => {
    if (tool instanceof MissingTool) return 'missing'
    const { stdout } = await runTool(tool, args, { cwd: tmpdir() })
    return `${tool.root ?? ''}${tool.path} ${stdout}`
  }
  // cargo and rustc have one version.
  if (language === 'rust') return await said(await findRust(), '-Vv')
  if (language === 'go') return await said(findGo(), 'version')
  const found = language === 'c' ? findC() : language === 'swift' ? findSwift() : { version: '' }
  return found instanceof MissingTool ? 'missing' : found.version
}

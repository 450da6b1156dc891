// Language: all that `inn new`, `inn build` and `inn test` know of a language that services are written in.
//
// Each folder here has one of them in its language.ts. Those are loaded to list the languages, so compilers wait until they are asked
// for: the functions import what they need when they are called.
//
// Leaves to others: which languages there are (languages.ts).

import type { Built } from '../component.ts'
import type { Descriptors } from '../descriptors.ts'
import type { Kind } from '../kinds.ts'
import type { Project } from '../project.ts'
import type { Steps } from '../steps.ts'
import type { TemplateFiles } from '../template.ts'
import type { Tested } from '../tested.ts'
import type { MissingTool, Tool } from '../toolchain.ts'

export interface Language {
  /** As `--lang` and service.json say it. The folders here, in sdk/ and below guests/ are called the same. */
  readonly name: string
  /** As a person writes it. */
  readonly title: string
  /** What `--lang` takes for it besides. */
  readonly short?: string
  /** What names of files end in that it is written in, manifests too. */
  readonly endings: readonly string[]
  /** Module with the services, and folder for generated code, where a project says nothing else. */
  readonly entry: string
  readonly gen: string
  /** A file or folder that only projects in this language have. Without it a project must say its language, or be of the usual one. */
  readonly sign?: string
  readonly starter: Starter
  readonly build: LanguageBuild
  readonly tests: ToolTests | OwnTests
}

/** What a language makes of a project. @throws BuildError */
export type LanguageBuild = (project: Project, descriptors: Descriptors, steps: Steps) => Promise<Built>

/** What `inn new` makes, of every kind. */
export interface Starter {
  readonly files: (project: NewProject) => Promise<TemplateFiles>
  /** What the project needs besides, once its files are there. */
  readonly complete?: (root: string) => Promise<void>
}

export interface NewProject {
  /** Its folder, which is there. */
  readonly root: string
  /** Like `my-service`. */
  readonly name: string
  readonly kind: Kind
  /** What its manifest says for the SDK, where the language has a registry for it. */
  readonly sdk?: string
  /** What package.json says for the package with the command `inn`; default: this checkout. */
  readonly inn?: string
}

/** Tests that a tool of the language runs, and prints. */
export interface ToolTests {
  /** What a person would type in the project, once its code was generated. */
  readonly command: (project: Project) => Promise<TestCommand>
  /** Whether it ran any test, by what it printed: most tools call it a success that there was none. */
  readonly ran: (output: string) => boolean
}

export interface TestCommand {
  readonly tool: Tool | MissingTool
  readonly args: readonly string[]
  /** Folders that it must reach, besides the project and the SDK. */
  readonly folders?: readonly string[]
  /** A folder whose tools it finds before those of the PATH, and why, for the author. */
  readonly first?: { readonly folder: string; readonly why: string }
}

/** Tests that this package runs. */
interface OwnTests {
  readonly all: (project: Project) => Promise<readonly Tested[]>
}

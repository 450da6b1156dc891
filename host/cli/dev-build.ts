// Dev build: one build of a project, in a process of its own (dev-project.ts starts it): what it took is gone with it, and it can be ended at any time.
//
// Leaves to others: when, and what to do with the component.

import { buildProject } from '../../sdk/build/build.ts'
import { BuildError, formatProblem } from '../../sdk/build/problem.ts'

/** What it says, once. */
export type DevBuilt =
  | { readonly file: string; readonly warnings: readonly string[] }
  /** The author's mistakes, one an entry. */
  | { readonly problems: readonly string[] }

// Whoever wanted it is gone. Ctrl-C is for that one.
process.once('disconnect', () => process.exit(1))
process.on('SIGINT', () => {})
process.send!(await build(process.argv[2]!), () => process.exit(0))

async function build(directory: string): Promise<DevBuilt> {
  try {
    const { file, warnings } = await buildProject(directory)
    return { file, warnings }
  } catch (error) {
    if (!(error instanceof BuildError)) throw error
    return { problems: error.problems.map(formatProblem) }
  }
}

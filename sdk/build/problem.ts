// Problem: what is wrong with an author's project, in one form for all steps: `file:line:column: message`.

import { isAbsolute, relative } from 'node:path'

export interface BuildProblem {
  /** Absolute, or relative to the project. */
  readonly file: string
  /** From 1. */
  readonly line?: number
  /** From 1. */
  readonly column?: number
  readonly message: string
}

/** The author's mistakes, all that a step found. What is ours to mend is another kind of error. */
export class BuildError extends Error {
  readonly problems: readonly BuildProblem[]

  /** `directory`: the project; files below it are named relative to it. */
  constructor(problems: readonly BuildProblem[], directory: string) {
    const shown = problems.map((problem) => within(directory, problem))
    super(shown.map(formatProblem).join('\n'))
    this.name = 'BuildError'
    this.problems = shown
  }
}

export function formatProblem({ file, line, column, message }: BuildProblem): string {
  const place = line === undefined ? file : column === undefined ? `${file}:${line}` : `${file}:${line}:${column}`
  return `${place}: ${message}`
}

/** With its file as it is named in the project. */
export function within(directory: string, problem: BuildProblem): BuildProblem {
  return { ...problem, file: relativeTo(directory, problem.file) }
}

function relativeTo(directory: string, file: string): string {
  if (!isAbsolute(file)) return file
  return relative(directory, file).replaceAll('\\', '/') || '.'
}

// Told: what asc says of a service, in the words of in-words.ts.
//
// Leaves to others: running the compiler (build.ts); events without a fold (folds.ts).

import type { Schema } from '../../../../host/schema/schema.ts'
import { asynchronous, linesTo, methodsOf, noHandler, sentencesFirst } from '../../in-words.ts'
import type { BuildProblem } from '../../problem.ts'
import type { Project } from '../../project.ts'

export function told(
  { directory }: Project,
  schema: Schema,
  problems: readonly BuildProblem[],
): readonly BuildProblem[] {
  const isMethod = methodsOf(schema)
  return sentencesFirst(problems, (problem) => {
    const line = linesTo(directory, problem).at(-1) ?? ''
    const name = /^\s*async (\w+)\(/.exec(line)?.[1]
    if (name !== undefined && isMethod(name)) return asynchronous
    const missing = /^TS2515: .* does not implement inherited abstract member '(\w+)'/.exec(problem.message)?.[1]
    return missing !== undefined && isMethod(missing) ? noHandler([missing]) : undefined
  })
}

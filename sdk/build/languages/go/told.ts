// Told: what the go command says of a service, in the words of in-words.ts.
//
// Leaves to others: running it (build.ts); events without a fold (sdk/go/check).

import { noHandler, noReply, sentencesFirst } from '../../in-words.ts'
import type { BuildProblem } from '../../problem.ts'

/** `generated`: the package of generated code. */
export function told(generated: string, problems: readonly BuildProblem[]): readonly BuildProblem[] {
  const missing = new RegExp(String.raw`does not implement ${generated}\.\w+Handler\b.*\(missing method (\w+)\)`)
  return sentencesFirst(problems, ({ message }) => {
    const name = missing.exec(message)?.[1]
    if (name !== undefined) return noHandler([name])
    return /^cannot use .* \(value of type \*\w+\.Accepting\[.* as \w+\.Decision\b/.test(message)
      ? noReply('.Reply(message)')
      : undefined
  })
}

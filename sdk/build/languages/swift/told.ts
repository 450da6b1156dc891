// Told: what swiftc says of a service, in the words of in-words.ts.
//
// W1. The list of events is a value, so swiftc knows nothing of what is missing there. An event that is accepted where it is written
//     out, `.accept(Added(...))`, and whose type is named nowhere else as one that is folded, `Added.self`, is told here.
//
// Leaves to others: running the compiler (build.ts).

import { readFileSync } from 'node:fs'
import type { Schema } from '../../../../host/schema/schema.ts'
import { asynchronous, linesTo, methodsOf, noEvolve, noHandler, noReply, sentencesFirst } from '../../in-words.ts'
import type { BuildProblem } from '../../problem.ts'
import type { Project } from '../../project.ts'

export function told(
  { directory }: Project,
  schema: Schema,
  problems: readonly BuildProblem[],
): readonly BuildProblem[] {
  const isMethod = methodsOf(schema)
  return sentencesFirst(problems, (problem) => {
    const { message } = problem
    const required = /protocol requires function '`?(\w+)`?\(/.exec(message)?.[1]
    if (required !== undefined && isMethod(required)) {
      const isAsync = new RegExp(`func \`?${required}\`?\\([^{]*\\basync\\b`).test(textOf(directory, problem))
      return isAsync ? asynchronous : noHandler([required])
    }
    if (/does not conform to protocol 'EventSourced': protocol requires nested type 'EntityState'/.test(message))
      return 'the service has no `events`, which folds its events into the state'
    return /produces result of type 'Acceptance<.*expects 'Decision</.test(message)
      ? noReply('.reply(message)')
      : undefined
  })
}

function textOf(directory: string, problem: BuildProblem): string {
  return linesTo(directory, { ...problem, line: Number.POSITIVE_INFINITY }).join('\n')
}

/** `own`: the author's files. */
export function unfolded({ services, messages }: Schema, own: readonly string[]): readonly BuildProblem[] {
  if (services.size === 0) return []
  const known = new Set([...messages.keys()].map((name) => name.split('.').at(-1)!))
  const texts = own.map((file) => [file, readFileSync(file, 'utf8')] as const)
  const naming = /\b(\w+)\.self\b|\btypealias \w+ = (?:\w+\.)*(\w+)/g
  const named = new Set(texts.flatMap(([, text]) => [...text.matchAll(naming)].map(([, one, other]) => one ?? other!)))
  return texts.flatMap(([file, text]) =>
    text.split('\n').flatMap((source, at): readonly BuildProblem[] => {
      const accepted = /^(?!\s*\/\/).*\.(?:accept|and)\(\s*(?:\w+\.)*([A-Z]\w*)\(/.exec(source)
      const name = accepted?.[1]
      if (name === undefined || !known.has(name) || named.has(name)) return []
      const message = `${noEvolve([name])}: \`events\` takes .on(${name}.self) { state, event in … }`
      return [{ file, line: at + 1, column: source.search(/\.(?:accept|and)\(/) + 1, message }]
    }),
  )
}

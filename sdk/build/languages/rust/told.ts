// Told: what rustc says of a service, in the words of in-words.ts.
//
// Leaves to others: running the compiler (build.ts).

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
    const lines = linesTo(directory, problem)
    if (/\basync fn (\w+)/.test(lines.at(-1) ?? '') && isMethod(/async fn (\w+)/.exec(lines.at(-1)!)![1]!))
      return asynchronous
    const missing = /^E0046: not all trait items implemented, missing: ((?:`[^`]+`(?:, )?)+)/.exec(message)?.[1]
    if (missing !== undefined) {
      const names = [...missing.matchAll(/`([^`]+)`/g)].map(([, name]) => name!)
      const handlers = names.filter(isMethod)
      if (handlers.length > 0) return noHandler(handlers)
      return names.includes('evolve') ? 'the service has no evolve, which folds its events into the state' : undefined
    }
    if (message.startsWith('E0004: ') && functionAround(lines) === 'evolve') {
      const events = [...message.replace(/ \(.*/, '').matchAll(/`(?:\w+::)+(\w+)\(_\)`/g)].map(([, name]) => name!)
      return events.length > 0 ? noEvolve(events) : undefined
    }
    if (/^E0308: .*expected `Result<Accepted<.*found `Accepting</.test(message)) return noReply('.reply(message)')
    const unknown = /^E0407: method `(\w+)` is not a member of trait `(\w+)`/.exec(message)
    const isService = (name: string) => [...schema.services.keys()].some((full) => full.split('.').at(-1) === name)
    return unknown !== null && isService(unknown[2]!) ? `there is no method ${unknown[1]}` : undefined
  })
}

function functionAround(lines: readonly string[]): string | undefined {
  const line = lines.findLast((text) => /\bfn \w+/.test(text))
  return /\bfn (\w+)/.exec(line ?? '')?.[1]
}

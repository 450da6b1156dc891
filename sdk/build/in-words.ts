// In words: the mistakes that authors make most, each in a sentence that is the same in every language.
//
// W1. The sentence comes first, and below it what the compiler said, cut. Problems that have a sentence come before all others, which they
//     often cause.
//
// Leaves to others: knowing such a mistake in what a compiler says (told.ts of each language).

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Schema } from '../../host/schema/schema.ts'
import type { BuildProblem } from './problem.ts'

/** `sentence`: for a problem that has one. */
export function sentencesFirst(
  problems: readonly BuildProblem[],
  sentence: (problem: BuildProblem) => string | undefined,
): readonly BuildProblem[] {
  const first: BuildProblem[] = []
  const rest: BuildProblem[] = []
  for (const problem of problems) {
    const words = sentence(problem)
    if (words === undefined) rest.push(problem)
    else first.push({ ...problem, message: `${words}\n  ${cut(problem.message, 300)}` })
  }
  return [...first, ...rest]
}

export function noHandler(names: readonly string[]): string {
  return names.length > 1 ? `methods ${names.join(', ')} have no handler` : `method ${names[0]} has no handler`
}

export function noEvolve(names: readonly string[]): string {
  return names.length > 1 ? `events ${names.join(', ')} have no evolve` : `event ${names[0]} has no evolve`
}

export const asynchronous = 'handlers are synchronous: a service waits for nothing'

/** `how`: as the language says it. */
export function noReply(how: string): string {
  return `the reply is missing: end with ${how}`
}

export function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`
}

/** Whether a service has a method of that name, however the language spells it. */
export function methodsOf({ services }: Schema): (name: string) => boolean {
  const names = new Set([...services.values()].flatMap(({ methods }) => [...methods.keys()].map(plain)))
  return (name) => names.has(plain(name))
}

function plain(name: string): string {
  return name.replace(/^r#|_/g, '').toLowerCase()
}

/** The lines of a problem's file up to it; none where it has no place. */
export function linesTo(directory: string, { file, line }: BuildProblem): readonly string[] {
  if (line === undefined) return []
  try {
    return readFileSync(resolve(directory, file), 'utf8').split('\n').slice(0, line)
  } catch {
    return []
  }
}

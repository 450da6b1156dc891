// Told: what the linker misses of a service, in the words of in-words.ts.
//
// Leaves to others: running it, and the prototype of what it misses (build.ts).

import type { Schema } from '../../../../host/schema/schema.ts'
import { noEvolve, noHandler, sentencesFirst } from '../../in-words.ts'
import type { BuildProblem } from '../../problem.ts'

export function told(schema: Schema, problems: readonly BuildProblem[]): readonly BuildProblem[] {
  const methods = [...schema.services.values()].flatMap((service) => [...service.methods.keys()])
  const messages = [...schema.messages.keys()].map((name) => name.split('.').at(-1)!)
  return sentencesFirst(problems, ({ message }) => {
    const [, symbol, prototype] = /^(\w+) is missing: (.*)$/.exec(message) ?? []
    if (symbol === undefined || prototype === undefined) return undefined
    const event = / \*event\)$/.test(prototype) ? calledAs(symbol, messages) : undefined
    if (event !== undefined) return noEvolve([event])
    const method = prototype.startsWith('ik_answer ') ? calledAs(symbol, methods) : undefined
    return method === undefined ? undefined : noHandler([method])
  })
}

/** The longest name that a symbol ends in. */
function calledAs(symbol: string, names: readonly string[]): string | undefined {
  const plain = (name: string): string => name.replaceAll('_', '').toLowerCase()
  const ending = names.filter((name) => plain(symbol).endsWith(plain(name)))
  return ending.sort((one, other) => other.length - one.length)[0]
}

// Told: what the compiler says of a service, with the line that matters first.
//
// W1. What authors do most is told in the SDK's words: a handler or a fold that is missing or has another name, an asynchronous one, a
//     missing reply, a streamed method of an entity.
// W2. Of the rest the compiler's innermost line comes first: its explanation ends there. Its first line follows, cut.
// W3. What is told in words comes first: it often causes the others.
//
// Leaves to others: running the compiler (build.ts).

import { cut, noEvolve, noHandler, noReply } from '../../in-words.ts'
import type { BuildProblem } from '../../problem.ts'

/** `lineOf`: a line of a source. */
export function told(
  problems: readonly BuildProblem[],
  lineOf: (file: string, line: number) => string,
): readonly BuildProblem[] {
  const first: BuildProblem[] = []
  const rest: BuildProblem[] = []
  for (const problem of problems) {
    const [, code = '', ...lines] = /^(TS\d+): ([\s\S]*)$/.exec(problem.message) ?? []
    const text = lines[0]?.split('\n').map((line) => line.trim()) ?? []
    const words = inWords(text.join(' '), nameAt(problem, lineOf))
    const head = cut(text[0] ?? '', 160)
    if (words !== undefined) first.push({ ...problem, message: `${words} (${code})\n  ${head}` })
    else if (text.length > 1) rest.push({ ...problem, message: `${code}: ${innermost(text)}\n  ${head}` })
    else rest.push({ ...problem, message: code === '' ? problem.message : `${code}: ${cut(text[0]!, 300)}` })
  }
  return [...first, ...rest]
}

function inWords(text: string, name: string): string | undefined {
  if (/[Tt]ype 'Promise</.test(text)) return 'handlers are synchronous: this one returns a Promise'
  if (text.includes("'a method that streams belongs into an action'") || text.includes("'OnlyActionsStream'"))
    return 'a method that streams belongs into an action'
  if (
    /'\[answers\]' is missing|Type 'Streamed<.* is missing the following properties from type '(Accepted|Answer)</.test(
      text,
    )
  )
    return noReply('.reply({…})')
  const said = /Type '(\w+)(<[^']*)?' is not assignable to type 'never'/.exec(text)?.[1] ?? ''
  if (Object.hasOwn(ofEntities, said))
    return `${ofEntities[said]}: only entities have that, in methods that do not stream`
  const missing = missingIn(text)
  if (missing !== undefined) return missing
  if (/Type '\([^']*\) => .*' is not assignable to type 'never'/.test(text)) return `there is no method ${name}`
  const unknown = /'(\w+)' does not exist in type '(Decide|Evolve)</.exec(text)
  if (unknown !== null) return `there is no ${unknown[2] === 'Evolve' ? 'event' : 'method'} ${unknown[1]}`
  return undefined
}

/** Of sdk/typescript/said.ts. */
const ofEntities: Readonly<Record<string, string>> = {
  NamesEffects: 'an effect has a name',
  CancelsEffects: 'effects are cancelled',
  AnswersLater: 'the reply comes later',
  Asks: 'an answer is asked for',
  AsksWith: 'an answer is asked for',
  Resolves: 'a ticket is resolved',
  ResolvesWith: 'a ticket is resolved',
}

function missingIn(text: string): string | undefined {
  const single = /Property '([\w$]+)' is missing in type '.*' but required in type '(.*)'/.exec(text)
  const several = /is missing the following properties from type '(.*)': ([\w$, ]+)/.exec(text)
  const [names, type] = single === null ? [several?.[2], several?.[1]] : [single[1], single[2]]
  if (names === undefined || type === undefined) return undefined
  if (/: Fold</.test(type)) return noEvolve(names.split(', '))
  return /: (Handler|\w*Handler|\w*Method)</.test(type) ? noHandler(names.split(', ')) : undefined
}

/** The last line, with the properties on the way to it. */
function innermost(lines: readonly string[]): string {
  const way = lines.flatMap((line) => /^Types of property '([^']+)' are incompatible/.exec(line)?.[1] ?? [])
  const last = cut(lines.at(-1)!, 300)
  return way.length === 0 ? last : `${way.join('.')}: ${last}`
}

function nameAt({ file, line, column }: BuildProblem, lineOf: (file: string, line: number) => string): string {
  if (line === undefined || column === undefined) return ''
  return /^[\w$]+/.exec(lineOf(file, line).slice(column - 1))?.[0] ?? ''
}

// Template: the path of an HTTP rule, which requests it means, and how two of them lie to each other.
//
// T1. A path is matched as it was sent: still encoded, case and all. A literal means itself; `*` one segment, also an empty one; `**`
//     everything after its slash. A verb is what follows the last ":" of the last segment, for a template that has one; to all others a ":"
//     is a character like any.
// T2. A template is bounded, in characters and in segments: what is built of many of them is, too.
// T3. Matching takes time linear in the path. What two templates have to do with each other is exact: worked out from their segments,
//     never tried on examples.
//
// Owns: the grammar (§rule-3), T3.   ingress/http/routes.ts owns: finding one of many.   http-rule.ts owns: the rest of a rule.

export interface Template {
  /** Before the rest, if there is one. Undefined: any segment. */
  readonly segments: readonly (string | undefined)[]
  /** It ends with `**`. */
  readonly rest: boolean
  readonly verb: string | undefined
  /** The segments that each captures, from and up to; the rest counts as one. */
  readonly variables: readonly { readonly name: string; readonly from: number; readonly to: number }[]
}

const lengthMax = 1_024
const segmentsMax = 32

/** The grammar of §rule-3. `report` is told what is wrong, with the 1-based column. */
export function parseTemplate(path: string, report: (problem: string) => void): Template | undefined {
  if (path.length > lengthMax) {
    report(`The path [${path.slice(0, 64)}...] has ${path.length} characters; at most ${lengthMax} are allowed`)
    return undefined
  }
  let at = 0
  let rest = false
  let verb: string | undefined
  const segments: (string | undefined)[] = []
  const variables: Template['variables'][number][] = []
  const fail = (what: string): false => {
    report(`${what} at character ${at + 1} of [${path}]`)
    return false
  }
  /** False after a reported error. */
  const segment = (insideVariable: boolean): boolean => {
    if (rest) return fail('Multi segment wildcards "**" are only allowed at the end of the path')
    if (path.startsWith('**', at)) {
      at += 2
      rest = true
      return true
    }
    if (path[at] === '*') {
      at += 1
      segments.push(undefined)
      return true
    }
    if (path[at] === '{') return insideVariable ? fail('Variables may not be nested') : variable()
    const literal = /^[^*{}/:\n]+/.exec(path.slice(at))?.[0]
    if (literal === undefined) return fail('Expected a path segment')
    at += literal.length
    segments.push(literal)
    return true
  }
  const variable = (): boolean => {
    at += 1
    const name = /^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)*/.exec(path.slice(at))?.[0]
    if (name === undefined) return fail('Expected a field name')
    if (variables.some((known) => known.name === name)) return fail(`The field [${name}] appears twice`)
    at += name.length
    const from = segments.length
    if (path[at] === '=') {
      do {
        at += 1
        if (!segment(true)) return false
      } while (path[at] === '/')
    } else segments.push(undefined)
    variables.push({ name, from, to: segments.length + (rest ? 1 : 0) })
    if (path[at] !== '}') return fail('Expected "}"')
    at += 1
    return true
  }
  if (path[0] !== '/') return fail('A path must start with "/"') || undefined
  while (path[at] === '/') {
    at += 1
    if (!segment(false)) return undefined
  }
  if (path[at] === ':') {
    at += 1
    verb = /^[^*{}/:\n]+/.exec(path.slice(at))?.[0]
    if (verb === undefined) return fail('Expected a verb') || undefined
    at += verb.length
  }
  if (at < path.length) return fail('Unexpected character') || undefined
  if (segments.length > segmentsMax) {
    report(`The path [${path}] has ${segments.length} segments; at most ${segmentsMax} are allowed`)
    return undefined
  }
  return { segments, rest, verb, variables }
}

/** What the variables stand for in a path, or undefined where the template does not mean it. */
export function capture({ segments, rest, verb, variables }: Template, path: string): readonly string[] | undefined {
  if (path[0] !== '/') return undefined
  const end = verb === undefined ? path.length : path.length - verb.length - 1
  if (verb !== undefined && (end < 1 || path[end] !== ':' || !path.endsWith(verb))) return undefined
  const from: number[] = []
  const to: number[] = []
  let at = 1
  for (const [index, literal] of segments.entries()) {
    if (at > end) return undefined
    const slash = path.indexOf('/', at)
    const stop = slash === -1 || slash > end ? end : slash
    if (literal !== undefined && path.slice(at, stop) !== literal) return undefined
    from.push(at)
    to.push(stop)
    if (index === segments.length - 1 && !rest && stop !== end) return undefined
    // Past the end, where no slash follows.
    at = stop + 1
  }
  if (rest) {
    if (at > end) return undefined
    from.push(at)
    to.push(end)
  }
  return variables.map((variable) => path.slice(from[variable.from], to[variable.to - 1]))
}

/** What two templates have in common of what is theirs. An id with a ":" is theirs only until somebody has a rule with that verb: that rule has
 *  the path then. So `/a/{id}` and `/a/{id}:v` are apart.
 *
 *  `covers`: the first means every path that the second means, and more; `within` the other way round; `partly`: both mean some, and
 *  each others besides. */
export type Relation = 'same' | 'covers' | 'within' | 'partly' | 'apart'

export function relation(a: Template, b: Template): Relation {
  if (!meet(a, b)) return 'apart'
  const over = covers(a, b)
  const under = covers(b, a)
  if (over) return under ? 'same' : 'covers'
  return under ? 'within' : 'partly'
}

function meet(a: Template, b: Template): boolean {
  const both = Math.min(a.segments.length, b.segments.length)
  for (let index = 0; index < both; index++) {
    const [one, other] = [a.segments[index], b.segments[index]]
    if (one !== undefined && other !== undefined && one !== other) return false
  }
  if (!reaches(a, b) || !reaches(b, a)) return false
  // A path with a verb is another's than the same one without (`Relation`); `**` takes any.
  if (a.verb === b.verb) return true
  return (a.rest && a.verb === undefined) || (b.rest && b.verb === undefined)
}

/** It is long enough for the other one's segments, and for its rest, which needs a slash at least. */
function reaches({ segments, rest }: Template, other: Template): boolean {
  return rest || segments.length >= other.segments.length + (other.rest ? 1 : 0)
}

function covers(a: Template, b: Template): boolean {
  const enough = b.segments.length + (b.rest ? 1 : 0) >= a.segments.length + (a.rest ? 1 : 0)
  if (!enough || (!a.rest && (b.rest || b.segments.length !== a.segments.length))) return false
  if (a.verb !== b.verb && !(a.rest && a.verb === undefined)) return false
  return a.segments.every((literal, index) => literal === undefined || literal === b.segments[index])
}

/** A path that both mean, if they are not apart. */
export function common(a: Template, b: Template): string {
  const length = Math.max(a.segments.length, b.segments.length)
  const segments = Array.from({ length }, (_, index) => a.segments[index] ?? b.segments[index] ?? 'x')
  if (a.rest && b.rest) segments.push('x')
  const verb = a.verb ?? b.verb
  return `/${segments.join('/')}${verb === undefined ? '' : `:${verb}`}`
}

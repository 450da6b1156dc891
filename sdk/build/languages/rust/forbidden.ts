// Forbidden in Rust: what a service has not, found in what was linked, and what to use instead.

import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { importsOf } from '../../component.ts'
import type { BuildProblem } from '../../problem.ts'
import type { Project } from '../../project.ts'

interface Forbidden {
  /** What only the code behind it brings into a component: a text in its data, or a name in the linker's map. */
  readonly text?: string
  readonly symbol?: RegExp
  /** How sources say it; to find the place. */
  readonly said: RegExp
  readonly message: string
}

const forbidden: readonly Forbidden[] = [
  {
    text: 'time not implemented on this platform',
    said: /\b(SystemTime|Instant)::now\b/,
    message: 'the clock is not available in a service: use context.now(), milliseconds since 1970',
  },
  {
    text: "can't sleep",
    said: /\bsleep\b/,
    message: 'a service cannot sleep: it answers at once',
  },
  {
    text: 'failed to spawn thread',
    said: /\bspawn\b/,
    message: 'a service has no threads',
  },
  {
    // The keys of std's random hasher: they differ from instance to instance, and so does the order of what it keeps.
    symbol: /4hash6random.*RandomState3new4KEYS/,
    said: /\bHash(Map|Set)\b|\bRandomState\b/,
    message:
      'a HashMap or HashSet has another order in every instance: use BTreeMap or BTreeSet, or a hasher without random keys',
  },
]

/** `map`: the linker's. */
export function forbiddenIn(project: Project, core: Uint8Array, map: string): readonly BuildProblem[] {
  const problems: BuildProblem[] = importsOf(core).others.map((name) => ({
    file: project.entry,
    message: `imports ${name}, which a component cannot reach`,
  }))
  const data = Buffer.from(core.buffer, core.byteOffset, core.length)
  for (const { text, symbol, said, message } of forbidden) {
    if ((text === undefined || !data.includes(text)) && (symbol === undefined || !symbol.test(map))) continue
    const places = placesOf(project, said)
    problems.push(...(places.length > 0 ? places : [{ file: project.entry }]).map((place) => ({ ...place, message })))
  }
  return problems
}

function placesOf({ directory }: Project, said: RegExp): readonly { file: string; line: number; column: number }[] {
  return globSync('src/**/*.rs', { cwd: directory }).flatMap((name) => {
    const lines = readFileSync(join(directory, name), 'utf8').split('\n')
    return lines.flatMap((text, index) => {
      const column = text.replace(/\/\/.*/, '').search(said)
      return column < 0 ? [] : [{ file: join(directory, name), line: index + 1, column: column + 1 }]
    })
  })
}

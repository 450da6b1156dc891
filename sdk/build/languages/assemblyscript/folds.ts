// Folds: which events the author's classes fold, read from their source: the class that completes a generated one has an `on...` for each.
// An event that such a class emits and does not fold is a mistake.
//
// F1. By the compiler's own parser. A class counts by its name, also through classes of the author's own in between, and a generated
//     class by the name that it is imported under.
//
// Leaves to others: what the generated classes are called (code.ts).

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { noEvolve } from '../../in-words.ts'
import type { BuildProblem } from '../../problem.ts'
import type { Project } from '../../project.ts'
import type { FoldingClass } from './code.ts'

/** The author's own modules. */
export function authorFiles({ entry, gen }: Project): readonly string[] {
  return readdirSync(dirname(entry), { recursive: true, encoding: 'utf8' })
    .map((name) => join(dirname(entry), name))
    .filter((file) => file.endsWith('.ts') && !file.startsWith(join(gen, '/')) && !file.includes('node_modules'))
}

interface AuthorClass {
  readonly extended: string
  readonly methods: readonly string[]
  /** Events that its source emits by their class, `this.emit(Added.of(1))`, each where it does first. */
  readonly emitted: ReadonlyMap<string, BuildProblem>
}

interface Folds {
  /** For each service with a class that completes its generated one: full names of the events that it folds, sorted. */
  readonly folded: ReadonlyMap<string, readonly string[]>
  /** Events that are emitted and not folded. */
  readonly lost: readonly BuildProblem[]
}

export async function foldedEvents(project: Project, generated: readonly FoldingClass[]): Promise<Folds> {
  const classes = await authorClasses(project)
  const folded = new Map<string, readonly string[]>()
  const lost: BuildProblem[] = []
  for (const { service, name, folds } of generated) {
    const own = [...classes.values()].filter((one) => extendsClass(one, name, classes))
    const methods = new Set(own.flatMap((one) => one.methods))
    for (const [event, problem] of own.flatMap((one) => [...one.emitted])) {
      const fold = folds.find(({ method }) => method === `on${event}`)
      if (fold !== undefined && !methods.has(fold.method)) lost.push(problem)
    }
    const events = folds.filter(({ method }) => methods.has(method)).map(({ event }) => event)
    if (events.length > 0) folded.set(service, events.sort())
  }
  return { folded, lost }
}

function extendsClass(
  { extended }: AuthorClass,
  name: string,
  classes: ReadonlyMap<string, AuthorClass>,
  depth = 0,
): boolean {
  if (extended === name) return true
  const between = classes.get(extended)
  // A circle is the compiler's to tell.
  return between !== undefined && depth < 100 && extendsClass(between, name, classes, depth + 1)
}

/** By the name of the event's class. */
function emittedIn(
  text: string,
  start: number,
  end: number,
  file: string,
  imported: ReadonlyMap<string, string>,
): ReadonlyMap<string, BuildProblem> {
  const found = new Map<string, BuildProblem>()
  for (const match of text.slice(start, end).matchAll(/\bthis\.emit\(\s*(?:new\s+)?(?:\w+\.)*?(\w+)(?:\.of)?\(/g)) {
    const event = imported.get(match[1]!) ?? match[1]!
    const before = text.slice(0, start + match.index).split('\n')
    const message = `${noEvolve([event])}: its class needs on${event}(event: ${event}): void`
    if (!found.has(event)) found.set(event, { file, line: before.length, column: before.at(-1)!.length + 1, message })
  }
  return found
}

async function authorClasses(project: Project): Promise<ReadonlyMap<string, AuthorClass>> {
  const { ClassDeclaration, ImportStatement, MethodDeclaration, newOptions, newProgram, parse } = await import(
    'assemblyscript'
  )
  const program = newProgram(newOptions())
  for (const file of authorFiles(project)) parse(program, readFileSync(file, 'utf8'), file, true)
  const classes = new Map<string, AuthorClass>()
  for (const { statements } of program.sources) {
    const imported = new Map<string, string>()
    for (const statement of statements) {
      if (!(statement instanceof ImportStatement)) continue
      for (const { name, foreignName } of statement.declarations ?? []) imported.set(name.text, foreignName.text)
    }
    for (const statement of statements) {
      if (!(statement instanceof ClassDeclaration) || statement.extendsType === null) continue
      // `gen.CounterEventSourced`: the last part is the class.
      let { name } = statement.extendsType
      while (name.next !== null) name = name.next
      const extended = imported.get(name.identifier.text) ?? name.identifier.text
      const methods = statement.members
        .filter((member) => member instanceof MethodDeclaration)
        .map((member) => member.name.text)
      const { start, end, source } = statement.range
      const emitted = emittedIn(source.text, start, end, source.normalizedPath, imported)
      classes.set(statement.name.text, { extended, methods, emitted })
    }
  }
  return classes
}

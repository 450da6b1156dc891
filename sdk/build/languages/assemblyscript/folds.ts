// Folds: which events the author's classes fold, read from their source: the class that completes a generated one has an `on...` for each.
//
// F1. By the compiler's own parser. A class counts by its name, also through classes of the author's own in between, and a generated
//     class by the name that it is imported under.
//
// Leaves to others: what the generated classes are called (code.ts).

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
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
}

/** For each service with a class that completes its generated one: full names of the events that it folds, sorted. */
export async function foldedEvents(
  project: Project,
  generated: readonly FoldingClass[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const classes = await authorClasses(project)
  const folded = new Map<string, readonly string[]>()
  for (const { service, name, folds } of generated) {
    const methods = new Set<string>()
    for (const one of classes.values())
      if (extendsClass(one, name, classes)) for (const method of one.methods) methods.add(method)
    const events = folds.filter(({ method }) => methods.has(method)).map(({ event }) => event)
    if (events.length > 0) folded.set(service, events.sort())
  }
  return folded
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
      classes.set(statement.name.text, { extended, methods })
    }
  }
  return classes
}

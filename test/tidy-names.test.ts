// Guards names in prose: the files, functions and classes that comments and documents name exist, and every numbered invariant of a module is
// named by a test.

import { dirname, join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { citedAs, defined, documents, endings, found, read, sources } from './support/tree.ts'

/** Modules whose comments are checked. */
const commented = sources.filter((path) => /^(host|sdk\/build|sdk\/typescript)\//.test(path))
const files = new Set(
  found([
    `{host,sdk,test,guests,bench}/**/*.{${endings.join(',')},mjs,md,wit,proto,wat,json}`,
    'wit/**/*',
    'docs/**/*.md',
    '*.md',
  ]),
)

/** Files and folders of authors' projects, which lie in no one place of the tree. */
const ofProjects: ReadonlySet<string> = new Set(['src/service.ts', 'usage.md', 'innkeeper-sdk', 'template'])

/** Files of other systems and of examples in comments, and what only looks like a folder: a key of the store. */
const ofOthers: ReadonlySet<string> = new Set([
  'design/mvp/Binary.md',
  'counter/v1/counter.ts',
  'gen/orders/v1/orders.ts',
  './x.ts',
  'piece',
])

/** Names that are no names of ours: of generated code, whose messages and services are the author's, and of other systems. */
const foreign: ReadonlySet<string> = new Set([
  'Outer.Inner',
  'TimeoutStopSec',
  'CounterValue',
  'CounterReplicated',
  'CounterAction',
  'clearChoice()',
  'MyService',
])

const Names = suite('tidy-names')

Names(
  'files that comments name exist: beside the file, below a folder above it, or under a name that only one has',
  () => {
    const lost = commented.flatMap((path) =>
      comments(path).flatMap(({ text, line }) =>
        [...text.matchAll(fileName)]
          .map(([, name]) => name!)
          .filter((name) => !ofProjects.has(name) && !ofOthers.has(name) && !reached(path, name))
          .map((name) => `${path}:${line} names ${name}`),
      ),
    )
    assert.equal(lost, [])
  },
)

Names('folders that comments name exist', () => {
  const folders = new Set(
    [...files].flatMap((path) => path.split('/').map((_, at, parts) => `/${parts.slice(0, at).join('/')}`)),
  )
  const lost = commented.flatMap((path) =>
    comments(path).flatMap(({ text, line }) =>
      [...text.matchAll(/(?<![\w./:*@<{`'"~-])((?:[\w-]+\/)*[\w-]+)\/(?=[\s,;.)])/g)]
        .map(([, name]) => name!)
        .filter(
          (name) =>
            !ofProjects.has(name) && !ofOthers.has(name) && ![...folders].some((folder) => folder.endsWith(`/${name}`)),
        )
        .map((name) => `${path}:${line} names ${name}/`),
    ),
  )
  assert.equal(lost, [])
})

Names('files that documents name exist', () => {
  const lost = documents
    .filter((path) => path !== 'CHANGELOG.md')
    .flatMap((path) =>
      prose(path).flatMap(({ text, line }) =>
        [...text.matchAll(/`([\w./-]+\.(?:ts|mjs|md|wit))`/g)]
          .map(([, name]) => name!)
          .filter((name) => !ofProjects.has(name) && ![...files].some((file) => `/${file}`.endsWith(`/${name}`)))
          .map((name) => `${path}:${line} names ${name}`),
      ),
    )
  assert.equal(lost, [])
})

Names('functions, methods and classes that comments and documents name are in the code', () => {
  const code = new Map(
    [...files]
      .filter((path) => /\.(?!md|json)\w+$/.test(path))
      .map((path) => [path, new Set(withoutComments(read(path)).match(/[A-Za-z_$][\w$]*/g))]),
  )
  const words = new Set([...code.values()].flatMap((of) => [...of]))
  const places = [
    ...commented.flatMap((path) => comments(path).map((one) => ({ path, ...one }))),
    ...documents
      .filter((path) => path !== 'CHANGELOG.md')
      .flatMap((path) => prose(path).map((one) => ({ path, ...one }))),
  ]
  let count = 0
  const lost: string[] = []
  for (const { path, text, line } of places) {
    for (const [, named] of text.matchAll(/`([^`\n]+)`/g)) {
      const [, owner, name, called] = /^\.?(?:([A-Za-z_$][\w$]*)\.)?#?([A-Za-z_$][\w$]*)(\(.*\))?$/.exec(named!) ?? []
      if (name === undefined || foreign.has(named!)) continue
      const ofClass = owner !== undefined && /^[A-Z]/.test(owner)
      if (!ofClass && called === undefined && !/^(?:[a-z]|[A-Z][a-z0-9])[a-z0-9]*[A-Z]/.test(name)) continue
      count += 1
      const there = ofClass ? [...code.values()].some((of) => of.has(owner) && of.has(name)) : words.has(name)
      if (!there) lost.push(`${path}:${line} names ${named}`)
    }
  }
  assert.equal(lost, [])
  assert.ok(count > 300, `${count} names were found`)
})

Names('every numbered invariant of a module is named by a test', () => {
  const modules = sources.filter((path) => /^(host|sdk\/(build|client))\//.test(path))
  const owners = new Map<string, string[]>()
  for (const path of modules)
    for (const label of defined(path))
      for (const name of citedAs(path)) {
        const key = `${name}.${label}`
        owners.set(key, [...(owners.get(key) ?? []), path])
      }
  const cited = new Set(
    sources
      .filter((path) => path.startsWith('test/'))
      .flatMap(
        (path) => read(path).match(/(?<![\w./-])(?:[a-z][a-z0-9-]*\/)?[a-z][a-z0-9-]+\.[A-Z]\d{1,2}(?!\w)/g) ?? [],
      ),
  )
  const without: Record<string, string> = {}
  for (const path of modules) {
    // A name that two modules have names neither: their folder says which.
    const own = (label: string) =>
      citedAs(path).some((name) => owners.get(`${name}.${label}`)!.length === 1 && cited.has(`${name}.${label}`))
    const labels = [...defined(path)].filter((label) => !own(label))
    if (labels.length > 0) without[path] = labels.join(' ')
  }
  assert.equal(without, {})
})

Names.run()

const fileName = /(?<![\w./*@~<{$-])((?:\.\/)?(?:[\w.-]+\/)*[\w-]+(?:\.[\w-]+)*\.(?:ts|mjs|md|wit))(?![\w/(])/g

/** Is there a file that a comment of `path` calls `name`? */
function reached(path: string, name: string): boolean {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    if (files.has(join(folder, name))) return true
    if (folder === '.') break
  }
  if (
    ['host', 'sdk', 'sdk/assemblyscript', 'sdk/build', 'sdk/typescript'].some((folder) => files.has(join(folder, name)))
  )
    return true
  // Each language has a file of that name.
  if (path.startsWith('sdk/build/') && files.has(join('sdk/build/languages/typescript', name))) return true
  return [...files].filter((file) => /^(host|sdk\/build|wit)\//.test(file) && file.endsWith(`/${name}`)).length === 1
}

interface Place {
  readonly text: string
  readonly line: number
}

/** Comments of a module, each with the line that it begins on. */
function comments(path: string): readonly Place[] {
  const text = read(path)
  return [...text.matchAll(/^\s*\/\/.*$|(?<=\s)\/\/ .*$|\/\*\*[\s\S]*?\*\//gm)].map((match) => ({
    text: match[0],
    line: text.slice(0, match.index).split('\n').length,
  }))
}

/** Lines of a document, without its blocks of code. */
function prose(path: string): readonly Place[] {
  const text = read(path).replace(/```[\s\S]*?```/g, (block) => block.replace(/[^\n]/g, ''))
  return text.split('\n').map((line, at) => ({ text: line, line: at + 1 }))
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, ' ').replace(/(^|\s)\/\/.*$/gm, ' ')
}

// Guards sdk/README.md: the table of words of the six languages names what is there, and all of the TypeScript SDK.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

const sdk = fileURLToPath(new URL('../../sdk/', import.meta.url))
const table = readFileSync(join(sdk, 'README.md'), 'utf8')

interface Language {
  readonly folder: string
  /** Names of files whose declarations are an author's. */
  readonly files: RegExp
  /** Each finds names in its first group. */
  readonly declared: readonly RegExp[]
}

const javaScript: readonly RegExp[] = [
  /\bexport (?:declare )?(?:abstract )?(?:const enum|const|function|class|interface|type) ([\w$]+)/g,
  // Members, of an interface or a class.
  /^ {2}(?:static |readonly |abstract |get )*([a-zA-Z][\w$]*)\??(?:<[^(]*>)?[(:]/gm,
]

const languages: Readonly<Record<string, Language>> = {
  TypeScript: { folder: 'typescript', files: /^(?!engine\/|guest).*\.ts$/, declared: javaScript },
  AssemblyScript: { folder: 'assemblyscript/assembly', files: /^(?!component).*\.ts$/, declared: javaScript },
  Rust: {
    folder: 'rust/src',
    files: /^(?!abi\/).*\.rs$/,
    declared: [/\bpub (?:fn|struct|enum|trait|type|mod) (\w+)/g, /macro_rules! (\w+)/g, /\bset!\((\w+)/g],
  },
  Go: {
    folder: 'go',
    files: /^(?!component|check|wire).*(?<!_test)\.go$/,
    declared: [
      /^func (?:\([^)]*\) )?([A-Z]\w*)/gm,
      /^type ([A-Z]\w*)/gm,
      /^(?:var |const )([A-Z]\w*)/gm,
      // Members of structs, constants.
      /^\t([A-Z]\w*)\b/gm,
    ],
  },
  Swift: {
    folder: 'swift/Sources/Innkeeper',
    files: /\.swift$/,
    declared: [
      /\b(?:public|open) (?:static |final )*(?:func|var|let|struct|class|enum|protocol|typealias) (\w+)/g,
      // Members of public protocols and cases of public enums.
      /^ {2}(?:func|case) (\w+)/gm,
    ],
  },
  C: {
    folder: 'c',
    files: /\.h$/,
    declared: [/\b(ik_\w+)(?= ?\(|;|,| \{)/g, /\b(IK_\w+)/g, /#define (\w+)/g, /^ {2}.*\b(\w+);$/gm],
  },
}

function declaredIn({ folder, files, declared }: Language): ReadonlySet<string> {
  const names = new Set<string>()
  const from = join(sdk, folder)
  for (const path of readdirSync(from, { recursive: true, encoding: 'utf8' })) {
    if (!files.test(path)) continue
    // What a comment says is there for the reader alone.
    const text = readFileSync(join(from, path), 'utf8').replace(/^\s*(?:\/\/|\/?\*).*$/gm, '')
    for (const pattern of declared) for (const [, name] of text.matchAll(pattern)) names.add(name!)
  }
  return names
}

interface Row {
  readonly word: string
  /** By language. */
  readonly cells: Readonly<Record<string, string>>
}

function rowsOf(text: string): readonly Row[] {
  const rows: Row[] = []
  let head: readonly string[] = []
  for (const line of text.split('\n')) {
    if (!line.startsWith('|') || line.startsWith('| ---')) continue
    const cells = line.split('|').slice(1, -1)
    const [word, ...rest] = cells.map((cell) => cell.trim())
    if (word === 'word') head = rest
    else
      rows.push({
        word: word!,
        cells: Object.fromEntries(rest.map((cell, index) => [head[index] ?? 'no column', cell])),
      })
  }
  return rows
}

const namesIn = (cell: string): readonly string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name!)

/** What is wrong with a table, a line each. */
function problemsOf(text: string): readonly string[] {
  const known = Object.fromEntries(Object.entries(languages).map(([name, language]) => [name, declaredIn(language)]))
  return rowsOf(text).flatMap(({ word, cells }) => {
    const columns = Object.keys(cells)
    if (columns.join() !== Object.keys(languages).join()) return [`${word}: has the columns ${columns.join()}`]
    return Object.entries(cells).flatMap(([language, cell]) => [
      ...(cell === '' ? [`${word}: ${language} says nothing`] : []),
      ...namesIn(cell).flatMap((name) => (known[language]!.has(name) ? [] : [`${word}: ${language} has no ${name}`])),
    ])
  })
}

/** Exports of the modules that authors import. */
function exported(): readonly string[] {
  return ['index.ts', 'testing.ts', 'client.ts'].flatMap((file) =>
    [...readFileSync(join(sdk, 'typescript', file), 'utf8').matchAll(/^export (?:type )?\{([^}]*)\}/gms)].flatMap(
      ([, names]) =>
        names!
          .split(',')
          .map((name) => name.trim())
          .filter((name) => name !== ''),
    ),
  )
}

const Parity = suite('parity of the SDKs')

Parity('each row has a word of each language, or says why it has none', () => {
  const rows = rowsOf(table)
  assert.ok(rows.length > 40, `${rows.length} rows`)
  assert.equal(problemsOf(table), [])
})

Parity('each export of the TypeScript SDK is in a row', () => {
  const named = new Set(rowsOf(table).flatMap(({ cells }) => namesIn(cells['TypeScript']!)))
  assert.ok(exported().length > 100)
  assert.equal(
    exported().filter((name) => !named.has(name)),
    [],
  )
})

Parity('what is missing is told', () => {
  const line = /^\| create an entry.*$/m.exec(table)![0]
  const changed = (from: string, to: string) => problemsOf(table.replace(line, line.replace(from, to)))
  assert.equal(changed('`ik_map_create`', '`ik_map_make`'), ['create an entry with its default: C has no ik_map_make'])
  for (const language of Object.keys(languages)) {
    const { word, cells } = rowsOf(table).find(({ word }) => word === 'action')!
    const index = Object.keys(languages).indexOf(language)
    const wrong = ['', word, ...Object.values(cells).with(index, '`NoSuchWord`'), ''].join(' | ').trim()
    assert.equal(problemsOf(table.replace(/^\| action .*$/m, wrong)), [`action: ${language} has no NoSuchWord`])
  }
  assert.equal(changed('| `ik_map_create` |', '| |'), ['create an entry with its default: C says nothing'])
  assert.match(changed('| `ik_map_create` |', '|')[0]!, /has the columns TypeScript,AssemblyScript,Rust,Go,Swift$/)
})

Parity.run()

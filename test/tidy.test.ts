// Guards the house: where imports may point, tests that run, paths in documents that exist, marks that were left behind.

import { existsSync } from 'node:fs'
import { dirname, join, normalize, relative } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { citedAs, defined, documents, endings, found, read, root, sources } from './support/tree.ts'

/** The way of a command, and what stands beside it. A folder imports its own row's right side, and words (files directly in host/). */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  ingress: ['schema', 'transcode', 'observe'],
  router: ['action', 'delivery', 'entity', 'projection', 'schema'],
  crdt: ['schema', 'transcode'],
  entity: ['crdt', 'delivery', 'guest', 'journal', 'reply', 'storage', 'observe'],
  action: ['delivery', 'guest', 'journal', 'reply', 'observe'],
  delivery: ['connectors', 'journal', 'storage', 'transcode'],
  reply: ['delivery', 'journal'],
  guest: [],
  storage: ['schema'],
  journal: ['schema', 'storage', 'transcode'],
  feed: ['journal', 'storage'],
  schedules: ['delivery', 'journal', 'schema', 'transcode'],
  catalog: ['guest', 'journal', 'storage'],
  store: ['catalog', 'journal', 'storage'],
  views: ['guest', 'link', 'schema', 'transcode'],
  projection: ['catalog', 'feed', 'guest', 'journal', 'views'],
  schema: [],
  transcode: ['schema'],
  connectors: ['schema', 'transcode'],
  observe: [],
  fold: ['entity', 'guest', 'journal'],
  wasm: ['guest'],
  link: ['guest', 'schema', 'wasm'],
  laws: ['crdt', 'deploy', 'guest', 'schema', 'transcode', 'views'],
  deploy: [
    'catalog',
    'connectors',
    'entity',
    'fold',
    'guest',
    'ingress',
    'journal',
    'link',
    'schedules',
    'schema',
    'storage',
    'store',
    'views',
  ],
  doctor: ['catalog', 'crdt', 'feed', 'journal', 'storage', 'store'],
  admin: [
    ...['catalog', 'crdt', 'delivery', 'deploy', 'doctor', 'entity', 'feed', 'fold', 'guest', 'ingress', 'journal'],
    ...['observe', 'projection', 'router', 'schedules', 'schema', 'storage', 'transcode', 'views'],
  ],
  supervisor: ['admin', 'deploy', 'observe', 'schema'],
  cli: ['deploy', 'doctor', 'guest', 'laws', 'link', 'observe', 'projection', 'schema', 'supervisor', 'transcode'],
  tools: [],
}

/** The authors' tools, which the installation of a server leaves out: what of the host they use, and what of the host uses them. */
const tools = {
  folder: 'sdk/build/',
  mayImport: ['deploy', 'guest', 'laws', 'link', 'schema', 'wasm', 'limits.ts'].map((path) => `host/${path}`),
  usedBy: ['build', 'dev-build', 'dev-project', 'new', 'test', 'typed-client']
    .map((name) => `host/cli/${name}.ts`)
    .concat('host/tools/standard.ts'),
}

const law = 'docs/reference/behaviour.md'
/** What may cite the law, or a module. Outside of comments and names of tests nothing looks like a citation. */
const citing = found([
  `{host,sdk,test,guests,bench}/**/*.{${endings.join(',')},proto,md}`,
  'wit/**/*.{wit,proto}',
  'docs/**/*.md',
  '*.md',
]).filter((path) => path !== 'test/tidy.test.ts')

/** Rules that no test breaks, and why. This list only shrinks: a new rule comes with its test. */
const untested: Readonly<Record<string, string>> = {}

/** Names of rules that are gone: no other rule ever gets one of them. */
const retired: ReadonlySet<string> = new Set()

const Tidy = suite('tidy')

Tidy('imports in host/ follow the way of a command', () => {
  const wrong: string[] = []
  for (const file of sources.filter((path) => path.startsWith('host/'))) {
    const [, folder, inner] = file.split('/')
    if (inner === undefined) continue
    for (const target of imports(file)) {
      const path = relative(root, normalize(join(root, dirname(file), target)))
      const [top, to, rest] = path.split('/')
      if (top !== 'host' || rest === undefined || to === folder) continue
      if (mayImport[folder!]?.includes(to!) !== true) wrong.push(`${file} imports ${path}`)
    }
  }
  assert.equal(wrong, [])
})

Tidy('each arrow that is allowed is used, and none closes a circle', () => {
  const used = new Set(
    sources
      .filter((path) => path.startsWith('host/'))
      .flatMap((file) => {
        const [, folder, inner] = file.split('/')
        if (inner === undefined) return []
        return imports(file).map((target) => {
          const [top, to, rest] = relative(root, normalize(join(root, dirname(file), target))).split('/')
          return top === 'host' && rest !== undefined && to !== folder ? `${folder} ${to}` : ''
        })
      }),
  )
  const allowed = Object.entries(mayImport).flatMap(([from, to]) => to.map((folder) => `${from} ${folder}`))
  assert.equal(
    allowed.filter((arrow) => !used.has(arrow)),
    [],
  )
  const left = new Map(Object.entries(mayImport).map(([from, to]) => [from, new Set(to)]))
  for (let folder: string | undefined; left.size > 0; left.delete(folder)) {
    folder = [...left].find(([, to]) => [...to].every((one) => !left.has(one)))?.[0]
    if (folder === undefined) return assert.unreachable(`a circle among ${[...left.keys()]}`)
  }
})

Tidy('errors.E2: statuses of failures are numbers in errors.ts only', () => {
  const literal =
    /\b(?:code|status): [1-9]\d*\b(?<!2\d\d)|'grpc-status'\W+[1-9]|\b(?:end|writeHead)\([13-9]\d\d\b|\? \d{3} : \d{3}/g
  const numbers = sources
    .filter((path) => path.startsWith('host/') && path !== 'host/errors.ts' && !/^host\/(link|wasm)\//.test(path))
    .flatMap((path) => [...read(path).matchAll(literal)].map(([found]) => `${path}: ${found}`))
  assert.equal(numbers, [])
})

Tidy('what is alike for all calls of clients is in one place of the ingress', () => {
  const places: Readonly<Record<string, readonly [RegExp, string]>> = {
    'makes commands': [/\bhops: 0\b/, 'host/ingress/plain-call.ts'],
    'counts calls': [/recorder\.(?:received|completed|refused)\(/, 'host/ingress/door.ts'],
    'logs what fails of the host': [/=== 'internal'\) \{/, 'host/ingress/door.ts'],
  }
  for (const [what, [pattern, place]] of Object.entries(places)) {
    const found = sources.filter((path) => path.startsWith('host/ingress/') && pattern.test(read(path)))
    assert.equal(found, [place], what)
  }
})

/** Where the time is the machine's own: sockets, processes, threads and disks. Everything else takes it from a clock (clock.C1). */
const inRealTime: readonly RegExp[] = [
  /^host\/clock\.ts$/,
  /^host\/(ingress|admin|supervisor|cli|tools|bin)\//,
  /^host\/(link|fold|storage|store)\//,
  /^host\/in-flight\.ts$/,
]

Tidy('clock.C1: from the door inwards nobody but the clock asks the machine for time, or for chance', () => {
  const globals =
    /(?<![.\w])(?:setTimeout|setInterval|setImmediate)\(|performance\.now\(\)|Date\.now\(\)|new Date\(\)|Math\.random\(|node:timers|nextTick\(/g
  const asked = sources
    .filter((path) => path.startsWith('host/') && !inRealTime.some((exempt) => exempt.test(path)))
    .flatMap((path) => [...read(path).matchAll(globals)].map(([found]) => `${path}: ${found}`))
  assert.equal(asked, [])
})

/** Code that ships, of which every export has a user and every function and file a bound. */
const shipped = sources.filter((path) => /^(host|sdk\/(build|client))\//.test(path))

/** What authors and generated code import of the SDK: the files that its package.json exports. */
const published = ['sdk/typescript', 'sdk/client'].flatMap((folder) =>
  Object.values((JSON.parse(read(`${folder}/package.json`)) as { exports: Record<string, string> }).exports).map(
    (path) => join(folder, path),
  ),
)

/** Taken out of what an `import(…)` gave, later. */
const usedElsewhere: ReadonlySet<string> = new Set([
  'host/cli/main.ts main',
  'sdk/build/languages/rust/build.ts cargoHome',
])

Tidy('no export is unused', () => {
  const users = new Map<string, Set<string>>()
  const uses = (name: string, path: string) => {
    const of = users.get(name)
    if (of === undefined) users.set(name, new Set([path]))
    else of.add(path)
  }
  /** Imported whole: which of its names are used is not looked for. */
  const whole = new Set<string>()
  const all = [...sources, ...found(['{host,sdk}/**/*.{mjs,js}'])]
  for (const path of all) {
    const text = read(path)
    for (const [, names] of text.matchAll(/(?:import|export)\s+(?:type\s+)?(?:\w+\s*,\s*)?\{([^}]*)\}\s*from/g))
      for (const name of names!.split(','))
        uses(
          name
            .trim()
            .replace(/^type\s+/, '')
            .split(/\s+as\s+/)[0]!,
          path,
        )
    for (const [, names] of text.matchAll(/\{([^{}]*)\}\s*=\s*await import/g))
      for (const name of names!.split(',')) uses(name.trim().split(':')[0]!.trim(), path)
    for (const [, name] of text.matchAll(/import\('[^']+'\)\)?\.(\w+)/g)) uses(name!, path)
    for (const [, from] of text.matchAll(/import \* as \w+ from '(\.[^']+)'/g))
      whole.add(relative(root, normalize(join(root, dirname(path), from!))))
  }
  const exported = /^export (?:abstract )?(?:async )?(?:const|let|function\*?|class|interface|type|enum) (\w+)/gm
  const ofSdk = sources.filter((path) => path.startsWith('sdk/typescript/') && !published.includes(path))
  assert.ok(published.length > 3 && ofSdk.length > 30)
  const unused = [...shipped, ...ofSdk]
    .filter((path) => !whole.has(path) && !published.includes(path))
    .flatMap((path) =>
      [...read(path).matchAll(exported)]
        .filter(
          ([, name]) =>
            !usedElsewhere.has(`${path} ${name}`) && ![...(users.get(name!) ?? [])].some((user) => user !== path),
        )
        .map(([, name]) => `${path} exports ${name}`),
    )
  assert.equal(unused, [])
})

/** Longer than `linesMax`, and why. This list only shrinks. */
const longFiles: Readonly<Record<string, string>> = {
  'host/admin/api.ts': 'the table of the admin port: one row a path',
  'host/delivery/outbox.ts': 'trying, waiting and what partitions owe one another share one set of entries',
  'host/deploy/deploy.ts': 'the order of a deployment, step by step',
  'host/ingress/http/openapi.ts': 'one document, written from top to bottom',
  'host/journal/kv-journal.ts': 'every column of the state, read and written',
  'host/journal/record.ts': 'every form of a value on disk, both ways',
  'sdk/build/codegen/scalars.ts': 'a table',
}
const linesMax = 400

/** Functions of more than `functionLinesMax`, and why. This list only shrinks. */
const longFunctions: Readonly<Record<string, string>> = {
  'host/admin/api.ts adminRoutes': 'the table of the admin port: one row a path',
  'host/observe/metrics.ts bind': 'a table: one row a metric',
  'host/wasm/instructions.ts next': 'one case for each kind of instruction',
  'host/wasm/moves.ts read': 'one case for each kind of instruction',
  'host/wasm/regions.ts regionsOf': 'one case for each kind of instruction',
}
const functionLinesMax = 70

Tidy('files and functions that ship are short, or say why not', () => {
  const files = shipped.filter((path) => read(path).split('\n').length - 1 > linesMax)
  assert.equal(
    files.filter(
      (path) => !Object.hasOwn(longFiles, path) && !path.includes('/codegen/') && !path.includes('/languages/'),
    ),
    [],
  )
  assert.equal(
    Object.keys(longFiles).filter((path) => !files.includes(path) && !path.includes('/codegen/')),
    [],
    'no longer long',
  )
  const long = [...shipped, ...sources.filter((path) => path.startsWith('sdk/typescript/'))].flatMap((path) =>
    functionsOf(path)
      .filter(({ lines }) => lines > functionLinesMax)
      .map(({ name }) => `${path} ${name}`),
  )
  assert.equal(long.sort(), Object.keys(longFunctions).sort())
})

Tidy('the host imports no tool of the authors, but for their commands; and those are loaded when they are used', () => {
  const below = (path: string, folders: readonly string[]): boolean =>
    folders.some((folder) => path === folder || path.startsWith(`${folder}/`))
  const wrong: string[] = []
  for (const file of sources.filter((path) => /^(host|sdk\/build)\//.test(path))) {
    for (const target of imports(file)) {
      const path = relative(root, normalize(join(root, dirname(file), target)))
      if (file.startsWith(tools.folder)) {
        if (path.startsWith('host/') && !below(path, tools.mayImport)) wrong.push(`${file} imports ${path}`)
      } else if (path.startsWith(tools.folder)) {
        if (!tools.usedBy.includes(file)) wrong.push(`${file} imports ${path}`)
      } else if (tools.usedBy.includes(path) && !tools.usedBy.includes(file)) {
        const lazily = read(file).includes(`await import('${target}')`) && !read(file).includes(`from '${target}'`)
        if (!lazily) wrong.push(`${file} imports ${path}, and not when it is used`)
      }
    }
  }
  assert.equal(wrong, [])
})

Tidy("host and authors' tools import packages that their own package.json lists", () => {
  const wrong: string[] = []
  for (const folder of ['host', 'sdk/build', 'sdk/client']) {
    const { dependencies, peerDependencies } = JSON.parse(read(`${folder}/package.json`))
    for (const file of sources.filter((path) => path.startsWith(`${folder}/`))) {
      for (const name of packagesOf(file))
        if (!Object.hasOwn({ ...dependencies, ...peerDependencies }, name)) wrong.push(`${file} imports ${name}`)
    }
  }
  assert.equal(wrong, [])
})

Tidy('every test file runs its suites', () => {
  const silent = sources.filter((path) => path.endsWith('.test.ts') && !/\.run\(\)|Contract\(/.test(read(path)))
  assert.equal(silent, [])
})

Tidy('paths named in documents exist', () => {
  const dead: string[] = []
  for (const file of documents) {
    const text = read(file).replace(/```[\s\S]*?```/g, '')
    const names = [...text.matchAll(/`((?:host|sdk|guests|wit|test|bench|docs)\/[\w./-]+)`/g)].map((match) => match[1]!)
    for (const name of names) if (!existsSync(join(root, name))) dead.push(`${file}: ${name}`)
    for (const [, link] of text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)) {
      if (!existsSync(join(root, dirname(file), link!))) dead.push(`${file}: ${link}`)
    }
  }
  assert.equal(dead, [])
})

Tidy('nothing is left marked as unfinished', () => {
  const marks = /\b(TODO|FIXME|XXX|HACK)\b|@ts-ignore|\.only\(/
  const marked = sources.filter((path) => path !== 'test/tidy.test.ts' && marks.test(read(path)))
  assert.equal(marked, [])
})

Tidy("every module of the host and of the authors' tools says what it is", () => {
  const silent = sources.filter(
    (path) =>
      /^(host|sdk\/(build|client))\//.test(path) && !path.endsWith('.d.ts') && !/^(#!.*\n)?\/\/ /.test(read(path)),
  )
  assert.equal(silent, [])
})

Tidy('rules of the law begin their paragraphs, and are numbered in order, each once', () => {
  const names = rules()
  assert.ok(names.length > 100, 'rules were found')
  const next = new Map<string, number>()
  const wrong: string[] = []
  for (const name of names) {
    const [subject, number] = name.slice(1).split('-') as [string, string]
    let due = next.get(subject) ?? 1
    while (retired.has(`§${subject}-${due}`)) due += 1
    if (Number(number) !== due) wrong.push(`${name} stands where §${subject}-${due} is due`)
    next.set(subject, Number(number) + 1)
  }
  assert.equal(wrong, [])
})

Tidy('every rule that is cited is in the law', () => {
  const known = new Set(rules())
  const subjects = new Set([...known].map((name) => name.replace(/-\d+$/, '')))
  assert.equal(
    citations(/§[a-z]+(?:-\d+)?/g, (name) => !known.has(name) && !subjects.has(name)),
    [],
  )
})

Tidy('every rule of the law is cited by a test, or listed with the reason why none can break it', () => {
  const cited = new Set(
    citing
      .filter((path) => path.startsWith('test/') && path.endsWith('.ts'))
      .flatMap((path) => [...read(path).matchAll(/§[a-z]+-\d+/g)].map(([name]) => name)),
  )
  assert.equal(
    rules().filter((name) => !cited.has(name)),
    Object.keys(untested),
  )
})

Tidy('nothing cites the specification that was outside of the tree', () => {
  const old = /(?<![\w.$/%§-])(?:A1[0-8]b?|A[1-9]|B[1-9](?:\.\d+)*)(?![\w%-])|[Ss]pec [AB]\d|spec\/|examples\.md/g
  assert.equal(
    citations(old, (label, path) => !defined(path).has(label)),
    [],
  )
})

Tidy('an invariant of a module is cited with its module elsewhere, and is there', () => {
  const known = new Set(
    citing.flatMap((path) => [...defined(path)].flatMap((label) => citedAs(path).map((name) => `${name}.${label}`))),
  )
  assert.ok(known.has('turn.T2'))
  assert.equal(
    citations(/(?<![\w./-])(?:[a-z][a-z0-9-]*\/)?[a-z][a-z0-9-]+\.[A-Z]\d{1,2}(?![\w.])/g, (name) => !known.has(name)),
    [],
  )
  // Laws of the contract (ARCHITECTURE.md) have no module.
  const bare = /^\s*(?:\w+\()?['"`](?:[^:'"`]*, )?([A-Z]\d{1,2})(?:, [^:'"`]*)?: /gm
  const names = citing
    .filter((path) => path.startsWith('test/') && path.endsWith('.ts'))
    .flatMap((path) => [...read(path).matchAll(bare)].map((match) => `${path}: ${match[1]}`))
    .filter((found) => !/ L[1-6]$/.test(found))
  assert.equal(names, [])
  const comments = (label: string, path: string) =>
    /^(host|sdk\/build)\//.test(path) &&
    path.endsWith('.ts') &&
    !/^\(L[1-6]\)$/.test(label) &&
    !defined(path).has(label.slice(1, -1))
  assert.equal(citations(/(?<= )\([A-Z]\d{1,2}\)/g, comments), [])
})

Tidy('the check for dead paths finds one', () => {
  assert.not.ok(existsSync(join(root, 'host/no-such-file.ts')))
})

Tidy.run()

/** Names of the rules, in their order. */
function rules(): readonly string[] {
  return [...read(law).matchAll(/^\*\*(§[a-z]+-\d+)\*\* /gm)].map((match) => match[1]!)
}

/** Where something is cited that is wrong, as `path:line: citation`. */
function citations(pattern: RegExp, wrong: (citation: string, path: string) => boolean): readonly string[] {
  const found: string[] = []
  for (const path of citing) {
    const text = read(path)
    for (const { 0: citation, index } of text.matchAll(pattern)) {
      if (wrong(citation, path)) found.push(`${path}:${text.slice(0, index).split('\n').length}: ${citation}`)
    }
  }
  return found
}

/** Functions of a module and methods of its classes, with their lines. */
function functionsOf(path: string): readonly { readonly name: string; readonly lines: number }[] {
  const result: { name: string; lines: number }[] = []
  const lines = read(path).split('\n')
  let inClass = false
  for (const [at, line] of lines.entries()) {
    if (line === '}') inClass = false
    if (/^(?:export )?(?:abstract )?class /.test(line)) inClass = true
    const [, name] =
      /^(?:export )?(?:async )?function\*? (\w+)/.exec(line) ??
      (inClass ? (/^ {2}(?:[a-z]+ )*\*?(#?\w+)(?:<.*>)?\(/.exec(line) ?? []) : [])
    if (name === undefined) continue
    const end = line.startsWith(' ') ? '  }' : '}'
    result.push({ name, lines: lines.indexOf(end, at) + 1 - at })
  }
  return result
}

/** Relative imports, types included: an arrow of types is an arrow. */
function imports(path: string): readonly string[] {
  return [...read(path).matchAll(/(?:from|import)\s*\(?\s*'(\.[^'$]+)'/g)].map((match) => match[1]!)
}

/** Names of the packages that a module imports. */
function packagesOf(path: string): readonly string[] {
  const named = read(path).matchAll(
    /^(?:import|export|\}).* from '([\w@][^']*)'|(?:import|resolve)\(\s*'([\w@][^']*)'/gm,
  )
  const targets = [...named].map(([, from, called]) => from ?? called!).filter((target) => !target.startsWith('node:'))
  return targets.map((target) => target.split('/', target.startsWith('@') ? 2 : 1).join('/'))
}

// Guards the house: where imports may point, tests that run, paths in documents that exist, marks that were left behind.

import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

const root = fileURLToPath(new URL('..', import.meta.url))
const exclude = (path: string) => /node_modules|\/gen\/|\/build\/(?!.*\.ts$)|fixtures/.test(path)
const sources = globSync(['host/**/*.ts', 'sdk/typescript/**/*.ts', 'guests/*.ts', 'test/**/*.ts', 'bench/**/*.ts'], {
  cwd: root,
}).filter((path) => !exclude(path))
const documents = globSync(
  ['*.md', 'docs/**/*.md', 'host/**/*.md', 'sdk/*/README.md', 'bench/*.md', 'guests/**/*.md'],
  { cwd: root },
).filter((path) => !exclude(path))

/** The way of a command, and what stands beside it. A folder imports its own row's right side, and words (files directly in host/). */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  ingress: ['schema', 'transcode', 'observe'],
  router: ['action', 'entity', 'journal', 'schema'],
  crdt: ['schema', 'transcode'],
  entity: ['crdt', 'guest', 'journal', 'reply', 'observe'],
  action: ['guest', 'journal', 'reply', 'observe'],
  reply: ['journal'],
  guest: [],
  journal: ['guest', 'schema', 'transcode'],
  schema: [],
  transcode: ['schema'],
  observe: [],
  fold: ['entity', 'guest', 'journal'],
  deploy: ['crdt', 'entity', 'fold', 'guest', 'ingress', 'journal', 'router', 'schema', 'transcode'],
  doctor: ['crdt', 'journal'],
  admin: [
    ...['crdt', 'deploy', 'doctor', 'entity', 'fold', 'guest', 'ingress', 'journal', 'observe', 'reply', 'router'],
    'transcode',
  ],
  supervisor: ['admin', 'deploy', 'ingress', 'observe'],
  build: ['deploy', 'guest', 'schema'],
  cli: [
    ...['admin', 'build', 'deploy', 'doctor', 'guest', 'ingress', 'schema', 'supervisor', 'transcode', 'observe'],
    'journal',
  ],
  tools: ['build'],
}

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

Tidy('every module of the host says what it is', () => {
  const silent = sources.filter(
    (path) => path.startsWith('host/') && !path.endsWith('.d.ts') && !/^(#!.*\n)?\/\/ /.test(read(path)),
  )
  assert.equal(silent, [])
})

Tidy('the check for dead paths finds one', () => {
  assert.not.ok(existsSync(join(root, 'host/no-such-file.ts')))
})

Tidy.run()

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}

/** Relative imports, types included: an arrow of types is an arrow. */
function imports(path: string): readonly string[] {
  return [...read(path).matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map((match) => match[1]!)
}

// Guards docs/tutorial: what it quotes is in the files it names, and the changes that its reader makes build, and pass the rules.
//
// A comment before a block of code says what the block is: the path of a file that has it, or "add to PATH", 'add to PATH before "TEXT"',
// "wrong, in PATH", which the reader takes back, or "write PATH". "replace in PATH: ONE by OTHER" stands alone.
import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { buildProject } from '../../sdk/build/build.ts'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../../', import.meta.url))
const folder = join(root, 'docs/tutorial')
const chapters = readdirSync(folder)
  .filter((name) => /^\d-\w+\.md$/.test(name))
  .sort()

interface Block {
  /** What the comment says of it. */
  readonly note: string
  readonly text: string
}

const blocksOf = (chapter: string): readonly Block[] =>
  [
    ...readFileSync(join(folder, chapter), 'utf8').matchAll(
      /^<!-- (?:(replace in .*)|(.*)) -->\n(?:```\w+\n([\s\S]*?)```)?/gm,
    ),
  ].map(([, replaced, note, text]) => ({ note: (replaced ?? note)!, text: text ?? '' }))

/** The file after the reader's change; undefined where there is nothing to change. */
function changed(source: string, { note, text }: Block): string | undefined {
  const [, before] = /before "(.*)"$/.exec(note) ?? []
  if (before !== undefined) return source.includes(before) ? source.replace(before, () => text + before) : undefined
  const [, one, other] = /: (.*) by (.*)$/.exec(note) ?? []
  if (one !== undefined) return source.includes(one) ? source.replaceAll(one, () => other!) : undefined
  return source + text
}

const Tutorial = suite('tutorial')

Tutorial('its index names all chapters, in order', () => {
  const index = readFileSync(join(folder, 'README.md'), 'utf8')
  const named = [...index.matchAll(/\]\((\d-\w+\.md)\)/g)].map(([, name]) => name)
  assert.equal(named, chapters)
  assert.is(named.length, 7)
})

Tutorial('snippets are parts of the files they name', () => {
  const quotes = chapters.flatMap((chapter) =>
    blocksOf(chapter)
      .filter(({ note }) => !note.includes(' '))
      .map((block) => ({ chapter, ...block })),
  )
  assert.is(quotes.length, 11)
  for (const { chapter, note, text } of quotes) {
    const source = readFileSync(join(root, note), 'utf8')
    assert.ok(text !== '' && source.includes(text), `docs/tutorial/${chapter} differs from ${note}: ${text}`)
  }
})

Tutorial('the changes of the reader build, and pass the rules with the one that is new', async () => {
  // Below the checkout, where the project finds its packages.
  mkdirSync(join(root, 'guests/build'), { recursive: true })
  const copy = mkdtempSync(join(root, 'guests/build/tutorial-'))
  try {
    cpSync(join(root, 'guests/proto'), join(copy, 'guests/proto'), { recursive: true })
    cpSync(join(root, 'guests/shop'), join(copy, 'guests/shop'), { recursive: true })
    const changes = chapters.flatMap(blocksOf).filter(({ note }) => /^(add to|replace in) guests\/(?!build)/.test(note))
    assert.is(changes.length, 5)
    for (const change of changes) {
      const [, path] = /^\w+ \w+ ([^\s:]+)/.exec(change.note)!
      const file = join(copy, path!)
      const after = changed(readFileSync(file, 'utf8'), change)
      assert.ok(after !== undefined, `there is no place for: ${change.note}`)
      writeFileSync(file, after!)
    }
    const project = join(copy, 'guests/shop/typescript')
    const { services } = await buildProject(project, { out: join(copy, 'shop.wasm') })
    assert.ok(services.includes('examples.shop.v1.OrderList'))
    const { stdout } = await run(process.execPath, ['--test', '--test-reporter=tap'], { cwd: project })
    assert.match(stdout, /# pass 35\n# fail 0/)
    assert.match(stdout, /ok \d+ - a show gives an order four seats at most/)
  } finally {
    rmSync(copy, { recursive: true })
  }
})

Tutorial('what is written anew has a place, and what is wrong has something to replace', () => {
  const notes = chapters.flatMap(blocksOf).map(({ note }) => note)
  const written = notes.flatMap((note) => /^write (\S+)$/.exec(note)?.[1] ?? [])
  assert.equal(written, ['guests/shop/page/sold.html', 'sold.ts'])
  for (const path of written) {
    assert.ok(existsSync(join(root, dirname(path))))
    assert.not.ok(existsSync(join(root, path)), `${path} is there already`)
  }
  const [wrong] = chapters.flatMap(blocksOf).filter(({ note }) => note.startsWith('wrong, in '))
  const source = readFileSync(join(root, wrong!.note.slice('wrong, in '.length)), 'utf8')
  assert.ok(source.includes(`\n${wrong!.text.slice(0, wrong!.text.indexOf(' =>'))} =>`))
})

Tutorial.run()

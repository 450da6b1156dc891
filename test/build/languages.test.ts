// Guards the list of languages: each is a folder with all of its parts, and all that lists languages follows it.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { kinds } from '../../sdk/build/kinds.ts'
import { languageNamed, languageNames, languages, usual } from '../../sdk/build/languages/languages.ts'
import { runInn } from '../support/inn.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const folder = join(root, 'sdk/build/languages')

const Languages = suite('languages')

Languages('every folder is a language, and is listed under its own name', () => {
  const folders = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  assert.equal([...languageNames].sort(), folders.map(({ name }) => name).sort())
  for (const [name, language] of Object.entries(languages)) assert.is(language.name, name)
})

Languages('every language has its parts, its SDK and its guests', () => {
  for (const name of languageNames) {
    for (const part of [
      'language.ts',
      'build.ts',
      'forbidden.ts',
      'test.ts',
      ...kinds.map((kind) => `template/${kind}`),
    ])
      assert.ok(existsSync(join(folder, name, part)), `${name}/${part}`)
    assert.ok(existsSync(join(root, 'sdk', name, 'README.md')), `sdk/${name}`)
    assert.ok(readme.includes(`(sdk/${name}/README.md)`), `README.md, ${name}`)
    assert.ok(existsSync(join(root, 'guests/counter', name)), `guests/counter/${name}`)
    assert.ok(existsSync(join(root, 'test/conformance', name)), `test/conformance/${name}`)
  }
})

const projects = Object.values(languages).flatMap((language) =>
  kinds.map((kind) => ({ language, kind, name: `${language.name}, ${kind}` })),
)

Languages(
  'a new project has the entry that the language is known by, its .proto and the language in its manifest',
  async () => {
    for (const { language, kind, name } of projects) {
      const { starter, entry } = language
      const files = await starter.files({ root, name: 'tally', kind, sdk: '*' })
      assert.ok(files[entry], `${name}: ${entry}`)
      assert.ok(files['proto/tally.proto'], `${name}: proto`)
      const { innkeeper } = JSON.parse(files['package.json']!) as { innkeeper?: { language: string } }
      assert.is(innkeeper?.language ?? usual.name, language.name)
    }
  },
)

Languages('a template leaves nothing to fill in', async () => {
  for (const { language, kind, name } of projects) {
    const texts = Object.entries(await language.starter.files({ root, name: 'tally', kind, sdk: '*' }))
    for (const [path, text] of texts) assert.not.match(text, /\{\{\w+\}\}/, `${name}: ${path}`)
  }
})

Languages('starter.S1: projects differ in nothing but their kind and their language', async () => {
  const common = ['README.md', '.gitignore', 'proto/tally.proto']
  for (const { language, kind, name } of projects) {
    const given = { root, name: 'tally', kind, sdk: '*' }
    const files = await language.starter.files(given)
    const usually = await usual.starter.files(given)
    for (const file of common)
      assert.is(files[file]!.replaceAll(language.entry, usual.entry), usually[file], `${name}: ${file}`)
    const usage = await readFile(join(root, 'sdk/build/template', kind, 'usage.md'), 'utf8')
    for (const part of usage.trimEnd().split(/\{\{\w+\}\}/))
      assert.ok(files['README.md']!.includes(part), `${name}: ${part}`)
  }
})

Languages(
  'starter.S2: every project has the command inn of this checkout, and its scripts are commands of inn',
  async () => {
    for (const { language, kind, name } of projects) {
      const files = await language.starter.files({ root, name: 'tally', kind, sdk: '*' })
      const { devDependencies, scripts } = JSON.parse(files['package.json']!)
      assert.is(devDependencies.innkeeper, `file:${join(root, 'host')}`, name)
      assert.equal(scripts, { build: 'inn build', dev: 'inn up --dev', test: 'inn test' }, name)
    }
  },
)

Languages('a language is found by its name and by its short one', () => {
  assert.is(languageNamed('rust'), languages.rust)
  assert.is(languageNamed('ts'), languages.typescript)
  assert.is(languageNamed('as'), languages.assemblyscript)
  assert.is(languageNamed('cobol'), undefined)
})

Languages('the help of inn new lists them', async () => {
  const { out } = await runInn(root, ['new', '--help'])
  assert.ok(out.includes(`language: ${languageNames.join(', ')} (default ${usual.name})`), out)
})

Languages.run()

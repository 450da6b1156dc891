// Guards the list of languages: each is a folder with all of its parts, and all that lists languages follows it.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
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
    for (const part of ['language.ts', 'build.ts', 'forbidden.ts', 'test.ts', 'template'])
      assert.ok(existsSync(join(folder, name, part)), `${name}/${part}`)
    assert.ok(existsSync(join(root, 'sdk', name, 'README.md')), `sdk/${name}`)
    assert.ok(readme.includes(`(sdk/${name}/README.md)`), `README.md, ${name}`)
    assert.ok(existsSync(join(root, 'guests/counter', name)), `guests/counter/${name}`)
    assert.ok(existsSync(join(root, 'test/conformance', name)), `test/conformance/${name}`)
  }
})

Languages('a new project has the entry that the language is known by, and its sign or a service.json', async () => {
  for (const { name, entry, sign, starter } of Object.values(languages)) {
    for (const kind of starter.kinds) {
      const files = Object.keys(await starter.files({ root, name: 'tally', kind, sdk: '*' }))
      assert.ok(files.includes(entry), `${name}, ${kind}: ${entry}`)
      assert.ok(files.includes('proto/tally.proto'), `${name}, ${kind}: proto`)
      const shown = sign !== undefined && files.some((file) => file === sign || file.startsWith(`${sign}/`))
      assert.ok(shown || name === usual.name || files.includes('service.json'), `${name}, ${kind}: ${sign}`)
    }
  }
})

Languages('a template leaves nothing to fill in', async () => {
  for (const { name, starter } of Object.values(languages)) {
    const texts = Object.entries(await starter.files({ root, name: 'tally', kind: 'event-sourced', sdk: '*' }))
    for (const [path, text] of texts) assert.not.match(text, /\{\{\w+\}\}/, `${name}: ${path}`)
  }
})

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

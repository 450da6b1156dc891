// Guards that every language builds whatever names a .proto has: words of the language, built-ins, and what its generator adds itself.

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { withoutStandard } from '../../host/schema/standard.ts'
import { writeGenerated } from '../../sdk/build/codegen/write.ts'
import { compileProtos } from '../../sdk/build/descriptors.ts'
import { languages } from '../../sdk/build/languages/languages.ts'
import { checkSwift, findSwift } from '../../sdk/build/languages/swift/build.ts'
import { generateSwift } from '../../sdk/build/languages/swift/code.ts'
import { newProject } from '../../sdk/build/new.ts'
import { BuildError } from '../../sdk/build/problem.ts'
import { readProject } from '../../sdk/build/read-project.ts'
import { MissingTool } from '../../sdk/build/toolchain.ts'
import { buildProject } from '../support/building.ts'
import { cached, contentOf } from '../support/cached.ts'
import { oddFiles } from '../support/odd-names.ts'
import { skip } from '../support/skip.ts'

const Odd = suite('odd names')
const seed = 1
/** In the checkout, where @innkeeper/sdk resolves. */
const parent = fileURLToPath(new URL('../fixtures/gen/', import.meta.url))

/** prost knows no editions (sdk/rust/README.md). */
const editionless: ReadonlySet<string> = new Set(['rust'])

/** Of how many words one is taken, where a compiler would take minutes for all. `ODD_ONE_OF=1` takes all the same. */
const shares: Readonly<Record<string, number>> = { assemblyscript: 2, rust: 4 }

/** `files`: the project names the file of its service, which imports the others. */
async function oddProject(lang: string, oneOf: number, files = false): Promise<string> {
  const folder = join(parent, `odd-${lang}-${oneOf}${files ? '-files' : ''}`)
  rmSync(folder, { recursive: true, force: true })
  await newProject(folder, { lang, name: 'odd-names', sdk: '*', inn: '*' })
  const { texts, holder } = oddFiles(seed, {
    edition: !editionless.has(lang),
    wide: oneOf < 10,
    oneOf,
  })
  for (const [path, text] of Object.entries(texts)) {
    mkdirSync(dirname(join(folder, 'proto', path)), { recursive: true })
    writeFileSync(join(folder, 'proto', path), text)
  }
  const main = join(folder, 'proto/odd-names.proto')
  writeFileSync(
    main,
    readFileSync(main, 'utf8')
      .replace('import "innkeeper', 'import "odd/holder.proto";\nimport "innkeeper')
      .replace('int64 amount = 2;', `int64 amount = 2;\n  .${holder} odd = 3;`),
  )
  if (files) nameFiles(folder, ['odd-names.proto'])
  if (lang === 'swift') {
    // A message of the author's goes before a type of the SDK, which has its module's name then.
    const service = join(folder, 'Sources/Service/Service.swift')
    writeFileSync(service, readFileSync(service, 'utf8').replace(/\b(Context|Service|Decision)\b/g, 'Innkeeper.$1'))
  }
  return folder
}

function nameFiles(folder: string, files: readonly string[]): void {
  const [file, section] = existsSync(join(folder, 'package.json')) ? ['package.json', 'innkeeper'] : ['service.json']
  const settings = existsSync(join(folder, file)) ? JSON.parse(readFileSync(join(folder, file), 'utf8')) : {}
  const changed =
    section === undefined ? { ...settings, files } : { ...settings, [section]: { ...settings[section], files } }
  writeFileSync(join(folder, file), JSON.stringify(changed))
}

/** `ODD_LANGUAGE` names the only one to try. */
for (const lang of Object.keys(languages)) {
  if ((process.env['ODD_LANGUAGE'] ?? lang) !== lang) continue
  // Swift's compiler looks at all names below, and makes no code of them.
  if (lang !== 'swift')
    await builds(`${lang} builds odd names`, lang, Number(process.env['ODD_ONE_OF'] ?? shares[lang] ?? 1), false)
  await builds(`${lang} builds odd names that its project does not list in files`, lang, 96, true)
}

async function builds(name: string, lang: string, oneOf: number, files: boolean): Promise<void> {
  const folder = await oddProject(lang, oneOf, files)
  const outcome = await buildProject(folder).then(
    ({ services }) => services,
    (error: unknown) => error,
  )
  if (outcome instanceof MissingTool) skip(Odd, name, outcome.message)
  else
    Odd(name, () => {
      if (outcome instanceof BuildError) assert.unreachable(outcome.message.slice(0, 4000))
      if (outcome instanceof Error) throw outcome
      assert.equal(outcome, ['odd_names.v1.OddNames'])
      rmSync(folder, { recursive: true })
    })
}

const swift = findSwift()
if ((process.env['ODD_LANGUAGE'] ?? 'swift') !== 'swift') {
  // Another one is asked for.
} else if (swift instanceof MissingTool) skip(Odd, 'swift takes all odd names', swift.message)
else
  Odd('swift takes all odd names', async () => {
    const folder = await oddProject('swift', 1)
    const project = readProject(folder)
    await cached(import.meta.url, [contentOf(folder), swift.version], async () => {
      const { bytes, schema } = await compileProtos(project)
      await writeGenerated(project.gen, generateSwift(schema, project.files, withoutStandard(bytes)))
      await checkSwift(project, swift)
      return new Uint8Array()
    })
    rmSync(folder, { recursive: true })
  })

Odd.run()

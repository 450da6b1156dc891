// Guards the templates: a new project of every kind in every language passes its tests, builds, deploys, and answers what its README calls.
//
// They lie within the checkout, where cargo builds what they depend on once for all of them.

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Host } from '../../host/main.ts'
import type { Kind } from '../../sdk/build/kinds.ts'
import { kinds } from '../../sdk/build/kinds.ts'
import { findC } from '../../sdk/build/languages/c/build.ts'
import { findGo } from '../../sdk/build/languages/go/build.ts'
import type { LanguageName } from '../../sdk/build/languages/languages.ts'
import { languageNames, languages } from '../../sdk/build/languages/languages.ts'
import { findRust } from '../../sdk/build/languages/rust/build.ts'
import { findSwift } from '../../sdk/build/languages/swift/build.ts'
import { newProject } from '../../sdk/build/new.ts'
import { MissingTool } from '../../sdk/build/toolchain.ts'
import { buildProject, compilerOf } from '../support/building.ts'
import { cached, contentOf } from '../support/cached.ts'
import { temporary, testHost } from '../support/host.ts'
import { bin } from '../support/inn.ts'
import { skip } from '../support/skip.ts'

const run = promisify(execFile)
const generated = fileURLToPath(new URL('../fixtures/gen/', import.meta.url))
mkdirSync(generated, { recursive: true })
const parent = mkdtempSync(join(generated, 'templates-'))
const place = temporary()
let host: Host | undefined

const Templates = suite('templates')

/** What the calls of the usage print, in order. */
const answers: Readonly<Record<Kind, readonly RegExp[]>> = {
  'event-sourced': [/^\{"value":"2"\}$/m, /^\{"value":"2"\}$/m, /Added \{"amount":"2"\}$/m],
  value: [/"text":"hello"/, /"text":"hello"/, /"hello"/],
  replicated: [/^\{"names":\["ann"\]\}$/m, /^\{"names":\["ann"\]\}$/m, /\{"names":\["ann"\]\}/],
  action: [/"Hello ann"/, /"value":"1"[\s\S]*"value":"2"[\s\S]*"value":"3"/, /"Hello ann"/],
}

/** A line of its README. `npx` would start npm, and the host has other ports than the usual ones. A stream that stays open is left once it said that. */
async function call(line: string, answer: RegExp): Promise<void> {
  const script = line
    .replace('localhost:8080', host!.listen)
    .replace(/^npx inn/, '"$NODE" --disable-warning=ExperimentalWarning "$INN"')
  const env = { ...process.env, NODE: process.execPath, INN: bin, INNKEEPER_ADMIN: host!.admin }
  const child = spawn('sh', ['-c', `exec ${script}`], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  child.stdout.on('data', (chunk) => {
    said += chunk
    if (line.includes('/watch') && answer.test(said)) child.kill()
  })
  await once(child, 'close')
  assert.match(said, answer, line)
}

async function passes(folder: string, name: string, lang: LanguageName): Promise<void> {
  const inputs = [name, contentOf(folder), await compilerOf(lang)]
  await cached(import.meta.url, inputs, async () => {
    const tested = await run(process.execPath, ['--disable-warning=ExperimentalWarning', bin, 'test'], { cwd: folder })
    return Buffer.from(tested.stdout)
  })
}

async function works(lang: LanguageName, kind: Kind): Promise<void> {
  // Another route for each: one host has them all. Parts of a single letter are what names in generated code are made of in several ways.
  const name = `x-y-${lang}-${kind}`
  const folder = join(parent, name)
  await newProject(folder, { name, lang, kind, sdk: '*', inn: '*' })
  await passes(folder, name, lang)
  const { file } = await buildProject(folder)
  host ??= await testHost(join(place.path, 'data'))
  const deployed = await host.deployer.deploy(readFileSync(file))
  assert.ok(deployed.ok, deployed.ok ? '' : deployed.reasons.join('\n'))
  const [, block = ''] =
    /another terminal:\n\n```sh\n([\s\S]*?)\n```/.exec(readFileSync(join(folder, 'README.md'), 'utf8')) ?? []
  const lines = block.split('\n')
  assert.is(lines.length, answers[kind].length)
  for (const [at, line] of lines.entries()) await call(line, answers[kind][at]!)
}

const missing: Partial<Record<LanguageName, unknown>> = {
  rust: await findRust(),
  go: findGo(),
  swift: findSwift(),
  c: findC(),
}

for (const lang of languageNames) {
  for (const kind of kinds) {
    const name = `${languages[lang].title}, ${kind}: passes its tests, builds, and answers what its README calls`
    const tool = missing[lang]
    if (tool instanceof MissingTool) skip(Templates, name, tool.message)
    else Templates(name, () => works(lang, kind))
  }
}

Templates.after(async () => {
  await host?.stop()
  place.remove()
  rmSync(parent, { recursive: true, force: true })
})

Templates.run()

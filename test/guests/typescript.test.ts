// Guards the example guests in TypeScript: each builds from source, and passes its own rules.
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { buildProject } from '../../sdk/build/build.ts'
import { version } from '../../sdk/typescript/version.ts'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../../', import.meta.url))
const Guests = suite('TypeScript guests')

for (const [guest, tests] of [
  ['counter', 4],
  ['cart', 6],
  ['profile', 4],
  ['presence', 4],
  ['orders', 5],
  ['booking', 12],
  ['sales', 3],
  ['shop', 34],
] as const) {
  Guests(`${guest} builds, and passes its rules`, async () => {
    const folder = join(root, 'guests', guest, 'typescript')
    const out = await mkdtemp(join(tmpdir(), 'innkeeper-guest-'))
    try {
      const { connectors } = await buildProject(folder, { out: join(out, 'guest.wasm') })
      // Also one whose .proto is only imported: payments.proto, by shop.proto.
      const asked = guest === 'shop' ? ['examples.mail.v1.Mail', 'examples.payments.v1.Payments'] : []
      assert.equal([...connectors].sort(), asked)
      const { stdout } = await run(process.execPath, ['--test', '--test-reporter=tap'], { cwd: folder })
      assert.match(stdout, new RegExp(`# pass ${tests}\n# fail 0`))
    } finally {
      await rm(out, { recursive: true })
    }
  })
}

Guests('snippets in the SDK README are parts of the files they name', async () => {
  const readme = await readFile(join(root, 'sdk/typescript/README.md'), 'utf8')
  const snippets = [...readme.matchAll(/<!-- (\S+) -->\n```ts\n([\s\S]*?)```/g)]
  assert.is(snippets.length, 9)
  for (const [, file, snippet] of snippets) {
    const source = await readFile(join(root, file!), 'utf8')
    assert.ok(source.includes(snippet!), `README differs from ${file}`)
  }
})

for (const [name, count] of [
  ['later', 8],
  ['views', 4],
  ['world', 5],
] as const)
  Guests(`snippets in the guide ${name}.md are parts of the files they name`, async () => {
    const guide = await readFile(join(root, `docs/guides/${name}.md`), 'utf8')
    const snippets = [...guide.matchAll(/<!-- (\S+) -->\n```\w+\n([\s\S]*?)```/g)]
    assert.is(snippets.length, count)
    for (const [, file, snippet] of snippets) {
      const source = await readFile(join(root, file!), 'utf8')
      assert.ok(source.includes(snippet!), `docs/guides/${name}.md differs from ${file}: ${snippet}`)
    }
  })

Guests('the SDK says the version of its package', async () => {
  const manifest = JSON.parse(await readFile(join(root, 'sdk/typescript/package.json'), 'utf8')) as { version: string }
  assert.is(version, manifest.version)
})

Guests.run()

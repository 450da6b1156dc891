// Run: the shop in one command, `npm run shop`: builds it, starts its provider and a host with the page, and opens three shows.
//
// What it keeps is in guests/build/shop, or `--folder`: the host's data, innkeeper.json and the books of the provider. `--fresh` begins anew.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { buildProject } from '../../sdk/build/build.ts'
import { settings } from './grants.ts'
import { startProvider } from './provider.ts'

const here = fileURLToPath(new URL('.', import.meta.url))
const day = 24 * 60 * 60 * 1000

const { values } = parseArgs({
  options: {
    listen: { type: 'string', default: '127.0.0.1:8080' },
    admin: { type: 'string', default: '127.0.0.1:8081' },
    provider: { type: 'string', default: '9090' },
    folder: { type: 'string', default: join(here, '../build/shop') },
    fresh: { type: 'boolean', default: false },
  },
})

const folder = resolve(values.folder)
if (values.fresh) rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
console.log('building the shop …')
const { file } = await buildProject(join(here, 'typescript'), { out: join(here, '../build/shop-typescript.wasm') })
const provider = await startProvider({ port: Number(values.provider), books: join(folder, 'books.jsonl') })
writeFileSync(join(folder, 'innkeeper.json'), JSON.stringify(settings(provider.url), null, 2))
const inn = fileURLToPath(new URL('../../host/bin/inn.mjs', import.meta.url))
const host = spawn(
  process.execPath,
  [
    ...['--disable-warning=ExperimentalWarning', inn, 'up', file, '--data', join(folder, 'data')],
    ...['--listen', values.listen, '--admin', values.admin, '--static', join(here, 'page')],
  ],
  { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'] },
)
// Ctrl-C reaches the host, too, which then stops by itself.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => host.kill('SIGTERM'))
host.once('exit', (code) => void provider.close().then(() => process.exit(code ?? 0)))
const ended = once(host, 'exit')

await Promise.race([opened(`http://${values.listen}`), ended])
if (host.exitCode === null)
  console.log(`
the shop      http://${values.listen}
its provider  ${provider.url}/books
make it fail  curl ${provider.url}/fail -d '{"next": 3, "how": "half"}'    (or refuse, 503, hang, reset; "on": charges, refunds, mails)
`)

/** Once the host answers: a show in a week, in two, in three. Those that are there stay as they are. */
async function opened(url: string): Promise<void> {
  const titles = { hamlet: 'Hamlet', lear: 'King Lear', tempest: 'The Tempest' }
  for (const [index, [show, title]] of Object.entries(titles).entries()) {
    const starts = new Date(Math.ceil(Date.now() / day) * day + 7 * day * (index + 1)).toISOString()
    const body = JSON.stringify({ title, starts, cents: 4_500 + 500 * index })
    for (;;) {
      const headers = { 'content-type': 'application/json' }
      const answer = await fetch(`${url}/shows/${show}`, { method: 'POST', headers, body }).catch(() => undefined)
      if (answer !== undefined && answer.status !== 503 && answer.status !== 404) break
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}

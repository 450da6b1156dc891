// Run: the shop in one command, `npm run shop`: builds it, starts its provider and a host with the page, and opens three shows.
//
// What it keeps is in guests/build/shop, or `--folder`: the host's data, innkeeper.json and the books of the provider. `--fresh` begins anew.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
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

const ports = { listen: values.listen, admin: values.admin, provider: `127.0.0.1:${values.provider}` }
for (const [flag, address] of Object.entries(ports)) {
  const problem = await problemOf(address)
  if (problem === undefined) continue
  console.error(`npm run shop: ${address}: ${problem}; choose another with: npm run shop -- --${flag} ${otherOf(flag)}`)
  process.exit(1)
}

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
host.once('exit', (code, signal) => {
  if (signal !== null)
    console.log(`the host was ended by ${signal}; npm run shop starts it again, with all that it had acknowledged`)
  void provider.close().then(() => process.exit(signal === null ? (code ?? 0) : 1))
})
const ended = once(host, 'exit')

await Promise.race([opened(`http://${values.listen}`), ended])
if (host.exitCode === null && host.signalCode === null)
  console.log(`
the shop      http://${values.listen}
its provider  ${provider.url}/books
make it fail  curl ${provider.url}/fail -d '{"next": 3, "how": "half"}'    (or refuse, 503, hang, reset; "on": charges, refunds, mails)
kill its host kill -9 ${host.pid}
stop it       Ctrl-C
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

/** Why nobody can listen there. */
async function problemOf(address: string): Promise<string | undefined> {
  if (!URL.canParse(`http://${address}`)) return 'that is no address'
  const { hostname, port } = new URL(`http://${address}`)
  const server = createServer()
  try {
    await once(server.listen(Number(port || 80), hostname.replace(/^\[|\]$/g, '')), 'listening')
    return undefined
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return code === 'EADDRINUSE' ? 'it is in use, perhaps by the host of a shop that still runs' : message
  } finally {
    server.close()
  }
}

function otherOf(flag: string): string {
  return flag === 'provider' ? 'PORT' : 'HOST:PORT'
}

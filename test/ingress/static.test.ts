// Guards files of web pages beside methods: what is served, and what never is.

import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { component } from '../support/components.ts'
import { http, temporary, testHost } from '../support/host.ts'
import { runInn } from '../support/inn.ts'

const folder = temporary()
const pages = join(folder.path, 'pages')
mkdirSync(join(pages, 'deep'), { recursive: true })
mkdirSync(join(pages, '.hidden'))
const files: Readonly<Record<string, string>> = {
  'index.html': '<h1>home</h1>',
  'page.js': 'export {}',
  'deep/index.html': 'deep',
  'a b&ü.txt': 'odd',
  '.env': 'SECRET',
  '.hidden/page.html': 'SECRET',
}
for (const [name, text] of Object.entries(files)) writeFileSync(join(pages, name), text)
writeFileSync(join(folder.path, 'outside.txt'), 'SECRET')
symlinkSync(join(folder.path, 'missing'), join(pages, 'broken'))
mkdirSync(join(pages, 'counter'))
writeFileSync(join(pages, 'counter/a'), 'a file in the way of a method')

const Static = suite('static files')
const host = await testHost(join(folder.path, 'data'), { static: pages })
await host.deployer.deploy((await component('counter/typescript')).bytes)
Static.after(async () => {
  await host.stop()
  folder.remove()
})

const get = (path: string) => http(host.listen, 'GET', path)

/** As no client that knows URLs would write it. */
function raw(path: string, more = ''): Promise<string> {
  const [name, port] = host.listen.split(':')
  return new Promise((resolve, reject) => {
    let text = ''
    const socket = connect(Number(port), name, () =>
      socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${more}\r\n`),
    )
    socket
      .on('data', (chunk) => (text += String(chunk)))
      .on('end', () => resolve(text))
      .on('error', reject)
  })
}

Static('/ is index.html, and each file has its type', async () => {
  const home = await get('/')
  assert.equal(
    [home.status, home.text, home.headers.get('content-type')],
    [200, '<h1>home</h1>', 'text/html; charset=utf-8'],
  )
  assert.is(home.headers.get('x-content-type-options'), 'nosniff')
  assert.is((await get('/page.js')).headers.get('content-type'), 'text/javascript; charset=utf-8')
  assert.is((await get('/a%20b%26%C3%BC.txt?x=/../y')).text, 'odd')
  assert.is((await get('/deep/')).text, 'deep')
  const head = await http(host.listen, 'HEAD', '/page.js')
  assert.equal([head.status, head.text], [200, ''])
})

Static('a page that has not changed is not sent again', async () => {
  const tag = (await get('/')).headers.get('etag')!
  // fetch asks no cache.
  const again = () => raw('/', `if-none-match: ${tag}\r\n`)
  assert.match(await again(), /^HTTP\/1\.1 304/)
  writeFileSync(join(pages, 'index.html'), '<h1>another home</h1>')
  assert.match(await again(), /^HTTP\/1\.1 200[\s\S]*<h1>another home<\/h1>/)
})

Static('http/static.F1: a method goes first, and what no file has is answered as before', async () => {
  assert.equal((await get('/counter/a')).json, { value: '0' })
  const missing = await get('/nothing')
  assert.equal([missing.status, missing.json.code], [404, 12])
  assert.match(missing.json.message, /no method has the path \/nothing/)
  assert.is(missing.headers.get('x-content-type-options'), null)
  assert.is((await http(host.listen, 'POST', '/page.js', {})).status, 404)
  assert.is((await get('/openapi.json')).status, 200)
})

Static(
  'http/static.F2: nothing outside of the folder is served, and nothing whose name begins with a dot',
  async () => {
    const ways = [
      ...[
        '/.env',
        '/.hidden/page.html',
        '/%2eenv',
        '/deep/../.env',
        '/broken',
        '/../outside.txt',
        '/deep/../../outside.txt',
      ],
      ...[
        '/..%2foutside.txt',
        '/%2e%2e/outside.txt',
        '/%2e%2e%2foutside.txt',
        '/..%5coutside.txt',
        '/%252e%252e/outside.txt',
      ],
      ...[
        '//etc/passwd',
        '/%00',
        '/page.js%00.html',
        '/%',
        '/%c0%ae%c0%ae/outside.txt',
        `//${folder.path}/outside.txt`,
      ],
    ]
    for (const way of ways) {
      const answer = await raw(way)
      assert.match(answer, /^HTTP\/1\.1 (4\d\d|301)/, way)
      assert.not.match(answer, /SECRET|root:/, way)
    }
  },
)

Static('a folder that is not there is refused at the start', async () => {
  const { code, err } = await runInn(folder.path, ['up', '--static', 'nowhere'])
  assert.is(code, 2)
  assert.match(err, /--static: expected a folder that is there, got "nowhere"/)
})

Static.run()

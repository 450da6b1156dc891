// Serve: bundles the page and serves it. In a project of your own a bundler of your choice does both; this one is in the checkout already.
//
//   npx inn up guests/build/cart-typescript.wasm guests/build/sales-typescript.wasm --cors-origins http://localhost:3000
//   cd guests/dashboard
//   npm run client      writes the client of what that host serves
//   npm start           http://localhost:3000
//
// `?user=bea` is another cart, and `?host=http://…` another host than localhost:8080.

import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'rolldown'

const here = dirname(fileURLToPath(import.meta.url))

/** The page's code, with the client in `folder`. */
export async function bundled(folder = here): Promise<string> {
  const { output } = await build({
    input: join(folder, 'page.tsx'),
    platform: 'browser',
    transform: { jsx: 'react-jsx', define: { 'process.env.NODE_ENV': '"development"' } },
    output: { format: 'esm' },
    write: false,
    logLevel: 'warn',
  })
  return output[0].code
}

export function pageServer(code: string): Server {
  const html = readFileSync(join(here, 'index.html'))
  return createServer(({ url }, response) => {
    const isCode = url === '/page.js'
    response.setHeader('content-type', isCode ? 'text/javascript' : 'text/html; charset=utf-8')
    response.end(isCode ? code : html)
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const port = Number(process.env['PORT'] ?? 3_000)
  pageServer(await bundled()).listen(port, () => console.log(`http://localhost:${port}`))
}

#!/usr/bin/env node
// inn: starts the command line under a Node that can run it (>= 22.18: TypeScript without a build, QuickJS guests).
//
// Plain JavaScript, since it must start on older Nodes: then it goes on under the pinned one from the npm package `node`.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import module, { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const [major, minor] = process.versions.node.split('.').map(Number)
const recent = major > 22 || (major === 22 && minor >= 18)

if (recent) {
  const checkout = existsSync(new URL('../cli/main.ts', import.meta.url))
  // Types are stripped, and code is compiled, once and not at each start. Not in the shared temporary folder, where others could put code.
  // Where this folder cannot be written, there is no cache.
  const cache = new URL(checkout ? '../../node_modules/.cache/innkeeper' : '../.cache', import.meta.url)
  module.enableCompileCache?.(fileURLToPath(cache))
  const { main } = await import(checkout ? '../cli/main.ts' : '../dist/cli/main.js')
  await main(process.argv.slice(2))
} else {
  const node = pinnedNode()
  if (node === undefined) {
    console.error(
      `inn needs Node 22.18 or newer, this is ${process.version}. Install a newer one, or: npm install node@24`,
    )
    process.exit(1)
  }
  const child = spawn(node, ['--disable-warning=ExperimentalWarning', ...process.argv.slice(1)], { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)))
}

function pinnedNode() {
  try {
    const require = createRequire(import.meta.url)
    const path = join(dirname(require.resolve('node/package.json')), 'bin', 'node')
    return existsSync(path) ? path : undefined
  } catch {
    return undefined
  }
}

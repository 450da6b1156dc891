// Pinned: runs a script of this checkout under the Node that package.json pins, installing first what is missing.
//
// Plain JavaScript without dependencies, since it must start on whatever Node (>= 20) a fresh machine has.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))
const lock = `${root}package-lock.json`
const installed = `${root}node_modules/.package-lock.json`

if (!existsSync(installed) || statSync(installed).mtimeMs < statSync(lock).mtimeMs) {
  console.error('Installing dependencies (npm ci) ...')
  const npm = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  })
  if (npm.status !== 0) {
    console.error(
      'npm ci failed; the lines above say why. Check the network to the npm registry and run the command again.',
    )
    process.exit(1)
  }
}

const node = `${root}node_modules/node/bin/node`
if (!existsSync(node)) {
  console.error('The pinned Node is missing from node_modules/node. Delete node_modules and run the command again.')
  process.exit(1)
}
const [script, ...args] = process.argv.slice(2)
const child = spawn(node, ['--disable-warning=ExperimentalWarning', `${root}${script}`, ...args], { stdio: 'inherit' })
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal))
child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)))

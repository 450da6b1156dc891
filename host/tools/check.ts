// Check: formatter, linter and types, as CI wants them. `npm run format` mends what can be mended.

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))
let failed = false
for (const [name, ...args] of [
  ['biome', 'check', '--error-on-warnings', '.'],
  ['tsc', '-p', '.'],
] as const) {
  const { status } = spawnSync(`${root}node_modules/.bin/${name}`, args, { cwd: root, stdio: ['ignore', 2, 2] })
  if (status !== 0) {
    console.error(`${name} found something`)
    failed = true
  }
}
process.exit(failed ? 1 : 0)

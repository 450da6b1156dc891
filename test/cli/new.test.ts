// Guards an author's first minute: what `inn new` prints, and what the new project's README says, works as it is written, with the machine's own
// Node and npm, outside of the checkout, without a registry.

import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { findTool } from '../../sdk/build/toolchain.ts'
import { temporary } from '../support/host.ts'
import { bin, freeAddress } from '../support/inn.ts'
import { skip } from '../support/skip.ts'

const New = suite('inn new')

/** As in a terminal that knows nothing of the checkout: npm puts the checkout's commands before the PATH. */
const PATH = (process.env['PATH'] ?? '')
  .split(delimiter)
  .filter((folder) => !folder.includes('node_modules'))
  .join(delimiter)
const own = ['node', 'npm', 'curl'].map((name) => findTool({ names: [name] }, { PATH }))

interface Ran {
  readonly code: number | null
  /** Both outputs. */
  readonly said: string
}

class Shell {
  private readonly folder: string
  private readonly ports: readonly [listen: string, admin: string]

  constructor(folder: string, ports: Shell['ports']) {
    this.folder = folder
    this.ports = ports
  }

  /** A line as it is written, but for the ports, which others may have. */
  start(
    line: string,
    onSaid: (said: string) => void = () => {},
  ): { readonly child: ChildProcess; readonly ran: Promise<Ran> } {
    const [INNKEEPER_LISTEN, INNKEEPER_ADMIN] = this.ports
    const env = { PATH, HOME: process.env['HOME'], npm_config_offline: 'true', INNKEEPER_LISTEN, INNKEEPER_ADMIN }
    const command = line.replaceAll('localhost:8080', INNKEEPER_LISTEN)
    const child = spawn('sh', ['-c', command], {
      cwd: this.folder,
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        said += chunk
        onSaid(said)
      })
    }
    return { child, ran: new Promise((resolve) => child.on('close', (code) => resolve({ code, said }))) }
  }

  async run(line: string): Promise<string> {
    const { code, said } = await this.start(line).ran
    assert.is(code, 0, `${line}: ${said}`)
    return said
  }
}

/** The lines of the README's blocks, a list for each. */
function blocks(readme: string): readonly (readonly string[])[] {
  return [...readme.matchAll(/^```sh\n([\s\S]*?)\n```$/gm)].map(([, block]) => block!.split('\n'))
}

async function asPrinted(): Promise<void> {
  const place = temporary()
  const ports = [await freeAddress(), await freeAddress()] as const
  const printed = await new Shell(place.path, ports).run(`${process.execPath} ${bin} new my-tally`)
  const steps = printed.split('\n').filter((line) => line.startsWith('  '))
  assert.equal(steps, ['  cd my-tally', '  npm install', '  npm test', '  npm run dev'])
  const folder = join(place.path, 'my-tally')
  const shell = new Shell(folder, ports)
  const [first, then] = blocks(readFileSync(join(folder, 'README.md'), 'utf8'))
  assert.equal(
    first!.map((line) => line.replace(/ +#.*/, '')),
    steps.slice(1).map((line) => line.trim()),
  )
  assert.not.match(await shell.run(first![0]!), /EBADENGINE/)
  assert.match(await shell.run(first![1]!), /pass 2\b/)
  assert.match(await shell.run('npm run build'), /build\/my-tally\.wasm: .* serving my_tally\.v1\.MyTally/)
  let serves = () => {}
  const serving = new Promise<void>((resolve) => {
    serves = resolve
  })
  const dev = shell.start(first![2]!, (said) => /serves on/.test(said) && serves())
  await Promise.race([serving, dev.ran.then(({ said }) => assert.unreachable(said))])
  const answers: string[] = []
  for (const line of then!) answers.push(await shell.run(line))
  assert.match(answers[0]!, /\{"value":"2"\}/)
  assert.match(answers[1]!, /\{"value":"2"\}/)
  assert.match(answers[2]!, /my_tally\.v1\.Added \{"amount":"2"\}/)
  // Ctrl-C: the whole group of the terminal hears it, npm and both processes of inn.
  process.kill(-dev.child.pid!, 'SIGINT')
  assert.match((await dev.ran).said, /"msg":"stopping"/)
  place.remove()
}

const name = 'what is printed works as it is written, offline, with the Node and the npm of this machine'
if (own.includes(undefined)) skip(New, name, 'node, npm and curl are not all on the PATH')
else New(name, asPrinted)

New.run()

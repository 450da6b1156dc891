// Guards what counts as a change of a project's sources.

import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Sources } from '../../host/cli/sources.ts'
import { temporary } from '../support/host.ts'

const Watching = suite('sources')

function project(): { readonly path: string; write(file: string, text: string): void; remove(): void } {
  const { path, remove } = temporary()
  const write = (file: string, text: string): void => {
    mkdirSync(join(path, file, '..'), { recursive: true })
    writeFileSync(join(path, file), text)
  }
  write('src/service.ts', 'one')
  return { path, write, remove }
}

Watching('sources.U1: what tools and hosts write is no change', () => {
  const { path, write, remove } = project()
  const sources = new Sources([path], [join(path, 'data'), join(path, 'src/made')])
  const before = sources.state()
  const made = ['node_modules/a/index.js', 'build/tally.wasm', 'target/debug/a.rs', '.innkeeper/CURRENT', '.git/index']
  const others = ['Cargo.lock', 'go.sum', 'src/.service.ts.swp', 'src/service.ts~', 'src/gen/tally.ts', 'src/made/a.ts']
  for (const file of [...made, ...others, 'data/000001.log']) write(file, 'made')
  assert.is(sources.state(), before)
  for (const file of ['proto/tally.proto', 'package.json', 'src/deep/more.ts']) {
    const last = sources.state()
    write(file, 'written')
    assert.is.not(sources.state(), last, file)
  }
  sources.close()
  remove()
})

Watching(
  'sources.U2: files are heard of that are changed, renamed, and added in new folders and in folders made again',
  async () => {
    const { path, write, remove } = project()
    const sources = new Sources([path, join(path, 'src')], [])
    const after = async (change: () => void): Promise<void> => {
      const before = sources.state()
      const heard = sources.changedSince(before)
      change()
      await heard
      assert.is.not(sources.state(), before)
    }
    await after(() => write('src/service.ts', 'two'))
    await after(() => renameSync(join(path, 'src/service.ts'), join(path, 'src/other.ts')))
    await after(() => write('src/new/deep/a.ts', ''))
    await after(() => write('src/new/deep/a.ts', 'changed'))
    await after(() => rmSync(join(path, 'src'), { recursive: true }))
    await after(() => write('src/service.ts', 'three'))
    await after(() => write('src/service.ts', 'four'))
    sources.close()
    remove()
  },
)

Watching(
  'sources.U2: what changed before anybody waited is heard of at once, and nobody waits for what is closed',
  async () => {
    const { path, write, remove } = project()
    const sources = new Sources([path], [])
    const before = sources.state()
    write('src/service.ts', 'changed')
    await sources.changedSince(before)
    const waiting = sources.changedSince(sources.state())
    sources.close()
    await waiting
    remove()
  },
)

Watching.run()

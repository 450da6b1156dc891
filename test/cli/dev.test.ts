// Guards `inn up --dev` in a project: a change is served with the data that was there, a mistake is told and changes nothing.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { findC } from '../../sdk/build/languages/c/build.ts'
import { languages } from '../../sdk/build/languages/languages.ts'
import { newProject } from '../../sdk/build/new.ts'
import { MissingTool } from '../../sdk/build/toolchain.ts'
import { http, temporary } from '../support/host.ts'
import type { RunningInn } from '../support/inn.ts'
import { runInn, startInn } from '../support/inn.ts'
import { withProject } from '../support/project.ts'
import { skip } from '../support/skip.ts'

const running: RunningInn[] = []
const ports = ['--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0']

const Dev = suite('inn up --dev')

interface Developing extends RunningInn {
  /** As bound. */
  readonly listen: string
  readonly change: (file: string, from: string, to: string) => void
  /** Builds that began. */
  readonly builds: () => number
}

async function develop(folder: string): Promise<Developing> {
  // Compilers keep things at home.
  const { HOME, XDG_CACHE_HOME } = process.env
  const home = { ...(HOME && { HOME }), ...(XDG_CACHE_HOME && { XDG_CACHE_HOME }) }
  const inn = startInn(folder, ['up', '--dev', ...ports], home)
  running.push(inn)
  await inn.until(() => /serves on/.test(inn.out()))
  const [, listen] = /serves on http:\/\/(\S+)/.exec(inn.out())!
  return {
    ...inn,
    listen: listen!,
    builds: () => inn.err().match(/^ {2}building /gm)?.length ?? 0,
    change: (file, from, to) => {
      const text = readFileSync(join(folder, file), 'utf8')
      assert.ok(text.includes(from), `${file} has ${from}`)
      writeFileSync(join(folder, file), text.replace(from, to))
    },
  }
}

Dev(
  'dev-project.D1, dev-project.D2: a change is served with the data that was there; a mistake is told, and changes nothing',
  () =>
    withProject({ 'src/service.ts': (text) => text.replace('after.value', 'after.valu') }, async (folder) => {
      const dev = await develop(folder)
      const get = async (path = '/tally/a') => (await http(dev.listen, 'GET', path)).json
      const add = () => http(dev.listen, 'POST', '/tally/a/add', { amount: '2' })
      // What is wrong from the start is told as well.
      assert.match(dev.err(), /was not built; what was served before is served on\. Mend it and save\./)
      dev.change('src/service.ts', 'after.valu', 'after.value')
      await dev.until(() => /^project-\w+: tally\.v1\.Tally deployed as number 1, after /m.test(dev.out()))
      await add()
      assert.equal(await get(), { value: '2' })

      dev.change('src/service.ts', 'state.value + amount', 'state.value + 10n * amont')
      await dev.until(() => dev.err().match(/was not built/g)!.length === 2)
      assert.match(dev.err(), /^src\/service\.ts:14:\d+: TS\d+: .*amont/m)
      await add()
      assert.equal(await get(), { value: '4' })

      dev.change('src/service.ts', 'amont', 'amount')
      await dev.until(() => /deployed as number 2/.test(dev.out()))
      assert.equal(await get(), { value: '40' })

      dev.change('proto/tally.proto', '  int64 amount = 2', '  sint64 amount = 2')
      await dev.until(() => /was built, and is not deployed/.test(dev.err()))
      assert.match(dev.err(), /^refused: build\/tally\.wasm: .*sint64/m)
      assert.equal(await get(), { value: '40' })

      dev.change('proto/tally.proto', 'sint64 amount = 2', 'int64 amount = 2')
      await dev.until(() => /tally\.v1\.Tally is served as before/.test(dev.out()))
      // What builds and the host wrote started none.
      assert.is(dev.builds(), 6)

      dev.change('proto/tally.proto', 'get: "/tally/{id}"', 'get: "/tally/{id}/now"')
      await dev.until(() => dev.builds() === 7)
      // In the middle of a build: it is in this one, or there is another.
      dev.change('src/service.ts', '10n * amount', '100n * amount')
      await dev.until(
        () => /its routes: POST \/tally\/\{id\}\/add, GET \/tally\/\{id\}\/now/.test(dev.out()) && dev.builds() === 8,
      )
      await dev.until(() => /deployed as number 4|number 3[\s\S]*served as before/.test(dev.out()))
      assert.equal(await get('/tally/a/now'), { value: '400' })
      dev.end('SIGINT')
      assert.is(await dev.end('SIGINT'), 0)
    }),
)

Dev('dev-project.D3: it ends when it is told to, in the middle of a build', () =>
  withProject({}, async (folder) => {
    const inn = startInn(folder, ['up', '--dev', ...ports])
    await inn.until(() => /building/.test(inn.err()))
    assert.is(await inn.end('SIGINT'), 0)
    assert.is(inn.out(), '')
  }),
)

Dev('a folder that is no project is refused, and without --dev every folder is', async () => {
  const place = temporary()
  const none = await runInn(place.path, ['up', '--dev', ...ports])
  assert.is(none.code, 1)
  assert.match(none.err, /^inn up: \. is no project: .*src\/service\.ts: is missing/)
  const folder = await runInn(place.path, ['up', ...ports, '.'])
  assert.is(folder.code, 1)
  assert.match(folder.err, /^inn up: \.: this is a folder; .*`inn up --dev DIR`/)
  place.remove()
})

/** A mistake in another language, and that it is mended. */
function language(lang: 'assemblyscript' | 'c', missing: unknown): void {
  const name = `a project in ${languages[lang].title} is built and served again`
  if (missing instanceof MissingTool) {
    skip(Dev, name, missing.message)
    return
  }
  Dev(name, async () => {
    const place = temporary()
    const folder = join(place.path, 'tally')
    await newProject(folder, { lang })
    const dev = await develop(folder)
    await http(dev.listen, 'POST', '/tally/a/add', { amount: '2' })
    dev.change(languages[lang].entry, 'mount <= 0', 'mount <= nothing')
    await dev.until(() => /was not built/.test(dev.err()))
    assert.ok(dev.err().includes(`\n${languages[lang].entry}:`), dev.err())
    dev.change(languages[lang].entry, 'mount <= nothing', 'mount <= 5')
    await dev.until(() => /deployed as number 2/.test(dev.out()))
    assert.is((await http(dev.listen, 'POST', '/tally/a/add', { amount: '5' })).status, 400)
    assert.equal((await http(dev.listen, 'GET', '/tally/a')).json, { value: '2' })
    assert.is(await dev.end('SIGTERM'), 0)
    place.remove()
  })
}

language('assemblyscript', undefined)
language('c', findC())

Dev.after(() => {
  for (const inn of running) inn.end('SIGKILL')
})

Dev.run()

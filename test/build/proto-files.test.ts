// Guards which files of a project are built: those that links lead to, and no copy that says something else than the original.

import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { filesBelow } from '../../sdk/build/proto-files.ts'
import { bin, runInn } from '../support/inn.ts'
import { problemsOf, withProject } from '../support/project.ts'

const Files = suite('proto files')
const original = (name: string) =>
  readFileSync(fileURLToPath(new URL(`../../wit/proto/${name}`, import.meta.url)), 'utf8')
const told = (name: string) =>
  `proto/${name}: is a copy that differs from the ${name} that every host has; remove it, and whatever imports it finds that one`

Files(
  'read-project.P3, proto-files.T1: a project of links is built: its folder, proto/, a file in it, a folder in it, src/',
  async () => {
    await withProject(
      {
        'proto/tally.proto': (text) =>
          text
            .replace('import "innkeeper', 'import "common/money.proto";\nimport "innkeeper')
            .replace('int64 amount = 2;', 'int64 amount = 2;\n  common.Money money = 3;'),
        'proto/common/money.proto': 'syntax = "proto3";\npackage common;\nmessage Money { int64 cents = 1; }\n',
      },
      async (folder) => {
        const real = join(folder, 'real')
        mkdirSync(join(real, 'kept'), { recursive: true })
        const link = (from: string, to: string) => {
          renameSync(join(folder, from), join(real, 'kept', to))
          symlinkSync(join(real, 'kept', to), join(folder, from))
        }
        link('proto/common', 'common')
        link('proto/tally.proto', 'other-name.proto')
        link('proto', 'protos')
        link('src', 'sources')
        symlinkSync(folder, join(folder, 'around'))
        const ran = await runInn(folder, ['build', 'around', '--json', '-o', 'tally.wasm'])
        assert.is(ran.code, 0, ran.err)
        assert.equal(JSON.parse(ran.out).services, ['tally.v1.Tally'])
      },
    )
  },
)

Files('read-project.P3: a project is built whose entry alone is a link', async () => {
  await withProject({}, async (folder) => {
    mkdirSync(join(folder, 'real'))
    renameSync(join(folder, 'src/service.ts'), join(folder, 'real/kept.ts'))
    symlinkSync(join(folder, 'real/kept.ts'), join(folder, 'src/service.ts'))
    const ran = await runInn(folder, ['build', '--json', '-o', 'tally.wasm'])
    assert.is(ran.code, 0, ran.err)
    assert.equal(JSON.parse(ran.out).services, ['tally.v1.Tally'])
  })
})

Files(
  'proto-files.T1, proto-files.T2: links in a circle and into nowhere, and node_modules, are passed over',
  async () => {
    await withProject({}, async (folder) => {
      const proto = join(folder, 'proto')
      mkdirSync(join(proto, 'node_modules'))
      writeFileSync(join(proto, 'node_modules/x.proto'), 'no protobuf')
      symlinkSync(proto, join(proto, 'again'))
      symlinkSync(join(proto, 'nothing'), join(proto, 'gone.proto'))
      assert.equal(filesBelow(proto), ['tally.proto'])
    })
  },
)

Files('copies.K2: a copy of innkeeper/options.proto with another number is refused by name', async () => {
  const name = 'innkeeper/options.proto'
  assert.equal(await problemsOf({ [`proto/${name}`]: original(name).replace('51082', '51099') }), [told(name)])
})

Files('copies.K2: so is one with which the project does not even compile', async () => {
  const name = 'innkeeper/options.proto'
  assert.equal(await problemsOf({ [`proto/${name}`]: original(name).replace('entity_key', 'entity_kee') }), [
    told(name),
  ])
})

Files('copies.K1: copies of google files may have other options and comments, but no other numbers', async () => {
  const name = 'google/api/annotations.proto'
  const http = `${original('google/api/http.proto')}\noption java_package = "of.another.year";\n`
  const others = { 'proto/google/api/http.proto': http, [`proto/${name}`]: original(name) }
  assert.equal(await problemsOf(others), [])
  const renumbered = original(name).replace('72295728', '72295729')
  assert.equal(await problemsOf({ ...others, [`proto/${name}`]: renumbered }), [told(name)])
})

Files('copies.K1: a copy that knows less, or more, is none that differs', async () => {
  const name = 'google/protobuf/timestamp.proto'
  const differing = (fields: string) =>
    problemsOf({ [`proto/${name}`]: `syntax = "proto3"; package google.protobuf; message Timestamp { ${fields} }` })
  assert.equal(await differing('int64 seconds = 1;'), [])
  assert.equal(await differing('int64 seconds = 1; int32 nanos = 2; string zone = 3;'), [])
  for (const fields of ['int64 seconds = 1; int64 nanos = 2;', 'int64 secs = 1;', 'int64 seconds = 3;'])
    assert.equal(await differing(fields), [told(name)], fields)
})

Files('a service that a component only calls is not said to be served', async () => {
  await withProject(
    { 'proto/other.proto': 'syntax = "proto3"; package other; message M {} service Called { rpc Do(M) returns (M); }' },
    async (folder) => {
      const { out, err } = await runInn(folder, ['build', '-o', 'tally.wasm'])
      const [served, others] = out.split('\n')
      assert.match(served!, /serving tally\.v1\.Tally$/, err)
      assert.match(others!, /^only in the \.proto files, not in the component: other\.Called \(.*innkeeper\.connector/)
    },
  )
})

Files('what cannot be read or written is told in a line, and no stack', async () => {
  await withProject({}, async (folder) => {
    mkdirSync(join(folder, 'taken.wasm'))
    const runs = [
      await runInn(folder, ['build', '-o', 'taken.wasm']),
      await runInn(folder, ['check', 'taken.wasm']),
      await runInn(folder, ['check', 'none.wasm']),
      await runInn(folder, ['check', bin]),
    ]
    cpSync(join(folder, 'proto/tally.proto'), join(folder, 'tally.proto'))
    rmSync(join(folder, 'proto'), { recursive: true })
    renameSync(join(folder, 'tally.proto'), join(folder, 'proto'))
    runs.push(await runInn(folder, ['build']))
    for (const { code, err } of runs) {
      assert.is(code, 1, err)
      assert.not.match(err, /^ +at |node:internal/m)
    }
    assert.match(runs[0]!.err, /inn build: EISDIR: .*taken\.wasm/)
    assert.match(runs[4]!.err, /proto: is a file; `proto` names the folder of the \.proto files/)
  })
})

Files.run()

// Guards how compilers are found, and that one which is missing is one sentence with what to do.
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { buildProject } from '../../sdk/build/build.ts'
import { findC } from '../../sdk/build/languages/c/build.ts'
import { findGo } from '../../sdk/build/languages/go/build.ts'
import { findRust } from '../../sdk/build/languages/rust/build.ts'
import { BuildError } from '../../sdk/build/problem.ts'
import { readProject } from '../../sdk/build/read-project.ts'
import { findTool, MissingTool, runTool } from '../../sdk/build/toolchain.ts'
import { skip } from '../support/skip.ts'

const work = mkdtempSync(join(tmpdir(), 'innkeeper-tools-'))

/** An executable that prints its name. */
function tool(path: string): string {
  const file = join(work, path)
  mkdirSync(join(file, '..'), { recursive: true })
  writeFileSync(file, `#!/bin/sh\necho ${path} "$@"\n`)
  chmodSync(file, 0o755)
  return file
}

const first = tool('first/cc')
const second = tool('second/cc')
const other = tool('other/cc')
const environment = (more: Record<string, string> = {}) => ({
  PATH: [join(work, 'first'), join(work, 'second')].join(delimiter),
  INNKEEPER_TOOLCHAINS: join(work, 'toolchains'),
  ...more,
})

const Toolchain = suite('toolchain')

Toolchain('toolchain.C1: the variable that names a tool comes first, then PATH in its order', () => {
  const search = { variable: 'CC_WASM', names: ['better-cc', 'cc'] }
  assert.is(findTool(search, environment())?.path, first)
  assert.is(findTool(search, environment({ CC_WASM: other }))?.path, other)
  assert.is(findTool(search, environment({ PATH: join(work, 'second') }))?.path, second)
})

Toolchain('a better name further back is better', () => {
  const better = tool('second/better-cc')
  assert.is(findTool({ names: ['better-cc', 'cc'] }, environment())?.path, better)
})

Toolchain('a variable that is set to nothing names nothing, one that names nothing there is no tool at all', () => {
  const search = { variable: 'CC_WASM', names: ['cc'] }
  assert.is(findTool(search, environment({ CC_WASM: '' }))?.path, first)
  assert.is(findTool(search, environment({ CC_WASM: join(work, 'nowhere/cc') })), undefined)
})

Toolchain('a folder and a file that cannot be run are no tools', () => {
  mkdirSync(join(work, 'first/ld'), { recursive: true })
  writeFileSync(join(work, 'second/ld'), '')
  assert.is(findTool({ names: ['ld'] }, environment()), undefined)
})

Toolchain('toolchain.C1: what PATH has not comes from the Debian root, for those who can enter it', () => {
  tool('toolchains/sid/usr/bin/only-there')
  const found = findTool({ names: ['only-there'], inRoot: ['/usr/bin/only-there'] }, environment())
  const expected = { path: '/usr/bin/only-there', root: join(work, 'toolchains/sid') }
  const may = process.getuid?.() === 0 && spawnSync('unshare', ['--mount', 'true']).status === 0
  assert.equal(found, may ? expected : undefined)
})

Toolchain('a tool runs where it is told, with what is added to its environment', async () => {
  const file = join(work, 'says')
  writeFileSync(file, '#!/bin/sh\necho "$PWD $SAID $1"\nexit 3\n')
  chmodSync(file, 0o755)
  const ran = await runTool({ path: file }, ['word'], { cwd: work, environment: { SAID: 'yes' } })
  assert.equal([ran.ok, ran.stdout.trim().replace('/private', '')], [false, `${work} yes word`])
})

const cat = findTool({ names: [], inRoot: ['/usr/bin/cat'] })
const inside =
  'toolchain.C2: a tool of the root finds the folders that it is given where they are outside, and no others'
if (cat?.root === undefined) skip(Toolchain, inside, 'this machine has no root of Debian, or may not enter it')
else {
  const { root } = cat
  Toolchain(inside, async () => {
    const [cwd, given, hidden] = ['cwd', 'given', 'hidden'].map((name) => join(work, 'shown', name))
    for (const folder of [cwd!, given!, hidden!]) {
      mkdirSync(folder, { recursive: true })
      writeFileSync(join(folder, 'file'), folder)
    }
    const said = async (file: string) => {
      const { ok, stdout } = await runTool(cat, [file], { cwd: cwd!, folders: [given!] })
      return ok ? stdout : undefined
    }
    assert.is(await said('file'), cwd)
    assert.is(await said(join(given!, 'file')), given)
    assert.is(await said(join(hidden!, 'file')), undefined)
    for (const folder of [cwd!, given!, join(cwd!, '..'), work]) rmdirSync(join(root, folder))
  })
}

Toolchain('go/build.G3: the go command fetches no toolchain, and the SDK needs nothing that is fetched', async () => {
  const asked = join(work, 'asked')
  const command = join(work, 'asked-go')
  writeFileSync(command, `#!/bin/sh\necho "$GOTOOLCHAIN $GOWORK" >> ${asked}\nexit 1\n`)
  chmodSync(command, 0o755)
  const folder = project('offline', {
    'go.mod': 'module tally\n\ngo 1.24\n\nrequire innkeeper v0.0.0\n',
    'service.go': 'package tally\n',
    'proto/a.proto': 'syntax = "proto3"; message M {} service S { rpc Do(M) returns (M); }',
  })
  process.env['INNKEEPER_GO'] = command
  const error = await buildProject(folder).catch((error: unknown) => error)
  delete process.env['INNKEEPER_GO']
  assert.instance(error, BuildError)
  assert.is(readFileSync(asked, 'utf8'), 'local off\n')
  assert.not.match(readFileSync(new URL('../../sdk/go/go.mod', import.meta.url), 'utf8'), /require/)
})

Toolchain('toolchain.C3: a missing compiler is one line that says what to install', async () => {
  const nothing = { PATH: '/nowhere', INNKEEPER_TOOLCHAINS: '/nowhere' }
  const rust = await findRust(nothing)
  assert.instance(rust, MissingTool)
  assert.match((rust as MissingTool).message, /^Rust: cargo was not found\. Install Rust: [^\n]+$/)
  for (const missing of [new MissingTool('Go', 'the go command', 'Install Go.'), rust as MissingTool])
    assert.is(missing.message.split('\n').length, 1)
  // Those that this machine has are found.
  for (const found of [findC(), findGo()]) assert.ok(found !== undefined)
})

const Project = suite('project settings')

function project(name: string, files: Record<string, string>): string {
  const folder = join(work, name)
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(folder, path, '..'), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  return folder
}

const proto = { 'proto/a.proto': '' }

Project('read-project.P2: a language is known by its own manifest, or by service.json where it has none', () => {
  const languageOf = (files: Record<string, string>, name: string) =>
    readProject(project(name, { ...proto, ...files })).language
  assert.is(languageOf({ 'Cargo.toml': '', 'src/lib.rs': '' }, 'r'), 'rust')
  assert.is(languageOf({ 'go.mod': '', 'service.go': '' }, 'g'), 'go')
  assert.is(languageOf({ 'src/service.c': '' }, 'c'), 'c')
  assert.is(languageOf({ 'src/service.ts': '' }, 't'), 'typescript')
  assert.is(languageOf({ 'service.json': '{ "language": "c" }', 'src/service.c': '' }, 'j'), 'c')
})

Project('read-project.P1: service.json comes before package.json, and says name, folders and files', () => {
  const folder = project('both', {
    'proto2/b.proto': '',
    'service.json': '{ "name": "mine", "language": "go", "proto": "proto2", "files": ["b.proto"], "entry": "x/y.go" }',
    'package.json': '{ "name": "other", "innkeeper": { "language": "rust" } }',
    'x/y.go': '',
  })
  const { name, language, files, entry, gen } = readProject(folder)
  assert.equal([name, language, files], ['mine', 'go', ['b.proto']])
  assert.equal([entry, gen], [join(folder, 'x/y.go'), join(folder, 'x/gen')])
})

Project('what is wrong in it is told with its file, all at once', () => {
  const problems = (json: string, name: string): string => {
    try {
      readProject(project(name, { 'service.json': json }))
      return ''
    } catch (error) {
      if (error instanceof BuildError) return error.message
      throw error
    }
  }
  assert.match(problems('{ "language": "cobol" }', 'p1'), /^service.json: language must be one of typescript, /)
  assert.match(problems('{ "language": "c", "proto": 1 }', 'p2'), /service.json: proto must be a path/)
  assert.match(problems('[]', 'p3'), /^service.json: must be an object/)
  assert.match(problems('{', 'p4'), /^service.json: /)
  assert.match(problems('{ "language": "c" }', 'p5'), /src\/service.c: is missing.*\nproto: is missing/)
})

Toolchain.run()
Project.after(() => rmSync(work, { recursive: true }))
Project.run()

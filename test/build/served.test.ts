// Guards the last step of a build: what no host would deploy is told when it is built, in every language, with its place in the .proto.

import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { validateDescription } from '../../host/deploy/validate.ts'
import { credentialProblem, transportProblem } from '../../host/header-names.ts'
import { defaultLimits } from '../../host/limits.ts'
import { describeCore } from '../../sdk/build/describe-core.ts'
import type { LanguageName as Language } from '../../sdk/build/languages/languages.ts'
import { placesOf, withoutPlaces } from '../../sdk/build/places.ts'
import { BuildError } from '../../sdk/build/problem.ts'
import { MissingTool } from '../../sdk/build/toolchain.ts'
import { buildProject } from '../support/building.ts'
import { problemsOf, withProject } from '../support/project.ts'
import { protos } from '../support/protos.ts'
import { skip } from '../support/skip.ts'

const Served = suite('served')
const proto = 'proto/tally.proto'
const service = 'src/service.ts'
const key = ' [(innkeeper.entity_key) = true]'

const replacing = (from: string, to: string) => (text: string) => {
  if (!text.includes(from)) throw new Error(`there is no ${from} to replace`)
  return text.replace(from, to)
}

const listing = (...names: readonly string[]) =>
  replacing('state: {', `headers: [${names.map((name) => `'${name}'`).join()}],\n  state: {`)

Served(
  '§metadata-3, describe-check.Q2: a header that reaches no function is told, with what to do instead',
  async () => {
    const problems = await problemsOf({ [service]: listing('Authorization', 'accept-language', 'content-type') })
    assert.equal(problems, [
      `src/service.ts: tally.v1.Tally: ${credentialProblem('authorization')}`,
      `src/service.ts: tally.v1.Tally: ${transportProblem('content-type')}`,
    ])
    assert.match(
      problems[0]!,
      /send a token in x-token or x-api-key, which are not journaled \(setting never-stored-headers\)/,
    )
  },
)

Served('served.S2, served.S1: a method without a key is told at its line', async () => {
  assert.equal(await problemsOf({ [proto]: replacing(key, '') }), [
    'proto/tally.proto:10:3: tally.v1.Tally.Add: no field of tally.v1.AddRequest is marked (innkeeper.entity_key) = true',
  ])
})

Served('served.S2: a key that is no single scalar is told at its field', async () => {
  const [problem] = await problemsOf({ [proto]: replacing(`string id = 1${key}`, `repeated string id = 1${key}`) })
  assert.is(problem, 'proto/tally.proto:23:3: tally.v1.Tally.Add: the entity key id must be a single scalar field')
})

Served('served.S2: a route that names no field is told at its option', async () => {
  const problems = await problemsOf({ [proto]: replacing('"/tally/{id}/add"', '"/tally/{name}/add"') })
  assert.is(problems.length, 1, problems.join('\n'))
  assert.match(problems[0]!, /^proto\/tally\.proto:11:12: .*tally\.v1\.Tally\/?\.?Add.*name/)
})

Served('served.S2: all that is wrong is told together', async () => {
  const problems = await problemsOf({
    [proto]: (text) =>
      replacing(
        '"/tally/{id}/add"',
        '"tally"',
      )(text).replace(`GetRequest {\n  string id = 1${key}`, 'GetRequest {\n  string id = 1'),
    [service]: listing('cookie'),
  })
  assert.equal(problems.map((problem) => problem.replace(/: .*/, '')).sort(), [
    'proto/tally.proto:11:12',
    'proto/tally.proto:17:3',
    'src/service.ts',
  ])
})

Served('an empty key may be allowed only where a key can be empty', async () => {
  const allowed = '(innkeeper.entity_key) = true, (innkeeper.allow_empty_key) = true'
  assert.equal(await problemsOf({ [proto]: replacing('(innkeeper.entity_key) = true', allowed) }), [])
  const [problem] = await problemsOf({
    [proto]: replacing('int64 amount = 2', 'int64 amount = 2 [(innkeeper.allow_empty_key) = true]'),
  })
  assert.match(problem!, /^proto\/tally\.proto:24:3: .*amount has \(innkeeper\.allow_empty_key\) and is no entity key/)
})

const eventing = (option: string) => (text: string) =>
  replacing(
    '  rpc Get(GetRequest) returns (Value) {',
    `  rpc Get(GetRequest) returns (Value) {\n    option (${option}.eventing) = {\n      in: {topic: "orders"}\n    };`,
  )(text.replace('import "innkeeper', `import "cloudstate/eventing.proto";\nimport "innkeeper`))

Served('descriptors.D3: (innkeeper.eventing) is refused at its place, before anything is compiled', async () => {
  const problems = await problemsOf({ [proto]: eventing('innkeeper'), [service]: 'not even TypeScript' })
  assert.equal(problems, [
    'proto/tally.proto:19:12: tally.v1.Tally.Get: (innkeeper.eventing) is not supported yet: the host neither reads nor writes topics; remove the option',
  ])
})

Served('§deploy-3, descriptors.D3: (cloudstate.eventing) is a warning: such protos build as they are', async () => {
  const { warnings } = await withProject({ [proto]: eventing('cloudstate') }, (folder) => buildProject(folder))
  assert.equal(warnings, [
    'proto/tally.proto:19:12: tally.v1.Tally.Get: (cloudstate.eventing) is ignored: the host reads no topic and writes none; callers call the method',
  ])
})

Served(
  '§deploy-3: (innkeeper.eventing) is refused by a deployment, too, in any service of the descriptors',
  async () => {
    const text = `syntax = "proto3";
package t;
import "innkeeper/options.proto";
import "cloudstate/eventing.proto";
message M { string id = 1 [(innkeeper.entity_key) = true]; }
service Quiet { rpc Do(M) returns (M); }
service Loud {
  rpc Out(M) returns (M) { option (OPTION.eventing).out.topic = "t"; }
  rpc Plain(M) returns (M);
}`
    // The build refuses to make such descriptors: they are made of the old option, whose number is changed.
    const { bytes, schema } = await protos({ 't.proto': text.replace('OPTION', 'cloudstate') })
    const told = (of: typeof schema) =>
      validateDescription(
        {
          sdkName: '',
          sdkVersion: '',
          descriptors: bytes,
          viewServices: [],
          services: [
            {
              name: 't.Quiet',
              kind: 'value',
              persistenceId: undefined,
              snapshotEvery: 0,
              passivateAfterMs: 0,
              stateType: undefined,
              stateVersion: undefined,
              headers: [],
              views: [],
              events: [],
            },
          ],
        },
        of,
        defaultLimits,
      ).map(({ message }) => message)
    assert.equal(told(schema), [])
    const loud = schema.services.get('t.Loud')!
    const changed = [...loud.methods.values()].map(
      (method) =>
        [method.name, method.eventing === undefined ? method : { ...method, eventing: 'innkeeper' as const }] as const,
    )
    const services = new Map([...schema.services, ['t.Loud', { ...loud, methods: new Map(changed) }]])
    assert.equal(told({ ...schema, services }), [
      't.Loud.Out: (innkeeper.eventing) is not supported yet: the host neither reads nor writes topics; remove the option',
    ])
  },
)

Served('build/places.P1: places are those of services, methods, options, messages and fields', async () => {
  const { bytes } = await protos({
    'a.proto': 'syntax = "proto3"; package a; message M { message N { int32 n = 1; } }',
  })
  assert.is(placesOf(bytes)('a.M'), undefined, 'the descriptors that go along have no places')
  assert.equal(withoutPlaces(bytes), bytes)
})

Served('describe-core.C1: a core that does not end, and one that traps, are told in words', async () => {
  const core = (body: readonly number[]): Uint8Array => {
    const name = new TextEncoder().encode('innkeeper:guest/about@0.2.0#describe')
    const section = (id: number, ...content: readonly number[]) => [id, content.length, ...content]
    return Uint8Array.from([
      ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
      ...section(1, 1, 0x60, 0, 1, 0x7f),
      ...section(3, 1, 0),
      ...section(5, 1, 0, 1),
      ...section(7, 2, 6, ...new TextEncoder().encode('memory'), 2, 0, name.length, ...name, 0, 0),
      ...section(10, 1, body.length + 1, 0, ...body),
    ])
  }
  const trap = await describeCore({ core: core([0x00, 0x0b]), wasi: undefined })
  assert.match((trap as { failed: string }).failed, /unreachable/)
  const loop = await describeCore({ core: core([0x03, 0x40, 0x0c, 0, 0x0b, 0, 0x0b]), wasi: undefined })
  assert.match((loop as { failed: string }).failed, /its description took more than 5 seconds/)
})

// Every other language: its counter, which lists `authorization`.

const root = fileURLToPath(new URL('../../', import.meta.url))

interface Listing {
  readonly file: string
  readonly change: (text: string) => string
}

const listings: Readonly<Record<Exclude<Language, 'typescript'>, Listing>> = {
  assemblyscript: {
    file: 'assembly/index.ts',
    change: (text) =>
      replacing(
        'serve(new Counter())',
        "const options = new Options()\noptions.headers = ['authorization']\nserve(new Counter(), options)",
      )(text.replace('Context, serve', 'Context, Options, serve')),
  },
  rust: {
    file: 'src/lib.rs',
    change: replacing(
      '    fn get(',
      '    fn options() -> innkeeper::Options {\n        innkeeper::Options { headers: &["authorization"], ..Default::default() }\n    }\n\n    fn get(',
    ),
  },
  go: {
    file: 'service.go',
    change: replacing(
      'eventsourced.Evolve(added))',
      'eventsourced.Evolve(added)).With(innkeeper.Options{Headers: []string{"authorization"}})',
    ),
  },
  swift: {
    file: 'Sources/Service/Service.swift',
    change: replacing('.eventSourced(Counter())', '.eventSourced(Counter(), Options(headers: ["authorization"]))'),
  },
  c: {
    file: 'src/service.c',
    change: replacing(
      'COUNTER_EVENT_SOURCED(counter_value)',
      'COUNTER_EVENT_SOURCED(counter_value, .headers = IK_HEADERS("authorization"))',
    ),
  },
}

for (const [language, { file, change }] of Object.entries(listings)) {
  const name = `${language}: authorization among the headers is a mistake of the project`
  mkdirSync(join(root, 'guests/build'), { recursive: true })
  // As deep as the guest itself, whose files name others relative to it.
  const folder = mkdtempSync(join(root, `guests/build/served-${language}-`))
  try {
    cpSync(join(root, 'guests/counter', language), folder, {
      recursive: true,
      filter: (path) => !/\/(build|target|\.build)$/.test(path),
    })
    writeFileSync(join(folder, file), change(readFileSync(join(folder, file), 'utf8')))
    const outcome = await buildProject(folder).then(
      () => 'it was built',
      (error: unknown) => error,
    )
    if (outcome instanceof MissingTool) skip(Served, name, outcome.message)
    else
      Served(name, () => {
        assert.instance(outcome, BuildError, String(outcome))
        const { problems } = outcome as BuildError
        assert.equal(
          problems.map(({ message }) => message),
          [`examples.counter.v1.Counter: ${credentialProblem('authorization')}`],
        )
      })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

Served.run()

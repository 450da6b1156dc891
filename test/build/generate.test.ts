// Guards the folder of generated code: names that stay legal, files that come and go.
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { writeGenerated } from '../../sdk/build/codegen/write.ts'
import { compileProtos } from '../../sdk/build/descriptors.ts'
import { generateAssemblyScript } from '../../sdk/build/languages/assemblyscript/code.ts'
import { generateC } from '../../sdk/build/languages/c/code.ts'
import { generateGo } from '../../sdk/build/languages/go/code.ts'
import { generateSwift } from '../../sdk/build/languages/swift/code.ts'
import { generate } from '../../sdk/build/languages/typescript/code.ts'
import { protos } from '../support/protos.ts'

const proto = fileURLToPath(new URL('../../guests/proto', import.meta.url))
const Generate = suite('generate')

async function modules(...files: string[]): Promise<ReadonlyMap<string, string>> {
  const project = { directory: proto, name: 'x', language: 'typescript', proto, files, entry: '', gen: '' } as const
  const { schema } = await compileProtos(project)
  return new Map(generate(schema, files).map(({ path, text }) => [path, text]))
}

Generate('generate.F1: only files that a service reaches are generated', async () => {
  assert.equal([...(await modules('counter.proto')).keys()], ['counter.ts'])
  assert.equal([...(await modules('orders.proto')).keys()].sort(), ['cart.ts', 'google/protobuf/empty.ts', 'orders.ts'])
})

Generate('generate.F2: the same schema has the same text, in whatever order its files are named', async () => {
  const [once, again] = [await modules('orders.proto', 'counter.proto'), await modules('counter.proto', 'orders.proto')]
  assert.equal(Object.fromEntries(once), Object.fromEntries(again))
})

Generate('generate.F3, §watch-1: a method that the host answers is in no language', async () => {
  const proto = `syntax = "proto3";
    package w.v1;
    import "innkeeper/options.proto";
    message Key { string id = 1 [(innkeeper.entity_key) = true]; }
    message Kept { string text = 1; }
    service Keeps {
      rpc Peruse(Key) returns (Kept);
      rpc Observe(Key) returns (stream Kept) { option (innkeeper.method) = { watch: "Peruse" }; }
    }`
  const { schema } = await protos({ 'w.proto': proto })
  const none = new Uint8Array()
  const texts = {
    typescript: generate(schema, ['w.proto']),
    go: generateGo(schema, ['w.proto'], 'gen'),
    assemblyscript: generateAssemblyScript(schema, ['w.proto']),
    c: generateC(schema, ['w.proto'], none),
    swift: generateSwift(schema, ['w.proto'], none),
  }
  for (const [language, files] of Object.entries(texts)) {
    const text = files.map((file) => file.text).join()
    assert.match(text, /peruse/i, language)
    assert.not.match(text, /observe/i, language)
  }
  // What does not stream is what these kinds are made of.
  assert.match(texts.assemblyscript.map(({ text }) => text).join(), 'KeepsEventSourced')
  assert.match(texts.swift.map(({ text }) => text).join(), 'KeepsEventSourced')
})

Generate('a method that streams says so, and a message of another file is imported once', async () => {
  const orders = (await modules('orders.proto')).get('orders.ts')!
  assert.match(orders, /place: \$\.method\('Place', PlaceRequest, Order\),/)
  assert.match(orders, /import: \$\.method\('Import', AddItemRequest\$\d+, Summary, 'clientStream'\),/)
  assert.match(orders, /watch: .*, 'serverStream'\),/)
  assert.match(orders, /echo: .*, 'bidi'\),/)
  assert.not.match(orders, /import type .*LineItem/)
})

Generate('a method says whose answers it hears, in TypeScript', async () => {
  const proto = `syntax = "proto3";
    package a.v1;
    import "google/rpc/status.proto";
    import "innkeeper/options.proto";
    message One { string id = 1 [(innkeeper.entity_key) = true]; }
    message Two { string text = 1; }
    message Answer { oneof outcome { Two reply = 1; google.rpc.Status failure = 2; } One note = 3; }
    service Asks {
      rpc Ask(One) returns (Two);
      rpc Hear(Answer) returns (Two) { option (innkeeper.method) = { answers: "a.v1.Asks/Ask" }; }
    }`
  const { schema } = await protos({ 'a.proto': proto })
  const [{ text } = { text: '' }] = generate(schema, ['a.proto'])
  assert.match(text, "ask: $.method('Ask', One, Two, 'unary', ['id']),")
  assert.match(text, "hear: $.method('Hear', Answer, Two, 'unary', [], 'a.v1.Asks/Ask'),")
})

Generate('a method knows the fields of its request that name the entity, in TypeScript and in Go', async () => {
  const keys = `syntax = "proto3";
    package k.v1;
    import "innkeeper/options.proto";
    enum Mood { CALM = 0; MERRY = 1; }
    message One { string user_id = 1 [(innkeeper.entity_key) = true]; string text = 2; }
    message Three {
      Mood mood = 1 [(innkeeper.entity_key) = true];
      optional int64 n = 2 [(innkeeper.entity_key) = true];
      bytes raw = 3 [(innkeeper.entity_key) = true];
    }
    service Keys { rpc Do(One) returns (Three); rpc Tell(Three) returns (stream One); rpc Hear(stream One) returns (One); }`
  const { schema } = await protos({ 'k.proto': keys })
  const [typeScript] = generate(schema, ['k.proto'])
  assert.match(typeScript!.text, "do: $.method('Do', One, Three, 'unary', ['userId']),")
  assert.match(typeScript!.text, "tell: $.method('Tell', Three, One, 'serverStream', ['mood', 'n', 'raw']),")
  assert.match(typeScript!.text, "hear: $.method('Hear', One, One, 'clientStream'),")
  const go = generateGo(schema, ['k.proto'], 'gen')
    .map(({ text }) => text)
    .join()
  assert.match(go, 'Metadata: metadata, Entity: request.GetUserId()}')
  assert.match(go, 'Entity: wire.Key(int32(request.GetMood()), request.GetN(), request.GetRaw())}')
})

Generate("events may come from a file that the service's file imports", async () => {
  const orders = (await modules('orders.proto')).get('orders.ts')!
  assert.match(orders, /ItemAdded: ItemAdded\$\d+/)
})

Generate(
  "write.W1, write.W2: what did not change is left alone, what is gone is taken away, what is the author's stays",
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'innkeeper-gen-'))
    try {
      await writeFile(join(folder, 'mine.ts'), 'mine')
      await writeGenerated(folder, [
        { path: 'a.ts', text: 'a' },
        { path: 'b/c.ts', text: 'c' },
      ])
      const { mtimeMs } = await stat(join(folder, 'a.ts'))
      await writeGenerated(folder, [{ path: 'a.ts', text: 'a' }])
      assert.is((await stat(join(folder, 'a.ts'))).mtimeMs, mtimeMs)
      assert.equal((await readdir(folder)).sort(), ['.files.json', 'a.ts', 'b', 'mine.ts'])
      assert.equal(await readdir(join(folder, 'b')), [])
    } finally {
      await rm(folder, { recursive: true })
    }
  },
)

Generate.run()

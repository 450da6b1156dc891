// Components that are nothing but names and HTTP rules: each answers every call with an empty message.

import { sizes } from '../../host/guest/layout.ts'
import { guestComponent } from './hostile.ts'
import { protos } from './protos.ts'

/** `post: "/a/{id}"`, as in a .proto. */
export type RuleText = string

/** Methods by name, each with its rules; a method without any has the generated one. */
export type Ruled = Readonly<Record<string, readonly RuleText[]>>

/** `ruled.v1.<name>`, by name: the event-sourced services of one component. */
export async function ruled(services: Readonly<Record<string, Ruled>>, persistenceId = ''): Promise<Uint8Array> {
  const text = Object.entries(services).map(
    ([name, methods]) =>
      `service ${name} { ${Object.entries(methods)
        .map(([method, rules]) => rpc(method, rules))
        .join('\n')} }`,
  )
  const { bytes } = await protos({
    'ruled.proto': `syntax = "proto3"; package ruled.v1;
      import "google/api/annotations.proto"; import "innkeeper/options.proto";
      message In { string id = 1 [(innkeeper.entity_key) = true]; string b = 2; string c = 3; int64 amount = 4; }
      message Out { string id = 1; }
      ${text.join('\n')}`,
  })
  return component(
    bytes,
    Object.keys(services).map((name) => `ruled.v1.${name}`),
    persistenceId,
  )
}

function rpc(method: string, rules: readonly RuleText[]): string {
  if (rules.length === 0) return `rpc ${method}(In) returns (Out);`
  const [first, ...more] = rules
  const all = [first, ...more.map((rule) => `additional_bindings { ${rule} }`)].join(' ')
  return `rpc ${method}(In) returns (Out) { option (google.api.http) = { ${all} }; }`
}

/** Layouts: host/guest/layout.ts. */
async function component(
  descriptors: Uint8Array,
  names: readonly string[],
  persistenceId: string,
): Promise<Uint8Array> {
  const [about, services, texts, files] = [262_144, 262_400, 270_000, 280_000]
  const parts: string[] = []
  const data = (at: number, bytes: Uint8Array) =>
    parts.push(
      `(data (i32.const ${at}) "${[...bytes].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('')}")`,
    )
  const words = (...values: readonly number[]) => new Uint8Array(Uint32Array.from(values).buffer)
  data(about, words(0, 0, 0, 0, services, names.length, files, descriptors.length))
  let text = texts
  const put = (value: string): readonly [at: number, length: number] => {
    const bytes = Buffer.from(value)
    const at = text
    data(at, bytes)
    text += bytes.length
    return [at, bytes.length]
  }
  for (const [index, name] of names.entries()) {
    const id = persistenceId === '' ? [0, 0, 0] : [1, ...put(persistenceId)]
    data(services + index * sizes.service, words(...put(name), 0, ...id))
  }
  data(files, descriptors)
  return await guestComponent({
    memory: '(memory (export "memory") 64)',
    describe: `(i32.const ${about})`,
    fields: parts.join('\n'),
  })
}
